// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * check_answers.c -- what the check asks, and that it does no more than was agreed to
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_fixture.h"
#include "core/space.h"
#include "pm/region.h"

static struct dsuper *primary(void) { return (void *)kf.rg->base; }

/* Yes to the first @yes questions, and to all where it is 0, but not to one with @no in it; then all, at number @all. */
struct answers { unsigned asked, yes, all; const char *no; struct check_opts o; };

static bool on_ask(void *arg, const char *question, unsigned flags)
{
	struct answers *a = arg;

	(void)flags;
	ck_assert(strchr(question, '?'));
	a->asked++;
	if (a->all && a->asked == a->all) {
		a->o.mode = CHECK_YES;
		return true;
	}
	return !(a->no && strstr(question, a->no)) && (!a->yes || a->asked <= a->yes);
}

static struct check_result ask(struct region *rg, struct answers *a)
{
	struct check_result res;

	a->o = (struct check_opts){ .mode = CHECK_ASK, .ask = on_ask, .arg = a };
	ck_assert_int_eq(check_region(rg, &a->o, &res), 0);
	ck_assert_uint_eq(res.found, res.fixed + res.left);
	return res;
}

/* Both questions about two wrong counts are asked, one is refused.  The inode of the first, unmounted. */
static const struct dinode *refuse_one_of_two(struct answers *a)
{
	struct dinode *f = kf_slot_at("d", "f"), *l = kf_slot_at("d", "l");
	struct check_result res;

	cf_close(&kf);
	f->nlink = l->nlink = le32_make(9);
	kf_seal(f);
	kf_seal(l);
	res = ask(kf.rg, a);
	ck_assert_uint_eq(a->asked, 2);
	ck_assert_uint_eq(res.found, 2);
	ck_assert_uint_eq(res.fixed, 1);
	ck_assert_uint_eq(res.exit, 5);
	ck_assert_uint_eq(kf_check(kf.rg, CHECK_NO).found, 1);
	return f;
}

START_TEST(what_is_refused_stays_and_is_asked_once)
{
	refuse_one_of_two(&(struct answers){ .yes = 1 });
	kf_repairs(kf.rg);
}
END_TEST

START_TEST(what_is_refused_stays_when_all_the_rest_is_agreed_to)
{
	const struct dinode *f = refuse_one_of_two(&(struct answers){ .no = "says 9", .all = 2 });

	ck_assert_uint_eq(le32_get(f->nlink), 9);
}
END_TEST

START_TEST(without_a_root_directory_nothing_can_be_connected)
{
	struct answers a = { .no = "the root directory" };
	struct dinode *root = kf.root->slot;
	uint8_t *before = malloc(KF_SIZE);

	must(before);
	cf_close(&kf);
	memset(root, 0xcc, sizeof(*root));
	memcpy(before, kf.rg->base, KF_SIZE);
	struct check_result res = ask(kf.rg, &a);

	ck_assert_uint_eq(res.fixed != 0, memcmp(before, kf.rg->base, KF_SIZE) != 0);
	ck_assert_uint_eq(kf_check(kf.rg, CHECK_NO).found, res.left);
	free(before);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_YES), 1);
}
END_TEST

START_TEST(one_refused_part_leaves_the_inode_as_it_is)
{
	struct inode *y = cf_file(kf.root, "y");
	struct dinode *f = kf_slot_at("d", "f"), *ys = y->slot;
	uint64_t blk = le64_get(f->map.ext[0].pblk);
	struct answers a = { 0 };
	struct check_result res;
	char no[40];

	put(y);
	cf_close(&kf);
	ys->map.ext[0] = (struct dextent){ le64_make(0), le64_make(blk), le32_make(1), le32_make(0) };
	ys->map.ext[1] = (struct dextent){ le64_make(2), le64_make(blk + 2), le32_make(1), le32_make(0) };
	ys->map.count = le16_make(2);
	ys->blocks = le64_make(2);
	ys->size = le64_make(3 * CF_BLOCK);
	kf_seal(ys);
	snprintf(no, sizeof(no), " from %llu on", (unsigned long long)blk + 2);
	a.no = no;
	res = ask(kf.rg, &a);
	ck_assert_uint_eq(a.asked, 2);
	ck_assert_uint_eq(res.fixed, 0);
	ck_assert_uint_eq(kf_check(kf.rg, CHECK_NO).found, 2);
	kf_repaired("as well");
}
END_TEST

/* Questions are answered; all of the media stays. */
static struct check_result ask_in_vain(struct answers *a)
{
	uint8_t *before = malloc(KF_SIZE);
	struct check_result res;

	must(before);
	memcpy(before, kf.rg->base, KF_SIZE);
	res = ask(kf.rg, a);
	must(!memcmp(before, kf.rg->base, KF_SIZE));
	free(before);
	ck_assert_uint_eq(res.exit, 4);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_NO), 4);
	return res;
}

/* The question about the word is refused; the one about a wrong count is not asked then. */
static void refuse_the_first(const char *question, le64 *word)
{
	struct answers a = { .no = question };
	struct dinode *f = kf_slot_at("d", "f");

	cf_close(&kf);
	word->le ^= 0x1000;
	f->nlink = le32_make(9);
	kf_seal(f);
	ck_assert_uint_eq(ask_in_vain(&a).found, 2);
	ck_assert_uint_eq(a.asked, 1);
	kf_repaired("says 9");
}

/* Nothing can be written without the superblock. */
START_TEST(refused_superblock_ends_the_questions)
{
	refuse_the_first("superblock: ", &primary()->mkfs_time);
}
END_TEST

START_TEST(refused_root_of_the_inode_file_ends_the_questions)
{
	refuse_the_first("inode file", &primary()->ifile.size);
}
END_TEST

/* A file whose one leaf is full, one of its blocks another's too; one block is free, for a copy or a node. */
static void split_an_extent_with_one_block_left(void)
{
	struct inode *g = cf_file(kf.root, "g"), *ip = cf_file(kf.root, "packed"), *one = cf_file(kf.root, "one");
	struct dinode *gs = g->slot, *loser = ip->slot;

	for (unsigned i = 0; i < DAXFS_NODE_EXTENTS; i++)
		cf_fill(ip, (uint64_t)i * 4 * CF_BLOCK, 3 * CF_BLOCK, 'p');
	cf_fill(one, 0, 10, '1');
	kf_fill_up();
	cf_truncate(one, 0);
	put(one);
	put(g);
	put(ip);
	cf_close(&kf);
	struct dextnode *leaf = kf_block(le64_get(loser->map.idx[0].pblk));

	kf_claim(gs, le64_get(leaf->ext[20].pblk) + 1);
}

START_TEST(copy_for_which_no_node_is_agreed_to_comes_to_nothing)
{
	struct answers a = { .no = "space for the map" };

	split_an_extent_with_one_block_left();
	ask_in_vain(&a);
	ck_assert_uint_eq(a.asked, 2);
	kf_repaired("space for the map");
}
END_TEST

static void spoil_the_log(struct region *rg)
{
	const struct dsuper *sb = (const void *)rg->base;
	uint8_t *lane = rg->base + le64_get(sb->journal) * CF_BLOCK;

	for (uint32_t i = 0; i < le32_get(sb->nr_lanes); i++, lane += le32_get(sb->lane_blocks) * CF_BLOCK) {
		struct dlog *log = (void *)(lane + sizeof(struct dlane));

		if (!le32_get(log->nr))
			continue;
		((struct dundo *)(void *)(log + 1))->rsvd = le32_make(1);
		log->csum = le32_make(block_csum(log, sizeof(*log) + le32_get(log->bytes), offsetof(struct dlog, csum)));
	}
}

START_TEST(refused_end_of_a_transaction_is_left)
{
	struct answers a = { .no = "rolled back" };
	struct cf rec;

	cf_new(&rec, MIB(8), CF_RECORD);
	struct region *rg = kf_live_log(&rec);
	struct dsuper *sb = (void *)rg->base;
	struct check_result res;

	cf_free(&rec);
	spoil_the_log(rg);
	sb->state.w.le ^= 0x100;		/* something else to repair */
	res = ask(rg, &a);
	ck_assert_uint_eq(res.exit, 5);
	ck_assert_uint_ge(res.left, 1);
	ck_assert_uint_eq(kf_check(rg, CHECK_NO).found, res.left);
	region_close(rg);
}
END_TEST

static TCase *asking_case(void)
{
	TCase *tc = kf_case("asking");

	tcase_add_test(tc, what_is_refused_stays_and_is_asked_once);
	tcase_add_test(tc, what_is_refused_stays_when_all_the_rest_is_agreed_to);
	tcase_add_test(tc, without_a_root_directory_nothing_can_be_connected);
	tcase_add_test(tc, one_refused_part_leaves_the_inode_as_it_is);
	tcase_add_test(tc, refused_end_of_a_transaction_is_left);
	tcase_add_test(tc, refused_superblock_ends_the_questions);
	tcase_add_test(tc, refused_root_of_the_inode_file_ends_the_questions);
	tcase_add_test(tc, copy_for_which_no_node_is_agreed_to_comes_to_nothing);
	return tc;
}

Suite *suite_check_answers(void);

Suite *suite_check_answers(void)
{
	Suite *s = suite_create("check_answers");

	suite_add_tcase(s, asking_case());
	return s;
}
