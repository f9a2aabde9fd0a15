/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rofs.c -- a filesystem that is mounted read-only
 *
 * POSIX_RO_DIR is a directory on it, of mode 0755, with regular files "file" and "other" that are not
 * empty, an empty directory "dir", a symbolic link "link" to "file" and a FIFO "fifo".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "posix/pathop.h"

static void enter(void)
{
	const char *dir = getenv("POSIX_RO_DIR");

	if (!dir)
		posix_skip("POSIX_RO_DIR is not set");
	OK(chdir(dir));
}

static void every_call(void)
{
	enter();
	pathops_fail(".", PATHOP_WRITES, EROFS);
}

/* What is wrong anyhow is told first. */
static void other_errors_first(void)
{
	enter();
	for (const struct pathop *op = pathops; op->name; op++) {
		posix_note("%s", op->name);
		FAILS(ENOENT, op->call("absent/x"));
		FAILS(ENOTDIR, op->call("file/x"));
		if (op->flags & PATHOP_CREATES && !(op->flags & PATHOP_EXISTING))
			FAILS(EEXIST, op->call("dir"));
	}
}

static void opening(void)
{
	static const int writing[] = { O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_RDONLY | O_TRUNC, O_WRONLY | O_TRUNC,
		O_RDWR | O_CREAT };
	int fd;

	enter();
	for (size_t i = 0; i < ARRAY_SIZE(writing); i++) {
		posix_note("flags 0%o", (unsigned)writing[i]);
		FAILS(EROFS, open("file", writing[i], 0644));
		FAILS(EROFS, open("link", writing[i], 0644));
	}
	fd = OK(open("file", O_RDONLY | O_CREAT, 0644));
	FAILS(EROFS, fchmod(fd, 0600));
	FAILS(EROFS, fchown(fd, 1, 1));
	FAILS(EROFS, futimens(fd, NULL));
	FAILS(EROFS, fsetxattr(fd, "user.x", "1", 1, 0));
	OK(fsync(fd));
	close(fd);
	fd = OK(open("fifo", O_RDWR));
	EQ(1, write(fd, "x", 1));
	close(fd);
}

static void access_and_reading(void)
{
	struct stat was, is;
	struct statvfs st;
	char c;
	int fd;

	enter();
	FAILS(EROFS, access("file", W_OK));
	FAILS(EROFS, access("dir", W_OK));
	OK(access("fifo", W_OK));
	OK(access("file", R_OK));
	OK(statvfs(".", &st));
	TRUE(st.f_flag & ST_RDONLY);
	fd = OK(open("file", O_RDONLY));
	OK(fstat(fd, &was));
	pause_ms(TICK_MS);
	EQ(1, read(fd, &c, 1));
	OK(fstat(fd, &is));
	EQ(was.st_atim.tv_sec, is.st_atim.tv_sec);
	EQ(was.st_atim.tv_nsec, is.st_atim.tv_nsec);
	FAILS(EACCES, (intptr_t)mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	TRUE(mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	close(fd);
}

const struct posix_case posix_rofs[] = {
	{ "every_call", every_call },
	{ "other_errors_first", other_errors_first },
	{ "opening", opening },
	{ "access_and_reading", access_and_reading },
	{ NULL, NULL },
};
