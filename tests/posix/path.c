/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * path.c -- what every call says of a path that it cannot walk
 *
 * A table of all calls times each way in which a path can be wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/pathop.h"

/* Calls without all of @flags, and without any of @without, fail with @err. */
static void all_fail(const char *path, int err, unsigned without)
{
	for (const struct pathop *op = pathops; op->name; op++) {
		if (op->flags & without)
			continue;
		posix_note("%s(\"%.40s\")", op->name, path);
		FAILS(err, op->call(path));
	}
}

static void needed_files(void)
{
	make("file", 0644);
	make(PATHOP_OTHER, 0644);
	OK(mkdir("dir", 0755));
}

static void missing_prefix(void)
{
	needed_files();
	OK(symlink("nowhere", "dangling"));
	all_fail("absent/x", ENOENT, 0);
	all_fail("dir/absent/x", ENOENT, 0);
	all_fail("dangling/x", ENOENT, 0);
}

static void missing_name(void)
{
	needed_files();
	OK(symlink("nowhere", "dangling"));
	all_fail("absent", ENOENT, PATHOP_CREATES);
	all_fail("dir/absent", ENOENT, PATHOP_CREATES);
	all_fail("dangling", ENOENT, PATHOP_CREATES | PATHOP_NOFOLLOW);
}

static void empty_path(void)
{
	needed_files();
	all_fail("", ENOENT, 0);
}

static void prefix_is_no_directory(void)
{
	needed_files();
	OK(mkfifo("fifo", 0644));
	OK(symlink("file", "link"));
	all_fail("file/x", ENOTDIR, 0);
	all_fail("fifo/x", ENOTDIR, 0);
	all_fail("link/x", ENOTDIR, 0);
	all_fail("file/..", ENOTDIR, 0);
}

static void slash_behind_a_file(void)
{
	needed_files();
	all_fail("file/", ENOTDIR, PATHOP_CREATES);
	all_fail("file/.", ENOTDIR, 0);
}

static void directory_wanted(void)
{
	needed_files();
	for (const struct pathop *op = pathops; op->name; op++) {
		if (!(op->flags & PATHOP_DIR))
			continue;
		posix_note("%s(\"file\")", op->name);
		FAILS(ENOTDIR, op->call("file"));
	}
}

static void symlink_loop(void)
{
	needed_files();
	OK(symlink("loop", "loop"));
	OK(symlink("pong", "ping"));
	OK(symlink("ping", "pong"));
	all_fail("loop/x", ELOOP, 0);
	all_fail("ping/x", ELOOP, 0);
	all_fail("loop", ELOOP, PATHOP_NOFOLLOW);
}

/* Forty links may be followed, not forty-one. */
static void symlink_chain(void)
{
	char name[16], target[16];

	make("0", 0644);
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "%d", i);
		snprintf(target, sizeof(target), "%d", i - 1);
		OK(symlink(target, name));
	}
	OK(access("40", F_OK));
	FAILS(ELOOP, access("41", F_OK));
	FAILS(ELOOP, open("41", O_RDONLY));
	OK(unlink("41"));
}

static void long_name(void)
{
	char name[NAME_MAX + 2], below[NAME_MAX + 4];

	needed_files();
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(below, sizeof(below), "%s/x", name);
	all_fail(name, ENAMETOOLONG, 0);
	all_fail(below, ENAMETOOLONG, 0);
}

/* 255 bytes are a name like any other. */
static void longest_name(void)
{
	char name[NAME_MAX + 1];

	needed_files();
	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	all_fail(name, ENOENT, PATHOP_CREATES);
	for (const struct pathop *op = pathops; op->name; op++) {
		if (!(op->flags & PATHOP_CREATES))
			continue;
		posix_note("%s, 255 bytes", op->name);
		OK(op->call(name));
		OK(remove(name));
		unlink(PATHOP_OTHER);
		make(PATHOP_OTHER, 0644);
	}
}

/* "./././.../<last>", exactly @len bytes */
static void dotted(char *buf, size_t len, const char *last)
{
	size_t n = len - strlen(last);

	if (n % 2 == 1) {
		buf[0] = '.';
		buf[1] = '/';
		buf[2] = '/';
	}
	for (size_t i = n % 2 ? 3 : 0; i < n; i += 2)
		memcpy(buf + i, "./", 2);
	memcpy(buf + n, last, len - n + 1);
}

static void long_path(void)
{
	char path[PATH_MAX + 8];

	needed_files();
	dotted(path, PATH_MAX, "file");
	all_fail(path, ENAMETOOLONG, 0);
	dotted(path, PATH_MAX + 1, "file");
	all_fail(path, ENAMETOOLONG, 0);
	dotted(path, PATH_MAX - 1, "file");
	EQ(PATH_MAX - 1, strlen(path));
	OK(access(path, F_OK));
	dotted(path, PATH_MAX - 1, "absent");
	all_fail(path, ENOENT, PATHOP_CREATES);
}

static void bad_pointer(void)
{
	volatile uintptr_t nowhere = 8;

	needed_files();
	for (const struct pathop *op = pathops; op->name; op++) {
		posix_note("%s(bad pointer)", op->name);
		FAILS(EFAULT, op->call((const char *)nowhere));
	}
}

static void prefix_not_searchable(void)
{
	needed_files();
	OK(chmod(".", 0777));
	OK(mkdir("locked", 0700));
	make("locked/file", 0666);
	OK(mkdir("locked/dir", 0777));
	as(ALICE, ALICE);
	all_fail("locked/file", EACCES, 0);
	all_fail("locked/dir/x", EACCES, 0);
	all_fail("locked/absent", EACCES, 0);
	as(ROOT, ROOT);
	OK(chmod("locked", 0676));
	as(BOB, ROOT);
	posix_note("group with x");
	OK(access("locked/file", F_OK));
	as(BOB, BOB);
	posix_note("others without x");
	all_fail("locked/file", EACCES, 0);
}

static void parent_not_writable(void)
{
	needed_files();
	OK(chmod(".", 0777));
	OK(mkdir("fixed", 0755));
	make("fixed/file", 0666);
	OK(mkdir("fixed/dir", 0777));
	OK(chown(PATHOP_OTHER, ALICE, ALICE));
	as(ALICE, ALICE);
	pathops_fail("fixed", PATHOP_CREATES | PATHOP_REMOVES, EACCES);
	FAILS(EACCES, open("fixed", O_TMPFILE | O_RDWR, 0600));
}

/* What is there already is found before permissions are asked for. */
static void name_is_taken(void)
{
	needed_files();
	OK(symlink("nowhere", "dangling"));
	OK(mkfifo("fifo", 0644));
	for (const struct pathop *op = pathops; op->name; op++) {
		if (!(op->flags & PATHOP_CREATES) || (op->flags & PATHOP_EXISTING))
			continue;
		posix_note("%s", op->name);
		FAILS(EEXIST, op->call("file"));
		FAILS(EEXIST, op->call("dir"));
		FAILS(EEXIST, op->call("fifo"));
		FAILS(EEXIST, op->call("dangling"));
		FAILS(EEXIST, op->call("."));
		FAILS(EEXIST, op->call(".."));
		FAILS(EEXIST, op->call("/"));
	}
}

/* Only mkdir makes what a slash behind the name asks for. */
static void slash_behind_a_new_name(void)
{
	needed_files();
	FAILS(EISDIR, open("new/", O_CREAT | O_RDWR, 0644));
	FAILS(ENOENT, mknod("new/", S_IFREG | 0644, 0));
	FAILS(ENOENT, mkfifo("new/", 0644));
	FAILS(ENOENT, symlink("x", "new/"));
	FAILS(ENOENT, link("file", "new/"));
	FAILS(ENOTDIR, rename("file", "new/"));
	FAILS(EEXIST, mkdir("file/", 0755));
	OK(mkdir("new/", 0755));
	OK(rename("new/", "newer/"));
	OK(rmdir("newer/"));
}

/* Through a bind mount that may not be written; files are as on any mount. */
static void read_only_mount(void)
{
	needed_files();
	posix_private_mounts();
	OK(mkdir("ro", 0755));
	make("ro/file", 0644);
	make("ro/" PATHOP_OTHER, 0644);
	OK(mkdir("ro/dir", 0755));
	if (mount("ro", "ro", NULL, MS_BIND, NULL))
		posix_skip("bind mounts are not allowed here");
	OK(mount(NULL, "ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	OK(chdir("ro"));
	pathops_fail(".", PATHOP_WRITES, EROFS);
	FAILS(EROFS, open("file", O_WRONLY));
	FAILS(EROFS, open("file", O_RDWR));
	FAILS(EROFS, access("file", W_OK));
	OK(open("file", O_CREAT | O_RDONLY, 0644));
}

/* Between two mounts, even of one filesystem. */
static void across_mounts(void)
{
	needed_files();
	posix_private_mounts();
	OK(mkdir("there", 0755));
	if (mount("there", "there", NULL, MS_BIND, NULL))
		posix_skip("bind mounts are not allowed here");
	FAILS(EXDEV, rename("file", "there/file"));
	FAILS(EXDEV, rename("dir", "there/dir"));
	FAILS(EXDEV, link("file", "there/file"));
	FAILS(EBUSY, rmdir("there"));
	FAILS(EBUSY, rename("there", "elsewhere"));
	FAILS(EXDEV, renameat2(AT_FDCWD, "file", AT_FDCWD, "there/file", RENAME_NOREPLACE));
	FAILS(EXDEV, renameat2(AT_FDCWD, "file", AT_FDCWD, "there/..", RENAME_EXCHANGE));
	OK(umount("there"));
}

const struct posix_case posix_path[] = {
	{ "missing_prefix", missing_prefix },
	{ "missing_name", missing_name },
	{ "empty_path", empty_path },
	{ "prefix_is_no_directory", prefix_is_no_directory },
	{ "slash_behind_a_file", slash_behind_a_file },
	{ "directory_wanted", directory_wanted },
	{ "symlink_loop", symlink_loop },
	{ "symlink_chain", symlink_chain },
	{ "long_name", long_name },
	{ "longest_name", longest_name },
	{ "long_path", long_path },
	{ "bad_pointer", bad_pointer },
	{ "prefix_not_searchable", prefix_not_searchable },
	{ "parent_not_writable", parent_not_writable },
	{ "name_is_taken", name_is_taken },
	{ "slash_behind_a_new_name", slash_behind_a_new_name },
	{ "read_only_mount", read_only_mount },
	{ "across_mounts", across_mounts },
	{ NULL, NULL },
};
