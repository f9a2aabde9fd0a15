/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_space.c -- blocks: running out of them, getting them back, where they
 * lie, and that content nobody wrote reads as zero
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/balloc.h"
#include "core/file.h"
#include "core/mapcache.h"
#include "core/space.h"
#include "core_fixture.h"
#include "harness/lanes.h"

#define CHUNK	DAXFS_CHUNK_BLOCKS
#define PUNCH	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

Suite *suite_core_space(void);

static struct cf c;
static struct inode *ip;

static void setup(void)
{
	cf_new(&c, MIB(64), CF_RAM);
	ip = cf_file(c.root, "f");
}

static void setup_big(void)
{
	cf_new(&c, MIB(640), CF_RAM);
	ip = cf_file(c.root, "f");
}

static void teardown(void)
{
	cf_free(&c);
}

/* -- no space ---------------------------------------------------------------- */

/* Takes all blocks but @left. */
static void fill_disk(uint64_t left)
{
	struct inode *f = cf_file(c.root, "filler");

	while (cf_bfree(&c) > left + 600)
		ck_assert_int_eq(space_fallocate(f, 0, cf_stat(f).size, (cf_bfree(&c) - left - 500) * CF_BLOCK), 0);
	while (cf_bfree(&c) > left)
		ck_assert_int_eq(space_fallocate(f, 0, cf_stat(f).size, CF_BLOCK), 0);
	put(f);
}

struct state { struct iattr a; uint64_t bfree; unsigned extents; };

static struct state state_of(struct inode *f)
{
	return (struct state){ cf_stat(f), cf_bfree(&c), cf_extents(f) };
}

static void check_same(const struct state *x, const struct state *y)
{
	ck_assert_uint_eq(x->a.size, y->a.size);
	ck_assert_uint_eq(x->a.blocks, y->a.blocks);
	ck_assert_int_eq(x->a.mtime, y->a.mtime);
	ck_assert_uint_eq(x->bfree, y->bfree);
	ck_assert_uint_eq(x->extents, y->extents);
}

static void check_unchanged(const struct state *before)
{
	struct state now = state_of(ip);

	check_same(before, &now);
	ck_assert(cf_is(ip, 0, 10000, 'c'));
}

static uint8_t *some_bytes(size_t n)
{
	uint8_t *buf = malloc(n);

	must(buf);
	memset(buf, 'N', n);
	return buf;
}

START_TEST(write_without_space_changes_nothing)
{
	uint8_t *buf = some_bytes(MIB(1));

	cf_fill(ip, 0, 10000, 'c');
	fill_disk(20);
	struct state before = state_of(ip);

	ck_assert_int_eq(file_write(ip, buf, MIB(1), 5000, 0), -ENOSPC);
	check_unchanged(&before);
	ck_assert_int_eq(file_write(ip, buf, MIB(1), 0, FILE_APPEND), -ENOSPC);
	check_unchanged(&before);
	ck_assert_int_eq(file_write(ip, buf, MIB(1), MIB(3), FILE_SYNC), -ENOSPC);
	check_unchanged(&before);
	cf_write(ip, buf, 4000, 0);		/* what needs no block still goes */
	free(buf);
}
END_TEST

START_TEST(fallocate_without_space_changes_nothing)
{
	cf_fill(ip, 0, 10000, 'c');
	fill_disk(20);
	struct state before = state_of(ip);

	ck_assert_int_eq(space_fallocate(ip, 0, 0, MIB(1)), -ENOSPC);
	check_unchanged(&before);
	ck_assert_int_eq(space_fallocate(ip, FALLOC_FL_KEEP_SIZE, MIB(1), MIB(1)), -ENOSPC);
	check_unchanged(&before);
	ck_assert_int_eq(space_fallocate(ip, FALLOC_FL_ZERO_RANGE, 0, MIB(1)), -ENOSPC);
	check_unchanged(&before);
}
END_TEST

START_TEST(create_without_space_leaves_no_trace)
{
	struct create_req rq = { .mode = S_IFLNK | 0777, .cred = cf_root };
	char target[500] = "";
	struct inode *out;

	memset(target, 't', sizeof(target) - 1);
	rq.target = target;
	fill_disk(0);
	struct fs_stat before = cf_statfs(&c), after;
	struct state dir = state_of(c.root), now;

	ck_assert_int_eq(namei_create(c.root, cf_name("l"), &rq, &out), -ENOSPC);
	after = cf_statfs(&c);
	now = state_of(c.root);
	ck_assert_uint_eq(after.inodes, before.inodes);
	ck_assert_uint_eq(after.cached_inodes, before.cached_inodes);
	check_same(&dir, &now);
	ck_assert(!cf_exists(c.root, "l"));
}
END_TEST

START_TEST(full_filesystem_can_be_emptied_and_mounted)
{
	cf_fill(ip, 0, 10000, 'c');
	fill_disk(0);
	ck_assert_uint_eq(cf_bfree(&c), 0);
	put(ip);
	cf_remount(&c);		/* nowhere to put a snapshot */
	ip = cf_look(c.root, "f");
	ck_assert(cf_is(ip, 0, 10000, 'c'));
	ck_assert_uint_eq(cf_bfree(&c), 0);
	ck_assert_int_eq(cf_unlink(c.root, "filler"), 0);
	ck_assert_uint_gt(cf_bfree(&c), 10000);
	cf_fill(ip, 0, MIB(4), 'd');
	ck_assert(cf_is(ip, 0, MIB(4), 'd'));
}
END_TEST

START_TEST(blocks_of_unlinked_files_are_there_at_once_when_needed)
{
	uint64_t all = cf_bfree(&c) - 100;

	for (unsigned i = 0; i < 5; i++) {
		put(cf_file(c.root, "big"));
		struct inode *f = cf_look(c.root, "big");

		ck_assert_int_eq(space_fallocate(f, 0, 0, all * CF_BLOCK), 0);
		put(f);
		ck_assert_int_eq(cf_unlink(c.root, "big"), 0);
	}
}
END_TEST

/* -- getting them back ------------------------------------------------------- */

static void make_many(unsigned n)
{
	uint64_t seed = 9;
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		struct inode *f = cf_file(c.root, name);

		for (unsigned k = 0; k < 3; k++)
			cf_fill(f, rng(&seed) % MIB(8), 1 + rng(&seed) % 20000, 'm');
		put(f);
	}
}

static void remove_many(unsigned n)
{
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		ck_assert_int_eq(cf_unlink(c.root, name), 0);
	}
}

START_TEST(free_count_returns_after_deleting_everything)
{
	make_many(100);
	remove_many(100);	/* the directory keeps its blocks: now they exist */
	uint64_t before = cf_bfree(&c);

	for (unsigned i = 0; i < 3; i++) {
		make_many(100);
		ck_assert_uint_lt(cf_bfree(&c), before);
		remove_many(100);
		ck_assert_uint_eq(cf_bfree(&c), before);
	}
	cf_crash(&c);
	ck_assert_uint_eq(cf_bfree(&c), before);
}
END_TEST

START_TEST(truncate_and_punch_give_blocks_back)
{
	uint64_t before = cf_bfree(&c);

	cf_fill(ip, 0, MIB(3), 'x');
	ck_assert_uint_eq(cf_stat(ip).blocks, 768);
	ck_assert_uint_eq(cf_bfree(&c), before - 768);
	ck_assert_int_eq(space_fallocate(ip, PUNCH, 4096 * 10 + 1, 4096 * 5), 0);
	ck_assert_uint_eq(cf_stat(ip).blocks, 764);
	ck_assert_int_eq(cf_truncate(ip, 4097), 0);
	ck_assert_uint_eq(cf_stat(ip).blocks, 2);
	ck_assert_int_eq(cf_truncate(ip, 0), 0);
	ck_assert_uint_eq(cf_stat(ip).blocks, 0);
	ck_assert_uint_eq(cf_bfree(&c), before);
}
END_TEST

START_TEST(map_of_many_extents_gives_its_nodes_back)
{
	uint64_t before = cf_bfree(&c);

	for (unsigned i = 0; i < 2000; i++)
		cf_write(ip, "s", 1, i * 2 * CF_BLOCK);
	ck_assert_uint_ge(cf_extents(ip), 2000);
	ck_assert_uint_eq(cf_bfree(&c), before - cf_stat(ip).blocks);
	ck_assert_uint_gt(cf_stat(ip).blocks, 2000);
	ck_assert_int_eq(cf_truncate(ip, 0), 0);
	ck_assert_uint_eq(cf_bfree(&c), before);
}
END_TEST

START_TEST(fallocate_that_lacks_room_for_the_map_changes_nothing)
{
	struct inode *g = cf_file(c.root, "g");
	const unsigned holes = 2500;

	for (unsigned i = 0; i < holes; i++)
		cf_write(ip, "s", 1, i * 2 * CF_BLOCK);
	ck_assert_int_eq(space_fallocate(g, 0, 0, (cf_bfree(&c) - holes - 5) * CF_BLOCK), 0);
	uint64_t before = cf_bfree(&c), blocks = cf_stat(ip).blocks;

	ck_assert_uint_ge(before, holes);
	ck_assert_int_eq(space_fallocate(ip, 0, 0, 2 * holes * CF_BLOCK), -ENOSPC);
	ck_assert_uint_eq(cf_bfree(&c), before);
	ck_assert_uint_eq(cf_stat(ip).blocks, blocks);
}
END_TEST

START_TEST(preallocated_blocks_come_back_at_the_last_release)
{
	uint64_t before = cf_bfree(&c);

	file_open(ip);
	file_open(ip);
	for (unsigned i = 0; i < 100; i++)
		cf_fill(ip, i * CF_BLOCK, CF_BLOCK, 'p');
	ck_assert_uint_lt(cf_bfree(&c), before - 100);
	file_release(ip);
	ck_assert_uint_lt(cf_bfree(&c), before - 100);
	file_release(ip);
	ck_assert_uint_eq(cf_bfree(&c), before - 100);
	ck_assert_uint_eq(cf_stat(ip).blocks, 100);
}
END_TEST

START_TEST(preallocated_blocks_are_free_after_a_crash_and_taken_when_space_is_short)
{
	struct inode *g = cf_file(c.root, "g");
	uint64_t before = cf_bfree(&c);

	file_open(ip);
	for (unsigned i = 0; i < 200; i++)
		cf_fill(ip, i * CF_BLOCK, CF_BLOCK, 'p');
	ck_assert_uint_lt(cf_bfree(&c), before - 200);
	ck_assert_int_eq(space_fallocate(g, 0, 0, (before - 210) * CF_BLOCK), 0);
	cf_crash(&c);
	ck_assert_uint_le(cf_bfree(&c), 10);
	ip = cf_look(c.root, "f");
	ck_assert(cf_is(ip, 0, 200 * CF_BLOCK, 'p'));
}
END_TEST

START_TEST(fallocate_beyond_the_end_keeps_size_and_blocks)
{
	uint64_t before = cf_bfree(&c);

	ck_assert_int_eq(space_fallocate(ip, FALLOC_FL_KEEP_SIZE, 0, MIB(1)), 0);
	ck_assert_uint_eq(cf_stat(ip).size, 0);
	ck_assert_uint_eq(cf_stat(ip).blocks, 256);
	cf_crash(&c);
	ip = cf_look(c.root, "f");
	ck_assert_uint_eq(cf_bfree(&c), before - 256);
	cf_write(ip, "x", 1, 9000);
	ck_assert(cf_is(ip, 0, 9000, 0));
	ck_assert_int_eq(cf_truncate(ip, cf_stat(ip).size), 0);	/* drops what lies beyond */
	ck_assert_uint_eq(cf_stat(ip).blocks, 3);
}
END_TEST

/* -- where they lie ---------------------------------------------------------- */

static void write_sequentially(uint64_t bytes, uint64_t piece)
{
	uint8_t *buf = some_bytes(piece);

	file_open(ip);
	for (uint64_t at = 0; at < bytes; at += piece)
		cf_write(ip, buf, piece, at);
	file_release(ip);
	free(buf);
}

/* 2 MiB pieces of the file that lie in one aligned 2 MiB of the device. */
static uint64_t aligned_chunks(struct inode *f, uint64_t bytes)
{
	uint64_t n = 0;

	for (uint64_t at = 0; at + MIB(2) <= bytes; at += MIB(2)) {
		uint8_t *first = cf_media(f, at), *last = cf_media(f, at + MIB(2) - CF_BLOCK);

		n += (uint64_t)(first - c.rg->base) % MIB(2) == 0 &&
		     last - first == (ptrdiff_t)(MIB(2) - CF_BLOCK);
	}
	return n;
}

static void check_large(uint64_t bytes)
{
	uint8_t buf[4096];

	ck_assert_uint_le(cf_extents(ip), 8);
	ck_assert_uint_ge(aligned_chunks(ip, bytes), bytes / MIB(2) - 2);
	for (uint64_t at = 0; at < bytes; at += MIB(1))
		ck_assert_int_eq(file_read(ip, buf, sizeof(buf), at), sizeof(buf));
	ck_assert_uint_lt(mapcache_bytes(ip), KIB(64));
}

START_TEST(large_file_written_by_1_mib_has_few_aligned_extents_and_a_small_cache)
{
	write_sequentially(MIB(256), MIB(1));
	check_large(MIB(256));
}
END_TEST

START_TEST(large_file_written_by_64_kib_has_few_aligned_extents_and_a_small_cache)
{
	write_sequentially(MIB(256), KIB(64));
	check_large(MIB(256));
}
END_TEST

START_TEST(fallocated_file_is_one_aligned_extent)
{
	ck_assert_int_eq(space_fallocate(ip, 0, 0, MIB(256)), 0);
	ck_assert_uint_le(cf_extents(ip), 4);
	ck_assert_uint_ge(aligned_chunks(ip, MIB(256)), 127);
}
END_TEST

/* Small files: @n made, every second one removed, twice over. */
static void age(unsigned n)
{
	char name[16];

	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < n; i++) {
			snprintf(name, sizeof(name), "s%u.%u", round, i);
			struct inode *f = cf_file(c.root, name);

			cf_fill(f, 0, 1 + i * 977 % 40000, 's');
			put(f);
		}
		for (unsigned i = 0; i < n; i += 2) {
			snprintf(name, sizeof(name), "s%u.%u", round, i);
			ck_assert_int_eq(cf_unlink(c.root, name), 0);
		}
	}
}

START_TEST(small_files_leave_2_mib_chunks_whole)
{
	uint64_t chunks = cf_chunks(&c), bfree = cf_bfree(&c);

	age(500);
	uint64_t used = bfree - cf_bfree(&c), broken = chunks - cf_chunks(&c);

	/* Chunks begun: no more than the blocks and the holes between them fill. */
	ck_assert_uint_le(broken, used * 2 / CHUNK + 4);
	ck_assert_int_eq(space_fallocate(ip, 0, 0, MIB(100)), 0);
	ck_assert_uint_ge(aligned_chunks(ip, MIB(100)), 48);
}
END_TEST

/* -- zeroes ------------------------------------------------------------------ */

/* The region was full of 0xa5: stale media would show. */

START_TEST(bytes_around_a_write_are_zero)
{
	cf_write(ip, "abc", 3, 5000);
	ck_assert(cf_is(ip, 0, 5000, 0));
	ck_assert_uint_eq(cf_stat(ip).size, 5003);
	ck_assert_int_eq(cf_truncate(ip, 20000), 0);
	ck_assert(cf_is(ip, 5003, 20000 - 5003, 0));
	cf_fill(ip, 30000, 600, 'x');
	ck_assert(cf_is(ip, 5003, 30000 - 5003, 0));
}
END_TEST

START_TEST(preallocated_blocks_read_as_zero_around_every_write)
{
	ck_assert_int_eq(space_fallocate(ip, 0, 0, 40 * CF_BLOCK), 0);
	ck_assert(cf_is(ip, 0, 40 * CF_BLOCK, 0));
	cf_write(ip, "small", 5, 10 * CF_BLOCK + 100);
	cf_fill(ip, 20 * CF_BLOCK - 300, 9000, 'L');
	ck_assert(cf_is(ip, 0, 10 * CF_BLOCK + 100, 0));
	ck_assert(cf_is(ip, 10 * CF_BLOCK + 105, 10 * CF_BLOCK - 405, 0));
	ck_assert(cf_is(ip, 20 * CF_BLOCK - 300, 9000, 'L'));
	ck_assert(cf_is(ip, 20 * CF_BLOCK + 8700, 20 * CF_BLOCK - 8700, 0));
	cf_crash(&c);
	ip = cf_look(c.root, "f");
	ck_assert(cf_is(ip, 20 * CF_BLOCK + 8700, 20 * CF_BLOCK - 8700, 0));
}
END_TEST

/* Every way to grow over a cut: nothing of the old bytes comes back. */
static const struct way { const char *name; int how; } ways[] = {
	{ "truncate", 0 }, { "write", 1 }, { "append", 2 }, { "fallocate", 3 }, { "zero range", 4 },
};
#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

static void grow(int how, uint64_t from)
{
	if (how == 0)
		must(cf_truncate(ip, 60000) == 0);
	else if (how == 1)
		cf_fill(ip, 60000, 100, 'w');
	else if (how == 2)
		must(file_write(ip, "w", 1, 0, FILE_APPEND) == 1);
	else
		must(space_fallocate(ip, how == 4 ? FALLOC_FL_ZERO_RANGE : 0, from + 10, 50000) == 0);
}

START_TEST(growing_after_truncate_shows_zeroes)
{
	static const uint64_t cuts[] = { 1, 63, 64, 4095, 4096, 4097, 12345 };

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		uint64_t cut = cuts[i], from = cut + (ways[_i].how == 2);

		must(cf_truncate(ip, 0) == 0);
		cf_fill(ip, 0, 50000, 'o');
		must(cf_truncate(ip, cut) == 0);
		grow(ways[_i].how, cut);
		must(cf_truncate(ip, 60000) == 0);
		ck_assert(cf_is(ip, 0, cut, 'o'));
		ck_assert(cf_is(ip, from, 60000 - from, 0));
	}
}
END_TEST

START_TEST(growing_after_truncate_and_remount_shows_zeroes)
{
	cf_fill(ip, 0, 50000, 'o');
	ck_assert_int_eq(cf_truncate(ip, 100), 0);
	cf_crash(&c);
	ip = cf_look(c.root, "f");
	grow(ways[_i].how, 100);
	ck_assert_int_eq(cf_truncate(ip, 60000), 0);
	ck_assert(cf_is(ip, 0, 100, 'o'));
	uint64_t from = 100 + (ways[_i].how == 2);

	ck_assert(cf_is(ip, from, 60000 - from, 0));
}
END_TEST

static const struct { uint64_t off, len; } holes[] = {
	{ 0, 1 }, { 10, 100 }, { 4000, 200 }, { 4096, 4096 }, { 100, 20000 }, { 8192, 30000 },
	{ 49000, 5000 }, { 4095, 4098 },
};
#define NR_HOLES (int)(sizeof(holes) / sizeof(holes[0]))

static void check_hole(int mode, uint64_t off, uint64_t len)
{
	uint64_t end = off + len < 50000 ? off + len : 50000;

	cf_fill(ip, 0, 50000, 'o');
	ck_assert_int_eq(space_fallocate(ip, mode, off, len), 0);
	ck_assert_uint_eq(cf_stat(ip).size, 50000);
	ck_assert(cf_is(ip, 0, off, 'o'));
	ck_assert(cf_is(ip, off, end - off, 0));
	ck_assert(cf_is(ip, end, 50000 - end, 'o'));
}

START_TEST(punched_range_is_zero_and_nothing_else)
{
	check_hole(PUNCH, holes[_i].off, holes[_i].len);
}
END_TEST

START_TEST(zeroed_range_is_zero_and_nothing_else)
{
	check_hole(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, holes[_i].off, holes[_i].len);
}
END_TEST

START_TEST(holes_and_data_are_found_by_seek)
{
	cf_fill(ip, 2 * CF_BLOCK, CF_BLOCK, 'd');
	ck_assert_int_eq(space_fallocate(ip, 0, 4 * CF_BLOCK, CF_BLOCK), 0);
	ck_assert_int_eq(cf_truncate(ip, 10 * CF_BLOCK), 0);
	ck_assert_int_eq(space_seek(ip, 0, SEEK_DATA), 2 * (off_t)CF_BLOCK);
	ck_assert_int_eq(space_seek(ip, 0, SEEK_HOLE), 0);
	ck_assert_int_eq(space_seek(ip, 9000, SEEK_HOLE), 3 * (off_t)CF_BLOCK);
	ck_assert_int_eq(space_seek(ip, 3 * (off_t)CF_BLOCK, SEEK_DATA), -ENXIO);
	ck_assert_int_eq(space_seek(ip, 10 * (off_t)CF_BLOCK, SEEK_HOLE), -ENXIO);
	ck_assert_int_eq(space_seek(ip, -1, SEEK_DATA), -ENXIO);
}
END_TEST

/* Lanes of two blocks: no step of a fill leaves room for the next one. */
START_TEST(fallocate_fills_many_holes_through_the_smallest_lanes)
{
	inode_put(ip, 1);
	cf_close(&c);
	lanes_divide(c.rg, 2, 2);
	cf_mount(&c, 0);
	ip = cf_look(c.root, "f");
	for (unsigned i = 0; i < 200; i++)
		cf_write(ip, "s", 1, i * 2 * CF_BLOCK);
	uint64_t nodes = cf_stat(ip).blocks - 200;

	ck_assert_int_eq(space_fallocate(ip, 0, 0, 1000 * CF_BLOCK), 0);
	ck_assert_uint_eq(cf_stat(ip).size, 1000 * CF_BLOCK);
	ck_assert_uint_ge(cf_stat(ip).blocks, 1000);
	ck_assert_uint_le(cf_stat(ip).blocks, 1000 + nodes + 2);
	ck_assert(cf_is(ip, 398 * CF_BLOCK, 1, 's'));
	ck_assert(cf_is(ip, 399 * CF_BLOCK, 601 * CF_BLOCK, 0));
}
END_TEST

START_TEST(fallocate_refuses_what_it_cannot_do)
{
	uint64_t most = DAXFS_FILE_BLOCKS_MAX * CF_BLOCK;

	ck_assert_int_eq(space_fallocate(ip, FALLOC_FL_COLLAPSE_RANGE, 0, 4096), -EOPNOTSUPP);
	ck_assert_int_eq(space_fallocate(ip, FALLOC_FL_PUNCH_HOLE, 0, 4096), -EOPNOTSUPP);
	ck_assert_int_eq(space_fallocate(ip, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(space_fallocate(ip, 0, most, 4096), -EFBIG);
	ck_assert_int_eq(space_fallocate(c.root, 0, 0, 4096), -ENODEV);
	ck_assert_int_eq(cf_truncate(ip, most + 1), -EFBIG);
	ck_assert_int_eq(cf_truncate(c.root, 0), -EISDIR);
	ck_assert_int_eq(file_write(ip, "x", 1, INT64_MAX, 0), -EFBIG);
	ck_assert_int_eq(file_write(c.root, "x", 1, 0, 0), -EISDIR);
}
END_TEST

START_TEST(largest_file_is_sparse_and_readable_at_its_end)
{
	uint64_t most = INT64_MAX;

	cf_write(ip, "end", 3, most - 3);
	ck_assert_uint_eq(cf_stat(ip).size, most);
	ck_assert_uint_le(cf_stat(ip).blocks, 2);
	ck_assert(cf_is(ip, most - 5000, 4997, 0));
	ck_assert_int_eq(cf_truncate(ip, 0), 0);
}
END_TEST

START_TEST(no_way_to_grow_reaches_2_to_the_63)
{
	uint64_t end = UINT64_C(1) << 63;

	ck_assert_int_eq(cf_truncate(ip, end), -EFBIG);
	ck_assert_int_eq(space_fallocate(ip, 0, end - CF_BLOCK, CF_BLOCK), -EFBIG);
	ck_assert_int_eq(cf_truncate(ip, end - 1), 0);
	ck_assert_int_eq(file_write(ip, "x", 1, 0, FILE_APPEND), -EFBIG);
	cf_crash(&c);
	ip = cf_look(c.root, "f");
	ck_assert_uint_eq(cf_stat(ip).size, end - 1);
}
END_TEST

/* -- the allocator by itself ------------------------------------------------- */

#define MODEL_BLOCKS	(200 * 512 + 77)	/* two groups, the last chunk is short */
#define MODEL_RUNS	400

static struct balloc *ba;
static uint8_t *taken;
static uint64_t nr_taken;

static void setup_balloc(void)
{
	quiet();
	ba = balloc_open(MODEL_BLOCKS);
	taken = calloc(1, MODEL_BLOCKS);
	nr_taken = 0;
	must(ba && taken);
}

static void teardown_balloc(void)
{
	balloc_close(ba);
	free(taken);
}

static void model_set(struct run r, uint8_t v)
{
	must(pblk_nr(r.pblk) + r.n <= MODEL_BLOCKS);
	for (uint64_t i = 0; i < r.n; i++) {
		must(taken[r.pblk.v + i] != v);
		taken[r.pblk.v + i] = v;
	}
	nr_taken = v ? nr_taken + r.n : nr_taken - r.n;
}

static uint64_t model_free_chunks(void)
{
	uint64_t n = 0;

	for (uint64_t b = 0; b < MODEL_BLOCKS; b += CHUNK) {
		uint64_t len = MODEL_BLOCKS - b < CHUNK ? MODEL_BLOCKS - b : CHUNK;

		n += !memchr(taken + b, 1, len);
	}
	return n;
}

static void check_model(void)
{
	must(balloc_check(ba) == 0);
	must(balloc_nr_free(ba) == MODEL_BLOCKS - nr_taken);
	must(balloc_nr_free_chunks(ba) == model_free_chunks());
}

static bool model_alloc(uint64_t *seed, struct run *out)
{
	struct balloc_req rq = { .max = 1 + rng(seed) % (rng(seed) % 4 ? 60 : 3000) };

	rq.min = rng(seed) % 2 ? 1 : 1 + rng(seed) % rq.max;
	rq.goal = rng(seed) % 3 ? 0 : rng(seed) % (MODEL_BLOCKS + 10);
	rq.phase = rng(seed) % 2 ? 0 : rng(seed) % 5000;
	rq.flags = rng(seed) % 2 ? BALLOC_LARGE : 0;
	if (balloc_alloc(ba, &rq, out))
		return false;
	must(out->n >= rq.min && out->n <= rq.max);
	model_set(*out, 1);
	return true;
}

/* Gives a run back, or half of it. */
static void model_give(struct run *r, uint64_t *seed)
{
	struct run gone = *r;

	if (r->n > 1 && rng(seed) % 3 == 0) {
		gone.n = r->n / 2;
		r->pblk.v += gone.n;
		r->n -= gone.n;
	} else {
		r->n = 0;
	}
	balloc_free(ba, gone.pblk.v, gone.n);
	model_set(gone, 0);
}

START_TEST(allocator_agrees_with_a_model)
{
	struct run runs[MODEL_RUNS] = { { { 0 }, 0 } };
	uint64_t seed = 100 + (uint64_t)_i;

	for (unsigned step = 0; step < 6000; step++) {
		struct run *r = &runs[rng(&seed) % MODEL_RUNS];

		if (r->n)
			model_give(r, &seed);
		else if (!model_alloc(&seed, r))
			r->n = 0;
		if (step % 200 == 0)
			check_model();
	}
	for (unsigned i = 0; i < MODEL_RUNS; i++)
		while (runs[i].n)
			model_give(&runs[i], &seed);
	check_model();
	ck_assert_uint_eq(balloc_nr_free(ba), MODEL_BLOCKS);
}
END_TEST

START_TEST(allocator_hands_out_every_block_and_then_none)
{
	struct balloc_req rq = { .min = 1, .max = 100000 };
	struct run r;

	while (balloc_nr_free(ba)) {
		ck_assert_int_eq(balloc_alloc(ba, &rq, &r), 0);
		model_set(r, 1);
	}
	check_model();
	ck_assert_int_eq(balloc_alloc(ba, &rq, &r), -ENOSPC);
	balloc_free(ba, 12345, 1);
	ck_assert_int_eq(balloc_alloc(ba, &rq, &r), 0);
	ck_assert_uint_eq(r.pblk.v, 12345);
	ck_assert_uint_eq(r.n, 1);
}
END_TEST

START_TEST(allocator_continues_at_the_goal)
{
	struct balloc_req rq = { .min = 1, .max = 10 };
	struct run a, b;

	ck_assert_int_eq(balloc_alloc(ba, &rq, &a), 0);
	rq.goal = a.pblk.v + a.n;
	ck_assert_int_eq(balloc_alloc(ba, &rq, &b), 0);
	ck_assert_uint_eq(b.pblk.v, rq.goal);
}
END_TEST

START_TEST(large_request_begins_an_untouched_chunk_in_phase)
{
	struct balloc_req small = { .min = 1, .max = 10 };
	struct balloc_req large = { .min = 1, .max = 1500, .phase = 1034, .flags = BALLOC_LARGE };
	struct run r;

	ck_assert_int_eq(balloc_alloc(ba, &small, &r), 0);
	ck_assert_int_eq(balloc_alloc(ba, &large, &r), 0);
	ck_assert_uint_eq(r.pblk.v % CHUNK, 1034 % CHUNK);
	ck_assert_uint_eq(r.n, 1500);
}
END_TEST

START_TEST(marking_a_claimed_block_names_it)
{
	uint64_t clash = 0;

	ck_assert_int_eq(balloc_mark(ba, 1000, 600, &clash), 0);
	ck_assert_int_eq(balloc_mark(ba, 900, 200, &clash), -EUCLEAN);
	ck_assert_uint_eq(clash, 1000);
	ck_assert_uint_eq(balloc_nr_free(ba), MODEL_BLOCKS - 600);
	ck_assert_int_eq(balloc_check(ba), 0);
}
END_TEST

static TCase *full_case(void)
{
	TCase *tc = cf_case("full", setup, teardown);

	tcase_add_test(tc, write_without_space_changes_nothing);
	tcase_add_test(tc, fallocate_without_space_changes_nothing);
	tcase_add_test(tc, create_without_space_leaves_no_trace);
	tcase_add_test(tc, full_filesystem_can_be_emptied_and_mounted);
	tcase_add_test(tc, blocks_of_unlinked_files_are_there_at_once_when_needed);
	tcase_add_test(tc, free_count_returns_after_deleting_everything);
	tcase_add_test(tc, truncate_and_punch_give_blocks_back);
	tcase_add_test(tc, map_of_many_extents_gives_its_nodes_back);
	tcase_add_test(tc, fallocate_that_lacks_room_for_the_map_changes_nothing);
	tcase_add_test(tc, preallocated_blocks_come_back_at_the_last_release);
	tcase_add_test(tc, preallocated_blocks_are_free_after_a_crash_and_taken_when_space_is_short);
	tcase_add_test(tc, fallocate_beyond_the_end_keeps_size_and_blocks);
	return tc;
}

static TCase *layout_case(void)
{
	TCase *tc = cf_case("layout", setup_big, teardown);

	tcase_add_test(tc, large_file_written_by_1_mib_has_few_aligned_extents_and_a_small_cache);
	tcase_add_test(tc, large_file_written_by_64_kib_has_few_aligned_extents_and_a_small_cache);
	tcase_add_test(tc, fallocated_file_is_one_aligned_extent);
	tcase_add_test(tc, small_files_leave_2_mib_chunks_whole);
	return tc;
}

static TCase *zero_case(void)
{
	TCase *tc = cf_case("zero", setup, teardown);

	tcase_add_test(tc, bytes_around_a_write_are_zero);
	tcase_add_test(tc, preallocated_blocks_read_as_zero_around_every_write);
	tcase_add_loop_test(tc, growing_after_truncate_shows_zeroes, 0, (int)NR_WAYS);
	tcase_add_loop_test(tc, growing_after_truncate_and_remount_shows_zeroes, 0, (int)NR_WAYS);
	tcase_add_loop_test(tc, punched_range_is_zero_and_nothing_else, 0, NR_HOLES);
	tcase_add_loop_test(tc, zeroed_range_is_zero_and_nothing_else, 0, NR_HOLES);
	tcase_add_test(tc, holes_and_data_are_found_by_seek);
	tcase_add_test(tc, fallocate_fills_many_holes_through_the_smallest_lanes);
	tcase_add_test(tc, fallocate_refuses_what_it_cannot_do);
	tcase_add_test(tc, largest_file_is_sparse_and_readable_at_its_end);
	tcase_add_test(tc, no_way_to_grow_reaches_2_to_the_63);
	return tc;
}

static TCase *balloc_case(void)
{
	TCase *tc = cf_case("balloc", setup_balloc, teardown_balloc);

	tcase_add_loop_test(tc, allocator_agrees_with_a_model, 0, 4);
	tcase_add_test(tc, allocator_hands_out_every_block_and_then_none);
	tcase_add_test(tc, allocator_continues_at_the_goal);
	tcase_add_test(tc, large_request_begins_an_untouched_chunk_in_phase);
	tcase_add_test(tc, marking_a_claimed_block_names_it);
	return tc;
}

Suite *suite_core_space(void)
{
	Suite *s = suite_create("core_space");

	suite_add_tcase(s, full_case());
	suite_add_tcase(s, layout_case());
	suite_add_tcase(s, zero_case());
	suite_add_tcase(s, balloc_case());
	return s;
}
