/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extremove.c -- extent map: making holes
 *
 * Owns what extmap_remove() does to the tree.  A node that loses everything is
 * not edited but freed, so the log holds only the nodes at the two ends of the
 * range, one path each, however many lie between.  After a crash the tree is
 * the one before or the one after, and freed nodes are whole until commit has
 * returned.  The inode's map lock, held exclusively by the caller, protects it.
 * May call: extnode, extmap_insert (a hole in an extent makes two of it), txn.
 */
#include "disk/extmap.h"

#include <assert.h>
#include <inttypes.h>

#include "disk/extnode.h"

/* What is to become a hole: blocks [from, to). */
struct cut {
	uint64_t from, to;
	struct runvec *removed;		/* may be NULL */
};

enum { KEPT, EMPTIED };			/* what became of a node, besides -errno */

static int collect(const struct cut *c, uint64_t pblk, uint64_t n)
{
	return c->removed ? runvec_add(c->removed, (pblk_t){ pblk }, n) : 0;
}

/* collect the part of an extent that lies in the range */
static int collect_extent(const struct cut *c, const struct dextent *e)
{
	uint64_t lblk = le64_get(e->lblk), end = dextent_end(e);
	uint64_t from = lblk > c->from ? lblk : c->from;
	uint64_t to = end < c->to ? end : c->to;

	return collect(c, le64_get(e->pblk) + (from - lblk), to - from);
}

static void trim_tail(struct dextent *e, uint64_t from)
{
	e->len = le32_make((uint32_t)(from - le64_get(e->lblk)));
}

static void trim_head(struct dextent *e, uint64_t to)
{
	uint64_t gone = to - le64_get(e->lblk);

	e->lblk = le64_make(to);
	e->pblk = le64_make(le64_get(e->pblk) + gone);
	e->len = le32_make((uint32_t)(le32_get(e->len) - gone));
}

/* extents [first, last) of a leaf touch the range: keep their ends, drop the rest */
static int cut_leaf(struct extmap *m, struct extnode *n, const struct cut *c, unsigned first, unsigned last)
{
	bool tail = le64_get(n->ext[first].lblk) < c->from;
	bool head = dextent_end(&n->ext[last - 1]) > c->to;
	int err;

	if (n->self.v && !tail && !head && first == 0 && last == extnode_count(n))
		return EMPTIED;
	err = extnode_edit(m, n);
	if (err)
		return err;
	if (tail)
		trim_tail(&n->ext[first++], c->from);
	if (head)
		trim_head(&n->ext[--last], c->to);
	assert(first <= last);
	extnode_cut(n, first, last - first);
	return KEPT;
}

static int remove_in_leaf(struct extmap *m, struct extnode *n, const struct cut *c)
{
	unsigned first = extnode_after(n, c->from), last = first;

	while (last < extnode_count(n) && extnode_key(n, last) < c->to) {
		int err = collect_extent(c, &n->ext[last]);

		if (err)
			return err;
		last++;
	}
	return first == last ? KEPT : cut_leaf(m, n, c, first, last);
}

/* collect and free everything below and including a node */
static int drop_subtree(struct extmap *m, const struct extnode *n, const struct cut *c)
{
	int err = 0;

	for (unsigned i = 0; i < extnode_count(n) && !err; i++) {
		struct extnode child;

		if (n->level == 0) {
			err = collect_extent(c, &n->ext[i]);
			continue;
		}
		err = extnode_child(m, n, i, &child);
		if (!err)
			err = drop_subtree(m, &child, c);
	}
	return err ? err : extnode_drop(m, n);
}

static int remove_in(struct extmap *m, struct extnode *n, const struct cut *c);

/* EMPTIED when the child is gone */
static int remove_child(struct extmap *m, const struct extnode *n, unsigned i, const struct cut *c)
{
	struct extnode child;
	int r = extnode_child(m, n, i, &child);

	if (r)
		return r;
	if (c->from <= child.lo && child.hi <= c->to) {
		r = drop_subtree(m, &child, c);
		return r ? r : EMPTIED;
	}
	r = remove_in(m, &child, c);
	if (r == EMPTIED) {
		int err = extnode_drop(m, &child);

		return err ? err : EMPTIED;
	}
	return r;
}

/* only the first and the last child that touch the range can survive: those that go are neighbours */
static int remove_in_index(struct extmap *m, struct extnode *n, const struct cut *c)
{
	unsigned first_gone = 0, nr_gone = 0;
	int err;

	for (unsigned i = extnode_slot(n, c->from); i < extnode_count(n) && extnode_key(n, i) < c->to; i++) {
		int r = remove_child(m, n, i, c);

		if (r < 0)
			return r;
		if (r == EMPTIED && nr_gone++ == 0)
			first_gone = i;
	}
	if (nr_gone == 0)
		return KEPT;
	if (n->self.v && nr_gone == extnode_count(n))
		return EMPTIED;
	err = extnode_edit(m, n);
	if (!err)
		extnode_cut(n, first_gone, nr_gone);
	return err;
}

static int remove_in(struct extmap *m, struct extnode *n, const struct cut *c)
{
	return n->level ? remove_in_index(m, n, c) : remove_in_leaf(m, n, c);
}

/* pull a lone child back up into the root as long as it fits */
static int shrink_root(struct extmap *m, struct extnode *root)
{
	while (root->level) {
		struct extnode child;
		unsigned fits = root->level > 1 ? DAXFS_ROOT_INDEXES : DAXFS_ROOT_EXTENTS;
		int err;

		if (extnode_count(root) == 0) {
			extnode_reroot(m, 0, root);
			return 0;
		}
		if (extnode_count(root) > 1)
			return 0;
		err = extnode_child(m, root, 0, &child);
		if (err)
			return err;
		if (extnode_count(&child) > fits)
			return 0;
		extnode_reroot(m, child.level, root);
		extnode_copy(root, &child, 0, extnode_count(&child));
		err = extnode_drop(m, &child);
		if (err)
			return err;
	}
	return 0;
}

static int remove_range(struct extmap *m, const struct cut *c)
{
	struct extnode root;
	int err = extnode_root(m, &root);

	if (!err)
		err = remove_in(m, &root, c);
	return err ? err : shrink_root(m, &root);
}

/* a hole inside one extent: all of it behind the hole's start goes, its end comes back */
static int punch(struct extmap *m, const struct extent *e, const struct cut *c)
{
	uint64_t end = e->lblk.v + e->len;
	struct extent right = {
		.lblk = { c->to }, .pblk = pblk_add(e->pblk, c->to - e->lblk.v),
		.len = end - c->to, .flags = e->flags,
	};
	int err = collect(c, e->pblk.v + (c->from - e->lblk.v), c->to - c->from);

	if (!err)
		err = remove_range(m, &(struct cut){ .from = c->from, .to = end });
	return err ? err : extmap_insert(m, &right);
}

int extmap_remove(struct extmap *m, lblk_t lblk, uint64_t len, struct runvec *removed)
{
	struct cut c = { .from = lblk.v, .to = DAXFS_FILE_BLOCKS_MAX, .removed = removed };
	struct extent e;
	int found;

	assert(m->t);
	if (len == 0 || lblk.v >= DAXFS_FILE_BLOCKS_MAX)
		return 0;
	if (len < DAXFS_FILE_BLOCKS_MAX - lblk.v)
		c.to = lblk.v + len;
	found = extmap_lookup(m, lblk, &e);
	if (found <= 0)
		return found;
	if (e.lblk.v < c.from && e.lblk.v + e.len > c.to)
		return punch(m, &e, &c);
	return remove_range(m, &c);
}
