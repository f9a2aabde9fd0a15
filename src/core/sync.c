// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * sync.c -- fsync, fdatasync, syncfs: flush what is dirty, then fence
 *
 * A file's dirty lines are in its radix cache; the fs's lists name the inodes
 * that have any, or times that only memory knows.  A flush takes the inode's
 * reasons away first, then tags every DIRTY block TOWRITE and works through
 * those only, so that a busy writer cannot keep it going for ever; it unlists the inode at last,
 * if nothing new has come.  The argument why no line is lost is in mapcache.c,
 * why no inode is lost in edit.c.
 *
 * Locks: fs->sync_lock, then the file's mc->sync, then the inode's lock.
 */
#include "core/sync.h"

#include <errno.h>
#include <sched.h>

#include "base/rcu.h"
#include "core/getblock.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/mapcache.h"
#include "pm/pm.h"
#include "pm/region.h"

#define SOME	32u	/* dirty blocks at a time */

/* Where the block lies: cache, else map.  A hole: truncated meanwhile. */
static int find_block(struct inode *ip, struct mapcache *mc, uint64_t lblk, pblk_t *b)
{
	struct block_res rs;
	struct mapping m;

	rcu_enter();
	bool hit = mapcache_lookup(mc, lblk, &m);
	rcu_leave();
	if (hit) {
		*b = m.pblk;
		return 0;
	}
	pthread_rwlock_rdlock(&ip->lock);
	int err = get_block(ip, (struct block_req){ { lblk }, 1 }, &rs);
	pthread_rwlock_unlock(&ip->lock);
	*b = err || rs.state == BLOCK_HOLE ? (pblk_t){ 0 } : rs.pblk;
	return err;
}

/* Each run of lines with one call. */
static void flush_lines(struct region *rg, const uint8_t *block, uint64_t mask)
{
	while (mask) {
		unsigned first = (unsigned)__builtin_ctzll(mask);
		uint64_t rest = ~(mask >> first);
		unsigned n = rest ? (unsigned)__builtin_ctzll(rest) : 64;

		if (n > 64 - first)
			n = 64 - first;
		pm_flush(rg, block + first * DAXFS_LINE, (size_t)n * DAXFS_LINE);
		mask &= n == 64 ? 0 : ~(((UINT64_C(1) << n) - 1) << first);
	}
}

static int flush_block(struct inode *ip, struct mapcache *mc, uint64_t lblk, uint64_t mask)
{
	pblk_t b;
	int err = mask ? find_block(ip, mc, lblk, &b) : 0;

	if (!err && mask && b.v)
		flush_lines(ip->fs->rg, disk_ptr(&ip->fs->disk, b), mask);
	return err;
}

struct dirty { uint64_t lblk, mask; };

/* Some of the blocks to flush from *@lblk on, which moves behind them.  Return: how many; 0: no more. */
static unsigned take_some(struct mapcache *mc, uint64_t *lblk, struct dirty *some)
{
	unsigned n = 0;

	while (n < SOME && *lblk <= RADIX_INDEX_MAX) {
		bool found;
		uint64_t mask = mapcache_take_dirty(mc, lblk, RADIX_INDEX_MAX, &found);

		if (!found)
			break;
		some[n++] = (struct dirty){ (*lblk)++, mask };
	}
	return n;
}

/* From the first failure on they are dirty again, for the next try. */
static int flush_some(struct inode *ip, struct mapcache *mc, const struct dirty *some, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!err)
			err = flush_block(ip, mc, some[i].lblk, some[i].mask);
		if (err)
			(void)mapcache_dirty(mc, some[i].lblk, some[i].mask);
	}
	return err;
}

/*
 * mc->sync held.  Several masks are taken first and flushed then: taking one locks the bus, which
 * waits for all flushes before it.
 */
static int flush_data(struct inode *ip, struct mapcache *mc)
{
	struct dirty some[SOME];
	uint64_t lblk = 0;
	unsigned n;
	int err = 0;

	if (!radix_tag_move(&mc->dirty, 0, RADIX_INDEX_MAX, RADIX_DIRTY, RADIX_TOWRITE))
		return 0;
	while (!err && (n = take_some(mc, &lblk, some)))
		err = flush_some(ip, mc, some, n);
	pm_fence(ip->fs->rg);
	return err;
}

/* The last step: off the list, unless a reason has come back.  See inode_mark_dirty(). */
static void unlist_if_clean(struct inode *ip)
{
	struct dirty_list *dl = fs_dirty_list(ip->fs, ip->ino);

	if (!atomic_load(&ip->listed) || atomic_load(&ip->dirty))
		return;
	pthread_mutex_lock(&dl->lock);
	if (atomic_load(&ip->listed)) {
		atomic_store(&ip->listed, false);
		if (atomic_load(&ip->dirty)) {
			atomic_store(&ip->listed, true);
		} else {
			list_del(&ip->dirty_link);
			atomic_fetch_sub(&dl->nr, 1);
		}
	}
	pthread_mutex_unlock(&dl->lock);
}

static int sync_data(struct inode *ip, struct mapcache *mc)
{
	int err = 0;

	pthread_mutex_lock(&mc->sync);
	if (atomic_fetch_and(&ip->dirty, ~INODE_DIRTY_DATA) & INODE_DIRTY_DATA) {
		err = flush_data(ip, mc);
		if (err)
			inode_mark_dirty(ip, INODE_DIRTY_DATA);
	}
	pthread_mutex_unlock(&mc->sync);
	return err;
}

/* They need a transaction, and so a filesystem that may be written to. */
static int sync_times(struct inode *ip)
{
	if (!fs_check_writable(ip->fs))
		return inode_flush_times(ip);
	return atomic_load(&ip->dirty) & INODE_DIRTY_TIMES ? -EROFS : 0;
}

int sync_file(struct inode *ip, unsigned flags)
{
	struct mapcache *mc = inode_is_reg(ip) ? atomic_load(&ip->map) : NULL;
	int err = 0, err2 = 0;

	if (mc)
		err = sync_data(ip, mc);
	if (!(flags & SYNC_DATA_ONLY))
		err2 = sync_times(ip);
	unlist_if_clean(ip);
	if (!err)
		err = err2 ? err2 : region_error(ip->fs->rg);
	return fs_result(ip->fs, err);
}

/* The list's first inode with a reference, or NULL when the list is empty. */
static struct inode *first_dirty(struct dirty_list *dl)
{
	for (;;) {
		struct inode *ip = NULL;
		bool referenced = true;

		pthread_mutex_lock(&dl->lock);
		struct list *first = list_first(&dl->head);

		if (first) {
			ip = list_entry(first, struct inode, dirty_link);
			referenced = inode_ref_dirty(ip);
		}
		pthread_mutex_unlock(&dl->lock);
		if (referenced)
			return ip;
		sched_yield();	/* it is ending, and flushes itself before it leaves the list */
	}
}

/* Inodes dirtied again during the walk are left to the next one: at most as many visits as were dirty. */
static int sync_list(struct dirty_list *dl)
{
	int err = 0;

	for (uint64_t n = atomic_load(&dl->nr); n; n--) {
		struct inode *ip = first_dirty(dl);

		if (!ip)
			break;
		pthread_mutex_lock(&dl->lock);
		if (atomic_load(&ip->listed))
			list_move_tail(&dl->head, &ip->dirty_link);
		pthread_mutex_unlock(&dl->lock);
		int e = sync_file(ip, 0);

		if (!err)
			err = e;
		inode_put(ip, 1);
	}
	return err;
}

int sync_fs(struct fs *fs)
{
	int err = 0;

	pthread_mutex_lock(&fs->sync_lock);
	for (unsigned i = 0; i < DIRTY_LISTS; i++) {
		int e = sync_list(&fs->dirty[i]);

		if (!err)
			err = e;
	}
	pthread_mutex_unlock(&fs->sync_lock);
	return err;
}
