/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check.h -- is this a sound daxfs, and if not, make it one
 *
 * A second reader of the format, independent of the engine: it shares with it
 * format.h, the arithmetic of checksums and what concerns a superblock alone
 * (disk/super.h), nothing else.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct region;

enum check_mode {
	CHECK_NO,		/* look only: nothing is written, every question is answered no */
	CHECK_PREEN,		/* repair what loses nothing; stop at anything else */
	CHECK_YES,		/* repair everything */
	CHECK_ASK,		/* ask before each repair */
};

/* What ask() is told. */
enum check_ask_flags {
	CHECK_ASK_LOSES = 1u << 0,	/* the repair may lose something: who does not decide should say no */
};

/* What progress() is told; CHECK_PHASES is their number. */
enum check_phase {
	CHECK_PHASE_SUPER, CHECK_PHASE_JOURNAL, CHECK_PHASE_INODES, CHECK_PHASE_BLOCKS,
	CHECK_PHASE_NAMES, CHECK_PHASE_TREE, CHECK_PHASE_SPACE, CHECK_PHASE_WRITE, CHECK_PHASES,
};

struct check_opts {
	enum check_mode mode;
	bool verbose;		/* statistics at the end, phases as they begin */
	/* one finding or remark, without newline; NULL: silent */
	void (*say)(void *arg, const char *line);
	/* CHECK_ASK: true repairs */
	bool (*ask)(void *arg, const char *question, unsigned flags);
	/*
	 * May be NULL; called often, the callee limits its own rate.  Before
	 * CHECK_PHASE_WRITE nothing has been written, so that a caller may end
	 * the process at any time before.
	 */
	void (*progress)(void *arg, unsigned phase, uint64_t done, uint64_t total);
	void *arg;
};

struct check_result {
	uint64_t found, fixed, left;		/* findings; found = fixed + left */
	uint64_t inodes, dirs, files;		/* in use; files: everything that is no directory */
	uint64_t blocks_used, blocks;
	uint64_t undone, orphans;		/* unclean: transactions rolled back, inodes without a name */
	unsigned exit;				/* as fsck(8): 0, 1 corrected, 4 left, 8 could not be done */
};

/**
 * check_region - check a filesystem, and repair it as the mode allows
 * @rg:  region, used by nobody else; may be read-only with CHECK_NO
 * @o:   what to do and whom to tell
 * @res: out, also on failure
 *
 * An unclean filesystem is no finding: unfinished transactions are rolled back,
 * with CHECK_NO in private copies of the blocks concerned, and inodes without a
 * name are counted.  Repairs are made in private copies too and verified by
 * checking again before anything is written.  A filesystem that is written to
 * is left unclean and without a snapshot, so that the next mount finds its free
 * space anew.
 *
 * Context: any thread; the region may hold anything, memory is bounded by the
 *          metadata in use.
 * Durable: nothing with CHECK_NO or without findings; else all repairs, on
 *          return.  After a crash inside, another run repairs the rest.
 * Return:  0 when the check could be done, whatever it found; -EINVAL (no
 *          daxfs, or cut short), -EUCLEAN (both superblocks lost),
 *          -EPROTONOSUPPORT (made by a newer version), -EROFS (can only be
 *          looked at), -ENOMEM, -EIO (a block cannot be read or written).  What
 *          is wrong has been said.
 */
int check_region(struct region *rg, const struct check_opts *o, struct check_result *res);

#endif
