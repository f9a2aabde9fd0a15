/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acl.h -- POSIX access control lists, and the mode they agree with
 *
 * An ACL is the value of one of two attributes, in the form of
 * <linux/posix_acl_xattr.h>.  The kernel reads and enforces it; what is here
 * keeps ACL and mode in step and gives new inodes what their directory says.
 */
#ifndef DAXFS_CORE_ACL_H
#define DAXFS_CORE_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "disk/dinode.h"	/* struct iattr */

struct inode;
struct inode_edit;
struct txn;
struct xattr_set_req;
struct xattrs;

#define ACL_ACCESS_NAME		"system.posix_acl_access"
#define ACL_DEFAULT_NAME	"system.posix_acl_default"

/* -- one ACL, as bytes ---------------------------------------------------------- */

/**
 * acl_check - is this an ACL?
 * The entries that every ACL has, in the order of their tags, and a mask if a user or group is named.
 * Return: 0, -EINVAL, -EOPNOTSUPP (another version of the form).
 */
int acl_check(const void *acl, size_t size);

/* The others take an ACL that acl_check() has found good. */

/* acl_is_extended - says more than permission bits can. */
bool acl_is_extended(size_t size);

/* acl_to_mode - the permission bits of @mode become those that the ACL stands for.  Return: the new mode. */
uint32_t acl_to_mode(const void *acl, size_t size, uint32_t mode);

/* acl_from_mode - chmod: owner, others, and the mask (or group, when there is no mask) get the bits of @mode. */
void acl_from_mode(void *acl, size_t size, uint32_t mode);

/* acl_inherit - a copy of a default ACL becomes the access ACL of an inode made with @mode.  Return: its mode. */
uint32_t acl_inherit(void *acl, size_t size, uint32_t mode);

/* -- ACLs of inodes ---------------------------------------------------------------- */

/* acl_named - is it the name of one of the two? */
bool acl_named(const char *name);

/**
 * acl_admit - may @ip get this ACL, or lose it (@rq->size 0, @rq->value NULL)?
 * Return: 0, -EINVAL, -EOPNOTSUPP (symlinks have none), -EACCES (default ACL of something else than a directory).
 */
int acl_admit(const struct inode *ip, const struct xattr_set_req *rq);

/**
 * acl_put - an admitted ACL goes into the stream, or out of it
 * @mode: of the inode; an access ACL changes it
 *
 * One that says only what the mode says is not kept, nor is an empty one.
 * XATTR_CREATE and XATTR_REPLACE mean nothing for ACLs.
 * Return: 1 (the stream has changed), 0, -ENOMEM, -ENOSPC, -EUCLEAN.
 */
int acl_put(struct xattrs *xs, const struct xattr_set_req *rq, uint32_t *mode);

/**
 * acl_stage_chmod - the access ACL follows @e->a.mode, in the same transaction
 * Context: @e->ip locked exclusively, inode_stage() still to come.
 * Return: 0, -ENOSPC, -ENOMEM, -EUCLEAN.
 */
int acl_stage_chmod(struct inode_edit *e, struct txn *t);

/* Who is made: number and umask. */
struct acl_child { uint64_t ino; mode_t umask; };

/**
 * acl_stage_child - permissions of a new inode: by @dir's default ACL, else by the umask
 * @a: attributes with the mode that was asked for; gets mode, attributes' chain and its blocks
 *
 * Context: @dir locked in either mode; the inode's slot is staged afterwards.
 * Durable: with the transaction, as a whole.
 * Return: 0, -ENOSPC, -ENOMEM, -EUCLEAN.
 */
int acl_stage_child(struct txn *t, const struct inode *dir, const struct acl_child *child, struct iattr *a);

#endif
