/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_xattr.c -- attribute streams and their chains of blocks
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk/xattrblk.h"
#include "disk_fixture.h"

#define INO	42

Suite *suite_disk_xattr(void);

static struct fixture fx;
static struct xattrs xs;
static uint8_t value[65537];

static void setup(void)
{
	fixture_open(&fx, 2048, FIXTURE_RAM);
	for (unsigned i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(i * 7);
}

static void teardown(void)
{
	fixture_close(&fx);
	free(xs.buf);
}

static int store(pblk_t *first, uint64_t *n)
{
	struct txn *t = txn_begin(&fx.jn);
	int err = xattrblk_store(t, &fx.d, INO, &xs, first, n);

	if (err)
		txn_abort(t);
	else
		txn_commit(t);
	return err;
}

START_TEST(put_replaces_and_del_removes)
{
	struct xattr_ent e;

	ck_assert_int_eq(xattrs_find(&xs, "user.a", &e), -ENODATA);
	ck_assert_int_eq(xattrs_put(&xs, "user.a", "1", 1), 0);
	ck_assert_int_eq(xattrs_put(&xs, "user.b", NULL, 0), 0);
	ck_assert_int_eq(xattrs_put(&xs, "user.a", "22", 2), 0);
	ck_assert_int_eq(xattrs_find(&xs, "user.a", &e), 0);
	ck_assert(e.value_len == 2 && memcmp(e.value, "22", 2) == 0);
	ck_assert_int_eq(xattrs_find(&xs, "user.b", &e), 0);
	ck_assert_uint_eq(e.value_len, 0);
	ck_assert_int_eq(xattrs_find(&xs, "user", &e), -ENODATA);
	ck_assert_int_eq(xattrs_del(&xs, "user.a"), 0);
	ck_assert_int_eq(xattrs_del(&xs, "user.a"), -ENODATA);
	ck_assert_int_eq(xattrs_del(&xs, "user.b"), 0);
	ck_assert_uint_eq(xs.bytes, 0);
}
END_TEST

START_TEST(limits_are_kept_and_change_nothing)
{
	char name[16];
	unsigned n = 0;
	size_t bytes;

	ck_assert_int_eq(xattrs_put(&xs, "user.big", value, 65537), -ENOSPC);
	ck_assert_int_eq(xattrs_put(&xs, "user.big", value, 65536), 0);
	do
		snprintf(name, sizeof(name), "user.%u", n++);
	while (xattrs_put(&xs, name, value, 65536) == 0);
	ck_assert_uint_eq(n, 15);
	bytes = xs.bytes;
	ck_assert_int_eq(xattrs_put(&xs, "user.x", value, 65536), -ENOSPC);
	ck_assert_uint_eq(xs.bytes, bytes);
	ck_assert_int_eq(xattrs_put(&xs, "user.0", value, 65535), 0);
}
END_TEST

START_TEST(a_chain_gives_back_what_was_stored)
{
	char name[32];

	for (unsigned n = 0; n < 60; n++) {
		struct runvec rv;
		struct xattrs got;
		uint64_t blocks, have = 0;
		pblk_t first;

		snprintf(name, sizeof(name), "user.n%u", n);
		ck_assert_int_eq(xattrs_put(&xs, name, value, n * 211), 0);
		ck_assert_int_eq(store(&first, &blocks), 0);
		ck_assert_uint_eq(blocks, (xs.bytes + 4031) / 4032);
		ck_assert_int_eq(xattrblk_load(&fx.d, INO, first, &got), 0);
		ck_assert(got.bytes == xs.bytes && memcmp(got.buf, xs.buf, xs.bytes) == 0);
		free(got.buf);
		runvec_init(&rv);
		ck_assert_int_eq(xattrblk_blocks(&fx.d, INO, first, &rv), 0);
		for (size_t i = 0; i < rv.nr; i++) {
			have += rv.v[i].n;
			fixture_give(&fx, rv.v[i].pblk, rv.v[i].n);
		}
		ck_assert_uint_eq(have, blocks);
		ck_assert_uint_eq(fx.nr_taken, 0);
		runvec_fini(&rv);
	}
}
END_TEST

START_TEST(nothing_is_no_chain)
{
	struct xattrs got;
	uint64_t n;
	pblk_t first;

	ck_assert_int_eq(store(&first, &n), 0);
	ck_assert(first.v == 0 && n == 0);
	ck_assert_int_eq(xattrblk_load(&fx.d, INO, first, &got), 0);
	ck_assert(got.bytes == 0 && !got.buf);
}
END_TEST

START_TEST(no_space_gives_every_block_back)
{
	uint64_t n, free_blocks;
	pblk_t rest, first;

	free_blocks = fx.d.nr_blocks - 1 - fx.data_start;
	ck_assert(fixture_take(&fx, free_blocks - 3, &rest));
	ck_assert_int_eq(xattrs_put(&xs, "user.a", value, 30000), 0);
	ck_assert_int_eq(store(&first, &n), -ENOSPC);
	ck_assert_uint_eq(fx.nr_taken, free_blocks - 3);
}
END_TEST

static pblk_t two_blocks(void)
{
	uint64_t n;
	pblk_t first;

	must(xattrs_put(&xs, "user.a", value, 5000) == 0 && store(&first, &n) == 0 && n == 2);
	return first;
}

START_TEST(every_flipped_byte_is_seen)
{
	pblk_t first = two_blocks();
	uint8_t *p = disk_ptr(&fx.d, first);
	struct xattrs got;

	for (unsigned i = 0; i < 8192; i++) {
		p[i] ^= 0x01;
		must(xattrblk_load(&fx.d, INO, first, &got) == -EUCLEAN && !got.buf);
		p[i] ^= 0x01;
	}
	ck_assert_int_eq(xattrblk_load(&fx.d, INO + 1, first, &got), -EUCLEAN);
	ck_assert_int_eq(xattrblk_load(&fx.d, INO, pblk_add(first, 1), &got), -EUCLEAN);
	ck_assert_int_eq(xattrblk_load(&fx.d, INO, (pblk_t){ 1 }, &got), -EUCLEAN);
}
END_TEST

static void reseal(struct dxattrblk *b)
{
	b->csum = le32_make(block_csum(b, 4096, 4));
}

START_TEST(well_sealed_nonsense_is_refused)
{
	pblk_t first = two_blocks();
	struct dxattrblk *b = disk_ptr(&fx.d, first), good = *b;
	struct xattrs got;

#define REFUSED(change) do {						\
		change;							\
		reseal(b);						\
		ck_assert_msg(xattrblk_load(&fx.d, INO, first, &got) == -EUCLEAN, "%s", #change); \
		*b = good;						\
	} while (0)
	REFUSED(b->next = le64_make(first.v));
	REFUSED(b->next = le64_make(1));
	REFUSED(b->next = le64_make(0));
	REFUSED(b->bytes = le32_make(0));
	REFUSED(b->bytes = le32_make(100));
	REFUSED(b->bytes = le32_make(4033));
	REFUSED(b->index = le32_make(1));
	REFUSED(b->rsvd[0] = 1);
	REFUSED(b->data[0] = 0xff);
	REFUSED(b->data[3] = 0xff);
	REFUSED(b->data[4] = 0);
	REFUSED(b->data[5] = 1);
	REFUSED(b->data[9] = 0);
#undef REFUSED
	ck_assert_int_eq(xattrblk_load(&fx.d, INO, first, &got), 0);
	free(got.buf);
}
END_TEST

Suite *suite_disk_xattr(void)
{
	Suite *s = suite_create("disk_xattr");
	TCase *tc = tcase_create("xattr");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, put_replaces_and_del_removes);
	tcase_add_test(tc, limits_are_kept_and_change_nothing);
	tcase_add_test(tc, a_chain_gives_back_what_was_stored);
	tcase_add_test(tc, nothing_is_no_chain);
	tcase_add_test(tc, no_space_gives_every_block_back);
	tcase_add_test(tc, every_flipped_byte_is_seen);
	tcase_add_test(tc, well_sealed_nonsense_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
