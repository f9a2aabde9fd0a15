/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * radix.h -- the radix tree of tagged 64-bit words, read under RCU
 *
 * Maps a 52-bit index to a word.  A word covers 2^order indexes, order 0, 9 or
 * 18 (4 KiB, 2 MiB, 1 GiB when an index is a 4 KiB block).  What a word means
 * is the caller's business except for this: 0 is "no entry", and the bits of the
 * tree's lock_mask lock the entry.
 *
 * An entry of order 9 has one slot and one of order 18 has 64, each with the same word
 * and a lock of its own.  Neighbouring indexes of the latter have different ones, so that who
 * locks one index does not keep out all others; readers look at the one slot of
 * their index, as if it were all.
 *
 * Who may do what at the same time:
 *  - loads, slots, entry locks and tag_set run beside everything;
 *  - store, fill, erase and slot_create serialise on a mutex in the tree; none of
 *    them holds it while it waits for a locked entry, so a thread that holds an
 *    entry lock may call any of them for other entries;
 *  - callers keep operations that concern one and the same index apart: an
 *    index is not created, stored or tagged while it is being erased.
 * Finding, moving and clearing tags serialise on the same mutex.
 */
#ifndef BASE_RADIX_H
#define BASE_RADIX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RADIX_DIRTY		0u
#define RADIX_TOWRITE		1u
#define RADIX_NR_TAGS		2u
#define RADIX_INDEX_BITS	52u
#define RADIX_INDEX_MAX		((UINT64_C(1) << RADIX_INDEX_BITS) - 1)

/*
 * Slots of an entry: indexes that are equal modulo this share one.  An entry of order 9 has but one, for
 * its memory's sake: two would take more than a word for 1 MiB of file.
 */
#define RADIX_STRIPES(order)	((order) >= 18 ? 64u : 1u)

struct radix {
	_Atomic uint64_t root;		/* node address | level, 0 when empty */
	uint64_t lock_mask;		/* bits of a word that lock it, may be 0 */
	_Atomic size_t bytes;		/* memory held by nodes */
	pthread_mutex_t mutex;		/* changes of shape, clearing of tags */
};

_Static_assert(sizeof(struct radix) <= 64, "an unused tree is one cache line");

/**
 * radix_init - make an empty tree
 * @rx:        tree
 * @lock_mask: bits of a word that lock its entry; 0 when entries have no lock
 *
 * Context: no one else uses @rx yet.  Allocates nothing.
 */
void radix_init(struct radix *rx, uint64_t lock_mask);

/**
 * radix_fini - remove every entry and end the tree
 * @rx: tree
 *
 * Nodes are freed through RCU: late readers see an empty tree.
 *
 * Context: no one changes @rx any more; waits for locked entries.
 */
void radix_fini(struct radix *rx);

/**
 * radix_load - the word that covers an index
 * @rx:    tree
 * @index: index
 * @order: out, order the word is stored at; untouched when there is none
 *
 * Context: inside RCU; takes no lock.
 * Return:  the word with whatever lock bits it has, or 0.
 */
uint64_t radix_load(const struct radix *rx, uint64_t index, unsigned *order);

/**
 * radix_slot - where the word that covers an index is kept
 * @rx:    tree
 * @index: index
 * @order: out, order the word is stored at; untouched when there is none
 *
 * The caller may replace the word by another non-zero one with atomic
 * operations (at order 0; larger entries have more slots); it reads 0 once the entry
 * was erased or moved to another order.
 *
 * Context: inside RCU, and the slot is used only there; takes no lock.
 * Return:  the slot, or NULL when no entry covers @index.
 */
_Atomic uint64_t *radix_slot(struct radix *rx, uint64_t index, unsigned *order);

/**
 * radix_slot_create - the order-0 slot of an index, made when missing
 * @rx:    tree
 * @index: index, at most RADIX_INDEX_MAX
 *
 * The slot reads 0 until the caller stores a word.  It stays part of the tree
 * until radix_erase_range() covers @index, even while it reads 0.  When an
 * entry of a higher order covers @index already, that entry's slot comes back:
 * its word is not 0.
 *
 * Context: inside RCU; takes the tree's mutex when the slot has to be made.
 * Return:  the slot, or NULL without memory or when @index is too large.
 */
_Atomic uint64_t *radix_slot_create(struct radix *rx, uint64_t index);

/**
 * radix_store - store a word
 * @rx:    tree
 * @index: multiple of 2^@order
 * @order: 0, 9 or 18
 * @word:  not 0
 *
 * Replaces the entry of the same order, or all smaller entries below.  Each
 * replaced entry is waited for until it is unlocked, in all its slots.  A reader finds the old
 * words or the new one, never a gap.  Tags are kept: the new entry has each tag
 * that any replaced one had.
 *
 * Context: takes the tree's mutex; spins, then yields, on locked entries.
 * Return:  0, -EINVAL (bad arguments), -EEXIST (a larger entry covers @index;
 *          it is not split) or -ENOMEM (tree unchanged).
 */
int radix_store(struct radix *rx, uint64_t index, unsigned order, uint64_t word);

/* @first, @first + @step, ...; none of them 0. */
struct radix_words { uint64_t first, step; };

/**
 * radix_fill - store words of order 0 where there are none
 * @rx:    tree of which nobody has slots that read 0 (from radix_slot_create())
 * @index: the first
 * @nr:    of indexes, and of words
 * @w:     the words
 *
 * What is there already stays.
 *
 * Context: takes the tree's mutex for each leaf; waits for no entry.
 * Return:  0, -EINVAL (bad arguments), -EEXIST (a larger entry covers one of them)
 *          or -ENOMEM; then what comes before may be there.
 */
int radix_fill(struct radix *rx, uint64_t index, uint64_t nr, struct radix_words w);

/**
 * radix_erase_range - remove all entries that overlap a range
 * @rx:    tree
 * @first: first index
 * @last:  last index, inclusive; UINT64_MAX means the end
 *
 * An entry that sticks out of the range is removed whole.  A locked entry is
 * waited for, slot by slot; once unlocked its slot reads 0, and whoever waited for its lock
 * learns that from radix_lock_slot().  Tags go with the entry.  Empty nodes are
 * freed through RCU.
 *
 * Context: takes the tree's mutex step by step; spins, then yields, on locks.
 */
void radix_erase_range(struct radix *rx, uint64_t first, uint64_t last);

/**
 * radix_lock_slot - lock an entry, as far as it has this slot
 * @slot:      its slot
 * @lock_mask: the tree's
 * @word:      out, the word without lock bits
 *
 * Context: inside RCU until unlocked; spins, then yields.  Sequentially consistent, so that it
 *          is seen by whoever does not show up in what the caller looks at next.
 * Return:  true when locked, false when the slot reads 0 (look up again).
 */
bool radix_lock_slot(_Atomic uint64_t *slot, uint64_t lock_mask, uint64_t *word);

/**
 * radix_await_slot - wait until nobody has locked an entry, as far as it has this slot
 * @slot:      its slot
 * @lock_mask: the tree's
 *
 * Context: inside RCU; spins, then yields.  Sequentially consistent, and sees all that was done under
 *          the lock.
 * Return:  the word; 0: the entry is not there any more.
 */
uint64_t radix_await_slot(_Atomic uint64_t *slot, uint64_t lock_mask);

/**
 * radix_unlock_slot - unlock an entry
 * @slot:      locked by the caller
 * @lock_mask: the tree's
 *
 * A locked instruction, which on x86 also waits until stores past the caches have drained: 0.2 us for a
 * block.
 *
 * Context: inside the RCU section of the lock.  Release order.
 */
void radix_unlock_slot(_Atomic uint64_t *slot, uint64_t lock_mask);

/**
 * radix_unlock_fenced - the same with a plain store, since nobody else changes a locked word
 *
 * Context: inside the RCU section of the lock, after a fence if there were stores past the caches.
 *          Release order.
 */
void radix_unlock_fenced(_Atomic uint64_t *slot, uint64_t lock_mask);

/**
 * radix_tag_set - tag the entry that covers an index
 * @rx:    tree
 * @index: index; nothing happens when no slot covers it
 * @tag:   RADIX_DIRTY or RADIX_TOWRITE
 *
 * Call it after the change it announces (store the word, then tag): whoever
 * clears the tag later sees that change.
 *
 * Context: any; takes no lock, runs beside clearers.
 */
void radix_tag_set(struct radix *rx, uint64_t index, unsigned tag);

/**
 * radix_tag_clear - take a tag from the entry that covers an index
 * @rx:    tree
 * @index: index
 * @tag:   tag
 *
 * Call it before looking at what is to be written back: a change that comes
 * later sets the tag anew.
 *
 * Context: takes the tree's mutex.
 */
void radix_tag_clear(struct radix *rx, uint64_t index, unsigned tag);

/**
 * radix_tagged - whether any entry has a tag
 * @rx:  tree
 * @tag: tag
 *
 * Context: any; takes the tree's mutex only to make sure of a no.
 * Return:  false when none has; true may be stale and the next
 *          radix_next_tagged() then finds nothing.
 */
bool radix_tagged(const struct radix *rx, unsigned tag);

/**
 * radix_next_tagged - find the next entry with a tag
 * @rx:    tree
 * @index: in, where to begin; out, the first index from there on that the
 *         entry covers (so inside a large entry it stays where it was)
 * @last:  last index to consider, inclusive
 * @tag:   tag
 * @slot:  out, the entry's slot
 *
 * To go on, add the size of the entry (the word or radix_slot() tells it) or 1.
 *
 * Context: inside RCU; takes the tree's mutex.
 * Return:  true when found.
 */
bool radix_next_tagged(struct radix *rx, uint64_t *index, uint64_t last, unsigned tag,
		       _Atomic uint64_t **slot);

/**
 * radix_tag_move - give a second tag to all entries that have a first one
 * @rx:    tree
 * @first: first index
 * @last:  last index, inclusive
 * @from:  tag looked for, left as it is
 * @to:    tag set
 *
 * Context: takes the tree's mutex step by step.
 * Return:  number of entries found.
 */
uint64_t radix_tag_move(struct radix *rx, uint64_t first, uint64_t last, unsigned from,
			unsigned to);

/**
 * radix_bytes - memory held by the tree
 * @rx: tree
 *
 * Context: any; takes no lock.
 * Return:  bytes, nodes only.
 */
size_t radix_bytes(const struct radix *rx);

#endif
