// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * check_clean.c -- what is sound is found sound, and not touched
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check_fixture.h"
#include "core/sync.h"
#include "pm/record.h"
#include "pm/region.h"

/* Neither mode writes a byte. */
static struct check_result sound(void)
{
	struct check_result res;
	uint8_t *before = malloc(KF_SIZE);

	must(before);
	memcpy(before, kf.rg->base, KF_SIZE);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_YES), 0);
	ck_assert_uint_eq(kf_exit(kf.rg, CHECK_PREEN), 0);
	res = kf_check(kf.rg, CHECK_NO);
	ck_assert_uint_eq(res.exit, 0);
	must(!memcmp(before, kf.rg->base, KF_SIZE));
	free(before);
	return res;
}

START_TEST(empty_filesystem_is_sound)
{
	struct cf e;

	cf_new(&e, MIB(8), CF_RAM);
	ck_assert_uint_eq(kf_exit(e.rg, CHECK_NO), 0);
	cf_close(&e);
	struct check_result res = kf_check(e.rg, CHECK_NO);

	ck_assert_uint_eq(res.exit, 0);
	ck_assert_uint_eq(res.inodes, 1);
	ck_assert_uint_eq(res.dirs, 1);
	cf_free(&e);
}
END_TEST

START_TEST(busy_filesystem_is_sound_after_unmount)
{
	struct fs_stat st = cf_statfs(&kf);

	cf_close(&kf);
	struct check_result res = sound();

	ck_assert_uint_eq(res.inodes, st.inodes);
	ck_assert_uint_eq(res.blocks, st.blocks);
	ck_assert_uint_eq(res.blocks_used, st.blocks - st.bfree);
	ck_assert_uint_eq(res.orphans, 0);
	ck_assert_uint_eq(res.dirs + res.files, res.inodes);
	ck_assert_uint_eq(res.dirs, 4);
}
END_TEST

START_TEST(killed_filesystem_is_sound_and_its_orphans_are_counted)
{
	struct create_req rq = { .mode = S_IFREG | 0600, .cred = cf_root };
	struct inode *f = cf_file(kf.root, "f"), *d = cf_dir(kf.root, "gone"), *t;

	cf_fill(f, 0, 9000, 'x');
	ck_assert_int_eq(cf_unlink(kf.root, "f"), 0);
	ck_assert_int_eq(cf_rmdir(kf.root, "gone"), 0);
	ck_assert_int_eq(namei_tmpfile(kf.root, &rq, &t), 0);
	(void)d;
	cf_kill(&kf);
	struct check_result res = sound();

	ck_assert_uint_eq(res.orphans, 3);
	ck_assert(kf_said_that("3 unlinked inodes"));
	cf_mount(&kf, 0);
}
END_TEST

/* Every moment of an operation, with all and with none of what was not fenced. */
START_TEST(power_cut_at_any_moment_leaves_a_sound_filesystem)
{
	uint64_t undone = 0;
	struct region *img;
	struct cf rec;

	cf_new(&rec, MIB(8), CF_RECORD);
	inode_put(cf_file(rec.root, "before"), 1);
	must(region_open_ram(&img, MIB(8)) == 0);
	record_start(rec.rg);
	inode_put(cf_file(rec.root, "during"), 1);
	ck_assert_int_eq(cf_mv(rec.root, "before", "during", 0), 0);
	for (size_t i = 0; i <= record_nr(rec.rg); i++) {
		for (unsigned mode = REC_NONE; mode <= REC_RANDOM; mode++) {
			struct check_result res;

			record_image(rec.rg, i, mode, i + 1, img->base);
			res = kf_check(img, CHECK_NO);
			ck_assert_msg(res.exit == 0, "event %zu: %s", i, kf_said);
			undone += res.undone;
		}
	}
	ck_assert_uint_gt(undone, 0);
	region_close(img);
	cf_free(&rec);
}
END_TEST

START_TEST(what_is_no_daxfs_is_refused)
{
	const struct check_opts o = { .mode = CHECK_YES };
	struct check_result res;
	struct region *rg;

	cf_close(&kf);
	must(region_open_ram(&rg, MIB(16)) == 0);
	ck_assert_int_eq(check_region(rg, &o, &res), -EINVAL);
	ck_assert_uint_eq(res.exit, 8);
	memcpy(rg->base, kf.rg->base, rg->size);		/* cut short */
	ck_assert_int_eq(check_region(rg, &o, &res), -EINVAL);
	ck_assert_uint_eq(res.exit, 8);
	region_close(rg);
}
END_TEST

Suite *suite_check_clean(void);

Suite *suite_check_clean(void)
{
	Suite *s = suite_create("check_clean");
	TCase *tc = kf_case("sound");

	tcase_add_test(tc, empty_filesystem_is_sound);
	tcase_add_test(tc, busy_filesystem_is_sound_after_unmount);
	tcase_add_test(tc, killed_filesystem_is_sound_and_its_orphans_are_counted);
	tcase_add_test(tc, power_cut_at_any_moment_leaves_a_sound_filesystem);
	tcase_add_test(tc, what_is_no_daxfs_is_refused);
	suite_add_tcase(s, tc);
	return s;
}
