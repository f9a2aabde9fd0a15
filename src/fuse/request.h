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
#include "disk/dirblk.h"	/* struct name */
#include "fuse/session.h"

struct iattr;
struct inode;

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

/* request_inode - the inode of an open file or directory. */
static inline struct inode *request_inode(const struct fuse_file_info *fi)
{
	return (struct inode *)(uintptr_t)fi->fh;
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
