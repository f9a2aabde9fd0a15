// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * check_repair.c -- each kind of damage is found, repaired, and gone then
 *
 * Every test ends with what was not damaged being as it was.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc.h"
#include "check_fixture.h"
#include "core/file.h"
#include "core/xattr.h"
#include "pm/record.h"
#include "pm/region.h"

#define SIZE MIB(24)

static struct cf c;

static void setup(void)
{
	cf_new(&c, SIZE, CF_RAM);
	kf_populate(c.root);
}

static void teardown(void)
{
	cf_free(&c);
}

static void put(struct inode *ip)
{
	inode_put(ip, 1);
}

static struct inode *look(const char *dir, const char *name)
{
	struct inode *d = cf_look(c.root, dir), *ip;

	must(d);
	ip = cf_look(d, name);
	put(d);
	return ip;
}

static bool there(const char *dir, const char *name)
{
	struct inode *ip = look(dir, name);

	if (ip)
		put(ip);
	return ip != NULL;
}

static struct dinode *slot_of(const char *dir, const char *name)
{
	struct inode *d = cf_look(c.root, dir);
	struct dinode *slot = kf_slot(d, name);

	put(d);
	return slot;
}

static struct dsuper *primary(void) { return (void *)c.rg->base; }
static struct dsuper *copy(void) { return (void *)(c.rg->base + SIZE - CF_BLOCK); }
static void *block(uint64_t pblk) { return c.rg->base + pblk * CF_BLOCK; }

static void f_is_intact(void)
{
	struct inode *f = look("d", "f");

	must(f);
	ck_assert(cf_is(f, 0, 20000, 'f'));
	ck_assert_uint_eq(cf_stat(f).size, 20000);
	ck_assert_uint_eq(cf_nlink(f), 2);
	put(f);
}

/* Repairs, mounts, and looks at a file that had nothing to do with it. */
static void repaired(const char *message)
{
	kf_repairs(c.rg);
	ck_assert_msg(kf_said_that(message), "not said: %s; but: %s", message, kf_said);
	cf_mount(&c, 0);
	f_is_intact();
}

/* -- superblocks ----------------------------------------------------------------- */

START_TEST(damaged_primary_comes_back_from_the_copy)
{
	cf_close(&c);
	memset(c.rg->base, 0, 600);
	repaired("superblock: magic is");
}
END_TEST

START_TEST(damaged_copy_comes_back_from_the_primary)
{
	cf_close(&c);
	copy()->label[3] ^= 1;
	repaired("copy in block");
	ck_assert_int_eq(memcmp(copy()->uuid, primary()->uuid, 400), 0);
}
END_TEST

START_TEST(both_superblocks_damaged_are_rebuilt_if_the_lanes_agree)
{
	cf_close(&c);
	primary()->label[0] ^= 1;
	copy()->label[1] ^= 1;
	repaired("lanes confirm");
}
END_TEST

START_TEST(both_superblocks_lost_end_the_check)
{
	const struct check_opts o = { .mode = CHECK_YES };
	struct check_result res;

	cf_close(&c);
	memset(&primary()->nr_blocks, 0xee, 64);
	memset(&copy()->nr_blocks, 0xee, 64);
	ck_assert_int_eq(check_region(c.rg, &o, &res), -EUCLEAN);
	ck_assert_uint_eq(res.exit, 8);
}
END_TEST

START_TEST(damaged_state_word_and_snapshot_reference_are_reset)
{
	cf_close(&c);
	primary()->state.w.le ^= 0x100;
	repaired("state word");
	cf_close(&c);
	primary()->snap.bytes.le ^= 1;
	repaired("snapshot reference");
}
END_TEST

START_TEST(unknown_features_are_left_alone)
{
	const struct check_opts o = { .mode = CHECK_YES };
	struct check_result res;

	cf_close(&c);
	primary()->ro_compat = le64_make(1);
	primary()->csum = le32_make(block_csum(primary(), 512, 8));
	ck_assert_int_eq(check_region(c.rg, &o, &res), -EROFS);
	primary()->incompat = le64_make(1);
	primary()->csum = le32_make(block_csum(primary(), 512, 8));
	ck_assert_int_eq(check_region(c.rg, &o, &res), -EPROTONOSUPPORT);
	ck_assert_uint_eq(res.exit, 8);
}
END_TEST

/* -- journal ---------------------------------------------------------------------- */

START_TEST(damaged_lane_header_is_rebuilt)
{
	cf_close(&c);
	((struct dlane *)block(le64_get(primary()->journal)))->done.w.le ^= 4;
	repaired("journal lane 0");
}
END_TEST

START_TEST(live_log_is_rolled_back_before_a_repair)
{
	uint8_t *image = malloc(MIB(8));
	struct check_result res = { 0 };
	struct region *img;
	struct cf rec;

	cf_new(&rec, MIB(8), CF_RECORD);
	put(cf_file(rec.root, "before"));
	struct dinode *slot = kf_slot(rec.root, "before");
	uint64_t off = (uint64_t)((uint8_t *)slot - rec.rg->base);

	must(image && region_open_ram(&img, MIB(8)) == 0);
	record_start(rec.rg);
	put(cf_file(rec.root, "during"));
	for (size_t i = 0; !res.undone && i < record_nr(rec.rg); i++) {
		record_image(rec.rg, i, REC_ALL, 0, img->base);
		res = kf_check(img, CHECK_NO);
	}
	ck_assert_uint_eq(res.undone, 1);
	((struct dinode *)(void *)(img->base + off))->nlink = le32_make(7);
	kf_seal((void *)(img->base + off));
	kf_repairs(img);
	cf_free(&rec);
	cf_image(&rec, img->base, MIB(8));
	ck_assert(cf_exists(rec.root, "before") && !cf_exists(rec.root, "during"));
	ck_assert_uint_eq(cf_statfs(&rec).recovered_txns, 0);
	cf_free(&rec);
	region_close(img);
	free(image);
}
END_TEST

/* -- inodes ------------------------------------------------------------------------- */

START_TEST(damaged_but_plausible_inode_keeps_its_content)
{
	struct dinode *di = slot_of("d", "attrs");

	cf_close(&c);
	di->uid = le32_make(77);
	repaired("checksum is wrong");
	struct inode *ip = look("d", "attrs");
	char value[5000];

	ck_assert_int_eq(xattr_get(ip, "user.a", value, sizeof(value)), 5000);
	put(ip);
}
END_TEST

START_TEST(implausible_inode_is_cleared_and_its_name_goes)
{
	struct dinode *di = slot_of("d", "attrs");

	cf_close(&c);
	memset(di, 0xdb, 48);
	repaired("nothing in it is plausible");
	ck_assert(!there("d", "attrs"));
}
END_TEST

START_TEST(wrong_counts_are_corrected_by_preen)
{
	struct dinode *di = slot_of("d", "f");

	cf_close(&c);
	di->nlink = le32_make(9);
	di->blocks = le64_make(99);
	kf_seal(di);
	ck_assert_uint_eq(kf_exit(c.rg, CHECK_PREEN), 1);
	ck_assert(kf_said_that("links, says 9") && kf_said_that("blocks, says 99"));
	ck_assert_uint_eq(kf_exit(c.rg, CHECK_NO), 0);
	cf_mount(&c, 0);
	f_is_intact();
}
END_TEST

START_TEST(preen_stops_at_what_loses_something_and_writes_nothing)
{
	struct dinode *bad = slot_of("d", "attrs"), *count = slot_of("d", "f");
	uint8_t *before = malloc(SIZE);

	must(before);
	cf_close(&c);
	memset(bad, 0xdb, 48);
	count->nlink = le32_make(9);
	kf_seal(count);
	memcpy(before, c.rg->base, SIZE);
	ck_assert_uint_eq(kf_exit(c.rg, CHECK_PREEN), 4);
	ck_assert(kf_said_that("not repaired automatically"));
	must(!memcmp(before, c.rg->base, SIZE));
	free(before);
}
END_TEST

START_TEST(orphan_of_a_clean_filesystem_is_cleared)
{
	struct inode *d = cf_look(c.root, "d");
	struct dinode *di = slot_of("d", "fifo");

	ck_assert_int_eq(cf_unlink(d, "l"), 0);
	put(d);
	cf_close(&c);
	di->nlink = le32_make(0);
	kf_seal(di);
	repaired("links, says 0");		/* it has a name */
	ck_assert(there("d", "fifo"));
}
END_TEST

/* -- maps ------------------------------------------------------------------------------ */

START_TEST(damaged_node_keeps_its_entries)
{
	struct dinode *di = kf_slot(c.root, "deep");
	struct dextnode *node = block(le64_get(di->map.idx[0].pblk));

	cf_close(&c);
	ck_assert_uint_gt(le16_get(di->map.depth), 1);
	node->csum.le ^= 1;
	repaired("extent node");
	struct inode *ip = cf_look(c.root, "deep");

	ck_assert_uint_eq(cf_extents(ip), 1700);
	ck_assert(cf_is(ip, 1000 * 2 * CF_BLOCK, 100, 's'));
	put(ip);
}
END_TEST

START_TEST(lost_node_leaves_a_hole_and_the_rest)
{
	struct dinode *di = kf_slot(c.root, "deep");
	struct dextnode *top = block(le64_get(di->map.idx[0].pblk));
	void *leaf = block(le64_get(top->idx[0].pblk));

	cf_close(&c);
	memset(leaf, 0x5a, 4096);
	repaired("extent node");
	struct inode *ip = cf_look(c.root, "deep");

	ck_assert_uint_lt(cf_extents(ip), 1700);
	ck_assert_uint_gt(cf_extents(ip), 1500);
	ck_assert(cf_is(ip, 0, 100, 0));
	ck_assert(cf_is(ip, 1699 * 2 * CF_BLOCK, 100, 's'));
	put(ip);
}
END_TEST

/* Unmounted; the slot of the file "g", whose blocks are now those of "f"; its checksum tells so. */
static struct dinode *g_takes_the_blocks_of_f(void)
{
	struct inode *g = cf_file(c.root, "g");
	struct dinode *f = slot_of("d", "f"), *gs = kf_slot(c.root, "g");

	cf_fill(g, 0, 20000, 'g');
	put(g);
	cf_close(&c);
	gs->map.ext[0].pblk = f->map.ext[0].pblk;
	return gs;
}

START_TEST(second_owner_gets_a_copy)
{
	kf_seal(g_takes_the_blocks_of_f());
	repaired("as well");
	struct inode *g = cf_look(c.root, "g");
	ck_assert(cf_is(g, 0, 20000, 'f'));
	cf_fill(g, 0, 20000, 'G');
	f_is_intact();
	put(g);
}
END_TEST

START_TEST(suspect_loses_what_a_healthy_inode_has)
{
	g_takes_the_blocks_of_f();
	repaired("healthier");
	struct inode *g = cf_look(c.root, "g");
	ck_assert(cf_is(g, 0, 4096, 0));
	put(g);
}
END_TEST

START_TEST(damaged_attribute_chain_is_dropped_and_its_names_are_said)
{
	struct dinode *di = slot_of("d", "attrs");
	struct dxattrblk *x = block(le64_get(di->xattr));

	cf_close(&c);
	((struct dxattrblk *)block(le64_get(x->next)))->data[5] ^= 1;
	repaired("extended attributes");
	struct inode *ip = look("d", "attrs");
	char buf[8];

	ck_assert_int_eq(xattr_get(ip, "user.a", buf, 0), -ENODATA);
	put(ip);
}
END_TEST

/* -- names -------------------------------------------------------------------------------- */

/* The record of a name in a directory's first blocks, on media. */
static struct ddirent *record_of(const char *dir, const char *name, struct ddirblk **blk)
{
	struct inode *d = strcmp(dir, "/") ? cf_look(c.root, dir) : c.root;

	for (uint64_t off = 0; off < cf_stat(d).size; off += CF_BLOCK) {
		uint8_t *b = cf_media(d, off);

		*blk = (void *)b;
		for (unsigned at = sizeof(**blk); at < CF_BLOCK; ) {
			struct ddirent *e = (void *)(b + at);

			if (le64_get(e->ino) && e->name_len == strlen(name) && !memcmp(e->name, name, e->name_len)) {
				if (d != c.root)
					put(d);
				return e;
			}
			at += le16_get(e->rec_len);
		}
	}
	ck_abort_msg("no %s in %s", name, dir);
	return NULL;
}

static void seal_record(struct ddirblk *blk, struct ddirent *e)
{
	struct { le64 self; le32 off, zero; struct ddirent head; } in = {
		.self = blk->self, .off = le32_make((uint32_t)((uint8_t *)e - (uint8_t *)blk)), .head = *e,
	};

	in.head.csum = le32_make(0);
	e->csum = le32_make(crc32c(crc32c(0, &in, sizeof(in)), e->name, e->name_len));
}

START_TEST(names_behind_a_damaged_record_are_kept_and_removed_ones_stay_removed)
{
	struct ddirblk *blk;
	struct ddirent *e = record_of("many", "a-name-of-some-length-1", &blk);
	char name[64];

	cf_close(&c);
	e->rec_len = le16_make(0);
	repaired("record at byte");
	for (unsigned i = 2; i < 400; i++) {
		snprintf(name, sizeof(name), "a-name-of-some-length-%u", i);
		ck_assert_msg(there("many", name) == (i % 3 != 0), "%s", name);
	}
	ck_assert(cf_exists(c.root, "lost+found"));	/* the inode of the damaged record */
}
END_TEST

START_TEST(damaged_block_header_is_rebuilt)
{
	struct ddirblk *blk;

	record_of("d", "f", &blk);
	cf_close(&c);
	memset(blk, 0, sizeof(*blk));
	repaired("directory");
	ck_assert(there("d", "hard") && there("d", "sub"));
}
END_TEST

START_TEST(entry_to_nothing_is_removed_and_a_wrong_type_corrected)
{
	struct ddirblk *blk, *blk2;
	struct ddirent *e = record_of("d", "fifo", &blk), *t = record_of("d", "sock", &blk2);

	cf_close(&c);
	e->ino = le64_make(200000);
	seal_record(blk, e);
	t->type = DT_DIR;
	seal_record(blk2, t);
	repaired("does not exist");
	ck_assert(!there("d", "fifo") && there("d", "sock"));
	ck_assert(cf_exists(c.root, "lost+found"));
}
END_TEST

START_TEST(second_name_of_a_directory_is_removed)
{
	struct ddirblk *blk;
	uint64_t sub = le64_get(slot_of("d", "sub")->ino);
	struct ddirent *e = record_of("/", "sparse", &blk);

	cf_close(&c);
	e->ino = le64_make(sub);
	seal_record(blk, e);
	repaired("second name");
	ck_assert(there("d", "sub") && !cf_exists(c.root, "sparse"));
}
END_TEST

START_TEST(directories_in_a_circle_are_cut_and_connected)
{
	struct inode *d = cf_look(c.root, "d"), *sub = cf_look(d, "sub"), *low = cf_dir(sub, "low");
	struct ddirblk *blk;
	struct ddirent *e;

	put(low);
	put(sub);
	put(d);
	/* "d" gets its name inside "low" instead of in the root */
	d = cf_look(c.root, "d");
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
	cf_close(&c);
	e->ino = le64_make(d_ino);
	e->type = DT_DIR;
	seal_record(blk, e);
	cf_mount(&c, 0);
	e = record_of("/", "d", &blk);
	cf_close(&c);
	e->ino = le64_make(0);
	e->name_len = e->type = 0;
	seal_record(blk, e);
	ds->rdev = le64_make(low_ino);
	kf_seal(ds);
	kf_repairs(c.rg);
	ck_assert(kf_said_that("own ancestor"));
	cf_mount(&c, 0);
	ck_assert(cf_exists(c.root, "lost+found"));
}
END_TEST

START_TEST(lost_root_directory_is_made_anew_and_everything_connected)
{
	struct dinode *root = c.root->slot;
	uint64_t d = le64_get(kf_slot(c.root, "d")->ino);
	char name[32];

	cf_close(&c);
	memset(root, 0xcc, sizeof(*root));
	kf_repairs(c.rg);
	ck_assert(kf_said_that("root directory"));
	cf_mount(&c, 0);
	snprintf(name, sizeof(name), "#%llu", (unsigned long long)d);
	struct inode *lf = cf_look(c.root, "lost+found"), *dir = cf_look(lf, name), *f = cf_look(dir, "f");

	ck_assert(f && cf_is(f, 0, 20000, 'f'));
	ck_assert_uint_eq(cf_stat(lf).mode, S_IFDIR | 0700);
	put(f);
	put(dir);
	put(lf);
}
END_TEST

/* -- the inode file, free space ------------------------------------------------------------------ */

START_TEST(lost_map_of_the_inode_file_is_found_again)
{
	cf_close(&c);
	memset(&primary()->ifile, 0x11, sizeof(struct dinode));
	memset(&copy()->ifile, 0x11, sizeof(struct dinode));
	repaired("the inode file");
	ck_assert(there("d", "sub") && cf_exists(c.root, "deep"));
}
END_TEST

START_TEST(damaged_root_of_the_inode_file_comes_from_the_copy)
{
	cf_close(&c);
	primary()->ifile.size.le ^= 0x1000;
	repaired("the inode file");
	ck_assert_int_eq(memcmp(&primary()->ifile, &copy()->ifile, sizeof(struct dinode)), 0);
}
END_TEST

START_TEST(damaged_snapshot_is_dropped)
{
	cf_close(&c);
	((uint8_t *)block(le64_get(primary()->snap.start)))[100] ^= 1;
	repaired("snapshot");
	ck_assert(!cf_statfs(&c).from_snapshot);
}
END_TEST

START_TEST(snapshot_that_forgets_a_block_is_dropped)
{
	struct dsnap *snap;
	struct dsnapchunk *part;

	cf_close(&c);
	snap = block(le64_get(primary()->snap.start));
	part = (void *)((uint8_t *)(snap + 1) + le64_get(snap->nr_full) * sizeof(struct dsnaprun));
	ck_assert_uint_gt(le64_get(snap->nr_part), 0);
	part->used[0].le ^= 1;
	snap->csum = le32_make(block_csum(snap, le64_get(snap->bytes), offsetof(struct dsnap, csum)));
	repaired("snapshot");
}
END_TEST

START_TEST(all_files_of_a_lost_directory_get_names)
{
	struct inode *many = cf_look(c.root, "many"), *lf;
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
	cf_close(&c);
	memset(di, 0xbd, sizeof(*di));
	repaired("has no name");
	lf = cf_look(c.root, "lost+found");
	for (unsigned ino = 1; ino < 1000; ino++) {
		snprintf(name, sizeof(name), "#%u", ino);
		n -= cf_exists(lf, name);
	}
	ck_assert_uint_eq(n, 0);
	put(lf);
}
END_TEST

/* -- asking ------------------------------------------------------------------------------------- */

struct answers { unsigned asked, yes; };

static bool on_ask(void *arg, const char *question)
{
	struct answers *a = arg;

	ck_assert(strchr(question, '?'));
	return a->asked++ < a->yes;
}

START_TEST(what_is_refused_stays_and_is_asked_once)
{
	struct answers a = { .yes = 1 };
	const struct check_opts o = { .mode = CHECK_ASK, .ask = on_ask, .arg = &a };
	struct dinode *f = slot_of("d", "f"), *l = slot_of("d", "l");
	struct check_result res;

	cf_close(&c);
	f->nlink = l->nlink = le32_make(9);
	kf_seal(f);
	kf_seal(l);
	ck_assert_int_eq(check_region(c.rg, &o, &res), 0);
	ck_assert_uint_eq(a.asked, 2);
	ck_assert_uint_eq(res.found, 2);
	ck_assert_uint_eq(res.fixed, 1);
	ck_assert_uint_eq(res.exit, 5);
	ck_assert_uint_eq(kf_check(c.rg, CHECK_NO).found, 1);
	kf_repairs(c.rg);
}
END_TEST

/* -- cut short ---------------------------------------------------------------------------------- */

/* A repair of many kinds at once, under the recording backend. */
static void damage_a_lot(void)
{
	struct dinode *attrs = slot_of("d", "attrs"), *f = slot_of("d", "f"), *fifo = slot_of("d", "fifo");
	struct dinode *deep = kf_slot(c.root, "sparse");
	struct ddirblk *blk;
	struct ddirent *e = record_of("many", "a-name-of-some-length-7", &blk);

	cf_close(&c);
	e->rec_len = le16_make(3);
	attrs->gid = le32_make(5);
	memset(fifo, 0xab, 100);
	((struct dextnode *)block(le64_get(deep->map.idx[0].pblk)))->csum.le ^= 8;
	f->nlink = le32_make(1);
	kf_seal(f);
}

START_TEST(repair_cut_short_at_any_moment_is_finished_by_another)
{
	struct region *rec, *img;
	unsigned step;

	damage_a_lot();
	must(region_open_record(&rec, SIZE) == 0 && region_open_ram(&img, SIZE) == 0);
	memcpy(rec->base, c.rg->base, SIZE);
	record_start(rec);
	ck_assert_uint_eq(kf_exit(rec, CHECK_YES), 1);
	step = 1 + (unsigned)record_nr(rec) / 25;
	for (size_t i = (size_t)_i; i <= record_nr(rec); i += step) {
		record_image(rec, i, (unsigned)(i % 3), i + 1, img->base);
		ck_assert_uint_le(kf_exit(img, CHECK_YES), 1);
		ck_assert_msg(kf_exit(img, CHECK_NO) == 0, "event %zu: %s", i, kf_said);
		memcpy(c.rg->base, img->base, SIZE);
		cf_mount(&c, 0);
		f_is_intact();
		cf_kill(&c);
	}
	region_close(rec);
	region_close(img);
}
END_TEST

static TCase *super_case(void)
{
	TCase *tc = tcase_create("super");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, damaged_primary_comes_back_from_the_copy);
	tcase_add_test(tc, damaged_copy_comes_back_from_the_primary);
	tcase_add_test(tc, both_superblocks_damaged_are_rebuilt_if_the_lanes_agree);
	tcase_add_test(tc, both_superblocks_lost_end_the_check);
	tcase_add_test(tc, damaged_state_word_and_snapshot_reference_are_reset);
	tcase_add_test(tc, unknown_features_are_left_alone);
	tcase_add_test(tc, damaged_lane_header_is_rebuilt);
	tcase_add_test(tc, live_log_is_rolled_back_before_a_repair);
	tcase_add_test(tc, lost_map_of_the_inode_file_is_found_again);
	tcase_add_test(tc, damaged_root_of_the_inode_file_comes_from_the_copy);
	tcase_add_test(tc, damaged_snapshot_is_dropped);
	tcase_add_test(tc, snapshot_that_forgets_a_block_is_dropped);
	return tc;
}

static TCase *inode_case(void)
{
	TCase *tc = tcase_create("inode");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, damaged_but_plausible_inode_keeps_its_content);
	tcase_add_test(tc, implausible_inode_is_cleared_and_its_name_goes);
	tcase_add_test(tc, wrong_counts_are_corrected_by_preen);
	tcase_add_test(tc, preen_stops_at_what_loses_something_and_writes_nothing);
	tcase_add_test(tc, orphan_of_a_clean_filesystem_is_cleared);
	tcase_add_test(tc, damaged_node_keeps_its_entries);
	tcase_add_test(tc, lost_node_leaves_a_hole_and_the_rest);
	tcase_add_test(tc, second_owner_gets_a_copy);
	tcase_add_test(tc, suspect_loses_what_a_healthy_inode_has);
	tcase_add_test(tc, damaged_attribute_chain_is_dropped_and_its_names_are_said);
	return tc;
}

static TCase *names_case(void)
{
	TCase *tc = tcase_create("names");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, names_behind_a_damaged_record_are_kept_and_removed_ones_stay_removed);
	tcase_add_test(tc, damaged_block_header_is_rebuilt);
	tcase_add_test(tc, entry_to_nothing_is_removed_and_a_wrong_type_corrected);
	tcase_add_test(tc, second_name_of_a_directory_is_removed);
	tcase_add_test(tc, directories_in_a_circle_are_cut_and_connected);
	tcase_add_test(tc, all_files_of_a_lost_directory_get_names);
	tcase_add_test(tc, what_is_refused_stays_and_is_asked_once);
	tcase_add_test(tc, lost_root_directory_is_made_anew_and_everything_connected);
	return tc;
}

static TCase *crash_case(void)
{
	TCase *tc = tcase_create("crash");

	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, repair_cut_short_at_any_moment_is_finished_by_another, 0, 2);
	return tc;
}

Suite *suite_check_repair(void);

Suite *suite_check_repair(void)
{
	Suite *s = suite_create("check_repair");

	suite_add_tcase(s, super_case());
	suite_add_tcase(s, inode_case());
	suite_add_tcase(s, names_case());
	suite_add_tcase(s, crash_case());
	return s;
}
