/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request.c -- what all request handlers share: inodes in, attributes out
 *
 * Translates between libfuse's types and the engine's.  Holds no state and
 * takes no lock of its own.
 */
#include "fuse/request.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "core/attr.h"
#include "core/inode.h"
#include "fuse/ring.h"
#include "fuse/wire.h"

#define NS_PER_SEC	INT64_C(1000000000)

/* How long after a removal a full filesystem is tried again, and how often. */
#define AGAIN_NS	(NS_PER_SEC / 5)
#define AGAIN_PAUSE_NS	(NS_PER_SEC / 500)

#define GROUPS_MAX	256	/* more are not looked at */

struct name request_name(const char *s)
{
	return (struct name){ .s = s, .len = (unsigned)strlen(s) };
}

struct cred request_cred(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct cred){ .uid = ctx->uid, .gid = ctx->gid, .flags = CRED_PRIVILEGED };
}

static bool in_group(fuse_req_t req, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	int n;

	if (fuse_req_ctx(req)->gid == gid)
		return true;
	n = fuse_req_getgroups(req, GROUPS_MAX, groups);
	for (int i = 0; i < n && i < GROUPS_MAX; i++) {
		if (groups[i] == gid)
			return true;
	}
	return false;
}

unsigned request_kills(fuse_req_t req, struct inode *ip)
{
	struct iattr a;

	if (!wire_kills_priv())
		return 0;
	attr_get(ip, &a);
	if ((a.mode & (S_ISGID | S_IXGRP)) == S_ISGID && !in_group(req, a.gid))
		return ATTR_KILL_PRIV | ATTR_KILL_SGID;
	if ((a.mode & S_ISUID) || (a.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		return ATTR_KILL_PRIV;
	return 0;
}

void request_error(fuse_req_t req, int err)
{
	fuse_reply_err(req, -err);
}

static int64_t coarse_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

void request_removed(struct daemon *d, int err)
{
	const int64_t now = coarse_now();

	/* All CPUs read it: written when the clock has moved. */
	if (!err && atomic_load_explicit(&d->removed_at, memory_order_relaxed) != now)
		atomic_store_explicit(&d->removed_at, now, memory_order_relaxed);
}

bool request_again(const struct daemon *d, ssize_t err, unsigned *tries)
{
	const struct timespec pause = { .tv_nsec = AGAIN_PAUSE_NS };
	int64_t removed;

	if (err != -ENOSPC || (*tries)++ == AGAIN_NS / AGAIN_PAUSE_NS)
		return false;
	removed = atomic_load_explicit(&d->removed_at, memory_order_relaxed);
	if (!removed || coarse_now() - removed > AGAIN_NS)
		return false;
	ring_send();	/* who removes it may be waiting for one of them */
	nanosleep(&pause, NULL);
	return true;
}

struct timespec request_time(int64_t ns)
{
	int64_t sec = ns / NS_PER_SEC, rest = ns % NS_PER_SEC;

	if (rest < 0) {
		rest += NS_PER_SEC;
		sec--;
	}
	return (struct timespec){ .tv_sec = sec, .tv_nsec = rest };
}

void request_stat(uint64_t ino, const struct iattr *a, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = a->mode;
	st->st_nlink = a->nlink;
	st->st_uid = a->uid;
	st->st_gid = a->gid;
	if (S_ISCHR(a->mode) || S_ISBLK(a->mode))
		st->st_rdev = a->rdev;
	st->st_size = (off_t)a->size;
	st->st_blksize = (blksize_t)DAXFS_BLOCK_SIZE;
	st->st_blocks = (blkcnt_t)(a->blocks * (DAXFS_BLOCK_SIZE / 512));
	st->st_atim = request_time(a->atime);
	st->st_mtim = request_time(a->mtime);
	st->st_ctim = request_time(a->ctime);
}

void request_fill_entry(struct inode *ip, struct fuse_entry_param *e)
{
	struct iattr a;

	attr_get(ip, &a);
	memset(e, 0, sizeof(*e));
	e->ino = ip->ino;
	e->generation = a.gen;
	e->attr_timeout = REQUEST_VALID_SECONDS;
	e->entry_timeout = REQUEST_VALID_SECONDS;
	request_stat(ip->ino, &a, &e->attr);
}

void request_entry(fuse_req_t req, struct inode *ip)
{
	struct fuse_entry_param e;

	request_fill_entry(ip, &e);
	if (fuse_reply_entry(req, &e))
		inode_put(ip, 1);
}
