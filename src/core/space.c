// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * space.c -- truncate, fallocate, seek: changes of a file's map
 *
 * Truncating and punching are one transaction, however many blocks they cover:
 * freeing needs no media but the map's own nodes, and nodes wholly inside a
 * freed range are simply dropped.  Allocating or zeroing over a map of more than
 * about a thousand extents takes several; a crash between them leaves the call
 * done up to some block.  Order after commit: radix cache, then the free blocks
 * (inode_apply).  All under the inode's lock, held exclusively, and with the whole file locked
 * against writers (mapcache_claim()), so that no block is taken away that somebody writes to.
 *
 * Content is zeroed in place beyond the end of file before a file grows, and at
 * the ragged ends of a range right before the last commit, when only bad media can
 * still fail: a crash between leaves zeroed ends of a range that is still there.
 */
#include "core/space.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "core/balloc.h"
#include "core/getblock.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/mapcache.h"
#include "core/prealloc.h"
#include "disk/txn.h"
#include "pm/pm.h"

#define BLOCK	DAXFS_BLOCK_SIZE

static uint64_t blocks_of(uint64_t bytes)
{
	return (bytes + BLOCK - 1) / BLOCK;
}

/* -- size ------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return !any;
}

int space_zero_tail(struct inode *ip, uint64_t size)
{
	struct mapcache *mc = mapcache_of(ip);
	struct block_res rs;

	if (size % BLOCK == 0 || (mc && mc->tail_zero))
		return 0;
	if (mc)		/* a write that found the file longer, before a truncate, may not have left */
		mapcache_settle(mc, size / BLOCK, size / BLOCK + 1);
	int err = get_block(ip, (struct block_req){ { size / BLOCK }, 1 }, &rs);

	if (!err && rs.state == BLOCK_WRITTEN) {
		uint8_t *tail = (uint8_t *)disk_ptr(&ip->fs->disk, rs.pblk) + size % BLOCK;

		if (!all_zero(tail, BLOCK - size % BLOCK)) {
			err = pm_zero_guarded(ip->fs->rg, tail, BLOCK - size % BLOCK);
			pm_fence(ip->fs->rg);	/* if no commit follows, another thread's would not cover it */
		}
	}
	if (!err && mc)
		mc->tail_zero = true;
	return err;
}

int space_resize(struct inode_edit *e, uint64_t size)
{
	uint64_t keep = blocks_of(size), was = e->a.size;
	struct mapcache *mc = atomic_load(&e->ip->map);

	if (size > DAXFS_FILE_SIZE_MAX)
		return -EFBIG;
	e->a.size = size;
	if (size <= was) {
		int err = extmap_remove(&e->map, (lblk_t){ keep }, DAXFS_FILE_BLOCKS_MAX - keep, &e->removed);

		if (err)
			return err;
		for (size_t i = 0; i < e->removed.nr; i++)
			e->a.blocks -= e->removed.v[i].n;
		inode_forget_range(e, keep, RADIX_INDEX_MAX);
	}
	if (size < was && mc)
		mc->tail_zero = false;
	return 0;
}

/* -- fallocate ------------------------------------------------------------------------ */

struct range { uint64_t off, end; };	/* bytes */

static void grow_size(struct inode_edit *e, uint64_t end, int mode)
{
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > e->a.size)
		e->a.size = end;
}

/* Log that one step needs at worst: two paths of the map and a split at each level. */
#define STEP_LOG	(6 * BLOCK)
/* Extents, old and new, that one transaction has log for on the smallest lane. */
#define ONE_TXN_EXTENTS	64

struct blocks { uint64_t first, end; };

/* Whole blocks that become unwritten; none when only allocating. */
static struct blocks zeroed_blocks(struct range r, int mode)
{
	if (!(mode & FALLOC_FL_ZERO_RANGE) || blocks_of(r.off) >= r.end / BLOCK)
		return (struct blocks){ 0, 0 };
	return (struct blocks){ blocks_of(r.off), r.end / BLOCK };
}

/* From block *at on, one hole gets unwritten blocks, or one written extent inside @zero becomes unwritten. */
static int fill_step(struct inode_edit *e, uint64_t *at, uint64_t end, struct blocks zero)
{
	bool inside = *at >= zero.first && *at < zero.end;
	struct block_res rs;

	if (inside && zero.end < end)
		end = zero.end;
	else if (*at < zero.first && zero.first < end)
		end = zero.first;
	int err = get_block_alloc(e, (struct block_req){ { *at }, end - *at }, GET_BLOCK_UNWRITTEN, &rs);

	if (!err && inside && rs.state == BLOCK_WRITTEN)
		err = extmap_mark(&e->map, (lblk_t){ *at }, rs.len, DAXFS_EXT_UNWRITTEN);
	if (!err)
		*at += rs.len;
	return err;
}

/* As many steps as the log holds, at least one; *at says how far that was, and the size moves with the last. */
static int stage_fill(struct inode_edit *e, struct range r, int mode, uint64_t *at)
{
	struct blocks zero = zeroed_blocks(r, mode);
	uint64_t first = *at > zero.first ? *at : zero.first, end = blocks_of(r.end);
	int err;

	do
		err = fill_step(e, at, end, zero);
	while (!err && *at < end && txn_log_left(e->map.t) >= STEP_LOG);
	uint64_t last = *at < zero.end ? *at : zero.end;

	if (first < last)
		inode_forget_range(e, first, last - 1);
	if (!err && *at == end)
		grow_size(e, r.end, mode);
	return err;
}

/* What a range lacks. */
struct need { uint64_t blocks, holes, pieces; };

/*
 * Map nodes that filling the holes may take: an extent comes for each hole and each 2 MiB, and a leaf
 * splits for half of what it holds, counting what it held before.  None if it fits into one
 * transaction, which finds out by trying.  Free space in small pieces takes more; then what was
 * allocated before it ran out stays.
 */
static uint64_t nodes_for(const struct need *n)
{
	uint64_t new = n->holes + n->blocks / DAXFS_CHUNK_BLOCKS;
	uint64_t leaves = (n->pieces + new) / (DAXFS_NODE_EXTENTS / 2);

	if (!new || n->pieces + new <= ONE_TXN_EXTENTS)
		return 0;
	return leaves + leaves / (DAXFS_NODE_EXTENTS / 2) + 2;
}

/* Looked at beforehand, because a map of many extents takes more than one transaction. */
static int check_room(struct inode *ip, struct range r)
{
	uint64_t at = r.off / BLOCK, end = blocks_of(r.end);
	struct need need = { 0, 0, 0 };

	while (at < end) {
		struct block_res rs;
		int err = get_block(ip, (struct block_req){ { at }, end - at }, &rs);

		if (err)
			return err;
		need.pieces++;
		if (rs.state == BLOCK_HOLE) {
			need.holes++;
			need.blocks += rs.len;
		}
		at += rs.len;
	}
	return need.blocks + nodes_for(&need) > balloc_nr_free(ip->fs->balloc) + prealloc_held(ip) ? -ENOSPC : 0;
}

static int stage_punch(struct inode_edit *e, struct range r)
{
	uint64_t first = blocks_of(r.off), end = r.end / BLOCK;

	if (first >= end)
		return 0;
	int err = extmap_remove(&e->map, (lblk_t){ first }, end - first, &e->removed);

	for (size_t i = 0; !err && i < e->removed.nr; i++)
		e->a.blocks -= e->removed.v[i].n;
	inode_forget_range(e, first, end - 1);
	return err;
}

/* Zero part of one block, if it has content. */
static int zero_part(struct inode *ip, uint64_t from, uint64_t to)
{
	struct mapcache *mc = mapcache_of(ip);
	struct block_res rs;

	if (from >= to)
		return 0;
	int err = get_block(ip, (struct block_req){ { from / BLOCK }, 1 }, &rs);

	if (err || rs.state != BLOCK_WRITTEN)
		return err;
	if (mc)
		mapcache_settle(mc, from / BLOCK, from / BLOCK + 1);
	return pm_zero_guarded(ip->fs->rg, (uint8_t *)disk_ptr(&ip->fs->disk, rs.pblk) + from % BLOCK, to - from);
}

/* The ragged ends of a punched or zeroed range; durable with the commit's first fence. */
static int zero_ends(struct inode *ip, struct range r)
{
	uint64_t first = blocks_of(r.off) * BLOCK, last = r.end / BLOCK * BLOCK;

	if (first > last)	/* within one block */
		return zero_part(ip, r.off, r.end);
	int err = zero_part(ip, r.off, first);

	return err ? err : zero_part(ip, last, r.end);
}

/* One transaction.  *at: where it begins and, out, how far it came. */
static int fallocate_txn(struct inode *ip, struct range r, int mode, uint64_t *at)
{
	struct txn *t = txn_begin(&ip->fs->jn);
	struct inode_edit e;
	int err = inode_edit(&e, t, ip);

	if (!err && (mode & FALLOC_FL_PUNCH_HOLE)) {
		err = stage_punch(&e, r);
		*at = blocks_of(r.end);
	} else if (!err) {
		err = stage_fill(&e, r, mode, at);
	}
	/* Nothing but bad media can fail from here on. */
	if (!err && (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) && *at >= blocks_of(r.end))
		err = zero_ends(ip, r);
	if (!err)
		e.a.mtime = e.a.ctime = inode_now();
	return inode_edit_end(&e, t, err);
}

static int fallocate_locked(struct inode *ip, struct range r, int mode)
{
	uint64_t size = atomic_load(&ip->size);
	int err = mode & FALLOC_FL_PUNCH_HOLE ? 0 : check_room(ip, r);

	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && r.end > size)
		err = space_zero_tail(ip, size);
	for (uint64_t at = r.off / BLOCK; !err && at < blocks_of(r.end); )
		err = fallocate_txn(ip, r, mode, &at);
	return err;
}

static int fallocate_checks(const struct inode *ip, int mode, uint64_t off, uint64_t len)
{
	static const int known[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	};
	bool ok = false;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		ok = ok || mode == known[i];
	if (!ok)
		return -EOPNOTSUPP;
	if (!inode_is_reg(ip))
		return -ENODEV;
	if (!len)
		return -EINVAL;
	if (off > DAXFS_FILE_SIZE_MAX || len > DAXFS_FILE_SIZE_MAX - off)
		return -EFBIG;
	return fs_check_writable(ip->fs);
}

static int fallocate_try(struct inode *ip, struct range r, int mode)
{
	struct range_hold all;
	int err = mapcache_claim(ip, &all);

	if (err)
		return err;
	pthread_rwlock_wrlock(&ip->lock);
	err = fallocate_locked(ip, r, mode);
	pthread_rwlock_unlock(&ip->lock);
	mapcache_release(ip, &all);
	return err;
}

int space_fallocate(struct inode *ip, int mode, uint64_t off, uint64_t len)
{
	int err = fallocate_checks(ip, mode, off, len);
	unsigned tries = 0;

	if (err)
		return err;
	do
		err = fallocate_try(ip, (struct range){ off, off + len }, mode);
	while (err == -ENOSPC && fs_make_room(ip->fs, &tries));
	return fs_result(ip->fs, err);
}

/* -- seek ---------------------------------------------------------------------------------- */

static off_t seek_locked(struct inode *ip, uint64_t off, int whence)
{
	uint64_t size = atomic_load(&ip->size), lblk = off / BLOCK;

	if (off >= size)
		return -ENXIO;
	while (lblk * BLOCK < size) {
		struct block_res rs;
		int err = get_block(ip, (struct block_req){ { lblk }, DAXFS_FILE_BLOCKS_MAX - lblk }, &rs);

		if (err)
			return err;
		if ((rs.state == BLOCK_WRITTEN) == (whence == SEEK_DATA))
			return (off_t)(lblk * BLOCK > off ? lblk * BLOCK : off);
		lblk += rs.len;
	}
	return whence == SEEK_DATA ? -ENXIO : (off_t)size;
}

off_t space_seek(struct inode *ip, off_t off, int whence)
{
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	if (!inode_is_reg(ip))
		return -EINVAL;
	if (off < 0)
		return -ENXIO;
	pthread_rwlock_rdlock(&ip->lock);
	off_t ret = seek_locked(ip, (uint64_t)off, whence);

	pthread_rwlock_unlock(&ip->lock);
	return ret == -EUCLEAN ? fs_result(ip->fs, -EUCLEAN) : ret;
}

int space_extent(struct inode *ip, lblk_t lblk, struct extent *ext)
{
	pthread_rwlock_rdlock(&ip->lock);
	struct extmap m = inode_map(ip);
	int ret = ip->flags & DAXFS_INODE_INLINE_LINK ? 0 : extmap_lookup(&m, lblk, ext);

	pthread_rwlock_unlock(&ip->lock);
	return ret;
}
