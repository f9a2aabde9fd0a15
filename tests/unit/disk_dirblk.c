/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_dirblk.c -- directory blocks against a plain table of names by offset
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk/dirblk.h"
#include "disk_fixture.h"

#define OWNER	5
#define SLOTS	(4096 / 8)

Suite *suite_disk_dirblk(void);

/* What is known of the record at an offset; len 0: nothing begins there. */
struct known { uint64_t ino; unsigned type, len; char name[256]; };

static struct fixture fx;
static struct ddirblk *blk;
static struct dirblk_id id;
static struct known *known, *saved;

static void setup(void)
{
	struct txn *t;

	fixture_open(&fx, 256, FIXTURE_RAM);
	known = calloc(SLOTS, sizeof(*known));
	saved = calloc(SLOTS, sizeof(*saved));
	t = txn_begin(&fx.jn);
	id = (struct dirblk_id){ .owner = OWNER, .lblk = { 3 } };
	must(known && saved && txn_alloc(t, &id.self) == 0);
	dirblk_format(txn_fresh(t, id.self, NULL), id);
	txn_commit(t);
	blk = disk_ptr(&fx.d, id.self);
}

static void teardown(void)
{
	fixture_close(&fx);
	free(known);
	free(saved);
}

static unsigned largest_room(const void *view)
{
	struct dirroom room;

	must(dirblk_room(&fx.d, view, &room) == 0);
	return room.len;
}

/* Where the first free record begins, in place or in the open transaction; the block's end without one. */
static unsigned first_free(struct txn *t)
{
	struct dirrec rec = { .ino = 1 };
	unsigned off = 0;

	while (rec.ino && dirblk_step(&fx.d, txn_view(t, blk), &off, &rec) == 1)
		;
	return rec.ino ? DAXFS_BLOCK_SIZE : rec.off;
}

/* Half of the time with nothing known of the block: it must come to the same. */
static int take_out(struct txn *t, unsigned off)
{
	struct dirroom freed;
	struct dirrec rec;
	int err = dirblk_get(&fx.d, txn_view(t, blk), off, &rec);

	if (err)
		return err;
	return dirblk_remove(t, blk, (struct dirref){ off, rec.ino }, off & 8 ? DIRBLK_FIRST : first_free(t), &freed);
}

static int insert(struct txn *t, const char *s, uint64_t ino, unsigned *off)
{
	struct dirrec new = { .ino = ino, .name = s, .name_len = (unsigned)strlen(s), .type = 8 };
	struct dirroom room;
	int err = dirblk_room(&fx.d, txn_view(t, blk), &room);

	if (!err && room.len < DAXFS_DIRENT_LEN(new.name_len))
		err = -ENOSPC;
	*off = room.off;
	if (!err)
		err = dirblk_insert(t, &fx.d, blk, &new, &room);
	if (!err) {
		must(known[*off / 8].len == 0);
		known[*off / 8] = (struct known){ .ino = ino, .type = 8, .len = (unsigned)strlen(s) };
		strcpy(known[*off / 8].name, s);
	}
	return err;
}

static unsigned insert_now(const char *s, uint64_t ino)
{
	struct txn *t = txn_begin(&fx.jn);
	unsigned off = 0;

	must(insert(t, s, ino, &off) == 0);
	txn_commit(t);
	return off;
}

static void remove_now(unsigned off)
{
	struct txn *t = txn_begin(&fx.jn);

	must(take_out(t, off) == 0);
	known[off / 8].len = 0;
	txn_commit(t);
}

static void check_live(const struct dirrec *rec)
{
	const struct known *k = &known[rec->off / 8];

	must(rec->ino == k->ino && rec->type == k->type && rec->name_len == k->len);
	must(memcmp(rec->name, k->name, k->len) == 0);
}

/* everything on media is in the table, and the other way round; no two free neighbours */
static void compare(void)
{
	unsigned off = 0, live = 0, want = 0, largest = 0, prev_free = 0;
	struct dirrec rec;
	int r;

	must(dirblk_check(&fx.d, blk, id) == 0);
	while ((r = dirblk_next(&fx.d, blk, &off, &rec)) == 1) {
		if (rec.ino) {
			check_live(&rec);
			live++;
			prev_free = 0;
			continue;
		}
		must(!prev_free);
		prev_free = 1;
		largest = rec.rec_len > largest ? rec.rec_len : largest;
	}
	must(r == 0 && off == 4096);
	for (unsigned i = 0; i < SLOTS; i++) {
		want += known[i].len != 0;
		if (known[i].len) {
			must(dirblk_get(&fx.d, blk, i * 8, &rec) == 0);
			check_live(&rec);
		}
	}
	must(live == want && largest_room(blk) == largest);
}

/* a known room that may be wrong, in a block that may be damaged */
static void insert_anywhere(struct txn *t, uint64_t *seed)
{
	struct dirrec new = { .ino = 1, .name = "x", .name_len = 1, .type = 1 };
	struct dirroom room = { 32 + (unsigned)(rng(seed) % 506) * 8, 24 + (unsigned)(rng(seed) % 500) * 8 };

	if (rng(seed) % 2)
		dirblk_room(&fx.d, blk, &room);
	if (room.len >= 24)
		dirblk_insert(t, &fx.d, blk, &new, &room);
}

START_TEST(a_new_block_is_one_free_record)
{
	struct dirrec rec;
	unsigned off = 0;

	ck_assert_int_eq(dirblk_check(&fx.d, blk, id), 0);
	ck_assert_uint_eq(largest_room(blk), 4096 - 32);
	ck_assert_int_eq(dirblk_next(&fx.d, blk, &off, &rec), 1);
	ck_assert_uint_eq(rec.ino, 0);
	ck_assert_int_eq(dirblk_next(&fx.d, blk, &off, &rec), 0);
}
END_TEST

START_TEST(a_full_block_refuses_and_room_says_so)
{
	char s[8];
	unsigned n = 0, off;
	struct txn *t;

	for (; largest_room(blk) >= DAXFS_DIRENT_LEN(4); n++) {
		snprintf(s, sizeof(s), "%04u", n);
		insert_now(s, n + 1);
	}
	ck_assert_uint_eq(n, (4096 - 32) / 24);
	compare();
	t = txn_begin(&fx.jn);
	ck_assert_int_eq(insert(t, "more", 1, &off), -ENOSPC);
	txn_abort(t);
}
END_TEST

START_TEST(free_neighbours_join_on_both_sides)
{
	unsigned a = insert_now("a", 1), b = insert_now("b", 2), c = insert_now("c", 3);
	unsigned d = insert_now("d", 4), off;
	struct dirrec rec;

	remove_now(a);
	remove_now(c);
	remove_now(b);
	compare();
	off = a;
	ck_assert_int_eq(dirblk_next(&fx.d, blk, &off, &rec), 1);
	ck_assert(rec.ino == 0 && rec.off == a && off == d);
	remove_now(d);
	compare();
}
END_TEST

START_TEST(a_rename_in_one_block_is_one_transaction)
{
	unsigned a = insert_now("old", 1), off;
	struct txn *t = txn_begin(&fx.jn);

	ck_assert_int_eq(take_out(t, a), 0);
	known[a / 8].len = 0;
	ck_assert_int_eq(insert(t, "new", 1, &off), 0);
	ck_assert_uint_eq(off, a);
	txn_commit(t);
	compare();
	t = txn_begin(&fx.jn);
	ck_assert_int_eq(insert(t, "newer", 1, &off), 0);
	ck_assert_int_eq(take_out(t, a), 0);
	known[a / 8].len = 0;
	txn_commit(t);
	compare();
}
END_TEST

START_TEST(a_fresh_block_takes_names_before_it_is_on_media)
{
	struct txn *t = txn_begin(&fx.jn);
	struct dirrec rec;
	unsigned off;
	pblk_t b;

	must(txn_alloc(t, &b) == 0);
	id.self = b;
	dirblk_format(txn_fresh(t, b, NULL), id);
	blk = disk_ptr(&fx.d, b);
	ck_assert_int_eq(insert(t, "early", 12, &off), 0);
	ck_assert_int_eq(dirblk_get(&fx.d, txn_view(t, blk), off, &rec), 0);
	txn_commit(t);
	compare();
}
END_TEST

START_TEST(a_position_inside_a_record_goes_on_behind_it)
{
	unsigned a = insert_now("a", 1), b = insert_now("b", 2), c = insert_now("c", 3), off;
	struct dirrec rec;

	remove_now(a);
	remove_now(b);
	off = b;
	ck_assert_int_eq(dirblk_next(&fx.d, blk, &off, &rec), 1);
	ck_assert_uint_eq(rec.off, c);
	off = a + 1;
	ck_assert_int_eq(dirblk_next(&fx.d, blk, &off, &rec), 1);
	ck_assert_uint_eq(rec.off, c);
	off = 5000;
	ck_assert_int_eq(dirblk_next(&fx.d, blk, &off, &rec), 0);
}
END_TEST

/* -- random ----------------------------------------------------------------- */

static unsigned random_live(uint64_t *seed)
{
	unsigned start = (unsigned)(rng(seed) % SLOTS);

	for (unsigned i = 0; i < SLOTS; i++)
		if (known[(start + i) % SLOTS].len)
			return (start + i) % SLOTS * 8;
	return 0;
}

static void random_name(uint64_t *seed, char *s)
{
	unsigned len = rng(seed) % 20 ? 1 + (unsigned)(rng(seed) % 30) : 1 + (unsigned)(rng(seed) % 255);

	for (unsigned i = 0; i < len; i++)
		s[i] = (char)('a' + rng(seed) % 26);
	s[len] = '\0';
}

static void random_step(struct txn *t, uint64_t *seed)
{
	unsigned off = random_live(seed), what = (unsigned)(rng(seed) % 8);
	char s[256];

	if (what < 4 || !off) {
		random_name(seed, s);
		int err = insert(t, s, 1 + rng(seed) % 1000, &off);

		must(!err || (err == -ENOSPC &&
			      largest_room(txn_view(t, blk)) < DAXFS_DIRENT_LEN(strlen(s))));
	} else if (what < 7) {
		must(take_out(t, off) == 0);
		known[off / 8].len = 0;
	} else {
		known[off / 8].ino = 1 + rng(seed) % 1000;
		known[off / 8].type = (unsigned)(rng(seed) % 15);
		must(dirblk_set(t, &fx.d, blk, off, known[off / 8].ino, known[off / 8].type) == 0);
	}
}

/* So that the next transaction's shadows hold rubbish where nobody has copied content to. */
static void spoil_shadows(void)
{
	struct txn *t = txn_begin(&fx.jn);

	memset(txn_edit(t, (uint8_t *)blk + DAXFS_BLOCK_SIZE, DAXFS_BLOCK_SIZE, NULL), 0x55, DAXFS_BLOCK_SIZE);
	txn_abort(t);
}

START_TEST(random_changes_match_a_table)
{
	uint64_t seed = 4711;

	for (unsigned i = 0; i < 30000; i++) {
		spoil_shadows();
		struct txn *t = txn_begin(&fx.jn);

		memcpy(saved, known, SLOTS * sizeof(*known));
		for (unsigned k = 0; k < 1 + i % 4; k++)
			random_step(t, &seed);
		if (rng(&seed) % 8) {
			txn_commit(t);
		} else {
			txn_abort(t);
			memcpy(known, saved, SLOTS * sizeof(*known));
		}
		compare();
	}
}
END_TEST

/* -- damage ----------------------------------------------------------------- */

START_TEST(every_flipped_byte_of_header_and_records_is_seen)
{
	uint8_t *p = (uint8_t *)blk;
	unsigned off = 0;
	struct dirrec rec;

	insert_now("one", 1);
	remove_now(insert_now("two", 2));
	insert_now("a longer third name", 3);
	for (unsigned i = 0; i < 32; i++) {
		p[i] ^= 0x08;
		must(dirblk_check(&fx.d, blk, id) == -EUCLEAN);
		p[i] ^= 0x08;
	}
	while (dirblk_next(&fx.d, blk, &off, &rec) == 1) {
		for (unsigned i = rec.off; i < rec.off + 16 + rec.name_len; i++) {
			p[i] ^= 0x08;
			must(dirblk_check(&fx.d, blk, id) == -EUCLEAN);
			p[i] ^= 0x08;
		}
	}
	ck_assert_int_eq(dirblk_check(&fx.d, blk, id), 0);
}
END_TEST

START_TEST(a_block_or_record_in_the_wrong_place_is_seen)
{
	unsigned a = insert_now("abc", 1), b = insert_now("def", 2);
	struct dirblk_id other = id;
	struct dirrec rec;

	other.lblk.v++;
	ck_assert_int_eq(dirblk_check(&fx.d, blk, other), -EUCLEAN);
	other = id;
	other.owner++;
	ck_assert_int_eq(dirblk_check(&fx.d, blk, other), -EUCLEAN);
	other = id;
	other.self.v++;
	ck_assert_int_eq(dirblk_check(&fx.d, blk, other), -EUCLEAN);
	memcpy((uint8_t *)blk + b, (uint8_t *)blk + a, 24);
	ck_assert_int_eq(dirblk_get(&fx.d, blk, b, &rec), -EUCLEAN);
	ck_assert_int_eq(dirblk_get(&fx.d, blk, 31, &rec), -EUCLEAN);
	ck_assert_int_eq(dirblk_get(&fx.d, blk, 4088, &rec), -EUCLEAN);
}
END_TEST

START_TEST(random_bytes_crash_nothing)
{
	uint64_t seed = 31;

	for (unsigned i = 0; i < 20000; i++) {
		uint8_t *p = (uint8_t *)blk;
		struct txn *t = txn_begin(&fx.jn);
		struct dirrec rec;
		unsigned off = 0;

		for (unsigned k = 32; k < 4096; k += 8)
			p[k + rng(&seed) % 8] = rng(&seed) % 2 ? (uint8_t)rng(&seed) : 0;
		for (unsigned k = 44; k < 4096 && i % 2; k += 24)
			p[k] = 24, p[k + 1] = 0;
		dirblk_check(&fx.d, blk, id);
		while (dirblk_next(&fx.d, blk, &off, &rec) == 1)
			;
		insert_anywhere(t, &seed);
		take_out(t, (unsigned)(rng(&seed) % 5000));
		dirblk_set(t, &fx.d, blk, (unsigned)(rng(&seed) % 5000), 1, 1);
		txn_abort(t);
	}
}
END_TEST

Suite *suite_disk_dirblk(void)
{
	Suite *s = suite_create("disk_dirblk");
	TCase *tc = tcase_create("dirblk");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, a_new_block_is_one_free_record);
	tcase_add_test(tc, a_full_block_refuses_and_room_says_so);
	tcase_add_test(tc, free_neighbours_join_on_both_sides);
	tcase_add_test(tc, a_rename_in_one_block_is_one_transaction);
	tcase_add_test(tc, a_fresh_block_takes_names_before_it_is_on_media);
	tcase_add_test(tc, a_position_inside_a_record_goes_on_behind_it);
	tcase_add_test(tc, random_changes_match_a_table);
	tcase_add_test(tc, every_flipped_byte_of_header_and_records_is_seen);
	tcase_add_test(tc, a_block_or_record_in_the_wrong_place_is_seen);
	tcase_add_test(tc, random_bytes_crash_nothing);
	suite_add_tcase(s, tc);
	return s;
}
