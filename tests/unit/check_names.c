// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * check_names.c -- damaged directories and trees
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check_fixture.h"
#include "core/file.h"
#include "core/xattr.h"
#include "disk/dirblk.h"
#include "pm/region.h"

/* -- names -------------------------------------------------------------------------------- */

START_TEST(names_behind_a_damaged_record_are_kept_and_removed_ones_stay_removed)
{
	struct ddirblk *blk;
	struct ddirent *e = kf_record("many", "a-name-of-some-length-1", &blk);
	char name[64];

	cf_close(&kf);
	e->rec_len = le16_make(0);
	kf_repaired("record at byte");
	for (unsigned i = 2; i < 400; i++) {
		snprintf(name, sizeof(name), "a-name-of-some-length-%u", i);
		ck_assert_msg(kf_there("many", name) == (i % 3 != 0), "%s", name);
	}
	ck_assert(cf_exists(kf.root, "lost+found"));	/* the inode of the damaged record */
}
END_TEST

START_TEST(damaged_block_header_is_rebuilt)
{
	struct ddirblk *blk;

	kf_record("d", "f", &blk);
	cf_close(&kf);
	memset(blk, 0, sizeof(*blk));
	kf_repaired("directory");
	ck_assert(kf_there("d", "hard") && kf_there("d", "sub"));
}
END_TEST

START_TEST(entry_to_nothing_is_removed_and_a_wrong_type_corrected)
{
	struct ddirblk *blk, *blk2;
	struct ddirent *e = kf_record("d", "fifo", &blk), *t = kf_record("d", "sock", &blk2);

	cf_close(&kf);
	e->ino = le64_make(200000);
	kf_seal_record(blk, e);
	t->type = DT_DIR;
	kf_seal_record(blk2, t);
	kf_repaired("does not exist");
	ck_assert(!kf_there("d", "fifo") && kf_there("d", "sock"));
	ck_assert(cf_exists(kf.root, "lost+found"));
}
END_TEST

START_TEST(second_name_of_a_directory_is_removed)
{
	struct ddirblk *blk;
	uint64_t sub = le64_get(kf_slot_at("d", "sub")->ino);
	struct ddirent *e = kf_record("/", "sparse", &blk);

	cf_close(&kf);
	e->ino = le64_make(sub);
	kf_seal_record(blk, e);
	kf_repaired("second name");
	ck_assert(kf_there("d", "sub") && !cf_exists(kf.root, "sparse"));
}
END_TEST

START_TEST(directories_in_a_circle_are_cut_and_connected)
{
	struct inode *d = cf_look(kf.root, "d"), *sub = cf_look(d, "sub"), *low = cf_dir(sub, "low");
	struct ddirblk *blk;
	struct ddirent *e;

	put(low);
	put(sub);
	put(d);
	/* "d" gets its name inside "low" instead of in the root */
	d = cf_look(kf.root, "d");
	sub = cf_look(d, "sub");
	low = cf_look(sub, "low");
	struct dinode *ds = d->slot;
	uint64_t low_ino = low->ino, d_ino = d->ino;

	put(cf_file(low, "d"));
	e = (void *)(cf_media(low, 0) + sizeof(*blk));
	blk = (void *)cf_media(low, 0);
	put(low);
	put(sub);
	put(d);
	cf_close(&kf);
	e->ino = le64_make(d_ino);
	e->type = DT_DIR;
	kf_seal_record(blk, e);
	cf_mount(&kf, 0);
	e = kf_record("/", "d", &blk);
	cf_close(&kf);
	e->ino = le64_make(0);
	e->name_len = e->type = 0;
	kf_seal_record(blk, e);
	ds->rdev = le64_make(low_ino);
	kf_seal(ds);
	kf_repairs(kf.rg);
	ck_assert(kf_said_that("own ancestor"));
	cf_mount(&kf, 0);
	ck_assert(cf_exists(kf.root, "lost+found"));
}
END_TEST

START_TEST(lost_root_directory_is_made_anew_and_everything_connected)
{
	struct dinode *root = kf.root->slot;
	uint64_t d = le64_get(kf_slot(kf.root, "d")->ino);
	char name[32];

	cf_close(&kf);
	memset(root, 0xcc, sizeof(*root));
	kf_repairs(kf.rg);
	ck_assert(kf_said_that("root directory"));
	cf_mount(&kf, 0);
	snprintf(name, sizeof(name), "#%llu", (unsigned long long)d);
	struct inode *lf = cf_look(kf.root, "lost+found"), *dir = cf_look(lf, name), *f = cf_look(dir, "f");

	ck_assert(f && cf_is(f, 0, 20000, 'f'));
	ck_assert_uint_eq(cf_stat(lf).mode, S_IFDIR | 0700);
	put(f);
	put(dir);
	put(lf);
}
END_TEST

START_TEST(all_files_of_a_lost_directory_get_names)
{
	struct inode *many = cf_look(kf.root, "many"), *lf;
	struct dinode *di = many->slot;
	char name[64];
	unsigned n = 0;

	for (unsigned i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "a-name-of-some-length-%u", i);
		struct inode *ip = cf_look(many, name);

		if (ip)
			put(ip);
		n += ip != NULL;
	}
	put(many);
	cf_close(&kf);
	memset(di, 0xbd, sizeof(*di));
	kf_repaired("has no name");
	lf = cf_look(kf.root, "lost+found");
	for (unsigned ino = 1; ino < 1000; ino++) {
		snprintf(name, sizeof(name), "#%u", ino);
		n -= cf_exists(lf, name);
	}
	ck_assert_uint_eq(n, 0);
	put(lf);
}
END_TEST

/* What is left of a removed record stays legible inside the free one before it. */
START_TEST(removed_name_of_a_living_file_stays_removed_behind_a_damaged_record)
{
	struct inode *dir = cf_dir(kf.root, "x"), *f = kf_look("d", "f");
	struct ddirblk *blk;

	put(cf_file(dir, "a"));
	put(cf_file(dir, "b"));
	must(namei_link(f, dir, cf_name("c")) == 0);
	put(cf_file(dir, "d"));
	struct ddirent *before = kf_record("x", "b", &blk);

	must(cf_unlink(dir, "b") == 0);
	must(cf_unlink(dir, "c") == 0);
	put(f);
	put(dir);
	cf_close(&kf);
	before->rec_len = le16_make(0);
	kf_repaired("'c', found behind a damaged record, was removed before");
	ck_assert(kf_there("x", "a") && !kf_there("x", "b") && !kf_there("x", "c") && kf_there("x", "d"));
}
END_TEST

START_TEST(file_with_too_many_names_loses_the_last)
{
	struct inode *dir = cf_dir(kf.root, "names"), *ip = cf_file(kf.root, "n");
	struct ddirblk *blk;
	char name[16];

	for (unsigned i = 1; i < DAXFS_NLINK_MAX; i++) {
		snprintf(name, sizeof(name), "%u", i);
		must(namei_link(ip, dir, cf_name(name)) == 0);
	}
	uint64_t ino = ip->ino;
	struct ddirent *e = kf_record("d", "fifo", &blk);

	put(ip);
	put(dir);
	cf_close(&kf);
	e->ino = le64_make(ino);
	e->type = DT_REG;
	kf_seal_record(blk, e);
	kf_repaired("one name too many");
	ip = cf_look(kf.root, "n");
	ck_assert_uint_eq(cf_nlink(ip), DAXFS_NLINK_MAX);
	put(ip);
}
END_TEST

/* The ballast takes what is free; a file without a name is left as it is, and found again when there is room. */
START_TEST(file_without_a_name_waits_for_room_in_lost_and_found)
{
	struct ddirblk *blk;
	struct ddirent *e = kf_record("d", "fifo", &blk);

	kf_fill_up();
	cf_close(&kf);
	e->ino = le64_make(0);
	e->name_len = e->type = 0;
	kf_seal_record(blk, e);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_YES) & 4, 4);
	ck_assert_msg(kf_said_that("no space"), "%s", kf_said);
	cf_mount(&kf, 0);
	kf_intact();
	must(cf_unlink(kf.root, "ballast") == 0);
	cf_close(&kf);
	kf_repaired("has no name");
}
END_TEST

/* -- /lost+found -------------------------------------------------------------------------------- */

static unsigned times_said(const char *text)
{
	unsigned n = 0;

	for (const char *at = kf_said; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* Nothing is free, and the root directory's blocks are full of names. */
static void fill_up(void)
{
	char name[256];

	kf_fill_up();
	struct inode *ip = cf_look(kf.root, "ballast");

	memset(name, 'x', sizeof(name));
	for (unsigned len = 200, i = 0; len > 2; len--) {
		name[len] = '\0';
		do {
			snprintf(name, 4, "%03x", i++);
			name[3] = len > 3 ? 'x' : '\0';
		} while (!namei_link(ip, kf.root, cf_name(name)));
	}
	put(ip);
}

START_TEST(lost_and_found_that_cannot_be_made_is_said_once)
{
	struct inode *d;
	struct dinode *di;

	fill_up();
	d = cf_look(kf.root, "d");
	di = d->slot;
	put(d);
	cf_close(&kf);
	struct ddirblk *blk = kf_block(le64_get(di->map.ext[0].pblk));

	memset(blk, 0, CF_BLOCK);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_YES), 5);
	ck_assert_uint_eq(times_said("there is no /lost+found"), 1);
	ck_assert_uint_eq(times_said("has no name"), 1);
	struct check_result res = kf_check(kf.rg, CHECK_YES);

	ck_assert_uint_eq(res.exit, 4);
	ck_assert_uint_eq(res.fixed, 0);
}
END_TEST

START_TEST(lost_and_found_with_attributes_grows)
{
	struct inode *lf = cf_dir(kf.root, "lost+found"), *many = cf_look(kf.root, "many");
	struct xattr_set_req rq = { .name = "user.x", .value = "v", .size = 1 };
	struct dinode *di = many->slot;

	must(xattr_set(lf, &rq) == 0);
	put(lf);
	put(many);
	cf_close(&kf);
	memset(di, 0xbd, sizeof(*di));
	kf_repaired("has no name");
	ck_assert_msg(!kf_said_that("claims"), "%s", kf_said);
}
END_TEST

static void *inode_block(const struct dinode *root, uint64_t lblk)
{
	const struct dextent *e = root->map.ext;

	while (lblk - le64_get(e->lblk) >= le32_get(e->len))
		e++;
	return kf_block(le64_get(e->pblk) + lblk - le64_get(e->lblk));
}

/* The inode file ends behind @ino, and its last five blocks lie apart: no more fit into its root. */
static void tighten_inode_file(uint64_t ino)
{
	struct dsuper *sb = kf_block(0), *copy = kf_block(KF_SIZE / CF_BLOCK - 1);
	struct dinode was = sb->ifile, root = was;
	uint64_t nr = ino / DAXFS_INODES_PER_BLOCK + 1, to = KF_SIZE / CF_BLOCK - 200;

	ck_assert_uint_eq(le16_get(was.map.depth), 0);
	for (uint64_t i = 0; i < nr; i++) {
		unsigned k = i >= nr - 5 ? (unsigned)(i - (nr - 6)) : 0;

		to += k ? 2 : 1;
		ck_assert_uint_eq(le64_get(*(le64 *)kf_block(to)), 0);		/* was never in use */
		memcpy(kf_block(to), inode_block(&was, i), CF_BLOCK);
		if (k || !i)
			root.map.ext[k] = (struct dextent){ le64_make(i), le64_make(to), le32_make(1), le32_make(0) };
	}
	root.map.ext[0].len = le32_make((uint32_t)nr - 5);
	root.map.count = le16_make(6);
	root.size = le64_make(nr * CF_BLOCK);
	root.blocks = le64_make(nr);
	kf_seal(&root);
	sb->ifile = copy->ifile = root;
}

/* Every inode number up to a multiple of 16 is taken; the last one is the file "ballast". */
static uint64_t use_all_inodes(void)
{
	uint64_t ino = 0;
	char name[16];

	for (unsigned i = 0; i < 300 || ino % DAXFS_INODES_PER_BLOCK != DAXFS_INODES_PER_BLOCK - 2; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		struct inode *ip = cf_file(kf.root, name);

		ino = ip->ino;
		put(ip);
	}
	put(cf_file(kf.root, "ballast"));
	ck_assert_uint_eq(le64_get(kf_slot(kf.root, "ballast")->ino), ino + 1);
	return ino + 1;
}

/* A block for inodes, a node above it, and one for the name. */
START_TEST(lost_and_found_takes_the_last_blocks_for_its_inode)
{
	struct ddirblk *blk;
	struct ddirent *e = kf_record("d", "fifo", &blk);

	uint64_t ino = use_all_inodes();

	cf_kill(&kf);
	tighten_inode_file(ino);
	cf_mount(&kf, 0);
	kf_fill_up();
	struct inode *ip = cf_look(kf.root, "ballast");

	must(cf_truncate(ip, cf_stat(ip).size - (uint64_t)_i * CF_BLOCK) == 0);
	put(ip);
	cf_kill(&kf);
	e->ino = le64_make(0);
	e->name_len = e->type = 0;
	kf_seal_record(blk, e);
	if (_i > 2) {
		kf_repaired("there is no /lost+found");
		return;
	}
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_YES), _i == 1 ? 4 : 5);
	ck_assert_msg(kf_said_that("no space") && !kf_said_that("uncover"), "%s", kf_said);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_YES), 4);
}
END_TEST

static struct dinode *make_dirs(struct inode *root, const char *name, unsigned n)
{
	struct inode *dir = cf_dir(root, name);
	struct dinode *di = dir->slot;
	char sub[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(sub, sizeof(sub), "%u", i);
		put(cf_dir(dir, sub));
	}
	put(dir);
	return di;
}

START_TEST(lost_and_found_takes_no_more_directories_than_there_may_be)
{
	struct cf big;

	cf_new(&big, MIB(48), CF_RAM);
	struct dinode *a = make_dirs(big.root, "a", DAXFS_NLINK_MAX - 2), *b = make_dirs(big.root, "b", 3);

	cf_close(&big);
	memset(a, 0xcc, sizeof(*a));
	memset(b, 0xcc, sizeof(*b));
	struct check_result res = kf_check(big.rg, CHECK_YES);

	ck_assert_uint_eq(res.left, 3);
	ck_assert_uint_eq(kf_check(big.rg, CHECK_NO).found, 3);
	cf_free(&big);
}
END_TEST

static TCase *lostfound_case(void)
{
	TCase *tc = kf_case("lostfound");

	tcase_add_test(tc, file_without_a_name_waits_for_room_in_lost_and_found);
	tcase_add_test(tc, lost_and_found_that_cannot_be_made_is_said_once);
	tcase_add_test(tc, lost_and_found_with_attributes_grows);
	tcase_add_loop_test(tc, lost_and_found_takes_the_last_blocks_for_its_inode, 1, 6);
	tcase_add_test(tc, lost_and_found_takes_no_more_directories_than_there_may_be);
	return tc;
}

Suite *suite_check_names(void);

Suite *suite_check_names(void)
{
	Suite *s = suite_create("check_names");
	TCase *tc = kf_case("names");

	tcase_add_test(tc, names_behind_a_damaged_record_are_kept_and_removed_ones_stay_removed);
	tcase_add_test(tc, damaged_block_header_is_rebuilt);
	tcase_add_test(tc, entry_to_nothing_is_removed_and_a_wrong_type_corrected);
	tcase_add_test(tc, second_name_of_a_directory_is_removed);
	tcase_add_test(tc, directories_in_a_circle_are_cut_and_connected);
	tcase_add_test(tc, all_files_of_a_lost_directory_get_names);
	tcase_add_test(tc, removed_name_of_a_living_file_stays_removed_behind_a_damaged_record);
	tcase_add_test(tc, file_with_too_many_names_loses_the_last);
	tcase_add_test(tc, lost_root_directory_is_made_anew_and_everything_connected);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, lostfound_case());
	return s;
}
