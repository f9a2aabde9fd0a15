/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * radix.c -- the radix tree of tagged words: its shape and its entries
 *
 * Owns the nodes.  The tree is as tall as its largest index needs and grows at
 * the root; a node is freed, through RCU, when its last slot goes out of use.
 * Shape changes hold the tree's mutex; readers hold nothing and see a node only
 * after it is complete (release stores of slots, acquire loads).  Nobody waits
 * for an entry's lock with the mutex held: the step is given up, the mutex
 * dropped, and the step tried again.  Tags are radix_tag.c's business.
 *
 * A volatile structure: nothing here touches media.
 */
#include "base/radix_node.h"

#include <assert.h>
#include <errno.h>

#include "base/spin.h"

#define LEAF	(UINT64_C(1) << radix_level_shift[1])	/* indexes that a node of level 0 covers */

void radix_init(struct radix *rx, uint64_t lock_mask)
{
	atomic_init(&rx->root, 0);
	rx->lock_mask = lock_mask;
	atomic_init(&rx->bytes, 0);
	pthread_mutex_init(&rx->mutex, NULL);
}

void radix_fini(struct radix *rx)
{
	radix_erase_range(rx, 0, RADIX_INDEX_MAX);
	assert(!radix_root(rx) && !radix_bytes(rx));
	pthread_mutex_destroy(&rx->mutex);
}

size_t radix_bytes(const struct radix *rx)
{
	return atomic_load_explicit(&rx->bytes, memory_order_relaxed);
}

/* -- readers --------------------------------------------------------------- */

uint64_t radix_load(const struct radix *rx, uint64_t index, unsigned *order)
{
	struct radix_pos pos;
	int found = radix_walk(rx, index, &pos);

	if (found < 0 || !pos.word)
		return 0;
	*order = (unsigned)found;
	return pos.word;
}

_Atomic uint64_t *radix_slot(struct radix *rx, uint64_t index, unsigned *order)
{
	struct radix_pos pos;
	int found = radix_walk(rx, index, &pos);

	if (found < 0 || !pos.word)
		return NULL;
	*order = (unsigned)found;
	return pos.slot;
}

/* -- entry locks ----------------------------------------------------------- */

bool radix_lock_slot(_Atomic uint64_t *slot, uint64_t lock_mask, uint64_t *word)
{
	uint64_t w = atomic_load_explicit(slot, memory_order_relaxed);
	unsigned rounds = 0;

	while (w) {
		if (w & lock_mask) {
			spin_wait(&rounds);
			w = atomic_load_explicit(slot, memory_order_relaxed);
		} else if (atomic_compare_exchange_weak_explicit(slot, &w, w | lock_mask,
				memory_order_seq_cst, memory_order_relaxed)) {
			*word = w;
			return true;
		}
	}
	return false;
}

uint64_t radix_await_slot(_Atomic uint64_t *slot, uint64_t lock_mask)
{
	uint64_t w = atomic_load(slot);
	unsigned rounds = 0;

	while (w & lock_mask) {
		spin_wait(&rounds);
		w = atomic_load(slot);
	}
	return w;
}

void radix_unlock_slot(_Atomic uint64_t *slot, uint64_t lock_mask)
{
	atomic_fetch_and_explicit(slot, ~lock_mask, memory_order_release);
}

void radix_unlock_fenced(_Atomic uint64_t *slot, uint64_t lock_mask)
{
	uint64_t word = atomic_load_explicit(slot, memory_order_relaxed);

	atomic_store_explicit(slot, word & ~lock_mask, memory_order_release);
}

/* Replaces a word that nobody has locked; false when it is locked. */
static bool swap_slot(const struct radix *rx, _Atomic uint64_t *slot, uint64_t word)
{
	uint64_t w = atomic_load_explicit(slot, memory_order_relaxed);

	do {
		if (w & rx->lock_mask)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(slot, &w, word, memory_order_acq_rel,
							memory_order_relaxed));
	return true;
}

/* The same for all slots of an entry; false at the first that is locked, those before are replaced. */
static bool swap_entry(const struct radix *rx, struct radix_node *n, unsigned off, uint64_t word)
{
	_Atomic uint64_t *slots = radix_entry_slots(n, off);
	bool ok = true;

	for (unsigned i = 0; ok && i < RADIX_STRIPES(n->shift); i++)
		ok = swap_slot(rx, &slots[i], word);
	return ok;
}

/* -- shape ----------------------------------------------------------------- */

static void root_publish(struct radix *rx, struct radix_node *n)
{
	uint64_t word = n ? (uintptr_t)n | n->level : 0;

	atomic_store_explicit(&rx->root, word, memory_order_release);
}

/* Makes an empty node, visible below @n. */
static struct radix_node *child_new(struct radix *rx, struct radix_node *n, unsigned off)
{
	struct radix_node *child = radix_node_new(rx, n->level - 1u);

	if (!child)
		return NULL;
	child->offset = (uint8_t)off;
	atomic_init(&child->parent, n);
	radix_map_set(n, RADIX_USED, radix_bit(off));
	atomic_store_explicit(&n->slots[off], (uintptr_t)child, memory_order_release);
	return child;
}

/* Takes a child out of reach; readers may still be below it. */
static void child_unlink(struct radix_node *n, unsigned off)
{
	atomic_store_explicit(&n->slots[off], 0, memory_order_release);
	for (unsigned tag = 0; tag < RADIX_NR_TAGS; tag++)
		radix_tag_lower(n, radix_bit(off), tag);
	radix_map_clear(n, RADIX_USED, radix_bit(off));
}

/* Frees a node that has no slot in use, then its parent likewise. */
static void prune(struct radix *rx, struct radix_node *n)
{
	while (n && !radix_map(n, RADIX_USED)) {
		struct radix_node *p = radix_parent(n);

		if (p)
			child_unlink(p, n->offset);
		else
			root_publish(rx, NULL);
		radix_node_retire(rx, n);
		n = p;
	}
}

/* -- growing ---------------------------------------------------------------- */

/* Puts a new root above the present one; (6) in radix_tag.c is about the order. */
static struct radix_node *grow_root(struct radix *rx, struct radix_node *root)
{
	struct radix_node *top = radix_node_new(rx, root->level + 1u);

	if (!top)
		return NULL;
	atomic_init(&top->slots[0], (uintptr_t)root);
	radix_map_set(top, RADIX_USED, radix_bit(0));
	atomic_store(&root->parent, top);
	for (unsigned tag = 0; tag < RADIX_NR_TAGS; tag++) {
		if (radix_map(root, tag))
			radix_map_set(top, tag, radix_bit(0));
	}
	root_publish(rx, top);
	return top;
}

/* The root of a tree that reaches @index and at least @level, or NULL. */
static struct radix_node *root_for(struct radix *rx, uint64_t index, unsigned level)
{
	struct radix_node *root = radix_root(rx);

	if (!root) {
		while (index >> radix_level_shift[level + 1])
			level++;
		root = radix_node_new(rx, level);
		if (root)
			root_publish(rx, root);
		return root;
	}
	while (root && (root->level < level || radix_beyond(root, index)))
		root = grow_root(rx, root);
	return root;
}

/* Whether an entry of order 9 or 18 is in range @off of a node. */
static bool has_big(const struct radix_node *n, unsigned off)
{
	return radix_mixed(n->level) &&
	       (radix_map(n, RADIX_USED) & radix_bit(RADIX_BIG + off));
}

/* The node of @level that covers @index, made when missing. */
static int node_for(struct radix *rx, uint64_t index, unsigned level, struct radix_node **out)
{
	struct radix_node *n = root_for(rx, index, level);

	if (!n)
		return -ENOMEM;
	while (n->level > level) {
		unsigned off = radix_node_off(n, index);

		if (has_big(n, off))
			return -EEXIST;
		struct radix_node *child = radix_child(n, off);

		if (!child)
			child = child_new(rx, n, off);
		if (!child) {
			prune(rx, n);
			return -ENOMEM;
		}
		n = child;
	}
	*out = n;
	return 0;
}

/* -- creating and storing ---------------------------------------------------- */

static bool slot_ready(const struct radix_pos *pos, int order)
{
	return order > 0 ||
	       (!order && (radix_map(pos->node, RADIX_USED) & radix_bit(pos->off)));
}

static _Atomic uint64_t *create_locked(struct radix *rx, uint64_t index)
{
	struct radix_pos pos;
	struct radix_node *n;
	int err = node_for(rx, index, 0, &n);

	if (err == -EEXIST && radix_walk(rx, index, &pos) > 0)
		return pos.slot;
	if (err)
		return NULL;
	unsigned off = radix_node_off(n, index);

	radix_map_set(n, RADIX_USED, radix_bit(off));
	return &n->slots[off];
}

_Atomic uint64_t *radix_slot_create(struct radix *rx, uint64_t index)
{
	struct radix_pos pos;

	if (slot_ready(&pos, radix_walk(rx, index, &pos)))
		return pos.slot;
	if (index > RADIX_INDEX_MAX)
		return NULL;
	pthread_mutex_lock(&rx->mutex);
	_Atomic uint64_t *slot = create_locked(rx, index);

	pthread_mutex_unlock(&rx->mutex);
	return slot;
}

/* Locks a slot without waiting; one that reads 0 needs no lock. */
static bool try_lock(const struct radix *rx, _Atomic uint64_t *slot)
{
	uint64_t w = atomic_load_explicit(slot, memory_order_relaxed);

	do {
		if (w & rx->lock_mask)
			return false;
	} while (w && !atomic_compare_exchange_weak_explicit(slot, &w, w | rx->lock_mask,
				memory_order_acquire, memory_order_relaxed));
	return true;
}

/* The first @nr slots of an entry. */
static void unlock_slots(const struct radix *rx, _Atomic uint64_t *slots, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		radix_unlock_slot(&slots[i], rx->lock_mask);
}

/* Locks an entry without waiting, or no slot of it. */
static bool lock_entry(const struct radix *rx, struct radix_node *n, unsigned off)
{
	_Atomic uint64_t *slots = radix_entry_slots(n, off);

	for (unsigned i = 0; i < RADIX_STRIPES(n->shift); i++) {
		if (!try_lock(rx, &slots[i])) {
			unlock_slots(rx, slots, i);
			return false;
		}
	}
	return true;
}

static void subtree_unlock(const struct radix *rx, struct radix_node *n, uint64_t places)
{
	for (; places; places &= places - 1) {
		unsigned off = (unsigned)__builtin_ctzll(places);

		if (radix_holds_entry(n, off))
			unlock_slots(rx, radix_entry_slots(n, off), RADIX_STRIPES(n->shift));
		else
			subtree_unlock(rx, radix_child(n, off), radix_map(radix_child(n, off), RADIX_USED));
	}
}

/* Locks all entries below @n without waiting, or none. */
static bool subtree_lock(const struct radix *rx, struct radix_node *n)
{
	uint64_t used = radix_map(n, RADIX_USED);

	for (uint64_t left = used; left; left &= left - 1) {
		unsigned off = (unsigned)__builtin_ctzll(left);
		bool ok = radix_holds_entry(n, off) ? lock_entry(rx, n, off) :
						      subtree_lock(rx, radix_child(n, off));

		if (!ok) {
			subtree_unlock(rx, n, used & (radix_bit(off) - 1));
			return false;
		}
	}
	return true;
}

static void set_entry(struct radix_node *n, unsigned off, uint64_t word)
{
	_Atomic uint64_t *slots = radix_entry_slots(n, off);

	for (unsigned i = 0; i < RADIX_STRIPES(n->shift); i++)
		atomic_store_explicit(&slots[i], word, memory_order_release);
}

/* Zeroes the entries of a subtree out of reach, for those who wait on them. */
static void subtree_retire(struct radix *rx, struct radix_node *n)
{
	for (uint64_t left = radix_map(n, RADIX_USED); left; left &= left - 1) {
		unsigned off = (unsigned)__builtin_ctzll(left);

		if (radix_holds_entry(n, off))
			set_entry(n, off, 0);
		else
			subtree_retire(rx, radix_child(n, off));
	}
	radix_node_retire(rx, n);
}

static int store_small(struct radix *rx, uint64_t index, uint64_t word)
{
	struct radix_node *n;
	int err = node_for(rx, index, 0, &n);

	if (err)
		return err;
	unsigned off = radix_node_off(n, index);

	if (!swap_slot(rx, &n->slots[off], word))
		return -EAGAIN;
	radix_map_set(n, RADIX_USED, radix_bit(off));
	return 0;
}

/*
 * Puts a word in the place of a child whose entries are all locked.  (1) is the
 * moment: a reader finds the small entries before, the big one after.
 */
static void replace_child(struct radix *rx, struct radix_node *n, unsigned off, uint64_t word)
{
	struct radix_node *below = radix_child(n, off);
	unsigned big = RADIX_BIG + off;

	radix_map_set(n, RADIX_USED, radix_bit(big));
	set_entry(n, big, word);
	for (unsigned tag = 0; tag < RADIX_NR_TAGS; tag++) {
		if (radix_map(below, tag))
			radix_tag_raise(n, radix_bit(big), tag);
	}
	child_unlink(n, off);						/* (1) */
	subtree_retire(rx, below);
}

static int store_big(struct radix *rx, uint64_t index, unsigned level, uint64_t word)
{
	struct radix_node *n;
	int err = node_for(rx, index, level, &n);

	if (err)
		return err;
	unsigned off = radix_node_off(n, index);
	struct radix_node *below = radix_child(n, off);

	if (!below) {
		radix_map_set(n, RADIX_USED, radix_bit(RADIX_BIG + off));
		return swap_entry(rx, n, RADIX_BIG + off, word) ? 0 : -EAGAIN;
	}
	if (!subtree_lock(rx, below))
		return -EAGAIN;
	replace_child(rx, n, off, word);
	return 0;
}

static int order_level(unsigned order)
{
	return order == 0 ? 0 : order == 9 ? 2 : order == 18 ? 4 : -EINVAL;
}

int radix_store(struct radix *rx, uint64_t index, unsigned order, uint64_t word)
{
	int level = order_level(order);
	unsigned rounds = 0;
	int err;

	if (level < 0 || !word || index > RADIX_INDEX_MAX || index & ((UINT64_C(1) << order) - 1))
		return -EINVAL;
	for (;;) {
		pthread_mutex_lock(&rx->mutex);
		err = level ? store_big(rx, index, (unsigned)level, word) :
			      store_small(rx, index, word);
		pthread_mutex_unlock(&rx->mutex);
		if (err != -EAGAIN)
			return err;
		spin_wait(&rounds);
	}
}

/* The leaf's part of radix_fill(): its slots that hold nothing, from @index on. */
static int fill_leaf(struct radix *rx, uint64_t index, uint64_t nr, struct radix_words w)
{
	struct radix_node *n;
	int err = node_for(rx, index, 0, &n);

	if (err)
		return err;
	unsigned off = radix_node_off(n, index);

	for (unsigned i = 0; i < nr; i++, w.first += w.step) {
		if (!atomic_load_explicit(&n->slots[off + i], memory_order_relaxed))
			atomic_store_explicit(&n->slots[off + i], w.first, memory_order_release);
	}
	radix_map_set(n, RADIX_USED, (radix_bit((unsigned)nr) - 1) << off);
	return 0;
}

int radix_fill(struct radix *rx, uint64_t index, uint64_t nr, struct radix_words w)
{
	int err = !nr || index + nr - 1 > RADIX_INDEX_MAX ? -EINVAL : 0;

	while (!err && nr) {
		uint64_t in_leaf = LEAF - index % LEAF, part = nr < in_leaf ? nr : in_leaf;

		pthread_mutex_lock(&rx->mutex);
		err = fill_leaf(rx, index, part, w);
		pthread_mutex_unlock(&rx->mutex);
		index += part;
		nr -= part;
		w.first += part * w.step;
	}
	return err;
}

/* -- erasing ----------------------------------------------------------------- */

enum step { STEP_DONE, STEP_MORE, STEP_LOCKED };

/* Erases the entries of one node; those behind a locked one stay. */
static enum step erase_step(struct radix *rx, uint64_t *at, uint64_t last)
{
	unsigned off;
	struct radix_node *n = radix_find(rx, RADIX_USED, at, last, &off);

	if (!n)
		return STEP_DONE;
	uint64_t left = radix_run(n, *at, off, last) & radix_map(n, RADIX_USED);
	uint64_t gone = 0;

	for (; left; left &= left - 1) {
		off = (unsigned)__builtin_ctzll(left);
		if (!swap_entry(rx, n, off, 0))
			break;
		gone |= radix_bit(off);
	}
	for (unsigned tag = 0; tag < RADIX_NR_TAGS; tag++)
		radix_tag_lower(n, gone, tag);
	radix_map_clear(n, RADIX_USED, gone);
	prune(rx, n);
	return left ? STEP_LOCKED : STEP_MORE;
}

void radix_erase_range(struct radix *rx, uint64_t first, uint64_t last)
{
	enum step step;
	unsigned rounds = 0;

	if (last > RADIX_INDEX_MAX)
		last = RADIX_INDEX_MAX;
	do {
		pthread_mutex_lock(&rx->mutex);
		step = erase_step(rx, &first, last);
		pthread_mutex_unlock(&rx->mutex);
		if (step == STEP_LOCKED)
			spin_wait(&rounds);
		else
			rounds = 0;
	} while (step != STEP_DONE);
}
