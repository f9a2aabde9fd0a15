/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tally.h -- counts that all threads change and few read
 *
 * Each thread adds in a place of its own, so that no cache line goes from CPU to CPU with
 * every operation.  More threads than places share them.
 */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

#define TALLY_PARTS	64u
#define TALLY_STRIDE	8u	/* words, a cache line */

struct tally { _Atomic uint64_t n[TALLY_PARTS * TALLY_STRIDE]; };

extern _Thread_local unsigned tally_known_part;

/* Gives the calling thread its place; tally_part() calls it. */
void tally_choose_part(void);

/* tally_part - the calling thread's place, below TALLY_PARTS; the same for as long as it lives. */
static inline unsigned tally_part(void)
{
	if (__builtin_expect(!tally_known_part, 0))
		tally_choose_part();
	return tally_known_part - 1;
}

/* tally_add - one that is all zero counts nothing; to subtract, add the negative number. */
static inline void tally_add(struct tally *t, int64_t n)
{
	atomic_fetch_add_explicit(&t->n[tally_part() * TALLY_STRIDE], (uint64_t)n, memory_order_relaxed);
}

/* tally_sum - what was added, to the extent that this thread knows of it. */
uint64_t tally_sum(const struct tally *t);

#endif
