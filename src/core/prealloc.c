// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * prealloc.c -- blocks for a file: from its window, next to what it has, or anew
 *
 * Owns the policy.  Small files fill holes; from LARGE_BLOCKS on a file takes
 * untouched 2 MiB chunks, with device and file block congruent modulo 2 MiB so
 * that PMD entries fit.  A window doubles with the file and is not opened while
 * less than 1/16 of the blocks are free.
 *
 * Windows are volatile: see prealloc.h.  The inode's lock protects its window, and
 * fs->windows.lock the places of those that no last close would give back.
 */
#include "core/prealloc.h"

#include <urcu/rculfhash.h>

#include "base/rcu.h"
#include "core/balloc.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/mapcache.h"
#include "disk/txn.h"

#define LARGE_BLOCKS	64		/* 256 KiB */
#define WINDOW_MIN	16		/* 64 KiB */
#define WINDOW_MAX	16384		/* 64 MiB */

static bool at_end(const struct inode *ip, uint64_t lblk)
{
	uint64_t size = atomic_load_explicit(&ip->size, memory_order_relaxed);

	return lblk >= size >> DAXFS_BLOCK_SHIFT;
}

/*
 * Who has the file open, or, where that is not told, goes on with it: most files are written
 * at once, and a window of theirs would only push the next file away.
 */
static bool in_use(const struct inode *ip, const struct alloc_want *w)
{
	if (atomic_load(&ip->users))
		return true;
	return w->goal && atomic_load_explicit(&ip->fs->flags, memory_order_relaxed) & FS_NO_OPENS;
}

/* Blocks to reserve beyond what is wanted now. */
static uint64_t window_size(const struct inode *ip, const struct alloc_want *w)
{
	const struct fs *fs = ip->fs;
	uint64_t n = w->file_blocks;

	if (!inode_is_reg(ip) || !in_use(ip, w) || !at_end(ip, w->lblk))
		return 0;
	if (balloc_nr_free(fs->balloc) < fs->disk.nr_blocks / 16)
		return 0;
	if (n < WINDOW_MIN)
		n = WINDOW_MIN;
	return n < WINDOW_MAX ? n : WINDOW_MAX;
}

static struct run *window_of(struct inode *ip)
{
	struct mapcache *mc = inode_is_reg(ip) ? atomic_load(&ip->map) : NULL;

	return mc && mc->window.n ? &mc->window : NULL;
}

uint64_t prealloc_held(struct inode *ip)
{
	struct run *win = window_of(ip);

	return win ? win->n : 0;
}

/* -- places for windows that no last close gives back ---------------------------- */

/* Inode's lock held exclusively. */
static void give_back(struct inode *ip, struct mapcache *mc)
{
	if (mc->window.n)
		balloc_free(ip->fs->balloc, pblk_nr(mc->window.pblk), mc->window.n);
	mc->window.n = 0;
}

/* windows.lock held.  False: whose place it is is being used just now. */
static bool vacate(struct inode **place)
{
	struct inode *ip = *place;
	struct mapcache *mc;

	if (!ip)
		return true;
	if (pthread_rwlock_trywrlock(&ip->lock))
		return false;
	mc = atomic_load(&ip->map);
	give_back(ip, mc);
	mc->kept = false;
	pthread_rwlock_unlock(&ip->lock);
	*place = NULL;
	return true;
}

/* @ip's lock held exclusively.  False: it cannot have a window now. */
static bool enter(struct inode *ip, struct mapcache *mc)
{
	struct windows *w = &ip->fs->windows;

	if (mc->kept || atomic_load(&ip->users))
		return true;
	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < WINDOWS_KEPT && !mc->kept; i++) {
		struct inode **place = &w->of[w->next++ % WINDOWS_KEPT];

		mc->kept = vacate(place);
		if (mc->kept)
			*place = ip;
	}
	pthread_mutex_unlock(&w->lock);
	return mc->kept;
}

/* @ip's lock held exclusively. */
static void leave(struct inode *ip, struct mapcache *mc)
{
	struct windows *w = &ip->fs->windows;

	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < WINDOWS_KEPT; i++) {
		if (w->of[i] == ip)
			w->of[i] = NULL;
	}
	mc->kept = false;
	pthread_mutex_unlock(&w->lock);
}

/* The next of them from place @i on, with a reference; NULL: no more. */
static struct inode *next_kept(struct windows *w, unsigned *i)
{
	struct inode *ip = NULL;

	pthread_mutex_lock(&w->lock);
	for (; *i < WINDOWS_KEPT && !ip; ++*i) {
		ip = w->of[*i];
		if (ip && !inode_ref_dirty(ip))
			ip = NULL;	/* it is ending, and gives its window back itself */
	}
	pthread_mutex_unlock(&w->lock);
	return ip;
}

void prealloc_expire(struct fs *fs)
{
	struct inode *ip;
	unsigned i = 0;

	if (!(atomic_load_explicit(&fs->flags, memory_order_relaxed) & FS_NO_OPENS))
		return;
	while ((ip = next_kept(&fs->windows, &i))) {
		pthread_rwlock_wrlock(&ip->lock);
		prealloc_return(ip);
		pthread_rwlock_unlock(&ip->lock);
		inode_put(ip, 1);
	}
}

/* -- blocks for a file ------------------------------------------------------------- */

/* The window serves only what continues at its beginning. */
static bool from_window(struct inode *ip, const struct alloc_want *w, struct run *out)
{
	struct run *win = window_of(ip);

	if (!win)
		return false;
	if (pblk_nr(win->pblk) != w->goal) {
		prealloc_return(ip);
		return false;
	}
	out->pblk = win->pblk;
	out->n = win->n < w->max ? win->n : w->max;
	win->pblk = pblk_add(win->pblk, out->n);
	win->n -= out->n;
	return true;
}

static int from_allocator(struct inode *ip, const struct alloc_want *w, struct run *out)
{
	uint64_t extra = window_size(ip, w);
	struct mapcache *mc = extra ? mapcache_of(ip) : NULL;

	if (mc && !enter(ip, mc))
		mc = NULL;
	struct balloc_req rq = {
		.goal = w->goal,
		.min = 1,
		.max = w->max + (mc ? extra : 0),
		.phase = w->lblk,
		.flags = w->file_blocks >= LARGE_BLOCKS ? BALLOC_LARGE : 0,
	};
	int err = balloc_alloc(ip->fs->balloc, &rq, out);

	if (!err && out->n > w->max) {
		mc->window = (struct run){ pblk_add(out->pblk, w->max), out->n - w->max };
		out->n = w->max;
	}
	return err;
}

int prealloc_get(struct inode *ip, struct txn *t, const struct alloc_want *w, struct run *out)
{
	int err = 0;

	if (!from_window(ip, w, out))
		err = from_allocator(ip, w, out);
	if (err)
		return err;
	err = txn_took(t, out->pblk, out->n);
	if (err)
		balloc_free(ip->fs->balloc, pblk_nr(out->pblk), out->n);
	return err;
}

void prealloc_return(struct inode *ip)
{
	struct mapcache *mc = inode_is_reg(ip) ? atomic_load(&ip->map) : NULL;

	if (!mc)
		return;
	give_back(ip, mc);
	if (mc->kept)
		leave(ip, mc);
}

void prealloc_reclaim(struct fs *fs)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	prealloc_expire(fs);
	rcu_enter();
	cds_lfht_for_each(fs->icache, &iter, node) {
		struct inode *ip = caa_container_of(node, struct inode, node);

		rcu_observe(node);
		/* Without references it is being loaded, or gives its window back itself. */
		if (!atomic_load_explicit(&ip->refs, memory_order_acquire) ||
		    pthread_rwlock_trywrlock(&ip->lock))
			continue;
		prealloc_return(ip);
		pthread_rwlock_unlock(&ip->lock);
	}
	rcu_leave();
}
