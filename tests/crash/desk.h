/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * desk.h -- media on which power cuts are tried, over and over
 *
 * Three recording regions of one size.  @run is the filesystem whose operations are
 * recorded.  @media and @again hold what is durable at the cut that is being
 * looked at; a state is put on one of them, recovered, verified and taken off
 * again, at a cost that follows what was stored and not the size of the region.
 */
#ifndef CRASH_DESK_H
#define CRASH_DESK_H

#include "crash/claims.h"
#include "crash/crash.h"
#include "crash/states.h"

/*
 * What recovery makes of a state.  Equal keys: media that are equal, up to what
 * lies in lanes of which no log is live.
 */
struct key {
	uint64_t meta, data;	/* blocks that were claimed before the step, see claims.h */
	uint64_t rest;		/* blocks that were free then */
	uint64_t stored;	/* what recovery did */
};

struct desk {
	const struct geometry *g;
	struct region *run, *media, *again;
	uint64_t *moved;		/* lines (byte offsets) that became durable since the beginning */
	struct key durable;		/* of what is durable, relative to the beginning of the step */
	size_t nr_moved, cap_moved;
	const struct claims *before;	/* at the beginning of the step */
	uint64_t *seen;			/* keys of states that were verified in this case */
	size_t nr_seen, cap_seen;	/* cap_seen: a power of two, or 0 */
};

/* desk_set - everything as the geometry's image. */
void desk_set(struct desk *d, const struct geometry *g);

/* desk_again - @media and @again as the image; nothing was seen.  What @run recorded stays. */
void desk_again(struct desk *d);

/* desk_durable - a line of @media has changed for good; for replay_opts. */
void desk_durable(void *desk, uint64_t off);

/* lay_words - put a state on @on; lift - take it off, with all that was stored since. */
void lay_words(struct region *on, const struct states *s);
void lift(struct region *on, const struct states *s);

/* What differs on @on from what is durable on @ref, beside what was stored since. */
struct laid {
	struct region *on;
	const struct region *ref;
	const struct states *s, *s2;	/* s2 may be NULL */
	const uint64_t *moved;		/* lines */
	size_t nr_moved;
};

/*
 * desk_recovered - roll the journal back on the media as laid, and hash the outcome
 *
 * Mounting rolls back first and goes on from there, so what has the same key ends
 * the same.  What recovery stored stays; the caller lifts it.
 *
 * Return: 0, or negative errno when recovery refuses.
 */
int desk_recovered(const struct desk *d, const struct laid *l, struct key *key);

/* desk_saw - remember @key; true when it is new.  desk_knows - was it remembered? */
bool desk_saw(struct desk *d, uint64_t key);
bool desk_knows(const struct desk *d, uint64_t key);

#endif
