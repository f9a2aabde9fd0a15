/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xattr.h -- extended attributes; names come with their prefix ("user.x")
 */
#ifndef DAXFS_CORE_XATTR_H
#define DAXFS_CORE_XATTR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct inode;

/* size 0 asks for the length.  -ENODATA, -ERANGE, -EUCLEAN, -ENOMEM. */
ssize_t xattr_get(struct inode *ip, const char *name, void *value, size_t size);
/* names, each NUL-terminated.  size 0 asks for the length.  -ERANGE. */
ssize_t xattr_list(struct inode *ip, char *list, size_t size);

struct xattr_set_req { const char *name; const void *value; size_t size; int flags; /* XATTR_CREATE, XATTR_REPLACE */ };
/* -EEXIST, -ENODATA, -ENOSPC, -E2BIG (value over 64 KiB), -ERANGE (name over 255 or empty),
 * -EOPNOTSUPP (unknown prefix), -EPERM (user.* on other than files and directories), -EROFS. */
int xattr_set(struct inode *ip, const struct xattr_set_req *rq);
/* -ENODATA, -EROFS, ... */
int xattr_remove(struct inode *ip, const char *name);

#endif
