// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * check_owners.c -- blocks that several inodes claim, devices without space, and
 * what the check cannot bring to an end
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "check_fixture.h"
#include "pm/region.h"

static struct dsuper *primary(void) { return (void *)kf.rg->base; }

static unsigned pieces(const char *name, unsigned n)
{
	struct inode *ip = cf_look(kf.root, name);
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		kept += cf_is(ip, (uint64_t)i * 2 * CF_BLOCK, 100, 's');
	put(ip);
	return kept;
}

/* Unmounted; the slot of the file "g", whose blocks are now those of "f"; its checksum tells so. */
static struct dinode *g_takes_the_blocks_of_f(void)
{
	struct inode *g = cf_file(kf.root, "g");
	struct dinode *f = kf_slot_at("d", "f"), *gs = kf_slot(kf.root, "g");

	cf_fill(g, 0, 20000, 'g');
	put(g);
	cf_close(&kf);
	gs->map.ext[0].pblk = f->map.ext[0].pblk;
	return gs;
}

START_TEST(second_owner_gets_a_copy)
{
	kf_seal(g_takes_the_blocks_of_f());
	kf_repaired("as well");
	struct inode *g = cf_look(kf.root, "g");
	ck_assert(cf_is(g, 0, 20000, 'f'));
	cf_fill(g, 0, 20000, 'G');
	kf_intact();
	put(g);
}
END_TEST

START_TEST(suspect_loses_what_a_healthy_inode_has)
{
	g_takes_the_blocks_of_f();
	kf_repaired("healthier");
	struct inode *g = cf_look(kf.root, "g");
	ck_assert(cf_is(g, 0, 4096, 0));
	put(g);
}
END_TEST

/* Unmounted; a new file "g" has block @blk and is believed, since @loser counts wrong. */
static void claim_for_g(struct dinode *g, struct dinode *loser, uint64_t blk)
{
	kf_claim(g, blk);
	loser->blocks = le64_make(le64_get(loser->blocks) + 5);
	kf_seal(loser);
}

START_TEST(second_owner_on_a_full_device_loses_what_is_another_s_only)
{
	struct inode *ip = cf_file(kf.root, "g");
	struct dinode *g = ip->slot, *loser = kf_slot(kf.root, "sparse");
	struct dextnode *leaf = kf_block(le64_get(loser->map.idx[0].pblk));

	put(ip);
	kf_fill_up();
	cf_close(&kf);
	claim_for_g(g, loser, le64_get(leaf->ext[50].pblk));
	kf_repaired("no space for a copy");
	ck_assert_uint_eq(pieces("sparse", 100), 99);
}
END_TEST

/* One extent becomes two, and then there is one too many for the node. */
START_TEST(extents_without_a_node_are_said_before_they_go)
{
	struct inode *ip = cf_file(kf.root, "packed"), *gp = cf_file(kf.root, "g");
	struct dinode *g = gp->slot, *loser = ip->slot;

	for (unsigned i = 0; i < DAXFS_NODE_EXTENTS; i++)
		cf_fill(ip, (uint64_t)i * 4 * CF_BLOCK, 3 * CF_BLOCK, 'p');
	put(gp);
	kf_fill_up();
	put(ip);
	cf_close(&kf);
	struct dextnode *leaf = kf_block(le64_get(loser->map.idx[0].pblk));

	ck_assert_uint_eq(le16_get(loser->map.count), 1);
	ck_assert_uint_eq(le16_get(leaf->count), DAXFS_NODE_EXTENTS);
	claim_for_g(g, loser, le64_get(leaf->ext[20].pblk) + 1);
	kf_repaired("the map of its last 3 blocks");
	ip = cf_look(kf.root, "packed");
	ck_assert(cf_is(ip, UINT64_C(166) * 4 * CF_BLOCK, 3 * CF_BLOCK, 'p'));
	ck_assert(cf_is(ip, UINT64_C(167) * 4 * CF_BLOCK, 3 * CF_BLOCK, 0));
	put(ip);
}
END_TEST

/* It has claimed nothing yet when the copy looks for a place. */
START_TEST(copy_of_a_second_owner_takes_nothing_from_a_suspect)
{
	struct dinode *suspect = kf_slot(kf.root, "sparse");

	kf_seal(g_takes_the_blocks_of_f());
	suspect->uid = le32_make(77);
	kf_repaired("as well");
	ck_assert_uint_eq(pieces("sparse", 100), 100);
}
END_TEST

START_TEST(new_node_of_a_suspect_takes_nothing_from_a_later_one)
{
	struct dinode *first = kf_slot(kf.root, "sparse"), *later = kf_slot(kf.root, "deep");
	struct dextnode *leaf = kf_block(le64_get(first->map.idx[0].pblk));

	ck_assert_uint_lt(le64_get(first->ino), le64_get(later->ino));
	cf_close(&kf);
	leaf->ext[50].len = le32_make(0);
	later->uid = le32_make(77);
	kf_repaired("length is 0");
	ck_assert_uint_eq(pieces("sparse", 100), 99);
	ck_assert_uint_eq(pieces("deep", 1700), 1700);
}
END_TEST

/* A big file that shares one block with another is still to be believed more than who miscounts. */
START_TEST(big_file_loses_no_more_than_the_block_that_it_shares)
{
	struct dinode *deep = kf_slot(kf.root, "deep"), *low = kf_slot_at("d", "attrs");
	struct dextnode *top = kf_block(le64_get(deep->map.idx[0].pblk)), *leaf = kf_block(le64_get(top->idx[0].pblk));
	struct inode *g = cf_file(kf.root, "g");
	struct dinode *gs = g->slot;
	uint64_t first = le64_get(leaf->ext[20].pblk);

	put(g);
	cf_close(&kf);
	ck_assert_uint_lt(le64_get(low->ino), le64_get(deep->ino));
	kf_claim(gs, first);
	low->map.ext[0] = (struct dextent){ le64_make(0), le64_make(first), le32_make(1200), le32_make(0) };
	low->map.count = le16_make(1);
	low->size = le64_make(1200 * CF_BLOCK);
	kf_seal(low);
	kf_repaired("as well");
	ck_assert_uint_eq(pieces("deep", 1700), 1700);
}
END_TEST

/* Twenty files claim all of the device; one that claims one block of it comes last. */
START_TEST(huge_claims_take_nothing_from_a_small_one)
{
	const struct dsuper *sb = primary();
	uint64_t first = le64_get(sb->journal) + (uint64_t)le32_get(sb->nr_lanes) * le32_get(sb->lane_blocks);
	uint64_t len = KF_SIZE / CF_BLOCK - 1 - first;
	struct dinode *slot[20];
	char name[16];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "huge%u", i);
		put(cf_file(kf.root, name));
		slot[i] = kf_slot(kf.root, name);
	}
	struct inode *ip = cf_file(kf.root, "small");

	cf_fill(ip, 0, CF_BLOCK, 'S');
	put(ip);
	put(cf_file(kf.root, "empty"));
	cf_close(&kf);
	for (unsigned i = 0; i < 20; i++) {
		slot[i]->map.ext[0] = (struct dextent){ le64_make(0), le64_make(first), le32_make((uint32_t)len), le32_make(0) };
		slot[i]->map.count = le16_make(1);
		slot[i]->blocks = le64_make(len);
		slot[i]->size = le64_make(len * CF_BLOCK);
		kf_seal(slot[i]);
	}
	kf_repairs(kf.rg);
	cf_mount(&kf, 0);
	kf_intact();
	ip = cf_look(kf.root, "small");
	ck_assert(cf_is(ip, 0, CF_BLOCK, 'S'));
	put(ip);
}
END_TEST

/* -- what cannot be repaired, or not be read -------------------------------------------------------- */

/* Each round finds something that has just been damaged. */
static void spoil_another(void *arg, unsigned phase, uint64_t done, uint64_t total)
{
	unsigned *round = arg;
	struct dinode *di = kf_block(le64_get(primary()->ifile.map.ext[0].pblk) + 1 + *round);

	(void)done;
	(void)total;
	if (phase != CHECK_PHASE_SUPER)
		return;
	di->nlink = le32_make(9);
	kf_seal(di);
	++*round;
}

START_TEST(what_does_not_become_consistent_is_not_written)
{
	unsigned rounds = 0;
	const struct check_opts o = { .mode = CHECK_YES, .progress = spoil_another, .arg = &rounds };
	struct check_result res;

	cf_close(&kf);
	sealed32 state = primary()->state;

	ck_assert_int_eq(check_region(kf.rg, &o, &res), 0);
	ck_assert_uint_eq(res.exit, 4);
	ck_assert_uint_eq(res.fixed, 0);
	ck_assert_uint_eq(primary()->state.w.le, state.w.le);
	ck_assert_uint_gt(rounds, 5);
	ck_assert_uint_ge(kf_check(kf.rg, CHECK_NO).found, rounds);
}
END_TEST

static char logged[1024];

static void keep_log(enum log_level level, const char *msg, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(logged, sizeof(logged), "%s", msg);
}

struct shrink { struct region *rg; unsigned phase; };

/* From then on the last page is gone. */
static void shrink(void *arg, unsigned phase, uint64_t done, uint64_t total)
{
	const struct shrink *s = arg;

	(void)done;
	(void)total;
	if (phase == s->phase)
		ck_assert_int_eq(ftruncate(s->rg->fd, (off_t)(KF_SIZE - CF_BLOCK)), 0);
}

/* A file in the place of the region in memory, its copy of the superblock damaged. */
static struct region *open_file(void)
{
	char path[] = "/dev/shm/check_repair.XXXXXX";
	int fd = mkstemp(path);
	struct region_opts o = { .path = path, .flags = REGION_CREATE, .create_size = KF_SIZE };
	struct region *rg;

	cf_close(&kf);
	((struct dsuper *)kf_block(KF_SIZE / CF_BLOCK - 1))->label[0] ^= 1;
	must(fd >= 0 && close(fd) == 0 && region_open(&rg, &o) == 0 && unlink(path) == 0);
	memcpy(rg->base, kf.rg->base, KF_SIZE);
	return rg;
}

static void media_error_in(unsigned phase, const char *what)
{
	struct shrink s = { open_file(), phase };
	const struct check_opts o = { .mode = CHECK_YES, .progress = shrink, .arg = &s };
	struct check_result res;

	log_set_sink(keep_log, NULL);
	ck_assert_int_eq(check_region(s.rg, &o, &res), -EIO);
	log_set_sink(NULL, NULL);
	ck_assert_uint_eq(res.exit, 8);
	ck_assert_msg(strstr(logged, what) && strstr(logged, "block 6143"), "%s", logged);
	region_close(s.rg);
}

START_TEST(block_that_cannot_be_read_ends_the_check)
{
	media_error_in(CHECK_PHASE_SUPER, "cannot be read");
}
END_TEST

START_TEST(block_that_cannot_be_written_ends_the_check)
{
	media_error_in(CHECK_PHASE_WRITE, "cannot be written");
}
END_TEST

static TCase *owners_case(void)
{
	TCase *tc = kf_case("owners");

	tcase_add_test(tc, second_owner_gets_a_copy);
	tcase_add_test(tc, suspect_loses_what_a_healthy_inode_has);
	tcase_add_test(tc, second_owner_on_a_full_device_loses_what_is_another_s_only);
	tcase_add_test(tc, extents_without_a_node_are_said_before_they_go);
	tcase_add_test(tc, copy_of_a_second_owner_takes_nothing_from_a_suspect);
	tcase_add_test(tc, new_node_of_a_suspect_takes_nothing_from_a_later_one);
	tcase_add_test(tc, big_file_loses_no_more_than_the_block_that_it_shares);
	tcase_add_test(tc, huge_claims_take_nothing_from_a_small_one);
	return tc;
}

static TCase *unable_case(void)
{
	TCase *tc = kf_case("unable");

	tcase_add_test(tc, what_does_not_become_consistent_is_not_written);
	tcase_add_test(tc, block_that_cannot_be_read_ends_the_check);
	tcase_add_test(tc, block_that_cannot_be_written_ends_the_check);
	return tc;
}

Suite *suite_check_owners(void);

Suite *suite_check_owners(void)
{
	Suite *s = suite_create("check_owners");

	suite_add_tcase(s, owners_case());
	suite_add_tcase(s, unable_case());
	return s;
}
