/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * namei.h -- operations on names
 *
 * Each is one transaction: atomic, durable when it returns, and without a
 * trace when it fails.  Errors common to all: -EROFS, -ENOSPC, -ENOMEM,
 * -EUCLEAN, -ENOTDIR (a directory argument is none), -ENOENT (also: the
 * directory itself was removed), -ENAMETOOLONG (over 255 bytes), -EINVAL (empty name, ".", "..",
 * or with a slash).
 */
#ifndef DAXFS_CORE_NAMEI_H
#define DAXFS_CORE_NAMEI_H

#include <stdint.h>
#include <sys/types.h>

#include "core/fs.h"
#include "disk/dirblk.h"	/* struct name */

struct inode;

/* namei_lookup - 0 and a reference in *@out; -ENOENT.  "." and ".." work. */
int namei_lookup(struct inode *dir, struct name name, struct inode **out);

struct create_req {
	mode_t		 mode;		/* S_IFMT and permissions */
	mode_t		 umask;		/* for a directory without a default ACL */
	dev_t		 rdev;		/* devices */
	const char	*target;	/* symlinks: 1..4095 bytes, NUL-terminated */
	struct cred	 cred;
};

/**
 * namei_create - make a regular file, directory, symlink, device, fifo or socket
 * @out: a reference to the new inode
 * A setgid directory gives its group, and setgid to new directories;
 * a default ACL of @dir says what the new inode's ACL and mode are.
 * Return: 0, -EEXIST, -EMLINK (directory with 65,000 links), -ENAMETOOLONG (target).
 */
int namei_create(struct inode *dir, struct name name, const struct create_req *rq, struct inode **out);

/* namei_tmpfile - a regular file without a name; dies with its last reference unless linked. */
int namei_tmpfile(struct inode *dir, const struct create_req *rq, struct inode **out);

/* namei_link - another name.  -EPERM (directory), -EEXIST, -EMLINK. */
int namei_link(struct inode *ip, struct inode *dir, struct name name);

/* namei_unlink - -EISDIR (directory), -EPERM (sticky directory, not the owner; unless privileged). */
int namei_unlink(struct inode *dir, struct name name, const struct cred *cred);

/* namei_rmdir - -ENOTDIR, -ENOTEMPTY, -EPERM (sticky). */
int namei_rmdir(struct inode *dir, struct name name, const struct cred *cred);

struct rename_req {
	struct inode	*src_dir, *dst_dir;
	struct name	 src, dst;
	unsigned	 flags;		/* RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT of <linux/fs.h> / <stdio.h> */
	struct cred	 cred;
};

/**
 * namei_rename - rename(2), renameat2(2)
 * Two names of one inode: nothing happens, 0.
 * Return: 0, -EEXIST (NOREPLACE), -EINVAL (into own subtree; unknown flags), -ENOTEMPTY, -EISDIR,
 * -ENOTDIR, -EMLINK, -EPERM (sticky), -ENOENT.
 */
int namei_rename(const struct rename_req *rq);

/* namei_readlink - 0-terminates; returns the target's length, -EINVAL (no symlink), -ERANGE. */
int namei_readlink(struct inode *ip, char *buf, size_t size);

#endif
