/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * prealloc.h -- blocks for a file: from its window, next to what it has, or anew
 *
 * A file that is open for use and grows at its end reserves a window of
 * blocks after its last one.  The window is claimed in the allocator only: no
 * inode on media knows of it, so that a crash gives it back by itself.
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

/* prealloc_return - give the window back.  Inode's lock held exclusively, or nobody else has the inode. */
void prealloc_return(struct inode *ip);

/* prealloc_held - blocks in the window.  Inode's lock held. */
uint64_t prealloc_held(struct inode *ip);

/* prealloc_reclaim - take the windows of all inodes whose lock is free (out of space).  Context: no locks. */
void prealloc_reclaim(struct fs *fs);

#endif
