// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mend.c -- inodes of which something is wrong
 *
 * They come after all healthy ones have claimed, and get what is left: a
 * rehearsal sees to it that new blocks for others are not taken from it.  An
 * inode is repaired as a whole or not at all: if one answer is no, it stays as
 * it is, and later phases take it for what it seems to be.
 */
#include "check/mend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check/claim.h"
#include "check/dirblock.h"
#include "check/mapwalk.h"
#include "check/scan.h"
#include "check/slot.h"
#include "check/xchain.h"

#define NAMES_TEXT	400	/* bytes of attribute names in a message */

/* An inode being mended. */
struct patient {
	struct check *c;
	uint64_t ino, xattrs;	/* its attribute blocks */
	struct dinode di;
	struct salvage s;
	struct mrunvec runs;
	bool suspect;		/* checksum or fields of the slot itself are wrong */
	bool gone;		/* nothing worth keeping is left */
};

static void report(struct patient *p, enum problem code, struct pctx x)
{
	if (p->s.rehearsal)
		return;
	x.ino = p->ino;
	p->s.asked++;
	if (!problem(p->c, code, &x))
		p->s.agreed = false;
}

/* -- the slot -------------------------------------------------------------------------- */

/* Devices and the like have no map: what has one was a file. */
static void mend_mode(struct dinode *di)
{
	uint32_t mode = le32_get(di->mode) & SLOT_MODE_BITS;
	bool map = le16_get(di->map.count) && le16_get(di->map.depth) <= DAXFS_EXT_DEPTH_MAX;

	if (map && !S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode))
		mode = (mode & 07777) | S_IFREG;
	di->mode = le32_make(mode);
}

/* Only a symlink may say that it is held in the slot; an extent of its first block begins with a NUL. */
static void mend_inline(struct dinode *di)
{
	uint32_t flags = le32_get(di->flags);

	if (!S_ISLNK(le32_get(di->mode)) || (le16_get(di->map.count) && !di->map.link[0]))
		flags &= ~DAXFS_INODE_INLINE_LINK;
	else if (slot_holds_link(di))
		flags |= DAXFS_INODE_INLINE_LINK;
	di->flags = le32_make(flags);
}

static void mend_numbers(struct patient *p)
{
	struct dinode *di = &p->di;

	mend_mode(di);
	uint32_t mode = le32_get(di->mode);

	di->magic = le32_make(DAXFS_INODE_MAGIC);
	di->ino = le64_make(p->ino);
	di->flags = le32_make(le32_get(di->flags) & DAXFS_INODE_KNOWN);
	if (le32_get(di->nlink) > DAXFS_NLINK_MAX)
		di->nlink = le32_make(1);
	if (!S_ISCHR(mode) && !S_ISBLK(mode) && !S_ISDIR(mode))
		di->rdev = le64_make(0);
	mend_inline(di);
	if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode))
		di->size = le64_make(0);
	if (!slot_has_map(di) && !S_ISLNK(mode))
		memset(&di->map, 0, sizeof(di->map));
}

/* A target that is held in the slot is as long as it is. */
static void mend_link(struct patient *p)
{
	struct dinode *di = &p->di;
	size_t len = strnlen(di->map.link, sizeof(di->map.link));

	di->map.depth = di->map.count = le16_make(0);
	di->map.rsvd = le32_make(0);
	if (len == 0) {
		report(p, PR_INODE_SYMLINK, (struct pctx){ 0 });
		p->gone = true;
	}
	di->size = le64_make(len);
}

/* -- map ------------------------------------------------------------------------------------ */

static const struct mrun *first_data(const struct patient *p)
{
	for (size_t i = 0; i < p->runs.nr; i++)
		if (p->runs.v[i].lblk != RUN_META)
			return &p->runs.v[i];
	return NULL;
}

/* Past the last block that has content. */
static uint64_t content_end(const struct patient *p)
{
	uint64_t end = 0;

	for (size_t i = 0; i < p->runs.nr; i++) {
		const struct mrun *r = &p->runs.v[i];

		if (r->lblk != RUN_META && !r->flags)
			end = r->lblk + r->len;
	}
	return end;
}

/* A damaged mode may have a file look like a directory or the other way round: the blocks know. */
static void mend_type(struct patient *p)
{
	const struct mrun *r = first_data(p);
	uint32_t mode = le32_get(p->di.mode);
	const struct ddirblk *b;
	bool is_dir;

	if (!p->suspect || !r || S_ISLNK(mode))
		return;
	b = media_at(&p->c->m, r->pblk);
	is_dir = le32_get(b->magic) == DAXFS_DIRBLK_MAGIC && le64_get(b->self) == r->pblk &&
		 le64_get(b->owner) == p->ino;
	if (is_dir == S_ISDIR(mode))
		return;
	report(p, PR_INODE_FIELD, (struct pctx){ .text = is_dir ? "holds directory blocks, but says it is a file" :
						 "says it is a directory, but holds none of its blocks" });
	p->di.mode = le32_make((mode & 07777) | (is_dir ? S_IFDIR : S_IFREG));
	p->di.rdev = le64_make(0);
}

uint64_t mend_close_gaps(struct mrunvec *ext)
{
	uint64_t at = 0;

	for (size_t i = 0; i < ext->nr; i++) {
		struct mrun *r = &ext->v[i];

		if (r->lblk == RUN_META)
			continue;
		r->lblk = at;
		r->flags = 0;
		at += r->len;
	}
	return at;
}

static void mend_dir(struct patient *p)
{
	uint64_t blocks, size = le64_get(p->di.size);

	if (!scan_tiled(&p->runs, &blocks)) {
		report(p, PR_DIR_MAP, (struct pctx){ 0 });
		p->s.lossy = true;
	}
	blocks = mend_close_gaps(&p->runs);
	if (size != blocks << DAXFS_BLOCK_SHIFT)
		report(p, PR_DIR_SIZE, (struct pctx){ .num = blocks << DAXFS_BLOCK_SHIFT, .num2 = size });
	p->di.size = le64_make(blocks << DAXFS_BLOCK_SHIFT);
}

static void keep_first_block(struct mrunvec *v)
{
	size_t kept = 0;
	bool found = false;

	for (size_t i = 0; i < v->nr; i++) {
		if (v->v[i].lblk != RUN_META && found)
			continue;
		if (v->v[i].lblk != RUN_META) {
			found = true;
			v->v[i].len = 1;
		}
		v->v[kept++] = v->v[i];
	}
	v->nr = kept;
}

static void mend_long_link(struct patient *p)
{
	const struct mrun *r = first_data(p);
	uint64_t size = le64_get(p->di.size), blocks;

	if (!r || r->lblk || r->flags || !size || size > DAXFS_SYMLINK_MAX) {
		report(p, PR_INODE_SYMLINK, (struct pctx){ 0 });
		p->gone = true;
	} else if (!scan_tiled(&p->runs, &blocks) || blocks != 1) {
		report(p, PR_MAP_ROOT, (struct pctx){ .text = "more blocks than a symlink has" });
		p->s.lossy = true;
		keep_first_block(&p->runs);
	}
}

/* Written blocks beyond the end, or an end beyond all limits, mean that the size is what is damaged. */
static void mend_file(struct patient *p)
{
	uint64_t end = content_end(p) << DAXFS_BLOCK_SHIFT, size = le64_get(p->di.size);

	if (end > DAXFS_FILE_SIZE_MAX)
		end = DAXFS_FILE_SIZE_MAX;
	if (!p->suspect || (size <= DAXFS_FILE_SIZE_MAX && size + DAXFS_BLOCK_SIZE > end))
		return;
	report(p, PR_INODE_FIELD, (struct pctx){ .num = size, .text = "its size does not go with its blocks" });
	p->di.size = le64_make(end);
}

static int mend_map(struct patient *p)
{
	int err = map_salvage(p->c, &p->di.map, &p->s);
	uint32_t mode;

	if (err)
		return err;
	mend_type(p);
	mode = le32_get(p->di.mode);
	if (S_ISDIR(mode))
		mend_dir(p);
	else if (S_ISLNK(mode))
		mend_long_link(p);
	else
		mend_file(p);
	return 0;
}

/* -- attributes -------------------------------------------------------------------------------- */

/* All blocks of a chain, or none. */
static uint64_t claim_chain(struct check *c, const struct mrunvec *v, size_t first)
{
	for (size_t i = first; i < v->nr; i++) {
		uint64_t one = 1, blk = v->v[i].pblk;

		if (claim_part(c, blk, &one))
			continue;
		while (i-- > first)
			claim_give(c, v->v[i].pblk, 1);
		return blk;
	}
	return 0;
}

static int mend_xattr(struct patient *p)
{
	size_t first = p->runs.nr;
	struct xchain x = { p->ino, le64_get(p->di.xattr), &p->runs, 0 };
	char text[NAMES_TEXT + 80], names[NAMES_TEXT];
	struct xfault f = { 0 };
	int ret;

	if (!x.first)
		return 0;
	ret = xchain_walk(p->c, &x, &f);
	if (ret < 0)
		return ret;
	if (!ret) {
		f.blk = claim_chain(p->c, &p->runs, first);
		f.why = "belongs to a healthier inode";
	}
	p->xattrs = p->runs.nr - first;
	p->runs.nr = first;
	if (!f.blk)
		return 0;
	xchain_names(p->c, &x, names, sizeof(names));
	snprintf(text, sizeof(text), "%s; legible: %s", f.why, names[0] ? names : "none");
	report(p, PR_XATTR, (struct pctx){ .blk = f.blk, .text = text });
	p->xattrs = 0;
	p->di.xattr = le64_make(0);
	return 0;
}

/* -- storing -------------------------------------------------------------------------------------- */

static uint64_t data_blocks(const struct mrunvec *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v->nr; i++)
		n += v->v[i].lblk == RUN_META ? 0 : v->v[i].len;
	return n;
}

/* Old nodes behind stay: they are needed. */
static void drop_extents(struct mrunvec *v, size_t from)
{
	size_t kept = from;

	for (size_t i = from; i < v->nr; i++)
		if (v->v[i].lblk == RUN_META)
			v->v[kept++] = v->v[i];
	v->nr = kept;
}

int mend_store(struct check *c, struct mend_store *s)
{
	struct mapbuild b = { s->ino, s->ext, &s->di->map, 0 };
	size_t from;
	uint64_t lost = map_excess(c, s->ext, &from);
	int err;

	if (lost && !problem(c, PR_MAP_NO_ROOM, &(struct pctx){ .ino = s->ino, .num = lost }))
		return 1;
	if (lost)
		drop_extents(s->ext, from);
	err = map_build(c, &b);
	if (err)
		return err;
	if (S_ISDIR(le32_get(s->di->mode)))
		s->di->size = le64_make(data_blocks(s->ext) << DAXFS_BLOCK_SHIFT);
	s->di->blocks = le64_make(data_blocks(s->ext) + b.nodes + s->xattrs);
	slot_seal(s->di);
	return slot_put(c, s->ino, s->di);
}

/* Nothing was lost: headers of nodes, and the slot. */
static int store_as_is(struct patient *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->s.reseal.nr; i += 2)
		err = node_reseal(p->c, p->s.reseal.v[i], p->ino, (unsigned)p->s.reseal.v[i + 1]);
	if (err)
		return err;
	p->di.blocks = le64_make(scan_blocks(&p->runs) + p->xattrs);
	slot_seal(&p->di);
	return slot_put(p->c, p->ino, &p->di);
}

/* 0, 1 (not agreed to after all), -ENOMEM.  What nobody complained about is not touched. */
static int store(struct patient *p)
{
	struct mend_store s = { p->ino, p->xattrs, &p->di, &p->runs };
	int err = 0;

	if (p->gone) {
		slot_clear(&p->di, p->ino, le32_get(p->di.gen));
		return slot_put(p->c, p->ino, &p->di);
	}
	if (p->s.lossy && slot_has_map(&p->di))
		err = mend_store(p->c, &s);
	else if (p->s.asked)
		err = store_as_is(p);
	return err ? err : scan_note(p->c, slot_at(p->c, p->ino), p->ino);
}

/* Answers that were yes come to nothing when another was no. */
static int leave(struct patient *p, uint64_t fixed)
{
	while (p->c->res->fixed > fixed)
		problem_withdraw(p->c, PR_NR, &(struct pctx){ 0 });
	if (p->gone)
		return 0;
	int err = scan_note(p->c, &p->di, p->ino);

	p->c->state[p->ino] |= INO_DAMAGED;
	return err;
}

/* -- one after the other ------------------------------------------------------------------------------ */

static int examine(struct patient *p, enum slot_kind kind, const char *why)
{
	int err = 0;

	p->suspect = kind == SLOT_SUSPECT;
	if (p->suspect) {
		report(p, PR_INODE_DAMAGED, (struct pctx){ .text = why });
		mend_numbers(p);
	}
	if (le32_get(p->di.flags) & DAXFS_INODE_INLINE_LINK)
		mend_link(p);
	else if (slot_has_map(&p->di))
		err = mend_map(p);
	return err ? err : mend_xattr(p);
}

static int clear_bad(struct check *c, uint64_t ino, const char *why)
{
	const struct dinode *di = slot_at(c, ino);
	uint32_t gen = le32_get(di->magic) == DAXFS_INODE_MAGIC ? le32_get(di->gen) : 0;
	struct dinode new;

	if (!problem(c, PR_INODE_BAD, &(struct pctx){ .ino = ino, .text = why }))
		return 0;
	slot_clear(&new, ino, gen);
	return slot_put(c, ino, &new);
}

static void patient_fini(struct patient *p)
{
	free(p->runs.v);
	free(p->s.reseal.v);
}

/* Claims as mend_inode() does, and says nothing. */
static int rehearse_inode(struct check *c, uint64_t ino)
{
	struct patient p = { .c = c, .ino = ino, .di = *slot_at(c, ino) };
	const char *why = NULL;
	enum slot_kind kind = slot_judge(c, &p.di, ino, &why);
	int err;

	if (kind == SLOT_BAD)
		return 0;
	p.s = (struct salvage){ .ino = ino, .out = &p.runs, .rehearsal = true };
	err = examine(&p, kind, why);
	patient_fini(&p);
	return err;
}

int mend_rehearse(struct check *c)
{
	uint64_t work = c->work;
	int err = claim_rehearse(c);

	if (err)
		return err;
	for (size_t i = 0; !err && i < c->suspect.nr; i++)
		err = rehearse_inode(c, c->suspect.v[i]);
	claim_rehearsed(c);
	c->work = work;
	return err;
}

static int mend_inode(struct check *c, uint64_t ino)
{
	struct patient p = { .c = c, .ino = ino, .di = *slot_at(c, ino) };
	uint64_t fixed = c->res->fixed;
	const char *why = NULL;
	enum slot_kind kind = slot_judge(c, &p.di, ino, &why);
	int err;

	if (kind == SLOT_BAD)
		return clear_bad(c, ino, why);
	p.s = (struct salvage){ .ino = ino, .out = &p.runs, .agreed = true };
	err = examine(&p, kind, why);
	if (!err)
		err = p.s.agreed && !c->stop ? store(&p) : 1;
	if (err == 1)
		err = leave(&p, fixed);
	patient_fini(&p);
	return err ? err : check_go(c);
}

int mend_suspects(struct check *c)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->suspect.nr; i++) {
		check_progress(c, CHECK_PHASE_BLOCKS, i, c->suspect.nr);
		err = mend_inode(c, c->suspect.v[i]);
	}
	return err;
}
