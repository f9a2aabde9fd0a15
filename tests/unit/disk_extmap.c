/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_extmap.c -- the extent map against a plain array, block by block
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/extmap.h"
#include "disk_fixture.h"

#define INO		77
#define MODEL_BLOCKS	16384u
#define DISK_BLOCKS	32768u

Suite *suite_disk_extmap(void);

/* One file: its inode on media, and what must be in it. */
struct cell { uint64_t pblk; unsigned flags; };

struct file {
	struct dinode *di;
	int64_t nodes;
	struct cell cell[MODEL_BLOCKS];
};

/* A transaction with the map handle in it. */
struct change { struct txn *t; struct dinode *shadow; struct extmap m; };

static struct fixture fx;
static struct file *file, *saved;

static void open_file(uint64_t nr_blocks)
{
	pblk_t b;

	fixture_open(&fx, nr_blocks, FIXTURE_RAM);
	file = calloc(1, sizeof(*file));
	saved = calloc(1, sizeof(*saved));
	must(file && saved && fixture_take(&fx, 1, &b));
	file->di = disk_ptr(&fx.d, b);
	dinode_init(file->di, INO, 1);
	file->di->mode = le32_make(S_IFREG | 0644);
	dinode_seal(file->di);
}

static void open_small(void)
{
	open_file(DISK_BLOCKS);
}

static void open_big(void)
{
	open_file(UINT64_C(1) << 20);
}

static void close_file(void)
{
	fixture_close(&fx);
	free(file);
	free(saved);
}

static void begin(struct change *c)
{
	c->t = txn_begin(&fx.jn);
	c->shadow = txn_edit(c->t, file->di, sizeof(*c->shadow), dinode_seal);
	must(c->shadow);
	c->m = (struct extmap){ .disk = &fx.d, .t = c->t, .root = &c->shadow->map, .ino = INO };
}

static void commit(struct change *c)
{
	file->nodes += c->m.node_delta;
	txn_commit(c->t);
	must(dinode_check(&fx.d, file->di, INO) == 0);
}

static struct extmap reader(void)
{
	return (struct extmap){ .disk = &fx.d, .root = &file->di->map, .ino = INO };
}

static int insert(struct change *c, uint64_t lblk, pblk_t p, uint64_t n, unsigned flags)
{
	int err = extmap_insert(&c->m, &(struct extent){ { lblk }, p, n, flags });

	for (uint64_t i = 0; i < n && !err; i++)
		file->cell[lblk + i] = (struct cell){ p.v + i, flags };
	return err;
}

/* data blocks come back: what was removed must be what the model loses */
static int remove_range(struct change *c, uint64_t lblk, uint64_t n)
{
	struct runvec rv;
	uint64_t gone = 0, lost = 0;
	int err;

	runvec_init(&rv);
	err = extmap_remove(&c->m, (lblk_t){ lblk }, n, &rv);
	for (size_t i = 0; i < rv.nr && !err; i++) {
		gone += rv.v[i].n;
		must(txn_free(c->t, rv.v[i].pblk, rv.v[i].n) == 0);
	}
	for (uint64_t i = lblk; i < MODEL_BLOCKS && i - lblk < n && !err; i++) {
		lost += file->cell[i].pblk != 0;
		file->cell[i] = (struct cell){ 0, 0 };
	}
	must(err || gone == lost);
	runvec_fini(&rv);
	return err;
}

static int add_data(struct change *c, uint64_t lblk, uint64_t n, unsigned flags)
{
	pblk_t p;

	if (!fixture_take(&fx, n, &p))
		return 0;
	must(txn_took(c->t, p, n) == 0);
	return insert(c, lblk, p, n, flags);
}

/* -- the whole map against the model --------------------------------------- */

struct sum { uint64_t data, nodes, next, depth; };

static int see_extent(void *arg, const struct extent *e)
{
	struct sum *s = arg;

	must(e->lblk.v >= s->next && e->len > 0);
	for (; s->next < e->lblk.v; s->next++)
		must(file->cell[s->next].pblk == 0);
	for (uint64_t i = 0; i < e->len; i++, s->next++) {
		must(file->cell[s->next].pblk == e->pblk.v + i);
		must(file->cell[s->next].flags == e->flags);
	}
	s->data += e->len;
	return 0;
}

static int see_node(void *arg, pblk_t b)
{
	must(fx.taken[b.v]);
	((struct sum *)arg)->nodes++;
	return 0;
}

static void compare(void)
{
	struct extmap m = reader();
	struct sum s = { 0, 0, 0, 0 };
	struct extmap_visitor v = { see_extent, see_node, &s };

	must(extmap_check(&m) == 0);
	must(extmap_walk(&m, &v) == 0);
	for (; s.next < MODEL_BLOCKS; s.next++)
		must(file->cell[s.next].pblk == 0);
	must(s.nodes == (uint64_t)file->nodes);
	must(fx.nr_taken == s.data + s.nodes + 1);
}

static void probe(uint64_t lblk)
{
	struct extmap m = reader();
	struct extent e;
	uint64_t at = lblk;
	int r = extmap_lookup(&m, (lblk_t){ lblk }, &e);

	while (at < MODEL_BLOCKS && !file->cell[at].pblk)
		at++;
	must(r == (at < MODEL_BLOCKS));
	if (!r)
		return;
	must(e.lblk.v <= at && at < e.lblk.v + e.len && (e.lblk.v >= lblk || at == lblk));
	must(e.pblk.v + (at - e.lblk.v) == file->cell[at].pblk && e.flags == file->cell[at].flags);
}

/* -- cases ------------------------------------------------------------------ */

static pblk_t data(uint64_t n)
{
	pblk_t p;

	must(fixture_take(&fx, n, &p));
	return p;
}

static unsigned root_count(void)
{
	return le16_get(file->di->map.count);
}

START_TEST(neighbours_merge_on_both_sides)
{
	pblk_t p = data(30);
	struct change c;

	begin(&c);
	must(insert(&c, 0, p, 10, 0) == 0);
	must(insert(&c, 20, pblk_add(p, 20), 10, 0) == 0);
	commit(&c);
	ck_assert_uint_eq(root_count(), 2);
	begin(&c);
	must(insert(&c, 10, pblk_add(p, 10), 10, 0) == 0);
	commit(&c);
	ck_assert_uint_eq(root_count(), 1);
	compare();
}
END_TEST

START_TEST(other_states_and_other_places_do_not_merge)
{
	pblk_t p = data(20), q;
	struct change c;

	data(1);
	q = data(5);
	begin(&c);
	must(insert(&c, 0, p, 10, 0) == 0);
	must(insert(&c, 10, pblk_add(p, 10), 10, DAXFS_EXT_UNWRITTEN) == 0);
	must(insert(&c, 20, q, 5, DAXFS_EXT_UNWRITTEN) == 0);
	commit(&c);
	ck_assert_uint_eq(root_count(), 3);
}
END_TEST

START_TEST(a_hole_inside_an_extent_makes_two)
{
	struct change c;

	begin(&c);
	must(add_data(&c, 5, 100, 0) == 0);
	commit(&c);
	begin(&c);
	must(remove_range(&c, 30, 10) == 0);
	commit(&c);
	ck_assert_uint_eq(root_count(), 2);
	compare();
}
END_TEST

START_TEST(marking_splits_and_merges_back)
{
	struct change c;

	begin(&c);
	must(add_data(&c, 0, 90, DAXFS_EXT_UNWRITTEN) == 0);
	commit(&c);
	for (unsigned i = 0; i < 90; i += 30) {
		begin(&c);
		must(extmap_mark(&c.m, (lblk_t){ i + 10 }, 10, 0) == 0);
		commit(&c);
	}
	ck_assert_uint_eq(le16_get(file->di->map.depth), 1);
	begin(&c);
	must(extmap_mark(&c.m, (lblk_t){ 0 }, 90, 0) == 0);
	commit(&c);
	ck_assert_uint_eq(le16_get(file->di->map.depth), 0);
	ck_assert_uint_eq(root_count(), 1);
	for (unsigned i = 0; i < 90; i++)
		file->cell[i].flags = 0;
	compare();
}
END_TEST

START_TEST(a_mapped_range_is_not_mapped_twice)
{
	struct change c;

	begin(&c);
	must(add_data(&c, 10, 10, 0) == 0);
	ck_assert_int_eq(extmap_insert(&c.m, &(struct extent){ { 5 }, data(6), 6, 0 }), -EUCLEAN);
	ck_assert_int_eq(extmap_insert(&c.m, &(struct extent){ { 19 }, data(1), 1, 0 }), -EUCLEAN);
	ck_assert_int_eq(extmap_mark(&c.m, (lblk_t){ 15 }, 10, 1), -EUCLEAN);
	txn_abort(c.t);
}
END_TEST

START_TEST(growth_at_the_end_fills_nodes)
{
	unsigned extents = 168 * 9 * 2;

	for (unsigned i = 0; i < extents; i++) {
		struct change c;
		pblk_t p = data(2);

		fixture_give(&fx, pblk_add(p, 1), 1);
		begin(&c);
		must(insert(&c, 2 * i, p, 1, 0) == 0);
		commit(&c);
	}
	compare();
	/* leaves full, one index node above them that is kept almost full */
	ck_assert_int_le(file->nodes, 18 + 1);
}
END_TEST

START_TEST(removing_everything_leaves_an_empty_root)
{
	struct change c;

	for (unsigned i = 0; i < 3000; i++) {
		begin(&c);
		must(add_data(&c, (i * 7919) % 8192 * 2, 1, 0) == 0);
		commit(&c);
	}
	compare();
	ck_assert_uint_ge(le16_get(file->di->map.depth), 2);
	begin(&c);
	must(remove_range(&c, 0, UINT64_MAX) == 0);
	commit(&c);
	compare();
	ck_assert_uint_eq(le16_get(file->di->map.depth), 0);
	ck_assert_uint_eq(fx.nr_taken, 1);
	ck_assert_int_eq(file->nodes, 0);
}
END_TEST

/* -- random operations ------------------------------------------------------ */

static bool range_is(uint64_t lblk, uint64_t n, bool mapped)
{
	for (uint64_t i = lblk; i < lblk + n; i++)
		if ((file->cell[i].pblk != 0) != mapped)
			return false;
	return true;
}

static int mark(struct change *c, uint64_t lblk, uint64_t n, unsigned flags)
{
	int err = extmap_mark(&c->m, (lblk_t){ lblk }, n, flags);

	for (uint64_t i = lblk; i < lblk + n && !err; i++)
		file->cell[i].flags = flags;
	return err;
}

/* one operation that is legal now; bias 0..9: how often to insert */
static int random_op(struct change *c, uint64_t *seed, unsigned bias)
{
	uint64_t n = rng(seed) % 200 ? 1 + rng(seed) % 4 : 1 + rng(seed) % 1000;
	uint64_t lblk = rng(seed) % (MODEL_BLOCKS - n);
	unsigned flags = rng(seed) % 3 == 0;

	if (range_is(lblk, n, false) && fx.nr_taken + n + 200 < DISK_BLOCKS)
		return rng(seed) % 10 < bias ? add_data(c, lblk, n, flags) : 0;
	if (rng(seed) % 10 < bias && range_is(lblk, n, true))
		return mark(c, lblk, n, flags);
	return rng(seed) % 10 >= bias ? remove_range(c, lblk, n) : 0;
}

static unsigned random_txn(uint64_t *seed, unsigned bias)
{
	unsigned ops = 1 + (unsigned)(rng(seed) % 3);
	bool drop = rng(seed) % 40 == 0;
	struct change c;
	int err = 0;

	if (drop || ops > 1)
		memcpy(saved, file, sizeof(*file));
	begin(&c);
	for (unsigned i = 0; i < ops && !err; i++)
		err = random_op(&c, seed, bias);
	must(!err || (err == -ENOSPC && ops > 1));
	if (drop || err) {
		txn_abort(c.t);
		memcpy(file, saved, sizeof(*file));
	} else {
		commit(&c);
	}
	return ops;
}

START_TEST(random_operations_match_a_plain_array)
{
	uint64_t seed = 0x1234567 + (uint64_t)_i * 977;
	unsigned depth = 0;

	for (unsigned done = 0, round = 0; done < 130000; round++) {
		unsigned d;

		done += random_txn(&seed, round / 8000 % 2 ? 2 : 8);
		probe(rng(&seed) % MODEL_BLOCKS);
		d = le16_get(file->di->map.depth);
		depth = d > depth ? d : depth;
		if (round % 200 == 0)
			compare();
	}
	compare();
	must(depth >= 2);
}
END_TEST

/* -- deep ------------------------------------------------------------------- */

static int count_extent(void *arg, const struct extent *e)
{
	((struct sum *)arg)->data += e->len;
	return 0;
}

static int count_node(void *arg, pblk_t b)
{
	(void)b;
	((struct sum *)arg)->nodes++;
	return 0;
}

static struct sum sum_up(void)
{
	struct extmap m = reader();
	struct sum s = { 0, 0, 0, 0 };
	struct extmap_visitor v = { count_extent, count_node, &s };

	must(extmap_walk(&m, &v) == 0);
	return s;
}

#define DEEP	260000u

START_TEST(a_deep_tree_counts_every_block)
{
	struct runvec rv;
	struct change c;
	struct sum s;
	uint64_t gone = 0;

	for (unsigned i = 0; i < DEEP; i++) {
		pblk_t p = data(1);

		begin(&c);
		must(extmap_insert(&c.m, &(struct extent){ { (uint64_t)(DEEP - i) * 3 }, p, 1, 0 }) == 0);
		file->nodes += c.m.node_delta;
		txn_commit(c.t);
	}
	s = sum_up();
	ck_assert_uint_ge(le16_get(file->di->map.depth), 3);
	ck_assert_uint_eq(s.data, DEEP);
	ck_assert_uint_eq(s.nodes, (uint64_t)file->nodes);
	ck_assert_uint_eq(fx.nr_taken, s.data + s.nodes + 1);

	runvec_init(&rv);
	begin(&c);
	ck_assert_int_eq(extmap_remove(&c.m, (lblk_t){ 1000 }, DEEP * 3 - 2000, &rv), 0);
	for (size_t i = 0; i < rv.nr; i++) {
		gone += rv.v[i].n;
		must(txn_free(c.t, rv.v[i].pblk, rv.v[i].n) == 0);
	}
	commit(&c);
	runvec_fini(&rv);
	s = sum_up();
	ck_assert_uint_eq(gone + s.data, DEEP);
	ck_assert_uint_eq(fx.nr_taken, s.data + s.nodes + 1);
	ck_assert_uint_eq(s.nodes, (uint64_t)file->nodes);
}
END_TEST

/* -- damage ----------------------------------------------------------------- */

static void grow_to_depth(unsigned depth)
{
	struct change c;

	for (unsigned i = 0; le16_get(file->di->map.depth) < depth; i++) {
		begin(&c);
		must(add_data(&c, (i * 7919) % 8192 * 2, 1, 0) == 0);
		commit(&c);
	}
}

START_TEST(every_flipped_byte_of_a_node_is_seen)
{
	struct extmap m = reader();
	uint8_t *p;

	grow_to_depth(1);
	p = disk_ptr(&fx.d, (pblk_t){ le64_get(file->di->map.idx[0].pblk) });
	for (unsigned i = 0; i < 4096; i++) {
		p[i] ^= 0x04;
		must(extmap_check(&m) == -EUCLEAN);
		p[i] ^= 0x04;
	}
	ck_assert_int_eq(extmap_check(&m), 0);
}
END_TEST

static void reseal(struct dextnode *b)
{
	b->csum = le32_make(block_csum(b, 4096, 4));
}

START_TEST(well_sealed_nonsense_is_refused)
{
	struct dextnode *b, good;
	struct extmap m = reader();

	grow_to_depth(1);
	b = disk_ptr(&fx.d, (pblk_t){ le64_get(file->di->map.idx[0].pblk) });
	good = *b;
#define REFUSED(change) do {						\
		change;							\
		reseal(b);						\
		ck_assert_msg(extmap_check(&m) == -EUCLEAN, "%s", #change);	\
		*b = good;						\
	} while (0)
	REFUSED(b->count = le16_make(0));
	REFUSED(b->count = le16_make(169));
	REFUSED(b->count = le16_make(65535));
	REFUSED(b->level = le16_make(1));
	REFUSED(b->owner = le64_make(INO + 1));
	REFUSED(b->self = le64_make(1));
	REFUSED(b->rsvd[35] = 1);
	REFUSED(b->ext[1].lblk = b->ext[0].lblk);
	REFUSED(b->ext[0].len = le32_make(0));
	REFUSED(b->ext[0].len = le32_make(UINT32_MAX));
	REFUSED(b->ext[0].pblk = le64_make(0));
	REFUSED(b->ext[0].pblk = le64_make(1));
	REFUSED(b->ext[0].pblk = le64_make(UINT64_MAX));
	REFUSED(b->ext[0].flags = le32_make(2));
	REFUSED(b->ext[5].lblk = le64_make(DAXFS_FILE_BLOCKS_MAX));
#undef REFUSED
	ck_assert_int_eq(extmap_check(&m), 0);
}
END_TEST

START_TEST(a_tree_that_points_to_itself_ends)
{
	struct dextnode *b;
	struct extmap m = reader();
	struct extent e;
	pblk_t self;

	grow_to_depth(2);
	self.v = le64_get(file->di->map.idx[0].pblk);
	b = disk_ptr(&fx.d, self);
	b->idx[0].pblk = le64_make(self.v);
	reseal(b);
	ck_assert_int_eq(extmap_check(&m), -EUCLEAN);
	ck_assert_int_eq(extmap_lookup(&m, (lblk_t){ 0 }, &e), -EUCLEAN);
	b->idx[0].pblk = b->idx[1].pblk;
	reseal(b);
	ck_assert_int_eq(extmap_check(&m), -EUCLEAN);
}
END_TEST

START_TEST(random_roots_are_judged_without_a_crash)
{
	uint64_t seed = 99;
	unsigned refused = 0;

	for (unsigned i = 0; i < 200000; i++) {
		struct dmap root;
		struct extmap m = { .disk = &fx.d, .root = &root, .ino = INO };
		struct extent e;

		for (unsigned k = 0; k < sizeof(root); k++)
			((uint8_t *)&root)[k] = rng(&seed) % 3 ? 0 : (uint8_t)rng(&seed);
		if (i % 2)
			root.depth = le16_make((uint16_t)(rng(&seed) % 8));
		root.count = le16_make((uint16_t)(rng(&seed) % 11));
		refused += extmap_check(&m) == -EUCLEAN;
		extmap_lookup(&m, (lblk_t){ rng(&seed) % 1000 }, &e);
	}
	ck_assert_uint_gt(refused, 150000);
}
END_TEST

Suite *suite_disk_extmap(void)
{
	Suite *s = suite_create("disk_extmap");
	TCase *tc = tcase_create("small"), *big = tcase_create("big");

	tcase_add_checked_fixture(tc, open_small, close_file);
	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, neighbours_merge_on_both_sides);
	tcase_add_test(tc, other_states_and_other_places_do_not_merge);
	tcase_add_test(tc, a_hole_inside_an_extent_makes_two);
	tcase_add_test(tc, marking_splits_and_merges_back);
	tcase_add_test(tc, a_mapped_range_is_not_mapped_twice);
	tcase_add_test(tc, growth_at_the_end_fills_nodes);
	tcase_add_test(tc, removing_everything_leaves_an_empty_root);
	tcase_add_loop_test(tc, random_operations_match_a_plain_array, 0, 2);
	tcase_add_test(tc, every_flipped_byte_of_a_node_is_seen);
	tcase_add_test(tc, well_sealed_nonsense_is_refused);
	tcase_add_test(tc, a_tree_that_points_to_itself_ends);
	tcase_add_test(tc, random_roots_are_judged_without_a_crash);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(big, open_big, close_file);
	tcase_set_timeout(big, 600);
	tcase_add_test(big, a_deep_tree_counts_every_block);
	suite_add_tcase(s, big);
	return s;
}
