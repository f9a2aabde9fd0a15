/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pathop.h -- every system call that takes a path, as a function of that path
 *
 * What POSIX says of paths holds for all of them alike: a table of calls times a table
 * of bad paths.  Where a call takes two paths, the other one is PATHOP_OTHER.
 */
#ifndef TESTS_POSIX_PATHOP_H
#define TESTS_POSIX_PATHOP_H

#include "posix/posix.h"

#define PATHOP_OTHER	"other"		/* a regular file, the second path */
#define PATHOP_MOVED	"moved"		/* a name that is free */

enum {
	PATHOP_CREATES = 1,	/* the last component must not exist; it does after the call */
	PATHOP_REMOVES = 2,	/* the name is gone afterwards, or names something else */
	PATHOP_NOFOLLOW = 4,	/* acts on a symbolic link itself */
	PATHOP_WRITES = 8,	/* changes an inode: EROFS */
	PATHOP_DIR = 16,	/* the path must name a directory */
	PATHOP_EXISTING = 32,	/* O_CREAT and its like: works with and without the name */
	PATHOP_OWNER = 64,	/* needs to be the owner, not just to reach it */
};

struct pathop {
	const char *name;
	int (*call)(const char *path);
	unsigned flags;
};

/* All of them; the last has no name. */
extern const struct pathop pathops[];

/* pathops_fail - in @dir, with "file", "dir" and no "absent", each call that has one of these flags fails with @err */
void pathops_fail(const char *dir, unsigned flags, int err);

#endif
