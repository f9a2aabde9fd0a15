/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_xattr.c -- extended attributes: setting, listing, limits, refusals, crashes
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "core/xattr.h"
#include "core_fixture.h"

#define VALUE_MAX	DAXFS_XATTR_SIZE_MAX

Suite *suite_core_xattr(void);

static struct cf c;
static struct inode *ip;
static uint8_t big[VALUE_MAX + 1], got[VALUE_MAX + 1];

static void setup(void)
{
	uint64_t seed = 4;

	cf_new(&c, MIB(16), CF_RAM);
	ip = cf_file(c.root, "f");
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)rng(&seed);
}

static void teardown(void)
{
	cf_free(&c);
}

static int set_bytes(struct inode *f, const char *name, size_t size, int flags)
{
	struct xattr_set_req rq = { .name = name, .value = big, .size = size, .flags = flags };

	return xattr_set(f, &rq);
}

static int set(const char *name, const char *value, int flags)
{
	struct xattr_set_req rq = { .name = name, .value = value, .size = strlen(value), .flags = flags };

	return xattr_set(ip, &rq);
}

static bool is(const char *name, const char *value)
{
	char buf[64];
	ssize_t n = xattr_get(ip, name, buf, sizeof(buf));

	return n == (ssize_t)strlen(value) && !memcmp(buf, value, (size_t)n);
}

static bool is_bytes(const char *name, size_t size)
{
	return xattr_get(ip, name, got, sizeof(got)) == (ssize_t)size && !memcmp(got, big, size);
}

static void crash(void)
{
	cf_crash(&c);
	ip = cf_look(c.root, "f");
}

static void remount(void)
{
	inode_put(ip, 1);
	cf_remount(&c);
	ip = cf_look(c.root, "f");
}

/* -- set, get, remove -------------------------------------------------------- */

START_TEST(value_set_is_the_value_got)
{
	ck_assert_int_eq(set("user.a", "one", 0), 0);
	ck_assert_int_eq(set("trusted.b", "two", 0), 0);
	ck_assert_int_eq(set("security.c", "", 0), 0);
	ck_assert(is("user.a", "one") && is("trusted.b", "two"));
	ck_assert(is("security.c", ""));
	ck_assert_int_eq(set("user.a", "another", 0), 0);
	ck_assert(is("user.a", "another") && is("trusted.b", "two"));
}
END_TEST

START_TEST(size_zero_asks_for_the_length)
{
	char buf[2];

	ck_assert_int_eq(set("user.a", "12345", 0), 0);
	ck_assert_int_eq(xattr_get(ip, "user.a", NULL, 0), 5);
	ck_assert_int_eq(xattr_get(ip, "user.a", buf, sizeof(buf)), -ERANGE);
	ck_assert_int_eq(xattr_list(ip, NULL, 0), (int)sizeof("user.a"));
	ck_assert_int_eq(xattr_list(ip, buf, sizeof(buf)), -ERANGE);
}
END_TEST

START_TEST(create_and_replace_look_first)
{
	ck_assert_int_eq(set("user.a", "one", XATTR_REPLACE), -ENODATA);
	ck_assert_int_eq(set("user.a", "one", XATTR_CREATE), 0);
	ck_assert_int_eq(set("user.a", "two", XATTR_CREATE), -EEXIST);
	ck_assert(is("user.a", "one"));
	ck_assert_int_eq(set("user.a", "two", XATTR_REPLACE), 0);
	ck_assert(is("user.a", "two"));
}
END_TEST

START_TEST(removed_attribute_is_gone)
{
	ck_assert_int_eq(set("user.a", "one", 0), 0);
	ck_assert_int_eq(set("user.b", "two", 0), 0);
	ck_assert_int_eq(xattr_remove(ip, "user.a"), 0);
	ck_assert_int_eq(xattr_remove(ip, "user.a"), -ENODATA);
	ck_assert_int_eq(xattr_get(ip, "user.a", got, 10), -ENODATA);
	ck_assert(is("user.b", "two"));
	ck_assert_int_eq(xattr_remove(ip, "user.b"), 0);
	ck_assert_int_eq(xattr_list(ip, NULL, 0), 0);
}
END_TEST

START_TEST(prefix_of_a_name_is_another_name)
{
	ck_assert_int_eq(set("user.ab", "long", 0), 0);
	ck_assert_int_eq(xattr_get(ip, "user.a", got, 10), -ENODATA);
	ck_assert_int_eq(xattr_get(ip, "user.abc", got, 10), -ENODATA);
	ck_assert_int_eq(set("user.a", "short", 0), 0);
	ck_assert(is("user.ab", "long") && is("user.a", "short"));
}
END_TEST

static bool listed(const char *list, ssize_t n, const char *name)
{
	for (const char *p = list; p < list + n; p += strlen(p) + 1)
		if (!strcmp(p, name))
			return true;
	return false;
}

START_TEST(list_names_each_attribute_once)
{
	char list[100];

	ck_assert_int_eq(set("user.a", "1", 0), 0);
	ck_assert_int_eq(set("user.long name", "2", 0), 0);
	ck_assert_int_eq(set("trusted.t", "3", 0), 0);
	ck_assert_int_eq(set("user.a", "4", 0), 0);
	ssize_t want = sizeof("user.a") + sizeof("user.long name") + sizeof("trusted.t");

	ck_assert_int_eq(xattr_list(ip, list, sizeof(list)), want);
	ck_assert_int_eq(xattr_list(ip, list, (size_t)want), want);
	ck_assert_int_eq(xattr_list(ip, list, (size_t)want - 1), -ERANGE);
	ck_assert(listed(list, want, "user.a") && listed(list, want, "user.long name") &&
		  listed(list, want, "trusted.t"));
}
END_TEST

START_TEST(public_list_is_without_trusted_names)
{
	static const char want[] = "user.a\0security.c";
	char list[64];

	ck_assert_int_eq(set("user.a", "one", 0), 0);
	ck_assert_int_eq(set("trusted.b", "two", 0), 0);
	ck_assert_int_eq(set("security.c", "three", 0), 0);
	ck_assert_int_eq(xattr_list_public(ip, NULL, 0), (int)sizeof(want));
	ck_assert_int_eq(xattr_list_public(ip, list, sizeof(want)), (int)sizeof(want));
	ck_assert_mem_eq(list, want, sizeof(want));
	ck_assert_int_eq(xattr_list_public(ip, list, sizeof(want) - 1), -ERANGE);
}
END_TEST

/* -- limits ------------------------------------------------------------------ */

START_TEST(value_of_64_kib_lives_and_one_byte_more_is_refused)
{
	ck_assert_int_eq(set_bytes(ip, "user.big", VALUE_MAX, 0), 0);
	ck_assert_int_eq(set_bytes(ip, "user.big", VALUE_MAX + 1, 0), -E2BIG);
	ck_assert(is_bytes("user.big", VALUE_MAX));
	crash();
	ck_assert(is_bytes("user.big", VALUE_MAX));
}
END_TEST

START_TEST(values_of_every_size_around_a_block_survive)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 4000, 4016, 4017, 4018, 4032, 4033, 4096, 8064, 8065 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_int_eq(set_bytes(ip, "user.v", sizes[i], 0), 0);
		ck_assert(is_bytes("user.v", sizes[i]));
		ck_assert_uint_eq(cf_stat(ip).blocks, (8 + 6 + sizes[i] + 4031) / 4032);
	}
	crash();
	ck_assert(is_bytes("user.v", 8065));
}
END_TEST

START_TEST(name_of_255_bytes_lives_and_256_or_none_is_out_of_range)
{
	char name[257] = "user.";

	memset(name + 5, 'n', 250);
	ck_assert_int_eq(set(name, "v", 0), 0);
	ck_assert(is(name, "v"));
	name[255] = 'n';
	ck_assert_int_eq(set(name, "v", 0), -ERANGE);
	ck_assert_int_eq(xattr_get(ip, name, got, 10), -ERANGE);
	ck_assert_int_eq(xattr_remove(ip, name), -ERANGE);
	ck_assert_int_eq(set("", "v", 0), -ERANGE);
	ck_assert_int_eq(xattr_get(ip, "", got, 10), -ERANGE);
}
END_TEST

START_TEST(names_need_a_known_prefix_and_something_behind_it)
{
	ck_assert_int_eq(set("other.a", "v", 0), -EOPNOTSUPP);
	ck_assert_int_eq(set("user", "v", 0), -EOPNOTSUPP);
	ck_assert_int_eq(set("user.", "v", 0), -EINVAL);
	ck_assert_int_eq(xattr_get(ip, "trusted.", got, 10), -EINVAL);
	ck_assert_int_eq(xattr_remove(ip, "security."), -EINVAL);
	ck_assert_int_eq(set("plain", "v", 0), -EOPNOTSUPP);
	ck_assert_int_eq(set("system.a", "v", 0), -EOPNOTSUPP);
	ck_assert_int_eq(xattr_get(ip, "other.a", got, 10), -EOPNOTSUPP);
	ck_assert_int_eq(xattr_remove(ip, "other.a"), -EOPNOTSUPP);
	ck_assert_int_eq(xattr_list(ip, NULL, 0), 0);
}
END_TEST

START_TEST(user_attributes_are_for_files_and_directories)
{
	struct create_req rq = { .mode = S_IFLNK | 0777, .target = "t", .cred = cf_root };
	struct inode *fifo = cf_make(c.root, "p", S_IFIFO | 0600), *dir = cf_dir(c.root, "d"), *link;

	ck_assert_int_eq(namei_create(c.root, cf_name("l"), &rq, &link), 0);
	ck_assert_int_eq(set_bytes(fifo, "user.a", 3, 0), -EPERM);
	ck_assert_int_eq(set_bytes(link, "user.a", 3, 0), -EPERM);
	ck_assert_int_eq(set_bytes(link, "trusted.a", 3, 0), 0);
	ck_assert_int_eq(set_bytes(fifo, "security.a", 3, 0), 0);
	ck_assert_int_eq(set_bytes(dir, "user.a", 3, 0), 0);
	ck_assert_int_eq(xattr_get(dir, "user.a", got, 10), 3);
	inode_put(fifo, 1);
	inode_put(link, 1);
	inode_put(dir, 1);
}
END_TEST

/* 1 MiB of attributes is the most; what does not fit changes nothing. */
START_TEST(attributes_of_an_inode_are_bounded)
{
	char name[16];
	unsigned n = 0;
	int err;

	do {
		snprintf(name, sizeof(name), "user.%u", n);
		err = set_bytes(ip, name, VALUE_MAX, 0);
		n += !err;
	} while (!err);
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_uint_eq(n, 15);
	uint64_t blocks = cf_stat(ip).blocks;

	ck_assert_int_eq(set_bytes(ip, "user.0", VALUE_MAX, XATTR_REPLACE), 0);
	ck_assert_int_eq(xattr_get(ip, name, got, sizeof(got)), -ENODATA);
	ck_assert_uint_eq(cf_stat(ip).blocks, blocks);
	crash();
	ck_assert(is_bytes("user.14", VALUE_MAX));
	ck_assert(!fs_rdonly(c.fs));
}
END_TEST

START_TEST(set_without_space_changes_nothing)
{
	struct inode *filler = cf_file(c.root, "filler");

	ck_assert_int_eq(set("user.a", "one", 0), 0);
	while (cf_bfree(&c) > 5)
		cf_fill(filler, cf_stat(filler).size, (cf_bfree(&c) > 200 ? 100 : 1) * CF_BLOCK, 'f');
	uint64_t bfree = cf_bfree(&c), blocks = cf_stat(ip).blocks;

	ck_assert_int_eq(set_bytes(ip, "user.a", VALUE_MAX, 0), -ENOSPC);
	ck_assert(is("user.a", "one"));
	ck_assert_uint_eq(cf_bfree(&c), bfree);
	ck_assert_uint_eq(cf_stat(ip).blocks, blocks);
	inode_put(filler, 1);
}
END_TEST

/* -- many -------------------------------------------------------------------- */

#define MANY	400

static void check_many(unsigned from)
{
	char name[32], value[32];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "user.%u", i);
		snprintf(value, sizeof(value), "value %u", i * 7);
		if (i >= from)
			ck_assert(is(name, value));
		else
			ck_assert_int_eq(xattr_get(ip, name, got, 10), -ENODATA);
	}
}

START_TEST(many_attributes_survive_remount_and_crash)
{
	char name[32], value[32];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "user.%u", i);
		snprintf(value, sizeof(value), "value %u", i * 7);
		ck_assert_int_eq(set(name, value, XATTR_CREATE), 0);
	}
	remount();
	check_many(0);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "user.%u", i);
		ck_assert_int_eq(xattr_remove(ip, name), 0);
	}
	crash();
	check_many(100);
}
END_TEST

START_TEST(attributes_of_one_inode_are_not_those_of_another)
{
	struct inode *g = cf_file(c.root, "g");

	ck_assert_int_eq(set("user.a", "one", 0), 0);
	ck_assert_int_eq(set_bytes(g, "user.a", 20, 0), 0);
	ck_assert(is("user.a", "one"));
	ck_assert_int_eq(xattr_remove(g, "user.a"), 0);
	ck_assert(is("user.a", "one"));
	inode_put(g, 1);
}
END_TEST

START_TEST(blocks_of_attributes_come_back)
{
	uint64_t before = cf_bfree(&c);

	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(set_bytes(ip, "user.big", 1000 * i, 0), 0);
	ck_assert_uint_eq(cf_bfree(&c), before - cf_stat(ip).blocks);
	ck_assert_int_eq(xattr_remove(ip, "user.big"), 0);
	ck_assert_uint_eq(cf_bfree(&c), before);
	ck_assert_int_eq(set_bytes(ip, "user.big", VALUE_MAX, 0), 0);
	inode_put(ip, 1);
	ck_assert_int_eq(cf_unlink(c.root, "f"), 0);
	ck_assert_uint_eq(cf_bfree(&c), before);
}
END_TEST

START_TEST(change_of_attributes_moves_ctime_only)
{
	struct iattr was = { .mtime = 1, .ctime = 1 }, now;

	ck_assert_int_eq(attr_set(ip, &was, ATTR_SET_MTIME | ATTR_SET_CTIME), 0);
	ck_assert_int_eq(set("user.a", "one", 0), 0);
	now = cf_stat(ip);
	ck_assert_int_eq(now.mtime, 1);
	ck_assert_int_gt(now.ctime, 1);
}
END_TEST

static TCase *use_case(void)
{
	TCase *tc = cf_case("use", setup, teardown);

	tcase_add_test(tc, value_set_is_the_value_got);
	tcase_add_test(tc, size_zero_asks_for_the_length);
	tcase_add_test(tc, create_and_replace_look_first);
	tcase_add_test(tc, removed_attribute_is_gone);
	tcase_add_test(tc, prefix_of_a_name_is_another_name);
	tcase_add_test(tc, list_names_each_attribute_once);
	tcase_add_test(tc, public_list_is_without_trusted_names);
	tcase_add_test(tc, many_attributes_survive_remount_and_crash);
	tcase_add_test(tc, attributes_of_one_inode_are_not_those_of_another);
	tcase_add_test(tc, blocks_of_attributes_come_back);
	tcase_add_test(tc, change_of_attributes_moves_ctime_only);
	return tc;
}

static TCase *limits_case(void)
{
	TCase *tc = cf_case("limits", setup, teardown);

	tcase_add_test(tc, value_of_64_kib_lives_and_one_byte_more_is_refused);
	tcase_add_test(tc, values_of_every_size_around_a_block_survive);
	tcase_add_test(tc, name_of_255_bytes_lives_and_256_or_none_is_out_of_range);
	tcase_add_test(tc, names_need_a_known_prefix_and_something_behind_it);
	tcase_add_test(tc, user_attributes_are_for_files_and_directories);
	tcase_add_test(tc, attributes_of_an_inode_are_bounded);
	tcase_add_test(tc, set_without_space_changes_nothing);
	return tc;
}

Suite *suite_core_xattr(void)
{
	Suite *s = suite_create("core_xattr");

	suite_add_tcase(s, use_case());
	suite_add_tcase(s, limits_case());
	return s;
}
