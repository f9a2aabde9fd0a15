/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.h -- the recording backend: what was stored, flushed and fenced, and
 * what a power cut at any of these moments may leave on media
 */
#ifndef PM_RECORD_H
#define PM_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "pm/region.h"

#define RECORD_LINE 64u		/* bytes in a cache line */

enum record_type { REC_COPY, REC_ZERO, REC_STORE, REC_STORE8, REC_FLUSH, REC_FENCE };	/* stores first */

/* What becomes of a cache line that is not durable yet. */
enum record_mode {
	REC_NONE,	/* lost */
	REC_ALL,	/* kept: the cache evicted it in time */
	REC_RANDOM,	/* each aligned 8 bytes kept or lost, by the seed */
};

struct record_event {
	enum record_type type;
	unsigned thread;	/* small number, one per thread */
	uint64_t seq;		/* 1, 2, 3... */
	uint64_t off;		/* bytes from the start of the region */
	uint64_t len;		/* bytes; 0 for REC_FENCE */
	uint8_t *data;		/* REC_COPY, REC_STORE, REC_STORE8: len bytes, else NULL */
};

struct record_counts {
	uint64_t stores;	/* store and store8 calls */
	uint64_t store_bytes;
	uint64_t nt_bytes;	/* copy and zero */
	uint64_t flush_calls;
	uint64_t flush_lines;	/* 64-byte lines asked for, summed over the calls */
	uint64_t fences;
};

/**
 * region_open_record - zeroed anonymous memory that records
 * @out:  the region
 * @size: bytes, rounded down to 4096
 *
 * Counters run from now on; events are kept between record_start() and
 * record_stop().
 *
 * Context: for tests.
 * Durable: simulated, by record_image().
 * Return:  0, -EINVAL or -ENOMEM.
 */
int region_open_record(struct region **out, uint64_t size);

/**
 * record_start - forget all events, take the content as durable, keep events
 * @rg: recording region
 *
 * Context: no other thread stores meanwhile.
 */
void record_start(struct region *rg);

/**
 * record_stop - keep no further events; those kept stay
 * @rg: recording region
 */
void record_stop(struct region *rg);

/**
 * record_reset - forget all events and counts
 * @rg: recording region
 *
 * When recording is on it goes on, with the present content taken as durable.
 *
 * Context: no other thread stores meanwhile.
 */
void record_reset(struct region *rg);

/**
 * record_rollback - memory becomes again what it was at record_start(), all events are forgotten
 * @rg: recording region, recording
 *
 * Costs as much as was stored since, not as much as the region is large.
 *
 * Context: no other thread stores meanwhile.
 */
void record_rollback(struct region *rg);

/**
 * record_accept - take what memory holds here as what it held at record_start()
 * @rg:  recording region, after record_start()
 * @off: bytes from the start of the region
 * @n:   bytes
 */
void record_accept(struct region *rg, uint64_t off, uint64_t n);

/* record_other_thread - from now on the caller counts as another thread: no fence of its completes what it did before. */
void record_other_thread(void);

/* record_base - what memory held at record_start(), as changed by record_accept(). */
const uint8_t *record_base(const struct region *rg);

/**
 * record_counts - what happened since the region was opened or reset
 * @rg: recording region
 * @c:  out
 *
 * Context: any thread.
 */
void record_counts(const struct region *rg, struct record_counts *c);

/**
 * record_nr - number of events kept
 * @rg: recording region
 *
 * Return: how many.
 */
size_t record_nr(const struct region *rg);

/**
 * record_get - one event
 * @rg: recording region
 * @i:  less than record_nr()
 *
 * Context: the event is valid until the next event, start, reset or close.
 * Return:  the event.
 */
const struct record_event *record_get(const struct region *rg, size_t i);

/**
 * record_image - what media may hold after a power cut
 * @rg:         recording region, after record_start()
 * @upto_event: the cut comes just before this event; record_nr() for the end
 * @mode:       enum record_mode
 * @seed:       for REC_RANDOM; the same seed gives the same image
 * @out:        rg->size bytes
 *
 * Holds the content at record_start(), then everything that was fenced: what a
 * thread copied or zeroed, and what a line held when the thread flushed it,
 * before that thread's fence.  The rest goes by @mode.
 *
 * Context: events already kept are looked at; others may be added meanwhile.
 */
void record_image(const struct region *rg, size_t upto_event, unsigned mode, uint64_t seed,
		  void *out);

#endif
