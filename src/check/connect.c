// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * connect.c -- the tree: the root, parents, loops, inodes without a name, counts
 *
 * Every directory but the root has one name, in the directory that its inode
 * calls its parent.  Going up from any directory ends at the root, or at one
 * without a name, which /lost+found then adopts; or it goes in a circle, which
 * is cut.  An inode without links and without a name is an orphan: on an
 * unclean filesystem the next mount reclaims it, and it is not touched here.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/diredit.h"
#include "check/lostfound.h"
#include "check/scan.h"
#include "check/slot.h"

#define TICK	65536	/* inodes between two reports of progress */

struct cdir *cdir_find(const struct check *c, uint64_t ino)
{
	size_t lo = 0, hi = c->nr_dirs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->dir[mid].ino == ino)
			return &c->dir[mid];
		if (c->dir[mid].ino < ino)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static int by_ino(const void *a, const void *b)
{
	const struct cdir *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

void cdir_sort(struct check *c)
{
	if (c->nr_dirs)
		qsort(c->dir, c->nr_dirs, sizeof(*c->dir), by_ino);
}

/* -- the root -------------------------------------------------------------------------- */

static int check_root(struct check *c)
{
	const char *why = NULL;
	struct cdir *root;
	struct dinode di;

	if (!c->state[DAXFS_ROOT_INO])
		why = "is gone";
	else if ((c->state[DAXFS_ROOT_INO] & INO_TYPE) != DT_DIR)
		why = "is not a directory";
	if (why)
		return problem(c, PR_ROOT_GONE, &(struct pctx){ .text = why }) ? lostfound_root(c) : 0;
	root = cdir_find(c, DAXFS_ROOT_INO);
	if (!root || root->parent == DAXFS_ROOT_INO || (c->state[DAXFS_ROOT_INO] & INO_DAMAGED) ||
	    !problem(c, PR_ROOT_PARENT, &(struct pctx){ .num = root->parent }))
		return 0;
	di = *slot_at(c, DAXFS_ROOT_INO);
	di.rdev = le64_make(DAXFS_ROOT_INO);
	slot_seal(&di);
	return slot_put(c, DAXFS_ROOT_INO, &di);
}

/* -- parents ----------------------------------------------------------------------------- */

/* Takes @d out of the directory that holds its name. */
static int cut(struct check *c, struct cdir *d)
{
	struct cdir *parent = cdir_find(c, d->named_in);
	int err;

	if (!problem(c, PR_DIR_LOOP, &(struct pctx){ .ino = d->ino }))
		return 0;
	err = diredit_remove(c, d->named_in, d->ino);
	if (err && err != -ENOENT)
		return err;
	if (parent && parent->subdirs)
		parent->subdirs--;
	d->named_in = 0;
	return 0;
}

/* Marks each directory on the way up with the number of the walk that met it first. */
static int walk_up(struct check *c, struct cdir *d, uint32_t walk)
{
	while (d && d->ino != DAXFS_ROOT_INO && d->named_in) {
		if (d->mark == walk)
			return cut(c, d);
		if (d->mark)
			return 0;
		d->mark = walk;
		d = cdir_find(c, d->named_in);
	}
	return 0;
}

static int check_loops(struct check *c)
{
	uint32_t walk = 0;
	int err = 0;

	for (size_t i = 0; !err && i < c->nr_dirs; i++) {
		if (++walk == 0)
			walk = 1;
		err = walk_up(c, &c->dir[i], walk);
	}
	return err;
}

static int check_parent(struct check *c, const struct cdir *d)
{
	struct pctx x = { .ino = d->ino, .num = d->named_in, .num2 = d->parent };
	struct dinode di;

	if (!d->named_in || d->parent == d->named_in || !problem(c, PR_DIR_PARENT, &x))
		return 0;
	di = *slot_at(c, d->ino);
	di.rdev = le64_make(d->named_in);
	slot_seal(&di);
	return slot_put(c, d->ino, &di);
}

/* -- inodes without a name -------------------------------------------------------------------- */

static int adopt(struct check *c, uint64_t ino, enum problem p)
{
	struct pctx x = { .ino = ino, .text = c->lf_closed };
	int ret;

	if (c->lf_closed) {
		(void)problem(c, PR_NO_ROOM, &x);
		return 0;
	}
	if (!problem(c, p, &x))
		return 0;
	ret = lostfound_adopt(c, ino, &x.text);
	if (ret == 1)
		problem_withdraw(c, PR_NO_ROOM, &x);
	return ret < 0 ? ret : 0;
}

static int orphan(struct check *c, uint64_t ino)
{
	uint32_t gen = le32_get(slot_at(c, ino)->gen);
	struct dinode di;

	if (!c->clean || !problem(c, PR_ORPHAN, &(struct pctx){ .ino = ino }))
		return 0;
	slot_clear(&di, ino, gen);
	c->state[ino] = 0;
	c->nr_live--;
	c->nr_orphans--;
	return slot_put(c, ino, &di);
}

static int check_dir(struct check *c, uint64_t ino)
{
	struct cdir *d = cdir_find(c, ino);

	if (!d || ino == DAXFS_ROOT_INO)
		return 0;
	if (d->named_in)
		return check_parent(c, d);
	if ((c->state[ino] & INO_ORPHAN) && !d->has_names)
		return orphan(c, ino);
	return adopt(c, ino, PR_DIR_UNCONNECTED);
}

static int check_file(struct check *c, uint64_t ino)
{
	if (c->links[ino])
		return 0;
	return c->state[ino] & INO_ORPHAN ? orphan(c, ino) : adopt(c, ino, PR_FILE_UNCONNECTED);
}

static int check_names_of(struct check *c, uint64_t ino)
{
	unsigned type = c->state[ino] & INO_TYPE;

	if (!type || (c->state[ino] & INO_DAMAGED))
		return 0;
	return type == DT_DIR ? check_dir(c, ino) : check_file(c, ino);
}

/* -- link counts ---------------------------------------------------------------------------------- */

/* What the count should be; 0 for an orphan, and for what is unconnected and stays so. */
static uint64_t links_of(const struct check *c, uint64_t ino)
{
	const struct cdir *d;

	if ((c->state[ino] & INO_TYPE) != DT_DIR)
		return c->links[ino];
	d = cdir_find(c, ino);
	return d && (d->named_in || ino == DAXFS_ROOT_INO) ? 2 + (uint64_t)d->subdirs : 0;
}

static int check_count(struct check *c, uint64_t ino)
{
	uint64_t n = links_of(c, ino);
	struct pctx x = { .ino = ino, .num = n, .num2 = c->nlink[ino] };
	struct dinode di;

	if (!n || n == c->nlink[ino] || (c->state[ino] & INO_DAMAGED))
		return 0;
	if (!problem(c, PR_NLINK, &x))
		return 0;
	if (c->state[ino] & INO_ORPHAN)
		c->nr_orphans--;
	di = *slot_at(c, ino);
	di.nlink = le32_make((uint32_t)n);
	slot_seal(&di);
	return slot_put(c, ino, &di);
}

typedef int (*inode_fn)(struct check *c, uint64_t ino);

static int each_inode(struct check *c, inode_fn fn)
{
	int err = 0;

	for (uint64_t ino = DAXFS_ROOT_INO; !err && ino < c->nr_slots; ino++) {
		if (ino % TICK == 0)
			check_progress(c, CHECK_PHASE_TREE, ino, c->nr_slots);
		if (!c->state[ino])
			continue;
		err = fn(c, ino);
		if (!err)
			err = check_go(c);
	}
	return err;
}

int phase_tree(struct check *c)
{
	int err = check_root(c);

	c->lostfound = 0;
	c->lf_closed = NULL;
	if (!err)
		err = check_loops(c);
	if (!err)
		err = each_inode(c, check_names_of);
	return err ? err : each_inode(c, check_count);
}
