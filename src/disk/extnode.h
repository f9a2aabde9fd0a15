/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extnode.h -- one node of an extent map; for extmap.c, extremove.c and extwalk.c
 */
#ifndef DAXFS_DISK_EXTNODE_H
#define DAXFS_DISK_EXTNODE_H

#include "disk/extmap.h"

/*
 * The root inside an inode and a node block look alike through this.  Arrays
 * point to media until extnode_edit() makes them point to the shadow.
 */
struct extnode {
	pblk_t		self;		/* {0}: the root */
	unsigned	level;		/* 0: extents, else indexes */
	unsigned	cap;		/* entries that fit */
	uint64_t	lo, hi;		/* keys lie in [lo, hi) */
	le16		*nr;		/* entries in use */
	union {
		struct dextent	*ext;
		struct dextidx	*idx;
	};
};

static inline unsigned extnode_count(const struct extnode *n)
{
	return le16_get(*n->nr);
}

static inline uint64_t extnode_key(const struct extnode *n, unsigned i)
{
	return le64_get(n->level ? n->idx[i].lblk : n->ext[i].lblk);
}

static inline uint64_t dextent_end(const struct dextent *e)
{
	return le64_get(e->lblk) + le32_get(e->len);
}

/* extnode_root - the root of @m, checked.  0 or -EUCLEAN. */
int extnode_root(const struct extmap *m, struct extnode *n);

/* extnode_child - the node that entry @i of @parent points to, checked unless shadowed.  0 or -EUCLEAN. */
int extnode_child(const struct extmap *m, const struct extnode *parent, unsigned i, struct extnode *n);

/* extnode_slot - index node: the entry whose child is responsible for @lblk. */
unsigned extnode_slot(const struct extnode *n, uint64_t lblk);

/* extnode_after - extent node: the first extent that ends behind @lblk, or count. */
unsigned extnode_after(const struct extnode *n, uint64_t lblk);

/* extnode_load - extent @i in host order. */
void extnode_load(const struct extnode *n, unsigned i, struct extent *ext);

/* extnode_edit - make @n writable.  0 or -ENOSPC. */
int extnode_edit(struct extmap *m, struct extnode *n);

/* extnode_new - an empty fresh node, writable, bounds unset.  0, -ENOSPC, -ENOMEM. */
int extnode_new(struct extmap *m, unsigned level, struct extnode *n);

/* extnode_drop - give back the block of a node that nothing points to any more.  0 or -ENOMEM. */
int extnode_drop(struct extmap *m, const struct extnode *n);

/* extnode_gap - writable node: room for an entry at @i.  The entry's content is undefined. */
void extnode_gap(struct extnode *n, unsigned i);

/* extnode_cut - writable node: entries [@i, @i + @k) go. */
void extnode_cut(struct extnode *n, unsigned i, unsigned k);

/* extnode_copy - writable empty node @dst takes @k entries of @src, from @i on. */
void extnode_copy(struct extnode *dst, const struct extnode *src, unsigned i, unsigned k);

/* extnode_reroot - writable root: empty, with @level below it. */
void extnode_reroot(struct extmap *m, unsigned level, struct extnode *root);

#endif
