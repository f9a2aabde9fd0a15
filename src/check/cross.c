// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cross.c -- blocks with two owners, both healthy
 *
 * Only when scan.c has seen a block claimed twice are the healthy inodes walked
 * again, to find out by whom.  Who can show that a block is its own keeps it:
 * the inode file first, then nodes, attribute blocks and directory blocks, which
 * name their owner; then content, of inodes of which nothing is odd first, those
 * that do not know how much they have last, and of equals the lower number
 * first.  The others get a copy of the content in free
 * blocks, or a hole when there are none.
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
enum turn { TURN_NAMED, TURN_CREDIBLE, TURN_GREEDY, TURN_DOUBTED };
struct cross { struct check *c; struct owner *v; size_t nr, cap; uint64_t *taken; enum turn turn; };

enum fate {
	FATE_KEPT,		/* not another's */
	FATE_COPY, FATE_HOLE,	/* content */
	FATE_DROPPED,		/* of a directory: a block that does not say it is this one's is not worth a copy */
	FATE_ANEW,		/* a node: the map is made anew anyway */
	FATE_XATTR,		/* all attributes go */
};

/* A part of run @run that has one fate throughout. */
struct part { uint64_t lblk, pblk, n; size_t run; enum fate fate; };

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
	if (vec_grow(&x->v, x->nr, &x->cap, sizeof(*x->v)))
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

static enum turn turn_of(const struct check *c, uint64_t ino)
{
	if (c->state[ino] & INO_DOUBTED)
		return TURN_DOUBTED;
	return c->state[ino] & INO_GREEDY ? TURN_GREEDY : TURN_CREDIBLE;
}

static int take_runs(struct cross *x, const struct dinode *di, uint64_t ino)
{
	const struct check *c = x->c;
	bool content = x->turn >= turn_of(c, ino);
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
	x->turn = TURN_DOUBTED;
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

	*p = (struct part){ .lblk = r->lblk == RUN_META ? RUN_META : r->lblk + k, .pblk = r->pblk + k };
	for (; k < r->len; k++, p->n++) {
		uint64_t lblk = r->lblk == RUN_META ? RUN_META : r->lblk + k;
		bool now = claim_is_twice(x->c, r->pblk + k) && !keeps(x, ino, lblk, r->pblk + k);

		if (p->n && now != other)
			break;
		other = now;
	}
	return other;
}

/* -- an inode that loses some ------------------------------------------------------------- */

/* An inode whose runs are in c->runs.  @copies: blocks that it gets; lblk is where their content comes from. */
struct loser {
	struct cross *x;
	const struct dinode *di;
	uint64_t ino;
	size_t chain;
	bool agreed, no_xattr;
	struct mrunvec copies;
};

/* The parts of its runs, one after the other; @room: free blocks not promised yet. */
struct parts { const struct loser *l; size_t run; uint32_t at; uint64_t room; };

/* The attribute chain stands last among an inode's runs. */
static size_t chain_start(const struct mrunvec *v, const struct dinode *di)
{
	uint64_t first = le64_get(di->xattr);

	for (size_t i = 0; first && i < v->nr; i++)
		if (v->v[i].lblk == RUN_META && v->v[i].pblk == first)
			return i;
	return v->nr;
}

static enum fate fate_of(const struct parts *it, const struct part *p)
{
	if (p->lblk == RUN_META)
		return p->run >= it->l->chain ? FATE_XATTR : FATE_ANEW;
	if (S_ISDIR(le32_get(it->l->di->mode)))
		return FATE_DROPPED;
	return it->room ? FATE_COPY : FATE_HOLE;
}

static bool next(struct parts *it, struct part *p)
{
	const struct mrunvec *v = &it->l->x->c->runs;

	while (it->run < v->nr && it->at == v->v[it->run].len) {
		it->run++;
		it->at = 0;
	}
	if (it->run == v->nr)
		return false;
	bool other = next_part(it->l->x, it->l->ino, &v->v[it->run], it->at, p);

	p->run = it->run;
	p->fate = other ? fate_of(it, p) : FATE_KEPT;
	if (p->fate == FATE_COPY) {
		p->n = p->n < it->room ? p->n : it->room;
		it->room -= p->n;
	}
	it->at += (uint32_t)p->n;
	return true;
}

static struct parts parts_of(const struct loser *l)
{
	return (struct parts){ .l = l, .room = claim_free(l->x->c) };
}

static void ask_xattr(struct loser *l, const struct part *p)
{
	if (!l->no_xattr && !problem(l->x->c, PR_XATTR, &(struct pctx){ .ino = l->ino, .blk = p->pblk,
						.text = "belongs to another inode as well" }))
		l->agreed = false;
	l->no_xattr = true;
}

/* All questions come before the first change: one no leaves the inode as it is. */
static void ask(struct loser *l)
{
	static const enum problem code[] = {
		[FATE_COPY] = PR_CROSS_LINK, [FATE_HOLE] = PR_CROSS_HOLE, [FATE_DROPPED] = PR_CROSS_DIR,
		[FATE_ANEW] = PR_CROSS_LINK,
	};
	struct parts it = parts_of(l);
	struct part p;

	while (next(&it, &p)) {
		struct pctx px = { .ino = l->ino, .blk = p.pblk, .num = p.n };

		if (p.fate == FATE_KEPT)
			continue;
		px.num2 = owner_of(l->x, p.pblk)->ino;
		if (p.fate == FATE_XATTR)
			ask_xattr(l, &p);
		else if (!problem(l->x->c, code[p.fate], &px))
			l->agreed = false;
	}
}

static int give_copy(struct loser *l, const struct part *p, struct mrunvec *out, uint32_t flags)
{
	uint64_t done = 0, blk, n;
	int err = 0;

	while (!err && done < p->n && (n = claim_find(l->x->c, p->n - done, &blk)) != 0) {
		err = mrun_add(&l->copies, (struct mrun){ p->pblk + done, blk, (uint32_t)n, flags });
		if (!err)
			err = mrun_add(out, (struct mrun){ p->lblk + done, blk, (uint32_t)n, flags });
		done += n;
	}
	return err;
}

static int move_content(struct loser *l)
{
	int err = 0;

	for (size_t i = 0; !err && i < l->copies.nr; i++) {
		const struct mrun *r = &l->copies.v[i];

		if (!(r->flags & DAXFS_EXT_UNWRITTEN))
			err = media_move(&l->x->c->m, r->lblk, r->pblk, r->len);
	}
	return err;
}

static void give_back(struct loser *l)
{
	for (size_t i = 0; i < l->copies.nr; i++)
		claim_give(l->x->c, l->copies.v[i].pblk, l->copies.v[i].len);
}

/* Its extents and nodes without what is another's, with copies where there is room. */
static int separate(struct loser *l, struct mrunvec *out)
{
	struct check *c = l->x->c;
	struct parts it = parts_of(l);
	struct part p;
	int err = 0;

	while (!err && next(&it, &p)) {
		uint32_t flags = c->runs.v[p.run].flags;

		if (p.fate == FATE_COPY)
			err = give_copy(l, &p, out, flags);
		else if (p.fate == FATE_KEPT && p.run < l->chain)
			err = mrun_add(out, (struct mrun){ p.lblk, p.pblk, (uint32_t)p.n, flags });
	}
	return err;
}

static bool loses_any(const struct loser *l)
{
	struct parts it = parts_of(l);
	struct part p;

	while (next(&it, &p))
		if (p.fate != FATE_KEPT)
			return true;
	return false;
}

static int store_loser(struct loser *l)
{
	struct dinode new = *l->di;
	struct mrunvec out = { 0 };
	struct mend_store s = { l->ino, l->no_xattr ? 0 : l->x->c->runs.nr - l->chain, &new, &out };
	int ret = separate(l, &out);

	if (l->no_xattr)
		new.xattr = le64_make(0);
	if (S_ISDIR(le32_get(new.mode)))
		mend_close_gaps(&out);
	if (!ret)
		ret = mend_store(l->x->c, &s);
	if (ret == 1)
		give_back(l);
	else if (!ret)
		ret = move_content(l);
	free(l->copies.v);
	free(out.v);
	return ret;
}

static int mend_loser(struct cross *x, const struct dinode *di, uint64_t ino)
{
	struct loser l = { .x = x, .di = di, .ino = ino, .chain = chain_start(&x->c->runs, di), .agreed = true };
	uint64_t fixed = x->c->res->fixed;
	int ret = 1;

	if (turn_of(x->c, ino) != x->turn || !loses_any(&l))
		return 0;
	ask(&l);
	if (l.agreed && !x->c->stop)
		ret = store_loser(&l);
	while (ret == 1 && x->c->res->fixed > fixed)
		problem_withdraw(x->c, PR_NR, &(struct pctx){ 0 });
	return ret < 0 ? ret : 0;
}

static int untangle(struct check *c)
{
	struct cross x = { .c = c };
	int err;

	x.taken = calloc((c->nr_blocks + 63) / 64, sizeof(*x.taken));
	if (!x.taken)
		return -ENOMEM;
	err = take_ifile(&x);
	for (x.turn = TURN_NAMED; !err && x.turn <= TURN_DOUBTED; x.turn++)
		err = each_healthy(&x, take_runs);
	qsort(x.v, x.nr, sizeof(*x.v), by_pblk);
	/* Copies take free blocks: those that are believed get theirs first. */
	for (x.turn = TURN_CREDIBLE; !err && x.nr && x.turn <= TURN_DOUBTED; x.turn++)
		err = each_healthy(&x, mend_loser);
	free(x.taken);
	free(x.v);
	return err ? err : check_go(c);
}

int phase_blocks(struct check *c)
{
	int err = 0;

	check_progress(c, CHECK_PHASE_BLOCKS, 0, 1);
	if (c->suspect.nr)
		err = mend_rehearse(c);
	if (!err && c->twice)
		err = untangle(c);
	if (!err)
		err = mend_suspects(c);
	claim_forget_kept(c);
	if (!err && c->suspect.nr)
		cdir_sort(c);
	return err;
}
