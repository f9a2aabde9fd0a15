/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pathop.c -- every system call that takes a path, as a function of that path
 */
#include "posix/pathop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int closed(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

static int op_access(const char *p) { return access(p, F_OK); }
static int op_faccessat(const char *p) { return faccessat(AT_FDCWD, p, F_OK, AT_EACCESS); }
static int op_chdir(const char *p) { return chdir(p); }
static int op_chmod(const char *p) { return chmod(p, 0644); }
static int op_chown(const char *p) { return chown(p, (uid_t)-1, (gid_t)-1); }
static int op_lchown(const char *p) { return lchown(p, (uid_t)-1, (gid_t)-1); }
static int op_link_from(const char *p) { return link(p, PATHOP_MOVED); }
static int op_link_to(const char *p) { return link(PATHOP_OTHER, p); }
static int op_lstat(const char *p) { struct stat st; return lstat(p, &st); }
static int op_stat(const char *p) { struct stat st; return stat(p, &st); }
static int op_mkdir(const char *p) { return mkdir(p, 0755); }
static int op_mkfifo(const char *p) { return mkfifo(p, 0644); }
static int op_mknod(const char *p) { return mknod(p, S_IFREG | 0644, 0); }
static int op_open(const char *p) { return closed(open(p, O_RDONLY | O_NONBLOCK)); }
static int op_open_path(const char *p) { return closed(open(p, O_PATH | O_NOFOLLOW)); }
static int op_create(const char *p) { return closed(open(p, O_CREAT | O_RDONLY | O_NONBLOCK, 0644)); }
static int op_create_excl(const char *p) { return closed(open(p, O_CREAT | O_EXCL | O_RDWR, 0644)); }
static int op_opendir(const char *p) { return closed(open(p, O_RDONLY | O_DIRECTORY)); }
static int op_tmpfile(const char *p) { return closed(open(p, O_TMPFILE | O_RDWR, 0600)); }
static int op_readlink(const char *p) { char b[8]; return readlink(p, b, sizeof(b)) < 0 ? -1 : 0; }
static int op_rename_from(const char *p) { return rename(p, PATHOP_MOVED); }
static int op_rename_to(const char *p) { return rename(PATHOP_OTHER, p); }
static int op_exchange_from(const char *p) { return renameat2(AT_FDCWD, p, AT_FDCWD, PATHOP_OTHER, RENAME_EXCHANGE); }
static int op_exchange_to(const char *p) { return renameat2(AT_FDCWD, PATHOP_OTHER, AT_FDCWD, p, RENAME_EXCHANGE); }
static int op_rmdir(const char *p) { return rmdir(p); }
static int op_unlink(const char *p) { return unlink(p); }
static int op_remove_at(const char *p) { return unlinkat(AT_FDCWD, p, AT_REMOVEDIR); }
static int op_statvfs(const char *p) { struct statvfs st; return statvfs(p, &st); }
static int op_statx(const char *p) { struct statx st; return statx(AT_FDCWD, p, 0, STATX_ALL, &st); }
static int op_symlink(const char *p) { return symlink("target", p); }
static int op_truncate(const char *p) { return truncate(p, 0); }
static int op_utimens(const char *p) { return utimensat(AT_FDCWD, p, NULL, 0); }
static int op_lutimens(const char *p) { return utimensat(AT_FDCWD, p, NULL, AT_SYMLINK_NOFOLLOW); }
static int op_listxattr(const char *p) { return listxattr(p, NULL, 0) < 0 ? -1 : 0; }
static int op_llistxattr(const char *p) { return llistxattr(p, NULL, 0) < 0 ? -1 : 0; }

static int op_handle(const char *p)
{
	struct { struct file_handle h; unsigned char room[MAX_HANDLE_SZ]; } u;
	int id;

	u.h.handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(AT_FDCWD, p, &u.h, &id, 0);
}

static int op_exec(const char *p)
{
	char *const none[] = { NULL };

	return execve(p, none, none);
}

enum { MAKES = PATHOP_CREATES | PATHOP_WRITES | PATHOP_NOFOLLOW,
       TAKES = PATHOP_REMOVES | PATHOP_WRITES | PATHOP_NOFOLLOW };

const struct pathop pathops[] = {
	{ "access", op_access, 0 },
	{ "faccessat", op_faccessat, 0 },
	{ "chdir", op_chdir, PATHOP_DIR },
	{ "chmod", op_chmod, PATHOP_WRITES | PATHOP_OWNER },
	{ "chown", op_chown, PATHOP_WRITES },
	{ "lchown", op_lchown, PATHOP_WRITES | PATHOP_NOFOLLOW },
	{ "link(path, ...)", op_link_from, PATHOP_NOFOLLOW | PATHOP_WRITES },
	{ "link(..., path)", op_link_to, MAKES },
	{ "lstat", op_lstat, PATHOP_NOFOLLOW },
	{ "stat", op_stat, 0 },
	{ "mkdir", op_mkdir, MAKES },
	{ "mkfifo", op_mkfifo, MAKES },
	{ "mknod", op_mknod, MAKES },
	{ "open", op_open, 0 },
	{ "open(O_PATH)", op_open_path, PATHOP_NOFOLLOW },
	{ "open(O_CREAT)", op_create, PATHOP_CREATES | PATHOP_WRITES | PATHOP_EXISTING },
	{ "open(O_EXCL)", op_create_excl, MAKES },
	{ "open(O_DIRECTORY)", op_opendir, PATHOP_DIR },
	{ "open(O_TMPFILE)", op_tmpfile, PATHOP_DIR | PATHOP_WRITES },
	{ "readlink", op_readlink, PATHOP_NOFOLLOW },
	{ "rename(path, ...)", op_rename_from, TAKES },
	{ "rename(..., path)", op_rename_to, MAKES | PATHOP_EXISTING },
	{ "exchange(path, ...)", op_exchange_from, TAKES },
	{ "exchange(..., path)", op_exchange_to, TAKES },
	{ "rmdir", op_rmdir, TAKES | PATHOP_DIR },
	{ "unlink", op_unlink, TAKES },
	{ "unlinkat(AT_REMOVEDIR)", op_remove_at, TAKES | PATHOP_DIR },
	{ "statvfs", op_statvfs, 0 },
	{ "statx", op_statx, 0 },
	{ "symlink", op_symlink, MAKES },
	{ "truncate", op_truncate, PATHOP_WRITES },
	{ "utimensat", op_utimens, PATHOP_WRITES },
	{ "utimensat(AT_SYMLINK_NOFOLLOW)", op_lutimens, PATHOP_WRITES | PATHOP_NOFOLLOW },
	{ "listxattr", op_listxattr, 0 },
	{ "llistxattr", op_llistxattr, PATHOP_NOFOLLOW },
	{ "name_to_handle_at", op_handle, PATHOP_NOFOLLOW },
	{ "execve", op_exec, 0 },
	{ NULL, NULL, 0 },
};

/* What a call that must fail is tried on. */
static const char *victim_of(const struct pathop *op)
{
	if (op->flags & PATHOP_CREATES)
		return "absent";
	return op->flags & PATHOP_DIR ? "dir" : "file";
}

void pathops_fail(const char *dir, unsigned flags, int err)
{
	char path[64];

	for (const struct pathop *op = pathops; op->name; op++) {
		if (!(op->flags & flags))
			continue;
		posix_note("%s", op->name);
		snprintf(path, sizeof(path), "%s/%s", dir, victim_of(op));
		FAILS(err, op->call(path));
	}
}
