/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * balloc.h -- the block allocator: which blocks nothing claims
 *
 * Lives in DRAM only.  Filled from the clean-unmount snapshot or by marking
 * what the inodes claim; a crash loses nothing.  Chunks are 2 MiB; large
 * files get wholly free chunks, small ones the holes in chunks already begun,
 * so that 2 MiB runs survive ageing.
 */
#ifndef DAXFS_CORE_BALLOC_H
#define DAXFS_CORE_BALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/runvec.h"
#include "disk/snap.h"

struct balloc;

/* balloc_open - an allocator for blocks 0..nr_blocks-1, all free.  NULL: no memory. */
struct balloc *balloc_open(uint64_t nr_blocks);
void balloc_close(struct balloc *ba);

/**
 * balloc_mark - these blocks are claimed (mount, recovery)
 * Return: 0, or -EUCLEAN when one of them was claimed before; *@clash is the first such block.
 */
int balloc_mark(struct balloc *ba, uint64_t block, uint64_t n, uint64_t *clash);

#define BALLOC_LARGE	1u	/* part of a large file: prefer untouched chunks */

struct balloc_req {
	uint64_t goal;		/* block that would continue what is there, or 0 */
	uint64_t min, max;	/* blocks; 1 <= min <= max */
	uint64_t phase;		/* wanted block number modulo 512 when a chunk is begun */
	unsigned flags;		/* BALLOC_* */
};

/**
 * balloc_alloc - one run of rq->min to rq->max free blocks
 * Context: group locks only.  Return: 0 and *@out, or -ENOSPC.
 */
int balloc_alloc(struct balloc *ba, const struct balloc_req *rq, struct run *out);

/**
 * balloc_free - give blocks back
 * Return: 0, or -EUCLEAN with a message when some were not claimed, which only a damaged map can bring
 * about; those are passed over.
 */
int balloc_free(struct balloc *ba, uint64_t block, uint64_t n);

/* balloc_nr_free - free blocks now (sum over groups, not a snapshot). */
uint64_t balloc_nr_free(const struct balloc *ba);
/* balloc_nr_free_chunks - wholly free 2 MiB chunks. */
uint64_t balloc_nr_free_chunks(const struct balloc *ba);

/* Snapshot: sizes, then content.  No allocation may run meanwhile. */
void balloc_snap_counts(const struct balloc *ba, struct snap_counts *c);
void balloc_snap_write(const struct balloc *ba, struct snap_writer *w);
/* Sinks for snap_read(). */
void balloc_load_run(struct balloc *ba, uint64_t chunk, uint64_t count);
void balloc_load_chunk(struct balloc *ba, uint64_t chunk, const uint64_t used[8]);

/* balloc_check - counters against bitmaps (tests).  0 or -EUCLEAN with a message. */
int balloc_check(const struct balloc *ba);

#endif
