// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scale.c -- a directory of 1,000 names beside one of 1,000,000
 *
 * Each round removes, makes and looks up the last 1000 names of both.  For the small
 * one these are all it has.  Look-ups all over the large one are
 * shown without a target: they wait for memory, not for the engine.
 */
#include <stdio.h>

#include "bench/benches.h"
#include "bench/stage.h"
#include "core/inode.h"
#include "core/namei.h"

#define LAST	1000

enum op { OP_CREATE, OP_LOOKUP, OP_UNLINK, OP_ANY, NR_OPS };

struct dir {
	struct inode	*ip;
	struct names	 names;
	struct walk	 walk;
	struct series	 us[NR_OPS];
};

static void dir_open(struct dir *d, struct stage *s, const char *name, size_t nr)
{
	*d = (struct dir){ .ip = make_dir(s->root, name), .names = names_make("file", nr),
			   .walk = { 88172645463325252 } };
	make_files(d->ip, d->names.n, nr);
}

static void dir_close(struct dir *d)
{
	inode_put(d->ip, 1);
	names_free(&d->names);
}

static void look_up(struct dir *d, struct name n)
{
	struct inode *ip;

	MUST(namei_lookup(d->ip, n, &ip));
	inode_put(ip, 1);
}

/* @n: LAST names, in batches of 100. */
static void run_batch(struct dir *d, enum op op, const struct name *n)
{
	static const struct cred cred = { 0, 0, CRED_PRIVILEGED };
	double t = now_us();

	switch (op) {
	case OP_CREATE:
		make_files(d->ip, n, 100);
		break;
	case OP_LOOKUP:
		for (int i = 0; i < 100; i++)
			look_up(d, n[i]);
		break;
	case OP_UNLINK:
		for (int i = 0; i < 100; i++)
			MUST(namei_unlink(d->ip, n[i], &cred));
		break;
	default:
		for (int i = 0; i < 100; i++)
			look_up(d, d->names.n[walk_next(&d->walk, d->names.nr)]);
		break;
	}
	series_add(&d->us[op], (now_us() - t) / 100);
}

static void run_last(struct dir *d, enum op op)
{
	const struct name *n = d->names.n + d->names.nr - LAST;

	for (size_t i = 0; i < LAST; i += 100)
		run_batch(d, op, n + i);
}

static void report_op(const struct bench *b, enum op op, struct dir *small, struct dir *large)
{
	static const char *const what[] = { "create", "look-up", "unlink", "look-up of any name" };
	double x = series_median(&large->us[op]), y = series_median(&small->us[op]);
	char text[64];

	snprintf(text, sizeof(text), "%s among %zu names", what[op], large->names.nr);
	report_row(b->rp, &(struct row){ .what = text, .unit = "us", .value = x, .beside = "among 1000 names",
		   .base = y, .judge = op == OP_ANY ? JUDGE_NONE : JUDGE_TIMES, .target = 2 });
}

void bench_scale(const struct bench *b)
{
	static const enum op order[] = { OP_UNLINK, OP_CREATE, OP_LOOKUP, OP_ANY };
	size_t nr = bench_pick(b, 1000000, 100000);
	struct dir small, large;
	struct stage s;

	stage_ram(&s, bench_pick(b, 2048, 512) * MIB);
	dir_open(&small, &s, "small", LAST);
	dir_open(&large, &s, "large", nr);
	for (size_t r = 0; r < bench_pick(b, 51, 21); r++)
		for (int i = 0; i < NR_OPS; i++) {
			run_last(&small, order[i]);
			run_last(&large, order[i]);
		}
	for (int i = 0; i < NR_OPS; i++)
		report_op(b, (enum op)i, &small, &large);
	dir_close(&small);
	dir_close(&large);
	stage_close(&s);
}
