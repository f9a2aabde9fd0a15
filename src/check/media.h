/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * media.h -- the device as the checker sees it: media, and private copies of
 * the blocks that differ from it
 *
 * Everything the checker reads it reads through media_at().  A block that a
 * live undo log restores, or that a repair changes, has a copy in DRAM; nothing
 * reaches the device before media_write().
 */
#ifndef CHECK_MEDIA_H
#define CHECK_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daxfs/format.h"
#include "pm/region.h"

enum copy_flags {
	COPY_EDITED = 1u << 0,	/* differs from what is to be on media */
	COPY_FRESH = 1u << 1,	/* nothing on media points to it */
};

struct copy {
	uint64_t blk;
	unsigned flags;		/* enum copy_flags */
	_Alignas(uint64_t) uint8_t bytes[DAXFS_BLOCK_SIZE];
};

/* File content that gets blocks of its own: from, to, blocks. */
struct move { uint64_t src, dst, n; };

struct media {
	struct region	*rg;
	uint64_t	 nr_blocks;
	struct copy	**slot;		/* by hash of blk, linear probing */
	size_t		 cap, nr;	/* cap: 0 or a power of two */
	struct move	*move;
	size_t		 nr_moves, cap_moves;
	uint64_t	 edits;		/* counts media_edit() and its like */
};

/* media_init, media_fini - nothing differs yet; copies that were not written are forgotten. */
void media_init(struct media *m, struct region *rg);
void media_fini(struct media *m);

/* media_find - the copy of a block, or NULL. */
struct copy *media_find(const struct media *m, uint64_t blk);

/* media_at - a block's content; @blk < nr_blocks.  Valid until the block gets a copy. */
static inline const void *media_at(const struct media *m, uint64_t blk)
{
	struct copy *c = m->nr ? media_find(m, blk) : NULL;

	return c ? c->bytes : m->rg->base + (blk << DAXFS_BLOCK_SHIFT);
}

/* media_zero - are @n bytes, one at least, all zero? */
static inline bool media_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	return !b[0] && !memcmp(b, b + 1, n - 1);
}

/* media_restore - a copy to put a log's old content into: no repair.  NULL: no memory. */
void *media_restore(struct media *m, uint64_t blk);

/* media_edit - a copy to repair.  NULL: no memory. */
void *media_edit(struct media *m, uint64_t blk);

/* media_fresh - zeroed content for a block that nothing claims.  NULL: no memory. */
void *media_fresh(struct media *m, uint64_t blk);

/* media_move - when writing, copy @n blocks of content to free ones first.  0 or -ENOMEM. */
int media_move(struct media *m, uint64_t src, uint64_t dst, uint64_t n);

/* media_geometry - what writing needs to know of the superblock. */
struct media_geometry { uint64_t journal; uint32_t nr_lanes, lane_blocks; uint8_t uuid[16]; };

/**
 * media_write - bring all copies to the device
 * @m: with at least one repair
 * @g: geometry
 * @off: out, the byte of the device that could not be written, or UINT64_MAX
 *
 * Lane headers first; then what live logs restore; state "dirty"; then content
 * and blocks that nothing points to, and the superblocks but for the inode file's
 * root; then the repairs, under undo logs as large as the lanes are.
 *
 * Durable: all of it, on return.  A crash inside leaves a dirty filesystem with
 *          some of the repairs done.
 * Return:  0, -EIO (@off tells where), -ENOMEM (no repair is written, but logs may have
 *          ended), or what a fence failed with.
 */
int media_write(struct media *m, const struct media_geometry *g, uint64_t *off);

#endif
