/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * radix_node.h -- inside of the radix tree, for the files radix*.c only
 *
 * Level l of the tree maps index bits [level_shift[l], level_shift[l + 1]), so
 * that one slot of level 2 covers 2^9 indexes and one of level 4 covers 2^18.
 * Entries of order 0 live in the nodes of level 0.  The nodes of level 2 and 4,
 * called mixed, have two places for each of their 8 ranges: r for the child
 * and RADIX_BIG + r for an entry of order 9 or 18.  At most one of the two
 * is in use, except inside radix_store().  A child has one slot and an entry
 * RADIX_STRIPES(), all with its word.  A slot for entries never holds
 * anything else, so one whose address a reader keeps for a while never turns
 * into a pointer to a node under him.  A slot for children holds 0 or a node's
 * address.
 *
 * Names: map   bitmap of a node, one bit per place     off  number of the place
 *        span  the indexes that a node covers          at   index being looked for
 */
#ifndef BASE_RADIX_NODE_H
#define BASE_RADIX_NODE_H

#include "base/radix.h"
#include "base/rcu.h"

#define RADIX_LEVELS		11u
#define RADIX_LEVEL_MASK	UINT64_C(15)	/* in radix.root, below the address */
#define RADIX_BIG		8u		/* in a mixed node, first place for entries */
#define RADIX_USED		RADIX_NR_TAGS	/* third map: places in use */

/*
 * used: at level 0 the slots created and not erased (their word may be 0), above
 * the places with a slot that is not 0.  A node lives as long as this map is not empty, so
 * an index in use keeps all its ancestors.
 */
struct radix_node {
	_Atomic(struct radix_node *) parent;	/* changes once, when the root grows */
	uint8_t level;
	uint8_t shift;				/* a place covers 2^shift indexes: the order of entries */
	uint8_t bits;				/* the node covers 2^bits such ranges */
	uint8_t offset;				/* of this node in its parent */
	_Atomic uint64_t maps[RADIX_NR_TAGS + 1];
	struct rcu_head rcu;
	_Atomic uint64_t slots[];
};

/* A place, its slot for the index, and the word read from it. */
struct radix_pos {
	struct radix_node *node;
	unsigned off;
	_Atomic uint64_t *slot;
	uint64_t word;
};

extern const uint8_t radix_level_shift[RADIX_LEVELS + 1];

/* radix_node_new - an empty one, which nobody sees yet; NULL without memory. */
struct radix_node *radix_node_new(struct radix *rx, unsigned level);

/* radix_node_retire - free @n, which cannot be reached from the root any more, once no reader is in it. */
void radix_node_retire(struct radix *rx, struct radix_node *n);

static inline uint64_t radix_bit(unsigned off)
{
	return UINT64_C(1) << off;
}

static inline struct radix_node *radix_word_node(uint64_t word)
{
	return (struct radix_node *)(uintptr_t)(word & ~RADIX_LEVEL_MASK);
}

static inline struct radix_node *radix_root(const struct radix *rx)
{
	return radix_word_node(atomic_load_explicit(&rx->root, memory_order_acquire));
}

static inline struct radix_node *radix_parent(struct radix_node *n)
{
	return atomic_load(&n->parent);
}

static inline bool radix_mixed(unsigned level)
{
	return level == 2 || level == 4;
}

/* Whether a slot is one for entries, not for children. */
static inline bool radix_holds_entry(const struct radix_node *n, unsigned off)
{
	return n->level == 0 || (radix_mixed(n->level) && off >= RADIX_BIG);
}

/* The slots of the entry at @off, RADIX_STRIPES(n->shift) of them. */
static inline _Atomic uint64_t *radix_entry_slots(struct radix_node *n, unsigned off)
{
	return n->level ? &n->slots[RADIX_BIG + (off - RADIX_BIG) * RADIX_STRIPES(n->shift)] : &n->slots[off];
}

/* The place of @index; in a mixed node the one for children. */
static inline unsigned radix_node_off(const struct radix_node *n, uint64_t index)
{
	return (unsigned)(index >> n->shift) & ((1u << n->bits) - 1);
}

static inline struct radix_node *radix_child(const struct radix_node *n, unsigned off)
{
	return radix_word_node(atomic_load_explicit(&n->slots[off], memory_order_acquire));
}

static inline bool radix_beyond(const struct radix_node *root, uint64_t index)
{
	return index >> (root->shift + root->bits);
}

/* Maps are sequentially consistent throughout: radix_tag.c's argument needs it. */
static inline uint64_t radix_map(const struct radix_node *n, unsigned map)
{
	return atomic_load(&n->maps[map]);
}

static inline void radix_map_set(struct radix_node *n, unsigned map, uint64_t bits)
{
	atomic_fetch_or(&n->maps[map], bits);
}

static inline void radix_map_clear(struct radix_node *n, unsigned map, uint64_t bits)
{
	atomic_fetch_and(&n->maps[map], ~bits);
}

/* One step down: false when there is no child. */
static inline bool radix_step(struct radix_pos *pos, uint64_t index, unsigned shift, unsigned bits)
{
	pos->node = radix_word_node(pos->word);
	pos->off = (unsigned)(index >> shift) & ((1u << bits) - 1);
	pos->slot = &pos->node->slots[pos->off];
	pos->word = atomic_load_explicit(pos->slot, memory_order_acquire);
	return pos->word != 0;
}

/* Where a mixed node has no child: the order of the entry there, or -1. */
static inline int radix_step_big(struct radix_pos *pos, uint64_t index, int order)
{
	const unsigned nr = RADIX_STRIPES(order);

	pos->slot = &pos->node->slots[RADIX_BIG + pos->off * nr + (index & (nr - 1))];
	pos->off += RADIX_BIG;
	pos->word = atomic_load_explicit(pos->slot, memory_order_acquire);
	return pos->word ? order : -1;
}

/**
 * radix_walk - find the slot that covers an index
 * @rx:    tree
 * @index: index
 * @pos:   out
 *
 * Unrolled, with the shifts of radix_level_shift as constants: this is the
 * fastest path of every read and write.
 *
 * Context: inside RCU or under the mutex.
 * Return:  the order of the slot, or -1; the word may be 0 at order 0 only.
 */
static inline int radix_walk(const struct radix *rx, uint64_t index, struct radix_pos *pos)
{
	uint64_t root = atomic_load_explicit(&rx->root, memory_order_acquire);
	unsigned level = root & RADIX_LEVEL_MASK;

	if (!root || index >> radix_level_shift[level + 1])
		return -1;
	pos->word = root;
	switch (level) {
	case 10:
		if (!radix_step(pos, index, 51, 1))
			return -1;
		__attribute__((fallthrough));
	case 9:
		if (!radix_step(pos, index, 45, 6))
			return -1;
		__attribute__((fallthrough));
	case 8:
		if (!radix_step(pos, index, 39, 6))
			return -1;
		__attribute__((fallthrough));
	case 7:
		if (!radix_step(pos, index, 33, 6))
			return -1;
		__attribute__((fallthrough));
	case 6:
		if (!radix_step(pos, index, 27, 6))
			return -1;
		__attribute__((fallthrough));
	case 5:
		if (!radix_step(pos, index, 21, 6))
			return -1;
		__attribute__((fallthrough));
	case 4:
		if (!radix_step(pos, index, 18, 3))
			return radix_step_big(pos, index, 18);
		__attribute__((fallthrough));
	case 3:
		if (!radix_step(pos, index, 12, 6))
			return -1;
		__attribute__((fallthrough));
	case 2:
		if (!radix_step(pos, index, 9, 3))
			return radix_step_big(pos, index, 9);
		__attribute__((fallthrough));
	case 1:
		if (!radix_step(pos, index, 3, 6))
			return -1;
		__attribute__((fallthrough));
	default:
		radix_step(pos, index, 0, 3);
		return 0;
	}
}

/**
 * radix_find - the first entry in use, or tagged, in a range
 * @rx:   tree
 * @map:  RADIX_USED or a tag
 * @at:   in, where to begin; out, the first index from there on it covers
 * @last: last index to consider
 * @off:  out, the entry's place in the node returned
 *
 * Context: under the mutex.  Lowers stale tags that it comes across.
 * Return:  the node that has the entry, or NULL when there is none.
 */
struct radix_node *radix_find(const struct radix *rx, unsigned map, uint64_t *at, uint64_t last,
			      unsigned *off);

/**
 * radix_run - the places that can be handled together with one that was found
 * @n:    node from radix_find()
 * @at:   index from radix_find()
 * @off:  place from radix_find()
 * @last: last index of the range
 *
 * Return: bits for @off and, at level 0, the places behind it within the range.
 */
uint64_t radix_run(const struct radix_node *n, uint64_t at, unsigned off, uint64_t last);

/**
 * radix_tag_raise - tag slots of a node and all ancestors
 * @n:    node
 * @bits: its slots
 * @tag:  tag
 *
 * Context: inside RCU or under the mutex; takes no lock.
 */
void radix_tag_raise(struct radix_node *n, uint64_t bits, unsigned tag);

/**
 * radix_tag_lower - take a tag from slots of a node, and from the ancestors
 * that have no other
 * @n:    node
 * @bits: its slots
 * @tag:  tag
 *
 * Context: under the mutex.
 */
void radix_tag_lower(struct radix_node *n, uint64_t bits, unsigned tag);

/**
 * radix_tag_settle - take a tag from ancestors if a node has none any more
 * @n:   node
 * @tag: tag
 *
 * Context: under the mutex.
 */
void radix_tag_settle(struct radix_node *n, unsigned tag);

#endif
