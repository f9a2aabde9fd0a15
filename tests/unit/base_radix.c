/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base_radix.c -- the radix tree: what it stores, and what holds while threads
 * store, erase, lock and tag at the same time
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/spin.h"
#include "radix_fixture.h"

#define GIB	(UINT64_C(1) << 18)

static struct radix tree;

Suite *suite_base_radix(void);

static void setup(void)
{
	radix_init(&tree, LOCK);
}

static void teardown(void)
{
	radix_fini(&tree);
	rcu_drain();
}

static uint64_t word_at(uint64_t index)
{
	unsigned order;

	return load(&tree, index, &order);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* -- one thread ------------------------------------------------------------ */

START_TEST(empty_tree_has_nothing)
{
	unsigned order;

	ck_assert_uint_le(sizeof(struct radix), 64);
	ck_assert_uint_eq(word_at(0), 0);
	ck_assert_uint_eq(word_at(RADIX_INDEX_MAX), 0);
	ck_assert_uint_eq(word_at(UINT64_MAX), 0);
	rcu_enter();
	ck_assert_ptr_null(radix_slot(&tree, 5, &order));
	rcu_leave();
	ck_assert(!radix_tagged(&tree, RADIX_DIRTY));
	radix_tag_set(&tree, 5, RADIX_DIRTY);
	radix_tag_clear(&tree, 5, RADIX_DIRTY);
	ck_assert(!radix_tagged(&tree, RADIX_DIRTY));
	ck_assert_uint_eq(radix_bytes(&tree), 0);
}
END_TEST

START_TEST(small_file_is_one_small_node)
{
	for (uint64_t i = 0; i < 8; i++)
		ck_assert_int_eq(radix_store(&tree, i, 0, SMALL(i + 1)), 0);
	ck_assert_uint_le(radix_bytes(&tree), 128);
	for (uint64_t i = 0; i < 8; i++)
		ck_assert_uint_eq(word_at(i), SMALL(i + 1));
}
END_TEST

START_TEST(every_level_is_reached)
{
	for (unsigned bit = 0; bit < RADIX_INDEX_BITS; bit++)
		ck_assert_int_eq(radix_store(&tree, UINT64_C(1) << bit, 0, SMALL(bit + 1)), 0);
	ck_assert_int_eq(radix_store(&tree, RADIX_INDEX_MAX, 0, SMALL(99)), 0);
	for (unsigned bit = 0; bit < RADIX_INDEX_BITS; bit++) {
		ck_assert_uint_eq(word_at(UINT64_C(1) << bit), SMALL(bit + 1));
		ck_assert_uint_eq(word_at((UINT64_C(1) << bit) + 3), bit == 0 ? SMALL(3) : 0);
	}
	ck_assert_uint_eq(word_at(RADIX_INDEX_MAX), SMALL(99));
}
END_TEST

START_TEST(large_entry_covers_its_range_and_no_more)
{
	unsigned order = 77;

	ck_assert_int_eq(radix_store(&tree, 3 * 512, 9, BIG(5)), 0);
	ck_assert_int_eq(radix_store(&tree, 2 * GIB, 18, BIG(6)), 0);
	ck_assert_uint_eq(load(&tree, 3 * 512, &order), BIG(5));
	ck_assert_uint_eq(order, 9);
	ck_assert_uint_eq(load(&tree, 4 * 512 - 1, &order), BIG(5));
	ck_assert_uint_eq(word_at(3 * 512 - 1), 0);
	ck_assert_uint_eq(word_at(4 * 512), 0);
	ck_assert_uint_eq(load(&tree, 2 * GIB + 12345, &order), BIG(6));
	ck_assert_uint_eq(order, 18);
	ck_assert_uint_eq(word_at(2 * GIB - 1), 0);
	ck_assert_uint_eq(word_at(3 * GIB), 0);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
	ck_assert_int_eq(radix_store(&tree, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(radix_store(&tree, 0, 3, BIG(1)), -EINVAL);
	ck_assert_int_eq(radix_store(&tree, 8, 9, BIG(1)), -EINVAL);
	ck_assert_int_eq(radix_store(&tree, RADIX_INDEX_MAX + 1, 0, SMALL(1)), -EINVAL);
	rcu_enter();
	ck_assert_ptr_null(radix_slot_create(&tree, RADIX_INDEX_MAX + 1));
	rcu_leave();
	ck_assert_uint_eq(radix_bytes(&tree), 0);
}
END_TEST

START_TEST(large_entry_is_never_split)
{
	unsigned order;

	ck_assert_int_eq(radix_store(&tree, GIB, 18, BIG(1)), 0);
	ck_assert_int_eq(radix_store(&tree, GIB + 512, 9, BIG(2)), -EEXIST);
	ck_assert_int_eq(radix_store(&tree, GIB + 7, 0, SMALL(2)), -EEXIST);
	ck_assert_int_eq(radix_store(&tree, 512, 9, BIG(3)), 0);
	ck_assert_int_eq(radix_store(&tree, 515, 0, SMALL(3)), -EEXIST);
	rcu_enter();
	_Atomic uint64_t *slot = radix_slot_create(&tree, 515);

	ck_assert_ptr_eq(slot, radix_slot(&tree, 515, &order));
	ck_assert_uint_eq(atomic_load(slot), BIG(3));
	rcu_leave();
}
END_TEST

START_TEST(large_entry_replaces_small_ones_and_keeps_their_tags)
{
	for (uint64_t i = 512; i < 1024; i += 3)
		ck_assert_int_eq(radix_store(&tree, i, 0, SMALL(i)), 0);
	radix_tag_set(&tree, 515, RADIX_DIRTY);
	ck_assert_int_eq(radix_store(&tree, 512, 9, BIG(1)), 0);
	ck_assert_uint_eq(word_at(515), BIG(1));
	ck_assert(tagged_at(&tree, 600, RADIX_DIRTY));
	ck_assert(!tagged_at(&tree, 600, RADIX_TOWRITE));
	ck_assert_int_eq(radix_store(&tree, 0, 18, BIG(2)), 0);
	ck_assert_uint_eq(word_at(515), BIG(2));
	ck_assert_uint_eq(word_at(GIB - 1), BIG(2));
	ck_assert(tagged_at(&tree, GIB - 1, RADIX_DIRTY));
	radix_tag_clear(&tree, 77, RADIX_DIRTY);
	ck_assert(!radix_tagged(&tree, RADIX_DIRTY));
}
END_TEST

START_TEST(fill_leaves_larger_entries_alone)
{
	const struct radix_words w = { SMALL(7), SMALL(1) };

	ck_assert_int_eq(radix_store(&tree, 512, 9, BIG(3)), 0);
	ck_assert_int_eq(radix_fill(&tree, 500, 100, w), -EEXIST);
	ck_assert_uint_eq(word_at(511), SMALL(7 + 11));
	ck_assert_uint_eq(word_at(512), BIG(3));
	ck_assert_int_eq(radix_fill(&tree, RADIX_INDEX_MAX, 2, w), -EINVAL);
	ck_assert_int_eq(radix_fill(&tree, 0, 0, w), -EINVAL);
	ck_assert_int_eq(radix_fill(&tree, RADIX_INDEX_MAX, 1, w), 0);
	ck_assert_uint_eq(word_at(RADIX_INDEX_MAX), SMALL(7));
}
END_TEST

START_TEST(erase_removes_whole_entries_and_frees_all_memory)
{
	radix_store(&tree, 0, 9, BIG(1));
	radix_store(&tree, 512, 0, SMALL(2));
	radix_store(&tree, 519, 0, SMALL(3));
	radix_store(&tree, 520, 0, SMALL(4));
	radix_store(&tree, GIB, 18, BIG(5));
	radix_erase_range(&tree, 511, 518);
	ck_assert_uint_eq(word_at(0), 0);
	ck_assert_uint_eq(word_at(512), 0);
	ck_assert_uint_eq(word_at(519), SMALL(3));
	ck_assert_uint_eq(word_at(520), SMALL(4));
	radix_erase_range(&tree, GIB + 5, GIB + 5);
	ck_assert_uint_eq(word_at(GIB), 0);
	radix_erase_range(&tree, 0, UINT64_MAX);
	ck_assert_uint_eq(radix_bytes(&tree), 0);
}
END_TEST

START_TEST(created_slot_survives_erase_of_its_neighbours)
{
	rcu_enter();
	_Atomic uint64_t *slot = radix_slot_create(&tree, 1000005);

	ck_assert_ptr_nonnull(slot);
	ck_assert_uint_eq(atomic_load(slot), 0);
	radix_store(&tree, 1000004, 0, SMALL(1));
	radix_erase_range(&tree, 0, 1000004);
	radix_erase_range(&tree, 1000006, UINT64_MAX);
	atomic_store(slot, SMALL(7));
	rcu_leave();
	ck_assert_uint_eq(word_at(1000005), SMALL(7));
	radix_erase_range(&tree, 1000005, 1000005);
	ck_assert_uint_eq(word_at(1000005), 0);
	ck_assert_uint_eq(radix_bytes(&tree), 0);
}
END_TEST

START_TEST(slot_lock_hides_its_bits_and_fails_on_nothing)
{
	_Atomic uint64_t slot = SMALL(9);
	uint64_t word = 0;

	ck_assert(radix_lock_slot(&slot, LOCK, &word));
	ck_assert_uint_eq(word, SMALL(9));
	ck_assert_uint_eq(atomic_load(&slot), SMALL(9) | LOCK);
	radix_unlock_slot(&slot, LOCK);
	ck_assert_uint_eq(atomic_load(&slot), SMALL(9));
	atomic_store(&slot, 0);
	ck_assert(!radix_lock_slot(&slot, LOCK, &word));
}
END_TEST

START_TEST(tagged_entries_are_found_in_order)
{
	static const uint64_t at[] = { 3, 8, 600, 70000, GIB + 1, GIB << 20 };
	_Atomic uint64_t *slot;
	uint64_t index = 0;

	for (size_t i = 0; i < 6; i++) {
		radix_store(&tree, at[i], 0, SMALL(i + 1));
		radix_store(&tree, at[i] + 1, 0, SMALL(100));
		radix_tag_set(&tree, at[i], RADIX_DIRTY);
	}
	rcu_enter();
	for (size_t i = 0; i < 6; i++, index++) {
		ck_assert(radix_next_tagged(&tree, &index, UINT64_MAX, RADIX_DIRTY, &slot));
		ck_assert_uint_eq(index, at[i]);
		ck_assert_uint_eq(atomic_load(slot), SMALL(i + 1));
	}
	ck_assert(!radix_next_tagged(&tree, &index, UINT64_MAX, RADIX_DIRTY, &slot));
	index = 9;
	ck_assert(!radix_next_tagged(&tree, &index, 599, RADIX_DIRTY, &slot));
	ck_assert_uint_eq(index, 9);
	rcu_leave();
	ck_assert(!radix_tagged(&tree, RADIX_TOWRITE));
}
END_TEST

START_TEST(tag_move_counts_and_leaves_the_first_tag)
{
	for (uint64_t i = 0; i < 4096; i++) {
		radix_store(&tree, i, 0, SMALL(i + 1));
		if (i % 3 == 0)
			radix_tag_set(&tree, i, RADIX_DIRTY);
	}
	radix_store(&tree, GIB, 9, BIG(1));
	radix_tag_set(&tree, GIB + 100, RADIX_DIRTY);
	ck_assert_uint_eq(radix_tag_move(&tree, 30, 59, RADIX_DIRTY, RADIX_TOWRITE), 10);
	ck_assert(!tagged_at(&tree, 27, RADIX_TOWRITE));
	ck_assert(tagged_at(&tree, 30, RADIX_TOWRITE) && tagged_at(&tree, 30, RADIX_DIRTY));
	ck_assert(tagged_at(&tree, 57, RADIX_TOWRITE) && !tagged_at(&tree, 58, RADIX_TOWRITE));
	ck_assert(!tagged_at(&tree, 60, RADIX_TOWRITE));
	ck_assert_uint_eq(radix_tag_move(&tree, 0, UINT64_MAX, RADIX_DIRTY, RADIX_TOWRITE),
			  1366 + 1);
	ck_assert(tagged_at(&tree, GIB + 511, RADIX_TOWRITE));
}
END_TEST

START_TEST(tags_go_with_erased_entries)
{
	for (uint64_t i = 0; i < 2000; i++) {
		radix_store(&tree, i, 0, SMALL(1));
		radix_tag_set(&tree, i, RADIX_DIRTY);
	}
	radix_erase_range(&tree, 0, 1998);
	ck_assert(tagged_at(&tree, 1999, RADIX_DIRTY));
	radix_erase_range(&tree, 1999, 1999);
	ck_assert(!radix_tagged(&tree, RADIX_DIRTY));
	radix_store(&tree, 5, 0, SMALL(1));
	ck_assert(!tagged_at(&tree, 5, RADIX_DIRTY));
}
END_TEST

START_TEST(entries_of_order_9_share_their_nodes)
{
	unsigned order = 0;

	for (uint64_t i = 0; i < 2048; i++)
		ck_assert_int_eq(radix_store(&tree, i << 9, 9, BIG(i + 1)), 0);
	ck_assert_uint_lt(radix_bytes(&tree), 60 * 1024);
	for (uint64_t i = 0; i < 2048; i++) {
		ck_assert_uint_eq(load(&tree, (i << 9) + i % 512, &order), BIG(i + 1));
		ck_assert_uint_eq(order, 9);
	}
	radix_erase_range(&tree, 512 + 511, 2047 * 512 - 1);
	ck_assert_uint_eq(word_at(511), BIG(1));
	ck_assert_uint_eq(word_at(512), 0);
	ck_assert_uint_eq(word_at(2047 * 512), BIG(2048));
	radix_erase_range(&tree, 0, UINT64_MAX);
	ck_assert_uint_eq(radix_bytes(&tree), 0);
}
END_TEST

/* Orders 9 and 0 by turns, 16 ranges from @first on; every other one is dirty. */
static void store_mix(uint64_t first)
{
	for (uint64_t i = 0; i < 16; i++) {
		uint64_t index = first + (i << 9);

		if (i % 2)
			ck_assert_int_eq(radix_store(&tree, index + 77, 0, SMALL(i)), 0);
		else
			ck_assert_int_eq(radix_store(&tree, index, 9, BIG(i)), 0);
		if (i % 4 < 2)
			radix_tag_set(&tree, index + 77, RADIX_DIRTY);
	}
}

START_TEST(mixed_orders_are_found_in_order)
{
	_Atomic uint64_t *slot;
	uint64_t at = GIB;

	store_mix(GIB);
	rcu_enter();
	for (uint64_t i = 0; i < 16; i++) {
		if (i % 4 >= 2)
			continue;
		ck_assert(radix_next_tagged(&tree, &at, UINT64_MAX, RADIX_DIRTY, &slot));
		ck_assert_uint_eq(at, GIB + (i << 9) + (i % 2 ? 77 : 0));
		ck_assert_uint_eq(atomic_load(slot), i % 2 ? SMALL(i) : BIG(i));
		at += i % 2 ? 1 : 512;
	}
	ck_assert(!radix_next_tagged(&tree, &at, UINT64_MAX, RADIX_DIRTY, &slot));
	rcu_leave();
	ck_assert_uint_eq(radix_tag_move(&tree, GIB + 300, GIB + 16 * 512, RADIX_DIRTY,
					 RADIX_TOWRITE), 8);
	radix_erase_range(&tree, GIB + 78, GIB + 3 * 512 + 76);
	ck_assert_uint_eq(word_at(GIB), 0);
	ck_assert_uint_eq(word_at(GIB + 512 + 77), 0);
	ck_assert_uint_eq(word_at(GIB + 3 * 512 + 77), SMALL(3));
}
END_TEST

START_TEST(order_18_replaces_a_mix_of_orders)
{
	unsigned order = 0;

	store_mix(3 * GIB - 8 * 512);
	ck_assert_int_eq(radix_store(&tree, 2 * GIB, 18, BIG(50)), 0);
	ck_assert_uint_eq(load(&tree, 3 * GIB - 1, &order), BIG(50));
	ck_assert_uint_eq(order, 18);
	ck_assert(tagged_at(&tree, 2 * GIB, RADIX_DIRTY) && !tagged_at(&tree, 2 * GIB, RADIX_TOWRITE));
	ck_assert_uint_eq(load(&tree, 3 * GIB + 511, &order), BIG(8));
	ck_assert_uint_eq(order, 9);
	ck_assert_uint_eq(word_at(3 * GIB + 512 + 77), SMALL(9));
	radix_erase_range(&tree, 2 * GIB, 2 * GIB);
	store_mix(3 * GIB - 16 * 512);
	radix_erase_range(&tree, 0, UINT64_MAX);
	ck_assert_uint_eq(radix_bytes(&tree), 0);
}
END_TEST

/* -- threads --------------------------------------------------------------- */

static _Atomic bool stop;
static _Atomic unsigned failures;
static _Atomic uint64_t progress;

static void *erase_entry_7(void *unused)
{
	(void)unused;
	radix_erase_range(&tree, 7, 7);
	atomic_store(&stop, true);
	return NULL;
}

static void *store_order_9(void *unused)
{
	(void)unused;
	radix_store(&tree, 0, 9, BIG(4));
	atomic_store(&stop, true);
	return NULL;
}

/* Runs @fn while entry 7 is locked, and expects it to end only after that. */
static void expect_wait(void *(*fn)(void *), uint64_t after)
{
	const struct timespec pause = { 0, 30000000 };
	pthread_t thread;
	uint64_t word;
	unsigned order;

	radix_store(&tree, 6, 0, SMALL(2));
	radix_store(&tree, 7, 0, SMALL(3));
	rcu_enter();
	_Atomic uint64_t *slot = radix_slot(&tree, 7, &order);

	ck_assert(radix_lock_slot(slot, LOCK, &word));
	pthread_create(&thread, NULL, fn, NULL);
	nanosleep(&pause, NULL);
	ck_assert(!atomic_load(&stop));
	ck_assert_uint_eq(atomic_load(slot), SMALL(3) | LOCK);
	/* Neither waits with the tree's mutex held. */
	ck_assert_int_eq(radix_store(&tree, 5000, 0, SMALL(8)), 0);
	radix_unlock_slot(slot, LOCK);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(atomic_load(slot), 0);
	rcu_leave();
	ck_assert_uint_eq(word_at(7), after);
}

START_TEST(erase_waits_for_locked_entry)
{
	expect_wait(erase_entry_7, 0);
	ck_assert_uint_eq(word_at(6), SMALL(2));
}
END_TEST

START_TEST(large_store_waits_for_locked_small_entry)
{
	expect_wait(store_order_9, BIG(4));
	ck_assert_uint_eq(word_at(6), BIG(4));
}
END_TEST

/* While index @held of an entry is locked, all can be that do not share its slot. */
static void expect_apart(unsigned order, uint64_t held)
{
	uint64_t word, base = UINT64_C(5) << order;
	const unsigned nr = RADIX_STRIPES(order);
	unsigned found;

	ck_assert_int_eq(radix_store(&tree, base, order, BIG(order)), 0);
	rcu_enter();
	_Atomic uint64_t *slot = radix_slot(&tree, base + held, &found);

	ck_assert_uint_eq(found, order);
	ck_assert(radix_lock_slot(slot, LOCK, &word));
	for (uint64_t i = 0; i < 2 * nr; i++) {
		_Atomic uint64_t *other = radix_slot(&tree, base + i, &found);

		ck_assert((other == slot) == (i % nr == held % nr));
		if (other == slot)
			continue;
		ck_assert(radix_lock_slot(other, LOCK, &word));
		ck_assert_uint_eq(word, BIG(order));
		radix_unlock_fenced(other, LOCK);
		radix_await_slot(other, LOCK);
	}
	radix_unlock_slot(slot, LOCK);
	rcu_leave();
}

START_TEST(neighbours_in_a_large_entry_have_locks_of_their_own)
{
	expect_apart(9, 0);
	expect_apart(9, 511);
	expect_apart(18, 0);
	expect_apart(18, GIB - 1);
}
END_TEST

static void *erase_large(void *unused)
{
	(void)unused;
	radix_erase_range(&tree, 0, 0);
	atomic_store(&stop, true);
	return NULL;
}

/* Whichever of its slots is locked; who comes later finds nothing. */
static void expect_wait_for_stripe(unsigned order, uint64_t held)
{
	const struct timespec pause = { 0, 3000000 };
	pthread_t thread;
	unsigned found;
	uint64_t word;

	atomic_store(&stop, false);
	ck_assert_int_eq(radix_store(&tree, 0, order, BIG(7)), 0);
	rcu_enter();
	_Atomic uint64_t *slot = radix_slot(&tree, held, &found);

	ck_assert(radix_lock_slot(slot, LOCK, &word));
	pthread_create(&thread, NULL, erase_large, NULL);
	nanosleep(&pause, NULL);
	ck_assert(!atomic_load(&stop));
	ck_assert_uint_eq(atomic_load(slot), BIG(7) | LOCK);
	radix_unlock_slot(slot, LOCK);
	pthread_join(thread, NULL);
	ck_assert(!radix_lock_slot(slot, LOCK, &word));
	rcu_leave();
	for (uint64_t i = 0; i < 2 * RADIX_STRIPES(order); i++)
		ck_assert_uint_eq(word_at(i), 0);
	ck_assert_uint_eq(radix_bytes(&tree), 0);
}

START_TEST(erase_waits_for_every_slot_of_a_large_entry)
{
	for (uint64_t i = 0; i < RADIX_STRIPES(9); i++)
		expect_wait_for_stripe(9, i);
	for (uint64_t i = 0; i < RADIX_STRIPES(18); i += 9)
		expect_wait_for_stripe(18, i);
}
END_TEST

/* Words name the index they are stored at, so that a reader can tell a foreign one. */
static uint64_t word_of(uint64_t index, unsigned order)
{
	return order ? BIG(index >> order | (uint64_t)order << 20) : SMALL(index + 1);
}

static void *reader(void *unused)
{
	uint64_t rnd = 1234567;

	(void)unused;
	while (!atomic_load(&stop)) {
		uint64_t index = next_random(&rnd) % 4096;
		unsigned order = 0;
		uint64_t word = load(&tree, index, &order) & ~LOCK;

		if (word && word != word_of(index, order))
			atomic_fetch_add(&failures, 1);
		atomic_fetch_add_explicit(&progress, 1, memory_order_relaxed);
	}
	return NULL;
}

START_TEST(radix_reader_never_sees_freed_node)
{
	pthread_t thread;
	uint64_t rnd = 99;

	pthread_create(&thread, NULL, reader, NULL);
	for (double end = seconds() + 0.5; seconds() < end; ) {
		uint64_t r = next_random(&rnd);
		uint64_t index = (r >> 8) % 4096;

		if (r % 8 == 0)
			radix_erase_range(&tree, index, index + (r >> 30) % 1024);
		else if (r % 64 == 1)
			radix_store(&tree, index & ~UINT64_C(511), 9, word_of(index, 9));
		else
			radix_store(&tree, index, 0, word_of(index, 0));
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(atomic_load(&failures), 0);
	ck_assert_uint_gt(atomic_load(&progress), 0);
}
END_TEST

/*
 * Locks entries and checks that nobody else is inside with the same lock, and that no entry of
 * another order takes the place of a locked one; entries come and go.
 */
static _Atomic unsigned inside[3][1024][RADIX_STRIPES(18)];

static uint64_t lock_index(uint64_t r)
{
	return (r >> 8 & 1) << 9 | (r >> 16 & 15);
}

static void check_locked(uint64_t index, unsigned order, uint64_t word)
{
	_Atomic unsigned *count = &inside[order / 9][index >> order][index % RADIX_STRIPES(order)];
	unsigned now = 77;

	if (atomic_fetch_add(count, 1) || word != word_of(index, order) ||
	    radix_load(&tree, index, &now) != (word | LOCK) || now != order)
		atomic_fetch_add(&failures, 1);
	atomic_fetch_sub(count, 1);
}

static void *locker(void *seed)
{
	uint64_t rnd = (uint64_t)(uintptr_t)seed;

	while (!atomic_load(&stop)) {
		uint64_t index = lock_index(next_random(&rnd));
		uint64_t word;
		unsigned order;

		rcu_enter();
		_Atomic uint64_t *slot = radix_slot(&tree, index, &order);

		if (slot && radix_lock_slot(slot, LOCK, &word)) {
			check_locked(index, order, word);
			radix_unlock_slot(slot, LOCK);
			atomic_fetch_add_explicit(&progress, 1, memory_order_relaxed);
		}
		rcu_leave();
	}
	return NULL;
}

static void expect_exclusion(void (*change)(uint64_t r))
{
	pthread_t threads[3];
	uint64_t rnd = 7;

	pthread_create(&threads[0], NULL, reader, NULL);
	for (uintptr_t i = 1; i < 3; i++)
		pthread_create(&threads[i], NULL, locker, (void *)(i + 5));
	for (double end = seconds() + 0.5; seconds() < end; )
		change(next_random(&rnd));
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(atomic_load(&failures), 0);
	ck_assert_uint_gt(atomic_load(&progress), 0);
}

static void change_small(uint64_t r)
{
	uint64_t index = lock_index(r);

	if (r >> 40 & 1)
		radix_erase_range(&tree, index, index + 3);
	else
		radix_store(&tree, index, 0, word_of(index, 0));
}

START_TEST(entry_lock_excludes_while_entries_come_and_go)
{
	expect_exclusion(change_small);
}
END_TEST

static void change_any(uint64_t r)
{
	if (r % 16 == 0)
		radix_store(&tree, 0, 18, word_of(0, 18));
	else if (r % 16 < 3)
		radix_store(&tree, lock_index(r) & ~UINT64_C(511), 9, word_of(lock_index(r), 9));
	else
		change_small(r);
}

START_TEST(entry_lock_excludes_while_orders_change)
{
	expect_exclusion(change_any);
	radix_erase_range(&tree, 0, UINT64_MAX);
	ck_assert_uint_eq(radix_bytes(&tree), 0);
}
END_TEST

/*
 * The setter announces a change, tags it and looks for the tag.  When it finds
 * none, the clearer must have taken the change, or be about to.
 */
static const uint64_t tag_index[] = { 0, 1, 9, 511, 512, 4096, GIB << 12, (GIB << 12) + 1 };
#define NR_TAG_INDEX (sizeof(tag_index) / sizeof(tag_index[0]))
static _Atomic bool changed[NR_TAG_INDEX];
static _Atomic size_t clearing;			/* index in tag_index, plus 1 */

static bool announced_change_is_owed(size_t i)
{
	unsigned rounds = 0;

	if (tagged_at(&tree, tag_index[i], RADIX_DIRTY))
		return true;
	while (atomic_load(&clearing) == i + 1)
		spin_wait(&rounds);
	return !atomic_load(&changed[i]);
}

/* Of the indexes, the first setter has the even ones, the second the odd ones. */
static void *setter(void *nr)
{
	size_t first = (size_t)(uintptr_t)nr;
	uint64_t rnd = 4711 + first;

	while (!atomic_load(&stop)) {
		size_t i = (next_random(&rnd) % (NR_TAG_INDEX / 2)) * 2 + first;

		atomic_store(&changed[i], true);
		radix_tag_set(&tree, tag_index[i], RADIX_DIRTY);
		if (!announced_change_is_owed(i))
			atomic_fetch_add(&failures, 1);
		atomic_fetch_add_explicit(&progress, 1, memory_order_relaxed);
	}
	return NULL;
}

static size_t tag_slot_of(uint64_t index)
{
	size_t i = 0;

	while (tag_index[i] != index)
		i++;
	return i;
}

static void clear_all_tags(void)
{
	_Atomic uint64_t *slot;

	rcu_enter();
	for (uint64_t at = 0; radix_next_tagged(&tree, &at, UINT64_MAX, RADIX_DIRTY, &slot); at++) {
		size_t i = tag_slot_of(at);

		atomic_store(&clearing, i + 1);
		radix_tag_clear(&tree, at, RADIX_DIRTY);
		atomic_store(&changed[i], false);
		atomic_store(&clearing, 0);
	}
	rcu_leave();
}

START_TEST(tag_set_during_clear_is_never_lost)
{
	pthread_t threads[2];

	for (size_t i = 0; i < NR_TAG_INDEX; i++)
		radix_store(&tree, tag_index[i], 0, SMALL(i + 1));
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, setter, (void *)i);
	for (double end = seconds() + 1; seconds() < end; )
		clear_all_tags();
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(atomic_load(&failures), 0);
	ck_assert_uint_gt(atomic_load(&progress), 0);
	for (size_t i = 0; i < NR_TAG_INDEX; i++)
		ck_assert(tagged_at(&tree, tag_index[i], RADIX_DIRTY) || !atomic_load(&changed[i]));
	clear_all_tags();	/* its last step lowers what setters left on the way up */
	ck_assert(!radix_tagged(&tree, RADIX_DIRTY));
}
END_TEST

#define GROW_ROUNDS 20000
static _Atomic unsigned meetings;

/* Waits for the other thread, spinning, so that both go on at the same moment. */
static void meet(unsigned nr)
{
	unsigned rounds = 0;

	atomic_fetch_add(&meetings, 1);
	while (atomic_load(&meetings) < 2 * nr)
		spin_wait(&rounds);
}

static void *grower(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < GROW_ROUNDS; i++) {
		meet(2 * i + 1);
		radix_store(&tree, UINT64_C(8) << (i % 45), 0, SMALL(5));
		meet(2 * i + 2);
	}
	return NULL;
}

START_TEST(tag_set_while_the_tree_grows_is_never_lost)
{
	pthread_t thread;

	pthread_create(&thread, NULL, grower, NULL);
	for (unsigned i = 0; i < GROW_ROUNDS; i++) {
		radix_store(&tree, 0, 0, SMALL(1));
		meet(2 * i + 1);
		for (unsigned k = 0; k < i % 50; k++)
			spin_pause();
		radix_tag_set(&tree, 0, RADIX_DIRTY);
		ck_assert(tagged_at(&tree, 0, RADIX_DIRTY));
		meet(2 * i + 2);
		ck_assert(tagged_at(&tree, 0, RADIX_DIRTY));
		radix_erase_range(&tree, 0, UINT64_MAX);
	}
	pthread_join(thread, NULL);
}
END_TEST

/* Two writers in one leaf: each creates, fills and erases its own half. */
static void *half_writer(void *first)
{
	uint64_t base = (uint64_t)(uintptr_t)first;

	for (uint64_t round = 1; !atomic_load(&stop); round++) {
		for (uint64_t i = base; i < base + 4; i++) {
			rcu_enter();
			_Atomic uint64_t *slot = radix_slot_create(&tree, i);

			atomic_store(slot, SMALL(round));
			radix_tag_set(&tree, i, RADIX_DIRTY);
			rcu_leave();
		}
		for (uint64_t i = base; i < base + 4; i++) {
			if (word_at(i) != SMALL(round) || !tagged_at(&tree, i, RADIX_DIRTY))
				atomic_fetch_add(&failures, 1);
		}
		radix_erase_range(&tree, base, base + 3);
		atomic_fetch_add_explicit(&progress, 1, memory_order_relaxed);
	}
	return NULL;
}

START_TEST(erase_of_one_half_never_loses_the_other)
{
	const struct timespec pause = { 0, 500000000 };
	pthread_t threads[2];

	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, half_writer, (void *)(0x12340 + 4 * i));
	nanosleep(&pause, NULL);
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(atomic_load(&failures), 0);
	ck_assert_uint_gt(atomic_load(&progress), 0);
	ck_assert_uint_eq(radix_bytes(&tree), 0);
}
END_TEST

static void add_single(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, empty_tree_has_nothing);
	tcase_add_test(tc, small_file_is_one_small_node);
	tcase_add_test(tc, every_level_is_reached);
	tcase_add_test(tc, large_entry_covers_its_range_and_no_more);
	tcase_add_test(tc, bad_arguments_are_refused);
	tcase_add_test(tc, large_entry_is_never_split);
	tcase_add_test(tc, large_entry_replaces_small_ones_and_keeps_their_tags);
	tcase_add_test(tc, fill_leaves_larger_entries_alone);
	tcase_add_test(tc, erase_removes_whole_entries_and_frees_all_memory);
	tcase_add_test(tc, created_slot_survives_erase_of_its_neighbours);
	tcase_add_test(tc, slot_lock_hides_its_bits_and_fails_on_nothing);
	tcase_add_test(tc, tagged_entries_are_found_in_order);
	tcase_add_test(tc, tag_move_counts_and_leaves_the_first_tag);
	tcase_add_test(tc, tags_go_with_erased_entries);
	tcase_add_test(tc, entries_of_order_9_share_their_nodes);
	tcase_add_test(tc, mixed_orders_are_found_in_order);
	tcase_add_test(tc, order_18_replaces_a_mix_of_orders);
}

static void add_threads(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, erase_waits_for_locked_entry);
	tcase_add_test(tc, large_store_waits_for_locked_small_entry);
	tcase_add_test(tc, neighbours_in_a_large_entry_have_locks_of_their_own);
	tcase_add_test(tc, erase_waits_for_every_slot_of_a_large_entry);
	tcase_add_test(tc, radix_reader_never_sees_freed_node);
	tcase_add_test(tc, entry_lock_excludes_while_entries_come_and_go);
	tcase_add_test(tc, entry_lock_excludes_while_orders_change);
	tcase_add_test(tc, tag_set_during_clear_is_never_lost);
	tcase_add_test(tc, tag_set_while_the_tree_grows_is_never_lost);
	tcase_add_test(tc, erase_of_one_half_never_loses_the_other);
}

Suite *suite_base_radix(void)
{
	Suite *s = suite_create("base_radix");
	TCase *single = tcase_create("single"), *threads = tcase_create("threads");

	tcase_set_timeout(single, 60);
	add_single(single);
	add_threads(threads);
	suite_add_tcase(s, single);
	suite_add_tcase(s, threads);
	return s;
}
