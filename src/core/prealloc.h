/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * prealloc.h -- blocks for a file: from its window, next to what it has, or anew
 *
 * A file that is open for use and grows at its end reserves a window of
 * blocks after its last one.  The window is claimed in the allocator only: no
 * inode on media knows of it, so that a crash gives it back by itself.
 *
 * The last file_release() gives it back.  With FS_NO_OPENS nobody tells who has a file
 * open: then it is a file that is in use which goes on where it ended, and the files that
 * have had a window most recently keep it, WINDOWS_KEPT of them, until prealloc_expire().
 */
#ifndef DAXFS_CORE_PREALLOC_H
#define DAXFS_CORE_PREALLOC_H

#include <stdint.h>

#include "disk/runvec.h"

struct fs;
struct inode;
struct txn;

struct alloc_want {
	uint64_t lblk;		/* file block that the run is for */
	uint64_t max;		/* blocks wanted, at least 1 */
	uint64_t goal;		/* device block that continues the file, or 0 */
	uint64_t file_blocks;	/* the file will have, as far as is known: tells large from small */
};

/**
 * prealloc_get - a run of 1..@w->max blocks, given back if @t aborts
 * Context: inode's lock held exclusively.  Return: 0, -ENOSPC, -ENOMEM.
 */
int prealloc_get(struct inode *ip, struct txn *t, const struct alloc_want *w, struct run *out);

/* prealloc_return - give the window back.  Inode's lock held exclusively. */
void prealloc_return(struct inode *ip);

/* prealloc_held - blocks in the window.  Inode's lock held. */
uint64_t prealloc_held(struct inode *ip);

/**
 * prealloc_expire - take the windows of all files that no last close would take them from
 * From time to time, and before free space is told: these files may not be in use any more.
 * Does nothing without FS_NO_OPENS.
 * Context: no locks.
 */
void prealloc_expire(struct fs *fs);

/* prealloc_reclaim - that, and the windows of all inodes whose lock is free (out of space).  Context: no locks. */
void prealloc_reclaim(struct fs *fs);

#endif
