// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * lostfound.c -- a name for inodes that have none
 *
 * /lost+found is made when it is first needed, and directories get blocks from
 * what nothing claims; when nothing is free, what room their blocks have must
 * do.  All in private copies; the tables of inodes and directories follow, so
 * that the counts that are checked next include what is made here.
 */
#include "check/lostfound.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "check/claim.h"
#include "check/diredit.h"
#include "check/mapwalk.h"
#include "check/scan.h"
#include "check/slot.h"

#define NAME	"lost+found"
#define GROW_MAX	64	/* blocks at a time */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static void dir_init(struct dinode *di, uint64_t ino, uint32_t mode, uint32_t gen)
{
	le64 now = le64_make(now_ns());

	slot_clear(di, ino, gen);
	di->mode = le32_make(S_IFDIR | mode);
	di->nlink = le32_make(2);
	di->rdev = le64_make(DAXFS_ROOT_INO);
	di->atime = di->mtime = di->ctime = di->btime = now;
	slot_seal(di);
}

static int new_dir(struct check *c, const struct dinode *di, uint64_t ino)
{
	int err = slot_put(c, ino, di);

	if (!err)
		err = scan_note(c, di, ino);
	if (!err)
		cdir_sort(c);
	return err;
}

int lostfound_root(struct check *c)
{
	struct dinode di;

	dir_init(&di, DAXFS_ROOT_INO, 0755, 1);
	return new_dir(c, &di, DAXFS_ROOT_INO);
}

/* -- growing ------------------------------------------------------------------------ */

static int format_blocks(struct check *c, const struct dirblock_id *first, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		struct dirblock_id id = { first->owner, first->lblk + i, first->self + i };
		struct ddirblk *b = media_fresh(&c->m, id.self);

		if (!b)
			return -ENOMEM;
		dirblock_empty(b, &id);
	}
	return 0;
}

/* The map anew, with the run behind what it has. */
static int append_run(struct check *c, uint64_t ino, struct mrun r)
{
	struct dinode di = *slot_at(c, ino);
	struct mapbuild b = { ino, &c->runs, &di.map, 0 };
	uint64_t was, says = le64_get(di.blocks);
	struct mapfault f;
	int err;

	c->runs.nr = 0;
	err = map_walk(c, &slot_at(c, ino)->map, ino, &c->runs, &f);
	was = scan_blocks(&c->runs);
	if (!err)
		err = mrun_add(&c->runs, r);
	if (!err)
		err = map_build(c, &b);
	if (err)
		return err < 0 ? err : -ENOSPC;
	di.size = le64_make((r.lblk + r.len) << DAXFS_BLOCK_SHIFT);
	di.blocks = le64_make((says > was ? says - was : 0) + r.lblk + r.len + b.nodes);	/* attributes stay */
	slot_seal(&di);
	return slot_put(c, ino, &di);
}

static int grow_dir(struct check *c, uint64_t ino)
{
	uint64_t blocks = le64_get(slot_at(c, ino)->size) / DAXFS_BLOCK_SIZE;
	uint64_t want = blocks < 1 ? 1 : blocks < GROW_MAX ? blocks : GROW_MAX, blk, n;
	struct dirblock_id id = { ino, blocks, 0 };
	int err;

	n = claim_find(c, claim_leaving_nodes(c, want), &blk);
	if (!n)
		return -ENOSPC;
	id.self = blk;
	err = append_run(c, ino, (struct mrun){ blocks, blk, (uint32_t)n, 0 });
	if (err)
		claim_give(c, blk, n);
	return err ? err : format_blocks(c, &id, n);
}

static int insert(struct check *c, uint64_t dir, const struct dirblock_new *n, uint64_t *hint)
{
	int err = diredit_insert(c, dir, n, hint);

	if (err != -ENOSPC)
		return err;
	err = grow_dir(c, dir);
	return err ? err : diredit_insert(c, dir, n, hint);
}

/* -- lost+found ------------------------------------------------------------------------ */

static uint64_t free_slot(const struct check *c)
{
	const char *why;

	for (uint64_t ino = DAXFS_ROOT_INO + 1; ino < c->nr_slots; ino++) {
		enum slot_kind kind;

		if (c->state[ino])
			continue;
		kind = slot_judge(c, slot_at(c, ino), ino, &why);
		if (kind == SLOT_UNUSED || kind == SLOT_FREE)
			return ino;
	}
	return 0;
}

static int make(struct check *c)
{
	struct dirblock_new n = { .type = DT_DIR, .name = NAME, .name_len = sizeof(NAME) - 1 };
	uint64_t ino = free_slot(c), hint = 0;
	struct dinode di;
	int err = ino ? 0 : ifile_grow(c);

	if (err)
		return err;
	n.ino = ino = free_slot(c);
	err = insert(c, DAXFS_ROOT_INO, &n, &hint);
	if (err)
		return err;
	dir_init(&di, ino, 0700, le32_get(slot_at(c, ino)->gen) + 1);
	err = new_dir(c, &di, ino);
	if (err)
		return err;
	cdir_find(c, ino)->named_in = DAXFS_ROOT_INO;
	cdir_find(c, DAXFS_ROOT_INO)->subdirs++;
	c->lostfound = ino;
	return 0;
}

static const char *why_not(int err)
{
	return err == -ENOSPC ? "no space" : NULL;
}

static int make_if_agreed(struct check *c)
{
	if (!problem(c, PR_LOSTFOUND, &(struct pctx){ 0 })) {
		c->lf_closed = "there is none";
		return 1;
	}
	int err = make(c);

	c->lf_closed = why_not(err);
	if (!c->lf_closed)
		return err ? err : diredit_load(c, c->lostfound);
	problem_withdraw(c, PR_NR, &(struct pctx){ 0 });
	return 1;
}

static bool is_lostfound(const struct check *c, uint64_t ino)
{
	return ino < c->nr_slots && (c->state[ino] & INO_TYPE) == DT_DIR && cdir_find(c, ino)->named_in == DAXFS_ROOT_INO;
}

/* 0, -ENOMEM, or 1 with c->lf_closed. */
static int find_or_make(struct check *c)
{
	uint64_t ino;

	if (c->lostfound)
		return 0;
	if (!cdir_find(c, DAXFS_ROOT_INO) || (c->state[DAXFS_ROOT_INO] & INO_DAMAGED)) {
		c->lf_closed = "the root directory is damaged";
		return 1;
	}
	ino = diredit_find(c, DAXFS_ROOT_INO, NAME);
	c->lf_hint = 0;
	if (!ino)
		return make_if_agreed(c);
	if (!is_lostfound(c, ino))
		c->lf_closed = "that is no directory";
	else if (c->state[ino] & INO_DAMAGED)
		c->lf_closed = "that is damaged";
	if (c->lf_closed)
		return 1;
	c->lostfound = ino;
	return diredit_load(c, ino);
}

/* A directory's new parent; a file's new name. */
static int account(struct check *c, uint64_t ino)
{
	struct cdir *d = (c->state[ino] & INO_TYPE) == DT_DIR ? cdir_find(c, ino) : NULL;
	struct cdir *lf = cdir_find(c, c->lostfound);
	struct dinode di;

	lf->has_names = true;
	if (!d) {
		c->links[ino]++;
		return 0;
	}
	d->named_in = d->parent = c->lostfound;
	lf->subdirs++;
	di = *slot_at(c, ino);
	di.rdev = le64_make(c->lostfound);
	slot_seal(&di);
	return slot_put(c, ino, &di);
}

/* "#12", or "#12.1" if that is taken. */
static void name_for(struct check *c, uint64_t ino, char *name, size_t size)
{
	snprintf(name, size, "#%" PRIu64, ino);
	for (unsigned i = 1; diredit_known(c, name); i++)
		snprintf(name, size, "#%" PRIu64 ".%u", ino, i);
}

int lostfound_adopt(struct check *c, uint64_t ino, const char **why)
{
	struct dirblock_new n = { .ino = ino, .type = c->state[ino] & INO_TYPE };
	char name[40];
	int ret = find_or_make(c);

	*why = c->lf_closed;
	if (ret)
		return ret;
	*why = "it is that itself";
	if (ino == c->lostfound)
		return 1;
	*why = "as many directories as there may be are in it";
	if (n.type == DT_DIR && cdir_find(c, c->lostfound)->subdirs + 2 >= DAXFS_NLINK_MAX)
		return 1;
	name_for(c, ino, name, sizeof(name));
	n.name = name;
	n.name_len = (unsigned)strlen(name);
	ret = insert(c, c->lostfound, &n, &c->lf_hint);
	*why = why_not(ret);
	if (ret)
		return *why ? 1 : ret;
	return account(c, ino);
}
