/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops.c -- the operations whose crashes are explored
 *
 * Step i works on names that end in i, so that an operation can follow itself.
 * What is written differs from step to step, is never zero and never poison.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/acl.h"
#include "core/attr.h"
#include "core/file.h"
#include "core/namei.h"
#include "core/space.h"
#include "core/sync.h"
#include "core/xattr.h"
#include "crash/crash.h"
#include "harness/rig.h"
#include "pm/record.h"

#define KEEP_SIZE	1
#define PUNCH		3	/* with KEEP_SIZE */
#define ZERO_RANGE	0x10

/* -- the scene -------------------------------------------------------------------------- */

static struct name numbered(char *buf, const char *stem, unsigned step)
{
	snprintf(buf, 64, "%s%u", stem, step);
	return rig_name(buf);
}

#define N(stem) numbered((char[64]){ 0 }, stem, step)

static void hold(struct scene *s, unsigned i, struct inode *ip)
{
	file_open(ip);
	s->held[i] = ip;
}

static void make_orphan(struct scene *s, unsigned i)
{
	struct inode *ip = rig_make(s->root, "doomed", S_IFREG | 0600);

	hold(s, STEP_FILES + i, ip);
	rig_write(ip, "this file has no name any more, only a user", 43, 5000 * i);
	rig_unlink(s->root, "doomed");
}

void scene_open(struct scene *s, struct region *rg, const struct geometry *g, bool mounted)
{
	const struct fs_opts o = { .region = rg, .flags = FS_NOATIME | (mounted ? 0 : FS_RDONLY) };

	*s = (struct scene){ .rg = rg };
	if (fs_open(&s->fs, &o) || inode_get(s->fs, DAXFS_ROOT_INO, &s->root))
		abort();
	for (unsigned i = 0; i < STEP_FILES; i++) {
		char name[] = { 's', (char)('1' + i), 0 };

		hold(s, i, rig_look(s->root, name));
	}
	for (unsigned i = 0; mounted && g->orphans && i < STEP_FILES; i++)
		make_orphan(s, i);
}

void scene_leave(struct scene *s)
{
	if (s->fs)
		fs_abandon(s->fs);
	s->fs = NULL;
}

/* -- helpers --------------------------------------------------------------------------------- */

static int find(struct scene *s, struct name name, struct inode **ip)
{
	return namei_lookup(s->root, name, ip);
}

/* The last reference may go, and flush: as if somebody else had held it a little longer. */
static int put(struct inode *ip, int err)
{
	record_other_thread();
	inode_put(ip, 1);
	return err;
}

static int make(struct inode *dir, struct name name, mode_t mode, const char *target)
{
	const struct create_req rq = { .mode = mode, .target = target, .cred = rig_root,
				       .rdev = S_ISCHR(mode) ? 0x105 : 0 };
	struct inode *ip;
	int err = namei_create(dir, name, &rq, &ip);

	return err ? err : put(ip, 0);
}

struct io { size_t len; uint64_t off; unsigned flags; };

static int write_to(struct inode *ip, const struct io *io, unsigned step)
{
	static uint8_t buf[1u << 18];

	for (size_t i = 0; i < io->len; i++)
		buf[i] = (uint8_t)(128 + (i * 7 + step * 11) % 30 + (i % 3 ? 0 : 64));
	ssize_t n = file_write(ip, buf, io->len, io->off, io->flags);

	return n < 0 ? (int)n : n == (ssize_t)io->len ? 0 : -EIO;
}

static int write_file(struct scene *s, struct name name, struct io io, unsigned step)
{
	struct inode *ip;
	int err = find(s, name, &ip);

	if (err)
		return err;
	s->written[s->nr_written++] = ip;	/* the last reference would flush */
	return write_to(ip, &io, step);
}

static int set(struct scene *s, struct name name, const struct iattr *a, unsigned mask)
{
	struct inode *ip;
	int err = find(s, name, &ip);

	return err ? err : put(ip, attr_set(ip, a, mask));
}

static int space(struct scene *s, struct name name, int mode, uint64_t off, uint64_t len)
{
	struct inode *ip;
	int err = find(s, name, &ip);

	return err ? err : put(ip, space_fallocate(ip, mode, off, len));
}

/* -- names -------------------------------------------------------------------------------------- */

static int op_create(struct scene *s, unsigned step) { return make(s->root, N("new"), S_IFREG | 0640, NULL); }
static int op_mkdir(struct scene *s, unsigned step) { return make(s->root, N("newdir"), S_IFDIR | 0750, NULL); }
static int op_mknod(struct scene *s, unsigned step) { return make(s->root, N("newdev"), S_IFCHR | 0600, NULL); }
static int op_symlink(struct scene *s, unsigned step) { return make(s->root, N("newlink"), S_IFLNK | 0777, "to/somewhere"); }

static int op_symlink_long(struct scene *s, unsigned step)
{
	char target[301];

	memset(target, 'a' + (int)step, 300);
	target[300] = 0;
	return make(s->root, N("longlink"), S_IFLNK | 0777, target);
}

/* Needs another block for the directory: its first one is full. */
static int op_create_in_full_dir(struct scene *s, unsigned step)
{
	char name[256];
	struct inode *dir;
	int err = find(s, rig_name("g"), &dir);

	memset(name, 'A' + (int)step, 251);
	name[251] = 0;
	return err ? err : put(dir, make(dir, rig_name(name), S_IFREG | 0600, NULL));
}

static int op_link(struct scene *s, unsigned step)
{
	struct inode *ip;
	int err = find(s, N("f"), &ip);

	return err ? err : put(ip, namei_link(ip, s->root, N("another")));
}

static int op_unlink(struct scene *s, unsigned step) { return namei_unlink(s->root, N("f"), &rig_root); }
static int op_unlink_linked(struct scene *s, unsigned step) { return namei_unlink(s->root, N("h"), &rig_root); }
static int op_unlink_xattrs(struct scene *s, unsigned step) { return namei_unlink(s->root, N("x"), &rig_root); }
/* Held open by the scene: becomes an orphan. */
static int op_unlink_open(struct scene *s, unsigned step) { return namei_unlink(s->root, N("s"), &rig_root); }
static int op_rmdir(struct scene *s, unsigned step) { return namei_rmdir(s->root, N("e"), &rig_root); }

/* The orphan's last user goes. */
static int op_close_last(struct scene *s, unsigned step)
{
	struct inode **held = s->held[STEP_FILES + step - 1] ? &s->held[STEP_FILES + step - 1] : &s->held[step - 1];

	if (!*held)
		return -EBADF;
	file_release(*held);
	inode_put(*held, 1);
	*held = NULL;
	return 0;
}

static int op_tmpfile(struct scene *s, unsigned step)
{
	const struct create_req rq = { .mode = S_IFREG | 0600, .cred = rig_root };
	struct inode *ip;
	(void)step;
	int err = namei_tmpfile(s->root, &rq, &ip);

	record_other_thread();
	return err ? err : put(ip, 0);
}

static int op_tmpfile_link(struct scene *s, unsigned step)
{
	const struct create_req rq = { .mode = S_IFREG | 0600, .cred = rig_root };
	struct inode *ip;
	int err = namei_tmpfile(s->root, &rq, &ip);

	record_other_thread();
	return err ? err : put(ip, namei_link(ip, s->root, N("linked")));
}

static int rename_in(struct scene *s, struct name src, struct name dst, unsigned flags)
{
	const struct rename_req rq = { s->root, s->root, src, dst, flags, rig_root };

	return namei_rename(&rq);
}

static int rename_into(struct scene *s, struct name src, struct name dir, struct name dst, unsigned flags)
{
	struct rename_req rq = { s->root, NULL, src, dst, flags, rig_root };
	int err = find(s, dir, &rq.dst_dir);

	return err ? err : put(rq.dst_dir, namei_rename(&rq));
}

static int op_rename(struct scene *s, unsigned step) { return rename_in(s, N("s"), N("renamed"), 0); }
static int op_rename_over(struct scene *s, unsigned step) { return rename_in(s, N("h"), N("f"), 0); }
static int op_rename_across(struct scene *s, unsigned step) { return rename_into(s, N("f"), N("d"), rig_name("moved"), 0); }
static int op_rename_over_across(struct scene *s, unsigned step) { return rename_into(s, N("f"), N("d"), rig_name("x"), 0); }
static int op_rename_dir(struct scene *s, unsigned step) { return rename_into(s, N("d"), N("e"), rig_name("moved"), 0); }
static int op_rename_dir_over(struct scene *s, unsigned step) { return rename_in(s, N("d"), N("e"), 0); }
static int op_whiteout(struct scene *s, unsigned step) { return rename_in(s, N("s"), N("renamed"), 4); }
static int op_whiteout_over_across(struct scene *s, unsigned step) { return rename_into(s, N("f"), N("d"), rig_name("x"), 4); }
static int op_exchange(struct scene *s, unsigned step) { return rename_in(s, N("f"), N("x"), 2); }
static int op_exchange_across(struct scene *s, unsigned step) { return rename_into(s, N("e"), N("d"), rig_name("x"), 2); }

/* -- attributes ---------------------------------------------------------------------------------- */

static int op_chmod(struct scene *s, unsigned step) { return set(s, N("f"), &(struct iattr){ .mode = 0400 + step }, ATTR_SET_MODE); }
static int op_chown(struct scene *s, unsigned step)
{
	return set(s, N("f"), &(struct iattr){ .uid = 100 + step, .gid = 200 }, ATTR_SET_UID | ATTR_SET_GID);
}
static int op_utimens(struct scene *s, unsigned step)
{
	return set(s, N("f"), &(struct iattr){ .atime = 1000 * (int64_t)step, .mtime = -5 }, ATTR_SET_ATIME | ATTR_SET_MTIME);
}
static int resize(struct scene *s, unsigned step, uint64_t size)
{
	return set(s, N("f"), &(struct iattr){ .size = size }, ATTR_SET_SIZE);
}
static int op_truncate(struct scene *s, unsigned step) { return resize(s, step, 5000); }
static int op_truncate_all(struct scene *s, unsigned step) { return resize(s, step, 0); }
static int op_truncate_up(struct scene *s, unsigned step) { return resize(s, step, 1000000); }

static int set_xattr(struct scene *s, unsigned step, const char *name, size_t len)
{
	uint8_t value[9000];
	const struct xattr_set_req rq = { name, value, len, 0 };
	struct inode *ip;
	int err = find(s, N("x"), &ip);

	memset(value, 'p' + (int)step, len);
	return err ? err : put(ip, xattr_set(ip, &rq));
}
static int remove_xattr(struct scene *s, struct name file, const char *name)
{
	struct inode *ip;
	int err = find(s, file, &ip);

	return err ? err : put(ip, xattr_remove(ip, name));
}
static int op_setxattr(struct scene *s, unsigned step) { return set_xattr(s, step, "user.new", 20); }
static int op_setxattr_large(struct scene *s, unsigned step) { return set_xattr(s, step, "user.large", 9000); }
static int op_removexattr(struct scene *s, unsigned step) { return remove_xattr(s, N("x"), "user.large"); }

/* x has an ACL already, e a default ACL. */
static int op_set_acl(struct scene *s, unsigned step)
{
	uint8_t acl[ACL_BYTES];
	const struct xattr_set_req rq = { ACL_ACCESS_NAME, acl, sizeof(acl), 0 };
	struct inode *ip;
	int err = find(s, N("x"), &ip);

	acl_make(acl, step % 7);
	return err ? err : put(ip, xattr_set(ip, &rq));
}
static int op_chmod_acl(struct scene *s, unsigned step)
{
	return set(s, N("x"), &(struct iattr){ .mode = 0400 | (step % 7) << 3 }, ATTR_SET_MODE);
}
static int make_under_acl(struct scene *s, unsigned step, mode_t mode)
{
	struct inode *dir;
	int err = find(s, N("e"), &dir);

	return err ? err : put(dir, make(dir, rig_name("heir"), mode, NULL));
}
static int op_create_acl(struct scene *s, unsigned step) { return make_under_acl(s, step, S_IFREG | 0666); }
static int op_mkdir_acl(struct scene *s, unsigned step) { return make_under_acl(s, step, S_IFDIR | 0777); }

/* -- content --------------------------------------------------------------------------------------- */

static int op_append_small(struct scene *s, unsigned step) { return write_file(s, N("s"), (struct io){ 100, 0, FILE_APPEND }, step); }
static int op_append_dsync(struct scene *s, unsigned step) { return write_file(s, N("s"), (struct io){ 100, 0, FILE_APPEND | FILE_DSYNC }, step); }
static int op_append(struct scene *s, unsigned step) { return write_file(s, N("s"), (struct io){ 6000, 0, FILE_APPEND }, step); }
static int op_overwrite_small(struct scene *s, unsigned step) { return write_file(s, N("f"), (struct io){ 100, 4050, 0 }, step); }
static int op_overwrite_dsync(struct scene *s, unsigned step) { return write_file(s, N("f"), (struct io){ 100, 4050, FILE_DSYNC }, step); }
static int op_overwrite(struct scene *s, unsigned step) { return write_file(s, N("f"), (struct io){ 5000, 1001, 0 }, step); }
static int op_write_hole(struct scene *s, unsigned step) { return write_file(s, N("f"), (struct io){ 3000, 4 * 4096 + 50, 0 }, step); }
static int op_write_hole_small(struct scene *s, unsigned step) { return write_file(s, N("f"), (struct io){ 60, 5 * 4096 + 70, 0 }, step); }
static int op_write_unwritten(struct scene *s, unsigned step) { return write_file(s, N("f"), (struct io){ 3000, 8 * 4096 + 50, 0 }, step); }
static int op_write_unwritten_small(struct scene *s, unsigned step) { return write_file(s, N("f"), (struct io){ 30, 9 * 4096 + 50, 0 }, step); }
static int op_write_beyond(struct scene *s, unsigned step) { return write_file(s, N("f"), (struct io){ 1000, 20 * 4096 - 300, 0 }, step); }
static int op_write_many_blocks(struct scene *s, unsigned step) { return write_file(s, N("f"), (struct io){ 60000, 2000, 0 }, step); }

static int op_fallocate(struct scene *s, unsigned step) { return space(s, N("f"), 0, 3 * 4096, 20 * 4096); }
static int op_fallocate_keep(struct scene *s, unsigned step) { return space(s, N("f"), KEEP_SIZE, 15 * 4096, 8192); }
static int op_punch(struct scene *s, unsigned step) { return space(s, N("f"), PUNCH, 1000, 9000); }
static int op_zero_range(struct scene *s, unsigned step) { return space(s, N("f"), ZERO_RANGE, 1000, 9000); }

/* -- durability ------------------------------------------------------------------------------------- */

static int op_fsync(struct scene *s, unsigned step)
{
	struct inode *ip;
	int err = find(s, N("f"), &ip);

	return err ? err : put(ip, sync_file(ip, 0));
}
static int op_sync(struct scene *s, unsigned step) { (void)step; return sync_fs(s->fs); }

static void let_go(struct scene *s)
{
	for (unsigned i = 0; i < 2 * STEP_FILES; i++) {
		if (s->held[i]) {
			record_other_thread();
			file_release(s->held[i]);
			inode_put(s->held[i], 1);
		}
	}
	record_other_thread();
	while (s->nr_written)
		inode_put(s->written[--s->nr_written], 1);
	inode_put(s->root, 1);
}

static int open_again(struct scene *s, unsigned flags)
{
	struct region *rg = s->rg;
	const struct fs_opts o = { .region = rg, .flags = FS_NOATIME | flags };

	let_go(s);
	int err = fs_close(s->fs);

	*s = (struct scene){ .rg = rg };
	if (!err)
		err = fs_open(&s->fs, &o);
	return err ? err : inode_get(s->fs, DAXFS_ROOT_INO, &s->root);
}

/* Something is different when the snapshot is written; looked at read-only afterwards: the media are clean. */
static int op_unmount(struct scene *s, unsigned step)
{
	int err = make(s->root, N("before-unmount"), S_IFLNK | 0777,
		       "a target that is too long for the inode, so that the number of free blocks changes, too: "
		       "it takes more than a hundred and forty-four bytes, which is what there is room for");

	if (err && err != -ENOSPC && err != -EROFS && err != -EEXIST)
		return err;
	record_other_thread();
	return open_again(s, FS_RDONLY);
}

/* From read-only, which writes nothing; a change afterwards needs the media to say that they are in use. */
static int op_mount(struct scene *s, unsigned step)
{
	int err = open_again(s, 0);

	record_other_thread();
	return err ? err : make(s->root, N("after-mount"), S_IFREG | 0600, NULL);
}

const struct op ops[] = {
	{ "create", op_create, OP_PAIRED },
	{ "mkdir", op_mkdir, 0 },
	{ "mknod", op_mknod, 0 },
	{ "symlink", op_symlink, 0 },
	{ "symlink-long", op_symlink_long, OP_PAIRED },
	{ "create-in-full-directory", op_create_in_full_dir, OP_PAIRED },
	{ "link", op_link, 0 },
	{ "unlink", op_unlink, OP_PAIRED },
	{ "unlink-linked", op_unlink_linked, 0 },
	{ "unlink-xattrs", op_unlink_xattrs, 0 },
	{ "unlink-open", op_unlink_open, OP_PAIRED },
	{ "close-last", op_close_last, OP_PAIRED },
	{ "rmdir", op_rmdir, OP_PAIRED },
	{ "tmpfile", op_tmpfile, 0 },
	{ "tmpfile-link", op_tmpfile_link, OP_PAIRED },
	{ "rename", op_rename, OP_PAIRED },
	{ "rename-over", op_rename_over, OP_PAIRED },
	{ "rename-across", op_rename_across, 0 },
	{ "rename-over-across", op_rename_over_across, OP_PAIRED },
	{ "rename-directory", op_rename_dir, 0 },
	{ "rename-directory-over", op_rename_dir_over, 0 },
	{ "rename-whiteout", op_whiteout, 0 },
	{ "rename-whiteout-over-across", op_whiteout_over_across, 0 },
	{ "exchange", op_exchange, 0 },
	{ "exchange-across", op_exchange_across, OP_PAIRED },
	{ "chmod", op_chmod, OP_PAIRED },
	{ "chown", op_chown, 0 },
	{ "utimens", op_utimens, 0 },
	{ "truncate", op_truncate, OP_PAIRED },
	{ "truncate-all", op_truncate_all, 0 },
	{ "truncate-up", op_truncate_up, OP_PAIRED },
	{ "setxattr", op_setxattr, 0 },
	{ "setxattr-large", op_setxattr_large, OP_PAIRED },
	{ "removexattr", op_removexattr, 0 },
	{ "set-acl", op_set_acl, OP_PAIRED },
	{ "chmod-acl", op_chmod_acl, 0 },
	{ "create-under-default-acl", op_create_acl, OP_PAIRED },
	{ "mkdir-under-default-acl", op_mkdir_acl, 0 },
	{ "append-small", op_append_small, OP_PAIRED | OP_LAZY | OP_LAZY_TIMES },
	{ "append-dsync", op_append_dsync, 0 },
	{ "append", op_append, OP_PAIRED },
	{ "overwrite-small", op_overwrite_small, OP_PAIRED | OP_LAZY | OP_LAZY_TIMES },
	{ "overwrite-dsync", op_overwrite_dsync, OP_LAZY_TIMES },
	{ "overwrite", op_overwrite, OP_LAZY_TIMES },
	{ "write-hole", op_write_hole, OP_PAIRED },
	{ "write-hole-small", op_write_hole_small, OP_LAZY | OP_LAZY_TIMES },
	{ "write-unwritten", op_write_unwritten, 0 },
	{ "write-unwritten-small", op_write_unwritten_small, OP_PAIRED | OP_LAZY | OP_LAZY_TIMES },
	{ "write-beyond", op_write_beyond, 0 },
	{ "write-many-blocks", op_write_many_blocks, OP_LAZY_TIMES },
	{ "fallocate", op_fallocate, OP_PAIRED },
	{ "fallocate-keep-size", op_fallocate_keep, 0 },
	{ "punch", op_punch, OP_PAIRED },
	{ "zero-range", op_zero_range, 0 },
	{ "fsync", op_fsync, OP_PAIRED | OP_SYNC_FILE },
	{ "sync", op_sync, OP_SYNC_ALL },
	{ "unmount", op_unmount, OP_PAIRED | OP_SYNC_ALL },
	{ "mount", op_mount, OP_SYNC_ALL | OP_UNMOUNTED },
	{ 0 },
};
