/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state.h -- struct check: what all of src/check shares
 *
 * Per inode there are five bytes, per directory 40, per block one bit; nothing
 * else grows with a healthy filesystem.
 *
 * Names: round  one pass over everything; after repairs there is another one
 */
#ifndef CHECK_STATE_H
#define CHECK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/check.h"
#include "check/media.h"
#include "check/nameset.h"
#include "check/problem.h"

/* One run of blocks of an inode.  A node of the map or an attribute block has lblk RUN_META. */
struct mrun { uint64_t lblk, pblk; uint32_t len, flags; };
#define RUN_META	UINT64_MAX

struct mrunvec { struct mrun *v; size_t nr, cap; };

/* state of an inode number: DT_* of its type in the low bits, 0 = free */
#define INO_TYPE	0x0fu
#define INO_ORPHAN	0x10u	/* nlink 0 */
#define INO_DAMAGED	0x20u	/* its content cannot be trusted; nothing was changed */
#define INO_DOUBTED	0x40u	/* its count of blocks is not what it claims */
#define INO_GREEDY	0x80u	/* it claims much, and what others have */

struct cdir {
	uint64_t ino;
	uint64_t parent;	/* what the inode says */
	uint64_t named_in;	/* directory that holds its name; 0: none */
	uint32_t subdirs;
	uint32_t mark;		/* connect.c */
	bool	 has_names;
};

/* Where a record lies. */
struct recpos { uint64_t dir, blk, child; uint32_t off; };
struct recvec { struct recpos *v; size_t nr, cap; };
struct inovec { uint64_t *v; size_t nr, cap; };

/* An inode that claims much of the device. */
struct huge { uint64_t ino, blocks; };
struct hugevec { struct huge *v; size_t nr, cap; };

struct check {
	struct region		*rg;
	const struct check_opts	*o;
	struct check_result	*res;
	struct media		 m;
	struct media_geometry	 g;
	uint64_t		 nr_blocks;
	bool			 clean;		/* the state word says so */
	bool			 stop;		/* preen met something it must not repair */
	bool			 look_only;	/* what everything else hangs on stays damaged: nothing is written */
	bool			 writing;	/* something may have reached the device */
	unsigned		 round;
	uint64_t		 left;		/* findings of this round that stay */
	bool			 asks;		/* began with questions, also if the rest is agreed to */
	struct nameset		 left_ids;	/* what stays, by hash; see problem.c */
	struct inovec		 agreed;	/* hashes of answers that were yes */
	uint64_t		 seed;		/* of name hashes */

	/* blocks */
	uint64_t		*claimed;	/* bit per block */
	uint64_t		*twice;		/* bit per block, NULL while there is none */
	uint64_t		*kept;		/* bit per block that will be claimed, NULL while nobody asks; see claim_rehearse() */
	uint64_t		 nr_claimed, nr_kept, alloc_hint;	/* nr_kept: of those that nobody has claimed yet */
	uint64_t		 work;		/* blocks of all huge claims of this round, also of those that came to nothing */

	/* inodes */
	struct mrunvec		 ifile;		/* runs of the inode file, by lblk, no holes */
	uint64_t		 nr_slots;
	uint8_t			*state;
	uint16_t		*nlink, *links;	/* on media, found; at most UINT16_MAX */
	uint64_t		 nr_live, nr_orphans;
	struct cdir		*dir;		/* by ino once all are known */
	size_t			 nr_dirs, cap_dirs;
	struct hugevec		 huge;		/* claim much of the device: after all others that are healthy */
	struct inovec		 suspect;	/* to be claimed after all healthy ones */

	/* scratch */
	struct mrunvec		 runs;
	struct nameset		 names;
	uint8_t			*stream;	/* attributes of one inode */
	size_t			 stream_cap;

	/* names */
	struct recvec		 foreign;	/* of directories that say their parent is another */
	struct recvec		 doubtful;	/* behind a broken record: may be stale */
	uint64_t		 lostfound;	/* ino, 0 = not looked for yet */
	const char		*lf_closed;	/* why there is none and will be none in this round */
	uint64_t		 lf_hint;	/* its block to insert into */
};

/* check_valid - may these blocks belong to a file?  @pblk as on media, device included. */
static inline bool check_valid(const struct check *c, uint64_t pblk, uint64_t n)
{
	uint64_t last = c->nr_blocks - 1;
	uint64_t end = c->g.journal + (uint64_t)c->g.nr_lanes * c->g.lane_blocks;

	if (pblk == 0 || n == 0 || pblk >= last || n > last - pblk)
		return false;
	return pblk >= end || pblk + n <= c->g.journal;
}

/* check_huge - is it so much of the device that no more than a few can claim it? */
static inline bool check_huge(const struct check *c, uint64_t n)
{
	return n > c->nr_blocks / 8;
}

/*
 * check_overdone - are claims of @n more blocks too many to look at?
 *
 * Each block may be claimed a few times in a damaged filesystem.  Many inodes that each claim much of the
 * device can only be meant to keep the check busy; what claims little of it does not pay for them.
 */
static inline bool check_overdone(struct check *c, uint64_t n)
{
	if (!check_huge(c, n))
		return false;
	c->work += n;
	return c->work > 16 * c->nr_blocks;
}

/* check_go - 0, or -ECANCELED when the check is to end here. */
int check_go(const struct check *c);

/* check_progress - tell whoever wants to know. */
void check_progress(const struct check *c, enum check_phase phase, uint64_t done, uint64_t total);

/* check_unclean - the state is dirty and the snapshot worth nothing, in what is to be written (sb.c).  0 or -ENOMEM. */
int check_unclean(struct check *c);

/* vec_grow - room for one more element of @size in an array.  0 or -ENOMEM. */
int vec_grow(void *array, size_t nr, size_t *cap, size_t size);

/* the phases, in order; each 0 or a negative errno */
int phase_super(struct check *c);	/* sb.c; geometry is known afterwards */
int phase_state(struct check *c);	/* sb.c: state word, snapshot reference */
int phase_journal(struct check *c);	/* lanes.c; c->m shows what recovery will leave */
int phase_inodes(struct check *c);	/* scan.c: slots, maps, attributes; healthy inodes claim */
int phase_blocks(struct check *c);	/* cross.c: two owners; then suspects claim what is left */
int phase_names(struct check *c);	/* names.c */
int phase_tree(struct check *c);	/* connect.c: parents, unreachable inodes, link counts */
int phase_space(struct check *c);	/* freespace.c: the snapshot */

/* cdir_find - the directory, or NULL. */
struct cdir *cdir_find(const struct check *c, uint64_t ino);

/* cdir_sort - by ino again, for cdir_find(). */
void cdir_sort(struct check *c);

#endif
