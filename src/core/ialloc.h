/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ialloc.h -- inode numbers: which are in use, and where their slots lie
 */
#ifndef DAXFS_CORE_IALLOC_H
#define DAXFS_CORE_IALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/dinode.h"
#include "disk/snap.h"

struct fs;

int  ialloc_open(struct fs *fs);	/* 0 or -ENOMEM */
void ialloc_close(struct fs *fs);

/**
 * ialloc_get - reserve a free inode number; grows the inode file when there is none
 * Context: no transaction open (it may need one).  Return: 0, -ENOSPC, -ENOMEM, -EUCLEAN.
 */
int ialloc_get(struct fs *fs, uint64_t *ino);

/* ialloc_publish - the reserved number now names an inode on media. */
void ialloc_publish(struct fs *fs, uint64_t ino);
/* ialloc_retract - it no longer does (or never did); still reserved. */
void ialloc_retract(struct fs *fs, uint64_t ino);
/* ialloc_put - free for reuse. */
void ialloc_put(struct fs *fs, uint64_t ino);
/* ialloc_live - does the number name an inode? */
bool ialloc_live(const struct fs *fs, uint64_t ino);

/* ialloc_slot - where the inode lies on media.  0 or -EUCLEAN. */
int ialloc_slot(struct fs *fs, uint64_t ino, struct dinode **slot);

/* ialloc_nr - inodes in use. */
uint64_t ialloc_nr(const struct fs *fs);

/* Numbers that are kept track of together: threads that mark at once are in different segments. */
#define IALLOC_SEGMENT	(DAXFS_CHUNK_BLOCKS * DAXFS_INODES_PER_BLOCK)

/* Mount: mark numbers in use, one by one or as words of a snapshot.  0, -ENOMEM or -EUCLEAN. */
int  ialloc_mark(struct fs *fs, uint64_t ino);
/* ialloc_marked - so many were marked one by one: ialloc_nr() counts them from now on. */
void ialloc_marked(struct fs *fs, uint64_t nr);
int  ialloc_load_words(struct fs *fs, uint64_t first, const uint64_t *words, uint64_t n);
/* Snapshot: words that cover the inode file, and one of them. */
uint64_t ialloc_nr_words(const struct fs *fs);
void ialloc_snap_write(const struct fs *fs, struct snap_writer *w);

#endif
