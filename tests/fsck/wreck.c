// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * wreck.c -- random damage to the metadata of an image
 *
 * Either bytes are overwritten, or a field changes and the checksum is put
 * right, so that what is wrong can only be seen in the structure.  Notes whose
 * metadata was hit.
 */
#include "fsck/wreck.h"

#include <string.h>

#include "base/crc.h"
#include "disk/disk.h"

#define BYTES_MAX	64

/* -- where ------------------------------------------------------------------------------ */

static void note_slots(struct wreck *w, uint64_t first, unsigned off, unsigned len)
{
	for (unsigned i = off / DAXFS_INODE_SIZE; i <= (off + len - 1) / DAXFS_INODE_SIZE; i++)
		w->hit[first + i] = true;
}

static void note(struct wreck *w, uint64_t blk, unsigned off, unsigned len)
{
	const struct block_info *b = &w->im->block[blk];

	if (b->use == USE_SUPER && blk == 0)
		w->primary = true;
	else if (b->use == USE_SUPER)
		w->copy = true;
	else if (b->use == USE_SLOTS)
		note_slots(w, b->ino, off, len);
	else if (b->use == USE_LANE)	/* what it would roll back, if there is anything */
		w->hit[DAXFS_ROOT_INO] |= w->im->end == IMAGE_LIVE;
	else if (b->use == USE_NODE || b->use == USE_XATTR || b->use == USE_DIR)
		w->hit[b->ino] = true;
}

/* Most of the inode file is empty: slots that are, or were, in use are preferred. */
static bool worth_it(struct wreck *w, uint64_t blk, enum block_use use)
{
	const struct block_info *b = &w->im->block[blk];

	if (b->use != use)
		return false;
	return use != USE_SLOTS || w->im->bytes[blk << DAXFS_BLOCK_SHIFT] || rng_one_in(&w->r, 400);
}

/* First what kind of block, since there are many more of some than of others. */
static uint64_t pick_block(struct wreck *w)
{
	static const enum block_use uses[] = {
		USE_SUPER, USE_LANE, USE_SLOTS, USE_SLOTS, USE_SLOTS, USE_NODE, USE_XATTR, USE_DIR, USE_DIR, USE_SNAP,
	};
	enum block_use use = uses[rng_below(&w->r, sizeof(uses) / sizeof(uses[0]))];
	uint64_t nr = w->im->size >> DAXFS_BLOCK_SHIFT, first = rng_below(&w->r, nr);

	for (uint64_t i = 0; i < 3 * nr; i++)
		if (worth_it(w, (first + i) % nr, use))
			return (first + i) % nr;
	return 0;		/* no snapshot: the superblock */
}

static unsigned pick_offset(struct wreck *w, const struct block_info *b)
{
	if (b->use == USE_SUPER)
		return (unsigned)rng_below(&w->r, 1024);
	if (b->use == USE_LANE || (b->use != USE_SLOTS && rng_one_in(&w->r, 3)))
		return (unsigned)rng_below(&w->r, 128);
	return (unsigned)rng_below(&w->r, DAXFS_BLOCK_SIZE);
}

static void scribble(struct wreck *w, uint8_t *p, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		p[i] = rng_one_in(&w->r, 3) ? (uint8_t)rng_below(&w->r, 4) : (uint8_t)rng_next(&w->r);
}

/* -- damage that the checksum does not show --------------------------------------------------- */

static uint64_t small_or_any(struct wreck *w)
{
	uint64_t v = rng_next(&w->r);

	switch (rng_below(&w->r, 4)) {
	case 0: return v % 8;
	case 1: return v % (w->im->size >> DAXFS_BLOCK_SHIFT);
	case 2: return v % w->im->nr_slots;
	default: return v;
	}
}

static void reseal_slot(struct wreck *w, uint64_t blk, unsigned i)
{
	struct dinode *di = (struct dinode *)(void *)(w->rg->base + (blk << DAXFS_BLOCK_SHIFT)) + i;
	uint8_t *field = (uint8_t *)di + 20 + 4 * rng_below(&w->r, 59);
	uint64_t v = small_or_any(w);

	if (!le64_get(di->ino))
		return;
	memcpy(field, &v, (size_t)(field - (uint8_t *)di) <= sizeof(*di) - 8 ? 8 : 4);
	di->csum = le32_make(block_csum(di, sizeof(*di), offsetof(struct dinode, csum)));
	note_slots(w, w->im->block[blk].ino, i * (unsigned)sizeof(*di), 1);
}

static void reseal_block(struct wreck *w, uint64_t blk, size_t csum_off)
{
	uint8_t *p = w->rg->base + (blk << DAXFS_BLOCK_SHIFT);
	unsigned off = 8 + 8 * (unsigned)rng_below(&w->r, rng_one_in(&w->r, 2) ? 20 : 510);
	uint64_t v = small_or_any(w);
	le32 csum;

	memcpy(p + off, &v, 8);
	csum = le32_make(block_csum(p, DAXFS_BLOCK_SIZE, csum_off));
	memcpy(p + csum_off, &csum, sizeof(csum));
	note(w, blk, off, 8);
}

static uint32_t record_csum(uint64_t blk, unsigned off, const struct ddirent *e)
{
	struct { le64 self; le32 off, zero; struct ddirent head; } in = {
		.self = le64_make(blk), .off = le32_make(off), .head = *e,
	};

	in.head.csum = le32_make(0);
	return crc32c(crc32c(0, &in, sizeof(in)), e->name, e->name_len);
}

/* Offset of a record; the block may have been damaged before. */
static unsigned pick_record(struct wreck *w, const uint8_t *b)
{
	unsigned off = sizeof(struct ddirblk), skip = (unsigned)rng_below(&w->r, 60), len;

	for (; skip; skip--, off += len) {
		len = le16_get(((const struct ddirent *)(const void *)(b + off))->rec_len);
		if (len < DAXFS_DIRENT_MIN || len % 8 || off + len + DAXFS_DIRENT_MIN > DAXFS_BLOCK_SIZE)
			break;
	}
	return off;
}

/* A record gets another inode, type, length or name. */
static void reseal_record(struct wreck *w, uint64_t blk)
{
	uint8_t *b = w->rg->base + (blk << DAXFS_BLOCK_SHIFT);
	unsigned off = pick_record(w, b);
	struct ddirent *e = (void *)(b + off);

	switch (rng_below(&w->r, 6)) {
	case 0: e->ino = le64_make(small_or_any(w)); break;
	case 1: e->ino = le64_make(w->im->file[rng_below(&w->r, w->im->nr_files)].ino); break;
	case 2: e->type = (uint8_t)rng_below(&w->r, 16); break;
	case 3: e->rec_len = le16_make((uint16_t)(8 * rng_below(&w->r, 40))); break;
	case 4: e->name_len = (uint8_t)rng_below(&w->r, e->name_len + 2u); break;
	default: e->name[0] = "./abf"[rng_below(&w->r, 5)]; break;
	}
	if (off + sizeof(*e) + e->name_len <= DAXFS_BLOCK_SIZE)
		e->csum = le32_make(record_csum(blk, off, e));
	note(w, blk, off, 1);
}

/* Both roots of the inode file, which have the same content at all times. */
static void reseal_roots(struct wreck *w)
{
	struct dsuper *sb = (void *)w->rg->base;
	struct dsuper *copy = (void *)(w->rg->base + w->im->size - DAXFS_BLOCK_SIZE);
	unsigned off = 20 + 4 * (unsigned)rng_below(&w->r, 59);
	uint32_t v = (uint32_t)small_or_any(w);

	memcpy((uint8_t *)&sb->ifile + off, &v, sizeof(v));
	sb->ifile.csum = le32_make(block_csum(&sb->ifile, sizeof(sb->ifile), offsetof(struct dinode, csum)));
	if (rng_one_in(&w->r, 2))
		copy->ifile = sb->ifile;
}

static void damage_sealed(struct wreck *w)
{
	uint64_t blk = pick_block(w);

	w->sealed = true;
	switch (w->im->block[blk].use) {
	case USE_SLOTS: reseal_slot(w, blk, (unsigned)rng_below(&w->r, DAXFS_INODES_PER_BLOCK)); break;
	case USE_NODE:
	case USE_XATTR: reseal_block(w, blk, 4); break;
	case USE_DIR: reseal_record(w, blk); break;
	case USE_SUPER: reseal_roots(w); break;
	default: break;
	}
}

static void damage_bytes(struct wreck *w)
{
	uint64_t blk = pick_block(w);
	unsigned off = pick_offset(w, &w->im->block[blk]), len = 1 + (unsigned)rng_below(&w->r, BYTES_MAX);

	if (off + len > DAXFS_BLOCK_SIZE)
		len = (unsigned)DAXFS_BLOCK_SIZE - off;
	scribble(w, w->rg->base + (blk << DAXFS_BLOCK_SHIFT) + off, len);
	note(w, blk, off, len);
}

/* -- two owners --------------------------------------------------------------------------- */

/* Extents of an inode whose slot or node lies in block @blk, and what seals them. */
struct extents { struct dextent *ext; unsigned nr; uint64_t ino; };

static struct extents extents_in(struct wreck *w, uint64_t blk)
{
	const struct block_info *b = &w->im->block[blk];
	uint8_t *p = w->rg->base + (blk << DAXFS_BLOCK_SHIFT);
	unsigned i = (unsigned)rng_below(&w->r, DAXFS_INODES_PER_BLOCK);
	struct dinode *di = (struct dinode *)(void *)p + i;
	struct dextnode *n = (void *)p;

	if (b->use == USE_NODE && !le16_get(n->level))
		return (struct extents){ n->ext, le16_get(n->count), b->ino };
	if (b->use == USE_SLOTS && !le16_get(di->map.depth) && le16_get(di->map.count) <= DAXFS_ROOT_EXTENTS)
		return (struct extents){ di->map.ext, le16_get(di->map.count), b->ino + i };
	return (struct extents){ NULL, 0, 0 };
}

static void reseal_extents(struct wreck *w, uint64_t blk, const struct extents *x)
{
	uint8_t *p = w->rg->base + (blk << DAXFS_BLOCK_SHIFT);
	struct dinode *di = (struct dinode *)(void *)p + x->ino % DAXFS_INODES_PER_BLOCK;
	struct dextnode *n = (void *)p;

	if (w->im->block[blk].use == USE_SLOTS)
		di->csum = le32_make(block_csum(di, sizeof(*di), offsetof(struct dinode, csum)));
	else
		n->csum = le32_make(block_csum(n, sizeof(*n), offsetof(struct dextnode, csum)));
	w->hit[x->ino] = true;
}

/* Any block of another's: content, a directory's, a node, even an inode file's. */
static uint64_t others_block(struct wreck *w, uint64_t ino)
{
	uint64_t nr = w->im->size >> DAXFS_BLOCK_SHIFT, first = rng_below(&w->r, nr);

	for (uint64_t i = 0; i < nr; i++) {
		const struct block_info *b = &w->im->block[(first + i) % nr];

		if (b->use >= USE_SLOTS && b->use <= USE_DATA && b->ino != ino)
			return (first + i) % nr;
	}
	return 0;
}

/* An extent of one inode becomes that of another as well. */
static void damage_owner(struct wreck *w)
{
	uint64_t blk = pick_block(w);
	struct extents x = extents_in(w, blk);

	if (!x.nr || !x.ino || x.nr > DAXFS_NODE_EXTENTS)
		return;
	x.ext[rng_below(&w->r, x.nr)].pblk = le64_make(others_block(w, x.ino));
	w->sealed = true;
	reseal_extents(w, blk, &x);
}

void wreck(struct wreck *w)
{
	unsigned n = rng_one_in(&w->r, 3) ? 1 + (unsigned)rng_below(&w->r, 12) : 1;

	for (unsigned i = 0; i < n; i++) {
		if (rng_one_in(&w->r, 5))
			damage_owner(w);
		else if (rng_one_in(&w->r, 2))
			damage_sealed(w);
		else
			damage_bytes(w);
	}
}
