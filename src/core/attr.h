/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attr.h -- stat and setattr
 */
#ifndef DAXFS_CORE_ATTR_H
#define DAXFS_CORE_ATTR_H

#include "core/fs.h"
#include "disk/dinode.h"	/* struct iattr */

struct inode;

/* attr_get - a consistent copy. */
void attr_get(struct inode *ip, struct iattr *a);

#define ATTR_SET_MODE	0x01u
#define ATTR_SET_UID	0x02u
#define ATTR_SET_GID	0x04u
#define ATTR_SET_SIZE	0x08u
#define ATTR_SET_ATIME	0x10u
#define ATTR_SET_MTIME	0x20u
#define ATTR_SET_CTIME	0x40u
#define ATTR_ATIME_NOW	0x80u
#define ATTR_MTIME_NOW	0x100u
#define ATTR_KILL_PRIV	0x200u	/* clear set-id bits */
#define ATTR_SET_FLAGS	0x400u	/* DAXFS_INODE_DAX */
#define ATTR_KILL_SGID	0x800u	/* with ATTR_KILL_PRIV: setgid even if the group may not execute */

/**
 * attr_set - change what @mask names, as one transaction
 * A new owner or group clears set-id bits of executables as Linux does.
 * Return: 0, -EINVAL (size of something else than a regular file: -EISDIR for a directory), -EFBIG,
 * -ENOSPC, -EROFS, -EUCLEAN, -EIO (zeroing behind the end), -ENOMEM.
 */
int attr_set(struct inode *ip, const struct iattr *a, unsigned mask);

#endif
