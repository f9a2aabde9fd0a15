/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inode.h -- inodes in memory: cache, references, edits
 */
#ifndef DAXFS_CORE_INODE_H
#define DAXFS_CORE_INODE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <urcu/rculfhash.h>

#include "base/list.h"
#include "base/rcu.h"
#include "core/fs.h"
#include "disk/dinode.h"
#include "disk/extmap.h"

struct fs;
struct txn;
struct mapcache;		/* mapcache.h: a regular file's radix caches */
struct dirindex;		/* dirindex.h: a directory's names */

/* Why an inode is on the dirty list. */
#define INODE_DIRTY_DATA	1u	/* lines of its blocks were stored to, and not flushed (mapcache.h) */
#define INODE_DIRTY_TIMES	2u	/* times in memory are newer than on media */

struct inode {
	struct cds_lfht_node node;	/* fs->icache */
	struct rcu_head	 rcu;
	struct fs	*fs;
	struct dinode	*slot;		/* on media */
	uint64_t	 ino;
	uint32_t	 type;		/* S_IFMT bits: never change */
	_Atomic uint64_t refs;

	/*
	 * Shared: attributes, map and entries stand still.  Exclusive: they
	 * change.  Order: parent before child directory, directories before
	 * other inodes, those by number; all before a transaction's lane.
	 */
	pthread_rwlock_t lock;

	/*
	 * Under the lock, but for these, which lock-free readers and writers of
	 * file content use: size (loaded atomically), and mtime, ctime, atime.
	 */
	uint32_t	 mode, uid, gid, nlink, flags, gen;
	_Atomic uint64_t size;
	uint64_t	 blocks, rdev;
	_Atomic int64_t	 atime, mtime, ctime;
	int64_t		 btime;
	pblk_t		 xattr;
	atomic_bool	 has_xattrs;	/* is xattr set?  for those without the lock */

	_Atomic unsigned dirty;		/* INODE_DIRTY_* */
	atomic_bool	 listed;	/* on a list of fs->dirty; changed under its lock */
	struct list	 dirty_link;

	atomic_bool	 shown;		/* directories: read since a name in it last changed; src/fuse keeps it */
	_Atomic unsigned users;		/* file_open() */
	union {
		_Atomic(struct mapcache *) map;	/* regular files, made on first use */
		_Atomic(struct dirindex *) index; /* directories, made on first use */
	};
};

/**
 * inode_get - the inode by number, from the cache or from media
 * Return: 0 and a reference, -ESTALE (free or never made), -EUCLEAN, -ENOMEM.
 */
int inode_get(struct fs *fs, uint64_t ino, struct inode **out);

/* inode_ref - one more reference to an inode that the caller holds one of. */
void inode_ref(struct inode *ip);

/**
 * inode_put - give @n references back
 * The last one makes dirty data and times durable, gives preallocation back, reclaims an
 * unlinked inode and frees the memory; or keeps it for a while if there is nothing of that
 * to do but the last (recent.h).  Context: caller holds no lock and no transaction.
 */
void inode_put(struct inode *ip, uint64_t n);

static inline bool inode_is_dir(const struct inode *ip) { return S_ISDIR(ip->type); }
static inline bool inode_is_reg(const struct inode *ip) { return S_ISREG(ip->type); }

/* -- for the engine --------------------------------------------------------- */

/*
 * A staged change of one inode: attributes as they were and as they shall be,
 * and the data blocks that it lets go.
 */
struct inode_edit {
	struct inode	*ip;
	struct dinode	*shadow;
	struct iattr	 was, a;
	struct extmap	 map;		/* root in the shadow */
	struct runvec	 removed;	/* data blocks to free */
	uint64_t	 drop_first, drop_last;	/* radix cache range to forget; first > last: none */
};

/**
 * inode_edit - open an edit
 * Context: @ip locked exclusively.  Change e->a and e->map, then
 * inode_stage(), txn_commit(), inode_apply(); or txn_abort(), inode_edit_drop().
 * Where @t changes no other inode inode_edit_end() does either.
 * Return: 0 or -ENOSPC (no room in the log, or no memory).
 */
int inode_edit(struct inode_edit *e, struct txn *t, struct inode *ip);
/**
 * inode_edit_end - the end of a transaction that changes one inode: commit, or abort
 * @e: an edit whose opening may have failed
 * @t: its transaction; gone afterwards
 * @err: of the opening, or of what came after; not 0 aborts
 *
 * Durable: if @err is 0, all that @t has staged.
 * Return: @err.
 */
int inode_edit_end(struct inode_edit *e, struct txn *t, int err);
/* inode_edit_drop - forget an edit whose transaction was aborted (also one whose opening failed). */
void inode_edit_drop(struct inode_edit *e);
/* inode_forget_range - after commit, blocks @first..@last leave the radix cache. */
void inode_forget_range(struct inode_edit *e, uint64_t first, uint64_t last);
/* inode_stage - e->a goes into the shadow, with the block count of map nodes.  Before txn_commit(). */
void inode_stage(struct inode_edit *e);
/**
 * inode_apply - after txn_commit(): memory follows, in the order block map, radix
 * cache, free blocks.  Cannot fail.
 */
void inode_apply(struct inode_edit *e);

/*
 * A new inode, in four steps: everything that can fail before the
 * transaction, its slot staged in it, then memory follows.
 */
struct inode_new { struct fs *fs; struct inode *ip; uint64_t ino; struct dinode *shadow; struct iattr a; };
/* inode_new_reserve - a number and memory.  No transaction open.  0, -ENOSPC, -ENOMEM, -EUCLEAN. */
int  inode_new_reserve(struct inode_new *n, struct fs *fs);
/* inode_new_stage - @a, with the slot's next gen and born at its ctime, becomes the slot's content.  0 or -ENOSPC. */
int  inode_new_stage(struct inode_new *n, struct txn *t, const struct iattr *a);
/* inode_new_drop - instead of done. */
void inode_new_drop(struct inode_new *n);
/* inode_new_done - after commit: into the cache, with one reference. */
struct inode *inode_new_done(struct inode_new *n);

/*
 * Ending an inode in the transaction that takes its last name, when nobody
 * else holds a reference: inode_claim(), inode_edit(), inode_stage_end(),
 * inode_retract(), txn_commit(), inode_apply_end(), unlock, inode_ended().
 */
/*
 * inode_claim - the caller's reference is the only one, and becomes none: nobody can get another.  False: it is not.
 * Context: locked exclusively.
 */
bool inode_claim(struct inode *ip);
/* inode_unclaim - it did not come to that: the caller's reference is back. */
void inode_unclaim(struct inode *ip);
/* inode_stage_end - the slot becomes free, and all that the inode claims.  0, -ENOSPC, -ENOMEM, -EUCLEAN. */
int inode_stage_end(struct inode_edit *e);
/* inode_retract - right before the commit: the number names nothing any more. */
void inode_retract(struct inode *ip);
/* inode_apply_end - after the commit: the blocks go to limbo. */
void inode_apply_end(struct inode_edit *e);
/* inode_ended - out of the cache; the number is free.  The lock is not held. */
void inode_ended(struct inode *ip);

/* inode_map - read-only handle on the map on media; caller holds the lock. */
struct extmap inode_map(const struct inode *ip);

/*
 * inode_take - what is changed under the lock alone becomes as @a says; but for rdev, which others read without.
 * Context: locked exclusively, or nobody else uses @ip yet.
 */
static inline void inode_take(struct inode *ip, const struct iattr *a)
{
	ip->mode = a->mode;
	ip->uid = a->uid;
	ip->gid = a->gid;
	ip->nlink = a->nlink;
	ip->flags = a->flags;
	ip->blocks = a->blocks;
	ip->xattr = a->xattr;
	atomic_store_explicit(&ip->has_xattrs, a->xattr.v != 0, memory_order_relaxed);
}

/* inode_snapshot - attributes, lock held in either mode. */
void inode_snapshot(const struct inode *ip, struct iattr *a);

/* inode_mark_dirty - put on the dirty list for @why; stores come before this call. */
void inode_mark_dirty(struct inode *ip, unsigned why);

/* inode_now - CLOCK_REALTIME_COARSE as ns. */
int64_t inode_now(void);

/* inode_lock_children - lock two distinct inodes below locked directories, directories first, then by number; @b may be NULL. */
void inode_lock_children(struct inode *a, struct inode *b);
/* inode_unlock2 - what inode_lock_children() has locked. */
void inode_unlock2(struct inode *a, struct inode *b);

/* inode_flush_times - one transaction if INODE_DIRTY_TIMES.  Takes the lock.  0 or an error (stays dirty). */
int inode_flush_times(struct inode *ip);

/* icache_open - an empty cache.  0 or -ENOMEM. */
int  icache_open(struct fs *fs);
/* icache_close - end every inode, referenced or not (unmount). */
void icache_close(struct fs *fs);

/* inode_ref_dirty - a reference to an inode found on the dirty list or in fs->windows, unless it is just ending. */
bool inode_ref_dirty(struct inode *ip);

#endif
