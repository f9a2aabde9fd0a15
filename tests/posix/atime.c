/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * atime.c -- what reading changes, under each of the mount options for it
 *
 * The options are asked of the mount itself (statvfs(3)), so the same cases hold under
 * relatime, strictatime and noatime.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "posix/posix.h"

#define DAY	86400

enum policy { RELATIME, STRICTATIME, NOATIME };

static enum policy policy(void)
{
	struct statvfs st;

	OK(statvfs(".", &st));
	if (st.f_flag & ST_NOATIME)
		return NOATIME;
	return st.f_flag & ST_RELATIME ? RELATIME : STRICTATIME;
}

/* Does a read change the atime, when it is @age seconds old, and older than mtime or not? */
static bool wanted(bool older_than_mtime, time_t age)
{
	switch (policy()) {
	case NOATIME:
		return false;
	case STRICTATIME:
		return true;
	default:
		return older_than_mtime || age >= DAY;
	}
}

static int read_byte(int fd)
{
	char c;
	ssize_t n = pread(fd, &c, 1, 0);

	close(fd);
	return n == 1 ? 0 : -1;
}

static int read_cached(const char *path)
{
	return read_byte(open(path, O_RDONLY));
}

/* Past the page cache, which may answer without asking the filesystem. */
static int read_file(const char *path)
{
	int fd = open(path, O_RDONLY);

	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return read_byte(fd);
}

static int read_dir(const char *path)
{
	DIR *d = opendir(path);

	while (d && readdir(d))
		;
	return d ? closedir(d) : -1;
}

static int read_link(const char *path)
{
	char buf[8];

	return readlink(path, buf, sizeof(buf)) > 0 ? 0 : -1;
}

static int send_file(const char *path)
{
	int in = open(path, O_RDONLY), out = open("sink", O_CREAT | O_RDWR, 0644);
	ssize_t n = copy_file_range(in, NULL, out, NULL, 1, 0);

	close(in);
	close(out);
	return n == 1 ? 0 : -1;
}

static const struct way {
	const char *name, *path;
	int (*call)(const char *path);
} ways[] = {
	{ "read", "file", read_file },
	{ "readdir", "dir", read_dir },
	{ "readlink", "link", read_link },
	{ "copy_file_range", "file", send_file },
};

static void stage(void)
{
	make_filled("file", 10, 'x');
	OK(mkdir("dir", 0755));
	make("dir/entry", 0644);
	OK(symlink("target", "link"));
}

static void unstage(void)
{
	static const char *const names[] = { "file", "dir/entry", "dir", "link", "sink" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		remove(names[i]);
}

static struct timespec atime_of(const char *path)
{
	struct stat st = { .st_mode = 0 };

	OK(lstat(path, &st));
	return st.st_atim;
}

/* Times of @path: atime @age seconds old, mtime one second on the other side of it. */
static void set_times(const char *path, time_t age, int mtime_ahead)
{
	struct timespec t[2];

	clock_gettime(CLOCK_REALTIME, &t[0]);
	t[0].tv_sec -= age;
	t[1] = t[0];
	t[1].tv_sec += mtime_ahead;
	OK(utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW));
}

static void try_way(const struct way *w, time_t age, int mtime_ahead)
{
	struct timespec was, is;

	stage();
	set_times(w->path, age, mtime_ahead);
	was = atime_of(w->path);
	pause_ms(TICK_MS);
	posix_note("%s, atime %ld s old, mtime %+d s", w->name, (long)age, mtime_ahead);
	OK(w->call(w->path));
	is = atime_of(w->path);
	/* utimensat has moved ctime, to which relatime compares atime too */
	EQ(wanted(true, age), is.tv_sec != was.tv_sec || is.tv_nsec != was.tv_nsec);
	unstage();
}

static void first_read(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		try_way(&ways[i], 100, 50);
		try_way(&ways[i], 100, -50);
		try_way(&ways[i], 2 * DAY, -50);
	}
}

/* The second of two reads: atime is newer than mtime and ctime then. */
static void second_read(void)
{
	struct timespec was, is;

	stage();
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (policy() == STRICTATIME && posix_excepts(ways[i].name))
			continue;
		posix_note("%s, again", ways[i].name);
		pause_ms(TICK_MS);
		OK(ways[i].call(ways[i].path));
		pause_ms(TICK_MS);
		was = atime_of(ways[i].path);
		OK(ways[i].call(ways[i].path));
		is = atime_of(ways[i].path);
		EQ(policy() == STRICTATIME, is.tv_sec != was.tv_sec || is.tv_nsec != was.tv_nsec);
	}
}

/* A read after each write, as mail programs look for it. */
static void each_round(int (*reading)(const char *path))
{
	struct stat st;
	int fd;

	make_filled("file", 10, 'x');
	fd = OK(open("file", O_RDWR));
	for (int i = 0; i < 3; i++) {
		pause_ms(TICK_MS);
		EQ(1, pwrite(fd, "y", 1, 0));
		pause_ms(TICK_MS);
		OK(reading("file"));
		OK(fstat(fd, &st));
		posix_note("round %d", i);
		EQ(policy() != NOATIME, st.st_atim.tv_sec > st.st_mtim.tv_sec ||
		   (st.st_atim.tv_sec == st.st_mtim.tv_sec && st.st_atim.tv_nsec > st.st_mtim.tv_nsec));
	}
	close(fd);
}

static void read_after_write(void)
{
	each_round(read_file);
}

static void cached_read_after_write(void)
{
	each_round(read_cached);
}

static void keeps_other_times(const char *path, int (*reading)(const char *path))
{
	struct stat was, is;

	posix_note("%s", path);
	OK(stat(path, &was));
	pause_ms(TICK_MS);
	OK(reading(path));
	OK(stat(path, &is));
	EQ(was.st_mtim.tv_nsec, is.st_mtim.tv_nsec);
	EQ(was.st_ctim.tv_nsec, is.st_ctim.tv_nsec);
}

/* What reading leaves alone: mtime and ctime. */
static void nothing_else(void)
{
	stage();
	keeps_other_times("file", read_file);
	keeps_other_times("dir", read_dir);
}

const struct posix_case posix_atime[] = {
	{ "first_read", first_read },
	{ "second_read", second_read },
	{ "read_after_write", read_after_write },
	{ "cached_read_after_write", cached_read_after_write },
	{ "nothing_else", nothing_else },
	{ NULL, NULL },
};
