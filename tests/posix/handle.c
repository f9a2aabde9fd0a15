/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handle.c -- file handles: name_to_handle_at(2), open_by_handle_at(2)
 *
 * A handle names an inode for ever: across renames, after the caches are dropped, and never
 * another inode that has got the same number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "posix/posix.h"

union handle {
	struct file_handle h;
	unsigned char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static int handle_of(const char *path, union handle *u)
{
	int id;

	memset(u, 0, sizeof(*u));
	u->h.handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(AT_FDCWD, path, &u->h, &id, 0);
}

static int open_handle(union handle *u, int flags)
{
	int mount = OK(open(".", O_RDONLY | O_DIRECTORY)), fd, err;

	fd = open_by_handle_at(mount, &u->h, flags);
	err = errno;
	close(mount);
	errno = err;
	return fd;
}

/* Names and inodes that nobody uses leave the kernel's memory. */
static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd < 0 || write(fd, "2", 1) != 1)
		posix_skip("the kernel's caches cannot be dropped here");
	close(fd);
}

static void same_file(void)
{
	union handle u;
	struct stat st;
	int fd;

	make_filled("f", 100, 'x');
	OK(handle_of("f", &u));
	TRUE(u.h.handle_bytes > 0);
	fd = OK(open_handle(&u, O_RDWR));
	OK(fstat(fd, &st));
	EQ(ino_of("f"), st.st_ino);
	TRUE(filled_with(fd, 0, 100, 'x'));
	EQ(1, pwrite(fd, "y", 1, 0));
	close(fd);
	OK(rename("f", "g"));
	fd = OK(open_handle(&u, O_RDONLY));
	TRUE(filled_with(fd, 0, 1, 'y'));
	close(fd);
}

static void after_the_caches(void)
{
	union handle f, d, deep;
	struct stat st;
	ino_t ino[3];
	int fd;

	make_filled("f", 100, 'x');
	OK(mkdir("d", 0755));
	OK(mkdir("d/e", 0755));
	make_filled("d/e/f", 50, 'd');
	ino[0] = ino_of("f");
	ino[1] = ino_of("d");
	ino[2] = ino_of("d/e/f");
	OK(handle_of("f", &f));
	OK(handle_of("d", &d));
	OK(handle_of("d/e/f", &deep));
	drop_caches();
	fd = OK(open_handle(&deep, O_RDONLY));
	OK(fstat(fd, &st));
	EQ(ino[2], st.st_ino);
	EQ(50, st.st_size);
	TRUE(filled_with(fd, 0, 50, 'd'));
	close(fd);
	drop_caches();
	fd = OK(open_handle(&d, O_RDONLY | O_DIRECTORY));
	OK(fstat(fd, &st));
	EQ(ino[1], st.st_ino);
	OK(faccessat(fd, "e/f", F_OK, 0));
	OK(faccessat(fd, "../f", F_OK, 0));
	close(fd);
	drop_caches();
	fd = OK(open_handle(&f, O_RDWR));
	OK(fstat(fd, &st));
	EQ(ino[0], st.st_ino);
	EQ(3, write(fd, "new", 3));
	close(fd);
	fd = OK(open("f", O_RDONLY));
	TRUE(filled_with(fd, 3, 97, 'x'));
	close(fd);
}

/* The handle of what is gone is stale, whatever has its number now. */
static void stale(void)
{
	union handle f, d;

	make("f", 0644);
	OK(mkdir("d", 0755));
	OK(handle_of("f", &f));
	OK(handle_of("d", &d));
	OK(unlink("f"));
	OK(rmdir("d"));
	FAILS(ESTALE, open_handle(&f, O_RDONLY));
	FAILS(ESTALE, open_handle(&d, O_RDONLY));
	for (int i = 0; i < 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		make(name, 0644);
	}
	FAILS(ESTALE, open_handle(&f, O_RDONLY));
	FAILS(ESTALE, open_handle(&d, O_RDONLY));
	drop_caches();
	FAILS(ESTALE, open_handle(&f, O_RDONLY));
	FAILS(ESTALE, open_handle(&d, O_RDONLY));
}

/* An open file without a name still has its handle. */
static void open_without_name(void)
{
	union handle u;
	struct stat a, b;
	int fd, again;

	make_filled("f", 10, 'x');
	OK(handle_of("f", &u));
	fd = OK(open("f", O_RDWR));
	OK(unlink("f"));
	again = OK(open_handle(&u, O_RDONLY));
	OK(fstat(fd, &a));
	OK(fstat(again, &b));
	EQ(a.st_ino, b.st_ino);
	close(fd);
	TRUE(filled_with(again, 0, 10, 'x'));
	close(again);
	/* The kernel ends a file of FUSE's only some time after close(2). */
	for (int i = 0; i < 100 && (fd = open_handle(&u, O_RDONLY)) >= 0; i++) {
		close(fd);
		pause_ms(10);
	}
	FAILS(ESTALE, open_handle(&u, O_RDONLY));
}

static void errors(void)
{
	union handle u, small;
	int id;

	make("f", 0644);
	OK(symlink("f", "l"));
	OK(handle_of("f", &u));
	small.h.handle_bytes = 0;
	FAILS(EOVERFLOW, name_to_handle_at(AT_FDCWD, "f", &small.h, &id, 0));
	EQ(u.h.handle_bytes, small.h.handle_bytes);
	small.h.handle_bytes = MAX_HANDLE_SZ + 1;
	FAILS(EINVAL, name_to_handle_at(AT_FDCWD, "f", &small.h, &id, 0));
	FAILS(EINVAL, name_to_handle_at(AT_FDCWD, "f", &u.h, &id, 0x8000));
	FAILS(EBADF, open_by_handle_at(-1, &u.h, O_RDONLY));
	OK(handle_of("l", &u));
	FAILS(ELOOP, open_handle(&u, O_RDONLY));
	OK(handle_of("f", &u));
	as(ALICE, ALICE);
	FAILS(EPERM, open_handle(&u, O_RDONLY));
}

const struct posix_case posix_handle[] = {
	{ "same_file", same_file },
	{ "after_the_caches", after_the_caches },
	{ "stale", stale },
	{ "open_without_name", open_without_name },
	{ "errors", errors },
	{ NULL, NULL },
};
