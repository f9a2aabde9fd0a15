// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * balloc.c -- the block allocator: which blocks nothing claims
 *
 * Owns one bit per block (1 = claimed), and per 2 MiB chunk a count and two
 * bits: "touched" (something in it is claimed) and "partial" (touched, with
 * room).  All start as zero, so that opening a terabyte touches no memory.
 * Chunks are divided among groups; a group's lock covers its chunks' bits and
 * counts.  Threads start their search in different groups.
 *
 * Nothing here is on media: after a crash the bits are rebuilt from the inodes.
 * May call: bitmap, the writer of snapshots, corrupt().
 *
 * Names: block, chunk  absolute numbers     grp  a run of chunks with one lock
 */
#include "core/balloc.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/bitmap.h"

#define CHUNK		DAXFS_CHUNK_BLOCKS
#define CHUNK_WORDS	(CHUNK / 64)
#define MAX_GROUPS	64
#define MIN_GROUP_CHUNKS 64		/* 128 MiB; and words of bits are never shared */
#define SPARE		2		/* a group has chunks to spare when one in so many is untouched */
#define TRIES		16		/* partial chunks looked at before taking a free one */

struct group {
	pthread_mutex_t	 lock;
	uint64_t	 first, end;	/* chunks */
	uint64_t	 rotor;		/* partial chunk where the last search ended */
	_Atomic uint64_t nr_free;	/* blocks; changed under the lock */
	_Atomic uint64_t nr_untouched;	/* chunks */
} __attribute__((aligned(DAXFS_LINE)));

struct balloc {
	uint64_t	 nr_blocks, nr_chunks;
	uint64_t	*claimed;	/* bit per block */
	uint16_t	*count;		/* claimed blocks per chunk */
	uint64_t	*touched, *partial;	/* bit per chunk */
	size_t		 claimed_bytes;
	uint64_t	 group_chunks;
	unsigned	 nr_groups;
	struct group	*group;
};

static uint64_t chunk_len(const struct balloc *ba, uint64_t chunk)
{
	return chunk + 1 < ba->nr_chunks ? CHUNK : ba->nr_blocks - chunk * CHUNK;
}

static struct group *group_of(const struct balloc *ba, uint64_t chunk)
{
	uint64_t g = chunk / ba->group_chunks;

	return &ba->group[g < ba->nr_groups ? g : ba->nr_groups - 1];
}

/* -- opening ---------------------------------------------------------------- */

static int open_groups(struct balloc *ba)
{
	uint64_t per = (ba->nr_chunks + MAX_GROUPS - 1) / MAX_GROUPS;

	per = (per + MIN_GROUP_CHUNKS - 1) / MIN_GROUP_CHUNKS * MIN_GROUP_CHUNKS;
	ba->group_chunks = per;
	ba->nr_groups = (unsigned)((ba->nr_chunks + per - 1) / per);
	ba->group = aligned_alloc(DAXFS_LINE, ba->nr_groups * sizeof(*ba->group));
	if (!ba->group)
		return -ENOMEM;
	for (unsigned i = 0; i < ba->nr_groups; i++) {
		struct group *g = &ba->group[i];
		uint64_t end = (i + 1) * per;

		pthread_mutex_init(&g->lock, NULL);
		g->first = g->rotor = i * per;
		g->end = end < ba->nr_chunks ? end : ba->nr_chunks;
		uint64_t last = g->end * CHUNK < ba->nr_blocks ? g->end * CHUNK : ba->nr_blocks;
		atomic_init(&g->nr_free, last - g->first * CHUNK);
		atomic_init(&g->nr_untouched, g->end - g->first);
	}
	return 0;
}

struct balloc *balloc_open(uint64_t nr_blocks)
{
	struct balloc *ba = calloc(1, sizeof(*ba));

	if (!ba)
		return NULL;
	ba->nr_blocks = nr_blocks;
	ba->nr_chunks = (nr_blocks + CHUNK - 1) / CHUNK;
	ba->claimed_bytes = ba->nr_chunks * CHUNK / 8;
	ba->claimed = mmap(NULL, ba->claimed_bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ba->claimed == MAP_FAILED)
		ba->claimed = NULL;
	ba->count = calloc(ba->nr_chunks, sizeof(*ba->count));
	ba->touched = calloc(ba->nr_chunks / 64 + 1, sizeof(uint64_t));
	ba->partial = calloc(ba->nr_chunks / 64 + 1, sizeof(uint64_t));
	if (ba->claimed && ba->count && ba->touched && ba->partial && !open_groups(ba))
		return ba;
	balloc_close(ba);
	return NULL;
}

void balloc_close(struct balloc *ba)
{
	if (!ba)
		return;
	for (unsigned i = 0; ba->group && i < ba->nr_groups; i++)
		pthread_mutex_destroy(&ba->group[i].lock);
	free(ba->group);
	free(ba->partial);
	free(ba->touched);
	free(ba->count);
	if (ba->claimed)
		munmap(ba->claimed, ba->claimed_bytes);
	free(ba);
}

/* -- claiming and releasing, group lock held --------------------------------- */

/* Claimed blocks of @chunk change by @delta: keep counts and chunk bits right. */
static void account(struct balloc *ba, struct group *g, uint64_t chunk, int64_t delta)
{
	unsigned was = ba->count[chunk];
	unsigned now = (unsigned)((int64_t)was + delta);

	assert(now <= chunk_len(ba, chunk));
	ba->count[chunk] = (uint16_t)now;
	bitmap_assign(ba->touched, chunk, now != 0);
	bitmap_assign(ba->partial, chunk, now != 0 && now < chunk_len(ba, chunk));
	atomic_fetch_sub_explicit(&g->nr_free, (uint64_t)delta, memory_order_relaxed);
	if (!was != !now)
		atomic_fetch_add_explicit(&g->nr_untouched, was ? 1 : UINT64_MAX,
					  memory_order_relaxed);
}

/* All within one group. */
static void assign(struct balloc *ba, struct group *g, struct run r, bool claim)
{
	uint64_t b = r.pblk.v, end = b + r.n;

	while (b < end) {
		uint64_t chunk = b / CHUNK;
		uint64_t stop = (chunk + 1) * CHUNK < end ? (chunk + 1) * CHUNK : end;

		assert(bitmap_find(ba->claimed, b, stop, claim) == stop);
		bitmap_assign_range(ba->claimed, b, stop, claim);
		account(ba, g, chunk, claim ? (int64_t)(stop - b) : -(int64_t)(stop - b));
		b = stop;
	}
}

static int mark_in_group(struct balloc *ba, struct group *g, struct run r, uint64_t *clash)
{
	uint64_t end = r.pblk.v + r.n;
	int err = 0;

	pthread_mutex_lock(&g->lock);
	*clash = bitmap_find(ba->claimed, r.pblk.v, end, true);
	if (*clash < end)
		err = -EUCLEAN;
	else
		assign(ba, g, r, true);
	pthread_mutex_unlock(&g->lock);
	return err;
}

int balloc_mark(struct balloc *ba, uint64_t block, uint64_t n, uint64_t *clash)
{
	uint64_t end = block + n;

	assert(end <= ba->nr_blocks);
	while (block < end) {
		struct group *g = group_of(ba, block / CHUNK);
		uint64_t stop = g->end * CHUNK < end ? g->end * CHUNK : end;
		int err = mark_in_group(ba, g, (struct run){ { block }, stop - block }, clash);

		if (err)
			return err;
		block = stop;
	}
	return 0;
}

/* Group lock held.  A map on media may name blocks that nothing claims: release the others. */
static int release(struct balloc *ba, struct group *g, uint64_t block, uint64_t end)
{
	int err = 0;

	while (block < end) {
		uint64_t stop = bitmap_find(ba->claimed, block, end, false);

		if (stop > block)
			assign(ba, g, (struct run){ { block }, stop - block }, false);
		if (stop < end)
			err = corrupt("block %" PRIu64 " is freed, but nothing claimed it", stop);
		block = bitmap_find(ba->claimed, stop, end, true);
	}
	return err;
}

int balloc_free(struct balloc *ba, uint64_t block, uint64_t n)
{
	uint64_t end = block + n;
	int err = 0;

	assert(end <= ba->nr_blocks);
	while (block < end) {
		struct group *g = group_of(ba, block / CHUNK);
		uint64_t stop = g->end * CHUNK < end ? g->end * CHUNK : end;

		pthread_mutex_lock(&g->lock);
		int e = release(ba, g, block, stop);
		pthread_mutex_unlock(&g->lock);
		err = err ? err : e;
		block = stop;
	}
	return err;
}

/* -- searching, group lock held ----------------------------------------------- */

/* Free blocks from @block on, at most @max, within the group. */
static uint64_t free_run(const struct balloc *ba, const struct group *g, uint64_t block, uint64_t max)
{
	uint64_t end = g->end * CHUNK < ba->nr_blocks ? g->end * CHUNK : ba->nr_blocks;

	if (end - block > max)
		end = block + max;
	return bitmap_find(ba->claimed, block, end, true) - block;
}

static bool take(struct balloc *ba, struct group *g, struct run r, struct run *out)
{
	assign(ba, g, r, true);
	*out = r;
	return true;
}

static bool try_goal(struct balloc *ba, struct group *g, const struct balloc_req *rq, struct run *out)
{
	if (rq->goal < g->first * CHUNK || rq->goal >= g->end * CHUNK || rq->goal >= ba->nr_blocks)
		return false;
	uint64_t n = free_run(ba, g, rq->goal, rq->max);

	return n >= rq->min && take(ba, g, (struct run){ { rq->goal }, n }, out);
}

/* The first run of @max free blocks in a chunk, else its longest. */
static struct run best_in_chunk(const struct balloc *ba, uint64_t chunk, uint64_t max)
{
	uint64_t b = chunk * CHUNK, end = b + chunk_len(ba, chunk);
	struct run best = { { 0 }, 0 };

	while (best.n < max && (b = bitmap_find(ba->claimed, b, end, false)) < end) {
		uint64_t stop = bitmap_find(ba->claimed, b, end, true);

		if (stop - b > best.n)
			best = (struct run){ { b }, stop - b };
		b = stop;
	}
	if (best.n > max)
		best.n = max;
	return best;
}

/* The longest run over at most @tries partial chunks, beginning at the rotor. */
static bool try_partial(struct balloc *ba, struct group *g, const struct balloc_req *rq,
			uint64_t tries, struct run *out)
{
	uint64_t chunk = g->rotor;
	struct run best = { { 0 }, 0 };

	for (uint64_t seen = 0, wrapped = 0; seen < tries && best.n < rq->max; seen++, chunk++) {
		chunk = bitmap_find(ba->partial, chunk, g->end, true);
		if (chunk == g->end) {
			if (wrapped++)
				break;
			chunk = bitmap_find(ba->partial, g->first, g->end, true);
			if (chunk == g->end)
				break;
		}
		struct run r = best_in_chunk(ba, chunk, rq->max);

		if (r.n > best.n) {
			best = r;
			g->rotor = chunk;
		}
	}
	return best.n >= rq->min && take(ba, g, best, out);
}

/* The first run of @want untouched chunks, else the longest; chunks in .n. */
static struct run best_untouched(const struct balloc *ba, const struct group *g, uint64_t want)
{
	struct run best = { { 0 }, 0 };
	uint64_t c = g->first;

	while (best.n < want && (c = bitmap_find(ba->touched, c, g->end, false)) < g->end) {
		uint64_t stop = bitmap_find(ba->touched, c, g->end, true);

		if (stop - c > best.n)
			best = (struct run){ { c }, stop - c };
		c = stop;
	}
	return best;
}

static bool try_untouched(struct balloc *ba, struct group *g, const struct balloc_req *rq, struct run *out)
{
	uint64_t phase = rq->phase % CHUNK;
	struct run c = best_untouched(ba, g, (phase + rq->max + CHUNK - 1) / CHUNK);

	if (!c.n)
		return false;
	uint64_t b = c.pblk.v * CHUNK + phase;

	if (b >= ba->nr_blocks)
		return false;
	uint64_t n = free_run(ba, g, b, rq->max);

	return n >= rq->min && take(ba, g, (struct run){ { b }, n }, out);
}

enum pass { PASS_PREFERRED, PASS_OTHER, PASS_ANYTHING };

/* Small: holes, then a new chunk.  Large: a new chunk, then holes.  At last any hole. */
static bool try_group(struct balloc *ba, struct group *g, const struct balloc_req *rq,
		      enum pass pass, struct run *out)
{
	bool untouched = (rq->flags & BALLOC_LARGE) ? pass == PASS_PREFERRED : pass == PASS_OTHER;
	bool ok;

	if (atomic_load_explicit(&g->nr_free, memory_order_relaxed) < rq->min)
		return false;
	pthread_mutex_lock(&g->lock);
	if (pass == PASS_ANYTHING)
		ok = try_partial(ba, g, rq, UINT64_MAX, out) || try_untouched(ba, g, rq, out);
	else if (untouched)
		ok = try_untouched(ba, g, rq, out);
	else
		ok = try_partial(ba, g, rq, TRIES, out);
	pthread_mutex_unlock(&g->lock);
	return ok;
}

static bool alloc_at_goal(struct balloc *ba, const struct balloc_req *rq, struct run *out)
{
	if (!rq->goal || rq->goal >= ba->nr_blocks)
		return false;
	struct group *g = group_of(ba, rq->goal / CHUNK);

	pthread_mutex_lock(&g->lock);
	bool ok = try_goal(ba, g, rq, out);
	pthread_mutex_unlock(&g->lock);
	return ok;
}

/* Near the goal, else by CPU, so that threads meet in a group as rarely as possible. */
static unsigned first_group(const struct balloc *ba, const struct balloc_req *rq)
{
	if (rq->goal && rq->goal < ba->nr_blocks)
		return (unsigned)(group_of(ba, rq->goal / CHUNK) - ba->group);
	int cpu = sched_getcpu();

	return cpu > 0 ? (unsigned)cpu % ba->nr_groups : 0;
}

/*
 * A small request stays in its group as long as that has holes, or chunks to spare: holes elsewhere
 * are other threads', and looking for them would take every group's lock.
 */
static bool try_home(struct balloc *ba, struct group *g, const struct balloc_req *rq, struct run *out)
{
	bool ok;

	if (rq->flags & BALLOC_LARGE)
		return false;
	pthread_mutex_lock(&g->lock);
	ok = try_partial(ba, g, rq, TRIES, out);
	if (!ok && atomic_load_explicit(&g->nr_untouched, memory_order_relaxed) > (g->end - g->first) / SPARE)
		ok = try_untouched(ba, g, rq, out);
	pthread_mutex_unlock(&g->lock);
	return ok;
}

/* A file that has got large leaves the place where it was small, if that keeps it from having whole chunks. */
static bool goal_suits(const struct balloc_req *rq)
{
	return !(rq->flags & BALLOC_LARGE) || rq->goal % CHUNK == rq->phase % CHUNK;
}

int balloc_alloc(struct balloc *ba, const struct balloc_req *rq, struct run *out)
{
	unsigned first = first_group(ba, rq);

	assert(rq->min >= 1 && rq->min <= rq->max);
	if ((goal_suits(rq) && alloc_at_goal(ba, rq, out)) || try_home(ba, &ba->group[first], rq, out))
		return 0;
	for (enum pass pass = PASS_PREFERRED; pass <= PASS_ANYTHING; pass++) {
		if (pass == PASS_OTHER && !goal_suits(rq) && alloc_at_goal(ba, rq, out))
			return 0;
		for (unsigned i = 0; i < ba->nr_groups; i++)
			if (try_group(ba, &ba->group[(first + i) % ba->nr_groups], rq, pass, out))
				return 0;
	}
	return -ENOSPC;
}

/* -- counts, snapshot, check --------------------------------------------------- */

uint64_t balloc_nr_free(const struct balloc *ba)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < ba->nr_groups; i++)
		n += atomic_load_explicit(&ba->group[i].nr_free, memory_order_relaxed);
	return n;
}

uint64_t balloc_nr_free_chunks(const struct balloc *ba)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < ba->nr_groups; i++)
		n += atomic_load_explicit(&ba->group[i].nr_untouched, memory_order_relaxed);
	return n;
}

static bool chunk_full(const struct balloc *ba, uint64_t chunk)
{
	return ba->count[chunk] == chunk_len(ba, chunk);
}

/* Calls back for each run of full chunks. */
static uint64_t next_full_run(const struct balloc *ba, uint64_t *chunk)
{
	uint64_t n = 0;

	while (*chunk < ba->nr_chunks && !chunk_full(ba, *chunk))
		++*chunk;
	while (*chunk + n < ba->nr_chunks && chunk_full(ba, *chunk + n))
		n++;
	return n;
}

void balloc_snap_counts(const struct balloc *ba, struct snap_counts *c)
{
	uint64_t chunk = 0, n;

	c->nr_full = c->nr_part = 0;
	for (; (n = next_full_run(ba, &chunk)) != 0; chunk += n)
		c->nr_full++;
	for (chunk = 0; (chunk = bitmap_find(ba->partial, chunk, ba->nr_chunks, true)) < ba->nr_chunks; chunk++)
		c->nr_part++;
	c->nr_free = balloc_nr_free(ba);
}

void balloc_snap_write(const struct balloc *ba, struct snap_writer *w)
{
	uint64_t chunk = 0, n;

	for (; (n = next_full_run(ba, &chunk)) != 0; chunk += n)
		snap_write_run(w, chunk, n);
	for (chunk = 0; (chunk = bitmap_find(ba->partial, chunk, ba->nr_chunks, true)) < ba->nr_chunks; chunk++)
		snap_write_chunk(w, chunk, &ba->claimed[chunk * CHUNK_WORDS]);
}

/* Loading happens before there are other threads: no lock. */
void balloc_load_run(struct balloc *ba, uint64_t chunk, uint64_t count)
{
	for (; count; count--, chunk++) {
		struct group *g = group_of(ba, chunk);
		uint64_t b = chunk * CHUNK;

		bitmap_assign_range(ba->claimed, b, b + chunk_len(ba, chunk), true);
		account(ba, g, chunk, (int64_t)(chunk_len(ba, chunk) - ba->count[chunk]));
	}
}

void balloc_load_chunk(struct balloc *ba, uint64_t chunk, const uint64_t used[8])
{
	uint64_t *words = &ba->claimed[chunk * CHUNK_WORDS];
	unsigned n = 0;

	for (unsigned i = 0; i < CHUNK_WORDS; i++) {
		words[i] = used[i] & bitmap_word_mask(chunk * CHUNK_WORDS + i, 0, ba->nr_blocks);
		n += (unsigned)__builtin_popcountll(words[i]);
	}
	account(ba, group_of(ba, chunk), chunk, (int64_t)n - ba->count[chunk]);
}

static int check_chunk(const struct balloc *ba, uint64_t chunk)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CHUNK_WORDS; i++)
		n += (unsigned)__builtin_popcountll(ba->claimed[chunk * CHUNK_WORDS + i]);
	if (n != ba->count[chunk])
		return corrupt("allocator: chunk %" PRIu64 " counts %u claimed blocks, has %u",
			       chunk, ba->count[chunk], n);
	if (bitmap_test(ba->touched, chunk) != (n != 0) ||
	    bitmap_test(ba->partial, chunk) != (n != 0 && n < chunk_len(ba, chunk)))
		return corrupt("allocator: chunk %" PRIu64 " has the wrong class for %u blocks", chunk, n);
	return 0;
}

int balloc_check(const struct balloc *ba)
{
	uint64_t nr_free = 0;

	for (uint64_t chunk = 0; chunk < ba->nr_chunks; chunk++) {
		int err = check_chunk(ba, chunk);

		if (err)
			return err;
		nr_free += chunk_len(ba, chunk) - ba->count[chunk];
	}
	if (nr_free != balloc_nr_free(ba))
		return corrupt("allocator: counts %" PRIu64 " free blocks, has %" PRIu64,
			       balloc_nr_free(ba), nr_free);
	return 0;
}
