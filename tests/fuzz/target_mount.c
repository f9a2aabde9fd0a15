/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * target_mount.c -- the differential test's operations, as system calls
 *
 * Paths are put together from the model's tree, relative to the test's own
 * directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fuzz/target.h"

#define PATH_BYTES	8192

/* target_free() frees the struct: nothing in it needs closing but @top, which lives as long as the process. */
struct mount { struct target t; int top; char prefix[PATH_BYTES]; int fd[TARGET_FDS]; };

static struct mount *mount_of(struct target *t)
{
	return (struct mount *)(void *)t;
}

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* -- paths --------------------------------------------------------------------- */

/* Puts the path of @dir before *@at, and moves *@at to its start. */
static void prepend_dir(char **at, const struct mnode *dir)
{
	for (; dir->parent != dir; dir = dir->parent) {
		int i = 0;

		while (dir->parent->child[i] != dir)
			i++;
		size_t n = strlen(model_name(i));

		*--*at = '/';
		*at -= n;
		memcpy(*at, model_name(i), n);
	}
}

/* Relative to mount->top. */
static const char *path(char buf[PATH_BYTES], struct mloc at)
{
	const char *name = at.name < 0 ? "." : model_name(at.name);
	size_t n = strlen(name) + 1;
	char *p = buf + PATH_BYTES - n;

	memcpy(p, name, n);
	prepend_dir(&p, at.dir);
	return p;
}

/* With the mount's own path, for calls that have no *at() form. */
static const char *full_path(struct target *t, char buf[PATH_BYTES], struct mloc at)
{
	const char *rel = path(buf, at), *prefix = mount_of(t)->prefix;
	size_t n = strlen(prefix);
	char *p = buf + (rel - buf) - n;

	memcpy(p, prefix, n);
	return p;
}

/* -- names --------------------------------------------------------------------- */

static void stat_from(const struct stat *s, struct tstat *st)
{
	*st = (struct tstat){ .ino = s->st_ino, .size = (uint64_t)s->st_size,
			      .blocks = (uint64_t)s->st_blocks / 8, .rdev = s->st_rdev,
			      .mode = s->st_mode, .nlink = (uint32_t)s->st_nlink,
			      .uid = s->st_uid, .gid = s->st_gid };
}

static int m_stat(struct target *t, struct mloc at, struct tstat *st)
{
	char buf[PATH_BYTES];
	struct stat s;

	if (fstatat(mount_of(t)->top, path(buf, at), &s, AT_SYMLINK_NOFOLLOW))
		return -errno;
	stat_from(&s, st);
	return 0;
}

static int m_create(struct target *t, struct mloc at, const struct mcreate *rq)
{
	char buf[PATH_BYTES];
	int top = mount_of(t)->top;
	const char *p = path(buf, at);

	if (S_ISDIR(rq->mode))
		return result(mkdirat(top, p, rq->mode & 07777));
	if (S_ISLNK(rq->mode))
		return result(symlinkat(rq->target, top, p));
	return result(mknodat(top, p, rq->mode, rq->rdev));
}

static int m_link(struct target *t, struct mloc src, struct mloc dst)
{
	char a[PATH_BYTES], b[PATH_BYTES];
	int top = mount_of(t)->top;

	return result(linkat(top, path(a, src), top, path(b, dst), 0));
}

static int m_unlink(struct target *t, struct mloc at)
{
	char buf[PATH_BYTES];

	return result(unlinkat(mount_of(t)->top, path(buf, at), 0));
}

static int m_rmdir(struct target *t, struct mloc at)
{
	char buf[PATH_BYTES];

	return result(unlinkat(mount_of(t)->top, path(buf, at), AT_REMOVEDIR));
}

static int m_rename(struct target *t, struct mloc src, struct mloc dst, unsigned flags)
{
	char a[PATH_BYTES], b[PATH_BYTES];
	int top = mount_of(t)->top;

	return result(renameat2(top, path(a, src), top, path(b, dst), flags));
}

static int m_readlink(struct target *t, struct mloc at, char *buf, size_t size)
{
	char p[PATH_BYTES];
	ssize_t n = readlinkat(mount_of(t)->top, path(p, at), buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return (int)n;
}

static int m_readdir(struct target *t, struct mnode *dir, temit emit, void *arg)
{
	char buf[PATH_BYTES];
	int fd = openat(mount_of(t)->top, path(buf, (struct mloc){ dir, -1 }), O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d)
		return -errno;
	while ((de = readdir(d)) != NULL) {
		const struct tentry e = { de->d_name, strlen(de->d_name), de->d_ino, de->d_type };

		emit(arg, &e);
	}
	closedir(d);
	return 0;
}

/* -- descriptors ------------------------------------------------------------------ */

static int m_open(struct target *t, struct mloc at, int fd)
{
	char buf[PATH_BYTES];
	int n = openat(mount_of(t)->top, path(buf, at), O_RDWR | O_NOFOLLOW | O_NONBLOCK);

	if (n < 0)
		return -errno;
	mount_of(t)->fd[fd] = n;
	return 0;
}

static int m_tmpfile(struct target *t, struct mnode *dir, const struct mcreate *rq, int fd)
{
	(void)t, (void)dir, (void)rq, (void)fd;
	return -EOPNOTSUPP;
}

static int m_linkfd(struct target *t, int fd, struct mloc dst)
{
	char buf[PATH_BYTES];

	return result(linkat(mount_of(t)->fd[fd], "", mount_of(t)->top, path(buf, dst), AT_EMPTY_PATH));
}

static void m_close(struct target *t, int fd)
{
	close(mount_of(t)->fd[fd]);
}

static int m_fstat(struct target *t, int fd, struct tstat *st)
{
	struct stat s;

	if (fstat(mount_of(t)->fd[fd], &s))
		return -errno;
	stat_from(&s, st);
	return 0;
}

static int m_setattr(struct target *t, int fd, const struct tattr *a)
{
	int n = mount_of(t)->fd[fd];

	if (a->mask & TATTR_SIZE)
		return result(ftruncate(n, (off_t)a->size));
	if (a->mask & TATTR_MODE)
		return result(fchmod(n, a->mode & 07777));
	return result(fchown(n, a->uid, a->gid));
}

static ssize_t m_read(struct target *t, int fd, const struct tio *io)
{
	ssize_t n = pread(mount_of(t)->fd[fd], io->buf, io->len, (off_t)io->off);

	return n < 0 ? -errno : n;
}

static ssize_t m_write(struct target *t, int fd, const struct tio *io)
{
	int n = mount_of(t)->fd[fd];
	ssize_t ret;

	if (io->flags & TIO_APPEND)
		fcntl(n, F_SETFL, O_APPEND);
	ret = pwrite(n, io->buf, io->len, (off_t)io->off);
	int err = errno;

	if (io->flags & TIO_APPEND)
		fcntl(n, F_SETFL, 0);
	if (ret >= 0 && (io->flags & TIO_DSYNC) && fdatasync(n))
		return -errno;
	return ret < 0 ? -err : ret;
}

static int m_fallocate(struct target *t, int fd, const struct tspace *s)
{
	return result(fallocate(mount_of(t)->fd[fd], s->mode, (off_t)s->off, (off_t)s->len));
}

static off_t m_seek(struct target *t, int fd, off_t off, int whence)
{
	off_t ret = lseek(mount_of(t)->fd[fd], off, whence);

	return ret < 0 ? -errno : ret;
}

static int m_fsync(struct target *t, int fd, bool data_only)
{
	int n = mount_of(t)->fd[fd];

	return result(data_only ? fdatasync(n) : fsync(n));
}

/* -- extended attributes ------------------------------------------------------------ */

static ssize_t m_getxattr(struct target *t, struct mloc at, const struct txattr *xa)
{
	char buf[PATH_BYTES];
	ssize_t n = lgetxattr(full_path(t, buf, at), model_xattr_name(xa->x), xa->value, xa->size);

	return n < 0 ? -errno : n;
}

static int m_setxattr(struct target *t, struct mloc at, const struct txattr *xa)
{
	char buf[PATH_BYTES];

	return result(lsetxattr(full_path(t, buf, at), model_xattr_name(xa->x), xa->value, xa->size, xa->flags));
}

static ssize_t m_listxattr(struct target *t, struct mloc at, char *list, size_t size)
{
	char buf[PATH_BYTES];
	ssize_t n = llistxattr(full_path(t, buf, at), list, size);

	return n < 0 ? -errno : n;
}

static int m_removexattr(struct target *t, struct mloc at, int x)
{
	char buf[PATH_BYTES];

	return result(lremovexattr(full_path(t, buf, at), model_xattr_name(x)));
}

static int m_sync(struct target *t)
{
	return result(syncfs(mount_of(t)->top));
}

static uint64_t m_bfree(struct target *t)
{
	struct statvfs sv;

	return fstatvfs(mount_of(t)->top, &sv) ? 0 : sv.f_bfree * sv.f_frsize / 4096;
}

/* -- making one ------------------------------------------------------------------------ */

static const struct target_ops mount_ops = {
	.stat = m_stat, .create = m_create, .link = m_link, .unlink = m_unlink, .rmdir = m_rmdir,
	.rename = m_rename, .readlink = m_readlink, .readdir = m_readdir,
	.open = m_open, .tmpfile = m_tmpfile, .linkfd = m_linkfd, .close = m_close,
	.fstat = m_fstat, .setattr = m_setattr, .read = m_read, .write = m_write,
	.fallocate = m_fallocate, .seek = m_seek, .fsync = m_fsync,
	.getxattr = m_getxattr, .setxattr = m_setxattr, .listxattr = m_listxattr,
	.removexattr = m_removexattr, .sync = m_sync, .bfree = m_bfree,
};

struct target *target_mount(const char *dir, struct model *m)
{
	struct mount *mt = calloc(1, sizeof(*mt));
	struct stat s;

	if (!mt)
		return NULL;
	umask(0);	/* the model has none */
	mt->t = (struct target){ &mount_ops, m, false };
	mt->top = open(dir, O_RDONLY | O_DIRECTORY);
	if (mt->top < 0 || fstat(mt->top, &s)) {
		free(mt);
		return NULL;
	}
	snprintf(mt->prefix, sizeof(mt->prefix), "%s/", dir);
	m->root->ino = s.st_ino;
	m->root->mode = s.st_mode;
	return &mt->t;
}
