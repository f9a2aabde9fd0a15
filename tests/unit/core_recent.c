/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_recent.c -- inodes that nobody holds: which are kept, for how long, and who gets them
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "core/recent.h"
#include "core_fixture.h"

#define SIZE	MIB(48)

Suite *suite_core_recent(void);

static struct cf c;

static void setup(void)
{
	cf_new(&c, SIZE, CF_RAM);
}

static void teardown(void)
{
	cf_free(&c);
}

static uint64_t cached(void)
{
	return cf_statfs(&c).cached_inodes;
}

static const char *numbered(unsigned i)
{
	static _Thread_local char text[16];

	snprintf(text, sizeof(text), "n%u", i);
	return text;
}

START_TEST(what_nobody_holds_is_found_again_without_media)
{
	struct inode *f = cf_file(c.root, "f"), *again;
	uint64_t before = cached();
	uint8_t *slot = (uint8_t *)f->slot;

	put(f);
	ck_assert_uint_eq(cached(), before);
	slot[sizeof(struct dinode) - 1] ^= 1;		/* nobody looks */
	again = cf_look(c.root, "f");
	ck_assert_ptr_eq(again, f);
	slot[sizeof(struct dinode) - 1] ^= 1;
	put(again);
}
END_TEST

START_TEST(the_newest_drives_out_the_last)
{
	uint64_t before = cached();

	for (unsigned i = 0; i < 2 * RECENT_INODES; i++)
		put(cf_file(c.root, numbered(i)));
	ck_assert_uint_le(cached(), before + RECENT_INODES);
	put(cf_look(c.root, numbered(2 * RECENT_INODES - 1)));
	ck_assert_uint_le(cached(), before + RECENT_INODES);
}
END_TEST

START_TEST(caches_of_blocks_and_names_are_not_kept)
{
	struct inode *f = cf_file(c.root, "f"), *d = cf_dir(c.root, "d");
	uint64_t before = cached();

	cf_fill(f, 0, 1, 'x');
	put(f);
	ck_assert_uint_eq(cached(), before - 1);
	put(cf_file(d, "inside"));
	put(d);
	ck_assert_uint_eq(cached(), before - 1);	/* "inside" has come, d has gone */
}
END_TEST

START_TEST(unlinking_what_is_kept_leaves_nothing)
{
	struct fs_stat before = cf_statfs(&c), after;

	for (unsigned round = 0; round < 3; round++) {
		put(cf_file(c.root, "f"));
		ck_assert_int_eq(cf_unlink(c.root, "f"), 0);
		put(cf_file(c.root, "over"));
		put(cf_file(c.root, "f"));
		ck_assert_int_eq(cf_mv(c.root, "f", "over", 0), 0);
		ck_assert_int_eq(cf_unlink(c.root, "over"), 0);
		after = cf_statfs(&c);
		ck_assert_uint_eq(after.inodes, before.inodes);
		ck_assert_uint_eq(after.cached_inodes, before.cached_inodes);
	}
}
END_TEST

START_TEST(what_is_unlinked_while_held_ends_with_its_holder)
{
	struct fs_stat before = cf_statfs(&c), after;
	struct inode *f = cf_file(c.root, "f");

	put(f);
	f = cf_look(c.root, "f");
	ck_assert_int_eq(cf_unlink(c.root, "f"), 0);
	put(f);
	after = cf_statfs(&c);
	ck_assert_uint_eq(after.inodes, before.inodes);
	ck_assert_uint_eq(after.cached_inodes, before.cached_inodes);
}
END_TEST

/* -- threads ------------------------------------------------------------------------------ */

#define NR_THREADS	4
#define NR_NAMES	24
#define ROUNDS		6000

static struct inode *dir;
static uint64_t rivals[3];	/* three that share a place */
static uint64_t beside;		/* the first of NR_NAMES that share places with what use_names() makes */

static void *use_names(void *arg)
{
	uint64_t seed = (uintptr_t)arg + 1;

	for (unsigned i = 0; i < ROUNDS; i++) {
		const char *name = numbered((unsigned)(rng(&seed) % NR_NAMES) * 3);
		struct inode *ip = NULL;

		switch (rng(&seed) % 4) {
		case 0:
			if (!namei_create(dir, cf_name(name), &(struct create_req){ .mode = S_IFREG | 0600 }, &ip))
				put(ip);
			break;
		case 1:
			(void)cf_unlink(dir, name);
			break;
		default:
			if (!namei_lookup(dir, cf_name(name), &ip)) {
				must(ip->ino != dir->ino);
				put(ip);
			}
		}
	}
	return NULL;
}

/* Inodes drive each other out, and those that others look up and unlink just then. */
static void *use_places(void *arg)
{
	uint64_t seed = (uintptr_t)arg + 1;

	for (unsigned i = 0; i < 10 * ROUNDS; i++) {
		uint64_t r = rng(&seed);
		struct inode *ip;

		must(!inode_get(c.fs, r % 2 ? rivals[r / 2 % 3] : beside + r / 2 % NR_NAMES, &ip));
		put(ip);
	}
	return NULL;
}

START_TEST(threads_that_look_up_and_unlink_lose_no_inode)
{
	pthread_t t[2 * NR_THREADS];
	unsigned nr = 0;

	for (unsigned i = 0; i < 3 * RECENT_INODES; i++) {
		struct inode *f = cf_file(c.root, numbered(i));

		if (f->ino % RECENT_INODES == 77)
			rivals[nr++] = f->ino;
		put(f);
	}
	ck_assert_uint_eq(nr, 3);
	dir = cf_dir(c.root, "dir");
	beside = dir->ino + 1 - RECENT_INODES;
	uint64_t before = cf_statfs(&c).inodes;

	for (uintptr_t i = 0; i < 2 * NR_THREADS; i++)
		must(!pthread_create(&t[i], NULL, i % 2 ? use_names : use_places, (void *)i));
	for (unsigned i = 0; i < 2 * NR_THREADS; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < NR_NAMES; i++)
		(void)cf_unlink(dir, numbered(i * 3));
	ck_assert_uint_eq(cf_statfs(&c).inodes, before);
	ck_assert_uint_le(cached(), RECENT_INODES + 2);
	put(dir);
}
END_TEST

Suite *suite_core_recent(void)
{
	Suite *s = suite_create("core_recent");
	TCase *tc = cf_case("recent", setup, teardown);

	tcase_add_test(tc, what_nobody_holds_is_found_again_without_media);
	tcase_add_test(tc, the_newest_drives_out_the_last);
	tcase_add_test(tc, caches_of_blocks_and_names_are_not_kept);
	tcase_add_test(tc, unlinking_what_is_kept_leaves_nothing);
	tcase_add_test(tc, what_is_unlinked_while_held_ends_with_its_holder);
	tcase_add_test(tc, threads_that_look_up_and_unlink_lose_no_inode);
	suite_add_tcase(s, tc);
	return s;
}
