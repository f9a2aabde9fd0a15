/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request.h -- what all request handlers share: inodes in, attributes out
 *
 * A node of the kernel is an inode number.  Each reply that tells the kernel
 * of a node carries one reference of the engine's, which FORGET gives back.
 */
#ifndef FUSE_REQUEST_H
#define FUSE_REQUEST_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <stdbool.h>

#include "core/fs.h"
#include "core/inode.h"
#include "disk/dirblk.h"	/* struct name */
#include "fuse/session.h"

struct iattr;

/* The kernel may keep names and attributes for ever: nobody else changes the media. */
#define REQUEST_VALID_SECONDS	4e9

/* request_start - count the request.  Return: the daemon it is for. */
static inline struct daemon *request_start(fuse_req_t req, enum daxfs_op op)
{
	struct daemon *d = fuse_req_userdata(req);

	counters_add(&d->counters, op);
	return d;
}

/* request_name - a NUL-terminated name as the engine takes it. */
struct name request_name(const char *s);

/* request_cred - who asks; the kernel has checked permissions. */
struct cred request_cred(fuse_req_t req);

/**
 * request_kills - which set-id bits of @ip will the request clear that this thread serves?
 *
 * setgid without group execute once meant mandatory locks: Linux lets a member of the
 * group keep it.
 *
 * Context: takes the inode's lock.
 * Return: ATTR_KILL_PRIV, with ATTR_KILL_SGID or not; 0 when there is nothing to clear.
 */
unsigned request_kills(fuse_req_t req, struct inode *ip);

/**
 * request_inode_get - the inode of an open file
 * @fi: its handle, 0 where the kernel opens files by itself: then the number tells
 * @ip: filled in
 *
 * A file that is open keeps its inode; the kernel does not say when one that it has opened by
 * itself is closed, and FORGET may be served before the end of the last request: so there the
 * inode is held by a reference until request_inode_put().
 *
 * Return: 0, or as inode_get() if there is no handle.
 */
static inline int request_inode_get(const struct daemon *d, fuse_ino_t ino, const struct fuse_file_info *fi,
				    struct inode **ip)
{
	*ip = (struct inode *)(uintptr_t)fi->fh;
	return *ip ? 0 : inode_get(d->fs, ino, ip);
}

/* request_inode_put - after the last use of what request_inode_get() has found. */
static inline void request_inode_put(const struct fuse_file_info *fi, struct inode *ip)
{
	if (!fi->fh)
		inode_put(ip, 1);
}

/**
 * request_error - answer with a result that carries no data
 * @err: 0 or negative errno
 *
 * The one place where the sign is flipped.
 */
void request_error(fuse_req_t req, int err);

/* request_removed - unless @err, a name is gone; what it named is freed once the kernel has forgotten it. */
void request_removed(struct daemon *d, int err);

/**
 * request_again - is it worth while to try once more?
 * @err:   0 or negative errno, or bytes
 * @tries: 0 at first; counts
 *
 * A full filesystem may have room in a moment if something was just removed: who removes a file and writes
 * another expects that.  The kernel's FORGET is on its way then, and may be overtaken.
 *
 * Context: sleeps a little before it says yes; takes no lock.
 */
bool request_again(const struct daemon *d, ssize_t err, unsigned *tries);

/* request_time - nanoseconds since 1970 as seconds and a part that is never negative. */
struct timespec request_time(int64_t ns);

/* request_stat - attributes as the kernel takes them. */
void request_stat(uint64_t ino, const struct iattr *a, struct stat *st);

/**
 * request_fill_entry - name @ip to the kernel
 * @e: filled in
 */
void request_fill_entry(struct inode *ip, struct fuse_entry_param *e);

/**
 * request_entry - answer with an inode
 * @ip: one reference goes to the kernel, or is given back when the kernel no longer wants it
 */
void request_entry(fuse_req_t req, struct inode *ip);

#endif
