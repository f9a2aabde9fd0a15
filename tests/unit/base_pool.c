/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base_pool.c -- memory for many objects of one size
 */
#include "base/pool.h"

#include <check.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define THREADS	8
#define HELD	1000
#define ROUNDS	200

Suite *suite_base_pool(void);

struct object { uint64_t word[38]; };	/* 304 bytes */

/* Slabs also where the sanitizer would have each object by itself. */
static struct pool pool = POOL_INIT(sizeof(struct object));

static void with_slabs(void)
{
	pool.single = false;
}

static void all_returned(void)
{
	pools_trim();
	ck_assert_uint_eq(pool_bytes(&pool), 0);
}

static void fill(struct object *o, uint64_t value)
{
	for (unsigned i = 0; i < 38; i++)
		o->word[i] = value;
}

/* Nobody else wrote to it. */
static bool is_full_of(const struct object *o, uint64_t value)
{
	for (unsigned i = 0; i < 38; i++) {
		if (o->word[i] != value)
			return false;
	}
	return true;
}

START_TEST(objects_are_zero_aligned_and_apart)
{
	static struct object *o[HELD];

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < HELD; i++) {
			o[i] = pool_get(&pool);
			ck_assert_ptr_nonnull(o[i]);
			ck_assert_uint_eq((uintptr_t)o[i] % 16, 0);
			ck_assert(is_full_of(o[i], 0));
			fill(o[i], i + 1);
		}
		for (unsigned i = 0; i < HELD; i++)
			ck_assert(is_full_of(o[i], i + 1));
		for (unsigned i = 0; i < HELD; i++)
			pool_put(&pool, o[i]);
	}
	all_returned();
}
END_TEST

START_TEST(nothing_is_put_back_as_nothing)
{
	pool_put(&pool, NULL);
	all_returned();
}
END_TEST

static void *put_all(void *objects)
{
	struct object **o = objects;

	for (unsigned i = 0; i < HELD; i++)
		pool_put(&pool, o[i]);
	return NULL;
}

START_TEST(what_another_thread_puts_back_is_used_again)
{
	static struct object *o[HELD];
	size_t most = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		pthread_t other;

		for (unsigned i = 0; i < HELD; i++)
			o[i] = pool_get(&pool);
		if (!round)
			most = pool_bytes(&pool);
		ck_assert_int_eq(pthread_create(&other, NULL, put_all, o), 0);
		ck_assert_int_eq(pthread_join(other, NULL), 0);
	}
	ck_assert_uint_le(pool_bytes(&pool), most);
	all_returned();
}
END_TEST

START_TEST(a_slab_with_an_object_stays_the_others_go)
{
	static struct object *o[HELD];
	size_t full;

	for (unsigned i = 0; i < HELD; i++)
		o[i] = pool_get(&pool);
	full = pool_bytes(&pool);
	fill(o[0], 7);
	for (unsigned i = 1; i < HELD; i++)
		pool_put(&pool, o[i]);
	pools_trim();
	ck_assert_uint_lt(pool_bytes(&pool), full);
	ck_assert_uint_gt(pool_bytes(&pool), 0);
	ck_assert(is_full_of(o[0], 7));
	pool_put(&pool, o[0]);
	all_returned();
}
END_TEST

/* Who finds no room collects some of what was put back; the rest waits. */
START_TEST(what_was_collected_in_part_goes_as_well)
{
	enum { SOME = 300 };		/* more than the last slab's room */
	static struct object *o[HELD];

	for (unsigned i = 0; i < HELD; i++)
		o[i] = pool_get(&pool);
	for (unsigned i = 0; i < HELD; i++)
		pool_put(&pool, o[i]);
	for (unsigned i = 0; i < SOME; i++)
		o[i] = pool_get(&pool);
	for (unsigned i = 0; i < SOME; i++)
		pool_put(&pool, o[i]);
	all_returned();
}
END_TEST

static size_t malloc_bytes(void)
{
	struct mallinfo2 mi = mallinfo2();

	return mi.arena + mi.hblkhd;
}

/* What malloc() puts between slabs, and the rest of each, is little. */
START_TEST(slabs_lie_close_together)
{
	enum { MANY = 20000 };
	struct object **o = malloc(MANY * sizeof(*o));
	size_t before = malloc_bytes(), objects = MANY * sizeof(struct object);

	for (unsigned i = 0; i < MANY; i++)
		o[i] = pool_get(&pool);
	ck_assert_uint_le(pool_bytes(&pool), objects + objects / 20);
	ck_assert(POOL_SINGLE || malloc_bytes() - before <= objects + objects / 10);	/* a sanitizer's is another one */
	for (unsigned i = 0; i < MANY; i++)
		pool_put(&pool, o[i]);
	free(o);
	all_returned();
}
END_TEST

static _Atomic(struct object *) shelf[THREADS * HELD / 4];
static _Atomic unsigned nr_done;

/* Objects pass from thread to thread: each puts back what it finds in a place and leaves a new one there. */
static bool exchange(unsigned *seed)
{
	struct object *o = pool_get(&pool);
	bool right = o && is_full_of(o, 0);

	if (!right)
		return false;
	fill(o, (uintptr_t)o);
	o = atomic_exchange(&shelf[(unsigned)rand_r(seed) % (THREADS * HELD / 4)], o);
	right = !o || is_full_of(o, (uintptr_t)o);
	pool_put(&pool, o);
	return right;
}

static void *exchange_many(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	void *failed = NULL;

	for (unsigned i = 0; i < ROUNDS * HELD / 4; i++) {
		if (!exchange(&seed))
			failed = arg;
	}
	atomic_fetch_add(&nr_done, 1);
	return failed;
}

START_TEST(threads_take_and_put_back_each_others)
{
	pthread_t t[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, exchange_many, (void *)(i + 1)), 0);
	while (atomic_load(&nr_done) < THREADS)
		pools_trim();
	for (unsigned i = 0; i < THREADS; i++) {
		void *failed;

		ck_assert_int_eq(pthread_join(t[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
	for (unsigned i = 0; i < THREADS * HELD / 4; i++)
		pool_put(&pool, atomic_exchange(&shelf[i], NULL));
	all_returned();
}
END_TEST

Suite *suite_base_pool(void)
{
	Suite *s = suite_create("base_pool");
	TCase *tc = tcase_create("base_pool");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, with_slabs, NULL);
	tcase_add_test(tc, objects_are_zero_aligned_and_apart);
	tcase_add_test(tc, nothing_is_put_back_as_nothing);
	tcase_add_test(tc, what_another_thread_puts_back_is_used_again);
	tcase_add_test(tc, a_slab_with_an_object_stays_the_others_go);
	tcase_add_test(tc, what_was_collected_in_part_goes_as_well);
	tcase_add_test(tc, slabs_lie_close_together);
	tcase_add_test(tc, threads_take_and_put_back_each_others);
	suite_add_tcase(s, tc);
	return s;
}
