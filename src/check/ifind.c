// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ifind.c -- looking for blocks of inodes that nothing points to any more
 *
 * A block of inodes is known by its slots: magic, checksum and a number that
 * fits the slot's place.  The number tells where in the inode file the block
 * belongs.  If two blocks claim one place the one changed last is taken.
 * Blocks that were never used cannot be known; between two others that lie as
 * far apart on the device as in the file they are taken to lie in between.  Before
 * anything is taken for free, what the inodes found claim is claimed.
 */
#include "check/ifind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/claim.h"
#include "check/mapwalk.h"
#include "check/scan.h"
#include "check/slot.h"
#include "disk/disk.h"

#define GAP_MAX		DAXFS_CHUNK_BLOCKS	/* blocks without inodes between two with: the file's growth */

struct found { uint64_t lblk, pblk, ctime; };
struct foundvec { struct found *v; size_t nr, cap; };

/* Does the block hold inodes?  Which part of the file they say it is, and when one was changed last. */
static bool identify(const struct check *c, uint64_t pblk, struct found *f)
{
	const struct dinode *di = media_at(&c->m, pblk);
	unsigned good = 0, bad = 0;

	*f = (struct found){ .pblk = pblk };
	for (unsigned i = 0; i < DAXFS_INODES_PER_BLOCK; i++) {
		uint64_t lblk = le64_get(di[i].ino) / DAXFS_INODES_PER_BLOCK;

		if (!slot_sealed(&di[i]))
			continue;
		if (le64_get(di[i].ino) % DAXFS_INODES_PER_BLOCK != i || (good && lblk != f->lblk)) {
			bad++;
			continue;
		}
		f->lblk = lblk;
		if (le64_get(di[i].ctime) > f->ctime)
			f->ctime = le64_get(di[i].ctime);
		good++;
	}
	return good > bad && f->lblk < c->nr_blocks;
}

static bool empty(const struct check *c, uint64_t pblk)
{
	return media_zero(media_at(&c->m, pblk), DAXFS_BLOCK_SIZE);
}

static int add(struct foundvec *fv, const struct found *f)
{
	if (vec_grow(&fv->v, fv->nr, &fv->cap, sizeof(*fv->v)))
		return -ENOMEM;
	fv->v[fv->nr++] = *f;
	return 0;
}

/* -- what is known -------------------------------------------------------------------- */

/* Blocks that the map still leads to, but those of something else. */
static int from_map(struct check *c, const struct mrunvec *v, struct foundvec *fv)
{
	struct found f;
	int err = 0;

	for (size_t i = 0; i < v->nr; i++) {
		const struct mrun *r = &v->v[i];

		for (uint32_t k = 0; !err && r->lblk != RUN_META && k < r->len; k++) {
			bool inodes = identify(c, r->pblk + k, &f);

			if ((inodes && f.lblk == r->lblk + k) || (!inodes && empty(c, r->pblk + k)))
				err = add(fv, &(struct found){ r->lblk + k, r->pblk + k, inodes ? UINT64_MAX : 0 });
			claim_give(c, r->pblk + k, 1);
		}
	}
	return err;
}

static int from_device(struct check *c, struct foundvec *fv)
{
	struct found f;
	int err = 0;

	for (uint64_t blk = 1; !err && blk < c->nr_blocks - 1; blk++)
		if (check_valid(c, blk, 1) && !claim_test(c, blk) && identify(c, blk, &f))
			err = add(fv, &f);
	return err;
}

static int by_place(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->lblk != y->lblk)
		return x->lblk < y->lblk ? -1 : 1;
	return x->ctime > y->ctime ? -1 : x->ctime < y->ctime;
}

static int protect_block(struct check *c, const struct found *f, struct mrunvec *tmp)
{
	const char *why;
	int err = f->ctime ? claim_take(c, f->pblk, 1) : 0;

	for (unsigned i = 0; err >= 0 && f->ctime && i < DAXFS_INODES_PER_BLOCK; i++) {
		const struct dinode *di = (const struct dinode *)media_at(&c->m, f->pblk) + i;
		uint64_t ino = f->lblk * DAXFS_INODES_PER_BLOCK + i;

		if (!ino || slot_judge(c, di, ino, &why) != SLOT_LIVE)
			continue;
		err = scan_runs(c, di, ino, tmp);
		if (err >= 0)		/* of a damaged one what was legible */
			err = claim_take_runs(c, tmp);
	}
	return err < 0 ? err : 0;
}

static int protect(struct check *c, const struct foundvec *fv)
{
	struct mrunvec tmp = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < fv->nr; i++)
		err = protect_block(c, &fv->v[i], &tmp);
	free(tmp.v);
	return err;
}

/* -- one map ----------------------------------------------------------------------------- */

static int put(struct mrunvec *v, uint64_t lblk, uint64_t pblk)
{
	struct mrun *last = v->nr ? &v->v[v->nr - 1] : NULL;

	if (last && last->lblk != RUN_META && last->lblk + last->len == lblk && last->pblk + last->len == pblk) {
		last->len++;
		return 0;
	}
	return mrun_add(v, (struct mrun){ lblk, pblk, 1, 0 });
}

static bool in_between(const struct check *c, uint64_t pblk, uint64_t n)
{
	if (!check_valid(c, pblk, n))
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (claim_test(c, pblk + i) || !empty(c, pblk + i))
			return false;
	return true;
}

/* Blocks [lblk, lblk + n) in front of @next.  1: they cannot be had. */
static int fill_gap(struct check *c, struct mrunvec *v, struct mrun gap, uint64_t next)
{
	int err = 0;

	if (next > gap.len && in_between(c, next - gap.len, gap.len)) {
		gap.pblk = next - gap.len;
		err = claim_take(c, gap.pblk, gap.len);
		for (uint32_t i = 0; !err && i < gap.len; i++)
			err = put(v, gap.lblk + i, gap.pblk + i);
		return err;
	}
	for (uint32_t i = 0; !err && i < gap.len; i++) {
		uint64_t blk;

		if (!claim_find(c, 1, &blk))
			return 1;
		err = media_fresh(&c->m, blk) ? put(v, gap.lblk + i, blk) : -ENOMEM;
	}
	return err;
}

/* Empty blocks count as the file's up to the end of the part that it last grew by. */
static uint64_t file_end(const struct foundvec *fv)
{
	uint64_t end = 0;

	for (size_t i = 0; i < fv->nr; i++)
		if (fv->v[i].ctime)
			end = fv->v[i].lblk + 1;
	return (end + GAP_MAX - 1) / GAP_MAX * GAP_MAX;
}

/* Takes the blocks found into the map, as far as they follow each other. */
static int assemble(struct check *c, struct mrunvec *v, const struct foundvec *fv, bool agreed)
{
	uint64_t at = 0, end = file_end(fv);
	int err = 0;

	for (size_t i = 0; !err && i < fv->nr; i++) {
		const struct found *f = &fv->v[i];
		uint64_t missing = f->lblk - at;

		if (f->lblk < at || f->lblk >= end)	/* an older one of the same place, or of none */
			continue;
		if (!f->ctime && claim_test(c, f->pblk))	/* empty, and an inode's */
			continue;
		if (missing > GAP_MAX || (missing && !agreed))
			break;
		if (missing && !f->ctime)
			continue;
		if (missing)
			err = fill_gap(c, v, (struct mrun){ at, 0, (uint32_t)missing, 0 }, f->pblk);
		if (err)
			break;
		err = put(v, f->lblk, f->pblk);
		if (!err && !f->ctime)
			err = claim_take(c, f->pblk, 1);
		at = f->lblk + 1;
	}
	return err < 0 ? err : 0;
}

/* How many blocks are missing below the last one of the map. */
static uint64_t missing_in(const struct mrunvec *v)
{
	uint64_t have = 0, end = 0;

	for (size_t i = 0; i < v->nr; i++) {
		if (v->v[i].lblk == RUN_META)
			continue;
		have += v->v[i].len;
		end = v->v[i].lblk + v->v[i].len;
	}
	return end - have;
}

/* Old nodes first: rebuilding may use them. */
static int keep_nodes(const struct mrunvec *v, struct mrunvec *out)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->nr; i++)
		if (v->v[i].lblk == RUN_META)
			err = mrun_add(out, v->v[i]);
	return err;
}

bool ifind_fits(const struct check *c, const struct mrun *r)
{
	const struct dinode *di = media_at(&c->m, r->pblk);
	uint64_t first = r->lblk * DAXFS_INODES_PER_BLOCK;
	unsigned wrong = 0, used = 0;
	const char *why;

	for (unsigned i = 0; i < DAXFS_INODES_PER_BLOCK; i++) {
		enum slot_kind kind = first + i ? slot_judge(c, &di[i], first + i, &why) : SLOT_UNUSED;

		wrong += kind == SLOT_BAD || kind == SLOT_FREE_DAMAGED;
		used += kind == SLOT_LIVE || kind == SLOT_FREE || kind == SLOT_SUSPECT;
	}
	return wrong <= DAXFS_INODES_PER_BLOCK / 2 && (used || first);	/* there is always a root directory */
}

uint64_t ifind_score(const struct check *c, const struct mrunvec *v)
{
	struct found f;
	uint64_t n = 0;

	for (size_t i = 0; i < v->nr; i++)
		for (uint32_t k = 0; v->v[i].lblk != RUN_META && k < v->v[i].len; k++)
			n += identify(c, v->v[i].pblk + k, &f) && f.lblk == v->v[i].lblk + k;
	return n;
}

int ifind_complete(struct check *c, struct mrunvec *v, bool agreed)
{
	struct foundvec fv = { 0 };
	struct mrunvec out = { 0 };
	int err;

	remark(c, "looking for inodes on the whole device; the map lacks at least %llu blocks",
	       (unsigned long long)missing_in(v));
	err = keep_nodes(v, &out);
	if (!err)
		err = from_map(c, v, &fv);
	if (!err)
		err = from_device(c, &fv);
	if (!err) {
		qsort(fv.v, fv.nr, sizeof(*fv.v), by_place);
		err = protect(c, &fv);
	}
	if (!err)
		err = assemble(c, &out, &fv, agreed);
	free(fv.v);
	free(v->v);
	*v = out;
	return err;
}
