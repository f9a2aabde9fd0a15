/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.h -- a recorded log, event by event: what media hold for certain, and
 * what else a power cut may find there
 *
 * The caller feeds the events in order and may leave out or move some, which
 * is how a missing flush or fence is simulated.
 */
#ifndef PM_REPLAY_H
#define PM_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "pm/record.h"

#define REPLAY_VALUES	4u	/* of one word that are told apart; of more, the first ones and the newest */

struct replay;

/* An aligned word of eight bytes that is not durable: each may be on media, or what is there now. */
struct replay_word {
	uint64_t off;			/* bytes from the start of the region */
	unsigned nr;			/* at least 1 */
	uint64_t value[REPLAY_VALUES];	/* oldest first, none equal to its neighbour, the first not what is on media */
};

struct replay_opts {
	uint8_t *media;		/* the region's content before the first event; follows what becomes durable */
	void (*durable)(void *arg, uint64_t off);	/* the line at @off has changed on @media; may be NULL */
	void *arg;
};

/**
 * replay_new - before the first event
 * @o: copied
 *
 * Context: for tests; ends the process when out of memory.
 * Return:  to be freed with replay_free().
 */
struct replay *replay_new(const struct replay_opts *o);
void replay_free(struct replay *rp);

/**
 * replay_event - one event happens
 * @ev: of the recording; @ev->seq must rise from call to call
 *
 * A flush or a non-temporal store takes a snapshot of the line's bytes that
 * waits for a fence of the same thread; the fence brings the waiting snapshots
 * to media, unless a younger one of another thread is there already.
 */
void replay_event(struct replay *rp, const struct record_event *ev);

/**
 * replay_pending - the words that are not durable now
 * @nr: how many
 *
 * Return: in ascending order of offset; valid until the next call with @rp.
 */
const struct replay_word *replay_pending(struct replay *rp, size_t *nr);

#endif
