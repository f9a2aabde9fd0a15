// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * check_repair.c -- each kind of damage is found, repaired, and gone then
 *
 * Every test ends with what was not damaged being as it was.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check_fixture.h"
#include "core/file.h"
#include "core/xattr.h"
#include "pm/record.h"
#include "pm/region.h"

static struct dsuper *primary(void) { return (void *)kf.rg->base; }
static struct dsuper *copy(void) { return (void *)(kf.rg->base + KF_SIZE - CF_BLOCK); }

/* -- superblocks ----------------------------------------------------------------- */

START_TEST(damaged_primary_comes_back_from_the_copy)
{
	cf_close(&kf);
	memset(kf.rg->base, 0, 600);
	kf_repaired("superblock: magic is");
}
END_TEST

START_TEST(damaged_copy_comes_back_from_the_primary)
{
	cf_close(&kf);
	copy()->label[3] ^= 1;
	kf_repaired("copy in block");
	ck_assert_int_eq(memcmp(copy()->uuid, primary()->uuid, 400), 0);
}
END_TEST

START_TEST(both_superblocks_damaged_are_rebuilt_if_the_lanes_agree)
{
	cf_close(&kf);
	primary()->label[0] ^= 1;
	copy()->label[1] ^= 1;
	kf_repaired("lanes confirm");
}
END_TEST

START_TEST(features_are_not_read_from_a_damaged_superblock)
{
	cf_close(&kf);
	primary()->ro_compat.le ^= 4;
	copy()->label[1] ^= 1;
	kf_repaired("lanes confirm");
}
END_TEST

START_TEST(both_superblocks_lost_end_the_check)
{
	const struct check_opts o = { .mode = CHECK_YES };
	struct check_result res;

	cf_close(&kf);
	memset(&primary()->nr_blocks, 0xee, 64);
	memset(&copy()->nr_blocks, 0xee, 64);
	ck_assert_int_eq(check_region(kf.rg, &o, &res), -EUCLEAN);
	ck_assert_uint_eq(res.exit, 8);
}
END_TEST

START_TEST(damaged_state_word_and_snapshot_reference_are_reset)
{
	cf_close(&kf);
	primary()->state.w.le ^= 0x100;
	kf_repaired("state word");
	cf_close(&kf);
	primary()->snap.bytes.le ^= 1;
	kf_repaired("snapshot reference");
}
END_TEST

START_TEST(unknown_features_are_left_alone)
{
	const struct check_opts o = { .mode = CHECK_YES };
	struct check_result res;

	cf_close(&kf);
	primary()->ro_compat = le64_make(1);
	primary()->csum = le32_make(block_csum(primary(), 512, 8));
	ck_assert_int_eq(check_region(kf.rg, &o, &res), -EROFS);
	primary()->incompat = le64_make(1);
	primary()->csum = le32_make(block_csum(primary(), 512, 8));
	ck_assert_int_eq(check_region(kf.rg, &o, &res), -EPROTONOSUPPORT);
	ck_assert_uint_eq(res.exit, 8);
}
END_TEST

/* A filesystem over the first 16 MiB of the device. */
static void make_smaller(struct region *rg)
{
	const struct fs_format_opts o = { .region = rg, .size = MIB(16) };
	struct fs_format_result res;

	must(fs_format(&o, &res) == 0);
}

START_TEST(copy_of_an_older_larger_filesystem_is_not_taken)
{
	static uint8_t old[4096], uuid[16];

	cf_close(&kf);
	memcpy(old, copy(), sizeof(old));
	make_smaller(kf.rg);
	ck_assert_uint_eq(le64_get(copy()->magic), 0);		/* mkfs has wiped it */
	memcpy(copy(), old, sizeof(old));
	memcpy(uuid, primary()->uuid, sizeof(uuid));
	primary()->label[5] ^= 1;
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_PREEN), 1);
	ck_assert_mem_eq(primary()->uuid, uuid, sizeof(uuid));
	ck_assert_uint_eq(le64_get(primary()->nr_blocks), MIB(16) / CF_BLOCK);
	primary()->nr_blocks.le ^= 0x1000000;
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_PREEN), 1);
	ck_assert_mem_eq(primary()->uuid, uuid, sizeof(uuid));
}
END_TEST

START_TEST(copy_of_another_filesystem_is_not_taken_without_a_question)
{
	static uint8_t old[4096];

	cf_close(&kf);
	memcpy(old, copy(), sizeof(old));
	make_smaller(kf.rg);
	memcpy(copy(), old, sizeof(old));
	memset(kf_block(MIB(16) / CF_BLOCK - 1), 0, CF_BLOCK);
	primary()->label[5] ^= 1;
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_PREEN), 4);
	ck_assert_msg(kf_said_that("does not go with"), "%s", kf_said);
}
END_TEST

/* -- journal ---------------------------------------------------------------------- */

START_TEST(damaged_lane_header_is_rebuilt)
{
	cf_close(&kf);
	((struct dlane *)kf_block(le64_get(primary()->journal)))->done.w.le ^= 4;
	kf_repaired("journal lane 0");
}
END_TEST

START_TEST(live_log_is_rolled_back_before_a_repair)
{
	struct region *img;
	struct cf rec;

	cf_new(&rec, MIB(8), CF_RECORD);
	put(cf_file(rec.root, "before"));
	struct dinode *slot = kf_slot(rec.root, "before");
	uint64_t off = (uint64_t)((uint8_t *)slot - rec.rg->base);

	img = kf_live_log(&rec);
	((struct dinode *)(void *)(img->base + off))->nlink = le32_make(7);
	kf_seal((void *)(img->base + off));
	kf_repairs(img);
	cf_free(&rec);
	cf_image(&rec, img->base, MIB(8));
	ck_assert(cf_exists(rec.root, "before") && !cf_exists(rec.root, "during"));
	ck_assert_uint_eq(cf_statfs(&rec).recovered_txns, 0);
	cf_free(&rec);
	region_close(img);
}
END_TEST

/* -- inodes ------------------------------------------------------------------------- */

START_TEST(damaged_but_plausible_inode_keeps_its_content)
{
	struct dinode *di = kf_slot_at("d", "attrs");

	cf_close(&kf);
	di->uid = le32_make(77);
	kf_repaired("checksum is wrong");
	struct inode *ip = kf_look("d", "attrs");
	char value[5000];

	ck_assert_int_eq(xattr_get(ip, "user.a", value, sizeof(value)), 5000);
	put(ip);
}
END_TEST

START_TEST(implausible_inode_is_cleared_and_its_name_goes)
{
	struct dinode *di = kf_slot_at("d", "attrs");

	cf_close(&kf);
	memset(di, 0xdb, 48);
	kf_repaired("nothing in it is plausible");
	ck_assert(!kf_there("d", "attrs"));
}
END_TEST

START_TEST(wrong_counts_are_corrected_by_preen)
{
	struct dinode *di = kf_slot_at("d", "f");

	cf_close(&kf);
	di->nlink = le32_make(9);
	di->blocks = le64_make(99);
	kf_seal(di);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_PREEN), 1);
	ck_assert(kf_said_that("links, says 9") && kf_said_that("blocks, says 99"));
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_NO), 0);
	cf_mount(&kf, 0);
	kf_intact();
}
END_TEST

START_TEST(preen_stops_at_what_loses_something_and_writes_nothing)
{
	struct dinode *bad = kf_slot_at("d", "attrs"), *count = kf_slot_at("d", "f");
	uint8_t *before = malloc(KF_SIZE);

	must(before);
	cf_close(&kf);
	memset(bad, 0xdb, 48);
	count->nlink = le32_make(9);
	kf_seal(count);
	memcpy(before, kf.rg->base, KF_SIZE);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_PREEN), 4);
	ck_assert(kf_said_that("not repaired automatically"));
	must(!memcmp(before, kf.rg->base, KF_SIZE));
	free(before);
}
END_TEST

START_TEST(orphan_of_a_clean_filesystem_is_cleared)
{
	struct inode *d = cf_look(kf.root, "d");
	struct dinode *di = kf_slot_at("d", "fifo");

	ck_assert_int_eq(cf_unlink(d, "l"), 0);
	put(d);
	cf_close(&kf);
	di->nlink = le32_make(0);
	kf_seal(di);
	kf_repaired("links, says 0");		/* it has a name */
	ck_assert(kf_there("d", "fifo"));
}
END_TEST

/* -- maps ------------------------------------------------------------------------------ */

START_TEST(damaged_node_keeps_its_entries)
{
	struct dinode *di = kf_slot(kf.root, "deep");
	struct dextnode *node = kf_block(le64_get(di->map.idx[0].pblk));

	cf_close(&kf);
	ck_assert_uint_gt(le16_get(di->map.depth), 1);
	node->csum.le ^= 1;
	kf_repaired("extent node");
	struct inode *ip = cf_look(kf.root, "deep");

	ck_assert_uint_eq(cf_extents(ip), 1700);
	ck_assert(cf_is(ip, 1000 * 2 * CF_BLOCK, 100, 's'));
	put(ip);
}
END_TEST

START_TEST(lost_node_leaves_a_hole_and_the_rest)
{
	struct dinode *di = kf_slot(kf.root, "deep");
	struct dextnode *top = kf_block(le64_get(di->map.idx[0].pblk));
	void *leaf = kf_block(le64_get(top->idx[0].pblk));

	cf_close(&kf);
	memset(leaf, 0x5a, 4096);
	kf_repaired("extent node");
	struct inode *ip = cf_look(kf.root, "deep");

	ck_assert_uint_lt(cf_extents(ip), 1700);
	ck_assert_uint_gt(cf_extents(ip), 1500);
	ck_assert(cf_is(ip, 0, 100, 0));
	ck_assert(cf_is(ip, 1699 * 2 * CF_BLOCK, 100, 's'));
	put(ip);
}
END_TEST

START_TEST(symlink_with_a_second_block_keeps_its_target)
{
	struct dinode *l = kf_slot_at("d", "long");
	struct inode *ip = cf_file(kf.root, "donor");
	char target[DAXFS_SYMLINK_MAX + 1];

	cf_fill(ip, 0, 100, 'd');
	uint64_t free_blk = le64_get(((struct dinode *)ip->slot)->map.ext[0].pblk);

	put(ip);
	must(cf_unlink(kf.root, "donor") == 0);
	cf_close(&kf);
	l->map.ext[1] = (struct dextent){ le64_make(1), le64_make(free_blk), le32_make(1), le32_make(DAXFS_EXT_UNWRITTEN) };
	l->map.count = le16_make(2);
	l->blocks = le64_make(2);
	kf_seal(l);
	kf_repaired("more blocks than a symlink has");
	ip = kf_look("d", "long");
	ck_assert_int_eq(namei_readlink(ip, target, sizeof(target)), 300);
	ck_assert_int_eq(target[299], 't');
	put(ip);
}
END_TEST

START_TEST(damaged_attribute_chain_is_dropped_and_its_names_are_said)
{
	struct dinode *di = kf_slot_at("d", "attrs");
	struct dxattrblk *x = kf_block(le64_get(di->xattr));

	cf_close(&kf);
	((struct dxattrblk *)kf_block(le64_get(x->next)))->data[5] ^= 1;
	kf_repaired("extended attributes");
	struct inode *ip = kf_look("d", "attrs");
	char buf[8];

	ck_assert_int_eq(xattr_get(ip, "user.a", buf, 0), -ENODATA);
	put(ip);
}
END_TEST

/* -- the inode file, free space ------------------------------------------------------------------ */

START_TEST(lost_map_of_the_inode_file_is_found_again)
{
	cf_close(&kf);
	memset(&primary()->ifile, 0x11, sizeof(struct dinode));
	memset(&copy()->ifile, 0x11, sizeof(struct dinode));
	kf_repaired("the inode file");
	ck_assert(kf_there("d", "sub") && cf_exists(kf.root, "deep"));
}
END_TEST

START_TEST(damaged_root_of_the_inode_file_comes_from_the_copy)
{
	cf_close(&kf);
	primary()->ifile.size.le ^= 0x1000;
	kf_repaired("the inode file");
	ck_assert_int_eq(memcmp(&primary()->ifile, &copy()->ifile, sizeof(struct dinode)), 0);
}
END_TEST

START_TEST(damaged_snapshot_is_dropped)
{
	cf_close(&kf);
	((uint8_t *)kf_block(le64_get(primary()->snap.start)))[100] ^= 1;
	kf_repaired("snapshot");
	ck_assert(!cf_statfs(&kf).from_snapshot);
}
END_TEST

START_TEST(snapshot_that_forgets_a_block_is_dropped)
{
	struct dsnap *snap;
	struct dsnapchunk *part;

	cf_close(&kf);
	snap = kf_block(le64_get(primary()->snap.start));
	part = (void *)((uint8_t *)(snap + 1) + le64_get(snap->nr_full) * sizeof(struct dsnaprun));
	ck_assert_uint_gt(le64_get(snap->nr_part), 0);
	part->used[0].le ^= 1;
	snap->csum = le32_make(block_csum(snap, le64_get(snap->bytes), offsetof(struct dsnap, csum)));
	kf_repaired("snapshot");
}
END_TEST

/* -- cut short ---------------------------------------------------------------------------------- */

/* A repair of many kinds at once, under the recording backend. */
static void damage_a_lot(void)
{
	struct dinode *attrs = kf_slot_at("d", "attrs"), *f = kf_slot_at("d", "f"), *fifo = kf_slot_at("d", "fifo");
	struct dinode *deep = kf_slot(kf.root, "sparse");
	struct ddirblk *blk;
	struct ddirent *e = kf_record("many", "a-name-of-some-length-7", &blk);

	cf_close(&kf);
	e->rec_len = le16_make(3);
	attrs->gid = le32_make(5);
	memset(fifo, 0xab, 100);
	((struct dextnode *)kf_block(le64_get(deep->map.idx[0].pblk)))->csum.le ^= 8;
	f->nlink = le32_make(1);
	kf_seal(f);
}

START_TEST(repair_cut_short_at_any_moment_is_finished_by_another)
{
	struct region *rec, *img;
	unsigned step;

	damage_a_lot();
	must(region_open_record(&rec, KF_SIZE) == 0 && region_open_ram(&img, KF_SIZE) == 0);
	memcpy(rec->base, kf.rg->base, KF_SIZE);
	record_start(rec);
	ck_assert_uint_eq(kf_exit(rec, CHECK_YES), 1);
	step = 1 + (unsigned)record_nr(rec) / 25;
	for (size_t i = (size_t)_i; i <= record_nr(rec); i += step) {
		record_image(rec, i, (unsigned)(i % 3), i + 1, img->base);
		ck_assert_uint_le(kf_exit(img, CHECK_YES), 1);
		ck_assert_msg(kf_exit(img, CHECK_NO) == 0, "event %zu: %s", i, kf_said);
		memcpy(kf.rg->base, img->base, KF_SIZE);
		cf_mount(&kf, 0);
		kf_intact();
		cf_kill(&kf);
	}
	region_close(rec);
	region_close(img);
}
END_TEST

static TCase *super_case(void)
{
	TCase *tc = kf_case("super");

	tcase_add_test(tc, damaged_primary_comes_back_from_the_copy);
	tcase_add_test(tc, damaged_copy_comes_back_from_the_primary);
	tcase_add_test(tc, both_superblocks_damaged_are_rebuilt_if_the_lanes_agree);
	tcase_add_test(tc, features_are_not_read_from_a_damaged_superblock);
	tcase_add_test(tc, both_superblocks_lost_end_the_check);
	tcase_add_test(tc, damaged_state_word_and_snapshot_reference_are_reset);
	tcase_add_test(tc, unknown_features_are_left_alone);
	tcase_add_test(tc, copy_of_an_older_larger_filesystem_is_not_taken);
	tcase_add_test(tc, copy_of_another_filesystem_is_not_taken_without_a_question);
	tcase_add_test(tc, damaged_lane_header_is_rebuilt);
	tcase_add_test(tc, live_log_is_rolled_back_before_a_repair);
	tcase_add_test(tc, lost_map_of_the_inode_file_is_found_again);
	tcase_add_test(tc, damaged_root_of_the_inode_file_comes_from_the_copy);
	tcase_add_test(tc, damaged_snapshot_is_dropped);
	tcase_add_test(tc, snapshot_that_forgets_a_block_is_dropped);
	return tc;
}

static TCase *inode_case(void)
{
	TCase *tc = kf_case("inode");

	tcase_add_test(tc, damaged_but_plausible_inode_keeps_its_content);
	tcase_add_test(tc, implausible_inode_is_cleared_and_its_name_goes);
	tcase_add_test(tc, wrong_counts_are_corrected_by_preen);
	tcase_add_test(tc, preen_stops_at_what_loses_something_and_writes_nothing);
	tcase_add_test(tc, orphan_of_a_clean_filesystem_is_cleared);
	tcase_add_test(tc, damaged_node_keeps_its_entries);
	tcase_add_test(tc, lost_node_leaves_a_hole_and_the_rest);
	tcase_add_test(tc, symlink_with_a_second_block_keeps_its_target);
	tcase_add_test(tc, damaged_attribute_chain_is_dropped_and_its_names_are_said);
	return tc;
}

static TCase *crash_case(void)
{
	TCase *tc = kf_case("crash");

	tcase_add_loop_test(tc, repair_cut_short_at_any_moment_is_finished_by_another, 0, 2);
	return tc;
}

Suite *suite_check_repair(void);

Suite *suite_check_repair(void)
{
	Suite *s = suite_create("check_repair");

	suite_add_tcase(s, super_case());
	suite_add_tcase(s, inode_case());
	suite_add_tcase(s, crash_case());
	return s;
}
