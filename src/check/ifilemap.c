// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ifilemap.c -- where the inode file lies
 *
 * Its root is in both superblocks, the same in both at all times, and its
 * blocks are the first to be claimed.  If the primary's root leads nowhere the
 * copy's is taken; if neither is sound, what is plausible in them is kept, and
 * the rest looked for on the whole device (ifind.c).
 */
#include "check/ifind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "check/claim.h"
#include "check/mapwalk.h"
#include "check/scan.h"
#include "check/slot.h"

#define GROW_BLOCKS	16	/* at a time */

static const struct dinode *root_in(const struct check *c, uint64_t blk)
{
	return &((const struct dsuper *)media_at(&c->m, blk))->ifile;
}

/* Replaces the root in a superblock; a private copy only when it was not agreed to. */
static int put_root(struct check *c, uint64_t blk, const struct dinode *di, bool agreed)
{
	struct dsuper *sb = agreed ? media_edit(&c->m, blk) : media_restore(&c->m, blk);

	c->look_only |= !agreed;
	if (!sb)
		return -ENOMEM;
	memmove(&sb->ifile, di, sizeof(*di));
	return 0;
}

/* -- a sound root ---------------------------------------------------------------------- */

/* NULL with c->runs, or why the root cannot be used. */
static const char *root_wrong(struct check *c, const struct dinode *di)
{
	struct mapfault f;
	const char *why;
	uint64_t blocks;
	enum slot_kind kind = slot_judge(c, di, 0, &why);

	if (kind != SLOT_LIVE)
		return kind == SLOT_UNUSED ? "it is empty" : kind == SLOT_FREE ? "it is marked as free" : why;
	c->runs.nr = 0;
	if (map_walk(c, &di->map, 0, &c->runs, &f))
		return f.why;
	if (!scan_tiled(&c->runs, &blocks) || blocks == 0 || le64_get(di->size) != blocks << DAXFS_BLOCK_SHIFT)
		return "blocks are missing";
	for (size_t i = 0; i < c->runs.nr; i++)
		if (c->runs.v[i].lblk != RUN_META && !ifind_fits(c, &c->runs.v[i]))
			return "its map leads to blocks without inodes";
	return NULL;
}

/* c->ifile and c->nr_slots from c->runs. */
static int take_runs(struct check *c)
{
	int err = 0;

	c->ifile.nr = 0;
	c->nr_slots = 0;
	for (size_t i = 0; !err && i < c->runs.nr; i++) {
		const struct mrun *r = &c->runs.v[i];

		if (r->lblk == RUN_META)
			continue;
		err = mrun_add(&c->ifile, *r);
		c->nr_slots = (r->lblk + r->len) * DAXFS_INODES_PER_BLOCK;
	}
	return err;
}

static int fix_blocks(struct check *c, const struct dinode *root)
{
	struct pctx x = { .num = scan_blocks(&c->runs), .num2 = le64_get(root->blocks) };
	struct dinode new = *root;
	int err;

	if (x.num == x.num2 || !problem(c, PR_IFILE_BLOCKS, &x))
		return 0;
	new.blocks = le64_make(x.num);
	slot_seal(&new);
	err = put_root(c, 0, &new, true);
	return err ? err : put_root(c, c->nr_blocks - 1, &new, true);
}

static int check_copy(struct check *c)
{
	uint64_t last = c->nr_blocks - 1;
	const struct dinode *root = root_in(c, 0);

	if (!memcmp(root, root_in(c, last), sizeof(*root)))
		return 0;
	if (!problem(c, PR_SUPER_IFILE, &(struct pctx){ .blk = last, .text = "it differs from the primary's" }))
		return 0;
	return put_root(c, last, root, true);
}

static int use_root(struct check *c)
{
	int err = take_runs(c);

	if (!err)
		err = fix_blocks(c, root_in(c, 0));
	return err ? err : check_copy(c);
}

/* -- none ----------------------------------------------------------------------------------- */

/* The root that says more for itself; only its map is of interest. */
static const struct dinode *better_root(struct check *c)
{
	const struct dinode *copy = root_in(c, c->nr_blocks - 1);
	const char *why;

	return slot_judge(c, copy, 0, &why) == SLOT_LIVE && slot_judge(c, root_in(c, 0), 0, &why) != SLOT_LIVE ?
	       copy : root_in(c, 0);
}

static void root_init(struct dinode *di, const struct dinode *was, uint64_t blocks)
{
	bool times = S_ISREG(le32_get(was->mode));

	slot_clear(di, 0, 1);
	di->mode = le32_make(S_IFREG);
	di->nlink = le32_make(1);
	if (times) {
		di->atime = was->atime;
		di->mtime = was->mtime;
		di->ctime = was->ctime;
		di->btime = was->btime;
	}
	di->size = le64_make(blocks << DAXFS_BLOCK_SHIFT);
}

static int store_root(struct check *c, const struct dinode *was, const struct mrunvec *ext)
{
	struct dinode di;
	struct mapbuild b = { 0, ext, &di.map, 0 };
	uint64_t blocks = c->nr_slots / DAXFS_INODES_PER_BLOCK;
	int err;

	root_init(&di, was, blocks);
	err = map_build(c, &b);
	if (err)
		return err;
	di.blocks = le64_make(blocks + b.nodes);
	slot_seal(&di);
	err = put_root(c, 0, &di, true);
	return err ? err : put_root(c, c->nr_blocks - 1, &di, true);
}

static void *zero_extend(void *p, uint64_t was, uint64_t nr, size_t size)
{
	uint8_t *grown = realloc(p, nr * size);

	if (grown)
		memset(grown + was * size, 0, (nr - was) * size);
	return grown;
}

static int extend_tables(struct check *c, uint64_t nr)
{
	void *state = zero_extend(c->state, c->nr_slots, nr, sizeof(*c->state)), *nlink = NULL, *links = NULL;

	if (state) {
		c->state = state;
		nlink = zero_extend(c->nlink, c->nr_slots, nr, sizeof(*c->nlink));
	}
	if (nlink) {
		c->nlink = nlink;
		links = zero_extend(c->links, c->nr_slots, nr, sizeof(*c->links));
	}
	if (!links)
		return -ENOMEM;
	c->links = links;
	c->nr_slots = nr;
	return 0;
}

/* The map as it is, with one more run. */
static int append_run(struct check *c, struct mrun r)
{
	struct dinode was = *root_in(c, 0);
	uint64_t slots = c->nr_slots;
	struct mapfault f;
	int err;

	c->runs.nr = 0;
	err = map_walk(c, &was.map, 0, &c->runs, &f);
	if (!err)
		err = mrun_add(&c->runs, r);
	if (!err)
		err = extend_tables(c, (r.lblk + r.len) * DAXFS_INODES_PER_BLOCK);
	if (!err)
		err = store_root(c, &was, &c->runs);
	if (err)
		c->nr_slots = slots;
	return err;
}

int ifile_grow(struct check *c)
{
	struct mrun r = { .lblk = c->nr_slots / DAXFS_INODES_PER_BLOCK };
	int err;

	r.len = (uint32_t)claim_find(c, claim_leaving_nodes(c, GROW_BLOCKS), &r.pblk);
	if (!r.len)
		return -ENOSPC;
	err = append_run(c, r);
	if (err) {
		claim_give(c, r.pblk, r.len);
		return err;
	}
	for (uint32_t i = 0; i < r.len; i++)
		if (!media_fresh(&c->m, r.pblk + i))
			return -ENOMEM;
	return mrun_add(&c->ifile, r);
}

/* From the claims that allocation needed to the inode file's own. */
static int reclaim(struct check *c, bool stored)
{
	struct mapfault f;
	int err = check_go(c);

	if (!err)
		err = claim_reset(c);
	if (!err && stored) {
		c->runs.nr = 0;
		err = map_walk(c, &root_in(c, 0)->map, 0, &c->runs, &f);
	}
	return err ? err : claim_take_runs(c, &c->runs);
}

/* Keeps what the roots still lead to, finds the rest, and makes a new map of it. */
static int rebuild(struct check *c, const char *why)
{
	struct dinode was = *better_root(c);
	struct salvage s = { .ino = 0, .out = &c->runs, .agreed = true };
	bool agreed = problem(c, PR_IFILE_DAMAGED, &(struct pctx){ .text = why });
	int err = claim_reset(c);

	c->runs.nr = 0;
	if (!err)
		err = map_salvage(c, &was.map, &s);
	free(s.reseal.v);
	if (!err)
		err = ifind_complete(c, &c->runs, agreed && s.agreed);
	if (!err)
		err = take_runs(c);
	if (!err && !c->nr_slots) {
		log_error("no inode is left on the device: there is nothing to repair");
		return -EUCLEAN;
	}
	agreed &= s.agreed;
	c->look_only |= !agreed;
	if (!err && agreed)
		err = store_root(c, &was, &c->runs);
	return err ? err : reclaim(c, agreed);
}

/* Both roots are sound in themselves but differ: do more inodes lie where the copy's leads? */
static const char *copy_is_better(struct check *c)
{
	const struct dinode *primary = root_in(c, 0), *copy = root_in(c, c->nr_blocks - 1);
	uint64_t score;
	const char *why;

	if (!memcmp(&primary->map, &copy->map, sizeof(copy->map)))
		return NULL;
	score = ifind_score(c, &c->runs);
	why = root_wrong(c, copy) || ifind_score(c, &c->runs) <= score ? NULL : "its copy leads to more inodes";
	return root_wrong(c, primary) ? NULL : why;	/* back to its runs */
}

/* c->runs are the copy's. */
static int take_copy(struct check *c, enum problem p, const char *why)
{
	int err = claim_reset(c);
	bool agreed;

	if (!err)
		err = claim_take_runs(c, &c->runs);
	if (err)
		return err;
	if (c->twice)
		return rebuild(c, why);
	agreed = problem(c, p, &(struct pctx){ .text = why });
	err = put_root(c, 0, root_in(c, c->nr_blocks - 1), agreed);
	return err ? err : use_root(c);
}

/* A root that is wrong in itself costs nothing as long as the other is right; of two that are right one is guessed. */
int ifile_open(struct check *c)
{
	const char *why = root_wrong(c, root_in(c, 0));
	enum problem p = why ? PR_SUPER_IFILE : PR_IFILE_DAMAGED;
	int err;

	if (!why)
		why = copy_is_better(c);
	if (!why) {
		err = claim_take_runs(c, &c->runs);
		if (err || !c->twice)
			return err ? err : use_root(c);
		why = "a block is there twice";
	}
	if (root_wrong(c, root_in(c, c->nr_blocks - 1)))
		return rebuild(c, why);
	return take_copy(c, p, why);
}
