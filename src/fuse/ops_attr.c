/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops_attr.c -- requests that concern attributes, extended ones included
 *
 * The inode comes from its number, not from an open file: both mean the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/attr.h"
#include "core/inode.h"
#include "core/xattr.h"
#include "fuse/ops.h"
#include "fuse/wire.h"

#define NS_PER_SEC	INT64_C(1000000000)

/* Times beyond the year 2262, or before 1677, become the last, or first, moment. */
static int64_t from_timespec(struct timespec ts)
{
	int64_t ns;

	if (__builtin_mul_overflow((int64_t)ts.tv_sec, NS_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)ts.tv_nsec, &ns))
		return ts.tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static unsigned attr_mask(int to_set)
{
	static const struct { int fuse; unsigned engine; } map[] = {
		{ FUSE_SET_ATTR_MODE, ATTR_SET_MODE },
		{ FUSE_SET_ATTR_UID, ATTR_SET_UID },
		{ FUSE_SET_ATTR_GID, ATTR_SET_GID },
		{ FUSE_SET_ATTR_SIZE, ATTR_SET_SIZE },
		{ FUSE_SET_ATTR_ATIME, ATTR_SET_ATIME },
		{ FUSE_SET_ATTR_MTIME, ATTR_SET_MTIME },
		{ FUSE_SET_ATTR_CTIME, ATTR_SET_CTIME },
		{ FUSE_SET_ATTR_ATIME_NOW, ATTR_SET_ATIME | ATTR_ATIME_NOW },
		{ FUSE_SET_ATTR_MTIME_NOW, ATTR_SET_MTIME | ATTR_MTIME_NOW },
	};
	unsigned mask = 0;

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (to_set & map[i].fuse)
			mask |= map[i].engine;
	}
	return mask;
}

/*
 * A request that sets nothing is a chown(2) that names neither owner nor group, which clears set-id
 * bits if it comes from the owner; or it announces a write, which then clears them itself.
 */
static unsigned chown_mask(fuse_req_t req, struct inode *ip)
{
	uid_t user = fuse_req_ctx(req)->uid;
	struct iattr a;

	attr_get(ip, &a);
	return !S_ISDIR(a.mode) && (user == 0 || user == a.uid) ? ATTR_KILL_PRIV : 0;
}

/* What has to change beyond what is asked for. */
static unsigned implied_mask(fuse_req_t req, struct inode *ip, int to_set)
{
	if (!to_set)
		return chown_mask(req, ip);
	return to_set & FUSE_SET_ATTR_SIZE ? request_kills(req, ip) : 0;
}

/*
 * ftruncate(2) changes the times even if the size stays, and so does open(2) with O_TRUNC;
 * truncate(2) only if it does.  The kernel leaves all to us.  There is a file with the first only:
 * where O_TRUNC comes this way truncate(2) to nothing, which looks the same, changes them too.
 */
static unsigned truncate_mask(const struct daemon *d, const struct stat *st, int to_set,
			      const struct fuse_file_info *fi)
{
	const int times = FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW;

	if (!(to_set & FUSE_SET_ATTR_SIZE) || (to_set & times))
		return 0;
	if (!fi && !(d->kernel_opens_files && st->st_size == 0))
		return 0;
	return ATTR_SET_MTIME | ATTR_MTIME_NOW;
}

static void reply_attr(fuse_req_t req, struct inode *ip)
{
	struct iattr a;
	struct stat st;

	attr_get(ip, &a);
	request_stat(ip->ino, &a, &st);
	inode_put(ip, 1);
	fuse_reply_attr(req, &st, REQUEST_VALID_SECONDS);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_getattr);
	struct inode *ip;
	int err;

	(void)fi;
	err = inode_get(d->fs, ino, &ip);
	if (err)
		request_error(req, err);
	else if (wire_is_statx())
		op_reply_statx(req, ip);
	else
		reply_attr(req, ip);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_setattr);
	const struct iattr a = {
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size = (uint64_t)st->st_size,
		.atime = from_timespec(st->st_atim),
		.mtime = from_timespec(st->st_mtim),
		.ctime = from_timespec(st->st_ctim),
	};
	unsigned mask = attr_mask(to_set) | truncate_mask(d, st, to_set, fi);
	struct inode *ip;
	int err;

	err = inode_get(d->fs, ino, &ip);
	if (!err) {
		err = attr_set(ip, &a, mask | implied_mask(req, ip, to_set));
		if (!err) {
			reply_attr(req, ip);
			return;
		}
		inode_put(ip, 1);
	}
	request_error(req, err);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct daemon *d = request_start(req, DAXFS_OP_statfs);
	struct fs_stat fst;
	struct statvfs st = {
		.f_bsize = DAXFS_BLOCK_SIZE,
		.f_frsize = DAXFS_BLOCK_SIZE,
		.f_namemax = DAXFS_NAME_MAX,
	};

	(void)ino;
	fs_statfs(d->fs, &fst);
	st.f_blocks = fst.blocks;
	st.f_bfree = st.f_bavail = fst.bfree;
	st.f_files = fst.inodes + fst.ifree;
	st.f_ffree = st.f_favail = fst.ifree;
	fuse_reply_statfs(req, &st);
}

/* The kernel has found an ACL valid, its setter entitled to it, and the size of a value possible. */
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags)
{
	struct daemon *d = request_start(req, DAXFS_OP_setxattr);
	const struct xattr_set_req rq = {
		.name = name, .value = value, .size = size,
		.flags = flags | (wire_acl_kills_sgid() ? XATTR_KILL_SGID : 0),
	};
	struct inode *ip;
	int err;

	err = inode_get(d->fs, ino, &ip);
	if (!err) {
		err = xattr_set(ip, &rq);
		inode_put(ip, 1);
	}
	request_error(req, err);
}

/* What a request asks of an inode: a value, or with @name NULL the list. */
struct xattr_read { const char *name; size_t size; uid_t uid; };

/*
 * Where SELinux is off files have no labels, mostly.  ls(1) asks for each file's all the same,
 * until it hears that there are none here.
 */
static ssize_t absent(const struct daemon *d, const char *name)
{
	return !d->selinux && strcmp(name, "security.selinux") == 0 ? -EOPNOTSUPP : -ENODATA;
}

static ssize_t read_xattr(const struct daemon *d, struct inode *ip, const struct xattr_read *rd, char *buf)
{
	if (rd->name) {
		ssize_t res = xattr_get(ip, rd->name, buf, rd->size);

		return res == -ENODATA ? absent(d, rd->name) : res;
	}
	return rd->uid == 0 ? xattr_list(ip, buf, rd->size) : xattr_list_public(ip, buf, rd->size);
}

static void reply_xattr(fuse_req_t req, fuse_ino_t ino, const struct xattr_read *rd)
{
	struct daemon *d = fuse_req_userdata(req);
	char *buf = NULL;
	struct inode *ip;
	ssize_t res = inode_get(d->fs, ino, &ip);

	if (!res) {
		buf = rd->size ? malloc(rd->size) : NULL;
		res = rd->size && !buf ? -ENOMEM : read_xattr(d, ip, rd, buf);
		inode_put(ip, 1);
	}
	if (res < 0)
		request_error(req, (int)res);
	else if (!rd->size)
		fuse_reply_xattr(req, (size_t)res);
	else
		fuse_reply_buf(req, buf, (size_t)res);
	free(buf);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	request_start(req, DAXFS_OP_getxattr);
	reply_xattr(req, ino, &(struct xattr_read){ .name = name, .size = size });
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	request_start(req, DAXFS_OP_listxattr);
	reply_xattr(req, ino, &(struct xattr_read){ .size = size, .uid = fuse_req_ctx(req)->uid });
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct daemon *d = request_start(req, DAXFS_OP_removexattr);
	struct inode *ip;
	int err;

	err = inode_get(d->fs, ino, &ip);
	if (!err) {
		err = xattr_remove(ip, name);
		inode_put(ip, 1);
	}
	request_error(req, err);
}
