/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * commit.c -- the end of a transaction: from shadows to media, all or nothing
 *
 * Owns the order of stores that txn.h promises: undo log and fresh blocks,
 * fence, changes in place, fence, done word, fence.  After a crash the
 * transaction is recovered to "not at all" until the done word is on media, and
 * is there whole from then on.  Runs under the lane's mutex, and under the
 * locks of all that was edited.  Nothing here can fail: txn.c has counted the
 * log space.  May call: disk, pm.
 */
#include <assert.h>
#include <string.h>

#include "disk/lane.h"
#include "pm/pm.h"

#define WORD		8
#define GAP_MIN		16	/* equal bytes that end a run: a record header's worth */

/* Bytes [start, end) of an edit. */
struct span { size_t start, end; };

typedef uint64_t words2 __attribute__((vector_size(2 * WORD)));

/* Lines stored to and not flushed yet. */
struct pending { uint8_t *from, *to; };

static uint64_t word_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static words2 words2_at(const uint8_t *p)
{
	words2 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static words2 diff2(const struct edit *e, size_t pos)
{
	return words2_at(e->shadow + pos) ^ words2_at(e->media + pos);
}

/* most lines that are looked at did not change */
static bool line_same(const struct edit *e, size_t pos)
{
	words2 diff = diff2(e, pos) | diff2(e, pos + 16) | diff2(e, pos + 32) | diff2(e, pos + 48);

	return !(diff[0] | diff[1]);
}

static uint64_t word_changed(const struct edit *e, size_t pos)
{
	return word_at(e->shadow + pos) != word_at(e->media + pos);
}

/* the words of the line at @pos that differ, a bit each */
static uint64_t line_changed(const struct edit *e, size_t pos)
{
	if (line_same(e, pos))
		return 0;
	return word_changed(e, pos) | word_changed(e, pos + 8) << 1 | word_changed(e, pos + 16) << 2 |
	       word_changed(e, pos + 24) << 3 | word_changed(e, pos + 32) << 4 | word_changed(e, pos + 40) << 5 |
	       word_changed(e, pos + 48) << 6 | word_changed(e, pos + 56) << 7;
}

/* the same of what an edit has behind its last whole line */
static uint64_t tail_changed(const struct edit *e, size_t pos)
{
	uint64_t words = 0;

	for (size_t at = pos; at < e->len; at += WORD)
		words |= word_changed(e, at) << (at - pos) / WORD;
	return words;
}

/* how many bits of @w are set without a gap from bit @first on, which is set */
static unsigned ones_from(uint64_t w, unsigned first)
{
	return (unsigned)__builtin_ctzll(~(w >> first));
}

/* append a run's old content to the log */
static void log_add(struct txn *t, struct edit *e, struct span run)
{
	struct dundo *u = (void *)(t->lane->log + sizeof(struct dlog) + t->log_used);
	size_t len = run.end - run.start;

	if (!len)
		return;
	assert(t->log_used + sizeof(*u) + len <= t->log_worst);
	u->off = le64_make(disk_off(t->jn->disk, e->media + run.start));
	u->len = le32_make((uint32_t)len);
	u->rsvd = le32_make(0);
	memcpy(u->old, e->media + run.start, len);
	t->log_used += sizeof(*u) + len;
	t->log_nr++;
	e->nr_runs++;
}

/* more bytes that differ: they lengthen the run, or end it and begin the next */
static void run_add(struct txn *t, struct edit *e, struct span *run, struct span more)
{
	if (run->end == run->start || more.start - run->end >= GAP_MIN) {
		log_add(t, e, *run);
		run->start = more.start;
	}
	run->end = more.end;
}

/* the runs of the words from @pos on that changed */
static void log_words(struct txn *t, struct edit *e, struct span *run, size_t pos, uint64_t words)
{
	while (words) {
		unsigned first = (unsigned)__builtin_ctzll(words), end = first + ones_from(words, first);

		run_add(t, e, run, (struct span){ pos + first * WORD, pos + end * WORD });
		words &= ~UINT64_C(0) << end;
	}
}

static void log_range(struct txn *t, struct edit *e)
{
	struct span run = { 0, 0 };
	size_t pos = 0;

	for (; pos + DAXFS_LINE <= e->len; pos += DAXFS_LINE)
		log_words(t, e, &run, pos, line_changed(e, pos));
	log_words(t, e, &run, pos, tail_changed(e, pos));
	log_add(t, e, run);
}

/* a patched block: only the lines somebody asked for */
static void log_patch(struct txn *t, struct edit *e)
{
	struct span run = { 0, 0 };

	for (uint64_t left = e->touched; left; left &= left - 1) {
		size_t pos = (size_t)__builtin_ctzll(left) * DAXFS_LINE;

		log_words(t, e, &run, pos, line_changed(e, pos));
	}
	log_add(t, e, run);
}

/* complete the shadows and note what they will overwrite; returns fresh blocks */
static size_t log_build(struct txn *t)
{
	size_t fresh = 0;

	t->log_used = 0;
	t->log_nr = 0;
	for (struct edit *e = t->edit; e < t->edit + t->nr; e++) {
		if (e->seal)
			e->seal(e->shadow);
		e->nr_runs = 0;
		if (e->kind == EDIT_FRESH)
			fresh++;
		else if (e->kind == EDIT_PATCH)
			log_patch(t, e);
		else
			log_range(t, e);
	}
	return fresh;
}

/* the log goes out in whole lines: behind its end is rubbish that no checksum covers */
static void log_write(struct txn *t)
{
	struct dlog *log = (void *)t->lane->log;
	size_t bytes = sizeof(*log) + t->log_used;

	log->seq = le32_make(t->lane->seq + 1);
	log->bytes = le32_make((uint32_t)t->log_used);
	log->nr = le32_make(t->log_nr);
	log->csum = le32_make(block_csum(log, bytes, offsetof(struct dlog, csum)));
	bytes = (bytes + DAXFS_LINE - 1) & ~(size_t)(DAXFS_LINE - 1);
	pm_copy(t->jn->disk->rg, t->lane->media + 1, log, bytes);
}

static void fresh_write(struct txn *t)
{
	for (struct edit *e = t->edit; e < t->edit + t->nr; e++)
		if (e->kind == EDIT_FRESH)
			pm_copy(t->jn->disk->rg, e->media, e->shadow, e->len);
}

/* flush what is pending, unless it goes on in the same or the next line */
static void pending_add(struct region *rg, struct pending *pd, uint8_t *from, size_t len)
{
	uintptr_t line = (uintptr_t)from / DAXFS_LINE;

	if (pd->to && line > ((uintptr_t)pd->to - 1) / DAXFS_LINE + 1) {
		pm_flush(rg, pd->from, (size_t)(pd->to - pd->from));
		pd->from = from;
	}
	if (!pd->to)
		pd->from = from;
	pd->to = from + len;
}

/* store what the log's records name, in the order they were made */
static void apply(struct txn *t)
{
	struct region *rg = t->jn->disk->rg;
	const struct dundo *u = (const void *)(t->lane->log + sizeof(struct dlog));
	struct pending pd = { NULL, NULL };

	for (struct edit *e = t->edit; e < t->edit + t->nr; e++) {
		for (unsigned i = 0; i < e->nr_runs; i++) {
			size_t len = le32_get(u->len);
			uint8_t *dst = rg->base + le64_get(u->off);

			pm_store(rg, dst, e->shadow + (dst - e->media), len);
			pending_add(rg, &pd, dst, len);
			u = (const void *)(u->old + len);
		}
	}
	pm_flush(rg, pd.from, (size_t)(pd.to - pd.from));
}

static void mark_done(struct txn *t)
{
	struct lane *lane = t->lane;
	struct region *rg = t->jn->disk->rg;
	struct dlane head = lane_head(lane->self, ++lane->seq);

	pm_copy(rg, lane->media, &head, sizeof(head));
	pm_fence(rg);
}

/*
 * Crash before (1): the log is torn, its checksum fails; no live byte changed.
 * Crash before (2): the log is live; recovery puts the old bytes back.
 * Crash before (3): the same, or, if the done word got out, all is in place.
 * After (3):        all is in place, and the log is not live any more.
 * Fresh blocks are written before (1); until (2) nothing live points to them.
 */
void txn_write_out(struct txn *t)
{
	struct region *rg = t->jn->disk->rg;
	size_t fresh = log_build(t);

	if (fresh)
		fresh_write(t);
	if (t->log_nr)
		log_write(t);
	pm_fence(rg);					/* (1) */
	if (!t->log_nr)
		return;
	apply(t);
	pm_fence(rg);					/* (2) */
	mark_done(t);					/* (3) */
}
