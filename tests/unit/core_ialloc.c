// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * core_ialloc.c -- numbers are given out once, and none is lost
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/ialloc.h"
#include "core/instance.h"
#include "core_fixture.h"
#include "harness/rng.h"

#define THREADS	8
#define EACH	700	/* numbers a thread holds */
#define ROUNDS	20

Suite *suite_core_ialloc(void);

static struct cf c;

static void setup(void)
{
	cf_new(&c, MIB(64), CF_RAM);
}

static void teardown(void)
{
	cf_free(&c);
}

static uint64_t nr_slots(void)
{
	return ialloc_nr_words(c.fs) * 64;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Takes what is free without growth.  Return: how many. */
static uint64_t take_all(uint64_t *ino)
{
	const uint64_t slots = nr_slots();
	uint64_t n = 0;

	while (nr_slots() == slots) {
		ck_assert_uint_lt(n, slots);
		ck_assert_int_eq(ialloc_get(c.fs, &ino[n++]), 0);
	}
	ialloc_put(c.fs, ino[--n]);	/* for this one it has grown */
	return n;
}

static void put_all(const uint64_t *ino, uint64_t n)
{
	while (n)
		ialloc_put(c.fs, ino[--n]);
}

static void all_differ(uint64_t *ino, uint64_t n)
{
	qsort(ino, n, sizeof(*ino), by_number);
	for (uint64_t i = 1; i < n; i++)
		ck_assert_uint_ne(ino[i - 1], ino[i]);
}

/* The first growth is behind us, and every number of it that is free gets counted. */
static uint64_t *after_growth(uint64_t *nr_free)
{
	uint64_t *ino, first;

	ck_assert_int_eq(ialloc_get(c.fs, &first), 0);
	ialloc_put(c.fs, first);
	ino = calloc(nr_slots(), sizeof(*ino));
	ck_assert(ino);
	*nr_free = nr_slots() - 1 - ialloc_nr(c.fs);	/* 0 is none */
	return ino;
}

START_TEST(all_numbers_are_given_out_before_the_inode_file_grows)
{
	uint64_t nr_free, *ino = after_growth(&nr_free);

	ck_assert_uint_eq(take_all(ino), nr_free);
	all_differ(ino, nr_free);
	put_all(ino, nr_free);
	free(ino);
}
END_TEST

struct taker { pthread_t thread; uint64_t ino[EACH], seed; };

static void shuffle(struct rng *rng, uint64_t *ino)
{
	for (unsigned i = EACH - 1; i; i--) {
		const unsigned j = (unsigned)rng_below(rng, i + 1);
		const uint64_t x = ino[i];

		ino[i] = ino[j];
		ino[j] = x;
	}
}

/* Gives back half of what it holds, in any order, and takes as many: others take them meanwhile. */
static void *take_and_put(void *arg)
{
	struct taker *t = arg;
	struct rng rng;

	rng_init(&rng, t->seed);
	for (unsigned i = 0; i < EACH; i++)
		ck_assert_int_eq(ialloc_get(c.fs, &t->ino[i]), 0);
	for (unsigned r = 0; r < ROUNDS; r++) {
		shuffle(&rng, t->ino);
		put_all(t->ino, EACH / 2);
		for (unsigned i = 0; i < EACH / 2; i++)
			ck_assert_int_eq(ialloc_get(c.fs, &t->ino[i]), 0);
	}
	return NULL;
}

START_TEST(threads_get_different_numbers_and_none_is_lost)
{
	static struct taker taker[THREADS];
	uint64_t nr_free, *ino = after_growth(&nr_free), held[THREADS * EACH], n = 0;
	const uint64_t slots = nr_slots();

	for (unsigned i = 0; i < THREADS; i++) {
		taker[i].seed = i + 1;
		ck_assert_int_eq(pthread_create(&taker[i].thread, NULL, take_and_put, &taker[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(taker[i].thread, NULL);
		for (unsigned j = 0; j < EACH; j++)
			held[n++] = taker[i].ino[j];
	}
	ck_assert_uint_eq(nr_slots(), slots);	/* there was room all the time */
	all_differ(held, n);
	ck_assert_uint_eq(take_all(ino), nr_free - n);
	put_all(ino, nr_free - n);
	put_all(held, n);
	free(ino);
}
END_TEST

Suite *suite_core_ialloc(void)
{
	Suite *s = suite_create("core_ialloc");
	TCase *tc = tcase_create("core_ialloc");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_numbers_are_given_out_before_the_inode_file_grows);
	tcase_add_test(tc, threads_get_different_numbers_and_none_is_lost);
	suite_add_tcase(s, tc);
	return s;
}
