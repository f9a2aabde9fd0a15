// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * claim.c -- which blocks are whose: one bit per block
 *
 * Owns the bitmap of claims, and the one of blocks claimed twice, which exists
 * only when there are any.  DRAM only.
 */
#include "check/claim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t words(const struct check *c)
{
	return (c->nr_blocks + 63) / 64;
}

/* the bits of word @w that lie in [from, end) */
static uint64_t mask_of(uint64_t w, uint64_t from, uint64_t end)
{
	uint64_t lo = from > w * 64 ? from - w * 64 : 0;
	uint64_t hi = end < w * 64 + 64 ? end - w * 64 : 64;

	return (hi == 64 ? ~UINT64_C(0) : (UINT64_C(1) << hi) - 1) & ~((UINT64_C(1) << lo) - 1);
}

int claim_reset(struct check *c)
{
	claim_fini(c);
	c->claimed = calloc(words(c), sizeof(*c->claimed));
	if (!c->claimed)
		return -ENOMEM;
	c->nr_claimed = 0;
	c->alloc_hint = 0;
	c->work = 0;
	int err = claim_take(c, 0, 1);

	if (!err)
		err = claim_take(c, c->g.journal, (uint64_t)c->g.nr_lanes * c->g.lane_blocks);
	return err ? err : claim_take(c, c->nr_blocks - 1, 1);
}

void claim_fini(struct check *c)
{
	free(c->claimed);
	free(c->twice);
	c->claimed = c->twice = NULL;
}

static int clash(struct check *c, uint64_t w, uint64_t bits)
{
	if (!c->twice)
		c->twice = calloc(words(c), sizeof(*c->twice));
	if (!c->twice)
		return -ENOMEM;
	c->twice[w] |= bits;
	return 0;
}

int claim_take(struct check *c, uint64_t blk, uint64_t n)
{
	uint64_t end = blk + n;

	for (uint64_t w = blk / 64; w * 64 < end; w++) {
		uint64_t mask = mask_of(w, blk, end), both = c->claimed[w] & mask;

		if (both && clash(c, w, both))
			return -ENOMEM;
		c->claimed[w] |= mask;
		c->nr_claimed += (uint64_t)__builtin_popcountll(mask & ~both);
	}
	return 0;
}

int claim_take_runs(struct check *c, const struct mrunvec *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->nr; i++)
		err = claim_take(c, v->v[i].pblk, v->v[i].len);
	return err;
}

/* first block in [from, end) whose bit is @v, or @end */
static uint64_t next_bit(const struct check *c, uint64_t from, uint64_t end, bool v)
{
	while (from < end) {
		uint64_t w = (v ? c->claimed[from / 64] : ~c->claimed[from / 64]) >> (from % 64);

		if (w) {
			from += (uint64_t)__builtin_ctzll(w);
			return from < end ? from : end;
		}
		from = (from / 64 + 1) * 64;
	}
	return end;
}

bool claim_part(struct check *c, uint64_t blk, uint64_t *n)
{
	bool was = claim_test(c, blk);

	*n = next_bit(c, blk, blk + *n, !was) - blk;
	if (!was)
		(void)claim_take(c, blk, *n);	/* free throughout: cannot clash */
	return !was;
}

void claim_give(struct check *c, uint64_t blk, uint64_t n)
{
	uint64_t end = blk + n;

	for (uint64_t w = blk / 64; w * 64 < end; w++) {
		uint64_t had = c->claimed[w] & mask_of(w, blk, end);

		c->claimed[w] &= ~had;
		c->nr_claimed -= (uint64_t)__builtin_popcountll(had);
	}
	if (blk < c->alloc_hint)
		c->alloc_hint = blk;
}

uint64_t claim_find(struct check *c, uint64_t max, uint64_t *blk)
{
	uint64_t end = c->nr_blocks - 1, n = max;
	uint64_t at = next_bit(c, c->alloc_hint, end, false);

	c->alloc_hint = at;
	if (at >= end)
		return 0;
	if (n > end - at)
		n = end - at;
	*blk = at;
	(void)claim_part(c, at, &n);
	return n;
}
