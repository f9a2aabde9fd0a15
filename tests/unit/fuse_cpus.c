/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuse_cpus.c -- the kernel's lists of CPUs
 */
#include "fuse/cpus.h"

#include <check.h>
#include <errno.h>

Suite *suite_fuse_cpus(void);

/* @cpus: expected, ended by -1 */
static void means(const char *text, const int *cpus)
{
	cpu_set_t set, expected;

	CPU_ZERO(&expected);
	for (; *cpus >= 0; cpus++)
		CPU_SET((unsigned)*cpus, &expected);
	ck_assert_msg(cpus_parse(text, &set) == 0, "\"%s\" was refused", text);
	ck_assert_msg(CPU_EQUAL(&set, &expected), "\"%s\" was misread", text);
}

START_TEST(lists_are_single_numbers_and_ranges)
{
	means("0\n", (int[]){ 0, -1 });
	means("0-1", (int[]){ 0, 1, -1 });
	means("0-2,5,7-8\n", (int[]){ 0, 1, 2, 5, 7, 8, -1 });
	means("1023", (int[]){ 1023, -1 });
}
END_TEST

START_TEST(what_is_no_list_is_refused)
{
	static const char *const bad[] = { "", "\n", "x", "1-", "-1", "1,", ",1", "1;2", "3-1", " 1", "1-x" };
	cpu_set_t set;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(cpus_parse(bad[i], &set) == -EINVAL, "\"%s\" was accepted", bad[i]);
}
END_TEST

START_TEST(cpus_beyond_the_set_are_out_of_range)
{
	cpu_set_t set;

	ck_assert_int_eq(cpus_parse("0-1024", &set), -ERANGE);
	ck_assert_int_eq(cpus_parse("99999999999999999999", &set), -ERANGE);
}
END_TEST

START_TEST(this_machine_has_some)
{
	cpu_set_t possible, online, both;

	ck_assert_int_eq(cpus_read("possible", &possible), 0);
	ck_assert_int_eq(cpus_read("online", &online), 0);
	CPU_AND(&both, &possible, &online);
	ck_assert(CPU_EQUAL(&both, &online));
	ck_assert_int_ge(CPU_COUNT(&online), 1);
	ck_assert_uint_ge(cpus_end(&possible), cpus_end(&online));
	ck_assert_int_eq(cpus_read("imaginary", &online), -ENOENT);
}
END_TEST

Suite *suite_fuse_cpus(void)
{
	Suite *s = suite_create("fuse_cpus");
	TCase *tc = tcase_create("cpus");

	tcase_add_test(tc, lists_are_single_numbers_and_ranges);
	tcase_add_test(tc, what_is_no_list_is_refused);
	tcase_add_test(tc, cpus_beyond_the_set_are_out_of_range);
	tcase_add_test(tc, this_machine_has_some);
	suite_add_tcase(s, tc);
	return s;
}
