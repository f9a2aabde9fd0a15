/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_sync.c -- fsync and its kin: every dirty line is flushed, once, and no other
 *
 * The recording region tells which lines were stored to and flushed, and what
 * a power cut afterwards leaves.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/sync.h"
#include "core_fixture.h"
#include "pm/record.h"

#define SIZE		MIB(16)
#define FILE_BLOCKS	40
#define NR_FILES	12

Suite *suite_core_sync(void);

static struct cf c;
static struct inode *ip;

/* A file of written, clean blocks. */
static struct inode *clean_file(const char *name, unsigned blocks)
{
	struct inode *f = cf_file(c.root, name);

	cf_fill(f, 0, blocks * CF_BLOCK, 'o');
	must(sync_file(f, 0) == 0);
	return f;
}

static void setup(void)
{
	cf_new(&c, SIZE, CF_RECORD);
	ip = clean_file("f", FILE_BLOCKS);
	record_start(c.rg);
}

static void teardown(void)
{
	record_stop(c.rg);
	cf_free(&c);
}

/* -- counting ---------------------------------------------------------------- */

static uint64_t flushed_lines(void)
{
	struct record_counts n;

	record_counts(c.rg, &n);
	return n.flush_lines;
}

/* Is the byte at @off of the region in one of the file's first @blocks blocks? */
static bool is_data(struct inode *f, unsigned blocks, uint64_t off)
{
	for (unsigned b = 0; b < blocks; b++) {
		uint8_t *at = cf_media(f, b * CF_BLOCK);

		if (at && off / CF_BLOCK == (uint64_t)(at - c.rg->base) / CF_BLOCK)
			return true;
	}
	return false;
}

/* Lines of the file's content that events from @from on flushed. */
static uint64_t data_flushes(struct inode *f, unsigned blocks, size_t from)
{
	uint64_t n = 0;

	for (size_t i = from; i < record_nr(c.rg); i++) {
		const struct record_event *ev = record_get(c.rg, i);
		uint64_t line = ev->off / 64 * 64;

		if (ev->type != REC_FLUSH)
			continue;
		for (; line < ev->off + ev->len; line += 64)
			n += is_data(f, blocks, line);
	}
	return n;
}

static void store_line(struct inode *f, uint64_t line)
{
	cf_write(f, "x", 1, line * 64 + line % 64);
}

static uint64_t dirty_inodes(void)
{
	return cf_statfs(&c).dirty_inodes;
}

/* -- one file ---------------------------------------------------------------- */

/* Scattered over blocks: neighbours, first and last of a block. */
static const uint64_t some_lines[] = { 0, 1, 2, 63, 64, 130, 200, 640, 703, 1000, 1919, 2559 };
#define NR_LINES (sizeof(some_lines) / sizeof(some_lines[0]))

static void store_some_lines(void)
{
	for (size_t i = 0; i < NR_LINES; i++)
		store_line(ip, some_lines[i]);
}

START_TEST(fsync_flushes_exactly_the_stored_lines)
{
	store_some_lines();
	ck_assert_uint_eq(data_flushes(ip, FILE_BLOCKS, 0), 0);
	size_t from = record_nr(c.rg);

	ck_assert_int_eq(sync_file(ip, 0), 0);
	ck_assert_uint_eq(data_flushes(ip, FILE_BLOCKS, from), NR_LINES);
}
END_TEST

START_TEST(fdatasync_flushes_exactly_the_stored_lines_and_nothing_else)
{
	store_some_lines();
	uint64_t before = flushed_lines();

	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	ck_assert_uint_eq(flushed_lines() - before, NR_LINES);
	ck_assert_uint_eq(data_flushes(ip, FILE_BLOCKS, 0), NR_LINES);
}
END_TEST

START_TEST(second_sync_flushes_nothing)
{
	store_some_lines();
	ck_assert_int_eq(sync_file(ip, 0), 0);
	uint64_t before = flushed_lines();

	ck_assert_int_eq(sync_file(ip, 0), 0);
	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	ck_assert_int_eq(sync_fs(c.fs), 0);
	ck_assert_uint_eq(flushed_lines(), before);
}
END_TEST

START_TEST(line_stored_many_times_is_flushed_once)
{
	for (unsigned i = 0; i < 50; i++)
		cf_write(ip, &i, sizeof(i), 4096 + i % 16 * 4);
	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	ck_assert_uint_eq(data_flushes(ip, FILE_BLOCKS, 0), 1);
}
END_TEST

START_TEST(small_write_over_two_lines_dirties_both)
{
	cf_write(ip, "0123456789", 10, 64 * 5 - 5);
	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	ck_assert_uint_eq(data_flushes(ip, FILE_BLOCKS, 0), 2);
}
END_TEST

START_TEST(small_write_over_two_blocks_is_durable_after_fdatasync)
{
	uint8_t *image = malloc(SIZE);

	cf_write(ip, "0123456789", 10, 2 * CF_BLOCK - 5);
	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	record_image(c.rg, record_nr(c.rg), REC_NONE, 0, image);
	ck_assert_mem_eq(image + (cf_media(ip, 2 * CF_BLOCK - 5) - c.rg->base), "01234", 5);
	ck_assert_mem_eq(image + (cf_media(ip, 2 * CF_BLOCK) - c.rg->base), "56789", 5);
	free(image);
}
END_TEST

/* FILE_NT_MIN counts the bytes of each block, not of the call. */
START_TEST(large_writes_leave_nothing_to_flush)
{
	static const size_t sizes[] = { FILE_NT_MIN, 600, 4096, 10000 };

	for (size_t i = 0; i < 4; i++)
		cf_fill(ip, i * 3 * CF_BLOCK, sizes[i], 'n');
	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	ck_assert_uint_eq(data_flushes(ip, FILE_BLOCKS, 0), 0);
}
END_TEST

START_TEST(small_synchronous_writes_leave_nothing_to_flush)
{
	ck_assert_int_eq(file_write(ip, "dsync", 5, 100, FILE_DSYNC), 5);
	ck_assert_int_eq(file_write(ip, "sync", 4, 9000, FILE_SYNC), 4);
	fs_set_flags(c.fs, FS_SYNC);
	cf_write(ip, "mount", 5, 20000);
	uint64_t before = flushed_lines();

	ck_assert_int_eq(sync_file(ip, 0), 0);
	ck_assert_uint_eq(data_flushes(ip, FILE_BLOCKS, 0), 0);
	ck_assert_uint_eq(flushed_lines(), before);
}
END_TEST

START_TEST(a_synchronous_mount_leaves_no_inode_for_the_background_flush)
{
	const struct timespec tick = { .tv_nsec = 20000000 };
	int64_t mtime;

	ck_assert_int_eq(sync_file(ip, 0), 0);
	mtime = cf_stat(ip).mtime;
	fs_set_flags(c.fs, FS_SYNC);
	nanosleep(&tick, NULL);
	cf_write(ip, "times", 5, 100);
	ck_assert_int_gt(cf_stat(ip).mtime, mtime);
	ck_assert_uint_eq(cf_statfs(&c).dirty_inodes, 0);
	mtime = cf_stat(ip).mtime;
	put(ip);
	cf_kill(&c);
	cf_mount(&c, 0);
	ip = cf_look(c.root, "f");
	ck_assert_int_eq(cf_stat(ip).mtime, mtime);
}
END_TEST

/* What sync(2) cannot ask for is done at once; times may wait. */
START_TEST(with_a_synchronous_mount_small_writes_are_on_the_media)
{
	static const unsigned flags[] = { FS_DSYNC, FS_SYNC };

	for (size_t i = 0; i < 2; i++) {
		uint8_t *image = malloc(SIZE);

		put(ip);
		cf_close(&c);
		cf_mount(&c, flags[i]);
		ip = cf_look(c.root, "f");
		record_start(c.rg);
		cf_write(ip, "over", 4, 100 + i);
		cf_write(ip, "across", 6, 2 * CF_BLOCK - 3);
		cf_write(ip, "beyond", 6, FILE_BLOCKS * CF_BLOCK + 100 * i);
		record_image(c.rg, record_nr(c.rg), REC_NONE, 0, image);
		ck_assert_mem_eq(image + (cf_media(ip, 100 + i) - c.rg->base), "over", 4);
		ck_assert_mem_eq(image + (cf_media(ip, 2 * CF_BLOCK - 3) - c.rg->base), "acr", 3);
		ck_assert_mem_eq(image + (cf_media(ip, 2 * CF_BLOCK) - c.rg->base), "oss", 3);
		ck_assert_mem_eq(image + (cf_media(ip, FILE_BLOCKS * CF_BLOCK + 100 * i) - c.rg->base), "beyond", 6);
		ck_assert_uint_eq(data_flushes(ip, FILE_BLOCKS + 1, 0), 0);
		record_stop(c.rg);
		free(image);
	}
	record_start(c.rg);
}
END_TEST

START_TEST(a_write_that_cannot_be_made_durable_says_so)
{
	atomic_store(&c.rg->error, -EIO);
	ck_assert_int_eq(file_write(ip, "later", 5, 0, 0), 5);
	ck_assert_int_eq(file_write(ip, "dsync", 5, 0, FILE_DSYNC), -EIO);
	ck_assert_int_eq(file_write(ip, "sync", 4, 0, FILE_SYNC), -EIO);
	ck_assert_int_eq(sync_file(ip, 0), -EIO);
	atomic_store(&c.rg->error, 0);
}
END_TEST

START_TEST(truncated_lines_are_not_flushed)
{
	store_some_lines();
	ck_assert_int_eq(cf_truncate(ip, CF_BLOCK), 0);
	uint64_t before = flushed_lines();

	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	ck_assert_uint_eq(flushed_lines() - before, 4);	/* lines 0, 1, 2 and 63 */
}
END_TEST

/* As a checksum that does not fit makes it; fs_close() complains then. */
static void damage(void)
{
	struct inode *g = cf_file(c.root, "damaged");
	uint64_t ino = g->ino;
	uint8_t *slot = (uint8_t *)g->slot;

	cf_write(g, "d", 1, 0);		/* with a cache of blocks it is not kept */
	put(g);
	slot[sizeof(struct dinode) - 1] ^= 1;
	quiet();
	ck_assert_int_eq(inode_get(c.fs, ino, &g), -EUCLEAN);
	ck_assert(fs_rdonly(c.fs));
}

START_TEST(what_was_stored_before_an_error_is_flushed_after_it)
{
	struct inode *other = clean_file("other", 1), *last = clean_file("last", 1);

	cf_write(ip, "a", 1, 100);
	cf_write(other, "b", 1, 200);
	cf_write(last, "c", 1, 300);
	damage();
	uint64_t before = flushed_lines();

	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	ck_assert_uint_eq(flushed_lines(), before + 1);
	ck_assert_int_eq(sync_file(ip, 0), -EROFS);	/* the times */
	put(last);
	ck_assert_uint_eq(flushed_lines(), before + 2);
	ck_assert_int_eq(sync_fs(c.fs), -EROFS);
	ck_assert_uint_eq(flushed_lines(), before + 3);
	ck_assert_int_eq(fs_close(c.fs), -EUCLEAN);
	c.fs = NULL;
}
END_TEST

START_TEST(last_reference_flushes_what_is_dirty)
{
	struct inode *f = clean_file("g", 4);
	uint64_t at = (uint64_t)(cf_media(f, 4096) - c.rg->base);
	uint8_t *image = malloc(SIZE);

	cf_write(f, "evict", 5, 4096);
	inode_put(f, 1);
	record_image(c.rg, record_nr(c.rg), REC_NONE, 0, image);
	ck_assert_mem_eq(image + at, "evict", 5);
	ck_assert_uint_eq(dirty_inodes(), 0);
	free(image);
}
END_TEST

/* -- no line twice ----------------------------------------------------------- */

/* Follow the events: each flushed line of @f has been stored to since its last flush. */
static void check_no_double_flush(struct inode *f)
{
	uint8_t *stored = calloc(1, SIZE / 64);

	must(stored);
	for (size_t i = 0; i < record_nr(c.rg); i++) {
		const struct record_event *ev = record_get(c.rg, i);

		if (ev->type == REC_FENCE || !is_data(f, FILE_BLOCKS, ev->off))
			continue;
		for (uint64_t l = ev->off / 64; l * 64 < ev->off + ev->len; l++) {
			must(ev->type != REC_FLUSH || stored[l]);
			stored[l] = ev->type == REC_STORE || ev->type == REC_STORE8;
		}
	}
	free(stored);
}

START_TEST(no_line_is_flushed_twice_without_a_store_between)
{
	uint64_t seed = 11, before = flushed_lines(), stored = 0;

	for (unsigned i = 0; i < 300; i++) {
		store_line(ip, rng(&seed) % (FILE_BLOCKS * 64));
		stored++;
		if (rng(&seed) % 8 == 0)
			ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	}
	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	check_no_double_flush(ip);
	ck_assert_uint_le(flushed_lines() - before, stored);
}
END_TEST

/* -- all files --------------------------------------------------------------- */

static struct inode *files[NR_FILES];

static void make_files(void)
{
	for (unsigned i = 0; i < NR_FILES; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%u", i);
		files[i] = clean_file(name, 3);
	}
	record_start(c.rg);
}

/* Did any event flush the inode's slot or content? */
static bool was_flushed(struct inode *f)
{
	uint64_t slot = (uint64_t)((uint8_t *)f->slot - c.rg->base);

	for (size_t i = 0; i < record_nr(c.rg); i++) {
		const struct record_event *ev = record_get(c.rg, i);

		if (ev->type == REC_FLUSH && ev->off < slot + sizeof(*f->slot) && ev->off + ev->len > slot)
			return true;
	}
	return data_flushes(f, 3, 0) != 0;
}

START_TEST(sync_fs_flushes_every_dirty_inode_and_no_clean_one)
{
	make_files();
	for (unsigned i = 0; i < NR_FILES; i += 3)
		store_line(files[i], i * 10);
	ck_assert_uint_eq(dirty_inodes(), 4);
	ck_assert_int_eq(sync_fs(c.fs), 0);
	ck_assert_uint_eq(dirty_inodes(), 0);
	for (unsigned i = 0; i < NR_FILES; i++) {
		ck_assert_uint_eq(data_flushes(files[i], 3, 0), i % 3 == 0);
		if (i % 3)
			ck_assert(!was_flushed(files[i]));
	}
}
END_TEST

START_TEST(sync_fs_writes_times_of_files_that_were_only_read)
{
	struct iattr before = cf_stat(ip), after;
	char b;

	fs_set_flags(c.fs, FS_STRICTATIME);
	while (cf_stat(ip).atime == before.atime)
		ck_assert_int_eq(file_read(ip, &b, 1, 0), 1);
	int64_t atime = cf_stat(ip).atime;

	ck_assert_uint_ge(dirty_inodes(), 1);
	ck_assert_int_eq(sync_fs(c.fs), 0);
	cf_crash(&c);
	ip = cf_look(c.root, "f");
	after = cf_stat(ip);
	ck_assert_int_eq(after.atime, atime);
}
END_TEST

START_TEST(fsync_makes_times_durable)
{
	struct iattr a;

	do
		store_line(ip, 5);
	while (cf_stat(ip).mtime == cf_stat(c.root).mtime);
	a = cf_stat(ip);
	ck_assert_int_eq(sync_file(ip, 0), 0);
	cf_crash(&c);
	ip = cf_look(c.root, "f");
	ck_assert_int_eq(cf_stat(ip).mtime, a.mtime);
	ck_assert_int_eq(cf_stat(ip).ctime, a.ctime);
}
END_TEST

/* -- after a power cut ------------------------------------------------------- */

/* Mounts what a cut now leaves, with every line lost that may be lost. */
static void mount_image(struct cf *cut)
{
	uint8_t *image = malloc(SIZE);

	must(image);
	record_image(c.rg, record_nr(c.rg), REC_NONE, 0, image);
	cf_image(cut, image, SIZE);
	free(image);
}

START_TEST(synced_bytes_survive_and_unsynced_ones_may_not)
{
	struct cf cut;

	cf_write(ip, "synced", 6, 777);
	ck_assert_int_eq(sync_file(ip, SYNC_DATA_ONLY), 0);
	cf_write(ip, "unsync", 6, 8000);
	mount_image(&cut);
	struct inode *f = cf_look(cut.root, "f");
	char buf[6];

	ck_assert_int_eq(file_read(f, buf, 6, 777), 6);
	ck_assert_mem_eq(buf, "synced", 6);
	ck_assert(cf_is(f, 8000, 6, 'o'));
	inode_put(f, 1);
	cf_free(&cut);
}
END_TEST

START_TEST(large_write_survives_without_sync)
{
	struct cf cut;

	cf_fill(ip, 3000, 5000, 'L');				/* over what is there */
	cf_fill(ip, FILE_BLOCKS * CF_BLOCK + 99, 700, 'G');	/* growing */
	mount_image(&cut);
	struct inode *f = cf_look(cut.root, "f");

	ck_assert(cf_is(f, 3000, 5000, 'L'));
	ck_assert(cf_is(f, FILE_BLOCKS * CF_BLOCK + 99, 700, 'G'));
	ck_assert(cf_is(f, FILE_BLOCKS * CF_BLOCK, 99, 0));
	inode_put(f, 1);
	cf_free(&cut);
}
END_TEST

/* -- threads ----------------------------------------------------------------- */

#define WRITERS		3
#define ROUNDS		250

static atomic_bool stop;

/* Byte @i of the file belongs to writer (i / 7) % WRITERS: writers meet in every line. */
static void *write_small(void *arg)
{
	unsigned who = (unsigned)(uintptr_t)arg;
	uint64_t seed = who + 1;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t at = (rng(&seed) % (8 * CF_BLOCK / 7 / WRITERS) * WRITERS + who) * 7;
		uint64_t v = rng(&seed);

		must(file_write(ip, &v, 7, at, 0) == 7);
	}
	return NULL;
}

static void *sync_often(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop))
		must(sync_file(ip, SYNC_DATA_ONLY) == 0);
	return NULL;
}

static void *sync_all_often(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop))
		must(sync_fs(c.fs) == 0);
	return NULL;
}

static void write_while_syncing(void)
{
	pthread_t writer[WRITERS], a, b;

	must(!pthread_create(&a, NULL, sync_often, NULL) && !pthread_create(&b, NULL, sync_all_often, NULL));
	for (uintptr_t i = 0; i < WRITERS; i++)
		must(!pthread_create(&writer[i], NULL, write_small, (void *)i));
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writer[i], NULL);
	atomic_store(&stop, true);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

START_TEST(nothing_is_lost_when_threads_write_and_others_sync)
{
	static uint8_t want[9 * DAXFS_BLOCK_SIZE], got[sizeof(want)];
	struct cf cut;

	write_while_syncing();
	ck_assert_int_eq(sync_file(ip, 0), 0);
	ck_assert_int_eq(file_read(ip, want, sizeof(want), 0), sizeof(want));
	mount_image(&cut);
	struct inode *f = cf_look(cut.root, "f");

	ck_assert_int_eq(file_read(f, got, sizeof(got), 0), sizeof(got));
	ck_assert_mem_eq(got, want, sizeof(want));
	inode_put(f, 1);
	cf_free(&cut);
}
END_TEST

static void *dirty_many(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	for (unsigned i = 0; i < ROUNDS; i++)
		must(file_write(files[rng(&seed) % NR_FILES], &seed, 8, rng(&seed) % 12000, 0) == 8);
	return NULL;
}

START_TEST(sync_fs_loses_no_inode_that_becomes_dirty_meanwhile)
{
	pthread_t writer[2], syncer;

	make_files();
	must(!pthread_create(&syncer, NULL, sync_all_often, NULL));
	for (uintptr_t i = 0; i < 2; i++)
		must(!pthread_create(&writer[i], NULL, dirty_many, (void *)(i + 5)));
	for (unsigned i = 0; i < 2; i++)
		pthread_join(writer[i], NULL);
	atomic_store(&stop, true);
	pthread_join(syncer, NULL);
	ck_assert_int_eq(sync_fs(c.fs), 0);
	ck_assert_uint_eq(dirty_inodes(), 0);

	uint8_t *image = malloc(SIZE);

	record_image(c.rg, record_nr(c.rg), REC_NONE, 0, image);
	for (unsigned i = 0; i < NR_FILES; i++)
		for (uint64_t off = 0; off < 3 * CF_BLOCK; off += CF_BLOCK) {
			const uint8_t *at = cf_media(files[i], off);

			ck_assert_mem_eq(image + (at - c.rg->base), at, CF_BLOCK);
		}
	free(image);
}
END_TEST

static pthread_barrier_t barrier;

#define BATCHES	400
#define BATCH	40

static void *sync_in_batches(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < BATCHES; i++) {
		pthread_barrier_wait(&barrier);
		for (unsigned k = 0; k < BATCH; k++)
			must(sync_file(ip, SYNC_DATA_ONLY) == 0);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

START_TEST(dirty_inode_is_listed_whenever_a_writer_and_a_flusher_stop)
{
	pthread_t t;

	record_stop(c.rg);
	must(!pthread_barrier_init(&barrier, NULL, 2) && !pthread_create(&t, NULL, sync_in_batches, NULL));
	for (unsigned i = 0; i < BATCHES; i++) {
		pthread_barrier_wait(&barrier);
		for (unsigned k = 0; k < BATCH; k++)
			store_line(ip, k);
		pthread_barrier_wait(&barrier);
		must(!atomic_load(&ip->dirty) || atomic_load(&ip->listed));
	}
	pthread_join(t, NULL);
	pthread_barrier_destroy(&barrier);
}
END_TEST

Suite *suite_core_sync(void)
{
	Suite *s = suite_create("core_sync");
	TCase *tc = cf_case("sync", setup, teardown);

	tcase_add_test(tc, fsync_flushes_exactly_the_stored_lines);
	tcase_add_test(tc, fdatasync_flushes_exactly_the_stored_lines_and_nothing_else);
	tcase_add_test(tc, second_sync_flushes_nothing);
	tcase_add_test(tc, line_stored_many_times_is_flushed_once);
	tcase_add_test(tc, small_write_over_two_lines_dirties_both);
	tcase_add_test(tc, small_write_over_two_blocks_is_durable_after_fdatasync);
	tcase_add_test(tc, large_writes_leave_nothing_to_flush);
	tcase_add_test(tc, small_synchronous_writes_leave_nothing_to_flush);
	tcase_add_test(tc, a_synchronous_mount_leaves_no_inode_for_the_background_flush);
	tcase_add_test(tc, with_a_synchronous_mount_small_writes_are_on_the_media);
	tcase_add_test(tc, a_write_that_cannot_be_made_durable_says_so);
	tcase_add_test(tc, truncated_lines_are_not_flushed);
	tcase_add_test(tc, last_reference_flushes_what_is_dirty);
	tcase_add_test(tc, what_was_stored_before_an_error_is_flushed_after_it);
	tcase_add_test(tc, no_line_is_flushed_twice_without_a_store_between);
	tcase_add_test(tc, sync_fs_flushes_every_dirty_inode_and_no_clean_one);
	tcase_add_test(tc, sync_fs_writes_times_of_files_that_were_only_read);
	tcase_add_test(tc, fsync_makes_times_durable);
	tcase_add_test(tc, synced_bytes_survive_and_unsynced_ones_may_not);
	tcase_add_test(tc, large_write_survives_without_sync);
	tcase_add_test(tc, nothing_is_lost_when_threads_write_and_others_sync);
	tcase_add_test(tc, sync_fs_loses_no_inode_that_becomes_dirty_meanwhile);
	tcase_add_test(tc, dirty_inode_is_listed_whenever_a_writer_and_a_flusher_stop);
	suite_add_tcase(s, tc);
	return s;
}
