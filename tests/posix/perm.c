/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perm.c -- who may do what: users x modes x operations
 *
 * What is expected follows from the mode bits of the class that the user falls into:
 * owner, else group, else others; and root may do nearly everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/posix.h"

enum class { OWNER, GROUP, OTHERS, SUPERUSER };

static const struct who {
	const char *name;
	uid_t uid;
	gid_t gid, extra;
	enum class class;
} users[] = {
	{ "owner", ALICE, ALICE, ALICE, OWNER },
	{ "owner, of another group", ALICE, CAROL, CAROL, OWNER },
	{ "group member", BOB, ALICE, BOB, GROUP },
	{ "supplementary group member", BOB, BOB, ALICE, GROUP },
	{ "another user", CAROL, CAROL, CAROL, OTHERS },
	{ "root", ROOT, ROOT, ROOT, SUPERUSER },
};

static void become(const struct who *w)
{
	as_with(w->uid, w->gid, w->extra);
}

/* The bits rwx of @mode that count for @w. */
static unsigned rights(const struct who *w, mode_t mode)
{
	static const unsigned shift[] = { [OWNER] = 6, [GROUP] = 3, [OTHERS] = 0 };

	return w->class == SUPERUSER ? 7 : mode >> shift[w->class] & 7;
}

/* All bits for one class; the other two get the contrary, so that a mix-up shows. */
static mode_t mode_for(const struct who *w, unsigned bits)
{
	unsigned no = ~bits & 7;

	switch (w->class) {
	case OWNER:
		return bits << 6 | no << 3 | no;
	case GROUP:
		return no << 6 | bits << 3 | no;
	default:
		return no << 6 | no << 3 | bits;
	}
}

typedef void check_fn(const char *path, mode_t mode, const struct who *w);

/* @check for each user and each of the eight rights of its class, on @path of ALICE. */
static void matrix(const char *path, check_fn *check)
{
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		for (unsigned bits = 0; bits < 8; bits++) {
			mode_t mode = mode_for(&users[i], bits);

			as(ROOT, ROOT);
			OK(chmod(path, mode));
			become(&users[i]);
			posix_note("%s, mode 0%03o", users[i].name, mode);
			check(path, mode, &users[i]);
		}
	}
	as(ROOT, ROOT);
}

static int open_close(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	return fd < 0 ? -1 : close(fd);
}

static int unless(bool allowed)
{
	return allowed ? 0 : EACCES;
}

/* -- a file ---------------------------------------------------------------------- */

static void check_file(const char *path, mode_t mode, const struct who *w)
{
	unsigned r = rights(w, mode);
	bool can_x = w->class == SUPERUSER ? mode & 0111 : r & 1;
	static const struct { int flags; unsigned need; } opens[] = {
		{ O_RDONLY, 4 }, { O_WRONLY, 2 }, { O_RDWR, 6 }, { O_WRONLY | O_TRUNC, 2 },
		{ O_RDONLY | O_CREAT, 4 }, { O_WRONLY | O_APPEND, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(opens); i++)
		GIVES(unless((r & opens[i].need) == opens[i].need), open_close(path, opens[i].flags));
	GIVES(unless(r & 2), truncate(path, 0));
	for (int want = 1; want < 8; want++) {
		bool allowed = (r & (unsigned)want & 6u) == ((unsigned)want & 6u) && (!(want & X_OK) || can_x);

		GIVES(unless(allowed), access(path, want));
		GIVES(unless(allowed), faccessat(AT_FDCWD, path, want, AT_EACCESS));
	}
	OK(access(path, F_OK));
}

static void file_rights(void)
{
	make("file", 0);
	OK(chown("file", ALICE, ALICE));
	matrix("file", check_file);
}

static void check_run(const char *path, mode_t mode, const struct who *w)
{
	bool can_x = w->class == SUPERUSER ? mode & 0111 : rights(w, mode) & 1;
	char *const none[] = { NULL };

	/* An executable file of no format: ENOEXEC says that permission was given. */
	FAILS(can_x ? ENOEXEC : EACCES, execve(path, none, none));
}

static void execution(void)
{
	make_filled("program", 100, 'x');
	OK(chown("program", ALICE, ALICE));
	matrix("program", check_run);
	OK(chmod("program", 0666));
	posix_note("root, no x for anybody");
	check_run("program", 0666, &users[5]);
}

static void check_fifo(const char *path, mode_t mode, const struct who *w)
{
	unsigned r = rights(w, mode);

	GIVES(unless(r & 4), open_close(path, O_RDONLY | O_NONBLOCK));
	GIVES(r & 2 ? ENXIO : EACCES, open_close(path, O_WRONLY | O_NONBLOCK));
	GIVES(unless((r & 6) == 6), open_close(path, O_RDWR | O_NONBLOCK));
}

static void fifo_rights(void)
{
	OK(mkfifo("fifo", 0));
	OK(chown("fifo", ALICE, ALICE));
	matrix("fifo", check_fifo);
}

/* -- a directory -------------------------------------------------------------------- */

static void check_search(const char *path, mode_t mode, const struct who *w)
{
	unsigned r = rights(w, mode);

	GIVES(unless(r & 1), access("dir/file", F_OK));
	GIVES(unless(r & 1), open_close("dir/file", O_RDWR));
	GIVES(r & 1 ? ENOENT : EACCES, access("dir/absent", F_OK));
	GIVES(unless(r & 1), access("dir/sub/below", F_OK));
	GIVES(unless(r & 4), open_close(path, O_RDONLY | O_DIRECTORY));
	FAILS(EISDIR, open_close(path, O_RDWR));
	GIVES(unless(r & 1), chdir(path));
	if (r & 1)
		OK(chdir(".."));
}

static void directory_search(void)
{
	OK(mkdir("dir", 0777));
	OK(mkdir("dir/sub", 0777));
	make("dir/file", 0666);
	make("dir/sub/below", 0666);
	OK(chown("dir", ALICE, ALICE));
	matrix("dir", check_search);
}

static void change_denied(void)
{
	FAILS(EACCES, mknod("dir/new", S_IFREG | 0666, 0));
	FAILS(EACCES, open_close("dir/new", O_CREAT | O_RDWR));
	FAILS(EACCES, mkdir("dir/new", 0777));
	FAILS(EACCES, symlink("x", "dir/new"));
	FAILS(EACCES, mkfifo("dir/new", 0666));
	FAILS(EACCES, open_close("dir", O_TMPFILE | O_RDWR));
	FAILS(EACCES, rename("dir/file", "dir/moved"));
	FAILS(EACCES, rename("dir/fifo", "fifo"));
	FAILS(EACCES, unlink("dir/file"));
	FAILS(EACCES, unlink("dir/link"));
	FAILS(EACCES, rmdir("dir/sub"));
}

static void change_allowed(void)
{
	OK(mknod("dir/new", S_IFREG | 0666, 0));
	OK(rename("dir/new", "dir/newer"));
	OK(unlink("dir/newer"));
	OK(open_close("dir/new", O_CREAT | O_RDWR));
	OK(unlink("dir/new"));
	OK(mkdir("dir/new", 0777));
	OK(rmdir("dir/new"));
	OK(symlink("x", "dir/new"));
	OK(unlink("dir/new"));
	OK(mkfifo("dir/new", 0666));
	OK(unlink("dir/new"));
	OK(open_close("dir", O_TMPFILE | O_RDWR));
}

static void check_change(const char *path, mode_t mode, const struct who *w)
{
	(void)path;
	if ((rights(w, mode) & 3) == 3)
		change_allowed();
	else
		change_denied();
}

static void directory_change(void)
{
	OK(chmod(".", 0777));
	OK(mkdir("dir", 0777));
	OK(mkdir("dir/sub", 0777));
	make("dir/file", 0666);
	OK(symlink("x", "dir/link"));
	OK(mkfifo("dir/fifo", 0666));
	OK(chown("dir", ALICE, ALICE));
	matrix("dir", check_change);
}

/* Names may go from one directory to another only if both may be changed. */
static void check_move(const char *path, mode_t mode, const struct who *w)
{
	int want = unless((rights(w, mode) & 3) == 3);

	(void)path;
	GIVES(want, rename("free/mine", "dir/mine"));
	GIVES(want, renameat2(AT_FDCWD, "free/other", AT_FDCWD, want ? "dir/fixed" : "dir/mine",
			      RENAME_EXCHANGE));
	if (want)
		return;
	OK(renameat2(AT_FDCWD, "free/other", AT_FDCWD, "dir/mine", RENAME_EXCHANGE));
	OK(rename("dir/mine", "free/mine"));
}

static void between_directories(void)
{
	OK(mkdir("dir", 0777));
	OK(mkdir("free", 0777));
	make("free/mine", 0666);
	make("free/other", 0666);
	make("dir/fixed", 0666);
	OK(chown("dir", ALICE, ALICE));
	matrix("dir", check_move);
}

/* A directory that moves gets another "..": its owner must be able to write it. */
static void moving_a_directory(void)
{
	OK(mkdir("a", 0777));
	OK(mkdir("b", 0777));
	OK(mkdir("a/d", 0755));
	as(ALICE, ALICE);
	FAILS(EACCES, rename("a/d", "b/d"));
	OK(rename("a/d", "a/e"));
	as(ROOT, ROOT);
	OK(chmod("a/e", 0777));
	as(ALICE, ALICE);
	OK(rename("a/e", "b/e"));
}

/* -- the sticky bit --------------------------------------------------------------------- */

/* Who may take a name out of a directory that is writable by all. */
static void sticky_case(mode_t dir_mode, uid_t dir_owner, uid_t file_owner, uid_t user)
{
	bool allowed = !(dir_mode & S_ISVTX) || user == ROOT || user == dir_owner || user == file_owner;
	int want = allowed ? 0 : EPERM;

	as(ROOT, ROOT);
	OK(mkdir("s", 0777));
	make("s/file", 0666);
	make("s/file2", 0666);
	OK(mkdir("s/dir", 0777));
	OK(chown("s/file", file_owner, file_owner));
	OK(chown("s/file2", file_owner, file_owner));
	OK(chown("s/dir", file_owner, file_owner));
	OK(chown("s", dir_owner, dir_owner));
	OK(chmod("s", dir_mode));
	as(user, user);
	make("mine", 0666);
	posix_note("directory 0%o of %u, file of %u, by %u", dir_mode, dir_owner, file_owner, user);
	GIVES(want, rename("s/file", "s/moved"));
	GIVES(want, rename("mine", "s/file2"));
	GIVES(want, unlink(allowed ? "s/file2" : "s/file"));
	GIVES(want, rmdir("s/dir"));
	OK(mknod("s/added", S_IFREG | 0600, 0));
	as(ROOT, ROOT);
	OK(unlink("s/added"));
	unlink("mine");
	unlink("s/file");
	unlink("s/file2");
	unlink("s/moved");
	rmdir("s/dir");
	OK(rmdir("s"));
}

static void sticky(void)
{
	static const uid_t who[] = { ROOT, ALICE, BOB };

	OK(chmod(".", 0777));
	for (unsigned i = 0; i < 27; i++)
		sticky_case(01777, who[i / 9], who[i / 3 % 3], who[i % 3]);
	sticky_case(0777, ALICE, ALICE, BOB);
	sticky_case(0777, ROOT, ROOT, BOB);
}

/* A directory that another user owns: no exchange, no move of it, in a sticky one. */
static void sticky_exchange(void)
{
	OK(mkdir("s", 01777));
	make("s/alice", 0666);
	OK(chown("s/alice", ALICE, ALICE));
	make("s/bob", 0666);
	OK(chown("s/bob", BOB, BOB));
	as(BOB, BOB);
	FAILS(EPERM, renameat2(AT_FDCWD, "s/alice", AT_FDCWD, "s/bob", RENAME_EXCHANGE));
	FAILS(EPERM, renameat2(AT_FDCWD, "s/bob", AT_FDCWD, "s/alice", RENAME_EXCHANGE));
	FAILS(EPERM, rename("s/bob", "s/alice"));
	OK(rename("s/bob", "s/bob2"));
	as(ROOT, ROOT);
	OK(renameat2(AT_FDCWD, "s/alice", AT_FDCWD, "s/bob2", RENAME_EXCHANGE));
}

/* access(2) asks for the real user, faccessat(AT_EACCESS) and open(2) for the effective one. */
static void real_and_effective(void)
{
	make("file", 0600);
	OK(chown("file", ALICE, ALICE));
	OK(setresuid(BOB, ALICE, ROOT));
	FAILS(EACCES, access("file", R_OK));
	OK(faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS));
	OK(open_close("file", O_RDWR));
	OK(setresuid(ROOT, ROOT, ROOT));
	OK(setresuid(ALICE, BOB, ROOT));
	OK(access("file", R_OK));
	FAILS(EACCES, faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS));
	FAILS(EACCES, open_close("file", O_RDWR));
	OK(setresuid(ROOT, ROOT, ROOT));
	FAILS(EINVAL, faccessat(AT_FDCWD, "file", 8, 0));
	FAILS(EINVAL, faccessat(AT_FDCWD, "file", R_OK, 0x10000));
}

/* Rights are looked at when a file is opened, not afterwards. */
static void rights_of_open_files(void)
{
	char c = 'x';
	int fd;

	make("file", 0600);
	OK(chown("file", ALICE, ALICE));
	as(ALICE, ALICE);
	fd = OK(open("file", O_RDWR));
	OK(fchmod(fd, 0));
	EQ(1, write(fd, &c, 1));
	EQ(1, pread(fd, &c, 1, 0));
	OK(ftruncate(fd, 100));
	FAILS(EACCES, open("file", O_RDONLY));
	FAILS(EACCES, truncate("file", 0));
	close(fd);
}

const struct posix_case posix_perm[] = {
	{ "file_rights", file_rights },
	{ "execution", execution },
	{ "fifo_rights", fifo_rights },
	{ "directory_search", directory_search },
	{ "directory_change", directory_change },
	{ "between_directories", between_directories },
	{ "moving_a_directory", moving_a_directory },
	{ "sticky", sticky },
	{ "sticky_exchange", sticky_exchange },
	{ "real_and_effective", real_and_effective },
	{ "rights_of_open_files", rights_of_open_files },
	{ NULL, NULL },
};
