/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lane.h -- inside a transaction: lanes, edits, log; for journal.c, txn.c and commit.c
 *
 * Names: edit    one range on media with its shadow in DRAM
 *        run     changed bytes of an edit that become one undo record
 *        line    64 bytes, of a block that is patched line by line
 */
#ifndef DAXFS_DISK_LANE_H
#define DAXFS_DISK_LANE_H

#include <pthread.h>
#include <stdint.h>

#include "disk/arena.h"
#include "disk/txn.h"

enum edit_kind {
	EDIT_RANGE,		/* live range, copied whole */
	EDIT_PATCH,		/* live block, copied line by line */
	EDIT_FRESH,		/* block that nothing live points to */
};

struct edit {
	uint8_t		*media, *shadow;
	txn_seal_fn	 seal;
	uint64_t	 filled;	/* EDIT_PATCH: lines that hold content */
	uint64_t	 touched;	/* EDIT_PATCH: lines that may differ */
	uint32_t	 len;
	uint16_t	 nr_runs;	/* set by commit */
	uint16_t	 kind;		/* enum edit_kind */
};

struct txn {
	struct journal	*jn;
	struct lane	*lane;
	struct edit	*edit;		/* sorted by media address, disjoint */
	size_t		 nr, cap;
	size_t		 log_worst;	/* bytes of records if every word differs */
	size_t		 log_used;	/* bytes of records, set by commit */
	uint32_t	 log_nr;
	struct arena	 arena;
	struct runvec	 took, freed;
};

struct lane {
	pthread_mutex_t	 lock;		/* held from txn_begin() to the end */
	struct dlane	*media;
	uint32_t	 self;
	uint32_t	 seq;		/* last one that ended */
	uint8_t		*log;		/* struct dlog and records, being built */
	struct txn	 txn;
};

/* lane_log_max - bytes of dlog and records that fit into a lane. */
static inline size_t lane_log_max(uint64_t lane_bytes)
{
	return (size_t)lane_bytes - sizeof(struct dlane);
}

/**
 * lane_head - the first line of lane @self when @seq is the last sequence that has ended
 *
 * Stored whole and past the caches, although only its done word changes: the line need
 * not be read first, which takes 0.07 us off the 0.49 of a transaction's stores and fences.
 * Torn it can not be, as the other words keep their content.
 */
struct dlane lane_head(uint32_t self, uint32_t seq);

/* txn_init, txn_fini - memory of a lane's transaction.  0 or -ENOMEM. */
int txn_init(struct txn *t, struct journal *jn, struct lane *lane);
void txn_fini(struct txn *t);

/* txn_write_out - seal, log, change in place, mark done (commit.c).  Cannot fail. */
void txn_write_out(struct txn *t);

#endif
