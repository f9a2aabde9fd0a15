/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_snap.c -- the clean-unmount snapshot: what goes in comes out, or nothing does
 */
#include <errno.h>
#include <string.h>

#include "disk/dinode.h"
#include "disk/snap.h"
#include "disk_fixture.h"

#define BLOCKS	8192
#define WORDS	128

Suite *suite_disk_snap(void);

static struct fixture fx;
static struct snap_counts counts = { 2, 1, WORDS, 1234, 77 };
static pblk_t at;
static unsigned calls;
static uint64_t sum;

static void setup(void)
{
	uint64_t words[WORDS], used[8];
	struct snap_writer w;
	struct txn *t;
	pblk_t b;

	fixture_open(&fx, BLOCKS, FIXTURE_RAM);
	t = txn_begin(&fx.jn);
	must(fixture_take(&fx, 512, &b) && ifile_extend(t, &fx.d, b, 512) == 0);
	txn_commit(t);
	must(fixture_take(&fx, 1, &at));
	for (unsigned i = 0; i < WORDS; i++)
		words[i] = i;
	for (unsigned i = 0; i < 8; i++)
		used[i] = UINT64_C(1) << i;
	snap_write_begin(&w, &fx.d, at, &counts);
	snap_write_run(&w, 0, 3);
	snap_write_run(&w, 5, 1);
	snap_write_chunk(&w, 4, used);
	snap_write_inodes(&w, words, 100);
	snap_write_inodes(&w, words + 100, WORDS - 100);
	snap_write_end(&w);
}

static void teardown(void)
{
	fixture_close(&fx);
}

static void see_run(void *arg, uint64_t chunk, uint64_t count)
{
	(void)arg;
	calls++;
	sum += chunk * 10 + count;
}

static void see_chunk(void *arg, uint64_t chunk, const uint64_t used[8])
{
	(void)arg;
	calls++;
	must(chunk == 4);
	for (unsigned i = 0; i < 8; i++)
		must(used[i] == UINT64_C(1) << i);
}

static void see_inodes(void *arg, uint64_t first, const uint64_t *words, uint64_t n)
{
	(void)arg;
	calls++;
	for (uint64_t i = 0; i < n; i++)
		must(words[i] == first + i);
	sum += n * 1000;
}

static int read_it(pblk_t where, uint64_t bytes)
{
	static const struct snap_reader r = { see_run, see_chunk, see_inodes, NULL };
	struct snap_counts c;
	int err;

	calls = 0;
	sum = 0;
	err = snap_read(&fx.d, where, bytes, &c, &r);
	must(err || memcmp(&c, &counts, sizeof(c)) == 0);
	return err;
}

START_TEST(what_goes_in_comes_out)
{
	ck_assert_int_eq(read_it(at, snap_bytes(&counts)), 0);
	ck_assert_uint_eq(sum, 3 + 51 + WORDS * 1000);
}
END_TEST

START_TEST(every_flipped_byte_is_seen_and_nothing_handed_out)
{
	uint8_t *p = disk_ptr(&fx.d, at);

	for (uint64_t i = 0; i < snap_bytes(&counts); i++) {
		p[i] ^= 0x80;
		must(read_it(at, snap_bytes(&counts)) == -EUCLEAN && calls == 0);
		p[i] ^= 0x80;
	}
}
END_TEST

START_TEST(a_wrong_place_or_length_is_refused)
{
	uint64_t n = snap_bytes(&counts);

	ck_assert_int_eq(read_it(at, n - 8), -EUCLEAN);
	ck_assert_int_eq(read_it(at, 0), -EUCLEAN);
	ck_assert_int_eq(read_it(at, UINT64_MAX), -EUCLEAN);
	ck_assert_int_eq(read_it(at, UINT64_C(1) << 40), -EUCLEAN);
	ck_assert_int_eq(read_it((pblk_t){ 0 }, n), -EUCLEAN);
	ck_assert_int_eq(read_it((pblk_t){ UINT64_MAX }, n), -EUCLEAN);
	ck_assert_int_eq(read_it(pblk_add(at, 1), n), -EUCLEAN);
}
END_TEST

START_TEST(well_sealed_nonsense_is_refused)
{
	uint64_t n = snap_bytes(&counts);
	struct dsnap *s = disk_ptr(&fx.d, at);
	struct dsnaprun *run = (void *)(s + 1);
	struct dsnapchunk *chunk = (void *)(run + 2);
	uint8_t good[8192];

	memcpy(good, s, n);
#define REFUSED(change) do {						\
		change;							\
		s->csum = le32_make(block_csum(s, n, 4));		\
		ck_assert_msg(read_it(at, n) == -EUCLEAN && !calls, "%s", #change);	\
		memcpy(s, good, n);					\
	} while (0)
	REFUSED(s->nr_full = le64_make(UINT64_MAX / 16 + 3));
	REFUSED(s->nr_full = le64_make(1));
	REFUSED(s->nr_free = le64_make(BLOCKS + 1));
	REFUSED(s->nr_inodes = le64_make(WORDS * 64 + 1));
	REFUSED(run[0].count = le64_make(0));
	REFUSED(run[0].count = le64_make(17));
	REFUSED(run[1].chunk = le64_make(UINT64_MAX));
	REFUSED(chunk->chunk = le64_make(16));
#undef REFUSED
	ck_assert_int_eq(read_it(at, n), 0);
}
END_TEST

Suite *suite_disk_snap(void)
{
	Suite *s = suite_create("disk_snap");
	TCase *tc = tcase_create("snap");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_goes_in_comes_out);
	tcase_add_test(tc, every_flipped_byte_is_seen_and_nothing_handed_out);
	tcase_add_test(tc, a_wrong_place_or_length_is_refused);
	tcase_add_test(tc, well_sealed_nonsense_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
