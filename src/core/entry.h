/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * entry.h -- words of a radix cache: a pfn, its device, and a lock bit
 *
 *	63      56 55                                        2   1   0
 *	[ device ][ block on the device                      ][ L ][ 1 ]
 *
 * Bit 0 is always set, so that no entry reads 0, which is none; L is the entry's
 * lock, as in fs/dax.c: whoever stores into one of the blocks holds it, and whoever
 * takes the entry away waits for it.  Larger entries have their word several times, so as
 * to have several locks (radix.h).
 */
#ifndef DAXFS_CORE_ENTRY_H
#define DAXFS_CORE_ENTRY_H

#include <stdint.h>

#include "daxfs/format.h"

#define ENTRY_PRESENT	UINT64_C(1)
#define ENTRY_LOCK	UINT64_C(2)
#define ENTRY_SHIFT	2
#define ENTRY_STEP	(UINT64_C(1) << ENTRY_SHIFT)	/* from a block's entry to the next one's */

/* Orders of an entry: log2 of its blocks. */
#define ENTRY_PTE	0u
#define ENTRY_PMD	9u
#define ENTRY_PUD	18u

static inline uint64_t entry_make(pblk_t b)
{
	return (uint64_t)pblk_dev(b) << DAXFS_PBLK_DEV_SHIFT | pblk_nr(b) << ENTRY_SHIFT | ENTRY_PRESENT;
}

/* The block behind @lblk, which the entry of @order covers. */
static inline pblk_t entry_pblk(uint64_t word, unsigned order, uint64_t lblk)
{
	pblk_t first = pblk_make((unsigned)(word >> DAXFS_PBLK_DEV_SHIFT),
				 (word & DAXFS_PBLK_NR_MASK) >> ENTRY_SHIFT);

	return pblk_add(first, lblk & ((UINT64_C(1) << order) - 1));
}

/* Blocks from @lblk to the entry's end. */
static inline uint64_t entry_left(unsigned order, uint64_t lblk)
{
	uint64_t n = UINT64_C(1) << order;

	return n - (lblk & (n - 1));
}

#endif
