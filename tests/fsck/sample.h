/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample.h -- small filesystems that hold one of everything, and where it lies in them
 *
 * The images are plain memory.  What finds structures in them reads them with
 * its own eyes, knowing what a fresh image looks like; it is no checker.
 */
#ifndef TESTS_FSCK_SAMPLE_H
#define TESTS_FSCK_SAMPLE_H

#include <stdint.h>

#include "daxfs/format.h"

#define SAMPLE_SIZE	(UINT64_C(32) << 20)
#define SAMPLE_BLOCKS	(SAMPLE_SIZE / DAXFS_BLOCK_SIZE)

/* What the images hold, by the role it plays in a case. */
enum victim {
	V_IFILE,	/* the inode file, number 0 */
	V_ROOT,		/* / */
	V_FILE,		/* /file: two extents inline, one of them behind a hole */
	V_OTHER,	/* /other: some blocks, for others to claim */
	V_LEAF,		/* /leaf: one level of nodes */
	V_DEEP,		/* /deep: two levels of nodes */
	V_UNWRITTEN,	/* /unwritten: written, unwritten, written */
	V_WIDE,		/* /wide: fills whole chunks */
	V_XATTRS,	/* /xattrs: a chain of several blocks */
	V_XATTR,	/* /xattr: a chain of one block */
	V_HARD,		/* /hard and /dir/hard: one file */
	V_DIR,		/* /dir: sub, hard */
	V_SUB,		/* /dir/sub: nested */
	V_NESTED,	/* /dir/sub/nested: a file */
	V_BIG,		/* /big: a directory of several blocks with free records */
	V_IN_BIG,	/* /big/name100 */
	V_EMPTY,	/* /empty: a directory without names */
	V_SHORT,	/* /short: a symlink, target in the inode */
	V_LONG,		/* /long: a symlink, target in a block */
	V_CHR,		/* /chr */
	V_BLK,		/* /blk */
	V_FIFO,		/* /fifo */
	V_SOCK,		/* /sock */
	V_FREE,		/* a slot that was used and is free */
	V_ORPHAN,	/* sample_unclean() only: unlinked while it was open */
	V_NONE,
	V_NR = V_NONE,
};

struct sample {
	uint8_t *bytes;			/* SAMPLE_SIZE */
	uint64_t ino[V_NR];
	unsigned lane;			/* sample_unclean(): whose log is live */
};

/* sample_clean - unmounted cleanly; with a snapshot. */
void sample_clean(struct sample *im);

/**
 * sample_unclean - cut off in the middle of a transaction, with an orphan
 *
 * Made with the recording backend: in @lane there is a live log, that of a change
 * of /other's mode and owner, and some of what it is to put back has been changed.
 */
void sample_unclean(struct sample *im);

void sample_free(struct sample *im);

/* sample_victim_name - its name in the filesystem; for the two that have none, what they are. */
const char *sample_victim_name(enum victim v);

/* -- where things lie ----------------------------------------------------------------- */

struct dsuper *sample_super(const struct sample *im);
struct dsuper *sample_copy(const struct sample *im);
void *sample_block(const struct sample *im, uint64_t blk);

/* sample_dinode - the slot; V_IFILE is the primary superblock's. */
struct dinode *sample_dinode(const struct sample *im, enum victim v);

/* sample_node - the @i-th node of @level of a map, in the order of the file. */
struct dextnode *sample_node(const struct sample *im, enum victim v, unsigned level, unsigned i);

/* sample_map - the block of a file that holds @lblk; 0 in a hole. */
uint64_t sample_map(const struct sample *im, enum victim v, uint64_t lblk);

/* sample_dirblk - the @i-th block of a directory. */
struct ddirblk *sample_dirblk(const struct sample *im, enum victim v, unsigned i);

/* sample_dirent - the @i-th record of a directory block that is free, or that is not. */
struct ddirent *sample_dirent(const struct ddirblk *b, unsigned i, int live);

/* sample_named - the record of a name; NULL when there is none. */
struct ddirent *sample_named(const struct sample *im, enum victim dir, const char *name);

/* sample_xattrblk - the @i-th block of the chain. */
struct dxattrblk *sample_xattrblk(const struct sample *im, enum victim v, unsigned i);

/* sample_lane, sample_log, sample_undo - lane @i, its log, the @k-th record of that. */
struct dlane *sample_lane(const struct sample *im, unsigned i);
struct dlog *sample_log(const struct sample *im, unsigned i);
struct dundo *sample_undo(const struct sample *im, unsigned i, unsigned k);

/* sample_snap - the snapshot; it fills a run of blocks. */
struct dsnap *sample_snap(const struct sample *im);

/* sample_log_live - does recovery have to put back what lane @i's log holds? */
int sample_log_live(const struct sample *im, unsigned i);

#endif
