/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check_acl.c -- the checker's reader of ACLs: it agrees with the engine's, and what it rejects is dropped
 */
#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "check/xacl.h"
#include "check_fixture.h"
#include "core/acl.h"
#include "core/xattr.h"
#include "disk/disk.h"
#include "harness/acl.h"

#define ENTRIES	7
#define SIZE	ACL_SIZE(ENTRIES)

Suite *suite_check_acl(void);

static const uint8_t good[SIZE] = {
	ACL_FORM, ACL_FOR_OWNER(7), ACL_FOR_USER(5, 6), ACL_FOR_USER(6, 4), ACL_FOR_OWN_GROUP(5), ACL_FOR_GROUP(7, 3),
	ACL_FOR_MASK(7), ACL_FOR_OTHERS(1),
};

/* Counts those that both find good, and those that both refuse. */
static unsigned agreed[2];

static void both_say(const uint8_t *acl, size_t size)
{
	bool sound = xacl_sound(acl, size);

	must(sound == (acl_check(acl, size) == 0));
	agreed[sound]++;
}

START_TEST(readers_agree_on_every_changed_byte_and_length)
{
	uint8_t acl[SIZE];

	both_say(good, SIZE);
	ck_assert_uint_eq(agreed[1], 1);
	for (size_t size = 0; size < SIZE; size++)
		both_say(good, size);
	ck_assert_uint_eq(agreed[1], 1);	/* no shorter one */
	memcpy(acl, good, SIZE);
	for (size_t i = 0; i < SIZE; i++) {
		for (unsigned v = 0; v < 256; v++) {
			acl[i] = (uint8_t)v;
			both_say(acl, SIZE);
		}
		acl[i] = good[i];
	}
	ck_assert_uint_gt(agreed[0], 1000);
	ck_assert_uint_gt(agreed[1], 1000);
}
END_TEST

/* Every sentence of up to six entries over all tags. */
START_TEST(readers_agree_on_every_order_of_entries)
{
	static const uint8_t tags[] = { 1, 2, 4, 8, 16, 32 };
	uint8_t acl[ACL_SIZE(6)];

	memset(acl, 0, sizeof(acl));
	acl[0] = 2;
	for (unsigned n = 0; n < 6 * 6 * 6 * 6 * 6 * 6; n++) {
		for (unsigned i = 0, rest = n; i < 6; i++, rest /= 6)
			acl[4 + 8 * i] = tags[rest % 6];
		for (size_t size = 4; size <= sizeof(acl); size += 8)
			both_say(acl, size);
	}
	ck_assert_uint_gt(agreed[0], 100000);
	ck_assert_uint_gt(agreed[1], 100);
}
END_TEST

static void give_acl(const char *name)
{
	struct xattr_set_req rq = { .name = name, .value = good, .size = SIZE };
	struct inode *ip = kf_look("d", "sub");

	ck_assert_int_eq(xattr_set(ip, &rq), 0);
	inode_put(ip, 1);
}

static struct dxattrblk *chain(void)
{
	return kf_block(le64_get(kf_slot_at("d", "sub")->xattr));
}

START_TEST(sound_acls_are_no_finding)
{
	give_acl(ACL_ACCESS_NAME);
	give_acl(ACL_DEFAULT_NAME);
	cf_close(&kf);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_NO), 0);
}
END_TEST

START_TEST(malformed_acl_is_found_and_dropped)
{
	static const char *const names[] = { ACL_ACCESS_NAME, ACL_DEFAULT_NAME };

	give_acl(names[_i]);
	struct dxattrblk *b = chain();
	uint8_t *value = b->data + sizeof(struct dxattr) + strlen(names[_i]);

	cf_close(&kf);
	ck_assert_mem_eq(value, good, SIZE);
	value[4 + 2] = 8;
	b->csum = le32_make(block_csum(b, sizeof(*b), offsetof(struct dxattrblk, csum)));
	kf_repaired("access control list is malformed");
	struct inode *ip = kf_look("d", "sub");

	ck_assert_int_eq(xattr_get(ip, names[_i], NULL, 0), -ENODATA);
	inode_put(ip, 1);
}
END_TEST

Suite *suite_check_acl(void)
{
	Suite *s = suite_create("check_acl");
	TCase *readers = tcase_create("readers"), *repair = kf_case("repair");

	tcase_set_timeout(readers, 60);
	tcase_add_test(readers, readers_agree_on_every_changed_byte_and_length);
	tcase_add_test(readers, readers_agree_on_every_order_of_entries);
	suite_add_tcase(s, readers);
	tcase_add_test(repair, sound_acls_are_no_finding);
	tcase_add_loop_test(repair, malformed_acl_is_found_and_dropped, 0, 2);
	suite_add_tcase(s, repair);
	return s;
}
