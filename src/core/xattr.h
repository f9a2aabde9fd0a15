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

/* xattr_get - the value's length.  size 0 asks for it alone.  -ENODATA, -ERANGE, -EUCLEAN, -ENOMEM, and what is
 * wrong with the name: -EOPNOTSUPP (unknown prefix), -EINVAL (nothing behind it), -ERANGE (over 255 or empty). */
ssize_t xattr_get(struct inode *ip, const char *name, void *value, size_t size);
/* xattr_list - names, each NUL-terminated: their length.  size 0 asks for it alone.  -ERANGE, -EUCLEAN, -ENOMEM. */
ssize_t xattr_list(struct inode *ip, char *list, size_t size);
/* xattr_list_public - the same without trusted.*, of which only the privileged know. */
ssize_t xattr_list_public(struct inode *ip, char *list, size_t size);

/* In xattr_set_req.flags beside XATTR_CREATE and XATTR_REPLACE: whoever sets this access ACL may not keep setgid. */
#define XATTR_KILL_SGID	0x100

struct xattr_set_req { const char *name; const void *value; size_t size; int flags; };
/* xattr_set - 0, -EEXIST, -ENODATA, -ENOSPC, -E2BIG (value over 64 KiB), a bad name as above, -EPERM (user.* on
 * other than files and directories), -EROFS, -EUCLEAN, -ENOMEM; for ACLs, whose mode changes in the same
 * transaction, those of acl_admit(). */
int xattr_set(struct inode *ip, const struct xattr_set_req *rq);
/* xattr_remove - 0, -ENODATA (but not for ACLs), a bad name as above, -EROFS, -ENOSPC, -EUCLEAN, -ENOMEM. */
int xattr_remove(struct inode *ip, const char *name);

/* xattr_stage - for the engine: the inode gets @xs instead of what it has.  inode_stage() still to come.
 * 0, -ENOSPC, -ENOMEM, -EUCLEAN. */
int xattr_stage(struct inode_edit *e, struct txn *t, const struct xattrs *xs);

#endif
