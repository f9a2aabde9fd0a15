/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extmap.c -- file block to device block: looking up, inserting, marking
 *
 * Owns the shape of the extent tree rooted in an inode.  Every change runs in a
 * transaction: after a crash a tree is the one before or the one after.  The
 * inode's map lock, held by the caller, protects it (shared to look up,
 * exclusive to change).  May call: extnode, txn, disk.
 *
 * An extent never crosses the bounds of its node: an insertion that would is
 * cut in pieces, and neighbours are merged within a node only.  A full node is
 * split where its parent has room, highest first, and then the search starts
 * again: at most one split per level and no state to carry along.
 *
 * Names: lblk  block number in the file     pblk  block number on the device
 *        len   blocks, never bytes          ext   one run (lblk, pblk, len, state)
 *        slot  entry of an index node       pos   entry of an extent node
 */
#include "disk/extmap.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "disk/extnode.h"

/* The way from the root, at [0], to an extent node, at [depth]. */
struct path {
	struct extnode n[DAXFS_EXT_DEPTH_MAX + 1];
	unsigned slot[DAXFS_EXT_DEPTH_MAX + 1];
	unsigned depth;
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* the extent node that is responsible for a block */
static int find_leaf(const struct extmap *m, uint64_t lblk, struct extnode *leaf)
{
	struct extnode parent;
	int err = extnode_root(m, leaf);

	while (!err && leaf->level) {
		parent = *leaf;
		err = extnode_child(m, &parent, extnode_slot(&parent, lblk), leaf);
	}
	return err;
}

static int find_path(const struct extmap *m, uint64_t lblk, struct path *p)
{
	int err = extnode_root(m, &p->n[0]);

	p->depth = 0;
	while (!err && p->n[p->depth].level) {
		struct extnode *n = &p->n[p->depth];

		p->slot[p->depth] = extnode_slot(n, lblk);
		err = extnode_child(m, n, p->slot[p->depth], n + 1);
		p->depth++;
	}
	return err;
}

int extmap_lookup(const struct extmap *m, lblk_t lblk, struct extent *ext)
{
	uint64_t at = lblk.v;

	while (at < DAXFS_FILE_BLOCKS_MAX) {
		struct extnode leaf;
		unsigned pos;
		int err = find_leaf(m, at, &leaf);

		if (err)
			return err;
		pos = extnode_after(&leaf, lblk.v);
		if (pos < extnode_count(&leaf)) {
			extnode_load(&leaf, pos, ext);
			return 1;
		}
		at = leaf.hi;
	}
	return 0;
}

/* does @b go on where @a ends, in the file and on the device, in the same state? */
static bool continues(const struct extent *a, const struct extent *b)
{
	return a->lblk.v + a->len == b->lblk.v && a->pblk.v + a->len == b->pblk.v &&
	       a->flags == b->flags && a->len + b->len <= UINT32_MAX;
}

static void set_extent(struct extnode *n, unsigned pos, const struct extent *ext)
{
	n->ext[pos] = (struct dextent){
		.lblk = le64_make(ext->lblk.v), .pblk = le64_make(ext->pblk.v),
		.len = le32_make((uint32_t)ext->len), .flags = le32_make(ext->flags),
	};
}

/* can the leaf take the piece at @pos, alone or as part of a neighbour? */
static bool has_place(const struct extnode *n, unsigned pos, const struct extent *piece)
{
	struct extent e;

	if (extnode_count(n) < n->cap)
		return true;
	if (pos > 0) {
		extnode_load(n, pos - 1, &e);
		if (continues(&e, piece))
			return true;
	}
	if (pos < extnode_count(n)) {
		extnode_load(n, pos, &e);
		if (continues(piece, &e))
			return true;
	}
	return false;
}

/* put the piece in front of entry @pos of a writable leaf, joined to what it continues */
static void place(struct extnode *n, unsigned pos, struct extent piece)
{
	struct extent left = { .len = 0 }, right;

	if (pos < extnode_count(n)) {
		extnode_load(n, pos, &right);
		if (continues(&piece, &right)) {
			piece.len += right.len;
			extnode_cut(n, pos, 1);
		}
	}
	if (pos > 0)
		extnode_load(n, pos - 1, &left);
	if (left.len && continues(&left, &piece)) {
		left.len += piece.len;
		set_extent(n, pos - 1, &left);
		return;
	}
	extnode_gap(n, pos);
	set_extent(n, pos, &piece);
}

/* keys above a leaf whose first key goes down */
static int lower_keys(struct extmap *m, struct path *p, uint64_t lblk)
{
	for (unsigned i = 0; i < p->depth; i++) {
		int err;

		if (extnode_key(&p->n[i], p->slot[i]) <= lblk)
			continue;
		err = extnode_edit(m, &p->n[i]);
		if (err)
			return err;
		p->n[i].idx[p->slot[i]].lblk = le64_make(lblk);
	}
	return 0;
}

/* the root's entries move to a node of their own, the only child of the root */
static int grow_root(struct extmap *m, struct extnode *root)
{
	uint64_t first = extnode_key(root, 0);
	struct extnode node;
	int err;

	if (root->level == DAXFS_EXT_DEPTH_MAX)
		return -ENOSPC;
	err = extnode_new(m, root->level, &node);
	if (err)
		return err;
	extnode_copy(&node, root, 0, extnode_count(root));
	extnode_reroot(m, root->level + 1, root);
	extnode_gap(root, 0);
	root->idx[0] = (struct dextidx){ le64_make(first), le64_make(node.self.v) };
	return 0;
}

/* entries from @keep on move to a new right sibling; it is responsible from @key on */
static int split_node(struct extmap *m, struct path *p, unsigned i, unsigned keep, uint64_t key)
{
	struct extnode *n = &p->n[i], *parent = &p->n[i - 1], right;
	unsigned moved = extnode_count(n) - keep, slot = p->slot[i - 1] + 1;
	int err = extnode_new(m, n->level, &right);

	if (!err)
		err = extnode_edit(m, parent);
	if (!err && moved)
		err = extnode_edit(m, n);
	if (err)
		return err;
	extnode_copy(&right, n, keep, moved);
	extnode_cut(n, keep, moved);
	extnode_gap(parent, slot);
	parent->idx[slot] = (struct dextidx){ le64_make(key), le64_make(right.self.v) };
	return 0;
}

/* is the place for @lblk behind everything in the tree? */
static bool at_right_edge(const struct path *p, uint64_t lblk)
{
	const struct extnode *leaf = &p->n[p->depth];

	return leaf->hi == DAXFS_FILE_BLOCKS_MAX &&
	       extnode_after(leaf, lblk) == extnode_count(leaf);
}

/*
 * Split the highest full node whose parent has room.  A file that grows at its
 * end leaves full nodes behind: the new sibling gets only what it must have, a
 * child to go on with, or nothing when the extent itself comes next.
 */
static int make_room(struct extmap *m, struct path *p, uint64_t lblk)
{
	unsigned i = p->depth, keep;
	struct extnode *n;

	while (i > 0 && extnode_count(&p->n[i - 1]) == p->n[i - 1].cap)
		i--;
	n = &p->n[i];
	if (i == 0)
		return grow_root(m, n);
	if (!at_right_edge(p, lblk))
		keep = n->cap / 2;
	else
		keep = n->level ? n->cap - 1 : n->cap;
	return split_node(m, p, i, keep, keep < n->cap ? extnode_key(n, keep) : lblk);
}

/* insert as much of @rest as one node may hold, in one go; returns its length in @len */
static int insert_piece(struct extmap *m, const struct extent *rest, uint64_t *len)
{
	struct extent piece = *rest;
	struct extnode *leaf;
	struct path p;
	unsigned pos;
	int err;

	for (;;) {
		err = find_path(m, piece.lblk.v, &p);
		if (err)
			return err;
		leaf = &p.n[p.depth];
		piece.len = min_u64(min_u64(rest->len, UINT32_MAX), leaf->hi - piece.lblk.v);
		pos = extnode_after(leaf, piece.lblk.v);
		if (pos < extnode_count(leaf) && extnode_key(leaf, pos) < piece.lblk.v + piece.len)
			return corrupt("inode %" PRIu64 ", extent map: block %" PRIu64 " is mapped already",
				       m->ino, extnode_key(leaf, pos));
		if (has_place(leaf, pos, &piece))
			break;
		err = make_room(m, &p, piece.lblk.v);
		if (err)
			return err;
	}
	err = lower_keys(m, &p, piece.lblk.v);
	if (!err)
		err = extnode_edit(m, leaf);
	if (!err)
		place(leaf, pos, piece);
	*len = piece.len;
	return err;
}

int extmap_insert(struct extmap *m, const struct extent *ext)
{
	struct extent rest = *ext;

	assert(m->t && ext->len > 0 && !(ext->flags & ~DAXFS_EXT_UNWRITTEN));
	assert(ext->lblk.v < DAXFS_FILE_BLOCKS_MAX && ext->len <= DAXFS_FILE_BLOCKS_MAX - ext->lblk.v);
	assert(disk_valid(m->disk, ext->pblk, ext->len));
	while (rest.len) {
		uint64_t len = 0;
		int err = insert_piece(m, &rest, &len);

		if (err)
			return err;
		rest.lblk = lblk_add(rest.lblk, len);
		rest.pblk = pblk_add(rest.pblk, len);
		rest.len -= len;
	}
	return 0;
}

/* the same blocks again, in another state */
static int mark_piece(struct extmap *m, const struct extent *piece)
{
	int err = extmap_remove(m, piece->lblk, piece->len, NULL);

	return err ? err : extmap_insert(m, piece);
}

int extmap_mark(struct extmap *m, lblk_t lblk, uint64_t len, unsigned flags)
{
	while (len) {
		struct extent e;
		uint64_t skip, n;
		int err = extmap_lookup(m, lblk, &e);

		if (err < 0)
			return err;
		if (err == 0 || e.lblk.v > lblk.v)
			return corrupt("inode %" PRIu64 ", extent map: block %" PRIu64 " is not mapped",
				       m->ino, lblk.v);
		skip = lblk.v - e.lblk.v;
		n = min_u64(e.len - skip, len);
		e = (struct extent){ lblk, pblk_add(e.pblk, skip), n, flags };
		err = mark_piece(m, &e);
		if (err)
			return err;
		lblk = lblk_add(lblk, n);
		len -= n;
	}
	return 0;
}
