/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * find.c -- where structures lie in an image
 *
 * Reads images that are sound.  What is asked for must exist: a case that names
 * something else ends the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk/disk.h"
#include "sample.h"

static void *found(void *p, const char *what)
{
	if (p)
		return p;
	fprintf(stderr, "find: there is no %s\n", what);
	abort();
}

void *sample_block(const struct sample *im, uint64_t blk)
{
	return blk < SAMPLE_BLOCKS ? im->bytes + blk * DAXFS_BLOCK_SIZE : found(NULL, "such block");
}

struct dsuper *sample_super(const struct sample *im)
{
	return sample_block(im, 0);
}

struct dsuper *sample_copy(const struct sample *im)
{
	return sample_block(im, SAMPLE_BLOCKS - 1);
}

/* -- maps -------------------------------------------------------------------------------- */

static uint64_t in_extents(const struct dextent *e, unsigned n, uint64_t lblk)
{
	for (; n; n--, e++)
		if (lblk >= le64_get(e->lblk) && lblk - le64_get(e->lblk) < le32_get(e->len))
			return le64_get(e->pblk) + (lblk - le64_get(e->lblk));
	return 0;
}

static uint64_t child_of(const struct dextidx *idx, unsigned n, uint64_t lblk)
{
	unsigned i = 0;

	while (i + 1 < n && le64_get(idx[i + 1].lblk) <= lblk)
		i++;
	return le64_get(idx[i].pblk);
}

static uint64_t map_block(const struct sample *im, const struct dmap *m, uint64_t lblk)
{
	unsigned level = le16_get(m->depth), n = le16_get(m->count);
	const struct dextnode *b;

	if (!level)
		return in_extents(m->ext, n, lblk);
	b = sample_block(im, child_of(m->idx, n, lblk));
	while (--level)
		b = sample_block(im, child_of(b->idx, le16_get(b->count), lblk));
	return in_extents(b->ext, le16_get(b->count), lblk);
}

struct dinode *sample_dinode(const struct sample *im, enum victim v)
{
	struct dsuper *sb = sample_super(im);
	uint64_t at = im->ino[v] * DAXFS_INODE_SIZE, blk;

	if (v == V_IFILE)
		return &sb->ifile;
	blk = map_block(im, &sb->ifile.map, at / DAXFS_BLOCK_SIZE);
	return (void *)((uint8_t *)sample_block(im, blk) + at % DAXFS_BLOCK_SIZE);
}

uint64_t sample_map(const struct sample *im, enum victim v, uint64_t lblk)
{
	return map_block(im, &sample_dinode(im, v)->map, lblk);
}

/* The @*i-th node of @level at or below a node; NULL when there are fewer, @*i less those. */
static struct dextnode *nth(const struct sample *im, struct dextnode *b, unsigned level, unsigned *i)
{
	struct dextnode *hit = NULL;

	if (le16_get(b->level) == level)
		return (*i)-- ? NULL : b;
	for (unsigned k = 0; !hit && k < le16_get(b->count); k++)
		hit = nth(im, sample_block(im, le64_get(b->idx[k].pblk)), level, i);
	return hit;
}

struct dextnode *sample_node(const struct sample *im, enum victim v, unsigned level, unsigned i)
{
	const struct dmap *m = &sample_dinode(im, v)->map;
	struct dextnode *hit = NULL;

	for (unsigned k = 0; !hit && le16_get(m->depth) && k < le16_get(m->count); k++)
		hit = nth(im, sample_block(im, le64_get(m->idx[k].pblk)), level, &i);
	return found(hit, "such node");
}

/* -- directories --------------------------------------------------------------------------- */

struct ddirblk *sample_dirblk(const struct sample *im, enum victim v, unsigned i)
{
	uint64_t blk = sample_map(im, v, i);

	return blk ? sample_block(im, blk) : found(NULL, "such directory block");
}

static struct ddirent *record(const struct ddirblk *b, unsigned off)
{
	return (void *)((uint8_t *)(uintptr_t)b + off);
}

struct ddirent *sample_dirent(const struct ddirblk *b, unsigned i, int live)
{
	for (unsigned off = sizeof(*b); off < DAXFS_BLOCK_SIZE; off += le16_get(record(b, off)->rec_len)) {
		struct ddirent *e = record(b, off);

		if ((le64_get(e->ino) != 0) == live && i-- == 0)
			return e;
	}
	return found(NULL, "such record");
}

struct ddirent *sample_named(const struct sample *im, enum victim dir, const char *name)
{
	uint64_t blocks = le64_get(sample_dinode(im, dir)->size) / DAXFS_BLOCK_SIZE;

	for (unsigned i = 0; i < blocks; i++) {
		struct ddirblk *b = sample_dirblk(im, dir, i);

		for (unsigned off = sizeof(*b); off < DAXFS_BLOCK_SIZE;
		     off += le16_get(record(b, off)->rec_len)) {
			struct ddirent *e = record(b, off);

			if (e->name_len == strlen(name) && !memcmp(e->name, name, e->name_len))
				return e;
		}
	}
	return NULL;
}

/* -- attributes ------------------------------------------------------------------------------ */

struct dxattrblk *sample_xattrblk(const struct sample *im, enum victim v, unsigned i)
{
	uint64_t blk = le64_get(sample_dinode(im, v)->xattr);
	struct dxattrblk *b = NULL;

	for (unsigned k = 0; k <= i; k++) {
		b = blk ? sample_block(im, blk) : found(NULL, "such attribute block");
		blk = le64_get(b->next);
	}
	return b;
}

/* -- journal and snapshot ---------------------------------------------------------------------- */

struct dlane *sample_lane(const struct sample *im, unsigned i)
{
	const struct dsuper *sb = sample_super(im);

	if (i >= le32_get(sb->nr_lanes))
		return found(NULL, "such lane");
	return sample_block(im, le64_get(sb->journal) + (uint64_t)i * le32_get(sb->lane_blocks));
}

struct dlog *sample_log(const struct sample *im, unsigned i)
{
	return (struct dlog *)(void *)(sample_lane(im, i) + 1);
}

struct dundo *sample_undo(const struct sample *im, unsigned i, unsigned k)
{
	struct dlog *log = sample_log(im, i);
	uint8_t *p = (uint8_t *)(log + 1), *end = p + le32_get(log->bytes);

	for (; p < end && k; k--)
		p += sizeof(struct dundo) + le32_get(((struct dundo *)(void *)p)->len);
	return p < end ? (void *)p : found(NULL, "such undo record");
}

int sample_log_live(const struct sample *im, unsigned i)
{
	const struct dlane *lane = sample_lane(im, i);
	const struct dlog *log = sample_log(im, i);
	uint32_t done = (uint32_t)le64_get(lane->done.w), bytes = le32_get(log->bytes);

	if (le32_get(log->seq) != done + 1 || bytes > 15 * DAXFS_BLOCK_SIZE)
		return 0;
	return block_csum(log, sizeof(*log) + bytes, offsetof(struct dlog, csum)) == le32_get(log->csum);
}

struct dsnap *sample_snap(const struct sample *im)
{
	uint64_t blk = le64_get(sample_super(im)->snap.start);

	return blk ? sample_block(im, blk) : found(NULL, "snapshot");
}
