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
struct inode_edit;
struct txn;
struct xattrs;

/* size 0 asks for the length.  -ENODATA, -ERANGE, -EUCLEAN, -ENOMEM, and what is
 * wrong with the name: -EOPNOTSUPP (unknown prefix), -EINVAL (nothing behind it), -ERANGE (over 255 or empty). */
ssize_t xattr_get(struct inode *ip, const char *name, void *value, size_t size);
/* names, each NUL-terminated.  size 0 asks for the length.  -ERANGE. */
ssize_t xattr_list(struct inode *ip, char *list, size_t size);
/* The same without trusted.*, of which only the privileged know. */
ssize_t xattr_list_public(struct inode *ip, char *list, size_t size);

/* In xattr_set_req.flags beside XATTR_CREATE and XATTR_REPLACE: whoever sets this access ACL may not keep setgid. */
#define XATTR_KILL_SGID	0x100

struct xattr_set_req { const char *name; const void *value; size_t size; int flags; };
/* -EEXIST, -ENODATA, -ENOSPC, -E2BIG (value over 64 KiB), a bad name as above, -EPERM (user.* on other than files and directories), -EROFS; for ACLs, whose
 * mode changes in the same transaction, those of acl_admit(). */
int xattr_set(struct inode *ip, const struct xattr_set_req *rq);
/* -ENODATA (but not for ACLs), a bad name as above, -EROFS, ... */
int xattr_remove(struct inode *ip, const char *name);

/* xattr_stage - for the engine: the inode gets @xs instead of what it has.  inode_stage() still to come.
 * 0, -ENOSPC, -ENOMEM, -EUCLEAN. */
int xattr_stage(struct inode_edit *e, struct txn *t, const struct xattrs *xs);

#endif
