/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guarantees.c -- what each operation turned out to promise
 *
 * One line of tab-separated words per operation, from what was seen at its cuts:
 * guarantees.sh makes the tables of the manual out of them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "crash/crash.h"

#define EFFORT	16u

static const char *inside(const struct observed *o)
{
	return o->between ? "mixed" : "whole";
}

static int print_one(const struct op *op, const struct op *sync, struct totals *sum)
{
	const struct crash_case alone = { .g = geometries, .op = { op }, .nr_ops = 1, .first = 1, .effort = EFFORT,
					  .only_cut = -1, .only_state = -1 };
	struct crash_case with_sync = alone;
	struct observed o[STEPS_MAX + 1] = { 0 }, s[STEPS_MAX + 1] = { 0 };
	uint64_t bad = explore(&alone, sum, o);

	with_sync.op[1] = sync;
	with_sync.nr_ops = with_sync.first = 2;
	bad += explore(&with_sync, sum, s);
	printf("%s\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", op->name, inside(&o[1]), o[1].durable ? "yes" : "no",
	       s[2].durable ? "yes" : "no", o[1].fences, o[1].flushes, o[1].nt_bytes);
	return bad != 0;
}

int plan_guarantees(void)
{
	const struct op *sync = ops;
	struct totals sum = { 0 };
	int bad = 0;

	while (!(sync->flags & OP_SYNC_ALL))
		sync++;
	for (const struct op *op = ops; op->name; op++)
		if (!(op->flags & (OP_SYNC_ALL | OP_SYNC_FILE)))
			bad |= print_one(op, sync, &sum);
	return bad;
}
