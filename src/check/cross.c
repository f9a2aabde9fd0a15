// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cross.c -- blocks with two owners, both healthy
 *
 * Only when scan.c has seen a block claimed twice are the healthy inodes walked
 * again, to find out by whom.  Who can show that a block is its own keeps it:
 * the inode file first, then nodes, attribute blocks and directory blocks, which
 * name their owner; then content, of inodes that claim as many blocks as they
 * say first, and of those the lower number first.  The others get a copy of the
 * content in free blocks, or a hole when there are none.
 *
 * Names: owner  one run of blocks claimed twice, and who keeps it
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "check/claim.h"
#include "check/dirblock.h"
#include "check/mapwalk.h"
#include "check/mend.h"
#include "check/scan.h"
#include "check/slot.h"

struct owner { uint64_t pblk, n, ino, lblk; };
enum turn { TURN_NAMED, TURN_CREDIBLE, TURN_ALL };
struct cross { struct check *c; struct owner *v; size_t nr, cap; uint64_t *taken; enum turn turn; };

/* A part of a run that is claimed twice throughout. */
struct part { uint64_t lblk, pblk, n; };

static int by_ino(const void *a, const void *b)
{
	const struct cdir *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int by_pblk(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	return x->pblk < y->pblk ? -1 : x->pblk > y->pblk;
}

/* -- who keeps what ------------------------------------------------------------------ */

static bool taken(const struct cross *x, uint64_t blk)
{
	return x->taken[blk / 64] >> (blk % 64) & 1;
}

static int take(struct cross *x, uint64_t ino, uint64_t lblk, uint64_t pblk)
{
	struct owner *last = x->nr ? &x->v[x->nr - 1] : NULL;

	x->taken[pblk / 64] |= UINT64_C(1) << (pblk % 64);
	if (last && last->ino == ino && last->pblk + last->n == pblk && lblk != RUN_META &&
	    last->lblk != RUN_META && last->lblk + last->n == lblk) {
		last->n++;
		return 0;
	}
	if (x->nr == x->cap && vec_grow(&x->v, x->nr, &x->cap, sizeof(*x->v)))
		return -ENOMEM;
	x->v[x->nr++] = (struct owner){ pblk, 1, ino, lblk };
	return 0;
}

/* Does the block say that it belongs here? */
static bool names_owner(const struct check *c, const struct dinode *di, uint64_t ino, uint64_t lblk, uint64_t pblk)
{
	if (lblk == RUN_META)
		return true;
	return S_ISDIR(le32_get(di->mode)) &&
	       !dirblock_header_wrong(media_at(&c->m, pblk), &(struct dirblock_id){ ino, lblk, pblk });
}

static int take_runs(struct cross *x, const struct dinode *di, uint64_t ino)
{
	const struct check *c = x->c;
	bool content = x->turn == TURN_ALL || (x->turn == TURN_CREDIBLE && !(c->state[ino] & INO_DOUBTED));
	int err = 0;

	for (size_t i = 0; i < c->runs.nr; i++) {
		const struct mrun *r = &c->runs.v[i];

		for (uint32_t k = 0; !err && k < r->len; k++) {
			uint64_t lblk = r->lblk == RUN_META ? RUN_META : r->lblk + k;

			if (!claim_is_twice(c, r->pblk + k) || taken(x, r->pblk + k))
				continue;
			if (content || names_owner(c, di, ino, lblk, r->pblk + k))
				err = take(x, ino, lblk, r->pblk + k);
		}
	}
	return err;
}

typedef int (*owner_fn)(struct cross *x, const struct dinode *di, uint64_t ino);

/* Calls @fn for each healthy inode with its runs in c->runs; suspects are not known yet. */
static int each_healthy(struct cross *x, owner_fn fn)
{
	struct check *c = x->c;
	int ret = 0;

	for (uint64_t ino = DAXFS_ROOT_INO; ret >= 0 && ino < c->nr_slots; ino++) {
		if (!c->state[ino])
			continue;
		ret = scan_runs(c, slot_at(c, ino), ino, &c->runs);
		if (!ret)
			ret = fn(x, slot_at(c, ino), ino);
	}
	return ret < 0 ? ret : 0;
}

static int take_ifile(struct cross *x)
{
	struct check *c = x->c;
	struct mapfault f;
	int ret;

	c->runs.nr = 0;
	ret = map_walk(c, &slot_at(c, 0)->map, 0, &c->runs, &f);
	x->turn = TURN_ALL;
	if (ret >= 0)
		ret = take_runs(x, slot_at(c, 0), 0);
	return ret;
}

/* -- who does not ------------------------------------------------------------------------ */

static const struct owner *owner_of(const struct cross *x, uint64_t pblk)
{
	size_t lo = 0, hi = x->nr;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->v[mid].pblk <= pblk)
			lo = mid;
		else
			hi = mid;
	}
	return &x->v[lo];
}

static bool keeps(const struct cross *x, uint64_t ino, uint64_t lblk, uint64_t pblk)
{
	const struct owner *o = owner_of(x, pblk);

	if (o->ino != ino)
		return false;
	return o->lblk == RUN_META || lblk == RUN_META ? o->lblk == lblk : lblk - o->lblk == pblk - o->pblk;
}

/* The first part of run @r from its block @k on that has one answer: is it another's? */
static bool next_part(const struct cross *x, uint64_t ino, const struct mrun *r, uint32_t k, struct part *p)
{
	bool other = false;

	*p = (struct part){ r->lblk == RUN_META ? RUN_META : r->lblk + k, r->pblk + k, 0 };
	for (; k < r->len; k++, p->n++) {
		uint64_t lblk = r->lblk == RUN_META ? RUN_META : r->lblk + k;
		bool now = claim_is_twice(x->c, r->pblk + k) && !keeps(x, ino, lblk, r->pblk + k);

		if (p->n && now != other)
			break;
		other = now;
	}
	return other;
}

/* A directory's block that does not say it is this directory's is not worth a copy. */
static int give_copy(struct cross *x, const struct dinode *di, const struct part *p, struct mrunvec *out, uint32_t flags)
{
	struct check *c = x->c;
	uint64_t done = 0, blk, n;
	int err = 0;

	if (S_ISDIR(le32_get(di->mode)) || p->lblk == RUN_META)
		return 0;
	while (!err && done < p->n && (n = claim_find(c, p->n - done, &blk)) != 0) {
		if (!(flags & DAXFS_EXT_UNWRITTEN))
			err = media_move(&c->m, p->pblk + done, blk, n);
		if (!err)
			err = mrun_add(out, (struct mrun){ p->lblk + done, blk, (uint32_t)n, flags });
		done += n;
	}
	return err;
}

/* Does the inode's attribute chain have a block that is another's? */
static bool chain_lost(const struct cross *x, const struct dinode *di, uint64_t ino)
{
	const struct mrunvec *v = &x->c->runs;
	uint64_t first = le64_get(di->xattr);
	bool chain = false;

	for (size_t i = 0; first && i < v->nr; i++) {
		chain = chain || v->v[i].pblk == first;
		if (chain && claim_is_twice(x->c, v->v[i].pblk) && !keeps(x, ino, RUN_META, v->v[i].pblk))
			return true;
	}
	return false;
}

/* Blocks of the attribute chain, which stands last among an inode's runs. */
static uint64_t chain_blocks(const struct cross *x, const struct dinode *di)
{
	const struct mrunvec *v = &x->c->runs;

	for (size_t i = 0; le64_get(di->xattr) && i < v->nr; i++)
		if (v->v[i].lblk == RUN_META && v->v[i].pblk == le64_get(di->xattr))
			return v->nr - i;
	return 0;
}

/* The inode's extents without what is another's, with copies where there is room. */
static int separate(struct cross *x, const struct dinode *di, uint64_t ino, struct mrunvec *out, bool *agreed)
{
	const struct mrunvec *v = &x->c->runs;
	int err = 0;

	for (size_t i = 0; i < v->nr; i++) {
		struct mrun r = v->v[i];
		struct part p;

		for (uint32_t k = 0; !err && k < r.len; k += (uint32_t)p.n) {
			struct pctx px = { .ino = ino };

			if (!next_part(x, ino, &r, k, &p)) {
				if (r.lblk != RUN_META)
					err = mrun_add(out, (struct mrun){ p.lblk, p.pblk, (uint32_t)p.n, r.flags });
				continue;
			}
			px.blk = p.pblk;
			px.num = p.n;
			px.num2 = owner_of(x, p.pblk)->ino;
			if (!problem(x->c, PR_CROSS_LINK, &px))
				*agreed = false;
			else if (*agreed)
				err = give_copy(x, di, &p, out, r.flags);
		}
	}
	return err;
}

static bool loses_any(const struct cross *x, uint64_t ino)
{
	const struct mrunvec *v = &x->c->runs;
	struct part p;

	for (size_t i = 0; i < v->nr; i++)
		for (uint32_t k = 0; k < v->v[i].len; k += (uint32_t)p.n)
			if (next_part(x, ino, &v->v[i], k, &p))
				return true;
	return false;
}

static int mend_loser(struct cross *x, const struct dinode *di, uint64_t ino)
{
	struct mrunvec out = { 0 };
	struct dinode new = *di;
	struct mend_store s = { ino, chain_blocks(x, di), &new, &out };
	uint64_t fixed = x->c->res->fixed;
	bool agreed = true;
	int err;

	if (!(x->c->state[ino] & INO_DOUBTED) != (x->turn == TURN_CREDIBLE) || !loses_any(x, ino))
		return 0;
	if (chain_lost(x, di, ino)) {
		new.xattr = le64_make(0);
		s.xattrs = 0;
	}
	err = separate(x, di, ino, &out, &agreed);
	if (S_ISDIR(le32_get(di->mode)))
		mend_close_gaps(&out);
	if (!err && agreed)
		err = mend_store(x->c, &s);
	while (!agreed && x->c->res->fixed > fixed)
		problem_withdraw(x->c, PR_NR, &(struct pctx){ 0 });
	free(out.v);
	return err;
}

static int untangle(struct check *c)
{
	struct cross x = { .c = c };
	int err;

	x.taken = calloc((c->nr_blocks + 63) / 64, sizeof(*x.taken));
	if (!x.taken)
		return -ENOMEM;
	err = take_ifile(&x);
	for (x.turn = TURN_NAMED; !err && x.turn <= TURN_ALL; x.turn++)
		err = each_healthy(&x, take_runs);
	qsort(x.v, x.nr, sizeof(*x.v), by_pblk);
	/* Copies take free blocks: those that are believed get theirs first. */
	for (x.turn = TURN_CREDIBLE; !err && x.nr && x.turn <= TURN_ALL; x.turn++)
		err = each_healthy(&x, mend_loser);
	free(x.taken);
	free(x.v);
	return err ? err : check_go(c);
}

int phase_blocks(struct check *c)
{
	int err = 0;

	check_progress(c, CHECK_PHASE_BLOCKS, 0, 1);
	if (c->twice)
		err = untangle(c);
	if (!err)
		err = mend_suspects(c);
	if (!err && c->suspect.nr)
		qsort(c->dir, c->nr_dirs, sizeof(*c->dir), by_ino);
	return err;
}
