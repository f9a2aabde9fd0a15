// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * names.c -- create, look-up, rename and unlink in a directory that is in use
 *
 * Times are taken in plain memory, flushes and fences in a recording region by the
 * same rounds.  Beside stands what the same bytes past the caches, flushed lines and
 * fences cost alone, in memory next to the filesystem.
 */
#include <errno.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/stage.h"
#include "core/inode.h"
#include "core/namei.h"
#include "pm/pm.h"
#include "pm/record.h"

#define NR_NAMES	10000
#define BATCH		100
#define IMAGE_BYTES	(512 * MIB)

enum op { OP_CREATE, OP_LOOKUP, OP_RENAME, OP_RENAME_HELD, OP_UNLINK, NR_OPS };

struct hot {
	struct stage	 st;
	struct inode	*dir;
	struct names	 old, new, moved;
	struct inode	*held[BATCH];
	struct walk	 walk;
};

static const struct cred root_cred = { 0, 0, CRED_PRIVILEGED };

static void hot_open(struct hot *h)
{
	h->dir = make_dir(h->st.root, "hot");
	h->old = names_make("file", NR_NAMES);
	h->new = names_make("new", BATCH);
	h->moved = names_make("moved", BATCH);
	h->walk.state = 88172645463325252;
	make_files(h->dir, h->old.n, NR_NAMES);
}

static void hot_close(struct hot *h)
{
	inode_put(h->dir, 1);
	stage_close(&h->st);
	names_free(&h->old);
	names_free(&h->new);
	names_free(&h->moved);
}

/* -- the operations, a batch each ---------------------------------------------------- */

static void create(struct hot *h)
{
	make_files(h->dir, h->new.n, BATCH);
}

static void lookup(struct hot *h)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct inode *ip;

		MUST(namei_lookup(h->dir, h->old.n[walk_next(&h->walk, NR_NAMES)], &ip));
		inode_put(ip, 1);
	}
}

static void rename_all(struct hot *h, const struct name *from, const struct name *to)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct rename_req rq = { h->dir, h->dir, from[i], to[i], 0, root_cred };

		MUST(namei_rename(&rq));
	}
}

static void rename_away(struct hot *h) { rename_all(h, h->new.n, h->moved.n); }
static void rename_back(struct hot *h) { rename_all(h, h->moved.n, h->new.n); }

static void unlink_new(struct hot *h)
{
	for (size_t i = 0; i < BATCH; i++)
		MUST(namei_unlink(h->dir, h->new.n[i], &root_cred));
}

/* References as the kernel has them below a mount, where a look-up comes first. */
static void hold(struct hot *h)
{
	for (size_t i = 0; i < BATCH; i++)
		MUST(namei_lookup(h->dir, h->moved.n[i], &h->held[i]));
}

static void drop(struct hot *h)
{
	for (size_t i = 0; i < BATCH; i++)
		inode_put(h->held[i], 1);
}

/* before, after: not timed. */
static const struct { const char *what; void (*run)(struct hot *h); double target;
		      void (*before)(struct hot *h), (*after)(struct hot *h); } ops[NR_OPS] = {
	[OP_CREATE] = { "create", create, 2, NULL, NULL },
	[OP_LOOKUP] = { "look-up", lookup, 0, NULL, NULL },
	[OP_RENAME] = { "rename", rename_away, 2, NULL, NULL },
	[OP_RENAME_HELD] = { "rename of a cached inode", rename_back, 2, hold, drop },
	[OP_UNLINK] = { "unlink", unlink_new, 2, NULL, NULL },
};

/* Microseconds of a batch. */
static double run_op(struct hot *h, int op)
{
	if (ops[op].before)
		ops[op].before(h);
	double t = now_us();

	ops[op].run(h);
	t = now_us() - t;
	if (ops[op].after)
		ops[op].after(h);
	return t;
}

/* -- what they do to media --------------------------------------------------------------- */

struct cost { double fences, lines, nt; };

static void count_costs(struct cost cost[NR_OPS], size_t rounds)
{
	struct record_counts a, z;
	struct hot h;

	stage_record(&h.st, IMAGE_BYTES);
	hot_open(&h);
	memset(cost, 0, NR_OPS * sizeof(*cost));
	for (size_t r = 0; r < rounds; r++)
		for (int i = 0; i < NR_OPS; i++) {
			double n = (double)(rounds * BATCH);

			record_counts(h.st.rg, &a);
			run_op(&h, i);
			record_counts(h.st.rg, &z);
			cost[i].fences += (double)(z.fences - a.fences) / n;
			cost[i].lines += (double)(z.flush_lines - a.flush_lines) / n;
			cost[i].nt += (double)(z.nt_bytes - a.nt_bytes) / n;
		}
	hot_close(&h);
}

static void store_lines(struct region *rg, uint8_t *at, size_t lines)
{
	for (size_t i = 0; i < lines; i++)
		pm_store8(rg, at + i * DAXFS_LINE, (uint64_t)(uintptr_t)at);
	pm_flush(rg, at, lines * DAXFS_LINE);
}

/* The media's share: log past the caches, fence, lines in place, fence, the lane's line past the caches, fence. */
static void media_only(struct hot *h, const struct cost *c)
{
	static const uint8_t log[4096] = { 1 };
	size_t lines = (size_t)(c->lines + 0.5), nt = (size_t)(c->nt + 0.5);
	size_t fences = (size_t)(c->fences + 0.5);

	if (!fences)
		return;
	MUST(nt > DAXFS_LINE && nt <= sizeof(log) ? 0 : -EINVAL);
	for (size_t i = 0; i < BATCH; i++) {
		uint8_t *at = h->st.own->base + IMAGE_BYTES + walk_next(&h->walk, 64) * 8192;

		pm_copy(h->st.own, at, log, nt - DAXFS_LINE);
		pm_fence(h->st.own);
		if (lines)
			store_lines(h->st.own, at + 4096, lines);
		for (size_t k = 2; k < fences; k++)
			pm_fence(h->st.own);
		pm_copy(h->st.own, at, log, DAXFS_LINE);
		pm_fence(h->st.own);
	}
}

/* -- the door ---------------------------------------------------------------------------------- */

static void report_op(const struct bench *b, enum op i, double us, double base, const struct cost *c)
{
	struct row r = { .what = ops[i].what, .unit = "us", .value = us,
		.count = { { "fences", c->fences }, { "lines flushed", c->lines },
			   { "bytes non-temporal", c->nt } } };

	if (c->fences > 0) {
		r.beside = "the same stores and fences";
		r.base = base;
	}
	if (ops[i].target > 0) {
		r.judge = JUDGE_MOST;
		r.target = ops[i].target;
	}
	report_row(b->rp, &r);
}

void bench_names(const struct bench *b)
{
	struct series engine[NR_OPS] = { 0 }, media[NR_OPS] = { 0 };
	struct cost cost[NR_OPS];
	struct hot h;

	count_costs(cost, 20);
	stage_ram(&h.st, IMAGE_BYTES);
	hot_open(&h);
	for (size_t r = 0; r < bench_pick(b, 1001, 301); r++)
		for (int i = 0; i < NR_OPS; i++) {
			series_add(&engine[i], run_op(&h, i) / BATCH);
			double t = now_us();

			media_only(&h, &cost[i]);
			series_add(&media[i], (now_us() - t) / BATCH);
		}
	hot_close(&h);
	for (int i = 0; i < NR_OPS; i++) {
		double us = series_median(&engine[i]), base = series_median(&media[i]);

		report_op(b, (enum op)i, us, base, &cost[i]);
	}
}
