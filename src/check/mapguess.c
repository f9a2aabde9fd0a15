// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mapguess.c -- what sound nodes say of the shape of a damaged extent map
 *
 * A node whose checksum, place, owner and level are right is better evidence
 * than the number or the key above it.  Content of files may look like a node,
 * even on purpose: so a depth that goes with the entries of the root is never
 * doubted, and another one has to go with all of them.  Reads only; levels go
 * down by one, so every walk ends.
 */
#include "check/mapguess.h"

#include "check/mapwalk.h"

/* The node in a block if everything that it says of itself is right, else NULL. */
static const struct dextnode *node_sound(const struct check *c, uint64_t blk, uint64_t ino)
{
	const struct dextnode *n;

	if (!check_valid(c, blk, 1))
		return NULL;
	n = media_at(&c->m, blk);
	return node_wrong(n, blk, ino, le16_get(n->level)) ? NULL : n;
}

static bool node_is(const struct check *c, struct nodeid id)
{
	const struct dextnode *n = node_sound(c, id.blk, id.ino);

	return n && le16_get(n->level) == id.level;
}

/* -- what a node covers --------------------------------------------------------------- */

enum side { LEFT, RIGHT };

static const struct dextent *outermost(const struct check *c, struct nodeid id, enum side side)
{
	while (node_is(c, id)) {
		const struct dextnode *n = media_at(&c->m, id.blk);
		unsigned i = side == LEFT ? 0 : le16_get(n->count) - 1u;

		if (!id.level)
			return &n->ext[i];
		id = (struct nodeid){ id.ino, le64_get(n->idx[i].pblk), id.level - 1 };
	}
	return NULL;
}

bool node_covers(const struct check *c, struct nodeid id, uint64_t *first, uint64_t *end)
{
	const struct dextent *l = outermost(c, id, LEFT), *r = outermost(c, id, RIGHT);

	if (!l || !r || extent_wrong(c, l, 0, DAXFS_FILE_BLOCKS_MAX) ||
	    extent_wrong(c, r, le64_get(l->lblk), DAXFS_FILE_BLOCKS_MAX))
		return false;
	*first = le64_get(l->lblk);
	*end = le64_get(r->lblk) + le32_get(r->len);
	return true;
}

/* -- depth ------------------------------------------------------------------------------ */

static bool extents_fit(const struct check *c, const struct dmap *root)
{
	unsigned count = le16_get(root->count);
	uint64_t lo = 0;

	for (unsigned i = 0; count <= DAXFS_ROOT_EXTENTS && i < count; i++) {
		const struct dextent *e = &root->ext[i];

		if (extent_wrong(c, e, lo, DAXFS_FILE_BLOCKS_MAX))
			return false;
		lo = le64_get(e->lblk) + le32_get(e->len);
	}
	return count <= DAXFS_ROOT_EXTENTS;
}

/* A node, though perhaps a damaged one. */
static bool resembles_node(const struct check *c, uint64_t blk, uint64_t ino)
{
	const struct dextnode *n = media_at(&c->m, blk);

	return le32_get(n->magic) == DAXFS_EXTNODE_MAGIC ||
	       (le64_get(n->self) == blk && le64_get(n->owner) == ino);
}

/* Extents, and none of them a pointer to a damaged node that happens to pass for one. */
static bool extents_only(const struct check *c, const struct dmap *root, uint64_t ino)
{
	unsigned count = le16_get(root->count);

	if (!count || !extents_fit(c, root))
		return false;
	for (unsigned i = 0; i < count; i++)
		if (resembles_node(c, le64_get(root->ext[i].pblk), ino))
			return false;
	return true;
}

static struct nodeid first_below(const struct check *c, struct nodeid id)
{
	const struct dextnode *n = media_at(&c->m, id.blk);

	return (struct nodeid){ id.ino, le64_get(n->idx[0].pblk), id.level - 1 };
}

/* Does any child say so, or a grandchild under a child that says anything else? */
static bool depth_fits(const struct check *c, const struct dmap *root, uint64_t ino)
{
	unsigned depth = le16_get(root->depth), count = le16_get(root->count);

	if (!depth)
		return extents_fit(c, root);
	if (!count || count > DAXFS_ROOT_INDEXES)
		count = DAXFS_ROOT_INDEXES;
	for (unsigned i = 0; depth <= DAXFS_EXT_DEPTH_MAX && i < count; i++) {
		struct nodeid id = { ino, le64_get(root->idx[i].pblk), depth - 1 };

		if (node_is(c, id))
			return true;
		if (id.level && node_sound(c, id.blk, ino) && node_is(c, first_below(c, id)))
			return true;
	}
	return false;
}

/* The depth that all children agree on, or 0. */
static unsigned depth_by_nodes(const struct check *c, const struct dmap *root, uint64_t ino)
{
	const struct dextnode *n = node_sound(c, le64_get(root->idx[0].pblk), ino);
	unsigned count = le16_get(root->count);

	if (!n || !count || count > DAXFS_ROOT_INDEXES || le16_get(n->level) >= DAXFS_EXT_DEPTH_MAX)
		return 0;
	struct nodeid id = { ino, le64_get(root->idx[0].pblk), le16_get(n->level) };

	if (id.level && !node_is(c, first_below(c, id)))
		return 0;
	for (unsigned i = 1; i < count; i++)
		if (!node_is(c, (struct nodeid){ ino, le64_get(root->idx[i].pblk), id.level }))
			return 0;
	return id.level + 1;
}

unsigned map_depth(const struct check *c, const struct dmap *root, uint64_t ino)
{
	unsigned said = le16_get(root->depth), other;

	if (depth_fits(c, root, ino))
		return said;
	other = depth_by_nodes(c, root, ino);
	if (other)
		return other;
	return extents_only(c, root, ino) ? 0 : said;
}
