// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * attr.c -- stat and setattr
 *
 * setattr is one transaction, whatever it changes: mode, owner, times and size
 * together or not at all, and the ACL that the mode is a view of.  Under the inode's lock, and
 * where the size changes with all writers kept out.
 */
#include "core/attr.h"

#include <errno.h>

#include "core/acl.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/mapcache.h"
#include "core/space.h"
#include "disk/txn.h"

void attr_get(struct inode *ip, struct iattr *a)
{
	pthread_rwlock_rdlock(&ip->lock);
	inode_snapshot(ip, a);
	pthread_rwlock_unlock(&ip->lock);
}

/* Set-id bits do not survive a change of owner (chown(2)); setgid without group execute is no set-id bit. */
static uint32_t without_setid(uint32_t mode)
{
	mode &= ~(uint32_t)S_ISUID;
	if (mode & S_IXGRP)
		mode &= ~(uint32_t)S_ISGID;
	return mode;
}

static void stage_times(struct inode_edit *e, const struct iattr *a, unsigned mask)
{
	int64_t now = inode_now();

	if (mask & ATTR_SET_ATIME)
		e->a.atime = mask & ATTR_ATIME_NOW ? now : a->atime;
	if (mask & ATTR_SET_MTIME)
		e->a.mtime = mask & ATTR_MTIME_NOW ? now : a->mtime;
	e->a.ctime = mask & ATTR_SET_CTIME ? a->ctime : now;
}

static void stage_owner(struct inode_edit *e, const struct iattr *a, unsigned mask)
{
	if (mask & ATTR_SET_UID)
		e->a.uid = a->uid;
	if (mask & ATTR_SET_GID)
		e->a.gid = a->gid;
	if ((mask & (ATTR_SET_UID | ATTR_SET_GID)) && !S_ISDIR(e->a.mode))
		e->a.mode = without_setid(e->a.mode);
	if (mask & ATTR_SET_MODE)
		e->a.mode = (e->a.mode & S_IFMT) | (a->mode & 07777);
	if (mask & ATTR_KILL_PRIV)
		e->a.mode = without_setid(e->a.mode);
	if (mask & ATTR_KILL_SGID)
		e->a.mode &= ~(uint32_t)S_ISGID;
	if (mask & ATTR_SET_FLAGS)
		e->a.flags = (e->a.flags & ~DAXFS_INODE_DAX) | (a->flags & DAXFS_INODE_DAX);
}

static int stage_mode(struct inode_edit *e, struct txn *t, const struct iattr *a, unsigned mask)
{
	stage_owner(e, a, mask);
	return mask & ATTR_SET_MODE ? acl_stage_chmod(e, t) : 0;
}

static int stage_size(struct inode_edit *e, const struct iattr *a, unsigned mask)
{
	if (!(mask & ATTR_SET_SIZE))
		return 0;
	if (a->size != e->a.size && !(mask & ATTR_SET_MTIME))
		e->a.mtime = inode_now();
	return space_resize(e, a->size);
}

static int set_locked(struct inode *ip, const struct iattr *a, unsigned mask)
{
	uint64_t size = atomic_load(&ip->size);
	struct inode_edit e;
	int err = 0;

	if ((mask & ATTR_SET_SIZE) && a->size > size)
		err = space_zero_tail(ip, size);
	if (err)
		return err;
	struct txn *t = txn_begin(&ip->fs->jn);

	err = inode_edit(&e, t, ip);
	if (!err)
		err = stage_size(&e, a, mask);
	if (!err)
		err = stage_mode(&e, t, a, mask);
	if (!err)
		stage_times(&e, a, mask);
	return inode_edit_end(&e, t, err);
}

static int set_checks(const struct inode *ip, const struct iattr *a, unsigned mask)
{
	if (mask & ATTR_SET_SIZE) {
		if (inode_is_dir(ip))
			return -EISDIR;
		if (!inode_is_reg(ip))
			return -EINVAL;
		if (a->size > DAXFS_FILE_SIZE_MAX)
			return -EFBIG;
	}
	return fs_check_writable(ip->fs);
}

/* Blocks go only when nobody writes to them. */
static int set_try(struct inode *ip, const struct iattr *a, unsigned mask)
{
	const bool resize = mask & ATTR_SET_SIZE;
	struct range_hold all;
	int err = resize ? mapcache_claim(ip, &all) : 0;

	if (err)
		return err;
	pthread_rwlock_wrlock(&ip->lock);
	err = set_locked(ip, a, mask);
	pthread_rwlock_unlock(&ip->lock);
	if (resize)
		mapcache_release(ip, &all);
	return err;
}

int attr_set(struct inode *ip, const struct iattr *a, unsigned mask)
{
	int err = set_checks(ip, a, mask);
	unsigned tries = 0;

	if (err)
		return err;
	do
		err = set_try(ip, a, mask);
	while (err == -ENOSPC && fs_make_room(ip->fs, &tries));
	return fs_result(ip->fs, err);
}
