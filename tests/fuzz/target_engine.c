/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * target_engine.c -- the differential test's operations, on the engine
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/attr.h"
#include "core/dir.h"
#include "core/file.h"
#include "core/inode.h"
#include "core/namei.h"
#include "core/space.h"
#include "core/sync.h"
#include "core/xattr.h"
#include "fuzz/target.h"

struct engine { struct target t; struct fs *fs; struct inode *fd[TARGET_FDS]; };

static const struct cred root = { .flags = CRED_PRIVILEGED };

static struct engine *engine_of(struct target *t)
{
	return (struct engine *)(void *)t;
}

static struct name name_of(int name)
{
	const char *s = model_name(name);

	return (struct name){ s, (unsigned)strlen(s) };
}

static int get_dir(struct target *t, const struct mnode *dir, struct inode **out)
{
	return inode_get(engine_of(t)->fs, dir->ino, out);
}

/* The inode that a name leads to. */
static int get(struct target *t, struct mloc at, struct inode **out)
{
	struct inode *dir;
	int err = get_dir(t, at.dir, &dir);

	if (err)
		return err;
	err = namei_lookup(dir, name_of(at.name), out);
	inode_put(dir, 1);
	return err;
}

static void stat_of(struct inode *ip, struct tstat *st)
{
	struct iattr a;

	attr_get(ip, &a);
	*st = (struct tstat){ .ino = ip->ino, .size = a.size, .blocks = a.blocks, .mode = a.mode,
			      .rdev = S_ISDIR(a.mode) ? 0 : a.rdev, .nlink = a.nlink,
			      .uid = a.uid, .gid = a.gid };
}

/* -- names ------------------------------------------------------------------- */

static int e_stat(struct target *t, struct mloc at, struct tstat *st)
{
	struct inode *ip;
	int err = get(t, at, &ip);

	if (err)
		return err;
	stat_of(ip, st);
	inode_put(ip, 1);
	return 0;
}

static struct create_req create_req(const struct mcreate *rq)
{
	return (struct create_req){ .mode = rq->mode, .rdev = rq->rdev, .target = rq->target,
				    .cred = { rq->uid, rq->gid, CRED_PRIVILEGED } };
}

static int e_create(struct target *t, struct mloc at, const struct mcreate *rq)
{
	struct create_req cr = create_req(rq);
	struct inode *dir, *ip;
	int err = get_dir(t, at.dir, &dir);

	if (err)
		return err;
	err = namei_create(dir, name_of(at.name), &cr, &ip);
	if (!err)
		inode_put(ip, 1);
	inode_put(dir, 1);
	return err;
}

static int e_link(struct target *t, struct mloc src, struct mloc dst)
{
	struct inode *ip, *dir;
	int err = get(t, src, &ip);

	if (err)
		return err;
	err = get_dir(t, dst.dir, &dir);
	if (!err) {
		err = namei_link(ip, dir, name_of(dst.name));
		inode_put(dir, 1);
	}
	inode_put(ip, 1);
	return err;
}

static int remove_name(struct target *t, struct mloc at, int (*take)(struct inode *, struct name, const struct cred *))
{
	struct inode *dir;
	int err = get_dir(t, at.dir, &dir);

	if (err)
		return err;
	err = take(dir, name_of(at.name), &root);
	inode_put(dir, 1);
	return err;
}

static int e_unlink(struct target *t, struct mloc at)
{
	return remove_name(t, at, namei_unlink);
}

static int e_rmdir(struct target *t, struct mloc at)
{
	return remove_name(t, at, namei_rmdir);
}

static int e_rename(struct target *t, struct mloc src, struct mloc dst, unsigned flags)
{
	struct rename_req rq = { .src = name_of(src.name), .dst = name_of(dst.name),
				 .flags = flags, .cred = root };
	int err = get_dir(t, src.dir, &rq.src_dir);

	if (err)
		return err;
	err = get_dir(t, dst.dir, &rq.dst_dir);
	if (!err) {
		err = namei_rename(&rq);
		inode_put(rq.dst_dir, 1);
	}
	inode_put(rq.src_dir, 1);
	return err;
}

static int e_readlink(struct target *t, struct mloc at, char *buf, size_t size)
{
	struct inode *ip;
	int err = get(t, at, &ip);

	if (err)
		return err;
	err = namei_readlink(ip, buf, size);
	inode_put(ip, 1);
	return err;
}

/* Takes a few entries a call, so that cookies are used. */
struct take { temit emit; void *arg; unsigned left, taken; uint64_t cookie; };

static int take_some(void *arg, const struct dir_entry *e)
{
	struct take *k = arg;
	const struct tentry te = { e->name.s, e->name.len, e->ino, e->type };

	if (!k->left)
		return 1;
	k->left--;
	k->taken++;
	k->cookie = e->next;
	k->emit(k->arg, &te);
	return 0;
}

static int e_readdir(struct target *t, struct mnode *dir, temit emit, void *arg)
{
	struct take k = { .emit = emit, .arg = arg };
	struct inode *ip;
	int err = get_dir(t, dir, &ip);

	if (err)
		return err;
	do {
		k.left = 13;
		k.taken = 0;
		err = dir_read(ip, k.cookie, take_some, &k);
	} while (!err && k.taken);
	inode_put(ip, 1);
	return err;
}

/* -- descriptors --------------------------------------------------------------- */

static int e_open(struct target *t, struct mloc at, int fd)
{
	struct inode *ip;
	int err = get(t, at, &ip);

	if (err)
		return err;
	if (inode_is_reg(ip))
		file_open(ip);
	engine_of(t)->fd[fd] = ip;
	return 0;
}

static int e_tmpfile(struct target *t, struct mnode *dir, const struct mcreate *rq, int fd)
{
	struct create_req cr = create_req(rq);
	struct inode *dp, *ip;
	int err = get_dir(t, dir, &dp);

	if (err)
		return err;
	err = namei_tmpfile(dp, &cr, &ip);
	inode_put(dp, 1);
	if (err)
		return err;
	file_open(ip);
	engine_of(t)->fd[fd] = ip;
	return 0;
}

static int e_linkfd(struct target *t, int fd, struct mloc dst)
{
	struct inode *dir;
	int err = get_dir(t, dst.dir, &dir);

	if (err)
		return err;
	err = namei_link(engine_of(t)->fd[fd], dir, name_of(dst.name));
	inode_put(dir, 1);
	return err;
}

static void e_close(struct target *t, int fd)
{
	struct inode **ip = &engine_of(t)->fd[fd];

	if (inode_is_reg(*ip))
		file_release(*ip);
	inode_put(*ip, 1);
	*ip = NULL;
}

static int e_fstat(struct target *t, int fd, struct tstat *st)
{
	stat_of(engine_of(t)->fd[fd], st);
	return 0;
}

static int e_setattr(struct target *t, int fd, const struct tattr *a)
{
	struct iattr ia = { .size = a->size, .mode = a->mode, .uid = a->uid, .gid = a->gid };
	unsigned mask = 0;

	if (a->mask & TATTR_SIZE)
		mask |= ATTR_SET_SIZE;
	if (a->mask & TATTR_MODE)
		mask |= ATTR_SET_MODE;
	if (a->mask & TATTR_OWNER)
		mask |= ATTR_SET_UID | ATTR_SET_GID;
	return attr_set(engine_of(t)->fd[fd], &ia, mask);
}

static ssize_t e_read(struct target *t, int fd, const struct tio *io)
{
	return file_read(engine_of(t)->fd[fd], io->buf, io->len, io->off);
}

static ssize_t e_write(struct target *t, int fd, const struct tio *io)
{
	unsigned flags = (io->flags & TIO_APPEND ? FILE_APPEND : 0) |
			 (io->flags & TIO_DSYNC ? FILE_DSYNC : 0);

	return file_write(engine_of(t)->fd[fd], io->buf, io->len, io->off, flags);
}

static int e_fallocate(struct target *t, int fd, const struct tspace *s)
{
	return space_fallocate(engine_of(t)->fd[fd], s->mode, s->off, s->len);
}

static off_t e_seek(struct target *t, int fd, off_t off, int whence)
{
	return space_seek(engine_of(t)->fd[fd], off, whence);
}

static int e_fsync(struct target *t, int fd, bool data_only)
{
	return sync_file(engine_of(t)->fd[fd], data_only ? SYNC_DATA_ONLY : 0);
}

/* -- extended attributes ---------------------------------------------------------- */

static ssize_t e_getxattr(struct target *t, struct mloc at, const struct txattr *xa)
{
	struct inode *ip;
	int err = get(t, at, &ip);

	if (err)
		return err;
	ssize_t n = xattr_get(ip, model_xattr_name(xa->x), xa->value, xa->size);

	inode_put(ip, 1);
	return n;
}

static int e_setxattr(struct target *t, struct mloc at, const struct txattr *xa)
{
	const struct xattr_set_req rq = { model_xattr_name(xa->x), xa->value, xa->size, xa->flags };
	struct inode *ip;
	int err = get(t, at, &ip);

	if (err)
		return err;
	err = xattr_set(ip, &rq);
	inode_put(ip, 1);
	return err;
}

static ssize_t e_listxattr(struct target *t, struct mloc at, char *list, size_t size)
{
	struct inode *ip;
	int err = get(t, at, &ip);

	if (err)
		return err;
	ssize_t n = xattr_list(ip, list, size);

	inode_put(ip, 1);
	return n;
}

static int e_removexattr(struct target *t, struct mloc at, int x)
{
	struct inode *ip;
	int err = get(t, at, &ip);

	if (err)
		return err;
	err = xattr_remove(ip, model_xattr_name(x));
	inode_put(ip, 1);
	return err;
}

static int e_sync(struct target *t)
{
	return sync_fs(engine_of(t)->fs);
}

static uint64_t e_bfree(struct target *t)
{
	struct fs_stat st;

	fs_statfs(engine_of(t)->fs, &st);
	return st.bfree;
}

/* -- making one --------------------------------------------------------------------- */

static const struct target_ops engine_ops = {
	.stat = e_stat, .create = e_create, .link = e_link, .unlink = e_unlink, .rmdir = e_rmdir,
	.rename = e_rename, .readlink = e_readlink, .readdir = e_readdir,
	.open = e_open, .tmpfile = e_tmpfile, .linkfd = e_linkfd, .close = e_close,
	.fstat = e_fstat, .setattr = e_setattr, .read = e_read, .write = e_write,
	.fallocate = e_fallocate, .seek = e_seek, .fsync = e_fsync,
	.getxattr = e_getxattr, .setxattr = e_setxattr, .listxattr = e_listxattr,
	.removexattr = e_removexattr, .sync = e_sync, .bfree = e_bfree,
};

struct target *target_engine(struct fs *fs, uint64_t top, struct model *m)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->t = (struct target){ &engine_ops, m, true };
	e->fs = fs;
	m->root->ino = top;
	return &e->t;
}

void target_engine_moved(struct target *t, struct fs *fs)
{
	engine_of(t)->fs = fs;
}

void target_free(struct target *t)
{
	free(t);
}
