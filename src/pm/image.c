/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image.c -- what media may hold after a power cut, from a recorded log
 *
 * Replays the events up to the cut over the content at record_start().  The
 * image being built is the media; beside it each cache line that was stored to
 * has its content in the caches.  A flush or a non-temporal store takes a
 * snapshot of the line's bytes that waits for a fence of the same thread; the
 * fence brings the waiting snapshots to media, unless a younger one of another
 * thread is there already.  What differs between cache and media at the end is
 * kept or lost by the mode.
 *
 * Owns nothing beyond a call; holds the log's mutex throughout.
 *
 * Names: line  64 bytes of the region and their state     wait  a snapshot not fenced yet
 *        mask  one bit per byte of a line                 seq   number of an event, from 1
 */
#include "pm/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pm/record_log.h"

struct line {
	uint64_t nr;				/* offset / RECORD_LINE */
	uint8_t cache[RECORD_LINE];
	uint64_t durable_seq[RECORD_LINE];	/* of the snapshot on media, per byte */
};

struct wait {
	size_t line;		/* index in lines */
	unsigned thread;
	uint64_t seq;
	uint64_t mask;
	uint8_t data[RECORD_LINE];
};

struct replay {
	uint8_t *media;
	struct line *lines;
	size_t nr_lines, cap_lines;
	size_t *table;			/* hash of line numbers: index in lines + 1 */
	size_t nr_table;		/* power of two */
	struct wait *waits;
	size_t nr_waits, cap_waits;
};

/* As in record.c: a test that cannot build its image ends. */
static void *grow_array(void *array, size_t *cap, size_t size)
{
	*cap = *cap ? 2 * *cap : 64;
	array = realloc(array, *cap * size);
	if (!array) {
		fputs("record_image: out of memory\n", stderr);
		abort();
	}
	return array;
}

/* The finalizer of splitmix64: every bit of the result depends on all of @x. */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* -- lines ------------------------------------------------------------------ */

/* Where the line is in the table, or the free place for it. */
static size_t *table_place(const struct replay *rp, uint64_t nr)
{
	size_t i = mix(nr) & (rp->nr_table - 1);

	while (rp->table[i] && rp->lines[rp->table[i] - 1].nr != nr)
		i = (i + 1) & (rp->nr_table - 1);
	return &rp->table[i];
}

static void table_grow(struct replay *rp)
{
	size_t bytes;

	free(rp->table);
	rp->table = grow_array(NULL, &rp->nr_table, sizeof(*rp->table));
	bytes = rp->nr_table * sizeof(*rp->table);
	memset(rp->table, 0, bytes);
	for (size_t i = 0; i < rp->nr_lines; i++)
		*table_place(rp, rp->lines[i].nr) = i + 1;
}

/* The line's index in lines; made when the line is touched for the first time. */
static size_t line_get(struct replay *rp, uint64_t nr)
{
	if (2 * rp->nr_lines >= rp->nr_table)
		table_grow(rp);
	size_t *place = table_place(rp, nr);

	if (*place)
		return *place - 1;
	if (rp->nr_lines == rp->cap_lines)
		rp->lines = grow_array(rp->lines, &rp->cap_lines, sizeof(*rp->lines));
	struct line *ln = &rp->lines[rp->nr_lines];

	memset(ln, 0, sizeof(*ln));
	ln->nr = nr;
	memcpy(ln->cache, rp->media + nr * RECORD_LINE, RECORD_LINE);
	*place = ++rp->nr_lines;
	return *place - 1;
}

static bool line_known(const struct replay *rp, uint64_t nr)
{
	return rp->nr_table && *table_place(rp, nr);
}

/* -- events ----------------------------------------------------------------- */

static void wait_add(struct replay *rp, const struct record_event *ev, size_t line, uint64_t mask)
{
	if (rp->nr_waits == rp->cap_waits)
		rp->waits = grow_array(rp->waits, &rp->cap_waits, sizeof(*rp->waits));
	struct wait *w = &rp->waits[rp->nr_waits++];

	*w = (struct wait){ .line = line, .thread = ev->thread, .seq = ev->seq, .mask = mask };
	memcpy(w->data, rp->lines[line].cache, RECORD_LINE);
}

static uint64_t byte_mask(size_t from, size_t n)
{
	return (n == RECORD_LINE ? UINT64_MAX : (UINT64_C(1) << n) - 1) << from;
}

/* A store changes the cache; a non-temporal one also waits for its fence. */
static void replay_store(struct replay *rp, const struct record_event *ev)
{
	bool waits = ev->type == REC_COPY || ev->type == REC_ZERO;

	for (uint64_t done = 0; done < ev->len; ) {
		size_t from = (ev->off + done) % RECORD_LINE;
		size_t n = RECORD_LINE - from;

		if (n > ev->len - done)
			n = ev->len - done;
		size_t line = line_get(rp, (ev->off + done) / RECORD_LINE);

		if (ev->data)
			memcpy(rp->lines[line].cache + from, ev->data + done, n);
		else
			memset(rp->lines[line].cache + from, 0, n);
		if (waits)
			wait_add(rp, ev, line, byte_mask(from, n));
		done += n;
	}
}

static void replay_flush(struct replay *rp, const struct record_event *ev)
{
	if (!ev->len)
		return;
	for (uint64_t nr = ev->off / RECORD_LINE; nr <= (ev->off + ev->len - 1) / RECORD_LINE; nr++) {
		if (line_known(rp, nr))		/* else nobody has stored to it */
			wait_add(rp, ev, line_get(rp, nr), UINT64_MAX);
	}
}

static void make_durable(struct replay *rp, const struct wait *w)
{
	struct line *ln = &rp->lines[w->line];
	uint8_t *media = rp->media + ln->nr * RECORD_LINE;

	for (unsigned i = 0; i < RECORD_LINE; i++) {
		if (!(w->mask >> i & 1) || w->seq < ln->durable_seq[i])
			continue;
		media[i] = w->data[i];
		ln->durable_seq[i] = w->seq;
	}
}

static void replay_fence(struct replay *rp, const struct record_event *ev)
{
	size_t kept = 0;

	for (size_t i = 0; i < rp->nr_waits; i++) {
		if (rp->waits[i].thread == ev->thread)
			make_durable(rp, &rp->waits[i]);
		else
			rp->waits[kept++] = rp->waits[i];
	}
	rp->nr_waits = kept;
}

static void replay_event(struct replay *rp, const struct record_event *ev)
{
	switch (ev->type) {
	case REC_COPY:
	case REC_ZERO:
	case REC_STORE:
	case REC_STORE8:
		replay_store(rp, ev);
		break;
	case REC_FLUSH:
		replay_flush(rp, ev);
		break;
	case REC_FENCE:
		replay_fence(rp, ev);
		break;
	}
}

/* -- the cut ---------------------------------------------------------------- */

/* Decides each aligned word of a line that is not durable. */
static void settle_line(struct replay *rp, const struct line *ln, unsigned mode, uint64_t seed)
{
	for (size_t i = 0; i < RECORD_LINE; i += 8) {
		uint64_t off = ln->nr * RECORD_LINE + i;

		if (mode == REC_ALL || (mix(mix(seed) ^ off) & 1))
			memcpy(rp->media + off, ln->cache + i, 8);
	}
}

void record_image(const struct region *rg, size_t upto_event, unsigned mode, uint64_t seed,
		  void *out)
{
	struct record_log *lg = rg->priv;
	struct replay rp = { .media = out };

	pthread_mutex_lock(&lg->mutex);
	memcpy(out, lg->base, rg->size);
	for (size_t i = 0; i < upto_event && i < lg->nr; i++)
		replay_event(&rp, &lg->events[i]);
	pthread_mutex_unlock(&lg->mutex);
	for (size_t i = 0; mode != REC_NONE && i < rp.nr_lines; i++)
		settle_line(&rp, &rp.lines[i], mode, seed);
	free(rp.lines);
	free(rp.table);
	free(rp.waits);
}
