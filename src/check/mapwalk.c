// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mapwalk.c -- extent maps, read independently of the engine
 *
 * The strict walk: one violation anywhere and the map as a whole is left to
 * salvage.c.  Levels go down by one and the bounds of siblings are disjoint,
 * and a node holds at least one key within its bounds: so no node is visited
 * twice and the walk ends.
 */
#include "check/mapwalk.h"

#include <errno.h>
#include <string.h>

#include "disk/disk.h"

/* Entries of a root or a node, and the bounds they must keep. */
struct level { unsigned level, count; uint64_t lo, hi, blk; const struct dextent *ext; const struct dextidx *idx; };

struct walk { struct check *c; uint64_t ino; struct mrunvec *out; struct mapfault *fault; uint64_t *left; };

int mrun_add(struct mrunvec *v, struct mrun r)
{
	if (vec_grow(&v->v, v->nr, &v->cap, sizeof(*v->v)))
		return -ENOMEM;
	v->v[v->nr++] = r;
	return 0;
}

const char *extent_wrong(const struct check *c, const struct dextent *e, uint64_t lo, uint64_t hi)
{
	uint64_t lblk = le64_get(e->lblk), len = le32_get(e->len);

	if (len == 0)
		return "length is 0";
	if (lblk < lo || lblk >= hi || len > hi - lblk)
		return "out of order or bounds";
	if (le32_get(e->flags) & ~DAXFS_EXT_UNWRITTEN)
		return "unknown flags";
	return check_valid(c, le64_get(e->pblk), len) ? NULL : "outside the device's data";
}

static int fault(const struct walk *w, enum problem p, uint64_t blk, const char *why)
{
	*w->fault = (struct mapfault){ .p = blk ? p : PR_MAP_ROOT, .blk = blk, .why = why };
	return 1;
}

static int walk_extents(const struct walk *w, const struct level *l)
{
	uint64_t lo = l->lo;

	for (unsigned i = 0; i < l->count; i++) {
		const struct dextent *e = &l->ext[i];
		struct mrun r = { le64_get(e->lblk), le64_get(e->pblk), le32_get(e->len), le32_get(e->flags) };
		const char *why = extent_wrong(w->c, e, lo, l->hi);

		if (why)
			return fault(w, PR_NODE_DAMAGED, l->blk, why);
		if (r.len > *w->left)
			return fault(w, PR_NODE_DAMAGED, l->blk, "more blocks than the device has");
		*w->left -= r.len;
		if (mrun_add(w->out, r))
			return -ENOMEM;
		lo = r.lblk + r.len;
	}
	return 0;
}

const char *node_wrong(const struct dextnode *n, uint64_t blk, uint64_t ino, unsigned level)
{

	if (le32_get(n->magic) != DAXFS_EXTNODE_MAGIC)
		return "magic is wrong";
	if (le32_get(n->csum) != block_csum(n, sizeof(*n), offsetof(struct dextnode, csum)))
		return "checksum is wrong";
	if (le64_get(n->self) != blk)
		return "belongs in another block";
	if (le64_get(n->owner) != ino)
		return "belongs to another inode";
	if (le16_get(n->level) != level)
		return "level is wrong";
	if (le16_get(n->count) == 0 || le16_get(n->count) > map_cap(level, false))
		return "number of entries is impossible";
	return media_zero(n->rsvd, sizeof(n->rsvd)) ? NULL : "reserved bytes are not zero";
}

static int walk_indexes(const struct walk *w, const struct level *l);

static int walk_child(const struct walk *w, struct level *child)
{
	const struct dextnode *n = media_at(&w->c->m, child->blk);
	const char *why = node_wrong(n, child->blk, w->ino, child->level);

	if (why)
		return fault(w, PR_NODE_DAMAGED, child->blk, why);
	if (mrun_add(w->out, (struct mrun){ RUN_META, child->blk, 1, 0 }))
		return -ENOMEM;
	child->count = le16_get(n->count);
	child->ext = n->ext;
	child->idx = n->idx;
	return child->level ? walk_indexes(w, child) : walk_extents(w, child);
}

static int walk_indexes(const struct walk *w, const struct level *l)
{
	uint64_t lo = l->lo;

	for (unsigned i = 0; i < l->count; i++) {
		uint64_t key = le64_get(l->idx[i].lblk), blk = le64_get(l->idx[i].pblk);
		uint64_t hi = i + 1 < l->count ? le64_get(l->idx[i + 1].lblk) : l->hi;
		struct level child = { .level = l->level - 1, .lo = key, .hi = hi, .blk = blk };

		if (key < lo || key >= l->hi || hi > l->hi)
			return fault(w, PR_NODE_DAMAGED, l->blk, "index out of order or bounds");
		if (!check_valid(w->c, blk, 1))
			return fault(w, PR_NODE_DAMAGED, l->blk, "index points outside the device's data");
		int ret = walk_child(w, &child);

		if (ret)
			return ret;
		lo = key + 1;
	}
	return 0;
}

int map_walk(struct check *c, const struct dmap *root, uint64_t ino, struct mrunvec *out, struct mapfault *fl)
{
	uint64_t left = c->nr_blocks;
	struct walk w = { c, ino, out, fl, &left };
	struct level l = {
		.level = le16_get(root->depth), .count = le16_get(root->count), .hi = DAXFS_FILE_BLOCKS_MAX,
		.ext = root->ext, .idx = root->idx,
	};

	if (l.level > DAXFS_EXT_DEPTH_MAX)
		return fault(&w, PR_MAP_ROOT, 0, "depth is impossible");
	if (l.count > map_cap(l.level, true) || (l.level && !l.count))
		return fault(&w, PR_MAP_ROOT, 0, "number of entries is impossible");
	if (le32_get(root->rsvd))
		return fault(&w, PR_MAP_ROOT, 0, "reserved bytes are not zero");
	return l.level ? walk_indexes(&w, &l) : walk_extents(&w, &l);
}
