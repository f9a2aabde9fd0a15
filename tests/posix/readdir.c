/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * readdir.c -- directories read, also while they change
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "posix/posix.h"

#define MANY	3000

static void name_of(char *buf, size_t size, const char *dir, int i)
{
	snprintf(buf, size, "%s/entry-%d%.*s", dir, i, i % 60, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static void fill(const char *dir, int nr)
{
	char name[128];

	OK(mkdir(dir, 0755));
	for (int i = 0; i < nr; i++) {
		name_of(name, sizeof(name), dir, i);
		if (mknod(name, S_IFREG | 0644, 0))
			OK(-1);
	}
}

/* The number in "entry-N", or -1 for dots, or -2. */
static int number(const struct dirent *e)
{
	if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
		return -1;
	return strncmp(e->d_name, "entry-", 6) ? -2 : atoi(e->d_name + 6);
}

/* How often each was seen, until the end; the number of "." and ".." together. */
static int count_rest(DIR *d, unsigned char *seen, int nr)
{
	struct dirent *e;
	int dots = 0;

	while ((errno = 0, e = readdir(d))) {
		int n = number(e);

		if (n == -1)
			dots++;
		else if (n >= 0 && n < nr)
			seen[n]++;
		else
			TRUE(false);
	}
	EQ(0, errno);
	return dots;
}

static int how_many(const unsigned char *seen, int nr, int times)
{
	int sum = 0;

	for (int i = 0; i < nr; i++)
		sum += seen[i] == times;
	return sum;
}

/* -- once each -------------------------------------------------------------------------- */

static void each_once(void)
{
	static const int sizes[] = { 0, 1, 2, 30, 200, MANY };
	unsigned char seen[MANY];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char dir[16];
		DIR *d;

		posix_note("%d entries", sizes[i]);
		snprintf(dir, sizeof(dir), "d%zu", i);
		fill(dir, sizes[i]);
		d = opendir(dir);
		for (int round = 0; round < 2; round++) {
			memset(seen, 0, sizeof(seen));
			EQ(2, count_rest(d, seen, sizes[i]));
			EQ(sizes[i], how_many(seen, sizes[i], 1));
			TRUE(readdir(d) == NULL);
			rewinddir(d);
		}
		closedir(d);
	}
}

static void types_and_numbers(void)
{
	static const struct { const char *name; unsigned char type; } want[] = {
		{ "reg", DT_REG }, { "dir", DT_DIR }, { "fifo", DT_FIFO }, { "link", DT_LNK }, { "sock", DT_SOCK },
		{ "chr", DT_CHR }, { "blk", DT_BLK }, { ".", DT_DIR }, { "..", DT_DIR },
	};
	unsigned found = 0;
	struct dirent *e;
	DIR *d;

	OK(mkdir("d", 0755));
	OK(chdir("d"));
	make("reg", 0644);
	OK(mkdir("dir", 0755));
	OK(mkfifo("fifo", 0644));
	OK(symlink("x", "link"));
	OK(mknod("sock", S_IFSOCK | 0644, 0));
	OK(mknod("chr", S_IFCHR | 0644, makedev(1, 3)));
	OK(mknod("blk", S_IFBLK | 0644, makedev(7, 0)));
	d = opendir(".");
	while ((e = readdir(d))) {
		for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
			if (strcmp(want[i].name, e->d_name))
				continue;
			posix_note("%s", e->d_name);
			EQ(want[i].type, e->d_type);
			EQ(ino_of(e->d_name), e->d_ino);
			found++;
		}
	}
	posix_note(NULL);
	EQ(ARRAY_SIZE(want), found);
	closedir(d);
	OK(chdir(".."));
}

static void long_names(void)
{
	char name[300], path[310];
	struct dirent *e;
	int lengths[256] = { 0 };
	DIR *d;

	OK(mkdir("d", 0755));
	memset(name, 'l', sizeof(name));
	for (int n = 1; n <= 255; n++) {
		snprintf(path, sizeof(path), "d/%.*s", n, name);
		if (mknod(path, S_IFREG | 0644, 0))
			OK(-1);
	}
	d = opendir("d");
	while ((e = readdir(d))) {
		if (e->d_name[0] == 'l')
			lengths[strlen(e->d_name)]++;
	}
	closedir(d);
	for (int n = 1; n <= 255; n++) {
		if (lengths[n] != 1)
			EQ(1, lengths[n]);
	}
	EQ(1, lengths[255]);
}

/* -- positions ----------------------------------------------------------------------------- */

/* Every position that telldir(3) gave leads to the entry that followed it. */
static void seeking(void)
{
	enum { NR = 400 };
	long pos[NR + 3];
	char name[NR + 3][80];
	struct dirent *e;
	int nr = 0, wrong = 0;
	DIR *d;

	fill("d", NR);
	d = opendir("d");
	for (;;) {
		pos[nr] = telldir(d);
		e = readdir(d);
		if (!e || nr == NR + 2)
			break;
		snprintf(name[nr++], sizeof(name[0]), "%.79s", e->d_name);
	}
	EQ(NR + 2, nr);
	for (int i = nr - 1; i >= 0; i--) {
		seekdir(d, pos[i]);
		e = readdir(d);
		wrong += !e || strcmp(e->d_name, name[i]);
	}
	for (int i = 0; i < nr; i += 7) {
		seekdir(d, pos[i]);
		e = readdir(d);
		wrong += !e || strcmp(e->d_name, name[i]);
	}
	EQ(0, wrong);
	seekdir(d, pos[nr]);
	TRUE(readdir(d) == NULL);
	closedir(d);
}

/* A position stays good for the entries that stay, whatever comes and goes. */
static void seeking_after_changes(void)
{
	enum { NR = 1000 };
	unsigned char seen[NR] = { 0 }, before[NR] = { 0 };
	char name[128];
	struct dirent *e;
	long pos;
	DIR *d;

	fill("d", NR);
	d = opendir("d");
	for (int i = 0; i < NR / 2 && (e = readdir(d)); i++) {
		if (number(e) >= 0)
			before[number(e)] = 1;
	}
	pos = telldir(d);
	for (int i = 0; i < NR; i += 2) {
		name_of(name, sizeof(name), "d", i);
		OK(unlink(name));
	}
	seekdir(d, pos);
	count_rest(d, seen, NR);
	closedir(d);
	for (int i = 1; i < NR; i += 2) {
		if (before[i] + seen[i] != 1)
			EQ(1, before[i] + seen[i]);
	}
	TRUE(how_many(seen, NR, 1) >= NR / 8);	/* by chance: some hash names in an order of their own */
}

/* -- while it changes ------------------------------------------------------------------------- */

/* What is there all the time is seen once, although others come and go. */
static void under_change(void)
{
	enum { NR = 500 };
	unsigned char *seen = malloc(NR);
	_Atomic int *stop = posix_shared(sizeof(*stop));
	pid_t pid;

	fill("d", NR);
	pid = posix_fork();
	for (unsigned i = 0; pid == 0 && !*stop; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d/entry-%u", 10000 + i % 300);
		if (unlink(name))
			mknod(name, S_IFREG | 0644, 0);
	}
	if (pid == 0)
		posix_exit();
	for (int round = 0; round < 50; round++) {
		DIR *d = opendir("d");
		struct dirent *e;
		int n;

		memset(seen, 0, NR);
		while ((e = readdir(d))) {
			n = number(e);
			if (n >= 0 && n < NR)
				seen[n]++;
		}
		EQ(NR, how_many(seen, NR, 1));
		closedir(d);
	}
	*stop = 1;
	posix_join(pid);
	free(seen);
}

/* rm -r as people write it: remove while reading. */
static void removing_while_reading(void)
{
	struct dirent *e;
	int nr = 0;
	DIR *d;

	fill("d", MANY);
	d = opendir("d");
	while ((e = readdir(d))) {
		if (number(e) < 0)
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0))
			OK(-1);
		nr++;
	}
	closedir(d);
	EQ(MANY, nr);
	OK(rmdir("d"));
}

static void empty_and_removed(void)
{
	unsigned char none[1];
	DIR *d;

	OK(mkdir("d", 0755));
	d = opendir("d");
	EQ(2, count_rest(d, none, 0));
	make("d/entry-0", 0644);
	rewinddir(d);
	none[0] = 0;
	EQ(2, count_rest(d, none, 1));
	EQ(1, none[0]);
	closedir(d);
}

/* -- the parent -------------------------------------------------------------------------------- */

static ino_t dotdot(const char *dir)
{
	struct dirent *e;
	ino_t ino = 0;
	DIR *d = opendir(dir);

	while ((e = readdir(d))) {
		if (strcmp(e->d_name, "..") == 0)
			ino = e->d_ino;
	}
	closedir(d);
	return ino;
}

static void parent(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(mkdir("a/d", 0755));
	EQ(ino_of("a"), dotdot("a/d"));
	OK(rename("a/d", "b/d"));
	EQ(ino_of("b"), dotdot("b/d"));
	OK(mkdir("a/d", 0755));
	OK(renameat2(AT_FDCWD, "b", AT_FDCWD, "a/d", RENAME_EXCHANGE));
	EQ(ino_of("a"), dotdot("a/d"));
	EQ(ino_of("."), dotdot("b"));
}

static void syncing(void)
{
	int fd;

	OK(mkdir("d", 0755));
	fd = OK(open("d", O_RDONLY | O_DIRECTORY));
	make("d/f", 0644);
	OK(fsync(fd));
	OK(fdatasync(fd));
	OK(syncfs(fd));
	close(fd);
	fd = OK(open("d/f", O_RDONLY));
	OK(fsync(fd));
	OK(syncfs(fd));
	close(fd);
	FAILS(EBADF, fsync(-1));
	OK(mkfifo("fifo", 0644));
	fd = OK(open("fifo", O_RDWR));
	FAILS(EINVAL, fsync(fd));
	close(fd);
}

const struct posix_case posix_readdir[] = {
	{ "each_once", each_once },
	{ "types_and_numbers", types_and_numbers },
	{ "long_names", long_names },
	{ "seeking", seeking },
	{ "seeking_after_changes", seeking_after_changes },
	{ "under_change", under_change },
	{ "removing_while_reading", removing_while_reading },
	{ "empty_and_removed", empty_and_removed },
	{ "parent", parent },
	{ "syncing", syncing },
	{ NULL, NULL },
};
