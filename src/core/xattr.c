// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xattr.c -- extended attributes
 *
 * An inode's attributes are one immutable chain of blocks.  A change reads the
 * chain, edits the stream in memory, writes a new chain and swings the inode's pointer in
 * one transaction: a crash leaves all of the old set or all of the new one.
 * Under the inode's lock.
 */
#include "core/xattr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "core/inode.h"
#include "core/instance.h"
#include "disk/txn.h"
#include "disk/xattrblk.h"

static int load(const struct inode *ip, struct xattrs *xs)
{
	return xattrblk_load(&ip->fs->disk, ip->ino, ip->xattr, xs);
}

static ssize_t copy_out(void *dst, size_t size, const void *src, size_t n)
{
	if (!size)
		return (ssize_t)n;
	if (n > size)
		return -ERANGE;
	if (n)
		memcpy(dst, src, n);
	return (ssize_t)n;
}

/* Lock held in either mode. */
static ssize_t get_locked(struct inode *ip, const char *name, void *value, size_t size)
{
	struct xattrs xs;
	struct xattr_ent e;
	ssize_t ret;

	if (!ip->xattr.v)
		return -ENODATA;
	int err = load(ip, &xs);

	if (err)
		return err;
	err = xattrs_find(&xs, name, &e);
	ret = err ? err : copy_out(value, size, e.value, e.value_len);
	free(xs.buf);
	return ret;
}

static int check_name(const char *name)
{
	size_t n = strlen(name);

	return n == 0 || n > DAXFS_NAME_MAX ? -ERANGE : 0;
}

ssize_t xattr_get(struct inode *ip, const char *name, void *value, size_t size)
{
	ssize_t ret = check_name(name);

	if (ret)
		return ret;
	pthread_rwlock_rdlock(&ip->lock);
	ret = get_locked(ip, name, value, size);
	pthread_rwlock_unlock(&ip->lock);
	return ret == -EUCLEAN ? fs_result(ip->fs, -EUCLEAN) : ret;
}

static ssize_t list_locked(struct inode *ip, char *list, size_t size)
{
	struct xattrs xs;
	struct xattr_ent e;
	size_t pos = 0, n = 0;
	int more, err = load(ip, &xs);

	if (err)
		return err;
	while ((more = xattrs_next(&xs, &pos, &e)) == 1) {
		if (size && n + e.name_len + 1 > size) {
			more = -ERANGE;
			break;
		}
		if (size) {
			memcpy(list + n, e.name, e.name_len);
			list[n + e.name_len] = '\0';
		}
		n += e.name_len + 1;
	}
	free(xs.buf);
	return more < 0 ? more : (ssize_t)n;
}

ssize_t xattr_list(struct inode *ip, char *list, size_t size)
{
	pthread_rwlock_rdlock(&ip->lock);
	ssize_t ret = ip->xattr.v ? list_locked(ip, list, size) : 0;

	pthread_rwlock_unlock(&ip->lock);
	return ret == -EUCLEAN ? fs_result(ip->fs, -EUCLEAN) : ret;
}

/* -- changing -------------------------------------------------------------------- */

/* The inode gets a new chain instead of the one it has. */
static int stage_chain(struct inode_edit *e, struct txn *t, const struct xattrs *xs)
{
	const struct inode *ip = e->ip;
	struct runvec old;
	uint64_t n, freed = 0;

	runvec_init(&old);
	int err = xattrblk_blocks(&ip->fs->disk, ip->ino, ip->xattr, &old);

	for (size_t i = 0; !err && i < old.nr; i++) {
		err = txn_free(t, old.v[i].pblk, old.v[i].n);
		freed += old.v[i].n;
	}
	runvec_fini(&old);
	if (!err)
		err = xattrblk_store(t, &ip->fs->disk, ip->ino, xs, &e->a.xattr, &n);
	if (!err)
		e->a.blocks += n - freed;
	return err;
}

static int swing(struct inode *ip, const struct xattrs *xs)
{
	struct txn *t = txn_begin(&ip->fs->jn);
	struct inode_edit e;
	int err = inode_edit(&e, t, ip);

	if (!err)
		err = stage_chain(&e, t, xs);
	if (err) {
		txn_abort(t);
		inode_edit_drop(&e);
		return err;
	}
	e.a.ctime = inode_now();
	inode_stage(&e);
	txn_commit(t);
	inode_apply(&e);
	return 0;
}

static int put(struct xattrs *xs, const struct xattr_set_req *rq)
{
	struct xattr_ent e;
	int err = xattrs_find(xs, rq->name, &e);

	if (err == -EUCLEAN)
		return err;
	if (!err && (rq->flags & XATTR_CREATE))
		return -EEXIST;
	if (err && (rq->flags & XATTR_REPLACE))
		return -ENODATA;
	return xattrs_put(xs, rq->name, rq->value, (uint32_t)rq->size);
}

/* @rq NULL: remove @name. */
static int change_locked(struct inode *ip, const char *name, const struct xattr_set_req *rq)
{
	struct xattrs xs;
	int err = load(ip, &xs);

	if (err)
		return err;
	err = rq ? put(&xs, rq) : xattrs_del(&xs, name);
	if (!err)
		err = swing(ip, &xs);
	free(xs.buf);
	return err;
}

static int change(struct inode *ip, const char *name, const struct xattr_set_req *rq)
{
	unsigned tries = 0;
	int err;

	do {
		pthread_rwlock_wrlock(&ip->lock);
		err = change_locked(ip, name, rq);
		pthread_rwlock_unlock(&ip->lock);
	} while (err == -ENOSPC && fs_make_room(ip->fs, &tries));
	return fs_result(ip->fs, err);
}

static bool has_prefix(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return !strncmp(name, prefix, n) && name[n];
}

static int check_prefix(const struct inode *ip, const char *name)
{
	static const char *const known[] = { "user.", "trusted.", "security.", "system." };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!has_prefix(name, known[i]))
			continue;
		return i == 0 && !inode_is_reg(ip) && !inode_is_dir(ip) ? -EPERM : 0;
	}
	return -EOPNOTSUPP;
}

int xattr_set(struct inode *ip, const struct xattr_set_req *rq)
{
	int err = check_name(rq->name);

	if (!err)
		err = check_prefix(ip, rq->name);
	if (!err && rq->size > DAXFS_XATTR_SIZE_MAX)
		err = -E2BIG;
	if (!err)
		err = fs_check_writable(ip->fs);
	return err ? err : change(ip, rq->name, rq);
}

int xattr_remove(struct inode *ip, const char *name)
{
	int err = check_name(name);

	if (!err)
		err = fs_check_writable(ip->fs);
	return err ? err : change(ip, name, NULL);
}
