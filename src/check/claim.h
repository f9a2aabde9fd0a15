/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * claim.h -- which blocks are whose: one bit per block
 */
#ifndef CHECK_CLAIM_H
#define CHECK_CLAIM_H

#include "check/state.h"

/* claim_reset - nothing is claimed but superblocks and lanes.  0 or -ENOMEM. */
int claim_reset(struct check *c);
/* claim_fini - give the memory back. */
void claim_fini(struct check *c);

/* claim_take - claim a valid run; blocks that are claimed already go to c->twice.  0 or -ENOMEM. */
int claim_take(struct check *c, uint64_t blk, uint64_t n);

/* claim_take_runs - claim_take() of each.  0 or -ENOMEM. */
int claim_take_runs(struct check *c, const struct mrunvec *v);

/* claim_free - how many blocks claim_find() has left. */
static inline uint64_t claim_free(const struct check *c)
{
	return c->nr_blocks - c->nr_claimed - c->nr_kept;
}

/* claim_leaving_nodes - of @want blocks so many that some are left for nodes of the map that will hold them. */
static inline uint64_t claim_leaving_nodes(const struct check *c, uint64_t want)
{
	uint64_t nodes = 2, free = claim_free(c), most = free > nodes ? free - nodes : 1;

	return want < most ? want : most;
}

/* claim_test - is the block claimed? */
static inline bool claim_test(const struct check *c, uint64_t blk)
{
	return c->claimed[blk / 64] >> (blk % 64) & 1;
}

static inline bool claim_is_twice(const struct check *c, uint64_t blk)
{
	return c->twice && (c->twice[blk / 64] >> (blk % 64) & 1);
}

/**
 * claim_part - claim the first part of a run that has one answer throughout
 * @n:    blocks of the run; out, of that part
 * Return: true when the part was free and is claimed now, false when it was claimed before.
 */
bool claim_part(struct check *c, uint64_t blk, uint64_t *n);

/* claim_give - free again: what was claimed for something that came to nothing. */
void claim_give(struct check *c, uint64_t blk, uint64_t n);

/**
 * claim_rehearse - claims from here to claim_rehearsed() are tried only
 *
 * Afterwards everything is as before, but claim_find() leaves alone what was
 * claimed meanwhile, until claim_forget_kept(): it is for those who claim late.
 *
 * Return: 0 or -ENOMEM.
 */
int claim_rehearse(struct check *c);
void claim_rehearsed(struct check *c);
void claim_forget_kept(struct check *c);

/* claim_find - a free run of at most @max blocks, claimed.  Its length, 0 when nothing is free. */
uint64_t claim_find(struct check *c, uint64_t max, uint64_t *blk);

#endif
