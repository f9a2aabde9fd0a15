/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dir.h -- reading directories, and (for namei) finding and changing entries
 */
#ifndef DAXFS_CORE_DIR_H
#define DAXFS_CORE_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/dirblk.h"

struct inode;
struct txn;

/* -- for everyone ---------------------------------------------------------- */

struct dir_entry { struct name name; uint64_t ino; unsigned type; /* DT_* */ uint64_t next; /* cookie */ };

/**
 * dir_read - hand out entries from a cookie on
 * @cookie: 0 to start, else dir_entry.next of the last one taken
 * @emit:   non-zero = it did not fit, stop (the entry is not consumed)
 *
 * "." and ".." come first.  A name that lives throughout is seen exactly
 * once, however many others come and go between calls: records never move.
 * Context: takes the directory's lock shared; @emit must not call into the engine for this directory.
 * Return: 0, -ENOTDIR, -EUCLEAN, -ENOMEM.
 */
int dir_read(struct inode *dir, uint64_t cookie,
	     int (*emit)(void *arg, const struct dir_entry *e), void *arg);

/* -- for namei ------------------------------------------------------------- */

struct dir_pos {
	uint64_t ino;
	unsigned type;
	uint64_t off;		/* byte of the record in the directory */
	struct dirroom room;	/* after a change: a free record of the block, len 0 = not known; after an
				   insertion its off is where the next record begins in any case */
};

/* dir_find - caller holds the lock (either mode).  0, -ENOENT, -EUCLEAN, -ENOMEM. */
int dir_find(struct inode *dir, struct name name, struct dir_pos *pos);

/* dir_empty - holds no names.  Lock held.  1, 0, -EUCLEAN, -ENOMEM. */
int dir_empty(struct inode *dir);

/*
 * Changes: staged in @t under the exclusive lock; the volatile index follows
 * only through dir_done_*() after commit, in the order of the changes.  Within
 * one transaction a directory is inserted into before it is removed from: the
 * index knows where there was room before the transaction.
 */
struct inode_edit;
/* dir_insert - may grow the directory by a block through @e, the directory's edit.  0, -ENOSPC, -EUCLEAN, -ENOMEM. */
int dir_insert(struct txn *t, struct inode_edit *e, struct name name, uint64_t ino, unsigned type,
	       struct dir_pos *pos);
/*
 * dir_remove - @pos is what dir_find() said under the lock that is still held: the record's checksum
 * is not looked at again; pos->room becomes the free record.  0, -ENOSPC, -EUCLEAN.
 */
int dir_remove(struct txn *t, struct inode *dir, struct dir_pos *pos);
/* dir_set - the name found names another inode; the index stays as it is.  0, -ENOSPC, -EUCLEAN. */
int dir_set(struct txn *t, struct inode *dir, const struct dir_pos *pos, uint64_t ino, unsigned type);
/* dir_done_insert, dir_done_remove - after the commit; @pos as the change left it.  Cannot fail. */
void dir_done_insert(struct inode *dir, struct name name, const struct dir_pos *pos);
void dir_done_remove(struct inode *dir, struct name name, const struct dir_pos *pos);

/* dir_drop_index - free the volatile index (inode leaves the cache). */
void dir_drop_index(struct inode *dir);

#endif
