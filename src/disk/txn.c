/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * txn.c -- the body of a transaction: shadows in DRAM
 *
 * Owns the table of edits of the transaction that runs in each lane.  Nothing
 * here stores to media: a crash or an abort before commit.c takes over leaves
 * no trace.  The table and all shadows belong to the thread that holds the
 * lane's mutex.  Log space is counted at its worst while the body runs, so that
 * commit can not run out of it.  May call: arena, runvec, disk, the hooks.
 *
 * The worst case of an edit is its length and one record header: a run ends
 * only where 16 equal bytes follow, which pay for the next run's header.
 */
#include "disk/txn.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "disk/lane.h"
#include "pm/region.h"

#define EDITS_AT_FIRST	64
#define ALL_LINES	UINT64_MAX
#define HEADER_LINE	UINT64_C(1)

int txn_init(struct txn *t, struct journal *jn, struct lane *lane)
{
	int err;

	*t = (struct txn){ .jn = jn, .lane = lane, .cap = EDITS_AT_FIRST };
	runvec_init(&t->took);
	runvec_init(&t->freed);
	t->edit = calloc(t->cap, sizeof(*t->edit));
	if (!t->edit)
		return -ENOMEM;
	err = arena_init(&t->arena);
	if (err)
		free(t->edit);
	return err;
}

void txn_fini(struct txn *t)
{
	runvec_fini(&t->took);
	runvec_fini(&t->freed);
	arena_fini(&t->arena);
	free(t->edit);
}

static struct lane *lane_take(struct journal *jn)
{
	int cpu = sched_getcpu();
	unsigned first = cpu < 0 ? 0 : (unsigned)cpu % jn->nr_lanes;

	for (unsigned i = 0; i < jn->nr_lanes; i++) {
		struct lane *lane = &jn->lane[(first + i) % jn->nr_lanes];

		if (pthread_mutex_trylock(&lane->lock) == 0)
			return lane;
	}
	pthread_mutex_lock(&jn->lane[first].lock);
	return &jn->lane[first];
}

struct txn *txn_begin(struct journal *jn)
{
	struct txn *t = &lane_take(jn)->txn;

	assert(t->nr == 0 && t->log_worst == 0 && t->took.nr == 0 && t->freed.nr == 0);
	return t;
}

/* index of the first edit at or after an address */
static size_t position(const struct txn *t, const uint8_t *media)
{
	size_t lo = 0, hi = t->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->edit[mid].media < media)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct edit *lookup(const struct txn *t, const void *media)
{
	size_t i = position(t, media);

	return i < t->nr && t->edit[i].media == media ? &t->edit[i] : NULL;
}

static bool log_reserve(struct txn *t, size_t bytes)
{
	size_t max = lane_log_max(t->jn->lane_bytes) - sizeof(struct dlog);

	if (t->log_worst + bytes > max)
		return false;
	t->log_worst += bytes;
	return true;
}

size_t txn_log_left(const struct txn *t)
{
	return lane_log_max(t->jn->lane_bytes) - sizeof(struct dlog) - t->log_worst;
}

static size_t patch_cost(uint64_t lines)
{
	return (size_t)__builtin_popcountll(lines) * (DAXFS_LINE + sizeof(struct dundo));
}

static size_t edit_cost(const struct edit *e)
{
	switch (e->kind) {
	case EDIT_RANGE:
		return e->len + sizeof(struct dundo);
	case EDIT_PATCH:
		return patch_cost(e->touched);
	default:
		return 0;
	}
}

static bool table_grow(struct txn *t)
{
	struct edit *edit = realloc(t->edit, 2 * t->cap * sizeof(*edit));

	if (!edit)
		return false;
	t->edit = edit;
	t->cap *= 2;
	return true;
}

/* a new entry in the table; its shadow has no content yet */
static struct edit *edit_new(struct txn *t, void *media, size_t len, enum edit_kind kind)
{
	size_t i = position(t, media);
	struct edit *e;
	uint8_t *shadow;

	assert(i == 0 || t->edit[i - 1].media + t->edit[i - 1].len <= (uint8_t *)media);
	assert(i == t->nr || (uint8_t *)media + len <= t->edit[i].media);
	if (t->nr == t->cap && !table_grow(t))
		return NULL;
	shadow = arena_alloc(&t->arena, len);
	if (!shadow)
		return NULL;
	e = &t->edit[i];
	memmove(e + 1, e, (t->nr - i) * sizeof(*e));
	t->nr++;
	*e = (struct edit){ .media = media, .shadow = shadow, .len = (uint32_t)len, .kind = (uint16_t)kind };
	return e;
}

void *txn_edit(struct txn *t, void *media, size_t len, txn_seal_fn seal)
{
	struct edit *e = lookup(t, media);

	assert((uintptr_t)media % 8 == 0 && len % 8 == 0 && len > 0 && len <= DAXFS_BLOCK_SIZE);
	if (e) {
		assert(e->len == len && e->kind != EDIT_PATCH);
		return e->shadow;
	}
	if (!log_reserve(t, len + sizeof(struct dundo)))
		return NULL;
	e = edit_new(t, media, len, EDIT_RANGE);
	if (!e)
		return NULL;
	e->seal = seal;
	return memcpy(e->shadow, media, len);
}

/* the lines that [off, off + len) touches, one bit each */
static uint64_t line_mask(size_t off, size_t len)
{
	size_t first = off / DAXFS_LINE, last = (off + len - 1) / DAXFS_LINE;

	return (ALL_LINES >> (63 - (last - first))) << first;
}

/* copy from media those lines that the shadow lacks */
static void fill_lines(struct edit *e, uint64_t lines)
{
	lines &= ~e->filled;
	e->filled |= lines;
	while (lines) {
		size_t off = (size_t)__builtin_ctzll(lines) * DAXFS_LINE;

		memcpy(e->shadow + off, e->media + off, DAXFS_LINE);
		lines &= lines - 1;
	}
}

void *txn_patch(struct txn *t, void *block, size_t off, size_t len)
{
	struct edit *e = lookup(t, block);
	uint64_t lines;

	assert((uintptr_t)block % DAXFS_BLOCK_SIZE == 0);
	assert(len > 0 && off < DAXFS_BLOCK_SIZE && len <= DAXFS_BLOCK_SIZE - off);
	if (e && e->kind == EDIT_FRESH)
		return e->shadow;
	assert(!e || e->kind == EDIT_PATCH);
	if (!e)
		e = edit_new(t, block, DAXFS_BLOCK_SIZE, EDIT_PATCH);
	if (!e)
		return NULL;
	lines = line_mask(off, len);
	if (!log_reserve(t, patch_cost(lines & ~e->touched)))
		return NULL;
	fill_lines(e, lines);
	e->touched |= lines;
	return e->shadow;
}

void *txn_fresh(struct txn *t, pblk_t b, txn_seal_fn seal)
{
	struct edit *e = edit_new(t, disk_ptr(t->jn->disk, b), DAXFS_BLOCK_SIZE, EDIT_FRESH);

	if (!e)
		return NULL;
	e->seal = seal;
	return memset(e->shadow, 0, DAXFS_BLOCK_SIZE);
}

const void *txn_view(const struct txn *t, const void *media)
{
	struct edit *e = lookup(t, media);

	if (!e)
		return media;
	if (e->kind == EDIT_PATCH)
		fill_lines(e, ALL_LINES);
	return e->shadow;
}

const void *txn_view_part(const struct txn *t, const void *block, size_t off, size_t len)
{
	struct edit *e = t->nr ? lookup(t, block) : NULL;

	if (!e)
		return block;
	if (e->kind == EDIT_PATCH)
		fill_lines(e, line_mask(off, len) | HEADER_LINE);
	return e->shadow;
}

int txn_alloc(struct txn *t, pblk_t *out)
{
	const struct journal_hooks *h = &t->jn->hooks;
	struct runvec one;
	int err = h->alloc(h->arg, out);

	if (err)
		return err;
	err = runvec_add(&t->took, *out, 1);
	if (err) {
		runvec_init(&one);
		runvec_add(&one, *out, 1);
		h->unalloc(h->arg, &one);
		runvec_fini(&one);
	}
	return err;
}

int txn_took(struct txn *t, pblk_t b, uint64_t n)
{
	return runvec_add(&t->took, b, n);
}

/* forget edits of blocks that are on their way out: nothing will point to them */
static void drop_edits(struct txn *t, pblk_t b, uint64_t n)
{
	const uint8_t *from = disk_ptr(t->jn->disk, b);
	size_t first = position(t, from), last = first;

	while (last < t->nr && t->edit[last].media < from + (n << DAXFS_BLOCK_SHIFT))
		t->log_worst -= edit_cost(&t->edit[last++]);
	memmove(&t->edit[first], &t->edit[last], (t->nr - last) * sizeof(t->edit[0]));
	t->nr -= last - first;
}

int txn_free(struct txn *t, pblk_t b, uint64_t n)
{
	int err = runvec_add(&t->freed, b, n);

	if (!err && t->nr)
		drop_edits(t, b, n);
	return err;
}

/* make the lane ready for its next transaction */
static void reset(struct txn *t)
{
	t->nr = 0;
	t->log_worst = 0;
	runvec_fini(&t->took);
	runvec_fini(&t->freed);
	arena_reset(&t->arena);
	pthread_mutex_unlock(&t->lane->lock);
}

/*
 * Blocks become free for others only after the last fence: one of them might
 * otherwise be overwritten while a crash still brings back what points to it.
 */
void txn_commit(struct txn *t)
{
	const struct journal_hooks *h = &t->jn->hooks;
	struct runvec freed;

	txn_write_out(t);
	runvec_move(&freed, &t->freed);
	reset(t);
	if (freed.nr)
		h->freed(h->arg, &freed);
	runvec_fini(&freed);
}

void txn_abort(struct txn *t)
{
	const struct journal_hooks *h = &t->jn->hooks;
	struct runvec took;

	runvec_move(&took, &t->took);
	reset(t);
	if (took.nr)
		h->unalloc(h->arg, &took);
	runvec_fini(&took);
}
