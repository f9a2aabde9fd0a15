/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.c -- what media hold, and may hold, while a recorded log happens
 *
 * The image is the media; beside it each cache line that was stored to has its
 * content in the caches, and what it was after each store since it was durable:
 * the cache may have evicted it then.
 *
 * Owns its tables, not the image.  One thread.
 *
 * Names: line     64 bytes of the region and their state   wait  a snapshot not fenced yet
 *        mask     one bit per byte of a line               seq   number of an event, from 1
 *        version  a line's content after a store
 */
#include "pm/replay.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pm/record_log.h"

#define WORDS (RECORD_LINE / 8)

struct version { uint64_t seq; uint8_t data[RECORD_LINE]; };

struct line {
	uint64_t nr;				/* offset / RECORD_LINE */
	uint64_t durable_seq[RECORD_LINE];	/* of the snapshot on media, per byte */
	struct version *version;		/* the newest is what the cache holds */
	size_t nr_versions, cap_versions;
	size_t nr_waits;			/* snapshots of it in replay.waits */
	bool active;				/* in replay.active */
};

struct wait {
	size_t line;		/* index in lines */
	unsigned thread;
	uint64_t seq;
	uint64_t mask;
	uint8_t data[RECORD_LINE];
};

struct replay {
	struct replay_opts o;
	struct line *lines;
	size_t nr_lines, cap_lines;
	size_t *table;			/* hash of line numbers: index in lines + 1 */
	size_t nr_table;		/* power of two */
	size_t *active;			/* lines that may differ from media */
	size_t nr_active, cap_active;
	struct wait *waits;
	size_t nr_waits, cap_waits;
	struct replay_word *words;
	size_t nr_words, cap_words;
};

/* As in record.c: a test that cannot build its image ends. */
static void *grow_array(void *array, size_t *cap, size_t size)
{
	*cap = *cap ? 2 * *cap : 4;
	array = realloc(array, *cap * size);
	if (!array) {
		fputs("replay: out of memory\n", stderr);
		abort();
	}
	return array;
}

struct replay *replay_new(const struct replay_opts *o)
{
	size_t one = 0;
	struct replay *rp = grow_array(NULL, &one, sizeof(*rp));

	*rp = (struct replay){ .o = *o };
	return rp;
}

void replay_free(struct replay *rp)
{
	for (size_t i = 0; i < rp->nr_lines; i++)
		free(rp->lines[i].version);
	free(rp->lines);
	free(rp->table);
	free(rp->active);
	free(rp->waits);
	free(rp->words);
	free(rp);
}

/* -- lines ------------------------------------------------------------------ */

/* Where the line is in the table, or the free place for it. */
static size_t *table_place(const struct replay *rp, uint64_t nr)
{
	size_t i = (nr * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (rp->nr_table - 1);

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
	rp->lines[rp->nr_lines] = (struct line){ .nr = nr };
	*place = ++rp->nr_lines;
	return *place - 1;
}

static bool line_known(const struct replay *rp, uint64_t nr)
{
	return rp->nr_table && *table_place(rp, nr);
}

static const uint8_t *cache_of(const struct replay *rp, const struct line *ln)
{
	return ln->nr_versions ? ln->version[ln->nr_versions - 1].data : rp->o.media + ln->nr * RECORD_LINE;
}

static void activate(struct replay *rp, size_t i)
{
	if (rp->lines[i].active)
		return;
	rp->lines[i].active = true;
	if (rp->nr_active == rp->cap_active)
		rp->active = grow_array(rp->active, &rp->cap_active, sizeof(*rp->active));
	rp->active[rp->nr_active++] = i;
}

/* A new version that begins as a copy of what the cache holds. */
static uint8_t *version_add(struct replay *rp, struct line *ln, uint64_t seq)
{
	struct version v = { .seq = seq };

	memcpy(v.data, cache_of(rp, ln), RECORD_LINE);
	if (ln->nr_versions == ln->cap_versions)
		ln->version = grow_array(ln->version, &ln->cap_versions, sizeof(*ln->version));
	ln->version[ln->nr_versions++] = v;
	return ln->version[ln->nr_versions - 1].data;
}

/* -- events ----------------------------------------------------------------- */

static void wait_add(struct replay *rp, const struct record_event *ev, size_t line, uint64_t mask)
{
	if (rp->nr_waits == rp->cap_waits)
		rp->waits = grow_array(rp->waits, &rp->cap_waits, sizeof(*rp->waits));
	struct wait *w = &rp->waits[rp->nr_waits++];

	*w = (struct wait){ .line = line, .thread = ev->thread, .seq = ev->seq, .mask = mask };
	memcpy(w->data, cache_of(rp, &rp->lines[line]), RECORD_LINE);
	rp->lines[line].nr_waits++;
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
		size_t i = line_get(rp, (ev->off + done) / RECORD_LINE);
		uint8_t *cache = version_add(rp, &rp->lines[i], ev->seq);

		if (ev->data)
			memcpy(cache + from, ev->data + done, n);
		else
			memset(cache + from, 0, n);
		activate(rp, i);
		if (waits)
			wait_add(rp, ev, i, byte_mask(from, n));
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
	uint8_t *media = rp->o.media + ln->nr * RECORD_LINE;

	for (unsigned i = 0; i < RECORD_LINE; i++) {
		if (!(w->mask >> i & 1) || w->seq < ln->durable_seq[i])
			continue;
		media[i] = w->data[i];
		ln->durable_seq[i] = w->seq;
	}
	ln->nr_waits--;
	if (rp->o.durable)
		rp->o.durable(rp->o.arg, ln->nr * RECORD_LINE);
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

void replay_event(struct replay *rp, const struct record_event *ev)
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

/* -- what is not durable ------------------------------------------------------ */

/*
 * The words that a version of the line may leave: an old version is out of the
 * question for the bytes of which a younger one is on media.
 */
static uint64_t version_word(const struct line *ln, const struct version *v, unsigned w, const uint8_t *media)
{
	uint8_t bytes[8];
	uint64_t x;

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = v->seq > ln->durable_seq[8 * w + i] ? v->data[8 * w + i] : media[8 * w + i];
	memcpy(&x, bytes, sizeof(x));
	return x;
}

static void word_add_value(struct replay_word *rw, uint64_t value, uint64_t on_media)
{
	if (value == (rw->nr ? rw->value[rw->nr - 1] : on_media))
		return;
	if (rw->nr == REPLAY_VALUES) {
		rw->nr--;
		if (value == rw->value[rw->nr - 1])
			return;		/* what is left ends with it */
	}
	rw->value[rw->nr++] = value;
}

static void word_collect(struct replay *rp, const struct line *ln, unsigned w)
{
	const uint8_t *media = rp->o.media + ln->nr * RECORD_LINE;
	struct replay_word rw = { .off = ln->nr * RECORD_LINE + 8 * w };
	uint64_t on_media;

	memcpy(&on_media, media + 8 * w, sizeof(on_media));
	for (size_t i = 0; i < ln->nr_versions; i++)
		word_add_value(&rw, version_word(ln, &ln->version[i], w, media), on_media);
	if (!rw.nr)
		return;
	if (rp->nr_words == rp->cap_words)
		rp->words = grow_array(rp->words, &rp->cap_words, sizeof(*rp->words));
	rp->words[rp->nr_words++] = rw;
}

/* The cache is the newest version; the older ones go once all of them are behind what is on media. */
static bool line_settled(const struct replay *rp, struct line *ln)
{
	for (unsigned i = 0; i < RECORD_LINE; i++)
		for (size_t v = 0; v < ln->nr_versions; v++)
			if (ln->version[v].seq > ln->durable_seq[i] &&
			    ln->version[v].data[i] != rp->o.media[ln->nr * RECORD_LINE + i])
				return false;
	ln->nr_versions = 0;
	return true;
}

static int word_order(const void *a, const void *b)
{
	uint64_t x = ((const struct replay_word *)a)->off, y = ((const struct replay_word *)b)->off;

	return (x > y) - (x < y);
}

const struct replay_word *replay_pending(struct replay *rp, size_t *nr)
{
	size_t kept = 0;

	rp->nr_words = 0;
	for (size_t i = 0; i < rp->nr_active; i++) {
		struct line *ln = &rp->lines[rp->active[i]];

		for (unsigned w = 0; w < WORDS; w++)
			word_collect(rp, ln, w);
		if (!ln->nr_waits && line_settled(rp, ln))
			ln->active = false;
		else
			rp->active[kept++] = rp->active[i];
	}
	rp->nr_active = kept;
	if (rp->nr_words)
		qsort(rp->words, rp->nr_words, sizeof(*rp->words), word_order);
	*nr = rp->nr_words;
	return rp->words;
}
