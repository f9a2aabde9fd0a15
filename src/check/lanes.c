// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * lanes.c -- the journal: are the lanes sound, and what will recovery undo
 *
 * An unclean filesystem may hold live logs; what they restore goes into private
 * copies, so that everything behind this phase sees what the next mount will
 * see.  media_write() puts it on media before any repair.  A lane whose header
 * is damaged gets a new one whose "done" ends whatever log lies there: the
 * transaction it may have held can then not be rolled back, and what it left is
 * found by the phases that follow.
 */
#include "check/lanes.h"

#include <errno.h>
#include <string.h>

#include "check/state.h"
#include "disk/disk.h"

static uint64_t lane_blk(const struct media_geometry *g, uint32_t self)
{
	return g->journal + (uint64_t)self * g->lane_blocks;
}

/* The log is read from media: only headers ever get a copy. */
const char *lane_open(const struct media *m, const struct media_geometry *g, uint32_t self, struct lane_at *l)
{
	const struct dlane *lane = media_at(m, lane_blk(g, self));
	le32 salt = le32_make(self);

	l->blk = lane_blk(g, self);
	l->self = self;
	l->log = (const void *)(m->rg->base + (l->blk << DAXFS_BLOCK_SHIFT) + sizeof(*lane));
	l->log_max = ((size_t)g->lane_blocks << DAXFS_BLOCK_SHIFT) - sizeof(*lane) - sizeof(*l->log);
	if (le32_get(lane->magic) != DAXFS_LANE_MAGIC)
		return "magic is wrong";
	if (le32_get(lane->self) != self)
		return "says it is another lane";
	if (sealed_open(lane->done, &salt, sizeof(salt), &l->done))
		return "its done word is damaged";
	return media_zero(lane->rsvd, sizeof(lane->rsvd)) ? NULL : "reserved bytes are not zero";
}

static bool log_whole(const struct lane_at *l)
{
	size_t bytes = le32_get(l->log->bytes);

	return bytes <= l->log_max &&
	       block_csum(l->log, sizeof(*l->log) + bytes, offsetof(struct dlog, csum)) == le32_get(l->log->csum);
}

enum lane_log lane_log(const struct lane_at *l)
{
	if (le32_get(l->log->seq) != (uint32_t)(l->done + 1))
		return LANE_IDLE;
	return log_whole(l) ? LANE_LIVE : LANE_TORN;
}

void lane_header(struct dlane *out, uint32_t self, uint32_t done)
{
	le32 salt = le32_make(self);

	memset(out, 0, sizeof(*out));
	out->magic = le32_make(DAXFS_LANE_MAGIC);
	out->self = le32_make(self);
	out->done = sealed_make(&salt, sizeof(salt), done);
}

/* -- records ------------------------------------------------------------------------ */

static bool in_root(uint64_t at, uint64_t len)
{
	uint64_t root = offsetof(struct dsuper, ifile);

	return at >= root && at + len <= root + sizeof(struct dinode);
}

static bool target_ok(const struct lane_visit *v, uint64_t off, uint64_t len)
{
	uint64_t first = off >> DAXFS_BLOCK_SHIFT, last = (off + len - 1) >> DAXFS_BLOCK_SHIFT;
	uint64_t lanes_end = v->g->journal + (uint64_t)v->g->nr_lanes * v->g->lane_blocks;

	if (first == 0 || first == v->m->nr_blocks - 1)
		return in_root(off % DAXFS_BLOCK_SIZE, len);
	return last < v->m->nr_blocks - 1 && (first >= lanes_end || last < v->g->journal);
}

/* Bytes of the record, header included, or 0. */
static size_t record_size(const struct lane_visit *v, const struct dundo *u, size_t left)
{
	uint64_t off = left < sizeof(*u) ? 0 : le64_get(u->off);
	size_t len = left < sizeof(*u) ? 0 : le32_get(u->len);

	if (len == 0 || len > DAXFS_BLOCK_SIZE || len % 8 || off % 8 || le32_get(u->rsvd))
		return 0;
	if (len > left - sizeof(*u) || off >= v->m->nr_blocks << DAXFS_BLOCK_SHIFT || !target_ok(v, off, len))
		return 0;
	return sizeof(*u) + len;
}

/* Walks all records; hands them out only with @deliver. */
static int walk(const struct lane_at *l, const struct lane_visit *v, uint32_t *bad, bool deliver)
{
	const uint8_t *at = (const uint8_t *)(l->log + 1);
	size_t left = le32_get(l->log->bytes);

	for (*bad = 0; *bad < le32_get(l->log->nr); ++*bad) {
		const struct dundo *u = (const void *)at;
		size_t n = record_size(v, u, left);
		int ret = 0;

		if (!n)
			return -EUCLEAN;
		if (deliver)
			ret = v->fn(v->arg, &(struct lane_record){ le64_get(u->off), le32_get(u->len), u->old });
		if (ret)
			return ret;
		at += n;
		left -= n;
	}
	return left ? -EUCLEAN : 0;
}

int lane_each(const struct lane_at *l, const struct lane_visit *v, uint32_t *bad)
{
	int err = walk(l, v, bad, false);

	return err ? err : walk(l, v, bad, true);
}

/* -- the phase ----------------------------------------------------------------------- */

static int end_lane(struct check *c, const struct lane_at *l)
{
	uint8_t *blk = media_edit(&c->m, l->blk);

	if (!blk)
		return -ENOMEM;
	lane_header((struct dlane *)(void *)blk, l->self, le32_get(l->log->seq));
	return 0;
}

static int damaged_lane(struct check *c, const struct lane_at *l, const char *why)
{
	enum problem p = !c->clean && log_whole(l) && le32_get(l->log->nr) ? PR_LANE_DAMAGED_LOG : PR_LANE_HEADER;

	return problem(c, p, &(struct pctx){ .num = l->self, .text = why }) ? end_lane(c, l) : 0;
}

/* A record lies in one block or in two. */
static int restore(void *arg, const struct lane_record *r)
{
	struct check *c = arg;
	uint64_t off = r->off;
	uint32_t done = 0;

	while (done < r->len) {
		uint64_t in = off % DAXFS_BLOCK_SIZE, n = DAXFS_BLOCK_SIZE - in;
		uint8_t *blk = media_restore(&c->m, off >> DAXFS_BLOCK_SHIFT);

		if (!blk)
			return -ENOMEM;
		if (n > r->len - done)
			n = r->len - done;
		memcpy(blk + in, r->old + done, n);
		done += (uint32_t)n;
		off += n;
	}
	return 0;
}

static int live_lane(struct check *c, const struct lane_at *l)
{
	struct lane_visit v = { &c->m, &c->g, restore, c };
	uint32_t bad;
	int err;

	err = c->round ? walk(l, &v, &bad, false) : lane_each(l, &v, &bad);	/* the copies hold it already */
	if (err == -EUCLEAN)
		return problem(c, PR_LANE_RECORD, &(struct pctx){ .num = l->self, .num2 = bad }) ? end_lane(c, l) : 0;
	if (!err && !c->round)
		c->res->undone++;
	return err;
}

static int check_lane(struct check *c, uint32_t self)
{
	struct lane_at l;
	const char *why = lane_open(&c->m, &c->g, self, &l);

	if (why)
		return damaged_lane(c, &l, why);
	enum lane_log state = lane_log(&l);

	if (state == LANE_IDLE)
		return 0;
	if (c->clean) {
		const char *text = state == LANE_LIVE ? "live" : "torn";

		return problem(c, PR_LANE_NOT_IDLE, &(struct pctx){ .num = self, .text = text }) ?
		       end_lane(c, &l) : 0;
	}
	return state == LANE_LIVE ? live_lane(c, &l) : 0;
}

int phase_journal(struct check *c)
{
	int err = 0;

	check_progress(c, CHECK_PHASE_JOURNAL, 0, c->g.nr_lanes);
	for (uint32_t i = 0; !err && i < c->g.nr_lanes; i++)
		err = check_lane(c, i);
	if (!err && c->res->undone)
		remark(c, "not unmounted cleanly: %llu unfinished transactions are rolled back",
		       (unsigned long long)c->res->undone);
	return err ? err : check_go(c);
}
