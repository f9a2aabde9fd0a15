/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * counters.h -- how many requests of each kind were served
 */
#ifndef FUSE_COUNTERS_H
#define FUSE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/tally.h"
#include "daxfs/ioctl.h"

/* By tally_part(). */
struct counters { _Atomic uint64_t nr[TALLY_PARTS][DAXFS_OP_NR]; };

/* counters_add - one more request of kind @op. */
static inline void counters_add(struct counters *c, enum daxfs_op op)
{
	atomic_fetch_add_explicit(&c->nr[tally_part()][op], 1, memory_order_relaxed);
}

/* counters_get - requests of kind @op so far. */
static inline uint64_t counters_get(const struct counters *c, enum daxfs_op op)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TALLY_PARTS; i++)
		sum += atomic_load_explicit(&c->nr[i][op], memory_order_relaxed);
	return sum;
}

#endif
