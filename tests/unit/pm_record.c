/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pm_record.c -- the recording backend: counts, events, and crash images that
 * hold what must be durable, may hold what need not be, and nothing else
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pm/pm.h"
#include "pm/record.h"
#include "pm/replay.h"

#define SIZE (UINT64_C(1) << 16)

Suite *suite_pm_record(void);

static struct region *rg;
static uint8_t image[SIZE];

static void setup(void)
{
	ck_assert_int_eq(region_open_record(&rg, SIZE), 0);
	record_start(rg);
}

static void teardown(void)
{
	region_close(rg);
}

static void store(uint64_t off, uint64_t v)
{
	pm_store8(rg, rg->base + off, v);
}

static uint64_t value(const uint8_t *at, uint64_t off)
{
	uint64_t v;

	memcpy(&v, at + off, sizeof(v));
	return v;
}

/* The 8 bytes at @off in the image of a cut before event @upto. */
static uint64_t cut(size_t upto, unsigned mode, uint64_t seed, uint64_t off)
{
	record_image(rg, upto, mode, seed, image);
	return value(image, off);
}

START_TEST(counters_count_also_when_not_recording)
{
	struct record_counts c;

	record_stop(rg);
	pm_store(rg, rg->base, "abc", 3);
	store(8, 1);
	pm_copy(rg, rg->base + 4096, "abcd", 4);
	pm_zero(rg, rg->base + 8192, 100);
	pm_flush(rg, rg->base + 60, 8);		/* two lines */
	pm_flush(rg, rg->base, 64);		/* one */
	pm_flush(rg, rg->base, 0);		/* none */
	pm_fence(rg);
	record_counts(rg, &c);
	ck_assert_uint_eq(c.stores, 2);
	ck_assert_uint_eq(c.store_bytes, 11);
	ck_assert_uint_eq(c.nt_bytes, 104);
	ck_assert_uint_eq(c.flush_calls, 3);
	ck_assert_uint_eq(c.flush_lines, 3);
	ck_assert_uint_eq(c.fences, 1);
	ck_assert_uint_eq(record_nr(rg), 0);
	record_reset(rg);
	record_counts(rg, &c);
	ck_assert_uint_eq(c.stores + c.nt_bytes + c.fences, 0);
}
END_TEST

START_TEST(events_are_kept_in_order_with_their_data)
{
	pm_store(rg, rg->base + 5, "abc", 3);
	pm_flush(rg, rg->base + 5, 3);
	pm_fence(rg);
	pm_zero(rg, rg->base + 64, 64);
	ck_assert_uint_eq(record_nr(rg), 4);
	const struct record_event *ev = record_get(rg, 0);

	ck_assert_int_eq(ev->type, REC_STORE);
	ck_assert_uint_eq(ev->off, 5);
	ck_assert_uint_eq(ev->len, 3);
	ck_assert_mem_eq(ev->data, "abc", 3);
	ck_assert_int_eq(record_get(rg, 1)->type, REC_FLUSH);
	ck_assert_int_eq(record_get(rg, 2)->type, REC_FENCE);
	ck_assert_uint_eq(record_get(rg, 2)->thread, ev->thread);
	ck_assert_int_eq(record_get(rg, 3)->type, REC_ZERO);
	ck_assert_uint_eq(record_get(rg, 3)->seq, 4);
	record_start(rg);
	ck_assert_uint_eq(record_nr(rg), 0);
}
END_TEST

START_TEST(store_without_flush_and_fence_may_be_lost_or_kept)
{
	store(0, 1);
	pm_fence(rg);				/* a fence alone does nothing */
	store(64, 2);
	pm_flush(rg, rg->base + 64, 8);		/* nor does a flush alone */
	ck_assert_uint_eq(cut(4, REC_NONE, 0, 0), 0);
	ck_assert_uint_eq(value(image, 64), 0);
	ck_assert_uint_eq(cut(4, REC_ALL, 0, 0), 1);
	ck_assert_uint_eq(value(image, 64), 2);
	ck_assert_uint_eq(cut(0, REC_ALL, 0, 0), 0);
}
END_TEST

START_TEST(fenced_flush_is_durable_in_every_mode)
{
	store(128, 1);
	pm_persist(rg, rg->base + 128, 8);
	for (uint64_t seed = 0; seed < 50; seed++)
		ck_assert_uint_eq(cut(3, REC_RANDOM, seed, 128), 1);
	ck_assert_uint_eq(cut(3, REC_NONE, 0, 128), 1);
	ck_assert_uint_eq(cut(2, REC_NONE, 0, 128), 0);
}
END_TEST

START_TEST(flush_covers_what_was_stored_before_it_only)
{
	store(0, 1);
	pm_flush(rg, rg->base, 8);
	store(0, 2);
	pm_fence(rg);
	ck_assert_uint_eq(cut(4, REC_NONE, 0, 0), 1);
	ck_assert_uint_eq(cut(4, REC_ALL, 0, 0), 2);
}
END_TEST

START_TEST(flush_takes_the_whole_line)
{
	store(0, 1);
	store(56, 2);
	store(64, 3);
	pm_persist(rg, rg->base + 8, 1);
	ck_assert_uint_eq(cut(5, REC_NONE, 0, 0), 1);
	ck_assert_uint_eq(value(image, 56), 2);
	ck_assert_uint_eq(value(image, 64), 0);
}
END_TEST

START_TEST(copy_and_zero_need_the_fence_only_and_no_neighbours)
{
	memset(rg->base, 9, 256);
	record_start(rg);
	store(8, 5);				/* same line, never flushed */
	pm_copy(rg, rg->base + 16, "12345678", 8);
	pm_zero(rg, rg->base + 60, 10);		/* over a line's end */
	ck_assert_uint_eq(cut(3, REC_NONE, 0, 16), UINT64_C(0x0909090909090909));
	pm_fence(rg);
	ck_assert_uint_eq(cut(4, REC_NONE, 0, 8), UINT64_C(0x0909090909090909));
	ck_assert_mem_eq(image + 16, "12345678", 8);
	ck_assert_uint_eq(image[59], 9);
	ck_assert_uint_eq(image[60], 0);
	ck_assert_uint_eq(image[69], 0);
	ck_assert_uint_eq(image[70], 9);
}
END_TEST

static void *fence_elsewhere(void *unused)
{
	(void)unused;
	pm_fence(rg);
	return NULL;
}

static void *persist_elsewhere(void *unused)
{
	(void)unused;
	store(0, 2);
	pm_persist(rg, rg->base, 8);
	return NULL;
}

static void in_thread(void *(*fn)(void *))
{
	pthread_t thread;

	pthread_create(&thread, NULL, fn, NULL);
	pthread_join(thread, NULL);
}

START_TEST(fence_of_another_thread_completes_nothing)
{
	store(0, 1);
	pm_flush(rg, rg->base, 8);
	in_thread(fence_elsewhere);
	ck_assert_uint_ne(record_get(rg, 2)->thread, record_get(rg, 0)->thread);
	ck_assert_uint_eq(cut(3, REC_NONE, 0, 0), 0);
	pm_fence(rg);
	ck_assert_uint_eq(cut(4, REC_NONE, 0, 0), 1);
}
END_TEST

START_TEST(late_fence_never_brings_back_an_older_value)
{
	store(0, 1);
	pm_flush(rg, rg->base, 8);
	in_thread(persist_elsewhere);
	pm_fence(rg);
	ck_assert_uint_eq(cut(record_nr(rg), REC_NONE, 0, 0), 2);
}
END_TEST

START_TEST(random_images_differ_by_seed_and_never_tear_eight_bytes)
{
	unsigned kept = 0, differs = 0;
	uint8_t *again = malloc(SIZE);

	for (uint64_t i = 0; i < 64; i++)
		store(i * 8, ~UINT64_C(0));
	for (uint64_t seed = 0; seed < 20; seed++) {
		record_image(rg, 64, REC_RANDOM, seed, image);
		record_image(rg, 64, REC_RANDOM, seed, again);
		ck_assert_mem_eq(image, again, SIZE);
		for (uint64_t i = 0; i < 64; i++) {
			uint64_t v = value(image, i * 8);

			ck_assert(v == 0 || v == ~UINT64_C(0));
			kept += v != 0;
		}
		record_image(rg, 64, REC_RANDOM, seed + 1, again);
		differs += memcmp(image, again, SIZE) != 0;
	}
	ck_assert_uint_eq(differs, 20);
	ck_assert_uint_gt(kept, 20 * 64 * 4 / 10);
	ck_assert_uint_lt(kept, 20 * 64 * 6 / 10);
	free(again);
}
END_TEST

START_TEST(image_after_everything_is_fenced_is_the_memory)
{
	unsigned rnd = 1;

	for (int i = 0; i < 3000; i++) {
		uint64_t off = (uint64_t)rand_r(&rnd) % (SIZE - 300);
		size_t n = (size_t)rand_r(&rnd) % 300;
		uint8_t bytes[300];

		memset(bytes, i, sizeof(bytes));
		if (i % 3)
			pm_store(rg, rg->base + off, bytes, n);
		else
			pm_copy(rg, rg->base + off, bytes, n);
	}
	pm_persist(rg, rg->base, SIZE);
	record_image(rg, record_nr(rg), REC_NONE, 0, image);
	ck_assert_mem_eq(image, rg->base, SIZE);
	record_image(rg, record_nr(rg) - 2, REC_ALL, 0, image);
	ck_assert_mem_eq(image, rg->base, SIZE);
}
END_TEST

static void *store_many(void *first)
{
	for (uint64_t i = 0; i < 500; i++) {
		uint64_t off = (uint64_t)(uintptr_t)first + 128 * (i % 100);

		store(off, i);
		pm_persist(rg, rg->base + off, 8);
	}
	return NULL;
}

START_TEST(threads_record_at_the_same_time)
{
	struct record_counts c;
	pthread_t a, b;

	pthread_create(&a, NULL, store_many, (void *)(uintptr_t)0);
	pthread_create(&b, NULL, store_many, (void *)(uintptr_t)64);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	record_counts(rg, &c);
	ck_assert_uint_eq(c.fences, 1000);
	ck_assert_uint_eq(record_nr(rg), 3000);
	record_image(rg, 3000, REC_NONE, 0, image);
	ck_assert_mem_eq(image, rg->base, SIZE);
}
END_TEST

START_TEST(rollback_returns_to_what_was_there_at_the_start)
{
	store(0, 1);
	store(640, 2);
	record_accept(rg, 640, 8);
	pm_copy(rg, rg->base + 1000, "xyz", 3);
	record_rollback(rg);
	ck_assert_uint_eq(value(rg->base, 0), 0);
	ck_assert_uint_eq(value(rg->base, 640), 2);
	ck_assert_uint_eq(rg->base[1000], 0);
	ck_assert_uint_eq(record_nr(rg), 0);
	ck_assert_uint_eq(value(record_base(rg), 640), 2);
}
END_TEST

static const struct replay_word *replay_all(struct replay **rp, size_t *nr)
{
	*rp = replay_new(&(struct replay_opts){ .media = image });
	memset(image, 0, SIZE);
	for (size_t i = 0; i < record_nr(rg); i++)
		replay_event(*rp, record_get(rg, i));
	return replay_pending(*rp, nr);
}

START_TEST(a_word_stored_twice_may_be_what_it_was_in_between)
{
	struct replay *rp;
	size_t nr;

	store(8, 1);
	store(8, 2);
	store(72, 7);
	const struct replay_word *w = replay_all(&rp, &nr);

	ck_assert_uint_eq(nr, 2);
	ck_assert_uint_eq(w[0].off, 8);
	ck_assert_uint_eq(w[0].nr, 2);
	ck_assert_uint_eq(w[0].value[0], 1);
	ck_assert_uint_eq(w[0].value[1], 2);
	ck_assert_uint_eq(w[1].off, 72);
	ck_assert_uint_eq(w[1].nr, 1);
	replay_free(rp);
}
END_TEST

START_TEST(what_is_fenced_is_settled_and_the_rest_is_not)
{
	struct replay *rp;
	size_t nr;

	store(8, 1);
	pm_persist(rg, rg->base + 8, 8);
	store(16, 2);
	const struct replay_word *w = replay_all(&rp, &nr);

	ck_assert_uint_eq(value(image, 8), 1);
	ck_assert_uint_eq(nr, 1);
	ck_assert_uint_eq(w[0].off, 16);
	ck_assert_uint_eq(w[0].value[0], 2);
	replay_free(rp);
}
END_TEST

Suite *suite_pm_record(void)
{
	Suite *s = suite_create("pm_record");
	TCase *tc = tcase_create("record");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, counters_count_also_when_not_recording);
	tcase_add_test(tc, events_are_kept_in_order_with_their_data);
	tcase_add_test(tc, store_without_flush_and_fence_may_be_lost_or_kept);
	tcase_add_test(tc, fenced_flush_is_durable_in_every_mode);
	tcase_add_test(tc, flush_covers_what_was_stored_before_it_only);
	tcase_add_test(tc, flush_takes_the_whole_line);
	tcase_add_test(tc, copy_and_zero_need_the_fence_only_and_no_neighbours);
	tcase_add_test(tc, fence_of_another_thread_completes_nothing);
	tcase_add_test(tc, late_fence_never_brings_back_an_older_value);
	tcase_add_test(tc, random_images_differ_by_seed_and_never_tear_eight_bytes);
	tcase_add_test(tc, image_after_everything_is_fenced_is_the_memory);
	tcase_add_test(tc, threads_record_at_the_same_time);
	tcase_add_test(tc, rollback_returns_to_what_was_there_at_the_start);
	tcase_add_test(tc, a_word_stored_twice_may_be_what_it_was_in_between);
	tcase_add_test(tc, what_is_fenced_is_settled_and_the_rest_is_not);
	suite_add_tcase(s, tc);
	return s;
}
