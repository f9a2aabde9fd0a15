/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recent.h -- inodes that nobody holds, kept for a while
 *
 * Who looks the same names up again and again without holding them, as a server of
 * handles does, shall not read, check and free an inode each time.  One place per
 * RECENT_INODES numbers, without a lock: the newest drives out the last.
 *
 * An inode in its place has one reference, the place's.  Only small ones are kept:
 * nothing to write, no caches of blocks or names.
 */
#ifndef DAXFS_CORE_RECENT_H
#define DAXFS_CORE_RECENT_H

#include <stdbool.h>

struct inode;

#define RECENT_INODES	1024	/* a power of two */

/* recent_wants - is the inode worth keeping?  Context: nobody has or gets a reference. */
bool recent_wants(const struct inode *ip);

/**
 * recent_put - the inode goes to its place, with the reference that the caller makes next
 * Context: nobody has or gets a reference until then.
 * Return: who was driven out, whose reference is now the caller's; or NULL.
 */
struct inode *recent_put(struct inode *ip);

/**
 * recent_take - the inode leaves its place
 * Context: the caller holds a reference.
 * Return: true: it was there, and the place's reference is the caller's too.
 */
bool recent_take(struct inode *ip);

#endif
