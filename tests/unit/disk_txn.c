/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_txn.c -- transactions and lanes: all or nothing, whatever the crash
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "disk/lane.h"
#include "disk_fixture.h"
#include "pm/pm.h"
#include "pm/record.h"

#define BLOCKS	128

Suite *suite_disk_txn(void);

static struct fixture fx;

static void open_ram(void)
{
	fixture_open(&fx, BLOCKS, FIXTURE_RAM);
}

static void open_record(void)
{
	fixture_open(&fx, BLOCKS, FIXTURE_RECORD);
}

static void close_it(void)
{
	fixture_close(&fx);
}

/* a live block filled with @c */
static uint8_t *live_block(int c)
{
	uint8_t buf[4096], *p;
	pblk_t b;

	must(fixture_take(&fx, 1, &b));
	p = disk_ptr(&fx.d, b);
	memset(buf, c, sizeof(buf));
	pm_copy(fx.rg, p, buf, sizeof(buf));
	pm_fence(fx.rg);
	return p;
}

static bool all_are(const uint8_t *p, size_t n, int c)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != (uint8_t)c)
			return false;
	return true;
}

static void seal_last_byte(void *shadow)
{
	((uint8_t *)shadow)[255] = 'S';
}

START_TEST(commit_writes_edits_and_fresh_blocks)
{
	uint8_t *p = live_block('a'), *e, *f;
	struct txn *t = txn_begin(&fx.jn);
	pblk_t b;

	e = txn_edit(t, p, 256, seal_last_byte);
	memset(e + 16, 'b', 8);
	ck_assert_int_eq(txn_alloc(t, &b), 0);
	f = txn_fresh(t, b, NULL);
	ck_assert(all_are(f, 4096, 0));
	memset(f, 'f', 4096);
	ck_assert(all_are(p, 4096, 'a'));
	txn_commit(t);
	ck_assert(all_are(p, 16, 'a') && all_are(p + 16, 8, 'b'));
	ck_assert(all_are(p + 24, 231, 'a') && p[255] == 'S');
	ck_assert(all_are(disk_ptr(&fx.d, b), 4096, 'f'));
}
END_TEST

START_TEST(abort_changes_nothing_and_gives_blocks_back)
{
	uint8_t *p = live_block('a');
	uint64_t taken = fx.nr_taken;
	struct txn *t = txn_begin(&fx.jn);
	pblk_t b, own;

	memset(txn_edit(t, p, 64, NULL), 'b', 64);
	ck_assert_int_eq(txn_alloc(t, &b), 0);
	ck_assert(fixture_take(&fx, 3, &own));
	ck_assert_int_eq(txn_took(t, own, 3), 0);
	ck_assert_int_eq(txn_free(t, pblk_make(0, disk_off(&fx.d, p) / 4096), 1), 0);
	txn_abort(t);
	ck_assert(all_are(p, 4096, 'a'));
	ck_assert_uint_eq(fx.nr_taken, taken);
	ck_assert_uint_eq(fx.freed_calls, 0);
}
END_TEST

START_TEST(the_same_range_gives_the_same_shadow)
{
	uint8_t *p = live_block('a');
	struct txn *t = txn_begin(&fx.jn);
	uint8_t *one = txn_edit(t, p + 512, 256, NULL);

	for (unsigned i = 0; i < 16; i++)
		ck_assert_ptr_nonnull(txn_edit(t, p + 256 * i, 256, NULL));
	ck_assert_ptr_eq(txn_edit(t, p + 512, 256, NULL), one);
	ck_assert_ptr_eq(txn_view(t, p + 512), one);
	ck_assert_ptr_eq(txn_view(t, p + 520), p + 520);
	txn_abort(t);
}
END_TEST

START_TEST(a_patch_changes_only_lines_that_were_asked_for)
{
	uint8_t *p = live_block('a'), *s;
	const uint8_t *v;
	struct txn *t = txn_begin(&fx.jn);

	s = txn_patch(t, p, 100, 8);
	memset(s + 100, 'b', 8);
	ck_assert_ptr_eq(txn_patch(t, p, 60, 200), s);
	ck_assert(all_are(s + 64, 36, 'a') && all_are(s + 100, 8, 'b'));
	s[4095] = 'x';
	v = txn_view(t, p);
	ck_assert(all_are(v, 100, 'a') && all_are(v + 100, 8, 'b') && all_are(v + 108, 4096 - 108, 'a'));
	ck_assert_ptr_eq(txn_patch(t, p, 4090, 6), s);
	s[4094] = 'y';
	txn_commit(t);
	ck_assert(all_are(p, 100, 'a') && all_are(p + 100, 8, 'b') && all_are(p + 108, 3986, 'a'));
	ck_assert(p[4094] == 'y' && p[4095] == 'a');
}
END_TEST

START_TEST(edits_beyond_the_log_are_refused)
{
	struct txn *t = txn_begin(&fx.jn);
	unsigned n = 0;

	for (; n < 40; n++) {
		uint8_t *s = txn_edit(t, disk_ptr(&fx.d, pblk_make(0, fx.data_start + n)), 4096, NULL);

		if (!s)
			break;
		for (unsigned i = 0; i < 4096; i += 24)
			s[i] = 1;
	}
	ck_assert_uint_ge(n, 15);
	ck_assert_uint_lt(n, 16);
	ck_assert_ptr_null(txn_patch(t, disk_ptr(&fx.d, pblk_make(0, fx.data_start + 50)), 0, 4096));
	txn_commit(t);
}
END_TEST

START_TEST(dropping_a_block_gives_its_log_space_back)
{
	struct txn *t = txn_begin(&fx.jn);

	for (unsigned n = 0; n < 40; n++) {
		pblk_t b = pblk_make(0, fx.data_start + n);

		fx.taken[b.v] = 1;
		fx.nr_taken++;
		ck_assert_ptr_nonnull(txn_edit(t, disk_ptr(&fx.d, b), 4096, NULL));
		ck_assert_int_eq(txn_free(t, b, 1), 0);
	}
	txn_commit(t);
	ck_assert_uint_eq(fx.nr_taken, 0);
}
END_TEST

START_TEST(a_commit_without_change_is_one_fence)
{
	uint8_t *p = live_block('a');
	struct record_counts c;
	struct txn *t = txn_begin(&fx.jn);

	record_reset(fx.rg);
	ck_assert_ptr_nonnull(txn_edit(t, p, 256, NULL));
	ck_assert_ptr_nonnull(txn_patch(t, p + 4096, 0, 100));
	txn_commit(t);
	record_counts(fx.rg, &c);
	ck_assert_uint_eq(c.fences, 1);
	ck_assert_uint_eq(c.stores + c.nt_bytes + c.flush_calls, 0);
}
END_TEST

START_TEST(freed_blocks_arrive_after_commit)
{
	uint8_t *p = live_block('a');
	struct txn *t = txn_begin(&fx.jn);

	ck_assert_int_eq(txn_free(t, pblk_make(0, disk_off(&fx.d, p) / 4096), 1), 0);
	ck_assert_uint_eq(fx.freed_calls, 0);
	txn_commit(t);
	ck_assert_uint_eq(fx.freed_calls, 1);
	ck_assert_uint_eq(fx.nr_taken, 0);
}
END_TEST

/* -- crash ---------------------------------------------------------------- */

#define EDITS	4

struct scene { uint64_t off[EDITS], fresh; };

static void change(struct txn *t, struct scene *s)
{
	pblk_t b;

	for (unsigned i = 0; i < EDITS - 1; i++) {
		uint8_t *e = txn_edit(t, fx.rg->base + s->off[i], 256, NULL);

		for (unsigned k = 0; k < 256; k += 8u << i)
			memset(e + k, 'b', 8);
	}
	memset((uint8_t *)txn_patch(t, fx.rg->base + s->off[3], 100, 300) + 100, 'b', 300);
	must(txn_alloc(t, &b) == 0);
	memset(txn_fresh(t, b, NULL), 'f', 4096);
	s->fresh = b.v << 12;
}

enum scene_state { NONE_DONE, ALL_DONE, TORN };

static unsigned count_b(const uint8_t *p, size_t n)
{
	unsigned k = 0;

	for (size_t i = 0; i < n; i++)
		k += p[i] == 'b';
	return k;
}

static enum scene_state state_of(const uint8_t *base, const struct scene *s)
{
	unsigned want = 256 + 128 + 64 + 300, have = 0;

	for (unsigned i = 0; i < EDITS; i++)
		have += count_b(base + s->off[i], i == 3 ? 4096 : 256);
	if (have == 0)
		return NONE_DONE;
	return have == want && all_are(base + s->fresh, 4096, 'f') ? ALL_DONE : TORN;
}

/* modes and seeds by number */
static void image(size_t upto, unsigned variant, void *out)
{
	if (variant < 2)
		record_image(fx.rg, upto, variant ? REC_ALL : REC_NONE, 0, out);
	else
		record_image(fx.rg, upto, REC_RANDOM, upto * 100 + variant, out);
}

static void crash_everywhere(struct scene *s)
{
	struct region *img;
	struct disk d;
	unsigned seen[3] = { 0, 0, 0 }, undone;

	must(region_open_ram(&img, fx.rg->size) == 0);
	for (size_t upto = 0; upto <= record_nr(fx.rg); upto++) {
		for (unsigned variant = 0; variant < 12; variant++) {
			enum scene_state st;

			image(upto, variant, img->base);
			fixture_view(&d, img, BLOCKS);
			must(journal_recover(&d, &undone) == 0);
			st = state_of(img->base, s);
			seen[st]++;
			must(st != TORN);
			must(upto < record_nr(fx.rg) || st == ALL_DONE);
			must(upto > 0 || st == NONE_DONE);
			must(journal_recover(&d, &undone) == 0 && undone == 0);
		}
	}
	must(seen[NONE_DONE] && seen[ALL_DONE]);
	region_close(img);
}

static void scene_prepare(struct scene *s)
{
	for (unsigned i = 0; i < EDITS; i++)
		s->off[i] = disk_off(&fx.d, live_block('a'));
}

static void commit_and_crash_everywhere(void)
{
	struct scene s;
	struct txn *t;

	scene_prepare(&s);
	record_start(fx.rg);
	t = txn_begin(&fx.jn);
	change(t, &s);
	txn_commit(t);
	record_stop(fx.rg);
	crash_everywhere(&s);
}

START_TEST(a_crash_at_any_event_leaves_all_edits_or_none)
{
	commit_and_crash_everywhere();
}
END_TEST

/* sequence numbers of all lanes to just before the wrap */
static void lanes_to(uint32_t seq)
{
	for (unsigned i = 0; i < fx.jn.nr_lanes; i++) {
		struct dlane head = lane_head(i, seq);

		pm_copy(fx.rg, fx.jn.lane[i].media, &head, sizeof(head));
		pm_fence(fx.rg);
		fx.jn.lane[i].seq = seq;
	}
}

START_TEST(sequence_numbers_wrap)
{
	static const uint32_t start[] = { UINT32_MAX - 1, UINT32_MAX };

	for (unsigned i = 0; i < 2; i++) {
		lanes_to(start[i]);
		commit_and_crash_everywhere();
	}
}
END_TEST

/* a disk on a recording region that crashed with a live log */
static void crashed_disk(struct region *rg, struct scene *s)
{
	uint8_t *buf = malloc(rg->size);
	size_t upto = 0;
	struct txn *t;

	scene_prepare(s);
	record_start(fx.rg);
	t = txn_begin(&fx.jn);
	change(t, s);
	txn_commit(t);
	record_stop(fx.rg);
	while (record_get(fx.rg, upto)->type != REC_STORE)
		upto++;
	must(buf);
	record_image(fx.rg, upto + 2, REC_ALL, 0, buf);
	pm_copy(rg, rg->base, buf, rg->size);
	pm_fence(rg);
	free(buf);
}

START_TEST(a_crash_inside_recovery_leaves_the_same_work)
{
	struct region *rec, *img;
	struct scene s;
	struct disk d;
	unsigned undone;

	must(region_open_record(&rec, fx.rg->size) == 0);
	must(region_open_ram(&img, fx.rg->size) == 0);
	crashed_disk(rec, &s);
	fixture_view(&d, rec, BLOCKS);
	record_start(rec);
	ck_assert_int_eq(journal_recover(&d, &undone), 0);
	record_stop(rec);
	ck_assert_uint_eq(undone, 1);
	for (size_t upto = 0; upto <= record_nr(rec); upto++) {
		for (unsigned v = 0; v < 8; v++) {
			record_image(rec, upto, v < 2 ? v : REC_RANDOM, v, img->base);
			fixture_view(&d, img, BLOCKS);
			must(journal_recover(&d, &undone) == 0);
			must(state_of(img->base, &s) == NONE_DONE);
		}
	}
	region_close(rec);
	region_close(img);
}
END_TEST

/* the lane with a log of the next sequence, or NULL */
static struct dlane *live_lane(const struct disk *d)
{
	for (unsigned i = 0; i < fx.jn.nr_lanes; i++) {
		struct dlane *l = (void *)(d->rg->base + ((uint8_t *)fx.jn.lane[i].media - fx.rg->base));

		if (le32_get(((struct dlog *)(l + 1))->seq) == (uint32_t)le64_get(l->done.w) + 1)
			return l;
	}
	return NULL;
}

START_TEST(a_torn_log_uses_up_its_sequence)
{
	struct region *img;
	struct scene s;
	struct disk d;
	struct dlane *l;
	unsigned undone;
	uint32_t seq;

	must(region_open_ram(&img, fx.rg->size) == 0);
	crashed_disk(img, &s);
	fixture_view(&d, img, BLOCKS);
	l = live_lane(&d);
	must(l);
	seq = le32_get(((struct dlog *)(l + 1))->seq);
	((uint8_t *)(l + 1))[40] ^= 1;
	ck_assert_int_eq(journal_recover(&d, &undone), 0);
	ck_assert_uint_eq(undone, 0);
	ck_assert_uint_eq((uint32_t)le64_get(l->done.w), seq);
	region_close(img);
}
END_TEST

START_TEST(an_impossible_undo_record_is_refused_and_nothing_applied)
{
	static const uint64_t bad[] = { 0, 8, 4096, 3, BLOCKS * 4096ull, UINT64_MAX - 7, (BLOCKS - 1) * 4096ull };
	struct region *img;
	struct scene s;
	struct disk d;
	uint8_t *before;
	struct dlog *log;
	unsigned undone, live;

	must(region_open_ram(&img, fx.rg->size) == 0);
	crashed_disk(img, &s);
	fixture_view(&d, img, BLOCKS);
	log = (void *)(live_lane(&d) + 1);
	before = malloc(img->size);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		((struct dundo *)(log + 1))->off = le64_make(bad[i]);
		log->csum = le32_make(block_csum(log, 16 + le32_get(log->bytes), 4));
		memcpy(before, img->base, img->size);
		ck_assert_int_eq(journal_recover(&d, &undone), -EUCLEAN);
		ck_assert_int_eq(journal_check(&d, &live), -EUCLEAN);
		ck_assert(memcmp(before, img->base, img->size) == 0);
	}
	free(before);
	region_close(img);
}
END_TEST

START_TEST(every_flipped_byte_of_a_lane_is_seen)
{
	uint8_t *p = (uint8_t *)fx.jn.lane[1].media;
	unsigned live;

	ck_assert_int_eq(journal_check(&fx.d, &live), 0);
	ck_assert_uint_eq(live, 0);
	for (unsigned i = 0; i < sizeof(struct dlane); i++) {
		p[i] ^= 0x10;
		must(journal_check(&fx.d, &live) == -EUCLEAN);
		p[i] ^= 0x10;
	}
}
END_TEST

/* -- threads -------------------------------------------------------------- */

static void *worker(void *arg)
{
	uint8_t *p = arg;

	for (unsigned i = 0; i < 2000; i++) {
		struct txn *t = txn_begin(&fx.jn);
		uint64_t *a = txn_edit(t, p, 64, NULL), *b = txn_edit(t, p + 1024, 64, NULL);

		a[0]++;
		b[7]++;
		if (i % 5)
			txn_commit(t);
		else
			txn_abort(t);
	}
	return NULL;
}

START_TEST(more_threads_than_lanes_all_get_through)
{
	pthread_t th[6];
	uint8_t *p[6];

	for (unsigned i = 0; i < 6; i++) {
		p[i] = live_block(0);
		ck_assert_int_eq(pthread_create(&th[i], NULL, worker, p[i]), 0);
	}
	for (unsigned i = 0; i < 6; i++) {
		pthread_join(th[i], NULL);
		ck_assert_uint_eq(*(uint64_t *)p[i], 1600);
		ck_assert_uint_eq(*(uint64_t *)(p[i] + 1024 + 56), 1600);
	}
}
END_TEST

/* -- random edits against a plain copy ------------------------------------ */

START_TEST(random_edits_and_patches_match_a_plain_copy)
{
	static uint8_t model[8 * 4096], draft[8 * 4096];
	uint64_t seed = 7;
	uint8_t *p;
	pblk_t b;

	must(fixture_take(&fx, 8, &b));
	p = disk_ptr(&fx.d, b);
	memcpy(model, p, sizeof(model));
	for (unsigned i = 0; i < 20000; i++) {
		struct txn *t = txn_begin(&fx.jn);

		memcpy(draft, model, sizeof(model));
		for (unsigned k = 0; k < 1 + rng(&seed) % 12; k++) {
			size_t at = rng(&seed) % 4096, n = 1 + rng(&seed) % 300, blk = 4 + rng(&seed) % 4;
			uint8_t *s;

			if (rng(&seed) % 2) {
				at = rng(&seed) % 64 * 256 + rng(&seed) % 200;
				n = 1 + rng(&seed) % 56;
				s = txn_edit(t, p + at / 256 * 256, 256, NULL);
				must(s);
				memset(s + at % 256, (int)i, n);
				memset(draft + at, (int)i, n);
				continue;
			}
			n = at + n > 4096 ? 4096 - at : n;
			s = txn_patch(t, p + blk * 4096, at, n);
			must(s);
			memset(s + at, (int)i, n);
			memset(draft + blk * 4096 + at, (int)i, n);
		}
		if (rng(&seed) % 4) {
			txn_commit(t);
			memcpy(model, draft, sizeof(model));
		} else {
			txn_abort(t);
		}
		must(memcmp(model, p, sizeof(model)) == 0);
	}
}
END_TEST

Suite *suite_disk_txn(void)
{
	Suite *s = suite_create("disk_txn");
	TCase *ram = tcase_create("ram"), *rec = tcase_create("crash");

	tcase_add_checked_fixture(ram, open_ram, close_it);
	tcase_set_timeout(ram, 120);
	tcase_add_test(ram, commit_writes_edits_and_fresh_blocks);
	tcase_add_test(ram, abort_changes_nothing_and_gives_blocks_back);
	tcase_add_test(ram, the_same_range_gives_the_same_shadow);
	tcase_add_test(ram, a_patch_changes_only_lines_that_were_asked_for);
	tcase_add_test(ram, edits_beyond_the_log_are_refused);
	tcase_add_test(ram, dropping_a_block_gives_its_log_space_back);
	tcase_add_test(ram, freed_blocks_arrive_after_commit);
	tcase_add_test(ram, every_flipped_byte_of_a_lane_is_seen);
	tcase_add_test(ram, more_threads_than_lanes_all_get_through);
	tcase_add_test(ram, random_edits_and_patches_match_a_plain_copy);
	suite_add_tcase(s, ram);
	tcase_add_checked_fixture(rec, open_record, close_it);
	tcase_set_timeout(rec, 300);
	tcase_add_test(rec, a_commit_without_change_is_one_fence);
	tcase_add_test(rec, a_crash_at_any_event_leaves_all_edits_or_none);
	tcase_add_test(rec, sequence_numbers_wrap);
	tcase_add_test(rec, a_crash_inside_recovery_leaves_the_same_work);
	tcase_add_test(rec, a_torn_log_uses_up_its_sequence);
	tcase_add_test(rec, an_impossible_undo_record_is_refused_and_nothing_applied);
	suite_add_tcase(s, rec);
	return s;
}
