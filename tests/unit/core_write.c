/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_write.c -- writers of one file: who waits for whom, and that calls never mix
 *
 * Who has to wait is told by the count of the range lock, and by nothing having changed
 * until what he waits for is given up.  Who must not wait is called by the very thread that
 * holds what he must not wait for.
 */
#include <check.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/rcu.h"
#include "core/file.h"
#include "core/entry.h"
#include "core/mapcache.h"
#include "core/rangelock.h"
#include "core/space.h"
#include "core_fixture.h"

Suite *suite_core_write(void);

static struct rangelock rl;

static void setup_lock(void)
{
	rangelock_init(&rl);
}

static void teardown_lock(void)
{
	ck_assert(!rangelock_busy(&rl));
	rangelock_fini(&rl);
}

static void until(const struct rangelock *lock, unsigned nr)
{
	const struct timespec pause = { 0, 100000 };

	while (atomic_load(&lock->nr) != nr)
		nanosleep(&pause, NULL);
}

static void moment(void)
{
	const struct timespec pause = { 0, 10000000 };

	nanosleep(&pause, NULL);
}

/* -- the range lock -------------------------------------------------------------- */

/* Locks a range in a thread of its own, and keeps it until told. */
struct holder {
	uint64_t	first, last;
	atomic_bool	locked, go;
	pthread_t	thread;
};

static void *hold(void *arg)
{
	const struct timespec pause = { 0, 100000 };
	struct holder *ho = arg;
	struct range_hold h;

	rangelock_lock(&rl, &h, ho->first, ho->last);
	atomic_store(&ho->locked, true);
	while (!atomic_load(&ho->go))
		nanosleep(&pause, NULL);
	rangelock_unlock(&rl, &h);
	return NULL;
}

/* Comes as the @nr-th; whether it gets its range at once is for the caller to know. */
static void come(struct holder *ho, uint64_t first, uint64_t last, unsigned nr)
{
	*ho = (struct holder){ .first = first, .last = last };
	pthread_create(&ho->thread, NULL, hold, ho);
	until(&rl, nr);
}

static void until_locked(struct holder *ho)
{
	while (!atomic_load(&ho->locked))
		moment();
}

static void leave(struct holder *ho)
{
	atomic_store(&ho->go, true);
	pthread_join(ho->thread, NULL);
}

START_TEST(ranges_that_do_not_overlap_are_locked_at_once)
{
	static const struct { uint64_t first, last; } r[] = {
		{ 10, 19 }, { 0, 9 }, { 20, 20 }, { 22, UINT64_MAX }, { 21, 21 },
	};
	struct range_hold h[5];

	for (int i = 0; i < 5; i++)
		rangelock_lock(&rl, &h[i], r[i].first, r[i].last);
	ck_assert(rangelock_busy(&rl));
	for (int i = 0; i < 5; i++)
		rangelock_unlock(&rl, &h[i * 2 % 5]);
}
END_TEST

static void expect_wait(uint64_t first, uint64_t last)
{
	struct range_hold h;
	struct holder ho;

	rangelock_lock(&rl, &h, 10, 19);
	come(&ho, first, last, 2);
	moment();
	ck_assert(!atomic_load(&ho.locked));
	rangelock_unlock(&rl, &h);
	until_locked(&ho);
	leave(&ho);
}

START_TEST(a_range_that_overlaps_waits)
{
	expect_wait(10, 19);
	expect_wait(0, 10);
	expect_wait(19, 19);
	expect_wait(12, 13);
	expect_wait(0, UINT64_MAX);
}
END_TEST

/* Else a range as large as the file might wait for ever. */
START_TEST(nobody_overtakes_who_waits)
{
	struct holder first, all, last;
	struct range_hold h;

	come(&first, 0, 9, 1);
	until_locked(&first);
	come(&all, 0, 99, 2);
	come(&last, 50, 59, 3);
	rangelock_lock(&rl, &h, 100, 100);		/* has nothing to do with them */
	moment();
	ck_assert(!atomic_load(&all.locked));
	ck_assert(!atomic_load(&last.locked));
	leave(&first);
	until_locked(&all);
	ck_assert(!atomic_load(&last.locked));
	leave(&all);
	until_locked(&last);
	leave(&last);
	rangelock_unlock(&rl, &h);
}
END_TEST

#define CELLS	24
#define MANY	64

static unsigned cell[CELLS];	/* whose it is; ThreadSanitizer sees to it that it is one's alone */

static void *take_turns(void *arg)
{
	const unsigned me = (unsigned)(uintptr_t)arg;
	uint64_t rnd = me;

	for (int i = 0; i < 400; i++) {
		uint64_t first = rng(&rnd) % CELLS, last = first + rng(&rnd) % (CELLS - first);
		struct range_hold h;

		rangelock_lock(&rl, &h, first, last);
		for (uint64_t k = first; k <= last; k++)
			cell[k] = me;
		for (uint64_t k = first; k <= last; k++)
			must(cell[k] == me);
		rangelock_unlock(&rl, &h);
	}
	return NULL;
}

START_TEST(many_threads_have_their_ranges_for_themselves)
{
	pthread_t t[MANY];

	for (uintptr_t i = 0; i < MANY; i++)
		pthread_create(&t[i], NULL, take_turns, (void *)(i + 1));
	for (int i = 0; i < MANY; i++)
		pthread_join(t[i], NULL);
}
END_TEST

/* -- a file ------------------------------------------------------------------------ */

#define SMALL_BLOCKS	40u
#define LARGE		MIB(8)

static struct cf c;
static struct inode *ip;
static struct mapcache *mc;

/* A small file: an entry for each block. */
static void setup_small(void)
{
	cf_new(&c, MIB(64), CF_RAM);
	ip = cf_file(c.root, "f");
	cf_fill(ip, 0, SMALL_BLOCKS * CF_BLOCK, 'o');
	mc = mapcache_of(ip);
}

/* A large one: entries of 2 MiB. */
static void setup_large(void)
{
	cf_new(&c, MIB(64), CF_RAM);
	ip = cf_file(c.root, "f");
	for (uint64_t off = 0; off < LARGE; off += MIB(1))
		cf_fill(ip, off, MIB(1), 'o');
	mc = mapcache_of(ip);
}

static void teardown(void)
{
	put(ip);
	cf_free(&c);
}

static uint64_t large_entry(void)
{
	uint64_t lblk = 0;
	struct mapping m;

	rcu_enter();
	while (lblk < LARGE / CF_BLOCK && !(mapcache_lookup(mc, lblk, &m) && m.len == 512))
		lblk++;
	rcu_leave();
	ck_assert_uint_lt(lblk, LARGE / CF_BLOCK);
	return lblk;
}

static void fill_blocks(uint64_t first, uint64_t nr, int byte)
{
	cf_fill(ip, first * CF_BLOCK, nr * CF_BLOCK, byte);
}

static bool blocks_are(uint64_t first, uint64_t nr, int byte)
{
	return cf_is(ip, first * CF_BLOCK, nr * CF_BLOCK, byte);
}

START_TEST(who_writes_elsewhere_does_not_wait_for_a_range)
{
	struct range_hold h;

	rangelock_lock(&mc->ranges, &h, 10, 19);
	fill_blocks(5, 5, 'm');				/* several blocks, up to there */
	fill_blocks(20, 7, 'm');
	fill_blocks(9, 1, 'b');				/* one */
	cf_fill(ip, 20 * CF_BLOCK + 7, 100, 's');	/* small */
	fill_blocks(SMALL_BLOCKS - 1, 4, 'g');		/* a transaction */
	ck_assert_int_eq(file_write(ip, "end", 3, 0, FILE_APPEND), 3);
	rangelock_unlock(&mc->ranges, &h);
	ck_assert(blocks_are(5, 4, 'm') && blocks_are(9, 1, 'b') && blocks_are(10, 10, 'o') &&
		  blocks_are(21, 6, 'm') && blocks_are(SMALL_BLOCKS - 1, 4, 'g'));
	ck_assert_uint_eq(cf_stat(ip).size, (SMALL_BLOCKS + 3) * CF_BLOCK + 3);
}
END_TEST

static atomic_bool done;

static void *write_two(void *unused)
{
	(void)unused;
	fill_blocks(19, 2, 'x');
	atomic_store(&done, true);
	return NULL;
}

static void *write_one(void *unused)
{
	(void)unused;
	fill_blocks(10, 1, 'x');
	atomic_store(&done, true);
	return NULL;
}

static void *append(void *unused)
{
	(void)unused;
	must(file_write(ip, "x", 1, 0, FILE_APPEND) == 1);
	atomic_store(&done, true);
	return NULL;
}

static void *truncate_it(void *unused)
{
	(void)unused;
	must(!cf_truncate(ip, 12 * CF_BLOCK));
	atomic_store(&done, true);
	return NULL;
}

static void *punch(void *unused)
{
	(void)unused;
	must(!space_fallocate(ip, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 12 * CF_BLOCK, CF_BLOCK));
	atomic_store(&done, true);
	return NULL;
}

/* While blocks @first..@last are locked. */
static void expect_writer_waits(void *(*fn)(void *), uint64_t first, uint64_t last)
{
	uint64_t size = cf_stat(ip).size;
	struct range_hold h;
	pthread_t thread;

	atomic_store(&done, false);
	rangelock_lock(&mc->ranges, &h, first, last);
	pthread_create(&thread, NULL, fn, NULL);
	until(&mc->ranges, 2);
	moment();
	ck_assert(!atomic_load(&done));
	ck_assert(cf_stat(ip).size == size && blocks_are(0, size / CF_BLOCK, 'o'));
	rangelock_unlock(&mc->ranges, &h);
	pthread_join(thread, NULL);
	ck_assert(!rangelock_busy(&mc->ranges));
}

START_TEST(who_writes_there_waits_for_a_range)
{
	expect_writer_waits(write_two, 10, 19);
	ck_assert(blocks_are(19, 2, 'x'));
	fill_blocks(19, 2, 'o');
	expect_writer_waits(write_one, 10, 19);
	ck_assert(blocks_are(10, 1, 'x'));
}
END_TEST

START_TEST(who_appends_waits_for_a_range_at_the_end)
{
	expect_writer_waits(append, SMALL_BLOCKS, SMALL_BLOCKS + 3);
	ck_assert(cf_is(ip, SMALL_BLOCKS * CF_BLOCK, 1, 'x'));
}
END_TEST

START_TEST(who_takes_blocks_away_waits_for_all_ranges)
{
	expect_writer_waits(punch, 10, 19);
	ck_assert(blocks_are(12, 1, 0));
	fill_blocks(12, 1, 'o');
	expect_writer_waits(truncate_it, 0, 1);
	ck_assert_uint_eq(cf_stat(ip).size, 12 * CF_BLOCK);
}
END_TEST

/* Only the cache is looked at, so that the blocks need not be there. */
START_TEST(neighbours_in_an_entry_of_1_gib_are_locked_at_once)
{
	const uint64_t gib = UINT64_C(1) << ENTRY_PUD;
	const struct extent ext = { .lblk = { 8 * gib }, .pblk = { gib }, .len = gib };
	_Atomic uint64_t *slot[RADIX_STRIPES(ENTRY_PUD)];
	struct mapping m;

	rcu_enter();
	mapcache_fill(mc, &ext, 8 * gib, gib);
	for (unsigned i = 0; i < RADIX_STRIPES(ENTRY_PUD); i++) {
		slot[i] = mapcache_lock(mc, 8 * gib + i, &m);
		ck_assert_ptr_nonnull(slot[i]);
		ck_assert_uint_eq(m.pblk.v, gib + i);
		ck_assert_uint_eq(m.len, gib - i);
	}
	for (unsigned i = 0; i < RADIX_STRIPES(ENTRY_PUD); i++)
		mapcache_unlock_fenced(slot[i]);
	rcu_leave();
	mapcache_forget(mc, 8 * gib, 9 * gib - 1);
}
END_TEST

static uint64_t target;

static void *write_seven(void *unused)
{
	(void)unused;
	fill_blocks(target, 7, 'x');
	atomic_store(&done, true);
	return NULL;
}

static void *truncate_to_target(void *unused)
{
	(void)unused;
	must(!cf_truncate(ip, target * CF_BLOCK));
	atomic_store(&done, true);
	return NULL;
}

/* @fn waits for who writes block @at, and changes nothing before. */
static void expect_wait_for_block(void *(*fn)(void *), uint64_t at, uint64_t nr)
{
	struct mapping m;
	pthread_t thread;

	atomic_store(&done, false);
	rcu_enter();
	_Atomic uint64_t *slot = mapcache_lock(mc, at, &m);

	ck_assert_ptr_nonnull(slot);
	pthread_create(&thread, NULL, fn, NULL);
	until(&mc->ranges, 1);
	moment();
	ck_assert(!atomic_load(&done));
	ck_assert(blocks_are(target, nr, 'o'));
	mapcache_unlock_fenced(slot);
	rcu_leave();
	pthread_join(thread, NULL);
}

START_TEST(a_range_waits_for_each_block_that_is_being_written)
{
	target = large_entry();
	for (uint64_t i = 0; i < 7; i++) {
		expect_wait_for_block(write_seven, target + i, 7);
		ck_assert(blocks_are(target, 7, 'x'));
		fill_blocks(target, 7, 'o');
	}
}
END_TEST

START_TEST(truncate_waits_for_each_block_that_is_being_written)
{
	uint64_t at = target = large_entry();

	for (uint64_t i = 0; i < 9; i++) {
		expect_wait_for_block(truncate_to_target, at + 511 - i, 0);
		ck_assert_uint_eq(cf_stat(ip).size, at * CF_BLOCK);
		cf_fill(ip, at * CF_BLOCK, MIB(2), 'o');
	}
}
END_TEST

/* -- one call is one ------------------------------------------------------------------ */

#define ROUNDS	1500
#define WRITERS	3

/* Bytes of the file: more than a block from one's beginning to the other's, so that order shows. */
static const struct { uint64_t off, len; } part[WRITERS] = {
	{ 100, 32 * CF_BLOCK }, { 12 * CF_BLOCK, 24 * CF_BLOCK }, { 3 * CF_BLOCK + 1, 30 * CF_BLOCK },
};
/* That is in all of them, and where @part[0] is alone. */
#define COMMON		(12 * CF_BLOCK)
#define COMMON_LEN	(20 * CF_BLOCK)

static pthread_barrier_t start, end;
static int mixed;

static void *write_part(void *arg)
{
	const uintptr_t me = (uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&start);
		cf_fill(ip, part[me].off, part[me].len, 'A' + (int)me);
		pthread_barrier_wait(&end);
	}
	return NULL;
}

static void count_mixed(void)
{
	uint8_t byte;

	must(file_read(ip, &byte, 1, COMMON) == 1);
	mixed += byte < 'A' || byte >= 'A' + WRITERS || !cf_is(ip, COMMON, COMMON_LEN, byte);
	mixed += !cf_is(ip, part[0].off, 3 * CF_BLOCK + 1 - part[0].off, 'A');
}

/* @spoil makes the file another before each round. */
static void expect_whole(void (*spoil)(int round))
{
	pthread_t t[WRITERS];

	pthread_barrier_init(&start, NULL, WRITERS + 1);
	pthread_barrier_init(&end, NULL, WRITERS + 1);
	for (uintptr_t i = 0; i < WRITERS; i++)
		pthread_create(&t[i], NULL, write_part, (void *)i);
	for (int i = 0; i < ROUNDS; i++) {
		spoil(i);
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&end);
		count_mixed();
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(t[i], NULL);
	ck_assert_int_eq(mixed, 0);
}

static void leave_it(int round)
{
	(void)round;
}

static void make_hole(int round)
{
	uint64_t at = (12 + (uint64_t)round % 20) * CF_BLOCK;

	must(!space_fallocate(ip, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, CF_BLOCK));
}

static void cut(int round)
{
	must(!cf_truncate(ip, (uint64_t)(round % 40) * CF_BLOCK));
}

START_TEST(writes_that_overlap_never_mix)
{
	expect_whole(leave_it);
}
END_TEST

START_TEST(writes_that_overlap_never_mix_over_a_hole)
{
	expect_whole(make_hole);
}
END_TEST

START_TEST(writes_that_overlap_never_mix_while_the_file_grows)
{
	expect_whole(cut);
}
END_TEST

static void *write_first_then_last(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&start);
		fill_blocks(10, 1, 's');
		fill_blocks(29, 1, 's');
		pthread_barrier_wait(&end);
	}
	return NULL;
}

/* So the long write is not found behind the first of two writes and before the second. */
START_TEST(who_writes_one_block_after_the_other_sees_a_long_write_as_one)
{
	pthread_t t;

	pthread_barrier_init(&start, NULL, 2);
	pthread_barrier_init(&end, NULL, 2);
	pthread_create(&t, NULL, write_first_then_last, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&start);
		fill_blocks(10, 20, 'l');
		pthread_barrier_wait(&end);
		mixed += blocks_are(10, 1, 's') && blocks_are(29, 1, 'l');
		ck_assert(blocks_are(11, 18, 'l'));
	}
	pthread_join(t, NULL);
	ck_assert_int_eq(mixed, 0);
}
END_TEST

static TCase *whole_case(const char *name, void (*setup)(void))
{
	TCase *tc = cf_case(name, setup, teardown);

	tcase_add_test(tc, writes_that_overlap_never_mix);
	tcase_add_test(tc, writes_that_overlap_never_mix_over_a_hole);
	tcase_add_test(tc, writes_that_overlap_never_mix_while_the_file_grows);
	tcase_add_test(tc, who_writes_one_block_after_the_other_sees_a_long_write_as_one);
	return tc;
}

Suite *suite_core_write(void)
{
	Suite *s = suite_create("core_write");
	TCase *tc = cf_case("range lock", setup_lock, teardown_lock);

	tcase_add_test(tc, ranges_that_do_not_overlap_are_locked_at_once);
	tcase_add_test(tc, a_range_that_overlaps_waits);
	tcase_add_test(tc, nobody_overtakes_who_waits);
	tcase_add_test(tc, many_threads_have_their_ranges_for_themselves);
	suite_add_tcase(s, tc);

	tc = cf_case("small file", setup_small, teardown);
	tcase_add_test(tc, who_writes_elsewhere_does_not_wait_for_a_range);
	tcase_add_test(tc, who_writes_there_waits_for_a_range);
	tcase_add_test(tc, who_appends_waits_for_a_range_at_the_end);
	tcase_add_test(tc, who_takes_blocks_away_waits_for_all_ranges);
	suite_add_tcase(s, tc);

	tc = cf_case("large file", setup_large, teardown);
	tcase_add_test(tc, neighbours_in_an_entry_of_1_gib_are_locked_at_once);
	tcase_add_test(tc, a_range_waits_for_each_block_that_is_being_written);
	tcase_add_test(tc, truncate_waits_for_each_block_that_is_being_written);
	suite_add_tcase(s, tc);

	suite_add_tcase(s, whole_case("overlap, small file", setup_small));
	suite_add_tcase(s, whole_case("overlap, large file", setup_large));
	return s;
}
