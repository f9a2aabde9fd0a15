// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * flush.c -- what fsync costs, and from which size on a write goes past the caches
 *
 * The threshold table does by hand what store_cached() and store_run() of
 * src/core/write.c do, for sizes on either side of FILE_NT_MIN.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/stage.h"
#include "core/file.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/mapcache.h"
#include "core/space.h"
#include "core/sync.h"
#include "disk/disk.h"
#include "pm/pm.h"
#include "pm/record.h"

#define FILE_BYTES	GIB
#define IMAGE_BYTES	(FILE_BYTES + 256 * MIB)
#define NR_LINES	10
#define BLOCK_LINES	64

struct target { struct stage st; struct inode *ip; uint8_t *at; uint64_t nr; struct walk walk; };

static void target_open(struct target *t, uint64_t bytes)
{
	struct extent ext;

	t->ip = make_file(t->st.root, "data");
	file_open(t->ip);
	write_seq(t->ip, bytes);
	t->walk.state = 88172645463325252;
	MUST(space_extent(t->ip, (lblk_t){ 0 }, &ext));
	t->at = disk_ptr(&t->st.fs->disk, ext.pblk);
	t->nr = ext.len;
	MUST(sync_file(t->ip, 0));
}

static void target_close(struct target *t)
{
	file_release(t->ip);
	inode_put(t->ip, 1);
	stage_close(&t->st);
}

/* -- fsync -------------------------------------------------------------------------- */

/* The lines that one round stores to: bytes of the file. */
struct dirt { uint64_t off[BLOCK_LINES]; size_t nr; };

static void pick_block(struct target *t, struct dirt *d)
{
	uint64_t off = walk_next(&t->walk, t->nr) * DAXFS_BLOCK_SIZE;

	for (d->nr = 0; d->nr < BLOCK_LINES; d->nr++)
		d->off[d->nr] = off + d->nr * DAXFS_LINE;
}

/* In different tenths of the file, so that no two are the same. */
static void pick_lines(struct target *t, struct dirt *d)
{
	uint64_t part = t->nr * BLOCK_LINES / NR_LINES;

	for (d->nr = 0; d->nr < NR_LINES; d->nr++)
		d->off[d->nr] = (d->nr * part + walk_next(&t->walk, part)) * DAXFS_LINE;
}

static void dirty_by_engine(struct target *t, const struct dirt *d)
{
	static const uint8_t line[DAXFS_LINE] = { 1 };

	for (size_t i = 0; i < d->nr; i++)
		MUST(file_write(t->ip, line, sizeof(line), d->off[i], 0));
}

static double sync_by_engine(struct target *t, const struct dirt *d)
{
	dirty_by_engine(t, d);
	double start = now_us();

	MUST(sync_file(t->ip, SYNC_DATA_ONLY));
	return now_us() - start;
}

static double sync_with_times(struct target *t, const struct dirt *d)
{
	dirty_by_engine(t, d);
	atomic_fetch_add(&t->ip->mtime, 1);
	inode_mark_dirty(t->ip, INODE_DIRTY_TIMES);
	double start = now_us();

	MUST(sync_file(t->ip, 0));
	return now_us() - start;
}

static double sync_by_hand(struct target *t, const struct dirt *d)
{
	static const uint8_t line[DAXFS_LINE] = { 2 };

	for (size_t i = 0; i < d->nr; i++)
		pm_store(t->st.rg, t->at + d->off[i], line, sizeof(line));
	double start = now_us();

	for (size_t i = 0; i < d->nr; i++)
		pm_flush(t->st.rg, t->at + d->off[i], DAXFS_LINE);
	pm_fence(t->st.rg);
	return now_us() - start;
}

struct counted { double lines, again; };

/* Lines flushed by a first and by a second fdatasync. */
static struct counted count_lines(struct target *t, void (*pick)(struct target *, struct dirt *))
{
	struct record_counts a, z;
	struct counted c = { 0 };
	struct dirt d;

	pick(t, &d);
	dirty_by_engine(t, &d);
	record_counts(t->st.rg, &a);
	MUST(sync_file(t->ip, SYNC_DATA_ONLY));
	record_counts(t->st.rg, &z);
	c.lines = (double)(z.flush_lines - a.flush_lines);
	MUST(sync_file(t->ip, SYNC_DATA_ONLY));
	record_counts(t->st.rg, &a);
	c.again = (double)(a.flush_lines - z.flush_lines);
	return c;
}

struct fsync_case {
	const char *what, *lines;
	size_t nr;
	void (*pick)(struct target *, struct dirt *);
};

static void fsync_case(const struct bench *b, struct target *t, const struct fsync_case *fc,
		       struct counted c)
{
	struct series engine = { 0 }, times = { 0 }, hand = { 0 };

	for (size_t i = 0; i < bench_pick(b, 501, 101); i++) {
		struct dirt d;

		fc->pick(t, &d);
		series_add(&engine, sync_by_engine(t, &d));
		fc->pick(t, &d);
		series_add(&hand, sync_by_hand(t, &d));
		fc->pick(t, &d);
		series_add(&times, sync_with_times(t, &d));
	}
	double y = series_median(&hand);

	report_row(b->rp, &(struct row){ .what = fc->what, .unit = "us", .value = series_median(&engine),
		   .beside = "pm_flush of the lines, pm_fence", .base = y,
		   .count = { { "us when times are newer, too", series_median(&times) } } });
	report_row(b->rp, &(struct row){ .what = fc->lines, .unit = "lines", .value = c.lines,
		   .judge = JUDGE_EXACT, .target = (double)fc->nr,
		   .count = { { "lines by a second fsync", c.again } } });
}

void bench_fsync(const struct bench *b)
{
	static const struct fsync_case fc[] = {
		{ "fsync of a dirty 4 KiB block", "  lines flushed", BLOCK_LINES, pick_block },
		{ "fsync of 10 dirty lines in 1 GiB", "  lines flushed", NR_LINES, pick_lines },
	};
	struct counted c[2];
	struct target t;

	if (!stage_room(b, fc[0].what, IMAGE_BYTES))
		return;
	stage_record(&t.st, IMAGE_BYTES);
	target_open(&t, FILE_BYTES);
	for (int i = 0; i < 2; i++)
		c[i] = count_lines(&t, fc[i].pick);
	target_close(&t);
	stage_file(&t.st, b, IMAGE_BYTES, false);
	target_open(&t, FILE_BYTES);
	for (int i = 0; i < 2; i++)
		fsync_case(b, &t, &fc[i], c[i]);
	target_close(&t);
}

/* -- cached or non-temporal ---------------------------------------------------------------- */

#define BATCH	64

/* Stores of one size: at random, or in order as a log is written. */
struct stores { size_t n; bool in_order; const uint8_t *buf; uint64_t next; };

/* Where the next store goes: byte of the file, a multiple of the size, so that it stays within a block. */
static uint64_t next_off(struct target *t, struct stores *s)
{
	uint64_t nr = t->nr * DAXFS_BLOCK_SIZE / s->n;

	return (s->in_order ? s->next++ % nr : walk_next(&t->walk, nr)) * s->n;
}

static uint64_t lines_of(uint64_t off, size_t n)
{
	uint64_t skip = off % DAXFS_BLOCK_SIZE / DAXFS_LINE;

	return ~UINT64_C(0) >> (BLOCK_LINES - n / DAXFS_LINE) << skip;
}

/* A store through the caches, its mark, and its part of an fsync for BATCH of them. */
static double cached(struct target *t, struct stores *s)
{
	struct mapcache *mc = mapcache_of(t->ip);
	double start = now_us();

	for (int i = 0; i < BATCH; i++) {
		uint64_t off = next_off(t, s);

		MUST(pm_store_guarded(t->st.rg, t->at + off, s->buf, s->n));
		MUST(mapcache_dirty(mc, off / DAXFS_BLOCK_SIZE, lines_of(off, s->n)));
		inode_mark_dirty(t->ip, INODE_DIRTY_DATA);
	}
	MUST(sync_file(t->ip, SYNC_DATA_ONLY));
	return (now_us() - start) / BATCH;
}

/* The same without the engine. */
static double cached_plain(struct target *t, struct stores *s)
{
	uint8_t *at[BATCH];
	double start = now_us();

	for (int i = 0; i < BATCH; i++) {
		at[i] = t->at + next_off(t, s);
		pm_store(t->st.rg, at[i], s->buf, s->n);
	}
	for (int i = 0; i < BATCH; i++)
		pm_flush(t->st.rg, at[i], s->n);
	pm_fence(t->st.rg);
	return (now_us() - start) / BATCH;
}

static double direct(struct target *t, struct stores *s)
{
	double start = now_us();

	for (int i = 0; i < BATCH; i++) {
		MUST(pm_copy_guarded(t->st.rg, t->at + next_off(t, s), s->buf, s->n));
		pm_fence(t->st.rg);
	}
	return (now_us() - start) / BATCH;
}

/* One size; true when non-temporal is not the dearer. */
static bool threshold_size(const struct bench *b, struct target *t, size_t n, bool in_order)
{
	struct series c = { 0 }, p = { 0 }, d = { 0 };
	uint8_t *buf = must_alloc(1, n);
	struct stores s = { n, in_order, buf, 0 };
	char what[64];

	for (size_t i = 0; i < bench_pick(b, 1001, 201); i++) {
		series_add(&c, cached(t, &s));
		series_add(&d, direct(t, &s));
		series_add(&p, cached_plain(t, &s));
	}
	free(buf);
	double x = series_median(&c), y = series_median(&d);

	snprintf(what, sizeof(what), "store %zu bytes %s, mark, flush later", n,
		 in_order ? "in order" : "at random");
	report_row(b->rp, &(struct row){ .what = what, .unit = "us", .value = x,
		   .beside = "non-temporal + fence", .base = y,
		   .count = { { "us without the engine", series_median(&p) } } });
	return y <= x;
}

static void threshold_table(const struct bench *b, struct target *t, bool in_order)
{
	size_t pays = 0;

	for (size_t n = 64; n <= 4096; n *= 2) {
		bool direct_pays = threshold_size(b, t, n, in_order);

		if (!direct_pays)
			pays = 0;
		else if (!pays)
			pays = n;
	}
	report_row(b->rp, &(struct row){ .what = in_order ? "non-temporal pays in order from" :
		   "non-temporal pays at random from", .unit = "bytes", .value = (double)pays,
		   .beside = "FILE_NT_MIN", .base = FILE_NT_MIN });
}

void bench_threshold(const struct bench *b)
{
	struct target t;

	if (!stage_room(b, "threshold", 256 * MIB))
		return;
	stage_file(&t.st, b, 256 * MIB, false);
	target_open(&t, 128 * MIB);
	threshold_table(b, &t, false);
	threshold_table(b, &t, true);
	target_close(&t);
}
