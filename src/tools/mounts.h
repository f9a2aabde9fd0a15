/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mounts.h -- what is mounted where, by the kernel's table
 */
#ifndef TOOLS_MOUNTS_H
#define TOOLS_MOUNTS_H

#include <stdbool.h>

struct stat;

/* The table of the process that asks; others are in /proc/PID. */
#define MOUNTS_OWN "/proc/self/mountinfo"

/* One line of it, as far as it matters here. */
struct mount_line {
	unsigned major, minor;	/* st_dev of the files in it */
	char dir[4096];		/* the mount point */
	char type[64];		/* such as "fuse.daxfs" */
	char source[4096];	/* as whoever mounted it says: believe no path in it */
};

typedef bool (*mounts_test)(const struct mount_line *m, const void *arg);

/**
 * mounts_find - the last mount that is wanted, which is the uppermost of a directory
 * @table:  MOUNTS_OWN or another file like it
 * @wanted: says of each mount whether it is wanted
 * @arg:    passed on to @wanted
 * @found:  out, in case of 1
 *
 * Return: 1, 0 (none), or negative errno when the table cannot be read.
 */
int mounts_find(const char *table, mounts_test wanted, const void *arg, struct mount_line *found);

/**
 * mounts_is_of - whether a mount has this source
 * @m:  a mount
 * @st: a device or a regular file
 *
 * Return: true also when the mount names it by another path.
 */
bool mounts_is_of(const struct mount_line *m, const struct stat *st);

#endif
