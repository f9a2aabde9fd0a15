/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extmap.h -- file block to device block: extents inline, then a B+tree
 *
 * Names: lblk  block number in the file     pblk  block number on the device
 *        len   blocks, never bytes          ext   one run (lblk, pblk, len, state)
 */
#ifndef DAXFS_DISK_EXTMAP_H
#define DAXFS_DISK_EXTMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/disk.h"
#include "disk/runvec.h"

struct txn;

struct extent {
	lblk_t	 lblk;
	pblk_t	 pblk;
	uint64_t len;		/* blocks */
	unsigned flags;		/* DAXFS_EXT_* */
};

/*
 * A handle on one map.  @root is the inode's map area: on media for reading
 * (then @t is NULL), or inside the inode's shadow for changing.
 */
struct extmap {
	const struct disk *disk;
	struct txn	*t;
	struct dmap	*root;
	uint64_t	 ino;		/* owner, for node headers */
	int64_t		 node_delta;	/* tree nodes gained by changes through this handle */
};

/**
 * extmap_lookup - the extent that holds @lblk, or the next one after it
 * Return: 1 and *@ext (uncut; lies at or after @lblk), 0 when there is none,
 * -EUCLEAN when a node on the way is damaged.
 */
int extmap_lookup(const struct extmap *m, lblk_t lblk, struct extent *ext);

/**
 * extmap_insert - map a range that is a hole now
 * Merges with neighbours in the same node that continue on the device in the
 * same state.
 * Return: 0, -ENOSPC (no block or no log space), -ENOMEM, -EUCLEAN.  On error
 * the shadows are undefined: abort the transaction.
 */
int extmap_insert(struct extmap *m, const struct extent *ext);

/**
 * extmap_remove - make [lblk, lblk + len) a hole
 * @removed: the data runs taken out are appended (not freed); nodes that
 *           become unreachable are given to txn_free() here
 * Subtrees that lie inside the range are dropped whole: the log needs
 * O(depth) blocks however long the range.  Return: as extmap_insert().
 */
int extmap_remove(struct extmap *m, lblk_t lblk, uint64_t len, struct runvec *removed);

/* extmap_mark - set the state of [lblk, lblk + len), which is mapped throughout.  Return: as extmap_insert(). */
int extmap_mark(struct extmap *m, lblk_t lblk, uint64_t len, unsigned flags);

struct extmap_visitor {
	int (*extent)(void *arg, const struct extent *ext);	/* may be NULL */
	int (*node)(void *arg, pblk_t b);			/* may be NULL */
	void *arg;
};

/**
 * extmap_walk - every node and every extent, in file order, each checked
 * (checksum, owner, order, bounds) before it is passed on.
 * Return: 0, what a visitor returned if not 0, or -EUCLEAN.
 */
int extmap_walk(const struct extmap *m, const struct extmap_visitor *v);

/* extmap_check - walk with checks only. */
int extmap_check(const struct extmap *m);

/* extmap_check_root - what an inode holds of its map; no node is visited.  0 or -EUCLEAN. */
int extmap_check_root(const struct disk *d, const struct dmap *root, uint64_t ino);

#endif
