// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * names.c -- calls that concern names
 *
 * Each thread has a directory of its own.  A batch leaves it as it was.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare/calls.h"

#define ENTRIES		1000

void make_file(const char *path)
{
	must(close((int)must(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644))));
}

void open_dir(struct lane *l)
{
	l->name = must_alloc(l->calls, sizeof(*l->name));
	l->other = must_alloc(l->calls, sizeof(*l->other));
	char dir[PATH_SIZE];

	snprintf(dir, sizeof(dir), "dir%u", l->number);
	must(mkdir(dir, 0755));
	for (size_t i = 0; i < l->calls; i++) {
		snprintf(l->name[i], PATH_SIZE, "dir%u/name%zu", l->number, i);
		snprintf(l->other[i], PATH_SIZE, "dir%u/other%zu", l->number, i);
	}
}

void make_files(struct lane *l)
{
	for (size_t i = 0; i < l->calls; i++)
		make_file(l->name[i]);
}

static void open_dir_of_files(struct lane *l)
{
	open_dir(l);
	make_files(l);
}

static void create(struct lane *l, size_t i)
{
	make_file(l->name[i]);
}

static void remove_one(struct lane *l, size_t i)
{
	must(unlink(l->name[i]));
}

static void remove_all(struct lane *l)
{
	for (size_t i = 0; i < l->calls; i++)
		remove_one(l, i);
}

static void stat_one(struct lane *l, size_t i)
{
	struct stat st;

	must(stat(l->name[i], &st));
}

static void open_one(struct lane *l, size_t i)
{
	must(close((int)must(open(l->name[i], O_RDONLY | O_CLOEXEC))));
}

static void rename_one(struct lane *l, size_t i)
{
	must(rename(l->name[i], l->other[i]));
}

static void rename_back(struct lane *l)
{
	for (size_t i = 0; i < l->calls; i++)
		must(rename(l->other[i], l->name[i]));
}

/* -- listing a directory ------------------------------------------------------------------ */

static void open_listing(struct lane *l)
{
	char path[PATH_SIZE];

	open_dir(l);
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(path, sizeof(path), "dir%u/entry%d", l->number, i);
		make_file(path);
	}
}

static void list(struct lane *l, size_t i)
{
	char path[PATH_SIZE];
	int found = 0;

	(void)i;
	snprintf(path, sizeof(path), "dir%u", l->number);
	DIR *dir = opendir(path);

	must(dir ? 0 : -1);
	while (readdir(dir))
		found++;
	closedir(dir);
	errno = ENOENT;
	must(found == ENTRIES + 2 ? 0 : -1);	/* with "." and ".." */
}

const struct kind name_kinds[] = {
	{ "create", 500, open_dir, NULL, create, remove_all },
	{ "stat", 1000, open_dir_of_files, NULL, stat_one, NULL },
	{ "open", 500, open_dir_of_files, NULL, open_one, NULL },
	{ "readdir", 20, open_listing, NULL, list, NULL },
	{ "rename", 500, open_dir_of_files, NULL, rename_one, rename_back },
	{ "unlink", 500, open_dir, make_files, remove_one, NULL },
	{ 0 },
};
