// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * scan.c -- one inode after the other
 *
 * Healthy inodes claim their blocks at once.  An inode of which anything is
 * wrong, be it a node of its map, is put aside whole, so that it can take
 * nothing from a healthy one: mend.c deals with it when all those have claimed.
 * Inodes that claim much of the device come last among the healthy ones.
 */
#include "check/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "check/claim.h"
#include "check/mapwalk.h"
#include "check/slot.h"
#include "check/xchain.h"

#define AHEAD		2	/* slots to prefetch */
#define TICK		4096	/* blocks between two reports of progress */

uint64_t scan_blocks(const struct mrunvec *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v->nr; i++)
		n += v->v[i].len;
	return n;
}

bool scan_tiled(const struct mrunvec *v, uint64_t *blocks)
{
	*blocks = 0;
	for (size_t i = 0; i < v->nr; i++) {
		const struct mrun *r = &v->v[i];

		if (r->lblk == RUN_META)
			continue;
		if (r->lblk != *blocks || r->flags)
			return false;
		*blocks += r->len;
	}
	return true;
}

static bool tiled(const struct mrunvec *v, uint64_t blocks)
{
	uint64_t n;

	return scan_tiled(v, &n) && n == blocks;
}

/* What the type asks of the map. */
static bool shape_ok(const struct dinode *di, const struct mrunvec *v)
{
	uint32_t mode = le32_get(di->mode);

	if (S_ISDIR(mode))
		return tiled(v, le64_get(di->size) / DAXFS_BLOCK_SIZE);
	return !S_ISLNK(mode) || tiled(v, 1);
}

int scan_runs(struct check *c, const struct dinode *di, uint64_t ino, struct mrunvec *out)
{
	struct mapfault mf;
	struct xfault xf;
	int ret = 0;

	out->nr = 0;
	if (slot_has_map(di)) {
		ret = map_walk(c, &di->map, ino, out, &mf);
		if (!ret && !shape_ok(di, out))
			ret = 1;
	}
	if (!ret && le64_get(di->xattr)) {
		struct xchain x = { ino, le64_get(di->xattr), out, 0 };

		ret = xchain_walk(c, &x, &xf);
	}
	return ret;
}

/* Counts of media may be anything: what does not fit is wrong anyway. */
static uint16_t small(uint32_t n)
{
	return n < UINT16_MAX ? (uint16_t)n : UINT16_MAX;
}

static int note_dir(struct check *c, const struct dinode *di, uint64_t ino)
{
	if (vec_grow(&c->dir, c->nr_dirs, &c->cap_dirs, sizeof(*c->dir)))
		return -ENOMEM;
	c->dir[c->nr_dirs++] = (struct cdir){ .ino = ino, .parent = le64_get(di->rdev) };
	return 0;
}

int scan_note(struct check *c, const struct dinode *di, uint64_t ino)
{
	uint32_t mode = le32_get(di->mode);

	c->state[ino] = (uint8_t)slot_type(mode);
	c->nlink[ino] = small(le32_get(di->nlink));
	c->nr_live++;
	if (!c->nlink[ino]) {
		c->state[ino] |= INO_ORPHAN;
		c->nr_orphans++;
	}
	return S_ISDIR(mode) ? note_dir(c, di, ino) : 0;
}

/* -- live slots ------------------------------------------------------------------------- */

static int put_aside(struct check *c, uint64_t ino)
{
	struct inovec *s = &c->suspect;

	if (vec_grow(&s->v, s->nr, &s->cap, sizeof(*s->v)))
		return -ENOMEM;
	s->v[s->nr++] = ino;
	return 0;
}

static int fix_blocks(struct check *c, const struct dinode *di, uint64_t ino, uint64_t blocks)
{
	struct pctx x = { .ino = ino, .num = blocks, .num2 = le64_get(di->blocks) };
	struct dinode new = *di;

	if (!problem(c, PR_INODE_BLOCKS, &x))
		return 0;
	new.blocks = le64_make(blocks);
	slot_seal(&new);
	return slot_put(c, ino, &new);
}

/* The runs of a sound inode, in c->runs, become its own. */
static int settle(struct check *c, const struct dinode *di, uint64_t ino)
{
	uint64_t blocks = scan_blocks(&c->runs), before = c->nr_claimed;
	int err = claim_take_runs(c, &c->runs);

	if (!err)
		err = scan_note(c, di, ino);
	if (err)
		return err;
	if (check_huge(c, blocks) && c->nr_claimed - before < blocks)
		c->state[ino] |= INO_GREEDY;
	if (blocks == le64_get(di->blocks))
		return 0;
	c->state[ino] |= INO_DOUBTED;
	return fix_blocks(c, di, ino, blocks);
}

static int defer(struct check *c, uint64_t ino)
{
	struct hugevec *h = &c->huge;

	if (vec_grow(&h->v, h->nr, &h->cap, sizeof(*h->v)))
		return -ENOMEM;
	h->v[h->nr++] = (struct huge){ ino, scan_blocks(&c->runs) };
	return 0;
}

static int scan_live(struct check *c, const struct dinode *di, uint64_t ino)
{
	int ret = scan_runs(c, di, ino, &c->runs);

	if (ret)
		return ret < 0 ? ret : put_aside(c, ino);
	if (check_huge(c, scan_blocks(&c->runs)))
		return defer(c, ino);
	return settle(c, di, ino);
}

static int by_blocks(const void *a, const void *b)
{
	const struct huge *x = a, *y = b;

	if (x->blocks != y->blocks)
		return x->blocks < y->blocks ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* The smallest first: who claims what is claimed already is greedy. */
static int scan_huge(struct check *c)
{
	int ret = 0;

	if (!c->huge.nr)
		return 0;
	qsort(c->huge.v, c->huge.nr, sizeof(*c->huge.v), by_blocks);
	for (size_t i = 0; ret >= 0 && i < c->huge.nr; i++) {
		uint64_t ino = c->huge.v[i].ino;
		const struct dinode *di = slot_at(c, ino);

		ret = scan_runs(c, di, ino, &c->runs);
		if (!ret)
			ret = check_overdone(c, c->huge.v[i].blocks) ? put_aside(c, ino) : settle(c, di, ino);
	}
	cdir_sort(c);
	return ret < 0 ? ret : check_go(c);
}

/* -- all slots ---------------------------------------------------------------------------- */

static int free_damaged(struct check *c, const struct dinode *di, uint64_t ino, const char *why)
{
	bool gen = le32_get(di->magic) == DAXFS_INODE_MAGIC;
	struct dinode new;

	if (!problem(c, PR_INODE_FREE_DAMAGED, &(struct pctx){ .ino = ino, .text = why }))
		return 0;
	slot_clear(&new, ino, gen ? le32_get(di->gen) : 0);
	return slot_put(c, ino, &new);
}

static int scan_slot(struct check *c, const struct dinode *di, uint64_t ino)
{
	const char *why;

	switch (slot_judge(c, di, ino, &why)) {
	case SLOT_UNUSED:
	case SLOT_FREE: return 0;
	case SLOT_LIVE: return scan_live(c, di, ino);
	case SLOT_FREE_DAMAGED: return free_damaged(c, di, ino, why);
	default: return put_aside(c, ino);
	}
}

static void prefetch(const struct dinode *di)
{
	for (size_t i = 0; i < sizeof(*di); i += DAXFS_LINE)
		__builtin_prefetch((const uint8_t *)di + i);
}

/* A repair moves the block into a copy: each slot is looked up anew then. */
static int scan_block(struct check *c, uint64_t blk, uint64_t ino)
{
	const struct dinode *slot = media_at(&c->m, blk);
	int err = 0;

	for (unsigned i = 0; !err && i < DAXFS_INODES_PER_BLOCK; i++) {
		uint64_t edits = c->m.edits;

		if (i + AHEAD < DAXFS_INODES_PER_BLOCK)
			prefetch(&slot[i + AHEAD]);
		if (ino + i)
			err = scan_slot(c, &slot[i], ino + i);
		if (c->m.edits != edits)
			slot = media_at(&c->m, blk);
	}
	return err ? err : check_go(c);
}

static int scan_run(struct check *c, const struct mrun *r)
{
	int err = 0;

	for (uint64_t i = 0; !err && i < r->len; i++) {
		if (i % TICK == 0)
			check_progress(c, CHECK_PHASE_INODES, (r->lblk + i) * DAXFS_INODES_PER_BLOCK, c->nr_slots);
		err = scan_block(c, r->pblk + i, (r->lblk + i) * DAXFS_INODES_PER_BLOCK);
	}
	return err;
}

static int make_tables(struct check *c)
{
	free(c->state);
	free(c->nlink);
	free(c->links);
	c->state = calloc(c->nr_slots, sizeof(*c->state));
	c->nlink = calloc(c->nr_slots, sizeof(*c->nlink));
	c->links = calloc(c->nr_slots, sizeof(*c->links));
	c->nr_live = c->nr_orphans = 0;
	c->nr_dirs = c->suspect.nr = c->huge.nr = 0;
	return c->state && c->nlink && c->links ? 0 : -ENOMEM;
}

int phase_inodes(struct check *c)
{
	int err = claim_reset(c);

	if (!err)
		err = ifile_open(c);
	if (!err)
		err = make_tables(c);
	for (size_t i = 0; !err && i < c->ifile.nr; i++)
		err = scan_run(c, &c->ifile.v[i]);
	return err ? err : scan_huge(c);
}
