/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * times.c -- which timestamps each operation changes, and which it leaves alone
 *
 * A table: an operation, and what must change of the file "f", of its directory "d"
 * and of another directory "e".  Everything not named must stay as it was; atimes are in
 * atime.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "posix/posix.h"

enum { A = 1, M = 2, C = 4, MC = M | C };

static int fd_of(int flags)
{
	return open("d/f", flags);
}

/* -- operations on d/f ------------------------------------------------------------- */

static int closing(int fd, bool ok)
{
	close(fd);
	return ok ? 0 : -1;
}

static int do_nothing(void) { return 0; }
static int do_stat(void) { struct stat st; return stat("d/f", &st); }
static int do_access(void) { return access("d/f", R_OK); }
static int do_open(void) { return closing(fd_of(O_RDWR), true); }
static int do_chmod(void) { return chmod("d/f", 0640); }
static int do_chmod_same(void) { return chmod("d/f", 0644); }
static int do_chown(void) { return chown("d/f", ALICE, BOB); }
static int do_chown_same(void) { return chown("d/f", ROOT, ROOT); }
static int do_chown_none(void) { return chown("d/f", (uid_t)-1, (gid_t)-1); }
static int do_link(void) { return link("d/f", "e/g"); }
static int do_link_here(void) { return link("d/f", "d/g"); }
static int do_unlink_other(void) { return unlink("d/h"); }
static int do_rename(void) { return rename("d/f", "d/g") || rename("d/g", "d/f"); }
static int do_rename_away(void) { return rename("d/f", "e/f"); }
static int do_rename_same(void) { return rename("d/f", "d/h"); }
static int do_truncate(void) { return truncate("d/f", 5); }
static int do_truncate_up(void) { return truncate("d/f", 100000); }
static int do_open_trunc(void) { return closing(fd_of(O_WRONLY | O_TRUNC), true); }
static int do_open_creat(void) { int fd = open("d/f", O_CREAT | O_RDWR, 0600); return closing(fd, fd >= 0); }
static int do_setxattr(void) { return setxattr("d/f", "user.x", "1", 1, 0); }
static int do_getxattr(void) { getxattr("d/f", "user.y", NULL, 0); return 0; }
static int do_exec_fail(void) { return access("d/f", X_OK) == -1 ? 0 : -1; }

static int do_ftruncate(void) { int fd = fd_of(O_RDWR); return closing(fd, ftruncate(fd, 4) == 0); }
static int do_ftruncate_same(void) { int fd = fd_of(O_RDWR); return closing(fd, ftruncate(fd, 10) == 0); }
static int do_write(void) { int fd = fd_of(O_RDWR); return closing(fd, write(fd, "x", 1) == 1); }
static int do_append(void) { int fd = fd_of(O_RDWR | O_APPEND); return closing(fd, write(fd, "x", 1) == 1); }
static int do_write_none(void) { int fd = fd_of(O_RDWR); return closing(fd, write(fd, "x", 0) == 0); }
static int do_read_none(void) { char c; int fd = fd_of(O_RDWR); return closing(fd, read(fd, &c, 0) == 0); }
static int do_fsync(void) { int fd = fd_of(O_RDWR); return closing(fd, fsync(fd) == 0); }
static int do_seek(void) { int fd = fd_of(O_RDWR); return closing(fd, lseek(fd, 0, SEEK_END) == 10); }
static int do_fallocate(void) { int fd = fd_of(O_RDWR); return closing(fd, fallocate(fd, 0, 0, 50000) == 0); }
static int do_punch(void)
{
	int fd = fd_of(O_RDWR);

	return closing(fd, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 5) == 0);
}

static int do_noatime_read(void)
{
	int fd = fd_of(O_RDONLY | O_NOATIME);
	char c;

	return closing(fd, read(fd, &c, 1) == 1);
}

static int do_write_fail(void)
{
	int fd = fd_of(O_RDONLY);

	return closing(fd, write(fd, "x", 1) == -1 && errno == EBADF);
}

static int do_copy_into(void)
{
	int in = open("e/x", O_RDONLY), out = fd_of(O_RDWR);
	bool ok = copy_file_range(in, NULL, out, NULL, 5, 0) == 5;

	close(in);
	return closing(out, ok);
}

/* -- operations on d --------------------------------------------------------------------- */

static int do_create(void) { int fd = open("d/n", O_CREAT | O_RDWR, 0644); return closing(fd, fd >= 0); }
static int do_mkdir(void) { return mkdir("d/n", 0755); }
static int do_mkfifo(void) { return mkfifo("d/n", 0644); }
static int do_mknod(void) { return mknod("d/n", S_IFCHR | 0600, makedev(1, 3)); }
static int do_symlink(void) { return symlink("x", "d/n"); }
static int do_rmdir(void) { return rmdir("d/sub"); }
static int do_mkdir_fail(void) { return mkdir("d/f", 0755) == -1 ? 0 : -1; }
static int do_rmdir_fail(void) { return rmdir("d") == -1 ? 0 : -1; }
static int do_unlink_fail(void) { return unlink("d/absent") == -1 ? 0 : -1; }
static int do_link_fail(void) { return link("d/f", "d/h") == -1 ? 0 : -1; }
static int do_chmod_dir(void) { return chmod("d", 0700); }
static int do_move_dir(void) { return rename("d/sub", "e/sub"); }
static int do_rename_over(void) { return rename("d/two", "d/h2"); }
static int do_exchange(void) { return renameat2(AT_FDCWD, "d/f", AT_FDCWD, "e/x", RENAME_EXCHANGE); }
static int do_tmpfile(void) { int fd = open("d", O_TMPFILE | O_RDWR, 0600); return closing(fd, fd >= 0); }
static int do_chdir(void) { return chdir("d") || chdir("..") ? -1 : 0; }

static const struct op {
	const char *name;
	int (*call)(void);
	unsigned f, d, e;	/* what changes */
} ops[] = {
	{ "nothing", do_nothing, 0, 0, 0 },
	{ "stat", do_stat, 0, 0, 0 },
	{ "access", do_access, 0, 0, 0 },
	{ "access, denied", do_exec_fail, 0, 0, 0 },
	{ "open", do_open, 0, 0, 0 },
	{ "open(O_CREAT) of what exists", do_open_creat, 0, 0, 0 },
	{ "chmod", do_chmod, C, 0, 0 },
	{ "chmod to the same", do_chmod_same, C, 0, 0 },
	{ "chown", do_chown, C, 0, 0 },
	{ "chown to the same", do_chown_same, C, 0, 0 },
	{ "chown(-1, -1)", do_chown_none, C, 0, 0 },
	{ "link elsewhere", do_link, C, 0, MC },
	{ "link here", do_link_here, C, MC, 0 },
	{ "unlink of another name", do_unlink_other, C, MC, 0 },
	{ "rename", do_rename, C, MC, 0 },
	{ "rename to another directory", do_rename_away, C, MC, MC },
	{ "rename between links", do_rename_same, 0, 0, 0 },
	{ "truncate", do_truncate, MC, 0, 0 },
	{ "truncate upwards", do_truncate_up, MC, 0, 0 },
	{ "open(O_TRUNC)", do_open_trunc, MC, 0, 0 },
	{ "ftruncate", do_ftruncate, MC, 0, 0 },
	{ "ftruncate to the same", do_ftruncate_same, MC, 0, 0 },
	{ "write", do_write, MC, 0, 0 },
	{ "write, O_APPEND", do_append, MC, 0, 0 },
	{ "write of 0 bytes", do_write_none, 0, 0, 0 },
	{ "write, denied", do_write_fail, 0, 0, 0 },
	{ "read of 0 bytes", do_read_none, 0, 0, 0 },
	{ "read with O_NOATIME", do_noatime_read, 0, 0, 0 },
	{ "fsync", do_fsync, 0, 0, 0 },
	{ "lseek", do_seek, 0, 0, 0 },
	{ "fallocate", do_fallocate, MC, 0, 0 },
	{ "fallocate, punch", do_punch, MC, 0, 0 },
	{ "copy_file_range", do_copy_into, MC, 0, 0 },
	{ "setxattr", do_setxattr, C, 0, 0 },
	{ "getxattr", do_getxattr, 0, 0, 0 },
	{ "open(O_CREAT)", do_create, 0, MC, 0 },
	{ "mkdir", do_mkdir, 0, MC, 0 },
	{ "mkfifo", do_mkfifo, 0, MC, 0 },
	{ "mknod", do_mknod, 0, MC, 0 },
	{ "symlink", do_symlink, 0, MC, 0 },
	{ "rmdir", do_rmdir, 0, MC, 0 },
	{ "mkdir, exists", do_mkdir_fail, 0, 0, 0 },
	{ "rmdir, not empty", do_rmdir_fail, 0, 0, 0 },
	{ "unlink, absent", do_unlink_fail, 0, 0, 0 },
	{ "link, exists", do_link_fail, 0, 0, 0 },
	{ "chmod of the directory", do_chmod_dir, 0, C, 0 },
	{ "rename of a directory", do_move_dir, 0, MC, MC },
	{ "rename over a file", do_rename_over, 0, MC, 0 },
	{ "exchange", do_exchange, C, MC, MC },
	{ "open(O_TMPFILE)", do_tmpfile, 0, 0, 0 },
	{ "chdir", do_chdir, 0, 0, 0 },
};

/* -- the table is tried ---------------------------------------------------------------------- */

static void stage(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("e", 0755));
	make_filled("d/f", 10, 'f');
	OK(link("d/f", "d/h"));
	OK(mkdir("d/sub", 0755));
	make("d/two", 0644);
	make("d/h2", 0644);
	make_filled("e/x", 10, 'x');
}

static void clear(void)
{
	static const char *const names[] = { "d/f", "d/h", "d/g", "d/n", "d/two", "d/h2", "d/sub", "e/f", "e/g",
		"e/x", "e/sub", "d", "e" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		remove(names[i]);
}

static bool moved(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec || a.tv_nsec != b.tv_nsec;
}

static unsigned changed(const struct stat *a, const struct stat *b)
{
	return (moved(a->st_atim, b->st_atim) ? A : 0u) | (moved(a->st_mtim, b->st_mtim) ? M : 0u) |
	       (moved(a->st_ctim, b->st_ctim) ? C : 0u);
}

/* What changed belongs to now: a moment not before the operation, and one for all. */
static void check_moment(const struct stat *was, const struct stat *is, unsigned what)
{
	if (what & C)
		TRUE(is->st_ctim.tv_sec > was->st_ctim.tv_sec ||
		     (is->st_ctim.tv_sec == was->st_ctim.tv_sec && is->st_ctim.tv_nsec > was->st_ctim.tv_nsec));
	if ((what & MC) == MC)
		TRUE(!moved(is->st_mtim, is->st_ctim));
}

static void check_one(const char *what, int fd, const struct stat *was, unsigned want)
{
	struct stat is;

	OK(fstat(fd, &is));
	posix_note("%s", what);
	EQ(want & A, changed(was, &is) & A);
	EQ(want & M, changed(was, &is) & M);
	EQ(want & C, changed(was, &is) & C);
	check_moment(was, &is, want);
}

static void try_op(const struct op *op)
{
	static const char *const names[] = { "d/f", "d", "e" };
	const unsigned want[] = { op->f, op->d, op->e };
	struct stat was[3];
	char what[100];
	int fd[3];

	stage();
	pause_ms(TICK_MS);
	for (int i = 0; i < 3; i++) {
		fd[i] = OK(open(names[i], O_RDONLY));
		OK(fstat(fd[i], &was[i]));
	}
	posix_note("%s", op->name);
	OK(op->call());
	for (int i = 0; i < 3; i++) {
		snprintf(what, sizeof(what), "%s: %s", op->name, names[i]);
		check_one(what, fd[i], &was[i], want[i]);
		close(fd[i]);
	}
	posix_note(NULL);
	clear();
}

static void table(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!posix_excepts(ops[i].name))
			try_op(&ops[i]);
	}
}

/* A name that goes over another takes away its last link: that is a change of its inode. */
static void replaced_inode(void)
{
	struct stat was, is;
	int fd;

	make("a", 0644);
	make("b", 0644);
	OK(link("b", "b2"));
	fd = OK(open("b", O_RDONLY));
	OK(fstat(fd, &was));
	pause_ms(TICK_MS);
	OK(rename("a", "b"));
	OK(fstat(fd, &is));
	EQ(1, is.st_nlink);
	EQ(C, changed(&was, &is));
	was = is;
	pause_ms(TICK_MS);
	OK(unlink("b2"));
	OK(fstat(fd, &is));
	EQ(0, is.st_nlink);
	EQ(C, changed(&was, &is));
	close(fd);
}

/* A new inode has one moment for all, not before the directory's last change. */
static void birth(void)
{
	struct statx st, later;

	make("f", 0644);
	OK(statx(AT_FDCWD, "f", 0, STATX_ALL, &st));
	if (!TRUE(st.stx_mask & STATX_BTIME))
		return;
	EQ(st.stx_btime.tv_sec, st.stx_mtime.tv_sec);
	EQ(st.stx_btime.tv_nsec, st.stx_mtime.tv_nsec);
	pause_ms(TICK_MS);
	OK(chmod("f", 0600));
	OK(truncate("f", 5));
	OK(rename("f", "g"));
	OK(statx(AT_FDCWD, "g", 0, STATX_ALL, &later));
	EQ(st.stx_btime.tv_sec, later.stx_btime.tv_sec);
	EQ(st.stx_btime.tv_nsec, later.stx_btime.tv_nsec);
	TRUE(later.stx_ctime.tv_nsec != st.stx_ctime.tv_nsec || later.stx_ctime.tv_sec != st.stx_ctime.tv_sec);
	OK(mkdir("d", 0755));
	OK(statx(AT_FDCWD, "d", 0, STATX_BTIME, &st));
	TRUE(st.stx_mask & STATX_BTIME);
	OK(symlink("g", "l"));
	OK(statx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st));
	TRUE(st.stx_mask & STATX_BTIME);
	TRUE(st.stx_btime.tv_sec >= later.stx_btime.tv_sec);
}

/* What goes through a FIFO moves its times. */
static void fifo(void)
{
	struct stat was, is;
	char c;
	int fd;

	OK(mkfifo("p", 0644));
	fd = OK(open("p", O_RDWR));
	OK(fstat(fd, &was));
	pause_ms(TICK_MS);
	EQ(1, write(fd, "x", 1));
	OK(fstat(fd, &is));
	EQ(M | C, changed(&was, &is));
	was = is;
	pause_ms(TICK_MS);
	EQ(1, read(fd, &c, 1));
	OK(fstat(fd, &is));
	EQ(A, changed(&was, &is));
	close(fd);
}

static void statx_agrees_with_stat(void)
{
	struct statx x;
	struct stat st;

	make_filled("f", 5000, 'x');
	OK(chown("f", ALICE, BOB));
	OK(stat("f", &st));
	OK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &x));
	EQ(STATX_BASIC_STATS, x.stx_mask & STATX_BASIC_STATS);
	EQ(st.st_ino, x.stx_ino);
	EQ(st.st_mode, x.stx_mode);
	EQ(st.st_nlink, x.stx_nlink);
	EQ(st.st_uid, x.stx_uid);
	EQ(st.st_gid, x.stx_gid);
	EQ(st.st_size, x.stx_size);
	EQ(st.st_blocks, x.stx_blocks);
	EQ(st.st_blksize, x.stx_blksize);
	EQ(major(st.st_dev), x.stx_dev_major);
	EQ(minor(st.st_dev), x.stx_dev_minor);
	EQ(st.st_mtim.tv_nsec, x.stx_mtime.tv_nsec);
	EQ(st.st_ctim.tv_nsec, x.stx_ctime.tv_nsec);
	EQ(st.st_atim.tv_nsec, x.stx_atime.tv_nsec);
	FAILS(EINVAL, statx(AT_FDCWD, "f", 0, 0x80000000u, &x));
	FAILS(EINVAL, statx(AT_FDCWD, "f", 0x40000, STATX_ALL, &x));
}

const struct posix_case posix_times[] = {
	{ "table", table },
	{ "replaced_inode", replaced_inode },
	{ "birth", birth },
	{ "fifo", fifo },
	{ "statx_agrees_with_stat", statx_agrees_with_stat },
	{ NULL, NULL },
};
