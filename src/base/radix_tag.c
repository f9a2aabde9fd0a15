/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * radix_tag.c -- tags of the radix tree
 *
 * Owns the tag maps of all nodes.  The bit of an entry's slot means that the entry
 * is tagged; a child's, that the child's map may not be empty.  Setters take
 * no lock.  Clearers, walkers and all that changes the tree's shape hold the
 * tree's mutex, one at a time.
 *
 * The promise: a walker that begins after radix_tag_set() returned finds the
 * entry, unless the tag was cleared after it was set.  Why it holds, with S the
 * single total order of sequentially consistent operations, c a node and p its
 * parent, "bit of c" its bit in p's map, and all map accesses in S:
 *
 *  (1) A setter changes its slot's bit by a read-modify-write, always, even when
 *      the bit is set.  A clearer's read-modify-write is before or after it in
 *      the map's order.  Before: the bit ends up set.  After: the clearer has
 *      read the setter's value and thereby sees the data stored before the tag;
 *      the tag was cleared after it was set, and nothing is owed.
 *  (2) Going up, for each c the setter looks at the bit of c and sets it when it
 *      is clear.  It never stops early: a bit found set may have been set by
 *      another setter that has not come to the levels above yet.
 *  (3) A clearer that cleared the bit of c because c's map was empty reads c's
 *      map again.  When it is not empty it raises the bit of c and everything
 *      above, as a setter does, before it releases the mutex.
 *  (4) Suppose that after the setter's return, with no clearer under way, c's
 *      map is not empty but the bit of c is clear.  Take the last clearing of
 *      the bit of c, by clearer K.  The setter's look (2) is in S before or
 *      after it.  After: the setter found it clear and set it; contradiction,
 *      as no later clearing exists.  Before: the setter changed c's map before
 *      its look, so before K's clearing, so K's second reading (3) found the map
 *      not empty, unless a later clearer emptied it, in which case nothing is
 *      owed; K raised the bit.  Contradiction.
 *  (5) The same at each level, because (2) and (3) both go to the root.  K's
 *      restoring may end after the setter's return, but K holds the mutex and
 *      the walker waits for it: that is why walkers take the mutex.
 *  (6) When the root r grows, the new root t becomes r's parent first, then r's
 *      maps are read and t's bits set, then t is published.  A setter changes
 *      r's map, then reads r's parent.  In S either it sees t and sets the bit
 *      itself, or the grower reads r's map afterwards and sets it.
 *  (7) An index that is being tagged is in use, so its ancestors are not freed.
 *  (8) In a mixed node an entry's bit is like any other.  When a large entry takes
 *      the place of c, its bit is raised before the bit of c is cleared.  A setter
 *      that is still below c then may set the bit of c over a slot out of use;
 *      walkers drop such bits.
 *
 * A setter that looks at p after a clearer emptied c leaves the bit of c set
 * over an empty map.  That costs a walker one useless step and is then undone.
 */
#include "base/radix_node.h"

void radix_tag_raise(struct radix_node *n, uint64_t bits, unsigned tag)
{
	radix_map_set(n, tag, bits);					/* (1) */
	for (struct radix_node *p = radix_parent(n); p; p = radix_parent(n)) {
		uint64_t bit = radix_bit(n->offset);

		if (!(radix_map(p, tag) & bit))				/* (2) */
			radix_map_set(p, tag, bit);
		n = p;
	}
}

void radix_tag_settle(struct radix_node *n, unsigned tag)
{
	struct radix_node *p = radix_parent(n);

	while (p && !radix_map(n, tag)) {
		uint64_t bit = radix_bit(n->offset);

		radix_map_clear(p, tag, bit);
		if (radix_map(n, tag)) {				/* (3) */
			radix_tag_raise(p, bit, tag);
			return;
		}
		n = p;
		p = radix_parent(n);
	}
}

void radix_tag_lower(struct radix_node *n, uint64_t bits, unsigned tag)
{
	if (!(radix_map(n, tag) & bits))
		return;
	radix_map_clear(n, tag, bits);					/* (1) */
	radix_tag_settle(n, tag);
}

static bool in_use(const struct radix_pos *pos)
{
	return radix_map(pos->node, RADIX_USED) & radix_bit(pos->off);
}

void radix_tag_set(struct radix *rx, uint64_t index, unsigned tag)
{
	struct radix_pos pos;

	rcu_enter();
	if (radix_walk(rx, index, &pos) >= 0 && in_use(&pos))
		radix_tag_raise(pos.node, radix_bit(pos.off), tag);
	rcu_leave();
}

void radix_tag_clear(struct radix *rx, uint64_t index, unsigned tag)
{
	struct radix_pos pos;

	pthread_mutex_lock(&rx->mutex);
	if (radix_walk(rx, index, &pos) >= 0)
		radix_tag_lower(pos.node, radix_bit(pos.off), tag);
	pthread_mutex_unlock(&rx->mutex);
}

static bool root_tagged(const struct radix *rx, unsigned tag)
{
	struct radix_node *root = radix_root(rx);

	return root && radix_map(root, tag);
}

bool radix_tagged(const struct radix *rx, unsigned tag)
{
	struct radix *locked = (struct radix *)(uintptr_t)rx;
	bool yes;

	rcu_enter();
	yes = root_tagged(rx, tag);
	rcu_leave();
	if (yes)
		return true;
	/* A clearer may be between clearing the root's bit and restoring it. */
	pthread_mutex_lock(&locked->mutex);
	yes = root_tagged(rx, tag);
	pthread_mutex_unlock(&locked->mutex);
	return yes;
}

static uint64_t last_index(uint64_t last)
{
	return last < RADIX_INDEX_MAX ? last : RADIX_INDEX_MAX;
}

bool radix_next_tagged(struct radix *rx, uint64_t *index, uint64_t last, unsigned tag,
		       _Atomic uint64_t **slot)
{
	struct radix_node *n;
	uint64_t at = *index;
	unsigned off;

	pthread_mutex_lock(&rx->mutex);
	while ((n = radix_find(rx, tag, &at, last_index(last), &off)) && !atomic_load(radix_entry_slots(n, off)))
		at++;
	pthread_mutex_unlock(&rx->mutex);
	if (!n)
		return false;
	*index = at;
	*slot = radix_entry_slots(n, off);
	return true;
}

/* Of these places, those whose word is not 0. */
static uint64_t filled(struct radix_node *n, uint64_t bits)
{
	uint64_t out = 0;

	for (; bits; bits &= bits - 1) {
		unsigned off = (unsigned)__builtin_ctzll(bits);

		if (atomic_load_explicit(radix_entry_slots(n, off), memory_order_relaxed))
			out |= radix_bit(off);
	}
	return out;
}

/* Moves the tags of one node; false at the end of the range. */
static bool move_step(struct radix *rx, uint64_t *at, uint64_t last, const unsigned tags[2],
		      uint64_t *moved)
{
	unsigned off;
	struct radix_node *n = radix_find(rx, tags[0], at, last, &off);

	if (!n)
		return false;
	uint64_t run = radix_run(n, *at, off, last);
	uint64_t bits = filled(n, run & radix_map(n, tags[0]));

	if (bits)
		radix_tag_raise(n, bits, tags[1]);
	*moved += (uint64_t)__builtin_popcountll(bits);
	*at = ((*at >> n->shift) + (uint64_t)__builtin_popcountll(run)) << n->shift;
	return true;
}

uint64_t radix_tag_move(struct radix *rx, uint64_t first, uint64_t last, unsigned from, unsigned to)
{
	const unsigned tags[2] = { from, to };
	uint64_t moved = 0;
	bool more;

	do {
		pthread_mutex_lock(&rx->mutex);
		more = move_step(rx, &first, last_index(last), tags, &moved);
		pthread_mutex_unlock(&rx->mutex);
	} while (more);
	return moved;
}
