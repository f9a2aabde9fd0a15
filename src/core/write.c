// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * write.c -- writing regular files
 *
 * Three ways.  An overwrite within one block that the radix cache knows takes the
 * block's lock bit, copies, and is done: no inode lock, no map, no transaction, nothing that
 * writers of other blocks store to.  A longer write locks its range of blocks (rangelock.h) and
 * thereby is one with regard to all others; if the cache knows its blocks, it just copies.
 * Everything else (growth, holes, unwritten blocks, a cold cache) takes the inode's
 * lock exclusively as well and is one transaction for size and map.
 *
 * How the first way and the others keep apart, with all four sequentially consistent:
 *
 *	B1 lock the block's bit			R1 lock the range: rangelock_busy()
 *	B2 rangelock_busy()?  Then unlock,	R2 wait until no bit in the range is locked
 *	   and go on at R1
 *
 * If R1 comes before B2, B gives way.  If not, B1 comes before R2, and R waits for it.  So it is as if
 * all took ranges: also who writes two blocks, one after the other, finds a longer write
 * behind both or before both.  Disjoint ranges never wait for each other; blocks far apart in one
 * large entry may (mapcache_lock()), for one block's time.
 *
 * Who takes blocks away, or makes the file shorter, has locked all of it (mapcache_claim()).  So between R1
 * and the unlocking blocks stay the file's, and the size only grows.
 *
 * Writes of FILE_NT_MIN bytes or more go non-temporal, are fenced before the
 * call returns and leave the lines clean; and so do all with O_DSYNC, or on a mount
 * with FS_DSYNC.  Other small ones are cached stores whose lines are marked dirty for fsync.
 *
 * A crash in an overwrite leaves old or new bytes.  In a transaction, the blocks
 * are claimed by nobody until the commit, which comes after their content and the zeroes around it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rcu.h"
#include "core/attr.h"
#include "core/file.h"
#include "core/getblock.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/mapcache.h"
#include "core/space.h"
#include "core/sync.h"
#include "disk/txn.h"
#include "pm/pm.h"

#define BLOCK	DAXFS_BLOCK_SIZE

struct write_req { const uint8_t *buf; size_t len; uint64_t off; unsigned flags; bool whole; };

static uint64_t first_block(const struct write_req *rq) { return rq->off / BLOCK; }
static uint64_t end_block(const struct write_req *rq) { return (rq->off + rq->len + BLOCK - 1) / BLOCK; }

static uint8_t *media_at(const struct inode *ip, pblk_t b, uint64_t skip)
{
	return (uint8_t *)disk_ptr(&ip->fs->disk, b) + skip;
}

/* One bit per cache line that [from, to) of a block touches. */
static uint64_t line_mask(uint64_t from, uint64_t to)
{
	uint64_t first = from / DAXFS_LINE, last = (to - 1) / DAXFS_LINE;

	return ~UINT64_C(0) << first & ~UINT64_C(0) >> (63 - last);
}

/* -- storing into blocks that are the file's ------------------------------------------ */

/* Cached stores within one block; the lines become dirty, or are flushed when that cannot be noted. */
static int store_cached(struct inode *ip, uint64_t off, uint8_t *dst, const uint8_t *src, size_t n)
{
	struct mapcache *mc = mapcache_of(ip);
	uint64_t skip = off % BLOCK;
	int err = pm_store_guarded(ip->fs->rg, dst, src, n);

	if (err)
		return err;
	if (mc && !mapcache_dirty(mc, off / BLOCK, line_mask(skip, skip + n)))
		inode_mark_dirty(ip, INODE_DIRTY_DATA);
	else
		pm_persist(ip->fs->rg, dst, n);
	return 0;
}

static bool is_small(const struct write_req *rq)
{
	return rq->len < FILE_NT_MIN && !(rq->flags & (FILE_DSYNC | FILE_SYNC));
}

static int store_small(struct inode *ip, uint64_t off, uint8_t *dst, const uint8_t *src, size_t n)
{
	int err = 0;

	while (!err && n) {
		size_t part = BLOCK - off % BLOCK < n ? (size_t)(BLOCK - off % BLOCK) : n;

		err = store_cached(ip, off, dst, src, part);
		off += part;
		dst += part;
		src += part;
		n -= part;
	}
	return err;
}

/* [off, off + n) lies in consecutive blocks from @dst on.  What is not small is for the caller to fence. */
static int store_run(struct inode *ip, uint64_t off, uint8_t *dst, const struct write_req *rq, size_t n)
{
	const uint8_t *src = rq->buf + (off - rq->off);

	if (is_small(rq))
		return store_small(ip, off, dst, src, n);
	return pm_copy_guarded(ip->fs->rg, dst, src, n);
}

/* -- one block ---------------------------------------------------------------------------- */

/* Durable before unlocked: whoever locks it next stores after us, not among us. */
static void overwritten(struct inode *ip, const struct write_req *rq, _Atomic uint64_t *slot)
{
	if (!is_small(rq))
		pm_fence(ip->fs->rg);
	mapcache_unlock_fenced(slot);
}

/* Bytes written, all or 0: then a range has to be locked. */
static ssize_t overwrite_block(struct inode *ip, const struct write_req *rq)
{
	struct mapcache *mc = atomic_load_explicit(&ip->map, memory_order_acquire);
	struct mapping m;
	ssize_t ret = 0;

	if (!mc || rangelock_busy(&mc->ranges))
		return 0;
	rcu_enter();
	_Atomic uint64_t *slot = mapcache_lock(mc, first_block(rq), &m);	/* B1 */

	/* Truncate sets the size first and takes locked blocks away after us. */
	if (slot && !rangelock_busy(&mc->ranges) &&				/* B2 */
	    rq->off + rq->len <= atomic_load_explicit(&ip->size, memory_order_acquire)) {
		int err = store_run(ip, rq->off, media_at(ip, m.pblk, rq->off % BLOCK), rq, rq->len);

		ret = err ? err : (ssize_t)rq->len;
	}
	if (slot)
		overwritten(ip, rq, slot);
	rcu_leave();
	return ret;
}

/* With FILE_SYNC file_write() makes the times durable right away: no need to list the inode for that. */
static void touch_mtime(struct inode *ip, unsigned flags)
{
	int64_t now = inode_now();

	if (atomic_load_explicit(&ip->mtime, memory_order_relaxed) == now &&
	    atomic_load_explicit(&ip->ctime, memory_order_relaxed) == now)
		return;
	atomic_store_explicit(&ip->mtime, now, memory_order_relaxed);
	atomic_store_explicit(&ip->ctime, now, memory_order_relaxed);
	if (flags & FILE_SYNC)
		atomic_fetch_or(&ip->dirty, INODE_DIRTY_TIMES);
	else
		inode_mark_dirty(ip, INODE_DIRTY_TIMES);
}

/* -- a transaction ------------------------------------------------------------------------- */

struct piece { uint64_t lblk; struct block_res rs; };

struct write {
	struct inode	*ip;
	const struct write_req *rq;
	struct txn	*t;
	struct inode_edit e;
	struct piece	*piece;
	size_t		 nr, cap;
	struct piece	 few[8];
};

static int piece_add(struct write *w, uint64_t lblk, const struct block_res *rs)
{
	if (w->nr == w->cap) {
		bool small_array = w->piece == w->few;
		struct piece *p = realloc(small_array ? NULL : w->piece, 2 * w->cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		if (small_array)
			memcpy(p, w->few, sizeof(w->few));
		w->piece = p;
		w->cap *= 2;
	}
	w->piece[w->nr++] = (struct piece){ lblk, *rs };
	return 0;
}

/* No block left for a map that grows: the unwritten extent around a block becomes written as a whole, and is zeroed. */
static int mark_whole(struct write *w, uint64_t *lblk, struct block_res *rs)
{
	struct extent ext;
	int found = extmap_lookup(&w->e.map, (lblk_t){ *lblk }, &ext);

	if (found < 0)
		return found;
	*lblk = ext.lblk.v;
	rs->pblk = ext.pblk;
	rs->len = ext.len;
	return extmap_mark(&w->e.map, ext.lblk, ext.len, 0);
}

/* Every block of the range gets its place; unwritten ones become written. */
static int map_pieces(struct write *w)
{
	uint64_t lblk = first_block(w->rq), end = end_block(w->rq);

	while (lblk < end) {
		struct block_res rs;
		int err = get_block_alloc(&w->e, (struct block_req){ { lblk }, end - lblk }, 0, &rs);

		if (!err && rs.state == BLOCK_UNWRITTEN)
			err = w->rq->whole ? mark_whole(w, &lblk, &rs) :
			      extmap_mark(&w->e.map, (lblk_t){ lblk }, rs.len, 0);
		if (!err)
			err = piece_add(w, lblk, &rs);
		if (err)
			return err;
		lblk += rs.len;
	}
	return 0;
}

/* The part of the request that falls into a piece, bytes of the file. */
static void piece_range(const struct write *w, const struct piece *p, uint64_t *from, uint64_t *to)
{
	uint64_t lo = p->lblk * BLOCK, hi = (p->lblk + p->rs.len) * BLOCK;

	*from = w->rq->off > lo ? w->rq->off : lo;
	*to = w->rq->off + w->rq->len < hi ? w->rq->off + w->rq->len : hi;
}

/* Blocks whose old content must never be seen: zero what the write does not cover. */
static int write_fresh_piece(struct write *w, const struct piece *p)
{
	struct region *rg = w->ip->fs->rg;
	uint64_t lo = p->lblk * BLOCK, hi = (p->lblk + p->rs.len) * BLOCK, from, to;
	uint8_t *at = media_at(w->ip, p->rs.pblk, 0);
	int err = 0;

	piece_range(w, p, &from, &to);
	if (from > lo)
		err = pm_zero_guarded(rg, at, from - lo);
	if (!err && hi > to)
		err = pm_zero_guarded(rg, at + (to - lo), hi - to);
	if (!err)
		err = pm_copy_guarded(rg, at + (from - lo), w->rq->buf + (from - w->rq->off), to - from);
	return err;
}

/* Blocks that are the file's already, and who writes one of them may not have left. */
static int write_old_piece(struct write *w, const struct piece *p)
{
	struct mapcache *mc = mapcache_of(w->ip);
	uint64_t from, to, end = p->lblk + p->rs.len;

	for (uint64_t lblk = p->lblk; mc && lblk < end; lblk++)		/* none is added while the inode is locked */
		lblk = mapcache_settle(mc, lblk, end);
	piece_range(w, p, &from, &to);
	return store_run(w->ip, from, media_at(w->ip, p->rs.pblk, from - p->lblk * BLOCK), w->rq, to - from);
}

/* Fresh blocks first: once a byte of the file proper has changed, only a media error may fail. */
static int write_pieces(struct write *w)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->nr; i++)
		if (w->piece[i].rs.state != BLOCK_WRITTEN)
			err = write_fresh_piece(w, &w->piece[i]);
	for (size_t i = 0; !err && i < w->nr; i++)
		if (w->piece[i].rs.state == BLOCK_WRITTEN)
			err = write_old_piece(w, &w->piece[i]);
	if (err)
		pm_fence(w->ip->fs->rg);	/* before an abort lets others have the blocks */
	return err;
}

static void fill_cache(struct write *w)
{
	struct mapcache *mc = mapcache_of(w->ip);
	struct extmap m = inode_map(w->ip);
	struct extent ext;

	for (size_t i = 0; mc && i < w->nr; i++)
		if (extmap_lookup(&m, (lblk_t){ w->piece[i].lblk }, &ext) == 1 &&
		    ext.lblk.v <= w->piece[i].lblk && !(ext.flags & DAXFS_EXT_UNWRITTEN))
			mapcache_fill(mc, &ext, w->piece[i].lblk, w->piece[i].rs.len);
}

static void write_finish(struct write *w, int err)
{
	if (err) {
		struct mapcache *mc = mapcache_of(w->ip);

		txn_abort(w->t);
		inode_edit_drop(&w->e);
		if (mc)
			mc->tail_zero = false;	/* part of an append may lie beyond the end */
	} else {
		txn_commit(w->t);
		inode_apply(&w->e);
		fill_cache(w);
	}
	if (w->piece != w->few)
		free(w->piece);
}

/* Inode locked exclusively. */
static int write_locked(struct inode *ip, const struct write_req *rq)
{
	struct write w = { .ip = ip, .rq = rq, .piece = w.few, .cap = 8 };
	uint64_t size = atomic_load(&ip->size), end = rq->off + rq->len;
	int err = 0;

	if (end > size)
		err = space_zero_tail(ip, size);
	if (err)
		return err;
	w.t = txn_begin(&ip->fs->jn);
	err = inode_edit(&w.e, w.t, ip);
	if (!err)
		err = map_pieces(&w);
	if (!err)
		err = write_pieces(&w);
	if (!err) {
		w.e.a.mtime = w.e.a.ctime = inode_now();
		if (end > size)
			w.e.a.size = end;
		inode_stage(&w.e);
	}
	write_finish(&w, err);
	return err;
}

/* -- a range ---------------------------------------------------------------------------------- */

/* Into blocks that the cache knows.  *done: how far it did; an entry may be just about to be replaced by a larger one. */
static int overwrite_range(struct inode *ip, struct mapcache *mc, const struct write_req *rq, size_t *done)
{
	struct mapping m;
	int err = 0;

	while (!err && *done < rq->len) {
		uint64_t off = rq->off + *done;
		size_t n = rq->len - *done;

		rcu_enter();
		bool hit = mapcache_lookup(mc, off / BLOCK, &m);
		rcu_leave();
		if (!hit)
			break;
		if (m.len * BLOCK - off % BLOCK < n)
			n = (size_t)(m.len * BLOCK - off % BLOCK);
		err = store_run(ip, off, media_at(ip, m.pblk, off % BLOCK), rq, n);
		*done += n;
	}
	if (!is_small(rq))
		pm_fence(ip->fs->rg);
	return err;
}

/* So that a write which needs blocks and finds none has not begun.  Whoever wrote one of them has left. */
static bool all_cached(struct inode *ip, struct mapcache *mc, const struct write_req *rq)
{
	return rq->off + rq->len <= atomic_load_explicit(&ip->size, memory_order_acquire) &&
	       mapcache_settle(mc, first_block(rq), end_block(rq)) == end_block(rq);
}

/* The range is locked. */
static int write_range(struct inode *ip, struct mapcache *mc, const struct write_req *rq)
{
	struct write_req rest = *rq;
	size_t done = 0;
	int err = 0;

	if (all_cached(ip, mc, rq))						/* R2 */
		err = overwrite_range(ip, mc, rq, &done);
	if (err)
		return err;
	if (done == rq->len) {
		touch_mtime(ip, rq->flags);
		return 0;
	}
	rest.buf += done;
	rest.off += done;
	rest.len -= done;
	pthread_rwlock_wrlock(&ip->lock);
	err = write_locked(ip, &rest);
	pthread_rwlock_unlock(&ip->lock);
	return err;
}

/* From the end of file on, wherever that is; then it stays there until the range is unlocked. */
static void lock_from_end(struct inode *ip, struct mapcache *mc, struct range_hold *h)
{
	for (;;) {
		uint64_t first = atomic_load(&ip->size) / BLOCK;

		rangelock_lock(&mc->ranges, h, first, RADIX_INDEX_MAX);
		if (atomic_load(&ip->size) / BLOCK >= first)
			return;
		rangelock_unlock(&mc->ranges, h);
	}
}

static int write_try(struct inode *ip, struct write_req *rq)
{
	struct mapcache *mc = mapcache_of(ip);
	struct range_hold h;

	if (!mc)
		return -ENOMEM;
	if (rq->flags & FILE_APPEND) {
		lock_from_end(ip, mc, &h);
		rq->off = atomic_load(&ip->size);
	} else {
		rangelock_lock(&mc->ranges, &h, first_block(rq), end_block(rq) - 1);	/* R1 */
	}
	int err = rq->off + rq->len > DAXFS_FILE_SIZE_MAX ? -EFBIG : write_range(ip, mc, rq);

	rangelock_unlock(&mc->ranges, &h);
	return err;
}

static int write_patiently(struct inode *ip, struct write_req *rq)
{
	unsigned tries = 0;
	int err;

	do
		err = write_try(ip, rq);
	while (err == -ENOSPC && fs_make_room(ip->fs, &tries));
	if (err == -ENOSPC) {		/* preallocated space must not run out */
		rq->whole = true;
		err = write_try(ip, rq);
	}
	return fs_result(ip->fs, err);
}

/* -- the door ------------------------------------------------------------------------------------ */

static int write_any(struct inode *ip, struct write_req *rq)
{
	ssize_t n = 0;

	if (!(rq->flags & FILE_APPEND) && end_block(rq) - first_block(rq) == 1)
		n = overwrite_block(ip, rq);
	if (!n)
		return write_patiently(ip, rq);
	if (n < 0)
		return (int)n;
	touch_mtime(ip, rq->flags);
	return 0;
}

/* As the kernel's file_remove_privs(). */
static int kill_priv(struct inode *ip, unsigned flags)
{
	bool sgid = flags & FILE_KILL_SGID;
	struct iattr a;

	attr_get(ip, &a);
	if (a.mode & S_IXGRP)
		sgid = true;
	if (!(a.mode & S_ISUID) && !(sgid && (a.mode & S_ISGID)))
		return 0;
	return attr_set(ip, &a, ATTR_KILL_PRIV | (sgid ? ATTR_KILL_SGID : 0));
}

static int write_checks(struct inode *ip, const struct write_req *rq)
{
	if (!inode_is_reg(ip))
		return inode_is_dir(ip) ? -EISDIR : -EINVAL;
	if (rq->off > INT64_MAX - rq->len)
		return -EFBIG;
	return fs_check_writable(ip->fs);
}

/* What the mount wants of every write, as FILE_*. */
static unsigned mount_wants(const struct fs *fs)
{
	unsigned flags = atomic_load_explicit(&fs->flags, memory_order_relaxed);

	return (flags & FS_SYNC ? FILE_SYNC : 0) | (flags & FS_DSYNC ? FILE_DSYNC : 0);
}

ssize_t file_write(struct inode *ip, const void *buf, size_t len, uint64_t off, unsigned flags)
{
	flags |= mount_wants(ip->fs);
	struct write_req rq = { buf, len, flags & FILE_APPEND ? 0 : off, flags, false };
	int err = write_checks(ip, &rq);

	if (err || !len)
		return err;
	if (flags & FILE_KILL_PRIV)
		err = kill_priv(ip, flags);
	if (!err)
		err = write_any(ip, &rq);
	if (!err && (flags & FILE_SYNC))
		err = inode_flush_times(ip);
	if (!err && (flags & (FILE_DSYNC | FILE_SYNC)))
		err = region_error(ip->fs->rg);
	return err ? err : (ssize_t)len;
}
