/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base_size.c -- sizes as people write and read them
 */
#include <check.h>
#include <errno.h>
#include <stdint.h>

#include "base/size.h"

Suite *suite_base_size(void);

static const struct {
	const char *text;
	uint64_t bytes;
} good[] = {
	{ "0", 0 }, { "4096", 4096 }, { "4096B", 4096 }, { "64K", 65536 }, { "64k", 65536 },
	{ "64KB", 65536 }, { "64KiB", 65536 }, { "1M", 1 << 20 }, { "1MiB", 1 << 20 },
	{ "1G", 1 << 30 }, { "2T", UINT64_C(2) << 40 }, { "3P", UINT64_C(3) << 50 },
	{ "15E", UINT64_C(15) << 60 }, { "18446744073709551615", UINT64_MAX },
};

static const char *const bad[] = {
	"", " 1", "1 ", "-1", "+1", "K", "1X", "1KK", "1Ki", "1.5G", "0x10", "1KiBs", "1iB",
};

static const char *const huge[] = {
	"18446744073709551616", "99999999999999999999999", "16E", "16777216T", "18014398509481984K",
};

START_TEST(sizes_with_and_without_suffix_are_read)
{
	uint64_t bytes = 1;

	ck_assert_int_eq(size_parse(good[_i].text, &bytes), 0);
	ck_assert_uint_eq(bytes, good[_i].bytes);
}
END_TEST

START_TEST(what_is_not_a_size_is_refused)
{
	uint64_t bytes = 77;

	ck_assert_int_eq(size_parse(bad[_i], &bytes), -EINVAL);
	ck_assert_uint_eq(bytes, 77);
}
END_TEST

START_TEST(what_does_not_fit_is_out_of_range)
{
	uint64_t bytes = 77;

	ck_assert_int_eq(size_parse(huge[_i], &bytes), -ERANGE);
	ck_assert_uint_eq(bytes, 77);
}
END_TEST

START_TEST(sizes_are_written_short_and_never_rounded_up)
{
	char buf[32];

	ck_assert_str_eq(size_format(0, buf), "0 B");
	ck_assert_str_eq(size_format(1023, buf), "1023 B");
	ck_assert_str_eq(size_format(65536, buf), "64 KiB");
	ck_assert_str_eq(size_format(UINT64_C(3) << 29, buf), "1.50 GiB");
	ck_assert_str_eq(size_format((UINT64_C(1) << 40) - 1, buf), "1023.99 GiB");
	ck_assert_str_eq(size_format(UINT64_MAX, buf), "15.99 EiB");
}
END_TEST

Suite *suite_base_size(void)
{
	Suite *s = suite_create("base_size");
	TCase *tc = tcase_create("size");

	tcase_add_loop_test(tc, sizes_with_and_without_suffix_are_read, 0,
			    (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(tc, what_is_not_a_size_is_refused, 0,
			    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_loop_test(tc, what_does_not_fit_is_out_of_range, 0,
			    (int)(sizeof(huge) / sizeof(huge[0])));
	tcase_add_test(tc, sizes_are_written_short_and_never_rounded_up);
	suite_add_tcase(s, tc);
	return s;
}
