/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uhelper.c -- umount(8) is told to call umount.fuse.daxfs
 *
 * For root, "umount DIR" asks statfs(2) for the type to be spared the mount table,
 * which says "fuse" and leads to no helper of ours.  It does read the table when
 * libmount's own, utab, speaks of the mount point.  So there is made an entry,
 * by the only program that may.  Its source is no device: where mount(8) has
 * called us and has options of its own to keep there, it must not take the
 * entry for that.  Unmounting removes both.
 */
#include "fuse/uhelper.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define HELPER	"/sbin/umount.fuse.daxfs"
#define UTAB	"/run/mount/utab"

extern char **environ;

/* " TARGET=@dir ", with blanks and backslashes as \ooo as libmount writes them; NULL: no memory. */
static char *target_word(const char *dir)
{
	char *word = malloc(4 * strlen(dir) + sizeof(" TARGET= "));
	char *to = word ? stpcpy(word, " TARGET=") : NULL;

	for (; word && *dir; dir++) {
		if (strchr(" \t\n\\", *dir))
			to += sprintf(to, "\\%03o", *dir);
		else
			*to++ = *dir;
	}
	if (word)
		strcpy(to, " ");
	return word;
}

/* What was unmounted without umount(8) has left its entry, which serves again. */
static bool is_registered(const char *dir)
{
	char *line = NULL, *word = target_word(dir);
	FILE *f = fopen(UTAB, "re");
	size_t cap = 0;
	bool found = false;

	while (f && word && !found && getline(&line, &cap, f) > 0)
		found = strstr(line, word);
	free(line);
	free(word);
	if (f)
		fclose(f);
	return found;
}

/* -f mounts nothing, -i calls no helper, -c does not look at the directory. */
static int run_mount(const char *dir)
{
	const char *args[] = {
		"mount", "-c", "-i", "-f", "-t", "fuse.daxfs", "-o", "helper=fuse.daxfs", "daxfs", dir, NULL
	};
	posix_spawn_file_actions_t fa;
	int err, status = 0;
	pid_t pid;

	err = posix_spawn_file_actions_init(&fa);
	if (err)
		return err;
	posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, STDOUT_FILENO, STDERR_FILENO);
	err = posix_spawnp(&pid, args[0], &fa, NULL, (char *const *)args, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (err)
		return err;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? EIO : 0;
}

void uhelper_register(const char *dir)
{
	char *path;

	if (geteuid() != 0 || access(HELPER, X_OK))
		return;
	path = realpath(dir, NULL);
	if (path && !is_registered(path) && run_mount(path))
		log_debug("umount(8) will not wait for the daemon: mount -f failed");
	free(path);
}
