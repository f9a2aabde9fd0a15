/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.h -- lanes on media that hold the undo log of one transaction each
 */
#ifndef DAXFS_DISK_JOURNAL_H
#define DAXFS_DISK_JOURNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "disk/disk.h"
#include "disk/runvec.h"

/* Where transactions get blocks from and give them to: the allocator above. */
struct journal_hooks {
	/* one metadata block, content undefined; 0 or -ENOSPC */
	int  (*alloc)(void *arg, pblk_t *out);
	/* blocks taken by a transaction that did not happen: free at once */
	void (*unalloc)(void *arg, const struct runvec *blocks);
	/* blocks whose freeing is durable; the callee empties @blocks (runvec_move) */
	void (*freed)(void *arg, struct runvec *blocks);
	void *arg;
};

struct lane;			/* journal.c, txn.c */

struct journal {
	struct disk	*disk;
	struct lane	*lane;		/* [nr_lanes] */
	unsigned	 nr_lanes;
	uint64_t	 lane_bytes;
	struct journal_hooks hooks;
};

/**
 * journal_format - write empty lanes
 * @d: disk whose superblock (in DRAM or on media) names the lanes
 * Durable: all of it, on return.
 */
void journal_format(const struct disk *d, const struct dsuper *sb);

/**
 * journal_recover - roll back every transaction that was cut short
 * @d:      disk, not in use otherwise
 * @undone: how many transactions were rolled back
 *
 * Idempotent: a crash inside leaves the same work for the next call.
 * Durable: everything, on return.
 * Return: 0, -EUCLEAN when a lane or a record in a live log is damaged (no log
 * has been applied then).
 */
int journal_recover(const struct disk *d, unsigned *undone);

/**
 * journal_check - are the lanes well-formed?  Read-only.
 * @live: number of lanes with a live log (a clean filesystem has none)
 * Return: 0 or -EUCLEAN.
 */
int journal_check(const struct disk *d, unsigned *live);

/* journal_open, journal_close - lanes in DRAM.  After journal_recover().  0, -ENOMEM or -EUCLEAN. */
int journal_open(struct journal *jn, struct disk *d, const struct journal_hooks *hooks);
void journal_close(struct journal *jn);

#endif
