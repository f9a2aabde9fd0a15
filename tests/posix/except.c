/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * except.c -- where filesystems differ from what the cases expect, and why
 *
 * "theme.case" leaves the case out; any other word is a property that some
 * assertions of a case ask for with posix_excepts().  The environment's POSIX_KIND
 * names the filesystem if its type does not tell.
 */
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "posix/report.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC	0x65735546
#endif

struct exception {
	const char *fs, *what, *why;
};

static const struct exception exceptions[] = {
	{ "daxfs", "atime.cached_read_after_write", "the kernel tells FUSE of no read that its page cache answers" },
	{ "daxfs", "readlink", "the kernel tells FUSE of no target that it has cached" },
	{ "daxfs", "setid.chown_of_nothing_by_another", "FUSE tells it apart from no other request that sets nothing" },
	{ "daxfs", "times.fifo", "the kernel tells FUSE of nothing that goes through a FIFO" },
	{ "tmpfs", "read of 0 bytes", "counts as a read that changes atime" },
	{ "tmpfs", "FALLOC_FL_ZERO_RANGE", "not implemented" },
	{ "tmpfs", "space.zeroing", "FALLOC_FL_ZERO_RANGE is not implemented" },
	{ "tmpfs", "the process's limit and KEEP_SIZE", "counts what lies behind the end of the file" },
	{ "tmpfs", "limits.full_of_names", "names and inodes take none of its space" },
	{ "tmpfs", "limits.generation_and_label", "has neither to tell" },
	{ "tmpfs", "limits.too_many_links", "counts links with 32 bits" },
	{ "tmpfs", "mmap.hole", "reading a hole through a mapping fills it" },
	{ "tmpfs", "mmap.tail_of_the_last_page", "its pages are the content, to their ends" },
	{ NULL, NULL, NULL },
};

/* Only on kernels older than this one. */
static const struct { struct exception e; unsigned major, minor; } before[] = {
	{ { "daxfs", "mmap.direct", "FUSE maps files that bypass the page cache since Linux 6.6" }, 6, 6 },
	{ { "daxfs", "times.birth", "the kernel tells FUSE of statx(2) since Linux 6.6" }, 6, 6 },
};

static const struct { long magic; const char *name; } kinds[] = {
	{ FUSE_SUPER_MAGIC, "daxfs" },
	{ EXT4_SUPER_MAGIC, "ext4" },
	{ TMPFS_MAGIC, "tmpfs" },
};

static const char *kind = "another";

const char *posix_except_init(const char *dir)
{
	const char *given = getenv("POSIX_KIND");
	struct statfs st;

	if (given)
		return kind = given;
	if (statfs(dir, &st) == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			if ((long)st.f_type == kinds[i].magic)
				kind = kinds[i].name;
		}
	}
	return kind;
}

static bool is_meant(const struct exception *e, const char *what)
{
	return strcmp(e->fs, kind) == 0 && strcmp(e->what, what) == 0;
}

static bool kernel_is_older(unsigned major, unsigned minor)
{
	unsigned now_major, now_minor;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &now_major, &now_minor) != 2)
		return false;
	return now_major < major || (now_major == major && now_minor < minor);
}

const char *posix_excepts(const char *what)
{
	for (const struct exception *e = exceptions; e->fs; e++) {
		if (is_meant(e, what))
			return e->why;
	}
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		if (is_meant(&before[i].e, what) && kernel_is_older(before[i].major, before[i].minor))
			return before[i].e.why;
	}
	return NULL;
}
