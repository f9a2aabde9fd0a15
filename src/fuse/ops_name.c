/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops_name.c -- requests that concern names
 *
 * A name that is not there is told to the kernel as well, so that it need not
 * ask again: only requests through this mount can make the name appear.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "core/attr.h"
#include "core/file.h"
#include "core/inode.h"
#include "core/namei.h"
#include "fuse/ops.h"
#include "fuse/wire.h"

static void reply_absent(fuse_req_t req)
{
	struct fuse_entry_param e = { .entry_timeout = REQUEST_VALID_SECONDS };

	fuse_reply_entry(req, &e);
}

/*
 * The kernel asks by number, for a file handle, when it has no such inode.  So nobody has it open: without
 * a name it is dead, even if FORGET has yet to come (which may be overtaken over io_uring).
 */
static int lookup_handle(struct daemon *d, uint64_t ino, struct inode **out)
{
	struct iattr a;
	int err = inode_get(d->fs, ino, out);

	if (err)
		return err;
	attr_get(*out, &a);
	if (a.nlink)
		return 0;
	inode_put(*out, 1);
	return -ESTALE;
}

/* "." stands for the node itself, whatever it is: so the kernel opens file handles (NFS). */
static int lookup(struct daemon *d, uint64_t parent, const char *name, struct inode **out)
{
	struct inode *dir;
	int err;

	if (strcmp(name, ".") == 0)
		return lookup_handle(d, parent, out);
	err = inode_get(d->fs, parent, &dir);
	if (err)
		return err;
	err = namei_lookup(dir, request_name(name), out);
	inode_put(dir, 1);
	return err;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct daemon *d = request_start(req, DAXFS_OP_lookup);
	struct inode *ip;
	int err;

	err = lookup(d, parent, name, &ip);
	if (!err)
		request_entry(req, ip);
	else if (err == -ENOENT)
		reply_absent(req);
	else
		request_error(req, err);
}

/* The engine's look-up by number takes a reference too: it goes with the others. */
static void forget(struct daemon *d, uint64_t ino, uint64_t nlookup)
{
	struct inode *ip;
	int err;

	counters_add(&d->counters, DAXFS_OP_forget);
	err = inode_get(d->fs, ino, &ip);
	if (err)
		log_warn("the kernel forgot inode %llu, which is not in use", (unsigned long long)ino);
	else
		inode_put(ip, nlookup + 1);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	forget(fuse_req_userdata(req), ino, nlookup);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct daemon *d = fuse_req_userdata(req);

	for (size_t i = 0; i < count; i++)
		forget(d, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct daemon *d = request_start(req, DAXFS_OP_readlink);
	char target[DAXFS_SYMLINK_MAX + 1];
	struct inode *ip;
	int res;

	res = inode_get(d->fs, ino, &ip);
	if (res) {
		request_error(req, res);
		return;
	}
	res = namei_readlink(ip, target, sizeof(target));
	if (res >= 0)
		file_touch_atime(ip);
	inode_put(ip, 1);
	if (res < 0)
		request_error(req, res);
	else
		fuse_reply_readlink(req, target);
	flusher_note(&d->flusher);
}

static int create(fuse_req_t req, fuse_ino_t parent, const char *name, struct create_req *rq,
		  struct inode **out)
{
	struct daemon *d = fuse_req_userdata(req);
	unsigned tries = 0;
	struct inode *dir;
	int err;

	rq->cred = request_cred(req);
	rq->umask = fuse_req_ctx(req)->umask;
	err = inode_get(d->fs, parent, &dir);
	if (err)
		return err;
	do {
		if (wire_is_tmpfile())
			err = namei_tmpfile(dir, rq, out);
		else
			err = namei_create(dir, request_name(name), rq, out);
	} while (request_again(d, err, &tries));
	if (!wire_is_tmpfile())		/* no name has come, and others read @dir meanwhile */
		op_dir_changed(d, dir);
	inode_put(dir, 1);
	return err;
}

static void create_and_reply(fuse_req_t req, fuse_ino_t parent, const char *name,
			     struct create_req *rq)
{
	struct inode *ip;
	int err;

	err = create(req, parent, name, rq, &ip);
	if (err)
		request_error(req, err);
	else
		request_entry(req, ip);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct create_req rq = { .mode = mode, .rdev = rdev };

	request_start(req, DAXFS_OP_mknod);
	create_and_reply(req, parent, name, &rq);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct create_req rq = { .mode = S_IFDIR | (mode & ~(mode_t)S_IFMT) };

	request_start(req, DAXFS_OP_mkdir);
	create_and_reply(req, parent, name, &rq);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct create_req rq = { .mode = S_IFLNK | 0777, .target = target };

	request_start(req, DAXFS_OP_symlink);
	create_and_reply(req, parent, name, &rq);
}

/*
 * Two references: the kernel's name and the open file.
 *
 * Where the kernel opens files by itself ENOSYS makes it create them with MKNOD, for ever.
 * There is no such way round for O_TMPFILE; but then the handle is none, as no RELEASE will come.
 */
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_create);
	struct create_req rq = { .mode = S_IFREG | (mode & ~(mode_t)S_IFMT) };
	struct fuse_entry_param e;
	struct inode *ip;
	int err = d->kernel_opens_files && !wire_is_tmpfile() ? -ENOSYS : 0;

	if (!err)
		err = create(req, parent, name, &rq, &ip);
	if (err) {
		request_error(req, err);
		return;
	}
	op_hold_open(d, ip, fi);
	request_fill_entry(ip, &e);
	if (fuse_reply_create(req, &e, fi)) {
		op_let_go(fi);
		inode_put(ip, 1);
	}
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct daemon *d = request_start(req, DAXFS_OP_link);
	struct inode *ip, *dir;
	int err;

	err = inode_get(d->fs, ino, &ip);
	if (err)
		goto out;
	err = inode_get(d->fs, parent, &dir);
	if (err)
		goto put_inode;
	err = namei_link(ip, dir, request_name(name));
	op_dir_changed(d, dir);
	inode_put(dir, 1);
	if (err)
		goto put_inode;
	request_entry(req, ip);
	return;

put_inode:
	inode_put(ip, 1);
out:
	request_error(req, err);
}

static void remove_name(fuse_req_t req, struct daemon *d, fuse_ino_t parent, const char *name,
			int (*take)(struct inode *dir, struct name name, const struct cred *cred))
{
	struct cred cred = request_cred(req);
	struct inode *dir;
	int err;

	err = inode_get(d->fs, parent, &dir);
	if (!err) {
		err = take(dir, request_name(name), &cred);
		op_dir_changed(d, dir);
		inode_put(dir, 1);
	}
	request_removed(d, err);
	request_error(req, err);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, request_start(req, DAXFS_OP_unlink), parent, name, namei_unlink);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, request_start(req, DAXFS_OP_rmdir), parent, name, namei_rmdir);
}

/* The kernel lists a directory from its cache, where ".." would go on naming the old parent. */
static void moved(struct daemon *d, struct inode *dir, struct name name)
{
	struct inode *ip;

	if (namei_lookup(dir, name, &ip))
		return;
	if (inode_is_dir(ip))
		op_dir_changed(d, ip);
	inode_put(ip, 1);
}

static void tell_moved(struct daemon *d, const struct rename_req *rq)
{
	if (rq->src_dir == rq->dst_dir)
		return;
	moved(d, rq->dst_dir, rq->dst);
	if (rq->flags & RENAME_EXCHANGE)
		moved(d, rq->src_dir, rq->src);
}

static int rename_in(struct daemon *d, fuse_ino_t src_dir, fuse_ino_t dst_dir,
		     struct rename_req *rq)
{
	int err;

	err = inode_get(d->fs, src_dir, &rq->src_dir);
	if (err)
		return err;
	err = inode_get(d->fs, dst_dir, &rq->dst_dir);
	if (!err) {
		err = namei_rename(rq);
		if (!err)
			tell_moved(d, rq);
		op_dir_changed(d, rq->src_dir);
		op_dir_changed(d, rq->dst_dir);
		inode_put(rq->dst_dir, 1);
	}
	inode_put(rq->src_dir, 1);
	return err;
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned int flags)
{
	struct daemon *d = request_start(req, DAXFS_OP_rename);
	struct rename_req rq = {
		.src = request_name(name),
		.dst = request_name(new_name),
		.flags = flags,
		.cred = request_cred(req),
	};

	const int err = rename_in(d, parent, new_parent, &rq);

	request_removed(d, err);
	request_error(req, err);
}
