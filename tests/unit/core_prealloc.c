/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_prealloc.c -- what fallocate promised holds on a full filesystem and on fragmented maps;
 * and which files have blocks to grow into, for how long
 */
#include <check.h>
#include <errno.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/balloc.h"
#include "core/file.h"
#include "core/instance.h"
#include "core/pin.h"
#include "core/prealloc.h"
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

/* -- windows where nobody tells who has a file open ---------------------------------------- */

#define MANY	(3 * WINDOWS_KEPT)

static struct inode *file[MANY];

static void setup_no_opens(void)
{
	char name[16];

	cf_new(&c, UINT64_C(64) << 20, CF_RAM);
	cf_close(&c);
	cf_mount(&c, FS_NO_OPENS);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		file[i] = cf_file(c.root, name);
	}
}

static void teardown_no_opens(void)
{
	for (unsigned i = 0; i < MANY; i++)
		put(file[i]);
	ck_assert_int_eq(balloc_check(c.fs->balloc), 0);
	cf_free(&c);
}

/* @nr blocks to the end of a file, one after the other. */
static void append(struct inode *f, uint64_t nr)
{
	for (uint64_t b = cf_stat(f).size / CF_BLOCK; nr; nr--, b++)
		cf_fill(f, b * CF_BLOCK, CF_BLOCK, 'x');
}

static uint64_t window(struct inode *f)
{
	pthread_rwlock_rdlock(&f->lock);
	uint64_t n = prealloc_held(f);

	pthread_rwlock_unlock(&f->lock);
	return n;
}

static unsigned nr_windows(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MANY; i++)
		n += window(file[i]) != 0;
	return n;
}

/* Blocks that the allocator has, window or no window. */
static uint64_t unclaimed(void)
{
	limbo_drain(c.fs, 5000);
	return balloc_nr_free(c.fs->balloc);
}

START_TEST(a_file_that_goes_on_has_a_window_until_it_expires)
{
	uint64_t before = unclaimed();

	append(file[0], 1);
	ck_assert_uint_eq(window(file[0]), 0);
	append(file[0], 1);
	ck_assert_uint_ge(window(file[0]), 1);
	ck_assert_uint_eq(unclaimed(), before - 2 - window(file[0]));
	prealloc_expire(c.fs);
	ck_assert_uint_eq(window(file[0]), 0);
	ck_assert_uint_eq(unclaimed(), before - 2);
	append(file[0], 1);
	ck_assert_uint_ge(window(file[0]), 1);
}
END_TEST

START_TEST(free_space_is_told_without_windows)
{
	uint64_t before = cf_bfree(&c);

	append(file[0], 100);
	ck_assert_uint_eq(cf_bfree(&c), before - 100);
	ck_assert_uint_eq(window(file[0]), 0);
}
END_TEST

START_TEST(only_the_files_written_last_keep_a_window)
{
	for (unsigned i = 0; i < MANY; i++)
		append(file[i], 2);
	ck_assert_uint_eq(nr_windows(), WINDOWS_KEPT);
	ck_assert_uint_ne(window(file[MANY - 1]), 0);
	ck_assert_uint_eq(window(file[0]), 0);
}
END_TEST

START_TEST(a_file_in_use_is_not_waited_for)
{
	for (unsigned i = 0; i < WINDOWS_KEPT; i++)
		append(file[i], 2);
	for (unsigned i = 0; i < WINDOWS_KEPT; i++)
		pthread_rwlock_rdlock(&file[i]->lock);
	append(file[WINDOWS_KEPT], 2);
	ck_assert_uint_eq(window(file[WINDOWS_KEPT]), 0);
	for (unsigned i = 0; i < WINDOWS_KEPT; i++)
		pthread_rwlock_unlock(&file[i]->lock);
	append(file[WINDOWS_KEPT], 1);
	ck_assert_uint_ne(window(file[WINDOWS_KEPT]), 0);
}
END_TEST

START_TEST(files_that_grow_in_turn_have_few_extents)
{
	for (unsigned round = 0; round < 64; round++)
		for (unsigned i = 0; i < 4; i++)
			append(file[i], 1);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_le(cf_extents(file[i]), 4);
}
END_TEST

START_TEST(an_inode_that_ends_gives_its_window_back)
{
	uint64_t before = unclaimed();
	char name[16];

	for (unsigned i = 0; i < MANY; i++) {
		append(file[i], 2);
		snprintf(name, sizeof(name), "f%u", i);
		put(file[i]);
		file[i] = cf_look(c.root, name);
		ck_assert_uint_eq(nr_windows(), 0);
	}
	ck_assert_uint_eq(unclaimed(), before - 2 * MANY);
	append(file[0], 1);		/* no place is taken by what has gone */
	append(file[1], 1);
	cf_kill(&c);
	cf_mount(&c, FS_NO_OPENS);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		file[i] = cf_look(c.root, name);
	}
}
END_TEST

START_TEST(an_inode_that_is_claimed_gives_its_window_back)
{
	append(file[0], 2);
	ck_assert_uint_ne(window(file[0]), 0);
	pthread_rwlock_wrlock(&file[0]->lock);
	ck_assert(inode_claim(file[0]));
	ck_assert_uint_eq(prealloc_held(file[0]), 0);
	inode_unclaim(file[0]);
	pthread_rwlock_unlock(&file[0]->lock);
	for (unsigned i = 0; i < WINDOWS_KEPT; i++)
		ck_assert_ptr_null(c.fs->windows.of[i]);
}
END_TEST

START_TEST(a_full_filesystem_takes_all_windows)
{
	uint64_t off = 0;

	for (unsigned i = 1; i < MANY; i++)
		append(file[i], 2);
	for (uint64_t n = 4096; n; n /= 2)
		while (space_fallocate(file[0], 0, off, n * CF_BLOCK) == 0)
			off += n * CF_BLOCK;
	ck_assert_uint_eq(nr_windows(), 0);
	ck_assert_uint_le(unclaimed(), 1);	/* for a node of the map */
}
END_TEST

static atomic_bool done;

static void *grow(void *arg)
{
	const uintptr_t lane = (uintptr_t)arg;

	for (unsigned round = 0; round < 30; round++)
		for (uintptr_t i = lane; i < MANY; i += 3)
			append(file[i], 2);
	return NULL;
}

static void *look(void *arg)
{
	struct fs_stat st;

	while (!atomic_load(&done)) {
		fs_statfs(c.fs, &st);
		for (unsigned i = 0; i < MANY; i++)
			(void)cf_stat(file[i]);
	}
	return arg;
}

START_TEST(many_files_grow_while_free_space_is_asked_for)
{
	pthread_t grower[3], asker;
	uint64_t before = unclaimed();

	atomic_store(&done, false);
	pthread_create(&asker, NULL, look, NULL);
	for (uintptr_t i = 0; i < 3; i++)
		pthread_create(&grower[i], NULL, grow, (void *)i);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(grower[i], NULL);
	atomic_store(&done, true);
	pthread_join(asker, NULL);
	prealloc_expire(c.fs);
	ck_assert_uint_eq(nr_windows(), 0);
	ck_assert_uint_le(before - unclaimed(), MANY * 62);	/* a node for some */
	for (unsigned i = 0; i < MANY; i++)
		ck_assert(cf_is(file[i], 0, 60 * CF_BLOCK, 'x'));
}
END_TEST

/* -- the allocator ------------------------------------------------------------------------- */

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

START_TEST(a_file_that_has_got_large_leaves_a_place_without_whole_chunks)
{
	struct balloc *ba = balloc_open(64 * DAXFS_CHUNK_BLOCKS);
	struct balloc_req rq = { .min = 1, .max = 1 };
	struct run other, small, large;

	ck_assert_ptr_nonnull(ba);
	ck_assert_int_eq(balloc_alloc(ba, &rq, &other), 0);
	rq.max = 32;
	ck_assert_int_eq(balloc_alloc(ba, &rq, &small), 0);
	ck_assert_uint_ne(small.pblk.v % DAXFS_CHUNK_BLOCKS, 0);
	rq = (struct balloc_req){ .goal = small.pblk.v + 32, .min = 1, .max = 512, .phase = 32, .flags = BALLOC_LARGE };
	ck_assert_int_eq(balloc_alloc(ba, &rq, &large), 0);
	ck_assert_uint_eq(large.pblk.v % DAXFS_CHUNK_BLOCKS, 32);

	/* Where it is now, it stays. */
	rq = (struct balloc_req){ .goal = large.pblk.v + 512, .min = 1, .max = 512, .phase = 32 + 512, .flags = BALLOC_LARGE };
	ck_assert_int_eq(balloc_alloc(ba, &rq, &small), 0);
	ck_assert_uint_eq(small.pblk.v, large.pblk.v + 512);
	balloc_close(ba);
}
END_TEST

Suite *suite_core_prealloc(void)
{
	Suite *s = suite_create("core_prealloc");
	TCase *tc = cf_case("files", setup, teardown), *raw = tcase_create("allocator");
	TCase *windows = cf_case("windows", setup_no_opens, teardown_no_opens);

	tcase_add_test(tc, preallocated_space_can_be_written_on_a_full_filesystem);
	tcase_add_test(tc, fallocate_fills_the_holes_of_a_map_of_many_extents);
	tcase_add_test(tc, zero_range_zeroes_a_map_of_many_extents);
	tcase_add_test(tc, fallocate_that_cannot_fit_changes_nothing);
	suite_add_tcase(s, tc);
	tcase_add_test(windows, a_file_that_goes_on_has_a_window_until_it_expires);
	tcase_add_test(windows, free_space_is_told_without_windows);
	tcase_add_test(windows, only_the_files_written_last_keep_a_window);
	tcase_add_test(windows, a_file_in_use_is_not_waited_for);
	tcase_add_test(windows, files_that_grow_in_turn_have_few_extents);
	tcase_add_test(windows, an_inode_that_ends_gives_its_window_back);
	tcase_add_test(windows, an_inode_that_is_claimed_gives_its_window_back);
	tcase_add_test(windows, a_full_filesystem_takes_all_windows);
	tcase_add_test(windows, many_files_grow_while_free_space_is_asked_for);
	suite_add_tcase(s, windows);
	tcase_add_test(raw, freeing_what_nothing_claimed_is_corruption_and_frees_the_rest);
	tcase_add_test(raw, a_file_that_has_got_large_leaves_a_place_without_whole_chunks);
	suite_add_tcase(s, raw);
	return s;
}
