// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * writeout.c -- from private copies to media
 *
 * Everything before step 5 changes nothing that a sound filesystem shows.  The
 * repairs themselves go out as the engine's transactions do: old content into
 * lanes, fence, new content in place, fence, lanes done.  As many lanes are used
 * at once as there are, so that most repairs are all or nothing; more than they
 * hold goes in several batches, and a crash between two leaves a filesystem
 * that is partly repaired, for another run.
 *
 * Crash before (1): nothing has happened.
 * Crash before (2): lanes whose header was damaged are idle.
 * Crash before (3): some transactions are rolled back, as the next mount would.
 * Crash before (5): the filesystem is unclean and as damaged as before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/lanes.h"
#include "disk/disk.h"
#include "pm/pm.h"

#define GAP_MIN		16	/* equal bytes that end a run: a record header's worth */
#define LANES_MAX	64	/* used at once */
#define ROOT_OFF	offsetof(struct dsuper, ifile)
#define ROOT_END	(ROOT_OFF + sizeof(struct dinode))

/* A lane that is idle, and the log that is being made for it. */
struct log { struct lane_at at; uint8_t *buf; size_t used; uint32_t nr; };

struct writer {
	struct media *m;
	const struct media_geometry *g;
	struct copy **edit;	/* those to be written in place, by block */
	size_t nr_edits;
	struct log log[LANES_MAX];
	unsigned nr_logs, cur;
};

static uint8_t *at(const struct media *m, uint64_t off)
{
	return m->rg->base + off;
}

/* -- 1, 2: lanes --------------------------------------------------------------------- */

static void put_done(const struct media *m, const struct lane_at *l, uint32_t done)
{
	struct dlane head;

	lane_header(&head, l->self, done);
	pm_copy(m->rg, at(m, l->blk << DAXFS_BLOCK_SHIFT), &head, sizeof(head));
	pm_fence(m->rg);
}

static void put_headers(const struct media *m, const struct media_geometry *g)
{
	for (uint32_t i = 0; i < g->nr_lanes; i++) {
		uint64_t blk = g->journal + (uint64_t)i * g->lane_blocks;
		const struct copy *c = media_find(m, blk);

		if (c && (c->flags & COPY_EDITED))
			pm_copy(m->rg, at(m, blk << DAXFS_BLOCK_SHIFT), c->bytes, sizeof(struct dlane));
	}
	pm_fence(m->rg);					/* (1) */
}

static int undo(void *arg, const struct lane_record *r)
{
	const struct media *m = arg;

	pm_copy(m->rg, at(m, r->off), r->old, r->len);
	return 0;
}

/* Ends the lane's log, undone if it is live.  A lane that cannot be used is left alone. */
static bool settle_lane(struct media *m, const struct media_geometry *g, struct lane_at *l, bool clean)
{
	struct lane_visit v = { m, g, undo, m };
	enum lane_log state = lane_log(l);
	uint32_t bad;

	if (state == LANE_IDLE)
		return true;
	if (state == LANE_LIVE && !clean) {
		if (lane_each(l, &v, &bad))
			return false;
		pm_fence(m->rg);
	}
	l->done = le32_get(l->log->seq);
	put_done(m, l, l->done);
	return true;
}

static void settle_lanes(struct writer *w, bool clean)
{
	for (uint32_t i = 0; i < w->g->nr_lanes; i++) {
		struct lane_at l;

		if (lane_open(w->m, w->g, i, &l) || !settle_lane(w->m, w->g, &l, clean))
			continue;
		if (w->nr_logs < LANES_MAX)
			w->log[w->nr_logs++].at = l;
	}
}

/* -- 3: state ------------------------------------------------------------------------------ */

static bool is_clean(const struct media *m, const struct media_geometry *g)
{
	const struct dsuper *sb = (const void *)m->rg->base;
	uint32_t state;

	return !sealed_open(sb->state, g->uuid, sizeof(g->uuid), &state) && state == DAXFS_STATE_CLEAN;
}

/* The snapshot reference follows with the rest of block 0; nobody looks at it from here on. */
static void put_state(const struct media *m, const struct media_geometry *g)
{
	struct dsuper *sb = (void *)m->rg->base;
	sealed32 w = sealed_make(g->uuid, sizeof(g->uuid), DAXFS_STATE_DIRTY);

	pm_store8(m->rg, &sb->state, w.w.le);
	pm_persist(m->rg, &sb->state, sizeof(w));		/* (3) */
}

/* -- 4: what nothing points to -------------------------------------------------------------- */

static void put_fresh(const struct media *m)
{
	for (size_t i = 0; i < m->nr_moves; i++)
		pm_copy(m->rg, at(m, m->move[i].dst << DAXFS_BLOCK_SHIFT),
			at(m, m->move[i].src << DAXFS_BLOCK_SHIFT), m->move[i].n << DAXFS_BLOCK_SHIFT);
	for (size_t i = 0; i < m->cap; i++) {
		const struct copy *c = m->slot[i];

		if (c && (c->flags & COPY_FRESH))
			pm_copy(m->rg, at(m, c->blk << DAXFS_BLOCK_SHIFT), c->bytes, sizeof(c->bytes));
	}
	pm_fence(m->rg);					/* (4) */
}

/* The parts of a superblock that no log may cover; the other one is whole meanwhile. */
static void put_super(const struct media *m, uint64_t blk)
{
	const struct copy *c = media_find(m, blk);
	uint8_t *sb = at(m, blk << DAXFS_BLOCK_SHIFT);

	if (!c || !(c->flags & COPY_EDITED))
		return;
	if (memcmp(sb, c->bytes, ROOT_OFF))
		pm_copy(m->rg, sb, c->bytes, ROOT_OFF);
	if (memcmp(sb + ROOT_END, c->bytes + ROOT_END, DAXFS_BLOCK_SIZE - ROOT_END))
		pm_copy(m->rg, sb + ROOT_END, c->bytes + ROOT_END, DAXFS_BLOCK_SIZE - ROOT_END);
	pm_fence(m->rg);
}

/* -- 5: repairs --------------------------------------------------------------------------------- */

static uint64_t word_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static const uint8_t *new_content(const struct writer *w, uint64_t off)
{
	return media_find(w->m, off >> DAXFS_BLOCK_SHIFT)->bytes + off % DAXFS_BLOCK_SIZE;
}

static void log_out(const struct writer *w, struct log *l)
{
	struct dlog *head = (void *)l->buf;
	size_t bytes = sizeof(*head) + l->used;

	head->seq = le32_make(l->at.done + 1);
	head->bytes = le32_make((uint32_t)l->used);
	head->nr = le32_make(l->nr);
	head->csum = le32_make(block_csum(head, bytes, offsetof(struct dlog, csum)));
	pm_copy(w->m->rg, at(w->m, (l->at.blk << DAXFS_BLOCK_SHIFT) + sizeof(struct dlane)), head, bytes);
}

static void apply(const struct writer *w, const struct log *l)
{
	const uint8_t *p = l->buf + sizeof(struct dlog);

	for (uint32_t i = 0; i < l->nr; i++) {
		const struct dundo *u = (const void *)p;

		pm_copy(w->m->rg, at(w->m, le64_get(u->off)), new_content(w, le64_get(u->off)), le32_get(u->len));
		p += sizeof(*u) + le32_get(u->len);
	}
}

/*
 * Crash before (a): torn logs.  Before (b): live logs, all is put back.
 * Before (c): some of the lanes are put back, others not: for another run.
 */
static void batch_out(struct writer *w)
{
	struct region *rg = w->m->rg;
	unsigned n = 0;

	while (n < w->nr_logs && w->log[n].nr)
		log_out(w, &w->log[n++]);
	pm_fence(rg);						/* (a) */
	for (unsigned i = 0; i < n; i++)
		apply(w, &w->log[i]);
	pm_fence(rg);						/* (b) */
	for (unsigned i = 0; i < n; i++) {
		struct log *l = &w->log[i];

		put_done(w->m, &l->at, ++l->at.done);		/* (c) */
		l->used = l->nr = 0;
	}
	w->cur = 0;
}

/* The lane with room for @len bytes; NULL: there is no lane at all. */
static struct log *room_for(struct writer *w, size_t len)
{
	if (!w->nr_logs)
		return NULL;
	if (w->log[w->cur].used + sizeof(struct dundo) + len > w->log[w->cur].at.log_max && ++w->cur == w->nr_logs)
		batch_out(w);
	return &w->log[w->cur];
}

static void add_run(struct writer *w, uint64_t off, size_t len)
{
	struct log *l = room_for(w, len);
	struct dundo *u;

	if (!l) {
		pm_copy(w->m->rg, at(w->m, off), new_content(w, off), len);
		return;
	}
	u = (void *)(l->buf + sizeof(struct dlog) + l->used);
	u->off = le64_make(off);
	u->len = le32_make((uint32_t)len);
	u->rsvd = le32_make(0);
	memcpy(u->old, at(w->m, off), len);
	l->used += sizeof(*u) + len;
	l->nr++;
}

/* Bytes [from, to) of a block: the runs of words that differ. */
static void add_diffs(struct writer *w, const struct copy *c, size_t from, size_t to)
{
	const uint8_t *old = at(w->m, c->blk << DAXFS_BLOCK_SHIFT);
	size_t start = to, end = from;

	for (size_t pos = from; pos < to; pos += sizeof(uint64_t)) {
		if (word_at(old + pos) == word_at(c->bytes + pos))
			continue;
		if (start < to && pos - end >= GAP_MIN) {
			add_run(w, (c->blk << DAXFS_BLOCK_SHIFT) + start, end - start);
			start = to;
		}
		if (start == to)
			start = pos;
		end = pos + sizeof(uint64_t);
	}
	if (start < to)
		add_run(w, (c->blk << DAXFS_BLOCK_SHIFT) + start, end - start);
}

static void put_edits(struct writer *w)
{
	uint64_t last = w->m->nr_blocks - 1;

	for (size_t i = 0; i < w->nr_edits; i++) {
		const struct copy *c = w->edit[i];
		bool super = c->blk == 0 || c->blk == last;

		add_diffs(w, c, super ? ROOT_OFF : 0, super ? ROOT_END : DAXFS_BLOCK_SIZE);
	}
	batch_out(w);
}

/* -- all of it --------------------------------------------------------------------------------------- */

static int by_blk(const void *a, const void *b)
{
	const struct copy *const *x = a, *const *y = b;

	return (*x)->blk < (*y)->blk ? -1 : (*x)->blk > (*y)->blk;
}

static bool in_lanes(const struct writer *w, uint64_t blk)
{
	return blk >= w->g->journal && blk < w->g->journal + (uint64_t)w->g->nr_lanes * w->g->lane_blocks;
}

static int collect(struct writer *w)
{
	const struct media *m = w->m;

	w->edit = calloc(m->nr ? m->nr : 1, sizeof(struct copy *));
	if (!w->edit)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++) {
		struct copy *c = m->slot[i];

		if (c && (c->flags & COPY_EDITED) && !(c->flags & COPY_FRESH) && !in_lanes(w, c->blk))
			w->edit[w->nr_edits++] = c;
	}
	qsort(w->edit, w->nr_edits, sizeof(struct copy *), by_blk);
	return 0;
}

static int make_buffers(struct writer *w)
{
	for (unsigned i = 0; i < w->nr_logs; i++) {
		w->log[i].buf = malloc(w->log[i].at.log_max + sizeof(struct dlog));
		if (!w->log[i].buf)
			return -ENOMEM;
	}
	return 0;
}

/* Whatever fails for want of memory does so before the first repair. */
static int write_all(void *arg)
{
	struct writer *w = arg;
	bool clean = is_clean(w->m, w->g);
	int err = collect(w);

	if (err)
		return err;
	put_headers(w->m, w->g);
	settle_lanes(w, clean);					/* (2) */
	err = make_buffers(w);
	if (err)
		return err;
	put_state(w->m, w->g);
	put_fresh(w->m);
	put_super(w->m, w->m->nr_blocks - 1);
	put_super(w->m, 0);
	put_edits(w);						/* (5) */
	return region_error(w->m->rg);
}

int media_write(struct media *m, const struct media_geometry *g, uint64_t *off)
{
	struct writer w = { .m = m, .g = g };
	int err = pm_run_guarded(m->rg, write_all, &w, off);

	for (unsigned i = 0; i < w.nr_logs; i++)
		free(w.log[i].buf);
	free(w.edit);
	return err;
}
