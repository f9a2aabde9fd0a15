/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * remove.c -- names that go: unlink, rmdir, and what is open without a name
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "posix/posix.h"

static void every_type(void)
{
	make("reg", 0644);
	OK(mkfifo("fifo", 0644));
	OK(mknod("chr", S_IFCHR | 0600, makedev(1, 3)));
	OK(mknod("blk", S_IFBLK | 0600, makedev(7, 0)));
	OK(mknod("sock", S_IFSOCK | 0600, 0));
	OK(symlink("reg", "link"));
	static const char *const names[] = { "link", "fifo", "chr", "blk", "sock", "reg" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		posix_note("%s", names[i]);
		FAILS(ENOTDIR, rmdir(names[i]));
		OK(unlink(names[i]));
		FAILS(ENOENT, unlink(names[i]));
		FAILS(ENOENT, access(names[i], F_OK));
	}
}

static void directories(void)
{
	OK(mkdir("d", 0755));
	FAILS(EISDIR, unlink("d"));
	FAILS(EISDIR, unlinkat(AT_FDCWD, "d", 0));
	make("d/file", 0644);
	FAILS(ENOTEMPTY, rmdir("d"));
	OK(unlink("d/file"));
	OK(mkdir("d/sub", 0755));
	FAILS(ENOTEMPTY, rmdir("d"));
	FAILS(EINVAL, rmdir("d/sub/."));
	FAILS(ENOTEMPTY, rmdir("d/sub/.."));
	FAILS(ENOTEMPTY, rmdir(".."));
	FAILS(EINVAL, rmdir("."));
	OK(symlink("d", "link"));
	FAILS(ENOTDIR, rmdir("link"));
	FAILS(ENOTDIR, rmdir("link/"));
	FAILS(EISDIR, unlink("link/."));
	OK(rmdir("d/sub/"));
	OK(symlink("x", "d/dangling"));
	FAILS(ENOTEMPTY, rmdir("d"));
	OK(unlink("d/dangling"));
	OK(rmdir("d"));
	FAILS(ENOENT, rmdir("d"));
}

/* A directory is empty again after a thousand names have come and gone. */
static void empty_after_many(void)
{
	char name[64];

	OK(mkdir("d", 0755));
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d/a-rather-long-name-that-fills-blocks-%d", i);
		if (mknod(name, S_IFREG | 0644, 0))
			OK(-1);
	}
	FAILS(ENOTEMPTY, rmdir("d"));
	for (int i = 0; i < 999; i++) {
		snprintf(name, sizeof(name), "d/a-rather-long-name-that-fills-blocks-%d", i);
		if (unlink(name))
			OK(-1);
	}
	FAILS(ENOTEMPTY, rmdir("d"));
	OK(unlink("d/a-rather-long-name-that-fills-blocks-999"));
	OK(rmdir("d"));
}

/* -- open without a name ------------------------------------------------------------ */

static void open_file(void)
{
	char buf[10] = "";
	struct stat st;
	int fd;

	make_filled("f", 5000, 'a');
	fd = OK(open("f", O_RDWR));
	OK(unlink("f"));
	OK(fstat(fd, &st));
	EQ(0, st.st_nlink);
	EQ(5000, st.st_size);
	TRUE(filled_with(fd, 0, 5000, 'a'));
	EQ(5, pwrite(fd, "hello", 5, 100000));
	EQ(5, pread(fd, buf, 10, 100000));
	EQ(0, memcmp(buf, "hello", 5));
	OK(ftruncate(fd, 3));
	OK(fchmod(fd, 0600));
	OK(fchown(fd, ALICE, ALICE));
	OK(futimens(fd, NULL));
	OK(fsync(fd));
	OK(fallocate(fd, 0, 0, 8192));
	OK(fstat(fd, &st));
	EQ(8192, st.st_size);
	EQ(S_IFREG | 0600, st.st_mode);
	FAILS(ENOENT, linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
	close(fd);
}

static void open_again_through_proc(void)
{
	char path[64], c = 0;
	int fd, fd2;

	make_filled("f", 10, 'a');
	fd = OK(open("f", O_RDWR));
	OK(unlink("f"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd2 = OK(open(path, O_RDONLY));
	EQ(1, pread(fd2, &c, 1, 9));
	EQ('a', c);
	close(fd);
	EQ(1, pread(fd2, &c, 1, 5));
	close(fd2);
}

/* The new file of the same name is another one. */
static void name_is_reused(void)
{
	struct stat a, b;
	int fd;

	make_filled("f", 10, 'a');
	fd = OK(open("f", O_RDWR));
	OK(unlink("f"));
	make_filled("f", 20, 'b');
	OK(fstat(fd, &a));
	OK(stat("f", &b));
	TRUE(a.st_ino != b.st_ino);
	EQ(10, a.st_size);
	EQ(20, b.st_size);
	TRUE(filled_with(fd, 0, 10, 'a'));
	close(fd);
}

static void mapped_file(void)
{
	char *p;
	int fd;

	make_filled("f", 8192, 'a');
	fd = OK(open("f", O_RDWR));
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!TRUE(p != MAP_FAILED))
		return;
	close(fd);
	OK(unlink("f"));
	EQ('a', p[8191]);
	p[4096] = 'b';
	OK(msync(p, 8192, MS_SYNC));
	EQ('b', p[4096]);
	OK(munmap(p, 8192));
}

static void freed_blocks_come_back(void)
{
	struct stat st;
	int fd;

	make_filled("f", 1 << 20, 'a');
	fd = OK(open("f", O_RDWR));
	OK(unlink("f"));
	OK(fstat(fd, &st));
	TRUE(st.st_blocks >= 2048);
	OK(ftruncate(fd, 0));
	OK(fstat(fd, &st));
	EQ(0, st.st_blocks);
	close(fd);
}

/* -- a directory that one stands in ---------------------------------------------------- */

static void removed_directory(void)
{
	struct stat st;
	int fd;

	OK(mkdir("d", 0755));
	OK(chdir("d"));
	fd = OK(open(".", O_RDONLY | O_DIRECTORY));
	OK(rmdir("../d"));
	FAILS(ENOENT, open("x", O_CREAT | O_RDWR, 0644));
	FAILS(ENOENT, mkdir("x", 0755));
	FAILS(ENOENT, mkfifo("x", 0755));
	FAILS(ENOENT, symlink("y", "x"));
	FAILS(ENOENT, mkdirat(fd, "x", 0755));
	FAILS(ENOENT, link("../other", "x"));
	FAILS(ENOENT, open("x", O_RDONLY));
	OK(fstat(fd, &st));
	EQ(0, st.st_nlink);
	OK(stat(".", &st));
	OK(fchmod(fd, 0700));
	FAILS(ENOENT, access("x", F_OK));
	OK(access("..", F_OK));
	close(fd);
	OK(chdir(".."));
	FAILS(ENOENT, access("d", F_OK));
}

static void removed_directory_is_empty(void)
{
	struct dirent *e;
	unsigned nr = 0;
	DIR *d;

	OK(mkdir("d", 0755));
	d = opendir("d");
	TRUE(d != NULL);
	OK(rmdir("d"));
	while (d && (e = readdir(d)))
		nr += e->d_name[0] != '.';
	EQ(0, nr);
	closedir(d);
}

/* -- races ----------------------------------------------------------------------------------- */

#define ROUNDS	200

struct tally { _Atomic int made, removed; };

static void make_and_unlink(int racer, void *arg)
{
	struct tally *done = arg;

	(void)racer;
	for (int i = 0; i < ROUNDS; i++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "f%d", i);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (fd >= 0) {
			close(fd);
			done->made++;
		}
		if (unlink(name) == 0)
			done->removed++;
	}
}

/* Of several that remove one name, one succeeds. */
static void racing_unlinks(void)
{
	struct tally *done = posix_shared(sizeof(*done));

	posix_race(make_and_unlink, done);
	EQ(done->made, done->removed);
	TRUE(done->made >= ROUNDS);
	EQ(2, nlink_of("."));
}

static void make_and_rmdir(int racer, void *arg)
{
	(void)racer;
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		mkdir("d", 0755);
		mkdir("d/sub", 0755);
		rmdir("d/sub");
		rmdir("d");
	}
}

/* mkdir and rmdir of one name: the parent's link count is right in the end. */
static void racing_directories(void)
{
	posix_race(make_and_rmdir, NULL);
	rmdir("d/sub");
	rmdir("d");
	EQ(2, nlink_of("."));
	OK(mkdir("d", 0755));
	EQ(3, nlink_of("."));
	EQ(2, nlink_of("d"));
}

const struct posix_case posix_remove[] = {
	{ "every_type", every_type },
	{ "directories", directories },
	{ "empty_after_many", empty_after_many },
	{ "open_file", open_file },
	{ "open_again_through_proc", open_again_through_proc },
	{ "name_is_reused", name_is_reused },
	{ "mapped_file", mapped_file },
	{ "freed_blocks_come_back", freed_blocks_come_back },
	{ "removed_directory", removed_directory },
	{ "removed_directory_is_empty", removed_directory_is_empty },
	{ "racing_unlinks", racing_unlinks },
	{ "racing_directories", racing_directories },
	{ NULL, NULL },
};
