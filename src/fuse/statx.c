/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * statx.c -- the answer to STATX, which alone tells when an inode was born
 *
 * The kernel (6.6 and later) asks so when somebody wants the birth time, and takes
 * the other attributes from the answer as well.  The protocol's structures are
 * newer than the headers we build with, so they stand here.
 */
#include <linux/stat.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "core/attr.h"
#include "core/inode.h"
#include "fuse/ops.h"


struct wire_time {
	int64_t		sec;
	uint32_t	nsec;
	int32_t		rsvd;
};

struct wire_statx {
	uint32_t	mask, blksize;
	uint64_t	attributes;
	uint32_t	nlink, uid, gid;
	uint16_t	mode, rsvd0;
	uint64_t	ino, size, blocks, attributes_mask;
	struct wire_time atime, btime, ctime, mtime;
	uint32_t	rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t	rsvd1[14];
};

struct wire_statx_out {
	uint64_t	valid_sec;
	uint32_t	valid_nsec, flags;
	uint64_t	rsvd[2];
	struct wire_statx st;
};

static_assert(sizeof(struct wire_statx) == 256 && sizeof(struct wire_statx_out) == 288,
	      "as linux/fuse.h has it since version 7.39");

static struct wire_time to_time(struct timespec ts)
{
	return (struct wire_time){ .sec = ts.tv_sec, .nsec = (uint32_t)ts.tv_nsec };
}

static void fill(struct wire_statx *out, const struct stat *st)
{
	out->mask = STATX_BASIC_STATS | STATX_BTIME;
	out->blksize = (uint32_t)st->st_blksize;
	out->nlink = (uint32_t)st->st_nlink;
	out->uid = st->st_uid;
	out->gid = st->st_gid;
	out->mode = (uint16_t)st->st_mode;
	out->ino = st->st_ino;
	out->size = (uint64_t)st->st_size;
	out->blocks = (uint64_t)st->st_blocks;
	out->atime = to_time(st->st_atim);
	out->mtime = to_time(st->st_mtim);
	out->ctime = to_time(st->st_ctim);
	out->rdev_major = major(st->st_rdev);
	out->rdev_minor = minor(st->st_rdev);
}

void op_reply_statx(fuse_req_t req, struct inode *ip)
{
	struct wire_statx_out out;
	struct iattr a;
	struct stat st;

	attr_get(ip, &a);
	request_stat(ip->ino, &a, &st);
	memset(&out, 0, sizeof(out));
	out.valid_sec = (uint64_t)REQUEST_VALID_SECONDS;
	fill(&out.st, &st);
	out.st.btime = to_time(request_time(a.btime));
	inode_put(ip, 1);
	fuse_reply_buf(req, (const char *)&out, sizeof(out));
}
