/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * radix_find.c -- the next entry of the radix tree that is in use, or tagged
 *
 * Owns nothing: walks the maps of the nodes, from one that has a bit to the
 * child that has it.  The tree's mutex is held, so that its shape stands still.
 */
#include "base/radix_node.h"

/*
 * A map without the bits of slots out of use: a tag set while its child was
 * replaced may have reached this node too late.
 */
static uint64_t live_map(struct radix_node *n, unsigned map)
{
	uint64_t all = radix_map(n, map);
	uint64_t live = all & radix_map(n, RADIX_USED);

	if (all != live)
		radix_tag_lower(n, all & ~live, map);
	else if (!all && map != RADIX_USED)
		radix_tag_settle(n, map);
	return live;
}

/* The ranges of a node that have a bit, be it the child's or the entry's. */
static uint64_t ranges(const struct radix_node *n, uint64_t bits)
{
	return radix_mixed(n->level) ? (bits | bits >> RADIX_BIG) & (radix_bit(RADIX_BIG) - 1) :
				       bits;
}

/* One way down from @n; NULL after moving @at behind a part that has nothing. */
static struct radix_node *descend(struct radix_node *n, unsigned map, uint64_t *at, unsigned *off)
{
	for (;;) {
		unsigned range = radix_node_off(n, *at);
		uint64_t live = live_map(n, map);
		uint64_t ahead = ranges(n, live) >> range;

		if (!ahead) {
			unsigned span = n->shift + n->bits;

			*at = ((*at >> span) + 1) << span;
			return NULL;
		}
		unsigned skip = (unsigned)__builtin_ctzll(ahead);

		if (skip)
			*at = ((*at >> n->shift) + skip) << n->shift;
		range += skip;
		*off = live & radix_bit(range) ? range : RADIX_BIG + range;
		if (radix_holds_entry(n, *off))
			return n;
		n = radix_child(n, *off);
	}
}

struct radix_node *radix_find(const struct radix *rx, unsigned map, uint64_t *at, uint64_t last,
			      unsigned *off)
{
	struct radix_node *root = radix_root(rx);
	struct radix_node *n = NULL;

	while (root && !n && *at <= last && !radix_beyond(root, *at))
		n = descend(root, map, at, off);
	return n && *at <= last ? n : NULL;
}

uint64_t radix_run(const struct radix_node *n, uint64_t at, unsigned off, uint64_t last)
{
	if (n->level)
		return radix_bit(off);
	uint64_t nr = (UINT64_C(1) << n->bits) - off;

	if (last - at < nr)
		nr = last - at + 1;
	return (radix_bit((unsigned)nr) - 1) << off;
}
