/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_pin.c -- freed blocks stay what they are while a pin is held
 */
#include <check.h>
#include <errno.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/rcu.h"
#include "core/file.h"
#include "core/pin.h"
#include "core/space.h"
#include "core_fixture.h"

#define SIZE	MIB(48)

Suite *suite_core_pin(void);

static struct cf c;

static void setup(void)
{
	cf_new(&c, SIZE, CF_RAM);
}

static void teardown(void)
{
	cf_free(&c);
}

/* Takes every free block and writes rubbish into it. */
static void overwrite_free_space(void)
{
	struct inode *f = cf_file(c.root, "rubbish");
	static uint8_t buf[DAXFS_BLOCK_SIZE];
	uint64_t at = 0;

	memset(buf, 'R', sizeof(buf));
	while (file_write(f, buf, sizeof(buf), at, 0) == (ssize_t)sizeof(buf))
		at += sizeof(buf);
	put(f);
}

static bool all_are(const struct iovec *iov, unsigned nr, uint8_t byte)
{
	for (unsigned i = 0; i < nr; i++)
		for (size_t k = 0; k < iov[i].iov_len; k++)
			if (((uint8_t *)iov[i].iov_base)[k] != byte)
				return false;
	return true;
}

enum loss { LOSE_UNLINK, LOSE_TRUNCATE, LOSE_PUNCH, NR_LOSSES };

static void lose_blocks(struct inode *f, int how)
{
	if (how == LOSE_UNLINK)
		ck_assert_int_eq(cf_unlink(c.root, "f"), 0);
	else if (how == LOSE_TRUNCATE)
		ck_assert_int_eq(cf_truncate(f, 0), 0);
	else
		ck_assert_int_eq(space_fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, KIB(400)), 0);
	put(f);
}

START_TEST(pinned_blocks_are_not_reused_until_the_pin_is_put)
{
	struct inode *f = cf_file(c.root, "f");
	struct iovec iov[16];
	unsigned nr = 16;
	struct pin pin;
	struct fs_stat st;

	cf_fill(f, 0, KIB(400), 'P');
	ck_assert_int_eq(file_pin(f, (struct file_range){ 0, KIB(400) }, iov, &nr, &pin), (int)KIB(400));
	lose_blocks(f, _i);
	overwrite_free_space();
	ck_assert(all_are(iov, nr, 'P'));
	ck_assert_uint_eq(limbo_blocks(c.fs), 100);
	pin_put(c.fs, &pin);
	limbo_drain(c.fs, 5000);
	ck_assert_uint_eq(limbo_blocks(c.fs), 0);
	fs_statfs(c.fs, &st);
	ck_assert_uint_ge(st.bfree, 100);
}
END_TEST

START_TEST(pin_taken_later_does_not_hold_back_what_was_freed_before)
{
	struct inode *f = cf_file(c.root, "f"), *g = cf_file(c.root, "g");
	struct iovec iov;
	unsigned nr = 1;
	struct pin pin;

	cf_fill(f, 0, KIB(40), 'f');
	cf_fill(g, 0, KIB(40), 'g');
	ck_assert_int_eq(cf_truncate(f, 0), 0);
	limbo_drain(c.fs, 5000);
	ck_assert_int_eq(file_pin(g, (struct file_range){ 0, 100 }, &iov, &nr, &pin), 100);
	ck_assert_uint_eq(limbo_blocks(c.fs), 0);
	pin_put(c.fs, &pin);
	put(f);
	put(g);
}
END_TEST

START_TEST(blocks_are_freed_though_pins_come_and_go_all_the_time)
{
	struct inode *f = cf_file(c.root, "f"), *g = cf_file(c.root, "g");
	uint64_t before = cf_bfree(&c);
	struct pin held[4] = { { 0, 0 } };
	unsigned n = 0;

	cf_fill(g, 0, 4096, 'g');
	for (; n < 200; n++) {
		struct iovec iov;
		unsigned nr = 1;

		if (n >= 4)
			pin_put(c.fs, &held[n % 4]);
		must(file_pin(g, (struct file_range){ 0, 100 }, &iov, &nr, &held[n % 4]) == 100);
		cf_fill(f, 0, KIB(64), 'f');
		must(cf_truncate(f, 0) == 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pin_put(c.fs, &held[i]);
	ck_assert_uint_eq(cf_bfree(&c), before - 1);
	ck_assert_uint_eq(limbo_blocks(c.fs), 0);
	put(f);
	put(g);
}
END_TEST

enum { RUNS = 4000, ROUNDS = 10 };

/* A removed file of @RUNS separate blocks waits in limbo, as one batch, for @pin alone. */
static void runs_wait_for(struct inode *other, struct pin *pin)
{
	struct inode *f = cf_file(c.root, "f");
	struct iovec iov;
	unsigned nr = 1;

	cf_fill(f, 0, 2 * RUNS * CF_BLOCK, 'f');
	for (uint64_t i = 0; i < RUNS; i++)
		must(space_fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * i * CF_BLOCK, CF_BLOCK) == 0);
	limbo_drain(c.fs, 5000);
	must(file_pin(other, (struct file_range){ 0, 100 }, &iov, &nr, pin) == 100);
	must(cf_unlink(c.root, "f") == 0);
	put(f);
	rcu_drain();
	must(limbo_blocks(c.fs) >= RUNS);
}

/* Those in limbo too; does not wait for them. */
static uint64_t bfree_now(void)
{
	struct fs_stat st;

	fs_statfs(c.fs, &st);
	return st.bfree;
}

static atomic_bool go;

static void *put_when_told(void *pin)
{
	while (!atomic_load(&go))
		sched_yield();
	pin_put(c.fs, pin);
	return NULL;
}

START_TEST(blocks_that_leave_limbo_are_counted_free_once)
{
	struct inode *other = cf_file(c.root, "other");

	cf_fill(other, 0, 100, 'o');
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct pin pin;
		pthread_t t;

		runs_wait_for(other, &pin);
		uint64_t bfree = bfree_now();

		atomic_store(&go, false);
		must(pthread_create(&t, NULL, put_when_told, &pin) == 0);
		atomic_store(&go, true);
		while (limbo_blocks(c.fs))
			ck_assert_uint_eq(bfree_now(), bfree);
		must(pthread_join(t, NULL) == 0);
		ck_assert_uint_eq(bfree_now(), bfree);
	}
	put(other);
}
END_TEST

START_TEST(holes_pin_as_zeroes)
{
	struct inode *f = cf_file(c.root, "f");
	struct iovec iov[8];
	unsigned nr = 8;
	struct pin pin;

	cf_fill(f, 10000, 10, 'x');
	ssize_t n = file_pin(f, (struct file_range){ 0, 8192 }, iov, &nr, &pin);

	ck_assert_int_eq(n, 8192);
	ck_assert(all_are(iov, nr, 0));
	pin_put(c.fs, &pin);
	nr = 8;
	ck_assert_int_eq(file_pin(f, (struct file_range){ 10010, 100 }, iov, &nr, &pin), 0);
	pin_put(c.fs, &pin);
	ck_assert_int_eq(file_pin(c.root, (struct file_range){ 0, 100 }, iov, &nr, &pin), -EISDIR);
	put(f);
}
END_TEST

Suite *suite_core_pin(void)
{
	Suite *s = suite_create("core_pin");
	TCase *tc = cf_case("pin", setup, teardown);

	tcase_add_loop_test(tc, pinned_blocks_are_not_reused_until_the_pin_is_put, 0, NR_LOSSES);
	tcase_add_test(tc, pin_taken_later_does_not_hold_back_what_was_freed_before);
	tcase_add_test(tc, blocks_are_freed_though_pins_come_and_go_all_the_time);
	tcase_add_test(tc, blocks_that_leave_limbo_are_counted_free_once);
	tcase_add_test(tc, holes_pin_as_zeroes);
	suite_add_tcase(s, tc);
	return s;
}
