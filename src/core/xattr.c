// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xattr.c -- extended attributes
 *
 * An inode's attributes are one immutable chain of blocks.  A change reads the
 * chain, edits the stream in memory, writes a new chain and swings the inode's pointer in
 * one transaction: a crash leaves all of the old set or all of the new one.
 * Under the inode's lock.  What is special about ACLs is in acl.c.
 */
#include "core/xattr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "core/acl.h"
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

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static int check_name(const char *name)
{
	static const char *const known[] = { "user.", "trusted.", "security." };
	size_t n = strlen(name);

	if (n == 0 || n > DAXFS_NAME_MAX)
		return -ERANGE;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (has_prefix(name, known[i]))
			return name[strlen(known[i])] ? 0 : -EINVAL;
	return acl_named(name) ? 0 : -EOPNOTSUPP;
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

struct namelist { char *buf; size_t size, used; };

/* 0 or -ERANGE. */
static int add_name(struct namelist *l, const struct xattr_ent *e)
{
	if (l->size && l->used + e->name_len + 1 > l->size)
		return -ERANGE;
	if (l->size) {
		memcpy(l->buf + l->used, e->name, e->name_len);
		l->buf[l->used + e->name_len] = '\0';
	}
	l->used += e->name_len + 1;
	return 0;
}

static bool is_trusted(const struct xattr_ent *e)
{
	static const char prefix[] = "trusted.";

	return e->name_len >= sizeof(prefix) - 1 && !memcmp(e->name, prefix, sizeof(prefix) - 1);
}

enum list_what { LIST_ALL, LIST_PUBLIC };

static int list_locked(struct inode *ip, struct namelist *l, enum list_what what)
{
	struct xattrs xs;
	struct xattr_ent e;
	size_t pos = 0;
	int more, err = load(ip, &xs);

	if (err)
		return err;
	while (!err && (more = xattrs_next(&xs, &pos, &e)) != 0) {
		if (more < 0)
			err = more;
		else if (what == LIST_ALL || !is_trusted(&e))
			err = add_name(l, &e);
	}
	free(xs.buf);
	return err;
}

static ssize_t list(struct inode *ip, struct namelist l, enum list_what what)
{
	pthread_rwlock_rdlock(&ip->lock);
	int err = ip->xattr.v ? list_locked(ip, &l, what) : 0;

	pthread_rwlock_unlock(&ip->lock);
	if (err == -EUCLEAN)
		fs_result(ip->fs, err);
	return err ? err : (ssize_t)l.used;
}

ssize_t xattr_list(struct inode *ip, char *buf, size_t size)
{
	return list(ip, (struct namelist){ .buf = buf, .size = size }, LIST_ALL);
}

ssize_t xattr_list_public(struct inode *ip, char *buf, size_t size)
{
	return list(ip, (struct namelist){ .buf = buf, .size = size }, LIST_PUBLIC);
}

/* -- changing -------------------------------------------------------------------- */

int xattr_stage(struct inode_edit *e, struct txn *t, const struct xattrs *xs)
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

/* @xs NULL: the attributes stay. */
static int swing(struct inode *ip, const struct xattrs *xs, uint32_t mode)
{
	struct txn *t = txn_begin(&ip->fs->jn);
	struct inode_edit e;
	int err = inode_edit(&e, t, ip);

	if (!err && xs)
		err = xattr_stage(&e, t, xs);
	if (!err) {
		e.a.mode = mode;
		e.a.ctime = inode_now();
	}
	return inode_edit_end(&e, t, err);
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

/* A request without a value is one to remove.  1 (the stream has changed), 0, or an error. */
static int change_stream(struct xattrs *xs, const struct xattr_set_req *rq, uint32_t *mode)
{
	if (acl_named(rq->name))
		return acl_put(xs, rq, mode);
	int err = rq->value ? put(xs, rq) : xattrs_del(xs, rq->name);

	return err ? err : 1;
}

static int change_locked(struct inode *ip, const struct xattr_set_req *rq)
{
	uint32_t mode = ip->mode;
	struct xattrs xs;
	int ret = load(ip, &xs);

	if (ret)
		return ret;
	ret = change_stream(&xs, rq, &mode);
	if (ret >= 0)
		ret = swing(ip, ret ? &xs : NULL, mode);
	free(xs.buf);
	return ret;
}

static int change(struct inode *ip, const struct xattr_set_req *rq)
{
	unsigned tries = 0;
	int err = fs_check_writable(ip->fs);

	if (!err && acl_named(rq->name))
		err = acl_admit(ip, rq);
	if (err)
		return err;
	do {
		pthread_rwlock_wrlock(&ip->lock);
		err = change_locked(ip, rq);
		pthread_rwlock_unlock(&ip->lock);
	} while (err == -ENOSPC && fs_make_room(ip->fs, &tries));
	return fs_result(ip->fs, err);
}

int xattr_set(struct inode *ip, const struct xattr_set_req *rq)
{
	struct xattr_set_req set = *rq;
	int err = check_name(rq->name);

	if (!rq->value)
		set.value = "";
	if (!err && has_prefix(rq->name, "user.") && !inode_is_reg(ip) && !inode_is_dir(ip))
		err = -EPERM;
	if (!err && rq->size > DAXFS_XATTR_SIZE_MAX)
		err = -E2BIG;
	return err ? err : change(ip, &set);
}

int xattr_remove(struct inode *ip, const char *name)
{
	const struct xattr_set_req rq = { .name = name };
	int err = check_name(name);

	return err ? err : change(ip, &rq);
}
