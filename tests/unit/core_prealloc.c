/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_prealloc.c -- what fallocate promised holds on a full filesystem and on fragmented maps
 */
#include <check.h>
#include <errno.h>
#include <linux/falloc.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/balloc.h"
#include "core/file.h"
#include "core/space.h"
#include "unit/core_fixture.h"

#define BLOCKS	UINT64_C(4000)

Suite *suite_core_prealloc(void);

static struct cf c;
static struct inode *ip;

static void setup(void)
{
	cf_new(&c, UINT64_C(64) << 20, CF_RAM);
	ip = cf_file(c.root, "f");
}

static void teardown(void)
{
	inode_put(ip, 1);
	cf_free(&c);
}

/* Every second block: no two extents join. */
static void write_every_second(uint64_t first, uint64_t end)
{
	for (uint64_t b = first; b < end; b += 2)
		cf_fill(ip, b * CF_BLOCK, CF_BLOCK, 'x');
}

static void use_up_all_space(void)
{
	struct inode *hog = cf_file(c.root, "hog");
	uint64_t off = 0;

	for (uint64_t n = 4096; n; n /= 2)
		while (space_fallocate(hog, 0, off, n * CF_BLOCK) == 0)
			off += n * CF_BLOCK;
	inode_put(hog, 1);
}

START_TEST(preallocated_space_can_be_written_on_a_full_filesystem)
{
	ck_assert_int_eq(space_fallocate(ip, 0, 0, BLOCKS * CF_BLOCK), 0);
	use_up_all_space();
	write_every_second(0, BLOCKS);
	for (uint64_t b = 0; b < BLOCKS; b++)
		ck_assert(cf_is(ip, b * CF_BLOCK, CF_BLOCK, b % 2 ? 0 : 'x'));
}
END_TEST

START_TEST(fallocate_fills_the_holes_of_a_map_of_many_extents)
{
	write_every_second(0, 2 * BLOCKS);
	uint64_t free_before = cf_bfree(&c);

	ck_assert_int_eq(space_fallocate(ip, 0, 0, 2 * BLOCKS * CF_BLOCK), 0);
	ck_assert_uint_le(cf_bfree(&c), free_before - BLOCKS);
	ck_assert_uint_eq(cf_stat(ip).size, 2 * BLOCKS * CF_BLOCK);
	for (uint64_t b = 0; b < 2 * BLOCKS; b += 97)
		ck_assert(cf_is(ip, b * CF_BLOCK, CF_BLOCK, b % 2 ? 0 : 'x'));
}
END_TEST

START_TEST(zero_range_zeroes_a_map_of_many_extents)
{
	uint64_t from = 1000, end = (2 * BLOCKS - 1) * CF_BLOCK - 700;

	write_every_second(0, 2 * BLOCKS);
	ck_assert_int_eq(space_fallocate(ip, FALLOC_FL_ZERO_RANGE, from, end - from), 0);
	ck_assert(cf_is(ip, 0, from, 'x'));
	ck_assert(cf_is(ip, from, end - from, 0));
	ck_assert(cf_is(ip, end, 700, 'x'));
	cf_crash(&c);
	ip = cf_look(c.root, "f");
	ck_assert(cf_is(ip, from, end - from, 0));
}
END_TEST

START_TEST(fallocate_that_cannot_fit_changes_nothing)
{
	write_every_second(0, 2 * BLOCKS);
	struct iattr before = cf_stat(ip);
	uint64_t free_before = cf_bfree(&c);

	ck_assert_int_eq(space_fallocate(ip, 0, 0, UINT64_C(1) << 32), -ENOSPC);
	ck_assert_uint_eq(cf_bfree(&c), free_before);
	ck_assert_uint_eq(cf_stat(ip).blocks, before.blocks);
	ck_assert_uint_eq(cf_stat(ip).size, before.size);
}
END_TEST

static void swallow(enum log_level level, const char *msg, void *arg)
{
	(void)level;
	(void)msg;
	(void)arg;
}

START_TEST(freeing_what_nothing_claimed_is_corruption_and_frees_the_rest)
{
	struct balloc *ba = balloc_open(100000);
	uint64_t clash;

	log_set_sink(swallow, NULL);
	ck_assert_int_eq(balloc_mark(ba, 10, 5, &clash), 0);
	ck_assert_int_eq(balloc_mark(ba, 20, 5, &clash), 0);
	ck_assert_int_eq(balloc_free(ba, 8, 20), -EUCLEAN);
	ck_assert_uint_eq(balloc_nr_free(ba), 100000);
	ck_assert_int_eq(balloc_check(ba), 0);
	log_set_sink(NULL, NULL);
	balloc_close(ba);
}
END_TEST

Suite *suite_core_prealloc(void)
{
	Suite *s = suite_create("core_prealloc");
	TCase *tc = cf_case("files", setup, teardown), *raw = tcase_create("allocator");

	tcase_add_test(tc, preallocated_space_can_be_written_on_a_full_filesystem);
	tcase_add_test(tc, fallocate_fills_the_holes_of_a_map_of_many_extents);
	tcase_add_test(tc, zero_range_zeroes_a_map_of_many_extents);
	tcase_add_test(tc, fallocate_that_cannot_fit_changes_nothing);
	suite_add_tcase(s, tc);
	tcase_add_test(raw, freeing_what_nothing_claimed_is_corruption_and_frees_the_rest);
	suite_add_tcase(s, raw);
	return s;
}
