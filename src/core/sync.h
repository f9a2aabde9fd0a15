/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sync.h -- fsync, fdatasync, syncfs: flush what is dirty, then fence
 */
#ifndef DAXFS_CORE_SYNC_H
#define DAXFS_CORE_SYNC_H

struct fs;
struct inode;

#define SYNC_DATA_ONLY	1u	/* fdatasync: times may stay behind */

/**
 * sync_file - flush the file's dirty cache lines, then its times
 * Cost follows the dirty lines; a second call in a row flushes nothing.
 * Durable: all data stored before the call, also when an error has made the filesystem read-only meanwhile.
 * Return: 0, -EROFS (read-only by an error, before the times were flushed), -EUCLEAN, -ENOSPC (no memory
 * for the times), or what a fence failed with (region_error()).
 */
int sync_file(struct inode *ip, unsigned flags);

/* sync_fs - the same for every dirty inode; clean ones are not visited.  Returns the first error. */
int sync_fs(struct fs *fs);

#endif
