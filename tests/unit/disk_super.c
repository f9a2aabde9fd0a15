/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_super.c -- superblock: geometry, checker, copy, state word, snapshot reference
 */
#include <errno.h>
#include <string.h>

#include "disk/super.h"
#include "disk_fixture.h"

#define BLOCKS	DAXFS_MIN_BLOCKS

Suite *suite_disk_super(void);

static struct fixture fx;
static char why[160];

static void setup(void)
{
	fixture_open(&fx, BLOCKS, FIXTURE_RAM);
}

static void teardown(void)
{
	fixture_close(&fx);
}

static enum super_error check(void)
{
	return super_check(fx.d.super, 0, BLOCKS, why);
}

static enum super_error check_sealed(void)
{
	fx.d.super->csum = le32_make(block_csum(fx.d.super, 512, 8));
	return check();
}

START_TEST(lanes_grow_with_the_device)
{
	static const struct { uint64_t blocks; uint32_t lanes; } want[] = {
		{ 2048, 2 }, { 65536, 8 }, { 524288, 64 }, { UINT64_C(1) << 40, 64 },
	};
	struct super_geometry g;

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		super_plan(want[i].blocks, &g);
		ck_assert_uint_eq(g.nr_lanes, want[i].lanes);
		ck_assert_uint_eq(g.lane_blocks, 16);
		ck_assert_uint_eq(g.journal, 1);
		ck_assert_uint_eq(g.nr_blocks, want[i].blocks);
	}
}
END_TEST

START_TEST(both_copies_check_and_the_copy_is_found)
{
	ck_assert_int_eq(check(), SUPER_OK);
	ck_assert_int_eq(super_check(fx.d.copy, BLOCKS - 1, BLOCKS, why), SUPER_OK);
	ck_assert_ptr_eq(super_find_copy(fx.rg), fx.d.copy);
	fx.d.copy->label[0] ^= 1;
	ck_assert_ptr_null(super_find_copy(fx.rg));
}
END_TEST

START_TEST(every_flipped_byte_is_seen)
{
	uint8_t *p = (uint8_t *)fx.d.super;

	for (unsigned i = 0; i < 512; i++) {
		p[i] ^= 0x20;
		must(check() == (i < 8 ? SUPER_NOT_DAXFS : SUPER_DAMAGED));
		must(strlen(why) > 0);
		p[i] ^= 0x20;
	}
	ck_assert_int_eq(check(), SUPER_OK);
}
END_TEST

START_TEST(each_reason_has_its_answer)
{
	struct dsuper *sb = fx.d.super, good = *sb;

#define ANSWER(change, answer) do {					\
		change;							\
		ck_assert_msg(check_sealed() == (answer), "%s", #change);	\
		*sb = good;						\
	} while (0)
	ANSWER(sb->version = le32_make(2), SUPER_NEWER);
	ANSWER(sb->version = le32_make(0), SUPER_DAMAGED);
	ANSWER(sb->incompat = le64_make(1), SUPER_NEWER);
	ANSWER(sb->compat = le64_make(1), SUPER_OK);
	ANSWER(sb->ro_compat = le64_make(1), SUPER_OK);
	ANSWER(sb->self = le64_make(1), SUPER_DAMAGED);
	ANSWER(sb->nr_blocks = le64_make(0), SUPER_DAMAGED);
	ANSWER(sb->nr_blocks = le64_make(UINT64_MAX), SUPER_DAMAGED);
	ANSWER(sb->block_shift = le32_make(16), SUPER_DAMAGED);
	ANSWER(sb->inode_shift = le32_make(9), SUPER_DAMAGED);
	ANSWER(sb->journal = le64_make(0), SUPER_DAMAGED);
	ANSWER(sb->journal = le64_make(UINT64_MAX), SUPER_DAMAGED);
	ANSWER(sb->nr_lanes = le32_make(0), SUPER_DAMAGED);
	ANSWER(sb->nr_lanes = le32_make(UINT32_MAX), SUPER_DAMAGED);
	ANSWER(sb->lane_blocks = le32_make(1), SUPER_DAMAGED);
	ANSWER(sb->lane_blocks = le32_make(UINT32_MAX), SUPER_DAMAGED);
	ANSWER(sb->root_ino = le64_make(2), SUPER_DAMAGED);
	ANSWER(sb->nr_devs = le32_make(2), SUPER_DAMAGED);
	ANSWER(sb->nr_blocks = le64_make(BLOCKS + 1);
	       sb->dev[0].nr_blocks = le64_make(BLOCKS + 1), SUPER_TOO_SMALL);
#undef ANSWER
	ck_assert_int_eq(super_check(sb, 0, BLOCKS * 2, why), SUPER_OK);
}
END_TEST

START_TEST(the_state_word_checks_itself)
{
	uint8_t *p = (uint8_t *)&fx.d.super->state;

	ck_assert_int_eq(super_state(&fx.d), DAXFS_STATE_DIRTY);
	super_set_state(&fx.d, DAXFS_STATE_CLEAN);
	ck_assert_int_eq(super_state(&fx.d), DAXFS_STATE_CLEAN);
	for (unsigned i = 0; i < 8; i++) {
		p[i] ^= 0x03;
		must(super_state(&fx.d) == -EUCLEAN);
		p[i] ^= 0x03;
	}
	super_set_state(&fx.d, 3);
	ck_assert_int_eq(super_state(&fx.d), -EUCLEAN);
}
END_TEST

START_TEST(the_snapshot_reference_checks_itself)
{
	uint8_t *p = (uint8_t *)&fx.d.super->snap;
	uint64_t bytes;
	pblk_t at;

	ck_assert_int_eq(super_snap(&fx.d, &at, &bytes), 0);
	super_set_snap(&fx.d, (pblk_t){ 100 }, 12345);
	ck_assert_int_eq(super_snap(&fx.d, &at, &bytes), 1);
	ck_assert(at.v == 100 && bytes == 12345);
	for (unsigned i = 0; i < 20; i++) {
		p[i] ^= 0x40;
		must(super_snap(&fx.d, &at, &bytes) == -EUCLEAN);
		p[i] ^= 0x40;
	}
	super_set_snap(&fx.d, (pblk_t){ 0 }, 0);
	ck_assert_int_eq(super_snap(&fx.d, &at, &bytes), 0);
}
END_TEST

START_TEST(only_data_blocks_are_valid)
{
	uint64_t data = fx.data_start;

	ck_assert(!disk_valid(&fx.d, pblk_make(0, 0), 1));
	ck_assert(!disk_valid(&fx.d, pblk_make(0, 1), 1));
	ck_assert(!disk_valid(&fx.d, pblk_make(0, data - 1), 1));
	ck_assert(disk_valid(&fx.d, pblk_make(0, data), 1));
	ck_assert(!disk_valid(&fx.d, pblk_make(0, data), 0));
	ck_assert(disk_valid(&fx.d, pblk_make(0, data), BLOCKS - 1 - data));
	ck_assert(!disk_valid(&fx.d, pblk_make(0, data), BLOCKS - data));
	ck_assert(!disk_valid(&fx.d, pblk_make(0, data), UINT64_MAX));
	ck_assert(!disk_valid(&fx.d, pblk_make(0, BLOCKS - 1), 1));
	ck_assert(!disk_valid(&fx.d, pblk_make(0, DAXFS_PBLK_NR_MASK), 1));
	ck_assert(!disk_valid(&fx.d, pblk_make(1, data), 1));
}
END_TEST

Suite *suite_disk_super(void)
{
	Suite *s = suite_create("disk_super");
	TCase *tc = tcase_create("super");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lanes_grow_with_the_device);
	tcase_add_test(tc, both_copies_check_and_the_copy_is_found);
	tcase_add_test(tc, every_flipped_byte_is_seen);
	tcase_add_test(tc, each_reason_has_its_answer);
	tcase_add_test(tc, the_state_word_checks_itself);
	tcase_add_test(tc, the_snapshot_reference_checks_itself);
	tcase_add_test(tc, only_data_blocks_are_valid);
	suite_add_tcase(s, tc);
	return s;
}
