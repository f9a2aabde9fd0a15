/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base_crc.c -- checksum and name hash are the known ones, on every machine
 */
#include <check.h>
#include <string.h>

#include "base/crc.h"
#include "base/hash.h"

Suite *suite_base_crc(void);

START_TEST(crc32c_is_the_standard_one)
{
	uint8_t zeros[32] = { 0 };

	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283u);
	ck_assert_uint_eq(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aau);	/* RFC 3720 */
	ck_assert_uint_eq(crc32c(0, "", 0), 0);
}
END_TEST

START_TEST(crc32c_continues_over_pieces)
{
	const char *text = "a name that is checksummed in two pieces";
	size_t n = strlen(text);

	for (size_t cut = 0; cut <= n; cut++)
		ck_assert_uint_eq(crc32c(crc32c(0, text, cut), text + cut, n - cut),
				  crc32c(0, text, n));
}
END_TEST

START_TEST(name_hash_depends_on_seed_and_never_changes)
{
	ck_assert_uint_eq(name_hash(0, "", 0), UINT64_C(0x2d06800538d394c2));
	ck_assert_uint_eq(name_hash(1, "name", 4), name_hash(1, "name", 4));
	ck_assert_uint_ne(name_hash(1, "name", 4), name_hash(2, "name", 4));
	ck_assert_uint_ne(name_hash(1, "name", 4), name_hash(1, "nama", 4));
}
END_TEST

Suite *suite_base_crc(void)
{
	Suite *s = suite_create("base_crc");
	TCase *tc = tcase_create("crc");

	tcase_add_test(tc, crc32c_is_the_standard_one);
	tcase_add_test(tc, crc32c_continues_over_pieces);
	tcase_add_test(tc, name_hash_depends_on_seed_and_never_changes);
	suite_add_tcase(s, tc);
	return s;
}
