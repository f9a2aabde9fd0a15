/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_dinode.c -- inodes: conversion, checker, the inode file
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/dinode.h"
#include "disk/extmap.h"
#include "disk_fixture.h"
#include "pm/pm.h"

#define INO	9

Suite *suite_disk_dinode(void);

static struct fixture fx;

static void setup(void)
{
	fixture_open(&fx, 4096, FIXTURE_RAM);
}

static void teardown(void)
{
	fixture_close(&fx);
}

static struct dinode regular(void)
{
	struct dinode di;

	dinode_init(&di, INO, 3);
	di.mode = le32_make(S_IFREG | 0600);
	di.nlink = le32_make(1);
	di.map.count = le16_make(2);
	di.map.ext[0] = (struct dextent){ le64_make(0), le64_make(fx.data_start), le32_make(5), le32_make(0) };
	di.map.ext[1] = (struct dextent){ le64_make(9), le64_make(fx.data_start + 9), le32_make(1), le32_make(1) };
	dinode_seal(&di);
	return di;
}

static int check(struct dinode *di)
{
	dinode_seal(di);
	return dinode_check(&fx.d, di, INO);
}

START_TEST(attributes_survive_store_and_load)
{
	struct iattr a = {
		.mode = S_IFREG | 04755, .uid = 1, .gid = 2, .nlink = 3, .flags = 2, .gen = 5,
		.size = 6, .blocks = 7, .rdev = 8, .atime = -9, .mtime = INT64_MAX,
		.ctime = INT64_MIN, .btime = 12, .xattr = { 13 },
	}, b;
	struct dinode di;

	dinode_init(&di, INO, 0);
	dinode_store(&di, &a);
	memset(&b, 0, sizeof(b));
	dinode_load(&b, &di);
	ck_assert(memcmp(&a, &b, sizeof(a)) == 0);
}
END_TEST

START_TEST(free_slots_are_well_formed)
{
	struct dinode di;

	memset(&di, 0, sizeof(di));
	ck_assert_int_eq(dinode_check(&fx.d, &di, INO), 0);
	ck_assert(dinode_unused(&di));
	dinode_init(&di, INO, 44);
	ck_assert_int_eq(check(&di), 0);
	ck_assert(dinode_unused(&di));
	ck_assert_int_eq(dinode_check(&fx.d, &di, INO + 1), -EUCLEAN);
}
END_TEST

START_TEST(every_flipped_byte_is_seen)
{
	struct dinode di = regular();
	uint8_t *p = (uint8_t *)&di;

	ck_assert_int_eq(dinode_check(&fx.d, &di, INO), 0);
	for (unsigned i = 0; i < sizeof(di); i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			p[i] ^= (uint8_t)(1 << bit);
			must(dinode_check(&fx.d, &di, INO) == -EUCLEAN);
			p[i] ^= (uint8_t)(1 << bit);
		}
	}
}
END_TEST

#define REFUSED(change) do {						\
	struct dinode di = regular();					\
									\
	change;								\
	ck_assert_msg(check(&di) == -EUCLEAN, "%s", #change);		\
} while (0)

#define TAKEN(change) do {						\
	struct dinode di = regular();					\
									\
	change;								\
	ck_assert_msg(check(&di) == 0, "%s", #change);			\
} while (0)

START_TEST(well_sealed_nonsense_is_refused)
{
	REFUSED(di.mode = le32_make(0644));
	REFUSED(di.mode = le32_make(S_IFREG | 0x10000));
	REFUSED(di.mode = le32_make(0030000));
	REFUSED(di.size = le64_make(UINT64_C(1) << 63));
	REFUSED(di.rdev = le64_make(1));
	REFUSED(di.flags = le32_make(4));
	REFUSED(di.flags = le32_make(DAXFS_INODE_INLINE_LINK));
	REFUSED(di.nlink = le32_make(DAXFS_NLINK_MAX + 1));
	REFUSED(di.blocks = le64_make(5000));
	REFUSED(di.xattr = le64_make(1));
	REFUSED(di.xattr = le64_make(UINT64_MAX));
	REFUSED(di.mode = le32_make(S_IFDIR); di.size = le64_make(100));
	REFUSED(di.mode = le32_make(S_IFIFO));
	REFUSED(di.mode = le32_make(S_IFLNK); di.size = le64_make(0));
	REFUSED(di.mode = le32_make(S_IFLNK); di.size = le64_make(4096));
	REFUSED(di.map.depth = le16_make(7));
	REFUSED(di.map.depth = le16_make(1); di.map.count = le16_make(0));
	REFUSED(di.map.depth = le16_make(1); di.map.count = le16_make(10));
	REFUSED(di.map.count = le16_make(7));
	REFUSED(di.map.rsvd = le32_make(1));
	REFUSED(di.map.ext[1].lblk = le64_make(4));
	REFUSED(di.map.ext[1].len = le32_make(0));
	REFUSED(di.map.ext[1].pblk = le64_make(1));
	REFUSED(di.map.ext[1].pblk = le64_make(4095));
	REFUSED(di.map.ext[1].flags = le32_make(2));
	REFUSED(di.map.ext[1].lblk = le64_make(DAXFS_FILE_BLOCKS_MAX));
	TAKEN(di.size = le64_make(INT64_MAX));
	TAKEN(di.mode = le32_make(S_IFDIR); di.size = le64_make(8192); di.rdev = le64_make(1));
	TAKEN(di.nlink = le32_make(0));
}
END_TEST

START_TEST(inline_links_match_their_length)
{
	struct dinode di;

	dinode_init(&di, INO, 1);
	di.mode = le32_make(S_IFLNK | 0777);
	di.flags = le32_make(DAXFS_INODE_INLINE_LINK);
	memset(di.map.link, 'x', 144);
	di.size = le64_make(144);
	ck_assert_int_eq(check(&di), 0);
	di.size = le64_make(145);
	ck_assert_int_eq(check(&di), -EUCLEAN);
	di.size = le64_make(143);
	ck_assert_int_eq(check(&di), -EUCLEAN);
	di.map.link[143] = '\0';
	ck_assert_int_eq(check(&di), 0);
	di.map.link[5] = '\0';
	ck_assert_int_eq(check(&di), -EUCLEAN);
}
END_TEST

/* -- the inode file --------------------------------------------------------- */

static int extend(pblk_t b, uint64_t n)
{
	struct txn *t = txn_begin(&fx.jn);
	int err = ifile_extend(t, &fx.d, b, n);

	if (err)
		txn_abort(t);
	else
		txn_commit(t);
	return err;
}

START_TEST(the_inode_file_grows_in_both_superblocks)
{
	struct dinode *slot;
	uint64_t n, nr = 0;

	ck_assert_uint_eq(ifile_nr(&fx.d), 0);
	for (unsigned i = 0; i < 200; i++) {
		pblk_t b, gap;

		must(fixture_take(&fx, 3, &b) && fixture_take(&fx, 1, &gap));
		ck_assert_int_eq(extend(b, 3), 0);
		nr += 48;
		ck_assert_uint_eq(ifile_nr(&fx.d), nr);
		ck_assert_int_eq(ifile_map(&fx.d, nr - 48 + 17, &slot, &n), 0);
		ck_assert_ptr_eq(slot, (struct dinode *)disk_ptr(&fx.d, b) + 17);
		ck_assert_uint_eq(n, 31);
		ck_assert(memcmp(&fx.d.super->ifile, &fx.d.copy->ifile, 256) == 0);
		ck_assert_int_eq(dinode_check(&fx.d, &fx.d.super->ifile, 0), 0);
	}
	ck_assert_uint_ge(le16_get(fx.d.super->ifile.map.depth), 1);
	ck_assert_uint_gt(le64_get(fx.d.super->ifile.blocks), 600);
	fx.d.super->ifile.map.idx[0].pblk = le64_make(fx.data_start);
	ck_assert_int_eq(ifile_map(&fx.d, 0, &slot, &n), -EUCLEAN);
}
END_TEST

Suite *suite_disk_dinode(void)
{
	Suite *s = suite_create("disk_dinode");
	TCase *tc = tcase_create("dinode");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, attributes_survive_store_and_load);
	tcase_add_test(tc, free_slots_are_well_formed);
	tcase_add_test(tc, every_flipped_byte_is_seen);
	tcase_add_test(tc, well_sealed_nonsense_is_refused);
	tcase_add_test(tc, inline_links_match_their_length);
	tcase_add_test(tc, the_inode_file_grows_in_both_superblocks);
	suite_add_tcase(s, tc);
	return s;
}
