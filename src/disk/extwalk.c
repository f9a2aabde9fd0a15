/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extwalk.c -- extent map: visiting everything in it
 *
 * Owns the walk that mount, fsck and tests use.  Reads only.  A node is checked
 * whole before it or anything in it is passed on; its level bounds the
 * recursion.  The inode's map lock, held by the caller (at least shared),
 * protects the tree.  May call: extnode.
 */
#include "disk/extmap.h"

#include "disk/extnode.h"

static int visit_extents(const struct extnode *n, const struct extmap_visitor *v)
{
	int r = 0;

	for (unsigned i = 0; v->extent && i < extnode_count(n) && !r; i++) {
		struct extent ext;

		extnode_load(n, i, &ext);
		r = v->extent(v->arg, &ext);
	}
	return r;
}

static int visit(const struct extmap *m, const struct extnode *n, const struct extmap_visitor *v)
{
	int r = 0;

	if (n->self.v && v->node)
		r = v->node(v->arg, n->self);
	if (r || n->level == 0)
		return r ? r : visit_extents(n, v);
	for (unsigned i = 0; i < extnode_count(n) && !r; i++) {
		struct extnode child;

		r = extnode_child(m, n, i, &child);
		if (!r)
			r = visit(m, &child, v);
	}
	return r;
}

int extmap_walk(const struct extmap *m, const struct extmap_visitor *v)
{
	struct extnode root;
	int err = extnode_root(m, &root);

	return err ? err : visit(m, &root, v);
}

int extmap_check(const struct extmap *m)
{
	return extmap_walk(m, &(struct extmap_visitor){ NULL, NULL, NULL });
}
