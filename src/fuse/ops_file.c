/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops_file.c -- requests that concern the content of regular files
 *
 * An open file holds one reference to its inode, kept as the file handle; where no
 * file is in direct mode the kernel opens them by itself, and there is no handle.  The
 * kernel resolves O_APPEND under its inode lock, held alone, before it sends a write, and
 * it alone changes sizes, so the offset of a request is always right.  Truncating (but by
 * O_TRUNC), allocating and copying into a file it does alone, too.  Writes within a direct file it
 * sends at the same time, so the handlers below run at the same time for one file,
 * and it is the engine that keeps overlapping ones apart, request by request.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/attr.h"
#include "core/file.h"
#include "core/inode.h"
#include "core/space.h"
#include "core/sync.h"
#include "core/xattr.h"
#include "fuse/ops.h"
#include "fuse/options.h"
#include "fuse/wire.h"

/*
 * copy_file_range: bytes at a time, and bytes before the kernel is asked to come again.  Other requests
 * of the CPU wait meanwhile, over io_uring.
 */
#define COPY_CHUNK	(UINT64_C(256) << 10)
#define COPY_MAX	(UINT64_C(2) << 20)

static bool is_direct(const struct daemon *d, struct inode *ip)
{
	struct iattr a;

	if (d->opt->dax != DAXFS_DAX_INODE)
		return d->opt->dax == DAXFS_DAX_ALWAYS;
	attr_get(ip, &a);
	return a.flags & DAXFS_INODE_DAX;
}

void op_hold_open(const struct daemon *d, struct inode *ip, struct fuse_file_info *fi)
{
	if (is_direct(d, ip)) {
		fi->direct_io = 1;
		wire_parallel_writes();
	} else {
		fi->keep_cache = 1;
	}
	if (d->kernel_opens_files)
		return;
	inode_ref(ip);
	file_open(ip);
	fi->fh = (uintptr_t)ip;
}

void op_let_go(const struct fuse_file_info *fi)
{
	struct inode *ip = (struct inode *)(uintptr_t)fi->fh;

	if (!ip)
		return;
	file_release(ip);
	inode_put(ip, 1);
}

/*
 * The kernel leaves it to us to clear set-id bits, since HANDLE_KILLPRIV_V2 was agreed on,
 * but goes on showing and honouring the mode that it has cached.
 */
static void tell_mode(struct daemon *d, const struct inode *ip)
{
	fuse_lowlevel_notify_inval_inode(d->se, ip->ino, -1, 0);
}

static int truncate_at_open(fuse_req_t req, struct inode *ip)
{
	const struct iattr empty = { .size = 0 };
	const unsigned setid = request_kills(req, ip);
	int err = attr_set(ip, &empty, ATTR_SET_SIZE | ATTR_SET_MTIME | ATTR_MTIME_NOW | setid);

	if (setid)
		tell_mode(fuse_req_userdata(req), ip);
	return err;
}

static int open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct daemon *d = fuse_req_userdata(req);
	struct inode *ip;
	int err;

	err = inode_get(d->fs, ino, &ip);
	if (err)
		return err;
	if ((fi->flags & O_TRUNC) && (fi->flags & O_ACCMODE) != O_RDONLY)
		err = truncate_at_open(req, ip);
	if (!err)
		op_hold_open(d, ip, fi);
	inode_put(ip, 1);
	return err;
}

/* With ENOSYS the kernel opens this file and all others by itself, and tells of no end either. */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_open);
	int err = d->kernel_opens_files ? -ENOSYS : open_file(req, ino, fi);

	if (err)
		request_error(req, err);
	else if (fuse_reply_open(req, fi))
		op_let_go(fi);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	request_start(req, DAXFS_OP_release);
	op_let_go(fi);
	request_error(req, 0);
}

/*
 * The kernel takes a file's capabilities away before it sends a write, but not in direct mode.  Of several
 * writers at a time one does, and all before they write.
 */
static int drop_capabilities(const struct daemon *d, struct inode *ip)
{
	static const char name[] = "security.capability";
	int err;

	if (!atomic_load_explicit(&ip->has_xattrs, memory_order_relaxed) || !is_direct(d, ip) ||
	    xattr_get(ip, name, NULL, 0) < 0)
		return 0;
	err = xattr_remove(ip, name);
	return err == -ENODATA ? 0 : err;
}

/* @setid: what request_kills() said */
static unsigned write_flags(const struct fuse_file_info *fi, unsigned setid)
{
	unsigned flags = 0;

	if (fi->flags & O_DSYNC)
		flags |= FILE_DSYNC;
	if ((fi->flags & O_SYNC) == O_SYNC)
		flags |= FILE_SYNC;
	if (setid & ATTR_KILL_PRIV)
		flags |= FILE_KILL_PRIV;
	if (setid & ATTR_KILL_SGID)
		flags |= FILE_KILL_SGID;
	return flags;
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	      struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_write);
	unsigned setid, tries = 0;
	struct inode *ip;
	ssize_t res = request_inode_get(d, ino, fi, &ip);

	if (res) {
		request_error(req, (int)res);
		return;
	}
	setid = request_kills(req, ip);
	do {
		res = drop_capabilities(d, ip);
		if (!res)
			res = file_write(ip, buf, size, (uint64_t)off, write_flags(fi, setid));
	} while (request_again(d, res, &tries));
	if (setid)
		tell_mode(d, ip);
	request_inode_put(fi, ip);
	flusher_note(&d->flusher);
	if (res < 0)
		request_error(req, (int)res);
	else
		fuse_reply_write(req, (size_t)res);
}

/* Where nothing is left to do, ever, ENOSYS makes the kernel stop asking. */
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_fsync);
	struct inode *ip;
	int err = d->prompt ? -ENOSYS : request_inode_get(d, ino, fi, &ip);

	if (!err) {
		err = sync_file(ip, datasync ? SYNC_DATA_ONLY : 0);
		request_inode_put(fi, ip);
	}
	request_error(req, err);
}

static int allocate(fuse_req_t req, struct inode *ip, int mode, off_t off, off_t len)
{
	struct daemon *d = fuse_req_userdata(req);
	const unsigned setid = request_kills(req, ip);
	unsigned tries = 0;
	int err = 0;

	if (setid) {
		err = attr_set(ip, &(struct iattr){ 0 }, setid);
		tell_mode(d, ip);
	}
	if (!err) {
		do
			err = space_fallocate(ip, mode, (uint64_t)off, (uint64_t)len);
		while (request_again(d, err, &tries));
	}
	return err;
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_fallocate);
	struct inode *ip;
	int err = request_inode_get(d, ino, fi, &ip);

	if (!err) {
		err = allocate(req, ip, mode, off, len);
		request_inode_put(fi, ip);
	}
	if (d->kernel_opens_files)
		flusher_note(&d->flusher);	/* it may have more than it asked for: prealloc_expire() */
	request_error(req, err);
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_lseek);
	struct inode *ip;
	off_t res = request_inode_get(d, ino, fi, &ip);

	if (!res) {
		res = space_seek(ip, off, whence);
		request_inode_put(fi, ip);
	}
	if (res < 0)
		request_error(req, (int)res);
	else
		fuse_reply_lseek(req, res);
}

struct copy {
	struct inode	*in, *out;
	uint64_t	 in_off, out_off, len;
	unsigned	 flags;
};

/* One chunk.  Bytes copied, 0 at the end of the source, or an error. */
static ssize_t copy_chunk(const struct copy *c, void *buf, uint64_t done)
{
	uint64_t n = c->len - done;
	ssize_t got;

	if (n > COPY_CHUNK)
		n = COPY_CHUNK;
	got = file_read(c->in, buf, (size_t)n, c->in_off + done);
	if (got <= 0)
		return got;
	return file_write(c->out, buf, (size_t)got, c->out_off + done, c->flags);
}

/* Bytes copied; an error only when there are none. */
static ssize_t copy_range(const struct copy *c)
{
	void *buf = malloc(COPY_CHUNK);
	uint64_t done = 0;
	ssize_t n = -ENOMEM;

	while (buf && done < c->len) {
		n = copy_chunk(c, buf, done);
		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	free(buf);
	return done ? (ssize_t)done : n;
}

/* The kernel does not know that the source was read, and would show its old access time. */
static void tell_atime(struct daemon *d, const struct inode *ip, int64_t was)
{
	if (atomic_load_explicit(&ip->atime, memory_order_relaxed) != was)
		fuse_lowlevel_notify_inval_inode(d->se, ip->ino, -1, 0);
}

/* struct fuse_copy_file_range_out holds but this; kernels before 6.18 know only the answer to a write. */
static void reply_copied(fuse_req_t req, uint64_t bytes)
{
	if (wire_is_copy_64())
		fuse_reply_buf(req, (const char *)&bytes, sizeof(bytes));
	else
		fuse_reply_write(req, (size_t)bytes);
}

/* What op_copy_file_range() does once it has both files. */
static ssize_t copy(fuse_req_t req, struct copy *c, const struct fuse_file_info *fi_out)
{
	struct daemon *d = fuse_req_userdata(req);
	const unsigned setid = request_kills(req, c->out);
	const int64_t atime = atomic_load_explicit(&c->in->atime, memory_order_relaxed);
	ssize_t res;

	c->flags = write_flags(fi_out, setid);
	res = copy_range(c);
	tell_atime(d, c->in, atime);
	if (setid)
		tell_mode(d, c->out);
	return res;
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
			struct fuse_file_info *fi_out, size_t len, int flags)
{
	struct daemon *d = request_start(req, DAXFS_OP_copy_file_range);
	struct copy c = {
		.in_off = (uint64_t)off_in,
		.out_off = (uint64_t)off_out,
		.len = len < COPY_MAX ? len : COPY_MAX,
	};
	ssize_t res = flags ? -EINVAL : request_inode_get(d, ino_in, fi_in, &c.in);

	if (!res) {
		res = request_inode_get(d, ino_out, fi_out, &c.out);
		if (!res) {
			res = copy(req, &c, fi_out);
			request_inode_put(fi_out, c.out);
		}
		request_inode_put(fi_in, c.in);
	}
	flusher_note(&d->flusher);
	if (res < 0)
		request_error(req, (int)res);
	else
		reply_copied(req, (uint64_t)res);
}
