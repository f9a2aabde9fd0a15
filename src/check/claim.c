// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * claim.c -- which blocks are whose: one bit per block
 *
 * Owns the bitmap of claims, the one of blocks claimed twice, which exists only
 * when there are any, and the one of blocks that are kept for those who claim
 * late.  DRAM only.
 */
#include "check/claim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct span { uint64_t from, end; };

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
	claim_forget_kept(c);
}

/* Blocks of word @w change hands: how many of them are kept for others? */
static uint64_t kept_in(const struct check *c, uint64_t w, uint64_t bits)
{
	return c->kept ? (uint64_t)__builtin_popcountll(c->kept[w] & bits) : 0;
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
		c->nr_kept -= kept_in(c, w, mask & ~both);
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

/* first block in [from, end) whose bit in @a, or in @b, which may be NULL, is @v; or @end */
static uint64_t next_bit(const uint64_t *a, const uint64_t *b, struct span s, bool v)
{
	while (s.from < s.end) {
		uint64_t set = a[s.from / 64] | (b ? b[s.from / 64] : 0);
		uint64_t w = (v ? set : ~set) >> (s.from % 64);

		if (w) {
			s.from += (uint64_t)__builtin_ctzll(w);
			return s.from < s.end ? s.from : s.end;
		}
		s.from = (s.from / 64 + 1) * 64;
	}
	return s.end;
}

bool claim_part(struct check *c, uint64_t blk, uint64_t *n)
{
	bool was = claim_test(c, blk);

	*n = next_bit(c->claimed, NULL, (struct span){ blk, blk + *n }, !was) - blk;
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
		c->nr_kept += kept_in(c, w, had);
	}
	if (blk < c->alloc_hint)
		c->alloc_hint = blk;
}

uint64_t claim_find(struct check *c, uint64_t max, uint64_t *blk)
{
	uint64_t end = c->nr_blocks - 1, n;
	uint64_t at = next_bit(c->claimed, c->kept, (struct span){ c->alloc_hint, end }, false);

	c->alloc_hint = at;
	if (at >= end)
		return 0;
	if (max > end - at)
		max = end - at;
	n = next_bit(c->claimed, c->kept, (struct span){ at, at + max }, true) - at;
	*blk = at;
	(void)claim_take(c, at, n);	/* free throughout: cannot clash */
	return n;
}

/* -- claims that are tried ---------------------------------------------------------- */

int claim_rehearse(struct check *c)
{
	claim_forget_kept(c);
	c->kept = malloc(words(c) * sizeof(*c->kept));
	if (!c->kept)
		return -ENOMEM;
	memcpy(c->kept, c->claimed, words(c) * sizeof(*c->kept));
	return 0;
}

/* Until here c->kept was what is claimed indeed. */
void claim_rehearsed(struct check *c)
{
	uint64_t *before = c->kept, tried = c->nr_claimed + c->nr_kept;

	c->kept = c->claimed;
	c->claimed = before;
	c->nr_claimed = 0;
	for (uint64_t w = 0; w < words(c); w++)
		c->nr_claimed += (uint64_t)__builtin_popcountll(before[w]);
	c->nr_kept = tried - c->nr_claimed;
}

void claim_forget_kept(struct check *c)
{
	free(c->kept);
	c->kept = NULL;
	c->nr_kept = 0;
}
