/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * problem.h -- everything that fsck.daxfs can find, and what it may do about it
 */
#ifndef CHECK_PROBLEM_H
#define CHECK_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

struct check;

enum problem {
	/* superblock */
	PR_SUPER_PRIMARY, PR_SUPER_OTHER, PR_SUPER_COPY, PR_SUPER_BOTH, PR_SUPER_IFILE, PR_STATE, PR_SNAPREF,
	/* journal */
	PR_LANE_HEADER, PR_LANE_DAMAGED_LOG, PR_LANE_RECORD, PR_LANE_NOT_IDLE,
	/* inode file */
	PR_IFILE_DAMAGED, PR_IFILE_BLOCKS,
	/* inodes */
	PR_INODE_FREE_DAMAGED, PR_INODE_BAD, PR_INODE_DAMAGED, PR_INODE_FIELD, PR_INODE_BLOCKS,
	PR_INODE_SYMLINK, PR_DIR_SIZE, PR_DIR_MAP,
	/* maps */
	PR_MAP_ROOT, PR_NODE_DAMAGED, PR_NODE_BAD, PR_EXTENT_BAD, PR_CLAIMED, PR_CROSS_LINK,
	PR_CROSS_HOLE, PR_CROSS_DIR, PR_MAP_NO_ROOM,
	/* attributes */
	PR_XATTR,
	/* names */
	PR_DIRBLK_HEADER, PR_DIRBLK_LOST, PR_DIRBLK_RECORDS, PR_DIRENT_NAME, PR_DIRENT_INO, PR_DIRENT_FREE,
	PR_DIRENT_TYPE, PR_DIRENT_DUPLICATE, PR_DIRENT_ROOT, PR_DIRENT_SECOND, PR_DIRENT_LINKS, PR_DIRENT_SUBDIRS,
	PR_DIRENT_DOUBTFUL,
	/* tree */
	PR_ROOT_GONE, PR_ROOT_PARENT, PR_DIR_PARENT, PR_DIR_LOOP, PR_DIR_UNCONNECTED, PR_FILE_UNCONNECTED,
	PR_ORPHAN, PR_NLINK, PR_LOSTFOUND, PR_NO_ROOM,
	/* free space */
	PR_SNAPSHOT, PR_SNAPSHOT_CLAIMED, PR_SNAPSHOT_DIFFERS,
	/* all of it */
	PR_UNSETTLED,
	PR_NR,
};

/* What a message may name: %i ino, %b blk, %n num, %m num2, %t text. */
struct pctx { uint64_t ino, blk, num, num2; const char *text; };

/**
 * problem - report a finding
 * @c: check
 * @p: which
 * @x: what it is about
 *
 * Context: counts it as fixed when the answer is true: the caller then repairs.
 *          May set c->stop; false is the answer then.
 * Return:  whether to repair it.
 */
bool problem(struct check *c, enum problem p, const struct pctx *x);

/*
 * problem_withdraw - what the last problem() agreed to cannot be done, or not all of it
 * @p: reported instead, one that has no question; PR_NR: nothing
 * It is not asked again.
 */
void problem_withdraw(struct check *c, enum problem p, const struct pctx *x);

/* remark - a line that is no finding. */
__attribute__((format(printf, 2, 3)))
void remark(struct check *c, const char *fmt, ...);

#endif
