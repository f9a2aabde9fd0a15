// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * rebuild.c -- a map of given extents
 *
 * Packs the extents into the root, or into leaves and as many levels above as
 * it takes.  Nodes go to blocks that nothing claims, so that what the old root
 * points to stays whole until the new one replaces it; only when there are none
 * do they take the places of the old nodes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/claim.h"
#include "check/mapwalk.h"
#include "disk/disk.h"

/* Entries of one level, and where the next node comes from. */
struct build {
	struct check *c;
	struct mapbuild *b;
	struct mrunvec ext;	/* merged extents */
	struct dextidx *idx;	/* one per node of the level below */
	size_t nr_idx;
	size_t old;		/* next of b->ext to look for an old node in */
};

static bool continues(const struct mrun *a, const struct mrun *b)
{
	return a->lblk + a->len == b->lblk && a->pblk + a->len == b->pblk && a->flags == b->flags &&
	       a->len <= UINT32_MAX - b->len;
}

static int merge(struct build *w)
{
	for (size_t i = 0; i < w->b->ext->nr; i++) {
		const struct mrun *r = &w->b->ext->v[i];
		struct mrun *last = w->ext.nr ? &w->ext.v[w->ext.nr - 1] : NULL;

		if (r->lblk == RUN_META)
			continue;
		if (last && continues(last, r))
			last->len += r->len;
		else if (mrun_add(&w->ext, *r))
			return -ENOMEM;
	}
	return 0;
}

static struct dextent to_media(const struct mrun *r)
{
	return (struct dextent){
		.lblk = le64_make(r->lblk), .pblk = le64_make(r->pblk),
		.len = le32_make(r->len), .flags = le32_make(r->flags),
	};
}

/* A block for a node: free, else one of the old map's. */
static void *node_block(struct build *w, uint64_t *blk)
{
	const struct mrunvec *v = w->b->ext;

	if (claim_find(w->c, 1, blk))
		return media_fresh(&w->c->m, *blk);
	for (; w->old < v->nr; w->old++) {
		if (v->v[w->old].lblk != RUN_META)
			continue;
		*blk = v->v[w->old++].pblk;
		return media_edit(&w->c->m, *blk);
	}
	return NULL;
}

static struct dextnode *node_new(struct build *w, unsigned level, unsigned count, uint64_t *blk)
{
	struct dextnode *n = node_block(w, blk);

	if (!n)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->magic = le32_make(DAXFS_EXTNODE_MAGIC);
	n->self = le64_make(*blk);
	n->owner = le64_make(w->b->ino);
	n->level = le16_make((uint16_t)level);
	n->count = le16_make((uint16_t)count);
	w->b->nodes++;
	return n;
}

static void node_seal(struct dextnode *n)
{
	n->csum = le32_make(block_csum(n, sizeof(*n), offsetof(struct dextnode, csum)));
}

int node_reseal(struct check *c, uint64_t blk, uint64_t ino, unsigned level)
{
	struct dextnode *n = media_edit(&c->m, blk);

	if (!n)
		return -ENOMEM;
	n->magic = le32_make(DAXFS_EXTNODE_MAGIC);
	n->self = le64_make(blk);
	n->owner = le64_make(ino);
	n->level = le16_make((uint16_t)level);
	memset(n->rsvd, 0, sizeof(n->rsvd));
	node_seal(n);
	return 0;
}

/* The first key of the whole map is 0, so that whatever comes later fits in. */
static void note(struct build *w, size_t at, uint64_t key, uint64_t blk)
{
	w->idx[at] = (struct dextidx){ le64_make(at ? key : 0), le64_make(blk) };
}

static int leaves(struct build *w)
{
	size_t nr = (w->ext.nr + DAXFS_NODE_EXTENTS - 1) / DAXFS_NODE_EXTENTS;

	w->idx = calloc(nr, sizeof(*w->idx));
	if (!w->idx)
		return -ENOMEM;
	for (w->nr_idx = 0; w->nr_idx < nr; w->nr_idx++) {
		const struct mrun *r = &w->ext.v[w->nr_idx * DAXFS_NODE_EXTENTS];
		size_t left = w->ext.nr - w->nr_idx * DAXFS_NODE_EXTENTS;
		unsigned n = left < DAXFS_NODE_EXTENTS ? (unsigned)left : DAXFS_NODE_EXTENTS;
		uint64_t blk;
		struct dextnode *node = node_new(w, 0, n, &blk);

		if (!node)
			return -ENOSPC;
		for (unsigned i = 0; i < n; i++)
			node->ext[i] = to_media(&r[i]);
		node_seal(node);
		note(w, w->nr_idx, r->lblk, blk);
	}
	return 0;
}

/* One level of index nodes above those in w->idx, which becomes the level's own. */
static int raise(struct build *w, unsigned level)
{
	size_t nr = (w->nr_idx + DAXFS_NODE_INDEXES - 1) / DAXFS_NODE_INDEXES;

	for (size_t k = 0; k < nr; k++) {
		const struct dextidx *from = &w->idx[k * DAXFS_NODE_INDEXES];
		size_t left = w->nr_idx - k * DAXFS_NODE_INDEXES;
		unsigned n = left < DAXFS_NODE_INDEXES ? (unsigned)left : DAXFS_NODE_INDEXES;
		uint64_t blk, key = le64_get(from->lblk);
		struct dextnode *node = node_new(w, level, n, &blk);

		if (!node)
			return -ENOSPC;
		memcpy(node->idx, from, n * sizeof(*from));
		node_seal(node);
		note(w, k, key, blk);	/* behind what is still to be read */
	}
	w->nr_idx = nr;
	return 0;
}

static int build_tree(struct build *w)
{
	struct dmap *root = w->b->root;
	unsigned level = 1;
	int err = leaves(w);

	for (; !err && w->nr_idx > DAXFS_ROOT_INDEXES; level++)
		err = raise(w, level);
	if (err)
		return err;
	root->depth = le16_make((uint16_t)level);
	root->count = le16_make((uint16_t)w->nr_idx);
	memcpy(root->idx, w->idx, w->nr_idx * sizeof(*w->idx));
	return 0;
}

static void build_inline(struct build *w)
{
	struct dmap *root = w->b->root;

	root->count = le16_make((uint16_t)w->ext.nr);
	for (size_t i = 0; i < w->ext.nr; i++)
		root->ext[i] = to_media(&w->ext.v[i]);
}

/* Nodes that the map of so many extents takes. */
static uint64_t nodes_for(uint64_t nr)
{
	uint64_t level = (nr + DAXFS_NODE_EXTENTS - 1) / DAXFS_NODE_EXTENTS, n = level;

	if (nr <= DAXFS_ROOT_EXTENTS)
		return 0;
	while (level > DAXFS_ROOT_INDEXES) {
		level = (level + DAXFS_NODE_INDEXES - 1) / DAXFS_NODE_INDEXES;
		n += level;
	}
	return n;
}

static uint64_t nodes_there(const struct check *c, const struct mrunvec *ext)
{
	uint64_t n = claim_free(c);

	for (size_t i = 0; i < ext->nr; i++)
		n += ext->v[i].lblk == RUN_META;
	return n;
}

/* Extents for which there are nodes. */
static uint64_t fitting(uint64_t nr, uint64_t there)
{
	uint64_t n = there * DAXFS_NODE_EXTENTS;

	if (nodes_for(nr) <= there)
		return nr;
	while (nodes_for(n) > there)
		n -= DAXFS_NODE_EXTENTS;
	return n > DAXFS_ROOT_EXTENTS ? n : DAXFS_ROOT_EXTENTS;
}

uint64_t map_excess(const struct check *c, const struct mrunvec *ext, size_t *from)
{
	uint64_t fit = fitting(ext->nr, nodes_there(c, ext)), nr = 0, lost = 0;
	const struct mrun *last = NULL;

	for (size_t i = 0; i < ext->nr; i++) {
		const struct mrun *r = &ext->v[i];

		if (r->lblk == RUN_META)
			continue;
		nr += !last || !continues(last, r);
		last = r;
		if (nr <= fit)
			continue;
		if (!lost)
			*from = i;
		lost += r->len;
	}
	return lost;
}

int map_build(struct check *c, struct mapbuild *b)
{
	struct build w = { .c = c, .b = b };
	int err = merge(&w);

	b->nodes = 0;
	if (!err && nodes_for(w.ext.nr) > nodes_there(c, b->ext))
		err = -ENOSPC;
	memset(b->root, 0, sizeof(*b->root));
	if (!err && w.ext.nr <= DAXFS_ROOT_EXTENTS)
		build_inline(&w);
	else if (!err)
		err = build_tree(&w);
	free(w.ext.v);
	free(w.idx);
	return err;
}
