// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * write.c -- writing regular files
 *
 * Two ways.  An overwrite of blocks that the radix cache knows takes each
 * entry's lock bit, copies, and goes on: no inode lock, no map, no
 * transaction.  Everything else (growth, holes, unwritten blocks, a cold cache)
 * takes the inode's lock exclusively and is one transaction for size and map.
 *
 * Writes of FILE_NT_MIN bytes or more go non-temporal, are fenced before the
 * call returns and leave the lines clean; and so do all with O_DSYNC, or on a mount
 * with FS_DSYNC.  Other small ones are cached stores whose lines are marked dirty for fsync.
 *
 * A crash in the first way leaves old or new bytes.  In the second, the blocks
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

/* Durable before unlocked: whoever locks it next stores after us, not among us. */
static void overwritten(struct inode *ip, const struct write_req *rq, _Atomic uint64_t *slot)
{
	if (!is_small(rq))
		pm_fence(ip->fs->rg);
	mapcache_unlock_fenced(slot);
}

/* -- the fast way ------------------------------------------------------------------------ */

/* Bytes written at @off, 0 when the slow way must be taken. */
static ssize_t overwrite_entry(struct inode *ip, const struct write_req *rq, uint64_t off)
{
	struct mapcache *mc = atomic_load_explicit(&ip->map, memory_order_acquire);
	size_t n = rq->len - (size_t)(off - rq->off);
	struct mapping m;
	ssize_t ret = 0;

	if (!mc)
		return 0;
	rcu_enter();
	_Atomic uint64_t *slot = mapcache_lock(mc, off / BLOCK, &m);

	/* Truncate sets the size first and takes locked entries away after us. */
	if (slot && off + n <= atomic_load_explicit(&ip->size, memory_order_acquire)) {
		uint64_t room = (m.len * BLOCK) - off % BLOCK;

		if (n > room)
			n = (size_t)room;
		int err = store_run(ip, off, media_at(ip, m.pblk, off % BLOCK), rq, n);

		ret = err ? err : (ssize_t)n;
	}
	if (slot)
		overwritten(ip, rq, slot);
	rcu_leave();
	return ret;
}

/* So that a write which needs blocks and finds none has not begun. */
static bool all_cached(struct inode *ip, const struct write_req *rq)
{
	struct mapcache *mc = atomic_load_explicit(&ip->map, memory_order_acquire);
	uint64_t lblk = first_block(rq), end = end_block(rq);
	struct mapping m;

	if (!mc || rq->off + rq->len > atomic_load_explicit(&ip->size, memory_order_acquire))
		return false;
	rcu_enter();
	while (lblk < end && mapcache_lookup(mc, lblk, &m))
		lblk += m.len;
	rcu_leave();
	return lblk >= end;
}

static void touch_mtime(struct inode *ip)
{
	int64_t now = inode_now();

	if (atomic_load_explicit(&ip->mtime, memory_order_relaxed) == now &&
	    atomic_load_explicit(&ip->ctime, memory_order_relaxed) == now)
		return;
	atomic_store_explicit(&ip->mtime, now, memory_order_relaxed);
	atomic_store_explicit(&ip->ctime, now, memory_order_relaxed);
	inode_mark_dirty(ip, INODE_DIRTY_TIMES);
}

/* -- the slow way ---------------------------------------------------------------------------- */

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

/* Blocks that are the file's already: fast writers may be in them. */
static int write_old_piece(struct write *w, const struct piece *p)
{
	struct mapcache *mc = mapcache_of(w->ip);
	uint64_t from, to;
	int err = 0;

	piece_range(w, p, &from, &to);
	while (!err && from < to) {
		uint8_t *at = media_at(w->ip, p->rs.pblk, from - p->lblk * BLOCK);
		uint64_t n = to - from;
		struct mapping m;

		rcu_enter();
		_Atomic uint64_t *slot = mc ? mapcache_lock(mc, from / BLOCK, &m) : NULL;

		if (slot && m.len * BLOCK - from % BLOCK < n)
			n = m.len * BLOCK - from % BLOCK;
		else if (!slot && BLOCK - from % BLOCK < n)
			n = BLOCK - from % BLOCK;
		err = store_run(w->ip, from, at, w->rq, (size_t)n);
		if (slot)
			mapcache_unlock(slot);
		rcu_leave();
		from += n;
	}
	return err;
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

static int write_try(struct inode *ip, struct write_req *rq)
{
	pthread_rwlock_wrlock(&ip->lock);
	if (rq->flags & FILE_APPEND)
		rq->off = atomic_load(&ip->size);
	int err = rq->off + rq->len > DAXFS_FILE_SIZE_MAX ? -EFBIG : write_locked(ip, rq);

	pthread_rwlock_unlock(&ip->lock);
	return err;
}

static int write_slow(struct inode *ip, struct write_req *rq)
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

/* From the cache as far as it reaches; *done is how far that was. */
static int overwrite(struct inode *ip, const struct write_req *rq, size_t *done)
{
	ssize_t n = 1;

	while (*done < rq->len && n > 0) {
		n = overwrite_entry(ip, rq, rq->off + *done);
		*done += n > 0 ? (size_t)n : 0;
	}
	return n < 0 ? (int)n : 0;
}

static int write_any(struct inode *ip, struct write_req *rq)
{
	size_t done = 0;

	/* Within one block overwrite_entry() writes all or nothing by itself. */
	if ((rq->flags & FILE_APPEND) || (end_block(rq) - first_block(rq) > 1 && !all_cached(ip, rq)))
		return write_slow(ip, rq);
	int err = overwrite(ip, rq, &done);

	if (err)
		return err;
	if (done < rq->len) {
		struct write_req rest = { rq->buf + done, rq->len - done, rq->off + done, rq->flags, false };

		return write_slow(ip, &rest);
	}
	touch_mtime(ip);
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
