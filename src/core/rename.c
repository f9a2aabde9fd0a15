// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * rename.c -- rename(2) and renameat2(2)
 *
 * One transaction over up to two directories and two inodes: a crash leaves
 * the old names or the new ones.
 *
 * Locks, as the kernel's lock_rename() (Documentation/filesystems/directory-locking):
 * renames between two directories exclude each other by fs->rename_lock, so
 * that the tree's shape stands still while ancestors are looked at; then
 * the two directories, an ancestor first, else by number; then the inodes that
 * are moved or replaced, directories first, by number.
 *
 * With RENAME_WHITEOUT the old name stays, for W, an inode that the same
 * transaction makes: whoever merges directories is never without either.
 *
 * Names: src, dst  directory entries     S, D  what they name (D may be none)
 */
#include <dirent.h>
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>

#include "core/instance.h"
#include "core/namei_int.h"
#include "disk/txn.h"

struct rename {
	const struct rename_req *rq;
	struct inode	*sd, *dd;	/* directories, may be the same */
	struct inode	*s, *d;		/* d NULL: no target */
	struct dir_pos	 spos, dpos;
	struct inode_edit esd, edd, es, ed;
	struct dir_pos	 inserted;
	struct inode_new new_w;		/* reserved, if there is to be a whiteout */
	struct inode	*w;		/* after the transaction */
	bool		 ends;		/* D ends in this transaction */
};

static bool exchange(const struct rename *rn) { return rn->rq->flags & RENAME_EXCHANGE; }
static bool whiteout(const struct rename *rn) { return rn->rq->flags & RENAME_WHITEOUT; }
static bool crosses(const struct rename *rn) { return rn->sd != rn->dd; }

/* -- ancestry, rename_lock held ------------------------------------------------------ */

/* Is @ino @dir itself or one of its ancestors?  1, 0 or an error. */
static int is_ancestor(struct inode *dir, uint64_t ino)
{
	struct fs *fs = dir->fs;
	uint64_t at = dir->ino, steps = 0;

	while (at != ino && at != DAXFS_ROOT_INO) {
		struct inode *ip;
		int err = inode_get(fs, at, &ip);

		if (err)
			return err == -ESTALE ? 0 : err;
		at = ip->rdev;	/* stands still: only renames change it */
		inode_put(ip, 1);
		if (++steps > fs->disk.nr_blocks * DAXFS_INODES_PER_BLOCK)
			return corrupt("directory %llu is its own ancestor", (unsigned long long)dir->ino);
	}
	return at == ino;
}

static int lock_dirs(struct inode *a, struct inode *b)
{
	if (a == b) {
		pthread_rwlock_wrlock(&a->lock);
		return 0;
	}
	int below = is_ancestor(b, a->ino), above = below ? 0 : is_ancestor(a, b->ino);

	if (below < 0 || above < 0)
		return below < 0 ? below : above;
	bool b_first = above || (!below && b->ino < a->ino);

	pthread_rwlock_wrlock(b_first ? &b->lock : &a->lock);
	pthread_rwlock_wrlock(b_first ? &a->lock : &b->lock);
	return 0;
}

static void unlock_dirs(struct inode *a, struct inode *b)
{
	pthread_rwlock_unlock(&a->lock);
	if (a != b)
		pthread_rwlock_unlock(&b->lock);
}

/* -- finding and checking --------------------------------------------------------------- */

static int find_both(struct rename *rn)
{
	const struct rename_req *rq = rn->rq;
	int err = namei_check_dir(rn->sd);

	if (!err)
		err = namei_check_dir(rn->dd);
	if (!err)
		err = namei_child(rn->sd, rq->src, &rn->spos, &rn->s);
	if (err)
		return err;
	err = namei_child(rn->dd, rq->dst, &rn->dpos, &rn->d);
	if (err == -ENOENT)
		return exchange(rn) ? -ENOENT : 0;
	if (!err && (rq->flags & RENAME_NOREPLACE))
		return -EEXIST;
	return err;
}

/* A directory must not move into itself or below. */
static int check_loops(const struct rename *rn)
{
	int below = 0;

	if (!crosses(rn))
		return 0;
	if (inode_is_dir(rn->s))
		below = is_ancestor(rn->dd, rn->s->ino);
	if (below)
		return below < 0 ? below : -EINVAL;
	if (rn->d && inode_is_dir(rn->d))
		below = is_ancestor(rn->sd, rn->d->ino);
	if (below < 0)
		return below;
	return below ? (exchange(rn) ? -EINVAL : -ENOTEMPTY) : 0;
}

/* S and D locked. */
static int check_target(const struct rename *rn)
{
	if (exchange(rn) || !rn->d)
		return 0;
	if (!inode_is_dir(rn->s))
		return inode_is_dir(rn->d) ? -EISDIR : 0;
	if (!inode_is_dir(rn->d))
		return -ENOTDIR;
	int empty = dir_empty(rn->d);

	return empty < 0 ? empty : empty ? 0 : -ENOTEMPTY;
}

static int check_sticky(const struct rename *rn)
{
	int err = namei_check_sticky(rn->sd, rn->s, &rn->rq->cred);

	if (!err && rn->d)
		err = namei_check_sticky(rn->dd, rn->d, &rn->rq->cred);
	return err;
}

/* Subdirectories that each directory gains. */
static int gain_of_dst(const struct rename *rn)
{
	int in = inode_is_dir(rn->s), out = rn->d && inode_is_dir(rn->d);

	return crosses(rn) ? in - out : exchange(rn) ? 0 : -out;
}

static int gain_of_src(const struct rename *rn)
{
	int in = exchange(rn) && inode_is_dir(rn->d), out = inode_is_dir(rn->s);

	return crosses(rn) ? in - out : 0;
}

static int check_links(const struct rename *rn)
{
	if (gain_of_dst(rn) > 0 && rn->dd->nlink >= DAXFS_NLINK_MAX)
		return -EMLINK;
	if (gain_of_src(rn) > 0 && rn->sd->nlink >= DAXFS_NLINK_MAX)
		return -EMLINK;
	return 0;
}

/* -- the transaction ------------------------------------------------------------------------ */

static int open_edits(struct rename *rn, struct txn *t)
{
	int err = inode_edit(&rn->esd, t, rn->sd), e;

	if (crosses(rn) && (e = inode_edit(&rn->edd, t, rn->dd)) != 0)
		err = e;
	if ((e = inode_edit(&rn->es, t, rn->s)) != 0)
		err = e;
	if (rn->d && (e = inode_edit(&rn->ed, t, rn->d)) != 0)
		err = e;
	return err;
}

static struct inode_edit *dst_dir_edit(struct rename *rn)
{
	return crosses(rn) ? &rn->edd : &rn->esd;
}

/* The old name goes, or is W's. */
static int stage_old_name(struct rename *rn, struct txn *t)
{
	int err;

	if (!whiteout(rn))
		return dir_remove(t, rn->sd, &rn->spos);
	err = namei_stage_whiteout(&rn->new_w, t, rn->sd, &rn->rq->cred);
	return err ? err : dir_set(t, rn->sd, &rn->spos, rn->new_w.ino, DT_CHR);
}

static int stage_names(struct rename *rn, struct txn *t)
{
	int err;

	if (exchange(rn)) {
		err = dir_set(t, rn->sd, &rn->spos, rn->dpos.ino, rn->dpos.type);
		return err ? err : dir_set(t, rn->dd, &rn->dpos, rn->spos.ino, rn->spos.type);
	}
	if (rn->d)
		err = dir_set(t, rn->dd, &rn->dpos, rn->spos.ino, rn->spos.type);
	else
		err = dir_insert(t, dst_dir_edit(rn), rn->rq->dst, rn->spos.ino, rn->spos.type, &rn->inserted);
	return err ? err : stage_old_name(rn, t);
}

static void stage_attrs(struct rename *rn)
{
	int64_t now = inode_now();

	namei_touch(&rn->esd, now);
	rn->esd.a.nlink = (uint32_t)((int)rn->esd.a.nlink + gain_of_src(rn));
	namei_touch(dst_dir_edit(rn), now);
	dst_dir_edit(rn)->a.nlink = (uint32_t)((int)dst_dir_edit(rn)->a.nlink + gain_of_dst(rn));
	rn->es.a.ctime = now;
	if (inode_is_dir(rn->s))
		rn->es.a.rdev = rn->dd->ino;
	if (!rn->d)
		return;
	rn->ed.a.ctime = now;
	if (exchange(rn)) {
		if (inode_is_dir(rn->d))
			rn->ed.a.rdev = rn->sd->ino;
	} else {
		rn->ed.a.nlink = inode_is_dir(rn->d) ? 0 : rn->d->nlink - 1;
	}
}

static int stage_inodes(struct rename *rn)
{
	stage_attrs(rn);
	inode_stage(&rn->esd);
	if (crosses(rn))
		inode_stage(&rn->edd);
	inode_stage(&rn->es);
	if (rn->ends)
		return inode_stage_end(&rn->ed);
	if (rn->d)
		inode_stage(&rn->ed);
	return 0;
}

static void apply_inodes(struct rename *rn)
{
	inode_apply(&rn->esd);
	if (crosses(rn))
		inode_apply(&rn->edd);
	inode_apply(&rn->es);
	if (rn->ends)
		inode_apply_end(&rn->ed);
	else if (rn->d)
		inode_apply(&rn->ed);
}

static void drop_edits(struct rename *rn)
{
	inode_edit_drop(&rn->esd);
	if (crosses(rn))
		inode_edit_drop(&rn->edd);
	inode_edit_drop(&rn->es);
	if (rn->d)
		inode_edit_drop(&rn->ed);
}

static void follow_names(struct rename *rn)
{
	if (exchange(rn))
		return;		/* records keep name and place */
	if (!rn->d)
		dir_done_insert(rn->dd, rn->rq->dst, &rn->inserted);
	if (!whiteout(rn))
		dir_done_remove(rn->sd, rn->rq->src, &rn->spos);
}

static int rename_txn(struct rename *rn)
{
	struct txn *t = txn_begin(&rn->sd->fs->jn);
	int err = open_edits(rn, t);

	if (!err)
		err = stage_names(rn, t);
	if (!err)
		err = stage_inodes(rn);
	if (err) {
		txn_abort(t);
		drop_edits(rn);
		return err;
	}
	if (rn->ends)
		inode_retract(rn->d);
	txn_commit(t);
	apply_inodes(rn);
	follow_names(rn);
	if (whiteout(rn))
		rn->w = inode_new_done(&rn->new_w);
	return 0;
}

/* The last name of an inode that nobody else holds: it ends in the same transaction. */
static int rename_run(struct rename *rn)
{
	bool last = rn->d && !exchange(rn) && (inode_is_dir(rn->d) || rn->d->nlink == 1);

	rn->ends = last && inode_claim(rn->d);
	int err = rename_txn(rn);

	if (err && rn->ends) {
		inode_unclaim(rn->d);
		rn->ends = false;
	}
	return err;
}

/* -- the door ---------------------------------------------------------------------------------- */

/* Directories locked. */
static int rename_locked(struct rename *rn)
{
	int err = find_both(rn);

	if (err || rn->s == rn->d)
		return err;
	err = check_loops(rn);
	if (err)
		return err;
	inode_lock_children(rn->s, rn->d);
	err = check_sticky(rn);
	if (!err)
		err = check_target(rn);
	if (!err)
		err = check_links(rn);
	if (!err)
		err = rename_run(rn);
	inode_unlock2(rn->s, rn->d);
	return err;
}

/* W stays, or its number goes back. */
static void let_go_of_whiteout(struct rename *rn)
{
	if (rn->w)
		inode_put(rn->w, 1);
	else
		inode_new_drop(&rn->new_w);
}

/* The edits stay as they are until they are opened: half of them never are, and they are large. */
static void rename_init(struct rename *rn, const struct rename_req *rq)
{
	rn->rq = rq;
	rn->sd = rq->src_dir;
	rn->dd = rq->dst_dir;
	rn->s = rn->d = rn->w = NULL;
	rn->ends = false;
}

static int rename_once(const struct rename_req *rq)
{
	struct fs *fs = rq->src_dir->fs;
	struct rename rn;

	rename_init(&rn, rq);
	bool across = crosses(&rn);
	int err = whiteout(&rn) ? inode_new_reserve(&rn.new_w, fs) : 0;

	if (err)
		return err;
	if (across)
		pthread_mutex_lock(&fs->rename_lock);
	err = lock_dirs(rn.sd, rn.dd);
	if (!err) {
		err = rename_locked(&rn);
		unlock_dirs(rn.sd, rn.dd);
	}
	if (across)
		pthread_mutex_unlock(&fs->rename_lock);
	if (whiteout(&rn))
		let_go_of_whiteout(&rn);
	if (rn.s)
		inode_put(rn.s, 1);
	if (rn.ends)
		inode_ended(rn.d);
	else if (rn.d)
		inode_put(rn.d, 1);
	return err;
}

static int rename_checks(const struct rename_req *rq)
{
	int err = namei_check_name(rq->src);

	if (!err)
		err = namei_check_name(rq->dst);
	if (err)
		return err;
	if ((rq->flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) ||
	    ((rq->flags & RENAME_EXCHANGE) && rq->flags != RENAME_EXCHANGE))
		return -EINVAL;
	if (!inode_is_dir(rq->src_dir) || !inode_is_dir(rq->dst_dir))
		return -ENOTDIR;
	return fs_check_writable(rq->src_dir->fs);
}

int namei_rename(const struct rename_req *rq)
{
	int err = rename_checks(rq);
	unsigned tries = 0;

	if (err)
		return err;
	do
		err = rename_once(rq);
	while (err == -ENOSPC && fs_make_room(rq->src_dir->fs, &tries));
	return fs_result(rq->src_dir->fs, err);
}
