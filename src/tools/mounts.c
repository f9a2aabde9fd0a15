/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mounts.c -- what is mounted where, by the kernel's table
 *
 * Reads /proc/PID/mountinfo and touches no mount in it: a filesystem whose daemon
 * hangs must not stop whoever asks about it.
 */
#include "tools/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Mount tables write blanks and backslashes as \ooo; in place. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

static bool parse(const char *line, struct mount_line *m)
{
	const char *tail = strstr(line, " - ");

	if (!tail || sscanf(line, "%*d %*d %u:%u %*s %4095s", &m->major, &m->minor, m->dir) != 3)
		return false;
	if (sscanf(tail, " - %63s %4095s", m->type, m->source) != 2)
		return false;
	unescape(m->dir);
	unescape(m->source);
	return true;
}

bool mounts_is_of(const struct mount_line *m, const struct stat *st)
{
	struct stat src;

	if (S_ISBLK(st->st_mode) && makedev(m->major, m->minor) == st->st_rdev)
		return true;
	if (m->source[0] != '/' || stat(m->source, &src))
		return false;
	if (S_ISREG(src.st_mode) || S_ISREG(st->st_mode))
		return src.st_dev == st->st_dev && src.st_ino == st->st_ino;
	return (src.st_mode & S_IFMT) == (st->st_mode & S_IFMT) && src.st_rdev == st->st_rdev &&
	       !S_ISDIR(src.st_mode);
}

int mounts_find(const char *table, mounts_test wanted, const void *arg, struct mount_line *found)
{
	struct mount_line m;
	char *line = NULL;
	size_t cap = 0;
	FILE *f = fopen(table, "re");
	int res = 0;

	if (!f)
		return -errno;
	while (getline(&line, &cap, f) > 0) {
		if (parse(line, &m) && wanted(&m, arg)) {
			*found = m;
			res = 1;
		}
	}
	free(line);
	fclose(f);
	return res;
}
