// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * space.c -- truncate, fallocate, seek: changes of a file's map
 *
 * Each change is one transaction, however many blocks it covers: freeing needs
 * no media but the map's own nodes, and nodes wholly inside a freed range are
 * simply dropped.  Order after commit: radix cache, then the free blocks
 * (inode_apply).  All under the inode's lock, held exclusively.
 *
 * Content is zeroed in place only after a commit, or beyond the end of file
 * before one, so that an error or a crash never leaves a half-zeroed file behind an
 * operation that did not happen.
 */
#include "core/space.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include "base/rcu.h"
#include "core/getblock.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/mapcache.h"
#include "disk/txn.h"
#include "pm/pm.h"

#define BLOCK	DAXFS_BLOCK_SIZE
#define SIZE_MAX_BYTES	(DAXFS_FILE_BLOCKS_MAX * BLOCK)

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
	int err = get_block(ip, (struct block_req){ { size / BLOCK }, 1 }, &rs);

	if (!err && rs.state == BLOCK_WRITTEN) {
		uint8_t *tail = (uint8_t *)disk_ptr(&ip->fs->disk, rs.pblk) + size % BLOCK;

		if (!all_zero(tail, BLOCK - size % BLOCK))
			err = pm_zero_guarded(ip->fs->rg, tail, BLOCK - size % BLOCK);
	}
	if (!err && mc)
		mc->tail_zero = true;
	return err;
}

int space_resize(struct inode_edit *e, uint64_t size)
{
	uint64_t keep = blocks_of(size), was = e->a.size;
	struct mapcache *mc = atomic_load(&e->ip->map);

	if (size > SIZE_MAX_BYTES)
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

/* Holes of [first, end) get unwritten blocks. */
static int fill_holes(struct inode_edit *e, uint64_t first, uint64_t end)
{
	while (first < end) {
		struct block_res rs;
		int err = get_block_alloc(e, (struct block_req){ { first }, end - first },
					  GET_BLOCK_UNWRITTEN, &rs);

		if (err)
			return err;
		first += rs.len;
	}
	return 0;
}

static void grow_size(struct inode_edit *e, uint64_t end, int mode)
{
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > e->a.size)
		e->a.size = end;
}

static int stage_allocate(struct inode_edit *e, struct range r, int mode)
{
	int err = fill_holes(e, r.off / BLOCK, blocks_of(r.end));

	grow_size(e, r.end, mode);
	return err;
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

static int stage_zero(struct inode_edit *e, struct range r, int mode)
{
	uint64_t first = blocks_of(r.off), end = r.end / BLOCK;
	int err = fill_holes(e, r.off / BLOCK, blocks_of(r.end));

	if (!err && first < end) {
		err = extmap_mark(&e->map, (lblk_t){ first }, end - first, DAXFS_EXT_UNWRITTEN);
		inode_forget_range(e, first, end - 1);
	}
	grow_size(e, r.end, mode);
	return err;
}

/* Zero part of one block, if it has content; fast writers may be in it. */
static int zero_part(struct inode *ip, uint64_t from, uint64_t to)
{
	struct mapcache *mc = mapcache_of(ip);
	_Atomic uint64_t *slot = NULL;
	struct block_res rs;
	struct mapping m;

	if (from >= to)
		return 0;
	int err = get_block(ip, (struct block_req){ { from / BLOCK }, 1 }, &rs);

	if (err || rs.state != BLOCK_WRITTEN)
		return err;
	rcu_enter();
	if (mc)
		slot = mapcache_lock(mc, from / BLOCK, &m);
	err = pm_zero_guarded(ip->fs->rg, (uint8_t *)disk_ptr(&ip->fs->disk, rs.pblk) + from % BLOCK, to - from);
	pm_fence(ip->fs->rg);
	if (slot)
		mapcache_unlock(slot);
	rcu_leave();
	return err;
}

/* The ragged ends of a punched or zeroed range. */
static int zero_ends(struct inode *ip, struct range r)
{
	uint64_t first = blocks_of(r.off) * BLOCK, last = r.end / BLOCK * BLOCK;

	if (first > last)	/* within one block */
		return zero_part(ip, r.off, r.end);
	int err = zero_part(ip, r.off, first);

	return err ? err : zero_part(ip, last, r.end);
}

static int stage_mode(struct inode_edit *e, struct range r, int mode)
{
	if (mode & FALLOC_FL_PUNCH_HOLE)
		return stage_punch(e, r);
	if (mode & FALLOC_FL_ZERO_RANGE)
		return stage_zero(e, r, mode);
	return stage_allocate(e, r, mode);
}

static int fallocate_txn(struct inode *ip, struct range r, int mode)
{
	struct txn *t = txn_begin(&ip->fs->jn);
	struct inode_edit e;
	int err = inode_edit(&e, t, ip);

	if (!err)
		err = stage_mode(&e, r, mode);
	if (err) {
		txn_abort(t);
		inode_edit_drop(&e);
		return err;
	}
	e.a.mtime = e.a.ctime = inode_now();
	inode_stage(&e);
	txn_commit(t);
	inode_apply(&e);
	return 0;
}

static int fallocate_locked(struct inode *ip, struct range r, int mode)
{
	uint64_t size = atomic_load(&ip->size);
	int err = 0;

	if (!(mode & FALLOC_FL_KEEP_SIZE) && r.end > size)
		err = space_zero_tail(ip, size);
	if (!err)
		err = fallocate_txn(ip, r, mode);
	if (!err && (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		err = zero_ends(ip, r);
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
	if (off > SIZE_MAX_BYTES || len > SIZE_MAX_BYTES - off)
		return -EFBIG;
	return fs_check_writable(ip->fs);
}

int space_fallocate(struct inode *ip, int mode, uint64_t off, uint64_t len)
{
	int err = fallocate_checks(ip, mode, off, len);
	unsigned tries = 0;

	if (err)
		return err;
	do {
		pthread_rwlock_wrlock(&ip->lock);
		err = fallocate_locked(ip, (struct range){ off, off + len }, mode);
		pthread_rwlock_unlock(&ip->lock);
	} while (err == -ENOSPC && fs_make_room(ip->fs, &tries));
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
