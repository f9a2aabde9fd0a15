/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * radix_node.c -- nodes of the radix tree: how large each is, where it comes from, where it goes
 */
#include "base/radix_node.h"

#include <assert.h>

#include "base/pool.h"

const uint8_t radix_level_shift[RADIX_LEVELS + 1] = {
	0, 3, 9, 12, 18, 21, 27, 33, 39, 45, 51, RADIX_INDEX_BITS,
};

#define NODE_BYTES(SLOTS)	(sizeof(struct radix_node) + (SLOTS) * sizeof(uint64_t))

static unsigned level_bits(unsigned level)
{
	return (unsigned)radix_level_shift[level + 1] - radix_level_shift[level];
}

static size_t node_bytes(unsigned level)
{
	size_t slots = (size_t)1 << level_bits(level);

	if (radix_mixed(level))
		slots += RADIX_BIG * RADIX_STRIPES(radix_level_shift[level]);

	return NODE_BYTES(slots);
}

enum shape { PLACES_8, PLACES_64, MIXED_9, MIXED_18, NR_SHAPES };

static struct pool node_pool[NR_SHAPES] = {
	[PLACES_8] = POOL_INIT(NODE_BYTES(8)),
	[PLACES_64] = POOL_INIT(NODE_BYTES(64)),
	[MIXED_9] = POOL_INIT(NODE_BYTES(8 + RADIX_BIG * RADIX_STRIPES(9))),
	[MIXED_18] = POOL_INIT(NODE_BYTES(8 + RADIX_BIG * RADIX_STRIPES(18))),
};

static enum shape shape_of(unsigned level)
{
	if (radix_mixed(level))
		return radix_level_shift[level] == 9 ? MIXED_9 : MIXED_18;
	return level_bits(level) == 3 ? PLACES_8 : PLACES_64;
}

static struct pool *pool_of(unsigned level)
{
	struct pool *p = &node_pool[shape_of(level)];

	assert(node_bytes(level) <= p->size);
	return p;
}

struct radix_node *radix_node_new(struct radix *rx, unsigned level)
{
	struct radix_node *n = pool_get(pool_of(level));

	if (!n)
		return NULL;
	assert(!((uintptr_t)n & RADIX_LEVEL_MASK));
	n->level = (uint8_t)level;
	n->shift = radix_level_shift[level];
	n->bits = (uint8_t)level_bits(level);
	atomic_fetch_add_explicit(&rx->bytes, node_bytes(level), memory_order_relaxed);
	return n;
}

static void node_free_rcu(struct rcu_head *head)
{
	struct radix_node *n = caa_container_of(head, struct radix_node, rcu);

	pool_put(pool_of(n->level), n);
}

void radix_node_retire(struct radix *rx, struct radix_node *n)
{
	atomic_fetch_sub_explicit(&rx->bytes, node_bytes(n->level), memory_order_relaxed);
	rcu_free_later(&n->rcu, node_free_rcu);
}
