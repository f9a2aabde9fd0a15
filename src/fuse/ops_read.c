/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops_read.c -- reading with no copy in the daemon, or with one
 *
 * Through /dev/fuse the reply points at the blocks on media, and the kernel
 * copies from there to the reader.  The blocks are pinned until the reply has
 * gone, so that nobody frees and reuses them meanwhile.  When a media error
 * strikes, the kernel itself turns the reply into EIO.
 *
 * Over io_uring the kernel copies from a buffer that is the same for all
 * requests: the data is read straight into it.
 *
 * Names: iov  pieces of the reply     pin  what keeps them in place
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "core/file.h"
#include "core/inode.h"
#include "fuse/ops.h"
#include "fuse/ring.h"

/* 1 MiB of single blocks that begins inside one. */
#define MAX_PIECES	260
#define MAX_PINS	8

struct reading {
	struct iovec	iov[MAX_PIECES];
	struct pin	pin[MAX_PINS];
	unsigned	nr, nr_pins;
	size_t		got;
};

static void unpin(struct fs *fs, struct reading *r)
{
	while (r->nr_pins)
		pin_put(fs, &r->pin[--r->nr_pins]);
}

/* Bytes that one more pin gains, 0 at the end of the file, or an error. */
static ssize_t pin_more(struct reading *r, struct inode *ip, struct file_range range)
{
	unsigned n = MAX_PIECES - r->nr;
	ssize_t got;

	got = file_pin(ip, range, &r->iov[r->nr], &n, &r->pin[r->nr_pins]);
	if (got < 0)
		return got;
	r->nr_pins++;
	r->nr += n;
	r->got += (size_t)got;
	return got;
}

/* 0 when all that the file holds of the range is pinned, 1 when it has too many pieces. */
static int pin_range(struct reading *r, struct inode *ip, struct file_range range)
{
	while (range.len) {
		ssize_t got;

		if (r->nr == MAX_PIECES || r->nr_pins == MAX_PINS)
			return 1;
		got = pin_more(r, ip, range);
		if (got <= 0)
			return (int)got;
		range.off += (uint64_t)got;
		range.len -= (size_t)got;
	}
	return 0;
}

/* What can be read of @range; a short answer means the end of the file, so an error inside is one. */
static ssize_t peek_all(struct inode *ip, uint8_t *buf, struct file_range range)
{
	ssize_t got, done = 0;

	do {
		got = file_peek(ip, buf + done, range.len - (size_t)done, range.off + (uint64_t)done);
		if (got < 0)
			return got;
		done += got;
	} while (got && (size_t)done < range.len);
	return done;
}

static void reply_data(fuse_req_t req, const void *buf, ssize_t res)
{
	if (res < 0)
		request_error(req, (int)res);
	else
		fuse_reply_buf(req, buf, (size_t)res);
}

/* What has too many pieces to be pinned. */
static void reply_copy(fuse_req_t req, struct inode *ip, struct file_range range)
{
	void *buf = malloc(range.len);

	reply_data(req, buf, buf ? peek_all(ip, buf, range) : -ENOMEM);
	free(buf);
}

static bool moves_atime(const struct fuse_file_info *fi)
{
	return !(fi->flags & O_NOATIME);
}

static void read_pinned(fuse_req_t req, struct inode *ip, struct file_range range,
			const struct fuse_file_info *fi)
{
	struct daemon *d = fuse_req_userdata(req);
	struct reading r;
	int res;

	r.nr = r.nr_pins = 0;
	r.got = 0;
	res = pin_range(&r, ip, range);
	if (res >= 0 && moves_atime(fi))
		file_touch_atime(ip);	/* once it has the reply, the kernel may release the file */
	if (res < 0)
		request_error(req, res);
	else if (res == 0)
		fuse_reply_iov(req, r.iov, (int)r.nr);
	unpin(d->fs, &r);
	if (res > 0)
		reply_copy(req, ip, range);
}

static void read_into(fuse_req_t req, struct inode *ip, struct file_range range, void *room,
		      const struct fuse_file_info *fi)
{
	ssize_t res = peek_all(ip, room, range);

	if (res >= 0 && moves_atime(fi))
		file_touch_atime(ip);
	reply_data(req, room, res);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_read);
	const struct file_range range = { .off = (uint64_t)off, .len = size };
	void *room = ring_room(size);
	struct inode *ip;
	int err = request_inode_get(d, ino, fi, &ip);

	if (err) {
		request_error(req, err);
		return;
	}
	if (room)
		read_into(req, ip, range, room, fi);
	else
		read_pinned(req, ip, range, fi);
	request_inode_put(fi, ip);
	flusher_note(&d->flusher);
}
