/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sysfs.c -- files of sysfs that hold one number or one word
 *
 * Reads only, keeps nothing, takes no locks.
 */
#include "pm/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool join(char path[PATH_MAX], const char *dir, const char *name)
{
	return (size_t)snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

int sysfs_text(const char *dir, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	int fd;

	text[0] = '\0';
	if (!join(path, dir, name))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t got = read(fd, text, size - 1);

	close(fd);
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return got > 0 ? 0 : -EIO;
}

int sysfs_number(const char *dir, const char *name, uint64_t *value)
{
	char text[32], *end;
	int err = sysfs_text(dir, name, text, sizeof(text));

	if (err)
		return err;
	errno = 0;
	uint64_t v = strtoull(text, &end, 0);

	if (errno || end == text)
		return -EIO;
	*value = v;
	return 0;
}

bool sysfs_link(const char *dir, const char *name, char *text, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len = join(path, dir, name) ? readlink(path, target, sizeof(target) - 1) : -1;

	text[0] = '\0';
	if (len < 0)
		return false;
	target[len] = '\0';
	const char *slash = strrchr(target, '/');

	snprintf(text, size, "%s", slash ? slash + 1 : target);
	return true;
}
