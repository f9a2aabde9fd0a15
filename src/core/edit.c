// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * edit.c -- staged changes of one inode, and its dirty state
 *
 * An edit takes the attributes from memory, where lazily written times are
 * newer than on media, lets the operation change them and the map, and
 * stages the whole.  After commit memory follows field by field: only what
 * the operation changed is copied back, because mtime and ctime may have
 * been moved meanwhile by writers that hold no inode lock.
 *
 * The order after commit is that of fs/dax.c: block map (committed), then the
 * radix cache, and only then are blocks given to limbo for reuse.
 */
#include "core/inode.h"

#include <errno.h>

#include "core/instance.h"
#include "core/mapcache.h"
#include "core/pin.h"
#include "disk/txn.h"

int inode_edit(struct inode_edit *e, struct txn *t, struct inode *ip)
{
	runvec_init(&e->removed);
	e->ip = ip;
	e->drop_first = 1;
	e->drop_last = 0;
	e->shadow = txn_edit(t, ip->slot, sizeof(*e->shadow), dinode_seal);
	if (!e->shadow)
		return -ENOSPC;
	inode_snapshot(ip, &e->was);
	e->a = e->was;
	e->map = (struct extmap){
		.disk = &ip->fs->disk, .t = t, .root = &e->shadow->map, .ino = ip->ino,
	};
	return 0;
}

void inode_edit_drop(struct inode_edit *e)
{
	runvec_fini(&e->removed);
}

void inode_forget_range(struct inode_edit *e, uint64_t first, uint64_t last)
{
	e->drop_first = first;
	e->drop_last = last;
}

void inode_stage(struct inode_edit *e)
{
	e->a.blocks += (uint64_t)e->map.node_delta;
	e->map.node_delta = 0;
	dinode_store(e->shadow, &e->a);
}

static void apply_time(_Atomic int64_t *t, int64_t was, int64_t now)
{
	if (was != now)
		atomic_store_explicit(t, now, memory_order_relaxed);
}

void inode_apply(struct inode_edit *e)
{
	struct inode *ip = e->ip;
	const struct iattr *a = &e->a;

	inode_take(ip, a);
	if (a->rdev != e->was.rdev)	/* read without the lock by a rename that looks at ancestors */
		ip->rdev = a->rdev;
	apply_time(&ip->atime, e->was.atime, a->atime);
	apply_time(&ip->mtime, e->was.mtime, a->mtime);
	apply_time(&ip->ctime, e->was.ctime, a->ctime);
	if (a->size != e->was.size)
		atomic_store_explicit(&ip->size, a->size, memory_order_release);
	if (e->drop_first <= e->drop_last && inode_is_reg(ip))
		mapcache_forget(atomic_load(&ip->map), e->drop_first, e->drop_last);
	limbo_add(ip->fs, &e->removed);
}

int inode_edit_end(struct inode_edit *e, struct txn *t, int err)
{
	if (err) {
		txn_abort(t);
		inode_edit_drop(e);
		return err;
	}
	inode_stage(e);
	txn_commit(t);
	inode_apply(e);
	return 0;
}

/*
 * The caller's stores and tags come before this call.  The fast path may skip only when
 * the reason is set and the inode is listed: someone who set the reason
 * may not have listed it yet.  The flusher takes the reasons away before it flushes
 * and unlists afterwards, under the lock, only if none has come back.
 */
void inode_mark_dirty(struct inode *ip, unsigned why)
{
	struct dirty_list *dl = fs_dirty_list(ip->fs, ip->ino);
	unsigned was = atomic_load(&ip->dirty);

	if ((was & why) != why)
		atomic_fetch_or(&ip->dirty, why);
	if (atomic_load(&ip->listed))
		return;
	pthread_mutex_lock(&dl->lock);
	if (!atomic_load(&ip->listed)) {
		list_add_tail(&dl->head, &ip->dirty_link);
		atomic_store(&ip->listed, true);
		atomic_fetch_add(&dl->nr, 1);
	}
	pthread_mutex_unlock(&dl->lock);
}

static int write_times(struct inode *ip)
{
	struct txn *t = txn_begin(&ip->fs->jn);
	struct inode_edit e;

	return inode_edit_end(&e, t, inode_edit(&e, t, ip));
}

int inode_flush_times(struct inode *ip)
{
	int err = 0;

	if (!(atomic_load(&ip->dirty) & INODE_DIRTY_TIMES))
		return 0;
	pthread_rwlock_wrlock(&ip->lock);
	if (atomic_fetch_and(&ip->dirty, ~INODE_DIRTY_TIMES) & INODE_DIRTY_TIMES) {
		err = write_times(ip);
		if (err)
			inode_mark_dirty(ip, INODE_DIRTY_TIMES);
	}
	pthread_rwlock_unlock(&ip->lock);
	return err;
}
