// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * io.c -- reading and writing beside memcpy and the non-temporal copy
 *
 * Both sides walk at random over the same part of the same file, which the
 * processor's caches do not hold, with walks of their own so that neither finds what
 * the other has just fetched.
 *
 * The memory is mapped by huge pages where the kernel gives them, as device-DAX and
 * fs-dax map persistent memory.  The rows of blocks are repeated on an image file, which
 * a tmpfs maps by 4 KiB pages: the engine's path is longer than the loop it is compared with,
 * and hides less of the misses in the page tables.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/stage.h"
#include "core/file.h"
#include "core/inode.h"
#include "core/namei.h"
#include "core/pin.h"
#include "core/space.h"
#include "core/instance.h"
#include "disk/disk.h"
#include "pm/pm.h"

#define BATCH	256

/* A file whose longest extent lies at @at. */
struct io {
	struct stage	 st;
	struct inode	*ip;
	uint8_t		*at, *buf;
	uint64_t	 first, nr;	/* file blocks in it */
	size_t		 rounds;
	volatile size_t	 len;		/* the compiler does not know it, as in the engine */
	struct walk	 engine, plain;
};

static void longest_extent(struct io *io)
{
	struct extent ext;

	for (uint64_t l = 0; space_extent(io->ip, (lblk_t){ l }, &ext) == 1; l = ext.lblk.v + ext.len)
		if (ext.len > io->nr) {
			io->first = ext.lblk.v;
			io->nr = ext.len;
			io->at = disk_ptr(&io->st.fs->disk, ext.pblk);
		}
}

static uint64_t file_bytes(const struct bench *b)
{
	return bench_pick(b, 256, 128) * MIB;
}

/* On a stage that is there. */
static void io_open(struct io *io, const struct bench *b)
{
	io->engine.state = 88172645463325252;
	io->plain.state = 2463534242;
	io->ip = make_file(io->st.root, "data");
	file_open(io->ip);
	write_seq(io->ip, file_bytes(b));
	longest_extent(io);
	io->buf = must_alloc(1, MIB);
	memset(io->buf, 'y', MIB);
}

static void io_open_ram(struct io *io, const struct bench *b)
{
	*io = (struct io){ 0 };
	stage_ram(&io->st, 2 * file_bytes(b));
	io_open(io, b);
}

static bool io_open_file(struct io *io, const struct bench *b, const char *what)
{
	if (!stage_room(b, what, 2 * file_bytes(b)))
		return false;
	*io = (struct io){ 0 };
	stage_file(&io->st, b, 2 * file_bytes(b), false);
	io_open(io, b);
	return true;
}

static void io_close(struct io *io)
{
	file_release(io->ip);
	inode_put(io->ip, 1);
	stage_close(&io->st);
	free(io->buf);
}

static uint64_t file_off(struct io *io)
{
	return (io->first + walk_next(&io->engine, io->nr)) * DAXFS_BLOCK_SIZE;
}

static uint8_t *plain_at(struct io *io)
{
	return io->at + walk_next(&io->plain, io->nr) * DAXFS_BLOCK_SIZE;
}

/* -- one batch of each ------------------------------------------------------------- */

static void engine_read(struct io *io)
{
	for (int i = 0; i < BATCH; i++)
		MUST(file_read(io->ip, io->buf, io->len, file_off(io)));
}

static void plain_read(struct io *io)
{
	for (int i = 0; i < BATCH; i++) {
		memcpy(io->buf, plain_at(io), io->len);
		__asm__ volatile("" ::: "memory");
	}
}

static void engine_write(struct io *io)
{
	for (int i = 0; i < BATCH; i++)
		MUST(file_write(io->ip, io->buf, io->len, file_off(io), FILE_DSYNC));
}

static void plain_write(struct io *io)
{
	for (int i = 0; i < BATCH; i++) {
		pm_copy(io->st.rg, plain_at(io), io->buf, io->len);
		pm_fence(io->st.rg);
	}
}

struct pair { void (*engine)(struct io *io), (*plain)(struct io *io); };
struct medians { double engine, plain; };

static double timed(struct io *io, void (*fn)(struct io *io))
{
	double t = now_us();

	fn(io);
	return (now_us() - t) / BATCH;
}

/* Rounds of both, each first in turn; the first tenth only warms up. */
static struct medians compare(struct io *io, const struct pair *p)
{
	struct series engine = { 0 }, plain = { 0 };

	for (size_t i = 0; i < io->rounds + io->rounds / 10; i++) {
		double x = 0, y;

		if (i % 2)
			x = timed(io, p->engine);
		y = timed(io, p->plain);
		if (i % 2 == 0)
			x = timed(io, p->engine);
		if (i < io->rounds / 10)
			continue;
		series_add(&engine, x);
		series_add(&plain, y);
	}
	struct medians m = { .engine = series_median(&engine) };

	m.plain = series_median(&plain);
	return m;
}

/* Measures, ends @io, and reports @row. */
static void measure(const struct bench *b, struct io *io, const struct pair *p, struct row *row)
{
	io->rounds = bench_pick(b, 1001, 301);
	io->len = DAXFS_BLOCK_SIZE;
	struct medians m = compare(io, p);

	io_close(io);
	row->unit = "us";
	row->value = m.engine;
	row->base = m.plain;
	report_row(b->rp, row);
}

/* @row says what, beside what, and the target; @on_file is what the same is called on an image file, without target. */
static void bench_block(const struct bench *b, const struct pair *p, struct row row, const char *on_file)
{
	struct io io;

	row.judge = JUDGE_DIFF;
	io_open_ram(&io, b);
	measure(b, &io, p, &row);
	row.what = on_file;
	row.judge = JUDGE_NONE;
	if (io_open_file(&io, b, on_file))
		measure(b, &io, p, &row);
}

void bench_read(const struct bench *b)
{
	static const struct pair pair = { engine_read, plain_read };

	bench_block(b, &pair, (struct row){ .what = "4 KiB read", .beside = "memcpy", .target = 0.15 },
		    "4 KiB read, image file");
}

void bench_write(const struct bench *b)
{
	static const struct pair pair = { engine_write, plain_write };

	bench_block(b, &pair, (struct row){ .what = "4 KiB durable write", .beside = "pm_copy + pm_fence", .target = 0.2 },
		    "4 KiB durable write, image file");
}

/* -- 1 MiB ------------------------------------------------------------------------------ */

/* GB/s of one MiB. */
static double speed(double us) { return (double)MIB / us / 1e3; }

static double plain_mib(struct io *io)
{
	uint64_t off = walk_next(&io->plain, io->nr / 256) * MIB;
	double t = now_us();

	pm_copy(io->st.rg, io->at + off, io->buf, MIB);
	pm_fence(io->st.rg);
	return speed(now_us() - t);
}

static double engine_mib(struct io *io, struct inode *ip, uint64_t off)
{
	double t = now_us();

	MUST(file_write(ip, io->buf, MIB, off, 0));
	return speed(now_us() - t);
}

static void report_mib(const struct bench *b, const char *what, struct series *engine, struct series *plain)
{
	double x = series_median(engine), y = series_median(plain);

	report_row(b->rp, &(struct row){ .what = what, .unit = "GB/s", .value = x, .beside = "pm_copy of 1 MiB",
		   .base = y, .judge = JUDGE_SHARE, .target = 0.8 });
}

/* Files of 64 MiB made and removed: blocks are new, zeroing and transactions included. */
static void bulk_new(struct io *io, const struct bench *b)
{
	static const struct cred cred = { 0, 0, CRED_PRIVILEGED };
	struct series engine = { 0 }, plain = { 0 };

	for (size_t i = 0; i < bench_pick(b, 10, 3); i++) {
		struct inode *ip = make_file(io->st.root, "new");

		file_open(ip);
		for (uint64_t off = 0; off < 64 * MIB; off += MIB) {
			series_add(&plain, plain_mib(io));
			series_add(&engine, engine_mib(io, ip, off));
		}
		file_release(ip);
		inode_put(ip, 1);
		MUST(namei_unlink(io->st.root, (struct name){ "new", 3 }, &cred));
		limbo_drain(io->st.fs, 1000);
	}
	report_mib(b, "1 MiB write, new blocks", &engine, &plain);
}

void bench_bulk(const struct bench *b)
{
	struct series engine = { 0 }, plain = { 0 };
	struct io io;

	io_open_ram(&io, b);
	for (size_t i = 0; i < bench_pick(b, 1001, 301); i++) {
		uint64_t at = io.first * DAXFS_BLOCK_SIZE + walk_next(&io.engine, io.nr / 256) * MIB;

		series_add(&plain, plain_mib(&io));
		series_add(&engine, engine_mib(&io, io.ip, at));
	}
	report_mib(b, "1 MiB write", &engine, &plain);
	bulk_new(&io, b);
	io_close(&io);
}
