/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mapguess.h -- what sound nodes say of the shape of a damaged extent map
 */
#ifndef CHECK_MAPGUESS_H
#define CHECK_MAPGUESS_H

#include "check/state.h"

/* A node as an index tells of it. */
struct nodeid { uint64_t ino, blk; unsigned level; };

/**
 * node_covers - from where to where do the extents below a node reach?
 * @first: out, the first file block
 * @end:   out, past the last one
 * Return: true; false when a node on the way to either is not sound.
 */
bool node_covers(const struct check *c, struct nodeid id, uint64_t *first, uint64_t *end);

/**
 * map_depth - the depth of a map of which the root says something, perhaps wrong
 *
 * Return: what it says, unless its entries show that this cannot be, and that another depth can.
 */
unsigned map_depth(const struct check *c, const struct dmap *root, uint64_t ino);

#endif
