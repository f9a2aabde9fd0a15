/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mapcache.h -- a regular file's radix caches: where its blocks are, which lines are dirty
 *
 * Two trees.  "map" holds get_block results as PTE, PMD and PUD entries (entry.h), each with
 * lock bits.  "dirty" holds, per 4 KiB block with dirty lines, a mask of its 64 cache lines, and
 * carries the DIRTY and TOWRITE tags.  Two, so that ten dirty lines in a 1 GiB entry
 * cost ten masks and neither split the entry nor flush more than ten lines.
 */
#ifndef DAXFS_CORE_MAPCACHE_H
#define DAXFS_CORE_MAPCACHE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/radix.h"
#include "core/rangelock.h"
#include "disk/extmap.h"

struct inode;

struct mapcache {
	struct radix	map, dirty;
	struct rangelock ranges;	/* of blocks that are written as a whole; see write.c */
	pthread_mutex_t	sync;		/* one flush of this file at a time; order: before the inode's lock */
	struct run	window;		/* preallocated, claimed in the allocator only (inode's lock) */
	bool		kept;		/* has a place in fs->windows (inode's lock) */
	bool		tail_zero;	/* last block is zero beyond the size (inode's lock) */
};

/* mapcache_of - the inode's caches, made on first use.  NULL: no memory. */
struct mapcache *mapcache_of(struct inode *ip);
/* mapcache_free - NULL is fine; nobody uses it any more. */
void mapcache_free(struct mapcache *mc);

/* A hit: the blocks behind @lblk, as far as the entry reaches. */
struct mapping { pblk_t pblk; uint64_t len; };

/* mapcache_lookup - inside an RCU read section; no lock.  False: not cached. */
bool mapcache_lookup(const struct mapcache *mc, uint64_t lblk, struct mapping *m);

/**
 * mapcache_lock - the same, with the block locked: while it is, it stays the file's
 *
 * All blocks of an entry of 2 MiB share a lock bit, in one of 1 GiB every 64th does.
 *
 * Context: inside an RCU read section, until mapcache_unlock_fenced().
 * Return: the slot to unlock, or NULL: not cached.
 */
_Atomic uint64_t *mapcache_lock(struct mapcache *mc, uint64_t lblk, struct mapping *m);
/* mapcache_unlock_fenced - by a plain store, once what was stored past the caches has been fenced. */
void mapcache_unlock_fenced(_Atomic uint64_t *slot);

/**
 * mapcache_settle - wait until nobody is in blocks @lblk.. with mapcache_lock()
 * Context: the blocks are locked in mc->ranges, so that nobody comes in again.
 * Return: the first block that is not cached, and was not looked behind; @end if all are.
 */
uint64_t mapcache_settle(struct mapcache *mc, uint64_t lblk, uint64_t end);

/**
 * mapcache_claim - keep all writers out, before size or map of the file change in more than growing
 * Context: before the inode's lock; until mapcache_release(@ip, @h).
 * Return: 0 or -ENOMEM.
 */
int mapcache_claim(struct inode *ip, struct range_hold *h);
void mapcache_release(struct inode *ip, struct range_hold *h);

/**
 * mapcache_fill - remember written blocks [@lblk, @lblk + @n) of @ext
 * Uses the largest entries that @ext allows.  A cache: failure to allocate is no error.
 * Context: the inode's lock in either mode, so that the map stands still.
 */
void mapcache_fill(struct mapcache *mc, const struct extent *ext, uint64_t lblk, uint64_t n);

/* mapcache_forget - blocks @first..@last: wait for locked ones, remove, drop dirty masks.  NULL is fine. */
void mapcache_forget(struct mapcache *mc, uint64_t first, uint64_t last);

/**
 * mapcache_dirty - lines of block @lblk were stored to: tag them
 * @mask: one bit per cache line.  The stores come before this call.
 * Return: 0 or -ENOMEM: then flush them yourself.
 */
int mapcache_dirty(struct mapcache *mc, uint64_t lblk, uint64_t mask);

/**
 * mapcache_take_dirty - take one dirty block's mask away, for flushing
 * @lblk: where to begin; set to the block found
 * Context: mc->sync held.  Return: the mask (0 is possible); *@found false: no more.
 */
uint64_t mapcache_take_dirty(struct mapcache *mc, uint64_t *lblk, uint64_t last, bool *found);

/* mapcache_bytes - memory held. */
size_t mapcache_bytes(struct inode *ip);

#endif
