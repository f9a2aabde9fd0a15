/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * instance.h -- struct fs: what all of the engine shares
 */
#ifndef DAXFS_CORE_INSTANCE_H
#define DAXFS_CORE_INSTANCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/list.h"
#include "base/radix.h"
#include "base/tally.h"
#include "core/fs.h"
#include "core/recent.h"
#include "disk/journal.h"

struct balloc;
struct cds_lfht;
struct ialloc;
struct limbo;
struct region;

#define FS_ABANDONED	0x80000000u	/* being dropped: touch no media */
#define FS_DAMAGED	0x40000000u	/* turned read-only by an error: what is dirty is still flushed */
#define FS_INTERNAL	(FS_ABANDONED | FS_DAMAGED)

/*
 * Inodes with something that only memory knows.  Several lists, so that threads rarely meet: each
 * takes the numbers of its inodes out of words of 64 (ialloc.c).
 */
#define DIRTY_LISTS	64u
struct dirty_list {
	pthread_mutex_t	 lock;		/* order: last */
	struct list	 head;
	_Atomic uint64_t nr;		/* changed under the lock */
};

/* Files with a window that no last close will give back (prealloc.h). */
#define WINDOWS_KEPT	16u
struct windows {
	pthread_mutex_t	 lock;		/* order: after inodes; whoever holds it only tries the lock of another */
	struct inode	*of[WINDOWS_KEPT];	/* without a reference: who ends an inode takes it out */
	unsigned	 next;
};

struct fs {
	struct region	*rg;
	bool		 own_region;
	struct disk	 disk;
	struct journal	 jn;
	struct balloc	*balloc;
	struct ialloc	*ialloc;
	struct limbo	*limbo;
	_Atomic unsigned flags;		/* FS_* */

	struct cds_lfht	*icache;	/* by inode number */
	struct tally	 nr_cached;
	_Atomic uint64_t nr_dropped;	/* inodes freed since the last memory trim */
	_Atomic(struct inode *) recent[RECENT_INODES];	/* recent.h */

	struct dirty_list dirty[DIRTY_LISTS];
	pthread_mutex_t	 sync_lock;	/* one sync_fs() at a time; order: first */
	struct windows	 windows;

	pthread_mutex_t	 rename_lock;	/* directories change parents one at a time; order: first */
	uint64_t	 hash_seed;

	atomic_bool	 no_snapshot;	/* the allocator has lost count: let the next mount scan */
	struct fs_stat	 boot;		/* what mounting found: recovered_*, was_clean, from_snapshot */
};

/**
 * fs_result - pass an operation's result on; corruption turns the filesystem read-only
 * Return: @err.
 */
int fs_result(struct fs *fs, int err);

/**
 * fs_make_room - after -ENOSPC: take back preallocated and just freed blocks
 * @tries: counter of the caller, 0 at first
 * Context: no locks.  Return: try once more (true once; blocks may have come back at any moment since the failure).
 */
bool fs_make_room(struct fs *fs, unsigned *tries);

/* fs_check_writable - 0 or -EROFS. */
int fs_check_writable(const struct fs *fs);

/* recover_scan - rebuild free space and free inodes from the inode file; orphans' numbers are appended.  0, -EUCLEAN, -ENOMEM. */
struct u64vec { uint64_t *v; size_t nr, cap; };
int recover_scan(struct fs *fs, struct u64vec *orphans);

/* snapshot_load, snapshot_save - free space and inodes from/to the clean-unmount snapshot.  0, -ENOENT (none), -EUCLEAN, -ENOSPC, -ENOMEM. */
int snapshot_load(struct fs *fs);
int snapshot_save(struct fs *fs);

/* fs_claim_fixed - claim superblocks and lanes. */
int fs_claim_fixed(struct fs *fs);

/* fs_dirty_list - the one that inode @ino belongs on. */
static inline struct dirty_list *fs_dirty_list(struct fs *fs, uint64_t ino)
{
	return &fs->dirty[ino / 64 % DIRTY_LISTS];
}

#endif
