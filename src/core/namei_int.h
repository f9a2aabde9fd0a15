/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * namei_int.h -- what namei.c and rename.c share
 */
#ifndef DAXFS_CORE_NAMEI_INT_H
#define DAXFS_CORE_NAMEI_INT_H

#include "core/dir.h"
#include "core/inode.h"
#include "core/namei.h"

/* namei_check_name - may this name be made or removed?  0, -EINVAL, -ENAMETOOLONG. */
int namei_check_name(struct name name);

/* namei_check_dir - locked directory that can be changed: -ENOTDIR, -ENOENT (removed), 0. */
int namei_check_dir(const struct inode *dir);

/* namei_check_sticky - may @cred take @ip out of @dir?  Both locked.  0 or -EPERM. */
int namei_check_sticky(const struct inode *dir, const struct inode *ip, const struct cred *cred);

/* namei_touch - the directory changed now: mtime and ctime of its edit. */
void namei_touch(struct inode_edit *e, int64_t now);

/* namei_child - the inode that a directory entry names; -ENOENT stays -ENOENT.  @dir locked; no inode below it is. */
int namei_child(struct inode *dir, struct name name, struct dir_pos *pos, struct inode **out);

/**
 * namei_stage_whiteout - what RENAME_WHITEOUT leaves at the old name: device 0:0, without permissions
 * @n:    reserved
 * @t:    running transaction
 * @dir:  its directory, locked
 * @cred: whose it is
 *
 * Durable: nothing until txn_commit(@t).
 * Return:  0, -ENOSPC, -ENOMEM.
 */
int namei_stage_whiteout(struct inode_new *n, struct txn *t, const struct inode *dir, const struct cred *cred);

#endif
