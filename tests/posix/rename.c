/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rename.c -- rename(2) and renameat2(2)
 *
 * A matrix: every type of source onto every type of target, plain, with
 * RENAME_NOREPLACE and with RENAME_EXCHANGE; then what a rename must not tear apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "posix/posix.h"

/* -- the matrix -------------------------------------------------------------------- */

enum kind { NOTHING, FILE_, EMPTY_DIR, FULL_DIR, SYMLINK, DANGLING, FIFO, DEVICE, NR_KINDS };

static const char *const kind_names[] = {
	"nothing", "a file", "an empty directory", "a directory", "a symlink", "a dangling symlink",
	"a fifo", "a device",
};

static void put(enum kind kind, const char *path)
{
	char below[32];

	switch (kind) {
	case FILE_:
		make(path, 0644);
		break;
	case FULL_DIR:
		OK(mkdir(path, 0755));
		snprintf(below, sizeof(below), "%s/entry", path);
		make(below, 0644);
		break;
	case EMPTY_DIR:
		OK(mkdir(path, 0755));
		break;
	case SYMLINK:
		OK(symlink("elsewhere", path));
		break;
	case DANGLING:
		OK(symlink("nowhere", path));
		break;
	case FIFO:
		OK(mkfifo(path, 0644));
		break;
	case DEVICE:
		OK(mknod(path, S_IFCHR | 0644, makedev(1, 3)));
		break;
	default:
		break;
	}
}

static void take_away(const char *path)
{
	char below[32];

	snprintf(below, sizeof(below), "%s/entry", path);
	unlink(below);
	remove(path);
}

static bool is_dir(enum kind k)
{
	return k == EMPTY_DIR || k == FULL_DIR;
}

static int expected(enum kind from, enum kind to, unsigned flags)
{
	if (from == NOTHING)
		return ENOENT;
	if (flags == RENAME_EXCHANGE)
		return to == NOTHING ? ENOENT : 0;
	if (to == NOTHING)
		return 0;
	if (flags == RENAME_NOREPLACE)
		return EEXIST;
	if (is_dir(from) && !is_dir(to))
		return ENOTDIR;
	if (!is_dir(from) && is_dir(to))
		return EISDIR;
	return to == FULL_DIR ? ENOTEMPTY : 0;
}

static ino_t ino_or_0(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_ino;
}

/* Both inodes are where they belong afterwards, whether it succeeded or not. */
static void check_places(const char *src, const char *dst, const ino_t was[2], int err, unsigned flags)
{
	ino_t want_src = was[0], want_dst = was[1];

	if (!err) {
		want_src = flags == RENAME_EXCHANGE ? was[1] : 0;
		want_dst = was[0];
	}
	EQ(want_src, ino_or_0(src));
	EQ(want_dst, ino_or_0(dst));
}

static void one_pair(enum kind from, enum kind to, unsigned flags, const char *dst)
{
	int err = expected(from, to, flags);
	ino_t was[2];

	posix_note("%s onto %s, flags %u, %s", kind_names[from], kind_names[to], flags, dst);
	put(from, "src");
	put(to, dst);
	was[0] = ino_or_0("src");
	was[1] = ino_or_0(dst);
	GIVES(err, renameat2(AT_FDCWD, "src", AT_FDCWD, dst, flags));
	check_places("src", dst, was, err, flags);
	take_away("src");
	take_away(dst);
}

static void matrix(unsigned flags, const char *dst)
{
	OK(mkdir("there", 0755));
	make("elsewhere", 0644);
	for (enum kind from = NOTHING; from < NR_KINDS; from++) {
		for (enum kind to = NOTHING; to < NR_KINDS; to++)
			one_pair(from, to, flags, dst);
	}
	EQ(2, nlink_of("there"));
	EQ(3, nlink_of("."));
}

static void plain(void) { matrix(0, "dst"); }
static void plain_across(void) { matrix(0, "there/dst"); }
static void noreplace(void) { matrix(RENAME_NOREPLACE, "dst"); }
static void noreplace_across(void) { matrix(RENAME_NOREPLACE, "there/dst"); }
static void exchange(void) { matrix(RENAME_EXCHANGE, "dst"); }
static void exchange_across(void) { matrix(RENAME_EXCHANGE, "there/dst"); }

/* -- special cases --------------------------------------------------------------------- */

static void bad_flags(void)
{
	make("a", 0644);
	make("b", 0644);
	FAILS(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE | RENAME_EXCHANGE));
	FAILS(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 0x100));
	FAILS(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_WHITEOUT | RENAME_EXCHANGE));
}

/* What RENAME_WHITEOUT leaves: a device that nobody has. */
static void is_whiteout(const char *path, ino_t not)
{
	struct stat st;

	OK(lstat(path, &st));
	EQ(S_IFCHR, st.st_mode);
	EQ(makedev(0, 0), st.st_rdev);
	EQ(1, st.st_nlink);
	TRUE(st.st_ino != not);
}

static void whiteout_of(const char *src, const char *dst)
{
	ino_t ino = ino_of(src);

	OK(renameat2(AT_FDCWD, src, AT_FDCWD, dst, RENAME_WHITEOUT));
	EQ(ino, ino_of(dst));
	is_whiteout(src, ino);
}

static void whiteout(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("sub", 0755));
	make("sub/inside", 0644);
	make("a", 0644);
	make("over", 0644);
	FAILS(EEXIST, renameat2(AT_FDCWD, "a", AT_FDCWD, "over", RENAME_WHITEOUT | RENAME_NOREPLACE));
	FAILS(ENOENT, renameat2(AT_FDCWD, "absent", AT_FDCWD, "b", RENAME_WHITEOUT));
	FAILS(ENOENT, access("b", F_OK));
	FAILS(EISDIR, renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_WHITEOUT));
	whiteout_of("a", "b");
	whiteout_of("b", "over");
	whiteout_of("over", "d/moved");
	whiteout_of("sub", "d/sub");
	EQ(3, nlink_of("d"));
	OK(access("d/sub/inside", F_OK));
	FAILS(ENXIO, open("sub", O_RDONLY));
	OK(rename("d/moved", "a"));
	EQ(S_IFREG | 0644, mode_of("a"));
	OK(unlink("b"));
	OK(rename("over", "c"));
	is_whiteout("c", 0);
	OK(unlink("c"));
	FAILS(ENOTDIR, rename("d/sub", "sub"));
	OK(unlink("sub"));
	OK(rename("d/sub", "sub"));
	OK(rmdir("d"));
	make("one", 0644);
	OK(link("one", "two"));
	OK(renameat2(AT_FDCWD, "one", AT_FDCWD, "two", RENAME_WHITEOUT));
	EQ(2, nlink_of("one"));
}

static void onto_itself(void)
{
	make("a", 0644);
	OK(link("a", "b"));
	OK(mkdir("d", 0755));
	OK(rename("a", "a"));
	OK(rename("d", "d"));
	OK(rename("a", "b"));
	EQ(ino_of("a"), ino_of("b"));
	EQ(2, nlink_of("a"));
	FAILS(EEXIST, renameat2(AT_FDCWD, "a", AT_FDCWD, "a", RENAME_NOREPLACE));
	FAILS(EEXIST, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
	OK(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
	OK(renameat2(AT_FDCWD, "d", AT_FDCWD, "d", RENAME_EXCHANGE));
	EQ(2, nlink_of("b"));
}

static void into_itself(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("d/e", 0755));
	OK(mkdir("d/e/f", 0755));
	FAILS(EINVAL, rename("d", "d/x"));
	FAILS(EINVAL, rename("d", "d/e/x"));
	FAILS(EINVAL, rename("d", "d/e/f"));
	FAILS(EINVAL, rename("d/e", "d/e/f/x"));
	FAILS(ENOTEMPTY, rename("d/e/f", "d"));
	FAILS(ENOTEMPTY, rename("d/e", "d"));
	FAILS(EINVAL, renameat2(AT_FDCWD, "d", AT_FDCWD, "d/e/f", RENAME_EXCHANGE));
	FAILS(EINVAL, renameat2(AT_FDCWD, "d/e/f", AT_FDCWD, "d", RENAME_EXCHANGE));
}

static void dots(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("d/e", 0755));
	FAILS(EBUSY, rename("d/.", "x"));
	FAILS(EBUSY, rename("d/e/..", "x"));
	FAILS(EBUSY, rename("d", "d/."));
	FAILS(EBUSY, rename("d", "d/e/.."));
	FAILS(EBUSY, rename(".", "x"));
	FAILS(EBUSY, rename("d", "."));
}

/* A symbolic link itself is moved, and replaced, never what it points to. */
static void symlinks(void)
{
	make("target", 0644);
	OK(mkdir("dir", 0755));
	OK(symlink("target", "link"));
	OK(symlink("dir", "dirlink"));
	make("file", 0600);
	OK(rename("link", "moved"));
	EQ(S_IFLNK | 0777, mode_of("moved"));
	OK(rename("file", "moved"));
	EQ(S_IFREG | 0600, mode_of("moved"));
	EQ(S_IFREG | 0644, mode_of("target"));
	OK(mkdir("d2", 0755));
	FAILS(ENOTDIR, rename("d2", "dirlink"));
	FAILS(ENOTDIR, rename("d2", "dirlink/"));
	OK(rename("dirlink", "dl2"));
	FAILS(ENOTDIR, rename("dl2/", "x"));
	EQ(S_IFDIR | 0755, mode_of("dir"));
}

/* A directory takes its contents along, and ".." follows. */
static void whole_trees(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(mkdir("a/d", 0755));
	make_filled("a/d/f", 100, 'x');
	OK(mkdir("a/d/sub", 0755));
	int fd = OK(open("a/d/f", O_RDONLY)), dir = OK(open("a/d", O_RDONLY | O_DIRECTORY));

	OK(rename("a/d", "b/e"));
	EQ(100, size_of("b/e/f"));
	FAILS(ENOENT, access("a/d", F_OK));
	EQ(ino_of("b"), ino_of("b/e/.."));
	EQ(2, nlink_of("a"));
	EQ(3, nlink_of("b"));
	TRUE(filled_with(fd, 0, 100, 'x'));
	OK(faccessat(dir, "f", F_OK, 0));
	OK(faccessat(dir, "../e", F_OK, 0));
	FAILS(ENOENT, faccessat(dir, "../d", F_OK, 0));
	OK(rename("b", "a/b"));
	EQ(ino_of("a"), ino_of("a/b/.."));
	EQ(100, size_of("a/b/e/f"));
	close(fd);
	close(dir);
}

/* Whoever has the replaced file open keeps it. */
static void replaced_open_file(void)
{
	struct stat st;
	int fd;

	make_filled("old", 50, 'o');
	make_filled("new", 60, 'n');
	fd = OK(open("old", O_RDWR));
	OK(rename("new", "old"));
	TRUE(filled_with(fd, 0, 50, 'o'));
	OK(fstat(fd, &st));
	EQ(0, st.st_nlink);
	EQ(50, st.st_size);
	EQ(60, size_of("old"));
	FAILS(ENOENT, access("new", F_OK));
	close(fd);
}

static void replaced_directory(void)
{
	struct stat st;
	int fd;

	OK(mkdir("a", 0755));
	make("a/x", 0644);
	OK(mkdir("b", 0755));
	fd = OK(open("b", O_RDONLY | O_DIRECTORY));
	OK(rename("a", "b"));
	OK(fstat(fd, &st));
	EQ(0, st.st_nlink);
	FAILS(ENOENT, openat(fd, "new", O_CREAT | O_RDWR, 0644));
	OK(access("b/x", F_OK));
	EQ(3, nlink_of("."));
	close(fd);
}

/* -- races ---------------------------------------------------------------------------------- */

#define ROUNDS	2000

/* A name that is replaced again and again is there at every moment, whole. */
static void name_never_missing(void)
{
	_Atomic int *stop = posix_shared(sizeof(*stop));
	unsigned missing = 0, odd = 0;
	pid_t pid;

	make_filled("name", 10, 'x');
	pid = posix_fork();
	if (pid == 0) {
		for (int i = 0; i < ROUNDS / 4; i++) {
			make_filled("tmp", 10, 'x');
			OK(rename("tmp", "name"));
		}
		*stop = 1;
		posix_exit();
	}
	while (!*stop) {
		struct stat st;

		if (stat("name", &st))
			missing++;
		else if (st.st_size != 10)
			odd++;
	}
	posix_join(pid);
	EQ(0, missing);
	EQ(0, odd);
}

static void count_both(unsigned *bad)
{
	bool a = access("a", F_OK) == 0, b = access("b", F_OK) == 0;

	if (!a || !b)
		(*bad)++;
}

static void exchange_never_missing(void)
{
	_Atomic int *stop = posix_shared(sizeof(*stop));
	unsigned bad = 0;
	pid_t pid;

	make("a", 0644);
	OK(mkdir("b", 0755));
	pid = posix_fork();
	if (pid == 0) {
		for (int i = 0; i < ROUNDS; i++) {
			if (renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE))
				OK(-1);
		}
		*stop = 1;
		posix_exit();
	}
	while (!*stop)
		count_both(&bad);
	posix_join(pid);
	EQ(0, bad);
	EQ(3, nlink_of("."));
}

/* Two directories that each process wants inside the other: no loop may come of it. */
static void crossing_directories(void)
{
	pid_t pid;

	OK(mkdir("p", 0755));
	OK(mkdir("q", 0755));
	OK(mkdir("p/a", 0755));
	OK(mkdir("q/b", 0755));
	pid = posix_fork();
	for (int i = 0; i < ROUNDS / 4; i++) {
		if (pid == 0) {
			rename("p/a", "q/b/a");
			rename("q/b/a", "p/a");
		} else {
			rename("q/b", "p/a/b");
			rename("p/a/b", "q/b");
		}
	}
	if (pid == 0)
		posix_exit();
	posix_join(pid);
	EQ(ino_of("p"), ino_of("p/a/.."));
	EQ(ino_of("q"), ino_of("q/b/.."));
	EQ(3, nlink_of("p"));
	EQ(3, nlink_of("q"));
	EQ(2, nlink_of("p/a"));
}

const struct posix_case posix_rename[] = {
	{ "plain", plain },
	{ "plain_across", plain_across },
	{ "noreplace", noreplace },
	{ "noreplace_across", noreplace_across },
	{ "exchange", exchange },
	{ "exchange_across", exchange_across },
	{ "bad_flags", bad_flags },
	{ "whiteout", whiteout },
	{ "onto_itself", onto_itself },
	{ "into_itself", into_itself },
	{ "dots", dots },
	{ "symlinks", symlinks },
	{ "whole_trees", whole_trees },
	{ "replaced_open_file", replaced_open_file },
	{ "replaced_directory", replaced_directory },
	{ "name_never_missing", name_never_missing },
	{ "exchange_never_missing", exchange_never_missing },
	{ "crossing_directories", crossing_directories },
	{ NULL, NULL },
};
