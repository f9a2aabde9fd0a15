// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * namei.c -- operations on names: look-up, create, link, unlink, rmdir
 *
 * Each is one transaction over the directory's records and the inodes
 * involved; memory follows after commit.  A crash leaves all of it or nothing.
 * An inode that loses its last name keeps its content until its last reference
 * is gone (inode_put), or until the next mount.
 *
 * Locks: the parent directory, then the child; a new inode is unknown to
 * others until it is committed.
 */
#include "core/namei.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "core/acl.h"
#include "core/file.h"
#include "core/getblock.h"
#include "core/instance.h"
#include "core/namei_int.h"
#include "disk/txn.h"
#include "pm/pm.h"

/* -- shared checks -------------------------------------------------------------------- */

static bool is_dots(struct name n)
{
	return (n.len == 1 && n.s[0] == '.') || (n.len == 2 && n.s[0] == '.' && n.s[1] == '.');
}

int namei_check_name(struct name name)
{
	if (name.len > DAXFS_NAME_MAX)
		return -ENAMETOOLONG;
	if (!name.len || is_dots(name) || memchr(name.s, '/', name.len) || memchr(name.s, '\0', name.len))
		return -EINVAL;
	return 0;
}

int namei_check_dir(const struct inode *dir)
{
	if (!inode_is_dir(dir))
		return -ENOTDIR;
	return dir->nlink ? 0 : -ENOENT;
}

int namei_check_sticky(const struct inode *dir, const struct inode *ip, const struct cred *cred)
{
	if (!(dir->mode & S_ISVTX) || (cred->flags & CRED_PRIVILEGED))
		return 0;
	if (cred->uid == 0 || cred->uid == dir->uid || cred->uid == ip->uid)
		return 0;
	return -EPERM;
}

void namei_touch(struct inode_edit *e, int64_t now)
{
	e->a.mtime = e->a.ctime = now;
}

int namei_child(struct inode *dir, struct name name, struct dir_pos *pos, struct inode **out)
{
	int err = dir_find(dir, name, pos);

	if (!err)
		err = inode_get(dir->fs, pos->ino, out);
	if (err == -ESTALE)
		err = corrupt("directory %llu: '%.*s' names inode %llu, which is free",
			      (unsigned long long)dir->ino, (int)name.len, name.s,
			      (unsigned long long)pos->ino);
	return err;
}

/* -- look-up --------------------------------------------------------------------------------- */

static int lookup_dots(struct inode *dir, struct name name, struct inode **out)
{
	if (name.len == 2)
		return inode_get(dir->fs, dir->rdev, out);
	inode_ref(dir);
	*out = dir;
	return 0;
}

int namei_lookup(struct inode *dir, struct name name, struct inode **out)
{
	struct dir_pos pos;
	int err;

	if (name.len > DAXFS_NAME_MAX)
		return -ENAMETOOLONG;
	pthread_rwlock_rdlock(&dir->lock);
	err = namei_check_dir(dir);
	if (!err)
		err = is_dots(name) ? lookup_dots(dir, name, out) : namei_child(dir, name, &pos, out);
	pthread_rwlock_unlock(&dir->lock);
	return fs_result(dir->fs, err);
}

int namei_readlink(struct inode *ip, char *buf, size_t size)
{
	size_t n = atomic_load(&ip->size);
	ssize_t got = (ssize_t)n;
	struct block_res rs;
	int err = 0;

	if (!S_ISLNK(ip->type))
		return -EINVAL;
	if (n + 1 > size)
		return -ERANGE;
	pthread_rwlock_rdlock(&ip->lock);
	if (ip->flags & DAXFS_INODE_INLINE_LINK) {
		memcpy(buf, ip->slot->map.link, n);
	} else {
		err = get_block(ip, (struct block_req){ { 0 }, 1 }, &rs);
		if (!err && rs.state != BLOCK_WRITTEN)
			err = corrupt("symlink %llu has no target block", (unsigned long long)ip->ino);
		if (!err)
			err = pm_read(ip->fs->rg, buf, disk_ptr(&ip->fs->disk, rs.pblk), n);
	}
	pthread_rwlock_unlock(&ip->lock);
	buf[err ? 0 : n] = '\0';
	return err ? fs_result(ip->fs, err) : (int)got;
}

/* -- create ------------------------------------------------------------------------------------ */

static unsigned dirent_type(mode_t mode)
{
	return IFTODT(mode);
}

/* @dir locked.  Owner, group and mode as Linux gives them (inode_init_owner()). */
static struct iattr new_attr(const struct inode *dir, const struct create_req *rq)
{
	int64_t now = inode_now();
	struct iattr a = {
		.mode = rq->mode, .uid = rq->cred.uid, .gid = rq->cred.gid, .nlink = 1,
		.atime = now, .mtime = now, .ctime = now, .btime = now,
	};

	if (dir->mode & S_ISGID) {
		a.gid = dir->gid;
		if (S_ISDIR(a.mode))
			a.mode |= S_ISGID;
	}
	if (S_ISDIR(a.mode)) {
		a.nlink = 2;
		a.rdev = dir->ino;
	}
	if (S_ISBLK(a.mode) || S_ISCHR(a.mode))
		a.rdev = rq->rdev;
	if (S_ISDIR(a.mode) || S_ISREG(a.mode))
		a.flags = dir->flags & DAXFS_INODE_DAX;
	return a;
}

/* A target that does not fit the inode goes into a block of its own, durable with the commit. */
static int stage_long_target(struct inode_new *n, struct txn *t, const char *target)
{
	struct extmap m = { .disk = &n->fs->disk, .t = t, .root = &n->shadow->map, .ino = n->ino };
	struct extent ext = { .len = 1 };
	int err = txn_alloc(t, &ext.pblk);

	if (err)
		return err;
	char *blk = txn_fresh(t, ext.pblk, NULL);

	if (!blk)
		return -ENOMEM;
	memcpy(blk, target, strlen(target));
	n->a.blocks = 1;
	return extmap_insert(&m, &ext);
}

static int stage_target(struct inode_new *n, struct txn *t, const char *target)
{
	int err = 0;

	n->a.size = strlen(target);
	if (n->a.size <= sizeof(n->shadow->map.link)) {
		n->a.flags |= DAXFS_INODE_INLINE_LINK;
		memcpy(n->shadow->map.link, target, n->a.size);
	} else {
		err = stage_long_target(n, t, target);
	}
	dinode_store(n->shadow, &n->a);
	return err;
}

/* The slot, and the ACLs that @dir gives it. */
static int stage_new(struct inode_new *n, struct txn *t, const struct inode *dir, mode_t umask, struct iattr *a)
{
	const struct acl_child child = { .ino = n->ino, .umask = umask };
	int err = acl_stage_child(t, dir, &child, a);

	return err ? err : inode_new_stage(n, t, a);
}

int namei_stage_whiteout(struct inode_new *n, struct txn *t, const struct inode *dir, const struct cred *cred)
{
	const struct create_req rq = { .mode = S_IFCHR, .cred = *cred };
	struct iattr a = new_attr(dir, &rq);

	return stage_new(n, t, dir, 0, &a);
}

static int stage_create(struct inode_new *n, struct inode_edit *e, struct txn *t, const struct create_req *rq)
{
	struct iattr a = new_attr(e->ip, rq);
	int err = stage_new(n, t, e->ip, rq->umask, &a);

	if (!err && S_ISLNK(rq->mode))
		err = stage_target(n, t, rq->target);
	if (err)
		return err;
	if (S_ISDIR(rq->mode))
		e->a.nlink++;
	namei_touch(e, a.ctime);
	return 0;
}

/* @dir locked, @name free. */
static int create_txn(struct inode_new *n, struct inode *dir, struct name name, const struct create_req *rq)
{
	struct txn *t = txn_begin(&dir->fs->jn);
	struct inode_edit e;
	struct dir_pos pos;
	int err = inode_edit(&e, t, dir);

	if (!err)
		err = stage_create(n, &e, t, rq);
	if (!err)
		err = dir_insert(t, &e, name, n->ino, dirent_type(rq->mode), &pos);
	err = inode_edit_end(&e, t, err);
	if (!err)
		dir_done_insert(dir, name, &pos);
	return err;
}

static int name_is_free(struct inode *dir, struct name name)
{
	struct dir_pos pos;
	int err = dir_find(dir, name, &pos);

	if (!err)
		return -EEXIST;
	return err == -ENOENT ? 0 : err;
}

static int create_locked(struct inode *dir, struct name name, const struct create_req *rq, struct inode_new *n)
{
	int err = namei_check_dir(dir);

	if (!err)
		err = name_is_free(dir, name);
	if (!err && S_ISDIR(rq->mode) && dir->nlink >= DAXFS_NLINK_MAX)
		err = -EMLINK;
	if (!err)
		err = create_txn(n, dir, name, rq);
	return err;
}

static int create_once(struct inode *dir, struct name name, const struct create_req *rq, struct inode **out)
{
	struct inode_new n;
	int err = inode_new_reserve(&n, dir->fs);

	if (err)
		return err;
	pthread_rwlock_wrlock(&dir->lock);
	err = create_locked(dir, name, rq, &n);
	if (!err)
		*out = inode_new_done(&n);
	pthread_rwlock_unlock(&dir->lock);
	if (err)
		inode_new_drop(&n);
	return err;
}

static int create_checks(const struct inode *dir, struct name name, const struct create_req *rq)
{
	int err = namei_check_name(name);

	if (!err && !inode_is_dir(dir))
		err = -ENOTDIR;
	if (!err && S_ISLNK(rq->mode)) {
		size_t n = strlen(rq->target);

		err = n == 0 ? -ENOENT : n > DAXFS_SYMLINK_MAX ? -ENAMETOOLONG : 0;
	}
	return err ? err : fs_check_writable(dir->fs);
}

int namei_create(struct inode *dir, struct name name, const struct create_req *rq, struct inode **out)
{
	int err = create_checks(dir, name, rq);
	unsigned tries = 0;

	if (err)
		return err;
	do
		err = create_once(dir, name, rq, out);
	while (err == -ENOSPC && fs_make_room(dir->fs, &tries));
	return fs_result(dir->fs, err);
}

/* -- no name -------------------------------------------------------------------------------------- */

static int tmpfile_txn(struct inode_new *n, const struct inode *dir, const struct create_req *rq)
{
	struct txn *t = txn_begin(&n->fs->jn);
	struct iattr a = new_attr(dir, rq);

	a.nlink = 0;	/* an orphan from birth: a crash reclaims it */
	int err = stage_new(n, t, dir, rq->umask, &a);

	if (err)
		txn_abort(t);
	else
		txn_commit(t);
	return err;
}

static int tmpfile_once(struct inode *dir, const struct create_req *rq, struct inode **out)
{
	struct inode_new n;
	int err = inode_new_reserve(&n, dir->fs);

	if (err)
		return err;
	pthread_rwlock_rdlock(&dir->lock);
	err = namei_check_dir(dir);
	if (!err)
		err = tmpfile_txn(&n, dir, rq);
	pthread_rwlock_unlock(&dir->lock);
	if (err)
		inode_new_drop(&n);
	else
		*out = inode_new_done(&n);
	return err;
}

int namei_tmpfile(struct inode *dir, const struct create_req *rq, struct inode **out)
{
	unsigned tries = 0;
	int err = fs_check_writable(dir->fs);

	if (!err && !S_ISREG(rq->mode))
		err = -EINVAL;
	if (err)
		return err;
	do
		err = tmpfile_once(dir, rq, out);
	while (err == -ENOSPC && fs_make_room(dir->fs, &tries));
	return fs_result(dir->fs, err);
}

/* -- link -------------------------------------------------------------------------------------------- */

static int link_txn(struct inode *ip, struct inode *dir, struct name name)
{
	struct txn *t = txn_begin(&dir->fs->jn);
	struct inode_edit ed, ei;
	struct dir_pos pos;
	int err = inode_edit(&ed, t, dir), err2 = inode_edit(&ei, t, ip);

	err = err ? err : err2;
	if (!err)
		err = dir_insert(t, &ed, name, ip->ino, dirent_type(ip->type), &pos);
	if (err) {
		txn_abort(t);
		inode_edit_drop(&ed);
		inode_edit_drop(&ei);
		return err;
	}
	namei_touch(&ed, inode_now());
	ei.a.ctime = ed.a.ctime;
	ei.a.nlink++;
	inode_stage(&ed);
	inode_stage(&ei);
	txn_commit(t);
	inode_apply(&ed);
	inode_apply(&ei);
	dir_done_insert(dir, name, &pos);
	return 0;
}

static int link_locked(struct inode *ip, struct inode *dir, struct name name)
{
	int err = namei_check_dir(dir);

	if (!err)
		err = name_is_free(dir, name);
	if (!err && ip->nlink >= DAXFS_NLINK_MAX)
		err = -EMLINK;
	return err ? err : link_txn(ip, dir, name);
}

int namei_link(struct inode *ip, struct inode *dir, struct name name)
{
	int err = namei_check_name(name);
	unsigned tries = 0;

	if (!err && !inode_is_dir(dir))
		err = -ENOTDIR;
	if (!err && inode_is_dir(ip))
		err = -EPERM;
	if (!err)
		err = fs_check_writable(dir->fs);
	if (err)
		return err;
	do {
		pthread_rwlock_wrlock(&dir->lock);
		pthread_rwlock_wrlock(&ip->lock);
		err = link_locked(ip, dir, name);
		pthread_rwlock_unlock(&ip->lock);
		pthread_rwlock_unlock(&dir->lock);
	} while (err == -ENOSPC && fs_make_room(dir->fs, &tries));
	return fs_result(dir->fs, err);
}

/* -- unlink and rmdir ------------------------------------------------------------------------------------ */

struct removal { struct inode *dir, *ip; struct name name; struct dir_pos pos; bool ends; };

static int stage_removal(struct removal *r, struct txn *t, struct inode_edit *ed, struct inode_edit *ei)
{
	int err = dir_remove(t, r->dir, &r->pos);

	namei_touch(ed, inode_now());
	if (inode_is_dir(r->ip))
		ed->a.nlink--;
	inode_stage(ed);
	if (err || r->ends)
		return err ? err : inode_stage_end(ei);
	ei->a.ctime = ed->a.ctime;
	ei->a.nlink = inode_is_dir(r->ip) ? 0 : r->ip->nlink - 1;
	inode_stage(ei);
	return 0;
}

/* Both locked, all checks passed: the name goes, and the inode with it if this ends it. */
static int removal_txn(struct removal *r)
{
	struct txn *t = txn_begin(&r->dir->fs->jn);
	struct inode_edit ed, ei;
	int err = inode_edit(&ed, t, r->dir), err2 = inode_edit(&ei, t, r->ip);

	err = err ? err : err2;
	if (!err)
		err = stage_removal(r, t, &ed, &ei);
	if (err) {
		txn_abort(t);
		inode_edit_drop(&ed);
		inode_edit_drop(&ei);
		return err;
	}
	if (r->ends)
		inode_retract(r->ip);
	txn_commit(t);
	inode_apply(&ed);
	if (r->ends)
		inode_apply_end(&ei);
	else
		inode_apply(&ei);
	dir_done_remove(r->dir, r->name, &r->pos);
	return 0;
}

/* The last name of an inode that nobody else holds: one transaction instead of two. */
static int removal_run(struct removal *r)
{
	bool last = inode_is_dir(r->ip) || r->ip->nlink == 1;

	r->ends = last && inode_claim(r->ip);
	int err = removal_txn(r);

	if (err && r->ends) {
		inode_unclaim(r->ip);
		r->ends = false;
	}
	return err;
}

enum remove_what { REMOVE_FILE, REMOVE_DIR };

static int remove_checks(struct inode *dir, struct inode *ip, const struct cred *cred, enum remove_what what)
{
	int err = namei_check_sticky(dir, ip, cred);

	if (err)
		return err;
	if (what == REMOVE_FILE)
		return inode_is_dir(ip) ? -EISDIR : 0;
	if (!inode_is_dir(ip))
		return -ENOTDIR;
	int empty = dir_empty(ip);

	return empty < 0 ? empty : empty ? 0 : -ENOTEMPTY;
}

/* Directory locked.  r->ip: with a reference, or NULL when it has ended. */
static int remove_locked(struct removal *r, const struct cred *cred, enum remove_what what)
{
	int err = namei_check_dir(r->dir);

	if (!err)
		err = namei_child(r->dir, r->name, &r->pos, &r->ip);
	if (err)
		return err;
	pthread_rwlock_wrlock(&r->ip->lock);
	err = remove_checks(r->dir, r->ip, cred, what);
	if (!err)
		err = removal_run(r);
	pthread_rwlock_unlock(&r->ip->lock);
	if (r->ends) {
		inode_ended(r->ip);
		r->ip = NULL;
	}
	return err;
}

static int remove_name(struct inode *dir, struct name name, const struct cred *cred, enum remove_what what)
{
	struct removal r = { .dir = dir, .name = name };
	int err = namei_check_name(name);

	if (!err)
		err = fs_check_writable(dir->fs);
	if (err)
		return err;
	pthread_rwlock_wrlock(&dir->lock);
	err = remove_locked(&r, cred, what);
	pthread_rwlock_unlock(&dir->lock);
	if (r.ip)
		inode_put(r.ip, 1);
	return fs_result(dir->fs, err);
}

int namei_unlink(struct inode *dir, struct name name, const struct cred *cred)
{
	return remove_name(dir, name, cred, REMOVE_FILE);
}

int namei_rmdir(struct inode *dir, struct name name, const struct cred *cred)
{
	return remove_name(dir, name, cred, REMOVE_DIR);
}
