/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.c -- lanes on media: formatting, recovery, checking
 *
 * Owns the blocks of the lanes.  A lane is a header line and one log behind it;
 * the log is live when its sequence is the one after the header's "done" and
 * its checksum is right.  After a crash journal_recover() puts back the old
 * content that live logs hold; after it every lane is idle.  Recovery runs
 * alone; later each lane is protected by its mutex.  May call: disk, txn (for
 * the DRAM of lanes), pm.
 */
#include "disk/journal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disk/lane.h"
#include "pm/pm.h"

enum log_state { LOG_IDLE, LOG_TORN, LOG_LIVE };

/* What a lane on media says. */
struct lane_view {
	struct dlane	  *media;
	const struct dlog *log;
	uint32_t	   self, done;
	enum log_state	   state;
};

static uint64_t lane_bytes(const struct dsuper *sb)
{
	return (uint64_t)le32_get(sb->lane_blocks) << DAXFS_BLOCK_SHIFT;
}

static struct dlane *lane_media(const struct disk *d, const struct dsuper *sb, uint32_t self)
{
	uint64_t start = le64_get(sb->journal) << DAXFS_BLOCK_SHIFT;

	return (void *)(d->rg->base + start + self * lane_bytes(sb));
}

struct dlane lane_head(uint32_t self, uint32_t seq)
{
	le32 salt = le32_make(self);

	return (struct dlane){
		.magic = le32_make(DAXFS_LANE_MAGIC),
		.self = salt,
		.done = sealed_make(&salt, sizeof(salt), seq),
	};
}

/*
 * The log's header is zeroed with the lane's: sequence 0 is never the one
 * after "done", so whatever lay here before can not look live.
 */
void journal_format(const struct disk *d, const struct dsuper *sb)
{
	for (uint32_t i = 0; i < le32_get(sb->nr_lanes); i++) {
		struct { struct dlane lane; uint8_t log[DAXFS_LINE]; } head = { .lane = lane_head(i, 0) };

		pm_copy(d->rg, lane_media(d, sb, i), &head, sizeof(head));
	}
	pm_fence(d->rg);
}

static enum log_state log_state(const struct dlog *log, uint32_t done, size_t log_max)
{
	size_t bytes = le32_get(log->bytes);
	uint32_t csum = le32_get(log->csum);

	if (le32_get(log->seq) != (uint32_t)(done + 1))
		return LOG_IDLE;
	if (bytes > log_max - sizeof(*log))
		return LOG_TORN;
	if (block_csum(log, sizeof(*log) + bytes, offsetof(struct dlog, csum)) != csum)
		return LOG_TORN;
	return LOG_LIVE;
}

static int lane_read(const struct disk *d, uint32_t self, struct lane_view *v)
{
	static const uint8_t zero[sizeof(v->media->rsvd)];
	le32 salt = le32_make(self);

	v->media = lane_media(d, d->super, self);
	v->log = (const void *)(v->media + 1);
	v->self = self;
	if (le32_get(v->media->magic) != DAXFS_LANE_MAGIC)
		return corrupt("journal lane %" PRIu32 ": magic is wrong", self);
	if (le32_get(v->media->self) != self)
		return corrupt("journal lane %" PRIu32 ": says it is lane %" PRIu32, self,
			       le32_get(v->media->self));
	if (sealed_open(v->media->done, &salt, sizeof(salt), &v->done))
		return corrupt("journal lane %" PRIu32 ": done word fails its checksum", self);
	if (memcmp(v->media->rsvd, zero, sizeof(zero)) != 0)
		return corrupt("journal lane %" PRIu32 ": reserved bytes are not zero", self);
	v->state = log_state(v->log, v->done, lane_log_max(lane_bytes(d->super)));
	return 0;
}

/* may a transaction have changed these bytes? */
static bool target_valid(const struct disk *d, uint64_t off, uint64_t len)
{
	uint64_t first = off >> DAXFS_BLOCK_SHIFT;
	uint64_t in_block = off & (DAXFS_BLOCK_SIZE - 1);
	uint64_t root = offsetof(struct dsuper, ifile);

	if (first == 0 || first == d->nr_blocks - 1)
		return in_block >= root && in_block + len <= root + sizeof(struct dinode);
	return disk_valid(d, pblk_make(0, first), (in_block + len - 1) / DAXFS_BLOCK_SIZE + 1);
}

static bool record_valid(const struct disk *d, const struct dundo *u, size_t left)
{
	uint64_t off = le64_get(u->off), len = le32_get(u->len);

	if (off % 8 || len % 8 || len == 0 || len > DAXFS_BLOCK_SIZE || le32_get(u->rsvd))
		return false;
	return len <= left - sizeof(*u) && target_valid(d, off, len);
}

static const struct dundo *record_first(const struct dlog *log)
{
	return (const void *)(log + 1);
}

static const struct dundo *record_next(const struct dundo *u)
{
	return (const void *)(u->old + le32_get(u->len));
}

/* every record of a live log, before any of them is believed */
static int records_check(const struct disk *d, const struct lane_view *v)
{
	const struct dundo *u = record_first(v->log);
	size_t left = le32_get(v->log->bytes);

	for (uint32_t i = 0; i < le32_get(v->log->nr); i++) {
		if (left < sizeof(*u) || !record_valid(d, u, left))
			return corrupt("journal lane %" PRIu32 ": undo record %" PRIu32 " is impossible",
				       v->self, i);
		left -= sizeof(*u) + le32_get(u->len);
		u = record_next(u);
	}
	if (left)
		return corrupt("journal lane %" PRIu32 ": %zu bytes after the last record",
			       v->self, left);
	return 0;
}

/*
 * Crash before (1) is complete: the log is as live as it was, and this is done
 * again, with the same result, since the old content is not in the way of its
 * own destination.
 */
static void records_undo(const struct disk *d, const struct lane_view *v)
{
	const struct dundo *u = record_first(v->log);

	for (uint32_t i = 0; i < le32_get(v->log->nr); i++) {
		pm_copy(d->rg, d->rg->base + le64_get(u->off), u->old, le32_get(u->len));
		u = record_next(u);
	}
	pm_fence(d->rg);					/* (1) */
}

/*
 * A torn log is ended like a live one: the next transaction of this lane then
 * has a sequence of its own, and words of the torn log can not complete its
 * log or be completed by it.
 */
static void lane_end(const struct disk *d, const struct lane_view *v)
{
	struct dlane head = lane_head(v->self, le32_get(v->log->seq));

	pm_copy(d->rg, v->media, &head, sizeof(head));
	pm_fence(d->rg);
}

static int lane_check(const struct disk *d, uint32_t self, struct lane_view *v)
{
	int err = lane_read(d, self, v);

	if (!err && v->state == LOG_LIVE)
		err = records_check(d, v);
	return err;
}

int journal_check(const struct disk *d, unsigned *live)
{
	struct lane_view v;

	*live = 0;
	for (uint32_t i = 0; i < le32_get(d->super->nr_lanes); i++) {
		int err = lane_check(d, i, &v);

		if (err)
			return err;
		*live += v.state == LOG_LIVE;
	}
	return 0;
}

int journal_recover(const struct disk *d, unsigned *undone)
{
	unsigned live;
	int err = journal_check(d, &live);

	*undone = 0;
	if (err)
		return err;
	for (uint32_t i = 0; i < le32_get(d->super->nr_lanes); i++) {
		struct lane_view v;

		err = lane_read(d, i, &v);
		if (err)
			return err;
		if (v.state == LOG_IDLE)
			continue;
		if (v.state == LOG_LIVE) {
			records_undo(d, &v);
			++*undone;
		}
		lane_end(d, &v);
	}
	assert(*undone == live);
	return 0;
}

static int lane_init(struct lane *lane, struct journal *jn, uint32_t self)
{
	struct lane_view v;
	int err = lane_read(jn->disk, self, &v);

	if (err)
		return err;
	lane->media = v.media;
	lane->self = self;
	lane->seq = v.done;
	lane->log = calloc(1, lane_log_max(jn->lane_bytes));
	if (!lane->log)
		return -ENOMEM;
	err = txn_init(&lane->txn, jn, lane);
	if (err) {
		free(lane->log);
		return err;
	}
	pthread_mutex_init(&lane->lock, NULL);
	return 0;
}

static void lane_fini(struct lane *lane)
{
	pthread_mutex_destroy(&lane->lock);
	txn_fini(&lane->txn);
	free(lane->log);
}

int journal_open(struct journal *jn, struct disk *d, const struct journal_hooks *hooks)
{
	uint32_t nr = le32_get(d->super->nr_lanes);
	int err;

	jn->disk = d;
	jn->lane_bytes = lane_bytes(d->super);
	jn->hooks = *hooks;
	jn->nr_lanes = 0;
	jn->lane = calloc(nr, sizeof(*jn->lane));
	if (!jn->lane)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		err = lane_init(&jn->lane[i], jn, i);
		if (err) {
			journal_close(jn);
			return err;
		}
		jn->nr_lanes++;
	}
	return 0;
}

void journal_close(struct journal *jn)
{
	for (unsigned i = 0; i < jn->nr_lanes; i++)
		lane_fini(&jn->lane[i]);
	free(jn->lane);
	jn->lane = NULL;
	jn->nr_lanes = 0;
}
