/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mapwalk.h -- extent maps, read independently of the engine
 */
#ifndef CHECK_MAPWALK_H
#define CHECK_MAPWALK_H

#include "check/state.h"

/* What is wrong with a map, the first thing found. */
struct mapfault { enum problem p; uint64_t blk, lblk; const char *why; };

/**
 * map_walk - collect the runs of a map that is right in every respect
 * @root: in an inode
 * @ino:  its owner
 * @out:  nodes and extents are appended, extents in order
 * Return: 0, 1 with *@fault (what was collected so far stays), or -ENOMEM.
 */
int map_walk(struct check *c, const struct dmap *root, uint64_t ino, struct mrunvec *out, struct mapfault *fault);

/**
 * map_salvage - collect what is plausible in a map, and claim it
 * @out:    nodes and extents; what others claimed already is left out
 * @reseal: nodes whose entries are all good but whose header is not are appended
 * @agreed: becomes false when something is to be left as it is
 * @lossy:  set when the map has to be built anew from @out
 * @rehearsal: nothing is reported
 * Reports what it finds.  Return: 0 or -ENOMEM.
 */
struct salvage { uint64_t ino; struct mrunvec *out; struct inovec reseal; bool agreed, lossy, rehearsal; unsigned asked; };
int map_salvage(struct check *c, const struct dmap *root, struct salvage *s);

/**
 * map_build - a map of these extents
 * @ext:   in order, disjoint; entries with lblk RUN_META give their blocks for nodes when nothing else is free
 * @root:  out
 * @nodes: out, how many blocks the map's nodes take
 * Return: 0, -ENOSPC (then no block has changed), or -ENOMEM.
 */
struct mapbuild { uint64_t ino; const struct mrunvec *ext; struct dmap *root; uint64_t nodes; };
int map_build(struct check *c, struct mapbuild *b);

/* map_excess - blocks of the last extents, those for which no node can be had; @from: out, the first such extent. */
uint64_t map_excess(const struct check *c, const struct mrunvec *ext, size_t *from);

/* node_reseal - write the header of a node anew.  0 or -ENOMEM. */
int node_reseal(struct check *c, uint64_t blk, uint64_t ino, unsigned level);

/* mrun_add - append; adjacent runs are kept apart.  0 or -ENOMEM. */
int mrun_add(struct mrunvec *v, struct mrun r);

/* extent_wrong - why an extent cannot lie in [lo, hi), or NULL. */
const char *extent_wrong(const struct check *c, const struct dextent *e, uint64_t lo, uint64_t hi);

/* node_wrong - why the content of block @blk is not a node of @ino on this level, or NULL; entries are not looked at. */
const char *node_wrong(const struct dextnode *n, uint64_t blk, uint64_t ino, unsigned level);

static inline unsigned map_cap(unsigned level, bool root)
{
	if (root)
		return level ? DAXFS_ROOT_INDEXES : DAXFS_ROOT_EXTENTS;
	return level ? DAXFS_NODE_INDEXES : DAXFS_NODE_EXTENTS;
}

#endif
