/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_mount.c -- mounting: from the snapshot, by scanning, from damaged and
 * newer media, read-only, twice
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/balloc.h"
#include "core/file.h"
#include "core/instance.h"
#include "core/pin.h"
#include "core/space.h"
#include "core/sync.h"
#include "core/xattr.h"
#include "core_fixture.h"
#include "disk/super.h"
#include "pm/record.h"

#define SIZE	MIB(48)

Suite *suite_core_mount(void);

static struct cf c;

static void setup(void)
{
	cf_new(&c, SIZE, CF_RAM);
}

static void teardown(void)
{
	cf_free(&c);
}

/* -- something to mount ------------------------------------------------------ */

static void make_tree(void)
{
	struct inode *d = cf_dir(c.root, "d");
	char name[16];

	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		struct inode *f = cf_file(d, name);

		cf_fill(f, i * 333, 1 + i * 150, (int)i);
		if (i % 10 == 0)
			cf_write(f, "far", 3, MIB(100) + i);
		put(f);
	}
	for (unsigned i = 0; i < 300; i += 3) {
		snprintf(name, sizeof(name), "f%u", i);
		ck_assert_int_eq(cf_unlink(d, name), 0);
	}
	put(d);
}

static void check_tree(void)
{
	struct inode *d = cf_look(c.root, "d");
	char name[16];

	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		struct inode *f = cf_look(d, name);

		ck_assert((f == NULL) == (i % 3 == 0));
		if (!f)
			continue;
		ck_assert(cf_is(f, i * 333, 1 + i * 150, (int)i));
		ck_assert(cf_is(f, 0, i * 333, 0));
		put(f);
	}
	put(d);
}

/* -- snapshot and scan ------------------------------------------------------- */

static void check_counts(const struct fs_stat *want)
{
	struct fs_stat st = cf_statfs(&c);

	ck_assert_uint_eq(st.bfree, want->bfree);
	ck_assert_uint_eq(st.inodes, want->inodes);
	ck_assert_uint_eq(st.free_chunks, want->free_chunks);
	ck_assert_uint_eq(st.ifree, want->ifree);
	ck_assert_int_eq(balloc_check(c.fs->balloc), 0);
	check_tree();
}

START_TEST(snapshot_and_scan_find_the_same_free_space)
{
	make_tree();
	struct fs_stat before = cf_statfs(&c), st;

	cf_remount(&c);
	st = cf_statfs(&c);
	ck_assert(st.was_clean && st.from_snapshot);
	check_counts(&before);
	cf_crash(&c);
	st = cf_statfs(&c);
	ck_assert(!st.was_clean && !st.from_snapshot);
	check_counts(&before);
}
END_TEST

START_TEST(damaged_snapshot_is_scanned_around)
{
	pblk_t at;
	uint64_t bytes;

	make_tree();
	struct fs_stat before = cf_statfs(&c);
	struct disk d = c.fs->disk;

	cf_close(&c);
	ck_assert_int_eq(super_snap(&d, &at, &bytes), 1);
	((uint8_t *)disk_ptr(&d, at))[bytes / 2] ^= 4;
	cf_mount(&c, 0);
	struct fs_stat st = cf_statfs(&c);

	ck_assert(st.was_clean && !st.from_snapshot);
	check_counts(&before);
}
END_TEST

START_TEST(free_space_from_a_snapshot_holds_no_claimed_block)
{
	make_tree();
	cf_remount(&c);
	struct inode *f = cf_file(c.root, "all");

	ck_assert_int_eq(space_fallocate(f, 0, 0, (cf_bfree(&c) - 30) * CF_BLOCK), 0);
	while (cf_bfree(&c))
		ck_assert_int_eq(space_fallocate(f, 0, cf_stat(f).size, CF_BLOCK), 0);
	put(f);
	check_tree();
	cf_crash(&c);		/* the scan looks for blocks with two owners */
	check_tree();
}
END_TEST

/* -- damaged and newer superblocks ------------------------------------------- */

static struct dsuper *super(void)
{
	return (struct dsuper *)(void *)c.rg->base;
}

static void reseal(struct dsuper *sb)
{
	sb->csum = le32_make(block_csum(sb, 512, offsetof(struct dsuper, csum)));
}

START_TEST(damaged_superblock_is_refused_and_mended_from_its_copy)
{
	make_tree();
	cf_close(&c);
	super()->label[3] ^= 1;
	ck_assert_int_eq(cf_try_mount(&c, 0), -EUCLEAN);
	ck_assert_int_eq(cf_try_mount(&c, 0), -EUCLEAN);
	cf_mount(&c, FS_USE_COPY);
	check_tree();
	cf_close(&c);
	cf_mount(&c, 0);
	ck_assert(cf_statfs(&c).was_clean);
	check_tree();
}
END_TEST

START_TEST(wiped_superblock_is_refused_and_mended_from_its_copy)
{
	make_tree();
	cf_kill(&c);
	memset(c.rg->base, 0, CF_BLOCK);
	ck_assert_int_eq(cf_try_mount(&c, 0), -EUCLEAN);
	cf_mount(&c, FS_USE_COPY);
	check_tree();
	cf_remount(&c);
	check_tree();
}
END_TEST

START_TEST(copy_knows_of_an_inode_file_that_has_grown)
{
	struct inode *d = cf_dir(c.root, "d");
	char name[16];
	unsigned n = 0;

	for (uint64_t have = le64_get(super()->ifile.size); le64_get(super()->ifile.size) == have; n++) {
		snprintf(name, sizeof(name), "i%u", n);
		put(cf_file(d, name));
	}
	put(d);
	cf_kill(&c);
	memset(c.rg->base, 0, CF_BLOCK);
	cf_mount(&c, FS_USE_COPY);
	ck_assert_uint_eq(cf_statfs(&c).inodes, n + 2);
	d = cf_look(c.root, "d");
	ck_assert(cf_exists(d, name));
	put(d);
}
END_TEST

START_TEST(without_a_good_copy_there_is_nothing_to_mend_from)
{
	struct dsuper *copy = c.fs->disk.copy;

	cf_close(&c);
	super()->label[3] ^= 1;
	copy->label[3] ^= 1;
	ck_assert_int_eq(cf_try_mount(&c, FS_USE_COPY), -EUCLEAN);
	memset(c.rg->base, 0, CF_BLOCK);
	ck_assert_int_eq(cf_try_mount(&c, 0), -EINVAL);
}
END_TEST

START_TEST(newer_incompatible_features_are_refused)
{
	cf_close(&c);
	super()->incompat = le64_make(UINT64_C(1) << 40);
	reseal(super());
	ck_assert_int_eq(cf_try_mount(&c, 0), -EPROTONOSUPPORT);
	ck_assert_int_eq(cf_try_mount(&c, FS_RDONLY), -EPROTONOSUPPORT);
	ck_assert_int_eq(cf_try_mount(&c, FS_USE_COPY), -EPROTONOSUPPORT);
	super()->incompat = le64_make(0);
	super()->version = le32_make(DAXFS_VERSION + 1);
	reseal(super());
	ck_assert_int_eq(cf_try_mount(&c, 0), -EPROTONOSUPPORT);
}
END_TEST

START_TEST(unknown_ro_compatible_features_mount_read_only)
{
	make_tree();
	cf_close(&c);
	super()->ro_compat = le64_make(2);
	reseal(super());
	ck_assert_int_eq(cf_try_mount(&c, 0), -EROFS);
	cf_mount(&c, FS_RDONLY);
	check_tree();
}
END_TEST

START_TEST(unknown_compatible_features_do_not_matter)
{
	cf_close(&c);
	super()->compat = le64_make(2);
	reseal(super());
	cf_mount(&c, 0);
}
END_TEST

/* -- files: read-only, twice ------------------------------------------------- */

static char path[64];

static struct fs *open_path(unsigned flags, int want)
{
	struct fs_opts o = { .path = path, .flags = flags };
	struct fs *fs = NULL;

	ck_assert_int_eq(fs_open(&fs, &o), want);
	return want ? NULL : fs;
}

static void setup_file(void)
{
	struct fs_format_opts o = { .path = path, .size = MIB(16), .label = "file" };
	struct fs_format_result res;

	quiet();
	snprintf(path, sizeof(path), "/dev/shm/cu-%d.img", (int)getpid());
	unlink(path);
	must(fs_format(&o, &res) == 0);
	c = (struct cf){ .fs = open_path(0, 0) };
	must(inode_get(c.fs, DAXFS_ROOT_INO, &c.root) == 0);
}

static void teardown_file(void)
{
	unlink(path);
}

static uint8_t *file_bytes(void)
{
	uint8_t *buf = malloc(MIB(16));
	FILE *f = fopen(path, "r");

	must(f && buf && fread(buf, 1, MIB(16), f) == MIB(16));
	fclose(f);
	return buf;
}

static void use_read_only(void)
{
	struct create_req rq = { .mode = S_IFREG | 0600, .cred = cf_root };
	struct inode *out, *f = cf_look(c.root, "f");
	struct xattr_set_req xs = { .name = "user.a", .value = "b", .size = 1 };

	ck_assert(cf_is(f, 0, 9000, 'r'));
	ck_assert_int_eq(file_write(f, "x", 1, 0, 0), -EROFS);
	ck_assert_int_eq(cf_truncate(f, 0), -EROFS);
	ck_assert_int_eq(space_fallocate(f, 0, 0, 4096), -EROFS);
	ck_assert_int_eq(xattr_set(f, &xs), -EROFS);
	ck_assert_int_eq(namei_create(c.root, cf_name("n"), &rq, &out), -EROFS);
	ck_assert_int_eq(namei_tmpfile(c.root, &rq, &out), -EROFS);
	ck_assert_int_eq(namei_link(f, c.root, cf_name("n")), -EROFS);
	ck_assert_int_eq(cf_unlink(c.root, "f"), -EROFS);
	ck_assert_int_eq(cf_mv(c.root, "f", "g", 0), -EROFS);
	ck_assert_int_eq(sync_file(f, 0), 0);
	ck_assert_int_eq(sync_fs(c.fs), 0);
	put(f);
}

static void mount_read_only_and_compare(void)
{
	uint8_t *before = file_bytes(), *after;

	c.fs = open_path(FS_RDONLY, 0);
	must(inode_get(c.fs, DAXFS_ROOT_INO, &c.root) == 0);
	ck_assert(fs_rdonly(c.fs));
	use_read_only();
	put(c.root);
	ck_assert_int_eq(fs_close(c.fs), 0);
	after = file_bytes();
	ck_assert(!memcmp(before, after, MIB(16)));
	free(before);
	free(after);
}

static void make_readable(void)
{
	struct inode *f = cf_file(c.root, "f");

	cf_fill(f, 0, 9000, 'r');
	put(f);
}

START_TEST(read_only_mount_of_a_clean_file_writes_nothing)
{
	make_readable();
	cf_close(&c);
	mount_read_only_and_compare();
	fs_close(open_path(0, 0));
}
END_TEST

START_TEST(read_only_mount_of_an_unclean_file_writes_nothing)
{
	make_readable();
	struct inode *orphan = cf_file(c.root, "orphan");

	cf_fill(orphan, 0, 5000, 'x');
	ck_assert_int_eq(cf_unlink(c.root, "orphan"), 0);
	cf_kill(&c);
	mount_read_only_and_compare();
	mount_read_only_and_compare();
	struct fs *fs = open_path(0, 0);
	struct fs_stat st;

	fs_statfs(fs, &st);
	ck_assert_uint_eq(st.recovered_orphans, 1);
	ck_assert_int_eq(fs_close(fs), 0);
}
END_TEST

/* What a cut inside a transaction leaves: mounting it must roll something back. */
static uint8_t *image_with_live_log(void)
{
	uint8_t *image = malloc(MIB(16));
	uint64_t undone = 0;
	struct cf rec, cut;

	must(image);
	cf_new(&rec, MIB(16), CF_RECORD);
	inode_put(cf_file(rec.root, "before"), 1);
	record_start(rec.rg);
	inode_put(cf_file(rec.root, "during"), 1);
	for (size_t i = 0; !undone && i < record_nr(rec.rg); i++) {
		record_image(rec.rg, i, REC_ALL, 0, image);
		cf_image(&cut, image, MIB(16));
		undone = cf_statfs(&cut).recovered_txns;
		cf_free(&cut);
	}
	ck_assert_uint_eq(undone, 1);
	cf_free(&rec);
	return image;
}

START_TEST(read_only_mount_with_something_to_roll_back_writes_nothing)
{
	uint8_t *image = image_with_live_log(), *after;
	struct fs_stat st;

	put(c.root);
	ck_assert_int_eq(fs_close(c.fs), 0);
	FILE *f = fopen(path, "w");

	must(f && fwrite(image, 1, MIB(16), f) == MIB(16) && fclose(f) == 0);
	struct fs *fs = open_path(FS_RDONLY, 0);

	fs_statfs(fs, &st);
	ck_assert_uint_eq(st.recovered_txns, 1);
	must(inode_get(fs, DAXFS_ROOT_INO, &c.root) == 0);
	ck_assert(cf_exists(c.root, "before") && !cf_exists(c.root, "during"));
	put(c.root);
	ck_assert_int_eq(fs_close(fs), 0);
	after = file_bytes();
	ck_assert(!memcmp(image, after, MIB(16)));
	free(image);
	free(after);
}
END_TEST

START_TEST(read_only_mount_from_the_copy_writes_nothing)
{
	uint8_t byte = 0x55;

	make_readable();
	cf_close(&c);
	int fd = open(path, O_RDWR);

	must(fd >= 0 && pwrite(fd, &byte, 1, 70) == 1);
	close(fd);
	uint8_t *before = file_bytes(), *after;
	struct fs *fs = open_path(FS_RDONLY | FS_USE_COPY, 0);

	ck_assert_int_eq(fs_close(fs), 0);
	after = file_bytes();
	ck_assert(!memcmp(before, after, MIB(16)));
	free(before);
	free(after);
}
END_TEST

START_TEST(file_mounted_twice_is_busy)
{
	struct fs_format_opts o = { .path = path };
	struct fs_format_result res;

	open_path(0, -EBUSY);
	open_path(FS_RDONLY, -EBUSY);
	ck_assert_int_eq(fs_format(&o, &res), -EBUSY);
	cf_close(&c);
	struct fs *one = open_path(FS_RDONLY, 0), *two = open_path(FS_RDONLY, 0);

	open_path(0, -EBUSY);
	ck_assert_int_eq(fs_close(one), 0);
	ck_assert_int_eq(fs_close(two), 0);
	ck_assert_int_eq(fs_close(open_path(0, 0)), 0);
}
END_TEST

/* -- recovery ---------------------------------------------------------------- */

static struct dinode *slot_of(const char *name)
{
	struct inode *ip = cf_look(c.root, name);
	struct dinode *slot = ip->slot;

	put(ip);
	return slot;
}

START_TEST(block_with_two_owners_is_found_at_recovery)
{
	make_readable();
	struct inode *g = cf_file(c.root, "g");

	cf_fill(g, 0, 9000, 'g');
	put(g);
	struct dinode *f_slot = slot_of("f"), *g_slot = slot_of("g");

	cf_kill(&c);
	g_slot->map.ext[0].pblk = f_slot->map.ext[0].pblk;
	dinode_seal(g_slot);
	ck_assert_int_eq(cf_try_mount(&c, 0), -EUCLEAN);
	ck_assert_int_eq(cf_try_mount(&c, FS_RDONLY), -EUCLEAN);
}
END_TEST

START_TEST(damaged_inode_is_found_at_recovery)
{
	make_readable();
	struct dinode *slot = slot_of("f");

	cf_kill(&c);
	slot->uid.le ^= 1;
	ck_assert_int_eq(cf_try_mount(&c, 0), -EUCLEAN);
	slot->uid.le ^= 1;
	cf_mount(&c, 0);
}
END_TEST

/* More than one thread takes at a time: files with blocks, and some that are open without a name. */
START_TEST(many_inodes_are_all_found_at_recovery)
{
	enum { NR = 20000, STEP = 100 };
	char name[16];

	for (unsigned i = 0; i < NR; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		struct inode *f = cf_file(c.root, name);

		if (i % 10 == 0)
			cf_write(f, name, sizeof(name), 0);
		if (i % STEP)		/* the others stay open */
			put(f);
	}
	struct fs_stat before = cf_statfs(&c), after;
	uint64_t free_before = cf_bfree(&c);

	for (unsigned i = 0; i < NR; i += STEP) {
		snprintf(name, sizeof(name), "f%u", i);
		ck_assert_int_eq(cf_unlink(c.root, name), 0);
	}
	cf_crash(&c);
	after = cf_statfs(&c);
	ck_assert_uint_eq(after.inodes, before.inodes - NR / STEP);
	ck_assert_uint_eq(cf_bfree(&c), free_before + NR / STEP);
	ck_assert_uint_eq(after.recovered_orphans, NR / STEP);
}
END_TEST

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* As after umount(8), before which the kernel forgets nothing. */
START_TEST(closing_takes_time_by_the_number_of_inodes_not_its_square)
{
	enum { NR = 100000, PER_DIR = 1000 };
	struct inode *dir = NULL;
	int64_t start, made, closed;
	char name[16];

	start = now_ns();
	for (unsigned i = 0; i < NR; i++) {
		snprintf(name, sizeof(name), "%u", i);
		if (i % PER_DIR == 0)
			dir = cf_dir(c.root, name);
		cf_file(dir, name);
	}
	made = now_ns();
	cf_close(&c);
	closed = now_ns();
	ck_assert_int_lt(closed - made, 4 * (made - start));
	cf_mount(&c, 0);
}
END_TEST

/* One operation of each kind; what it leaves is checked after a crash right behind it. */
static void make_names(void)
{
	struct create_req rq = { .mode = S_IFLNK | 0777, .target = "target", .cred = cf_root };
	struct inode *d = cf_dir(c.root, "d"), *f = cf_file(d, "f"), *l;

	ck_assert_int_eq(namei_create(d, cf_name("l"), &rq, &l), 0);
	ck_assert_int_eq(namei_link(f, c.root, cf_name("hard")), 0);
	put(cf_make(d, "fifo", S_IFIFO | 0600));
	put(l);
	put(f);
	put(d);
}

static void change_names(void)
{
	struct inode *d = cf_look(c.root, "d");

	put(cf_dir(d, "gone"));
	ck_assert_int_eq(cf_rmdir(d, "gone"), 0);
	ck_assert_int_eq(cf_mv(d, "f", "renamed", 0), 0);
	ck_assert_int_eq(cf_mv(d, "l", "fifo", RENAME_EXCHANGE), 0);
	put(cf_file(d, "x"));
	ck_assert_int_eq(cf_unlink(d, "x"), 0);
	put(d);
}

static void check_changed_names(void)
{
	struct inode *d = cf_look(c.root, "d"), *f = cf_look(d, "renamed"), *hard = cf_look(c.root, "hard");
	struct inode *l = cf_look(d, "fifo"), *p = cf_look(d, "l");
	char buf[16];

	ck_assert(f && f == hard && l && p);
	ck_assert_uint_eq(cf_nlink(f), 2);
	ck_assert_int_eq(namei_readlink(l, buf, sizeof(buf)), 6);
	ck_assert(S_ISFIFO(cf_stat(p).mode));
	ck_assert(!cf_exists(d, "f") && !cf_exists(d, "gone") && !cf_exists(d, "x"));
	ck_assert_uint_eq(cf_nlink(d), 2);
	inode_put(f, 2);
	put(l);
	put(p);
	put(d);
}

START_TEST(every_namespace_operation_survives_a_crash_behind_it)
{
	make_names();
	cf_crash(&c);
	change_names();
	check_changed_names();
	struct fs_stat before = cf_statfs(&c), after;

	cf_crash(&c);
	check_changed_names();
	after = cf_statfs(&c);
	ck_assert_uint_eq(after.bfree, before.bfree);
	ck_assert_uint_eq(after.inodes, before.inodes);
	ck_assert_uint_eq(after.recovered_txns, 0);
}
END_TEST

START_TEST(attributes_and_sizes_survive_a_crash)
{
	struct inode *f = cf_file(c.root, "f");
	struct iattr want = { .mode = 0640, .uid = 7, .gid = 8, .mtime = -5, .atime = 77, .size = 12345 };

	ck_assert_int_eq(attr_set(f, &want, ATTR_SET_MODE | ATTR_SET_UID | ATTR_SET_GID | ATTR_SET_MTIME |
				  ATTR_SET_ATIME | ATTR_SET_SIZE), 0);
	cf_crash(&c);
	f = cf_look(c.root, "f");
	struct iattr a = cf_stat(f);

	ck_assert_uint_eq(a.mode, S_IFREG | 0640);
	ck_assert_uint_eq(a.uid, 7);
	ck_assert_uint_eq(a.gid, 8);
	ck_assert_int_eq(a.mtime, -5);
	ck_assert_int_eq(a.atime, 77);
	ck_assert_uint_eq(a.size, 12345);
	put(f);
}
END_TEST

START_TEST(freed_number_comes_back_with_another_generation)
{
	struct inode *f = cf_file(c.root, "f"), *g;
	uint64_t ino = f->ino;
	uint32_t gen = cf_stat(f).gen;

	put(f);
	ck_assert_int_eq(cf_unlink(c.root, "f"), 0);
	ck_assert_int_eq(inode_get(c.fs, ino, &g), -ESTALE);
	cf_crash(&c);
	ck_assert_int_eq(inode_get(c.fs, ino, &g), -ESTALE);
	g = cf_file(c.root, "g");
	ck_assert_uint_eq(g->ino, ino);
	ck_assert_uint_ne(cf_stat(g).gen, gen);
	put(g);
}
END_TEST

/* -- damage met while mounted ------------------------------------------------ */

static void check_turned_read_only(void)
{
	struct create_req rq = { .mode = S_IFREG | 0600, .cred = cf_root };
	struct inode *out;

	ck_assert(fs_rdonly(c.fs));
	ck_assert_int_eq(namei_create(c.root, cf_name("n"), &rq, &out), -EROFS);
	put(c.root);
	ck_assert_int_le(fs_close(c.fs), 0);
	c.fs = NULL;
}

START_TEST(damaged_inode_turns_the_filesystem_read_only)
{
	struct inode *out;

	make_readable();
	struct dinode *slot = slot_of("f");

	cf_remount(&c);
	((uint8_t *)slot)[99] ^= 0x10;
	ck_assert_int_eq(namei_lookup(c.root, cf_name("f"), &out), -EUCLEAN);
	check_turned_read_only();
}
END_TEST

START_TEST(damaged_directory_block_turns_the_filesystem_read_only)
{
	struct inode *out;

	make_readable();
	uint8_t *blk = cf_media(c.root, 0);

	cf_remount(&c);
	blk[DAXFS_LINE] ^= 1;
	ck_assert_int_eq(namei_lookup(c.root, cf_name("f"), &out), -EUCLEAN);
	check_turned_read_only();
}
END_TEST

START_TEST(damaged_map_node_turns_the_filesystem_read_only)
{
	struct inode *f = cf_file(c.root, "f");
	char byte;

	for (unsigned i = 0; i < 20; i++)
		cf_write(f, "s", 1, i * 2 * CF_BLOCK);
	ck_assert_uint_gt(le16_get(f->slot->map.depth), 0);
	struct dextnode *node = disk_ptr(&c.fs->disk, (pblk_t){ le64_get(f->slot->map.idx[0].pblk) });

	put(f);
	cf_remount(&c);
	node->count.le ^= 0x100;
	f = cf_look(c.root, "f");
	ck_assert_int_eq(file_read(f, &byte, 1, 0), -EUCLEAN);
	put(f);
	check_turned_read_only();
}
END_TEST

START_TEST(damaged_xattr_block_turns_the_filesystem_read_only)
{
	struct xattr_set_req rq = { .name = "user.a", .value = "value", .size = 5 };
	struct inode *f = cf_file(c.root, "f");
	char buf[8];

	ck_assert_int_eq(xattr_set(f, &rq), 0);
	uint8_t *blk = disk_ptr(&c.fs->disk, f->xattr);

	put(f);
	cf_remount(&c);
	blk[100] ^= 1;
	f = cf_look(c.root, "f");
	ck_assert_int_eq(xattr_get(f, "user.a", buf, sizeof(buf)), -EUCLEAN);
	put(f);
	check_turned_read_only();
}
END_TEST

START_TEST(errors_continue_keeps_the_filesystem_writable)
{
	struct inode *out;

	make_readable();
	put(cf_file(c.root, "g"));
	struct dinode *slot = slot_of("f");

	cf_close(&c);
	cf_mount(&c, FS_ERRORS_CONTINUE);
	((uint8_t *)slot)[99] ^= 0x10;
	ck_assert_int_eq(namei_lookup(c.root, cf_name("f"), &out), -EUCLEAN);
	ck_assert(!fs_rdonly(c.fs));
	ck_assert_int_eq(cf_unlink(c.root, "g"), 0);
}
END_TEST

/* Any byte of the root directory's first block or of a file's inode. */
START_TEST(no_flipped_byte_crashes_a_mounted_filesystem)
{
	make_names();
	cf_close(&c);
	uint8_t *copy = malloc(SIZE);
	uint64_t seed = (uint64_t)_i + 1;

	memcpy(copy, c.rg->base, SIZE);
	for (unsigned i = 0; i < 60; i++) {
		cf_mount(&c, 0);
		struct inode *d = cf_look(c.root, "d"), *out;
		uint8_t *at = i % 2 ? cf_media(d, 0) + rng(&seed) % 256 : (uint8_t *)d->slot + rng(&seed) % 2048;

		put(d);
		*at ^= (uint8_t)(1u << rng(&seed) % 8);
		if (namei_lookup(c.root, cf_name("d"), &d) == 0) {
			if (namei_lookup(d, cf_name("f"), &out) == 0)
				put(out);
			(void)cf_mv(d, "f", "g", 0);
			(void)cf_unlink(d, "l");
			put(d);
		}
		cf_kill(&c);
		memcpy(c.rg->base, copy, SIZE);
	}
	free(copy);
}
END_TEST

static TCase *super_case(void)
{
	TCase *tc = cf_case("super", setup, teardown);

	tcase_add_test(tc, snapshot_and_scan_find_the_same_free_space);
	tcase_add_test(tc, damaged_snapshot_is_scanned_around);
	tcase_add_test(tc, free_space_from_a_snapshot_holds_no_claimed_block);
	tcase_add_test(tc, damaged_superblock_is_refused_and_mended_from_its_copy);
	tcase_add_test(tc, wiped_superblock_is_refused_and_mended_from_its_copy);
	tcase_add_test(tc, copy_knows_of_an_inode_file_that_has_grown);
	tcase_add_test(tc, without_a_good_copy_there_is_nothing_to_mend_from);
	tcase_add_test(tc, newer_incompatible_features_are_refused);
	tcase_add_test(tc, unknown_ro_compatible_features_mount_read_only);
	tcase_add_test(tc, unknown_compatible_features_do_not_matter);
	return tc;
}

static TCase *file_case(void)
{
	TCase *tc = cf_case("file", setup_file, teardown_file);

	tcase_add_test(tc, read_only_mount_of_a_clean_file_writes_nothing);
	tcase_add_test(tc, read_only_mount_of_an_unclean_file_writes_nothing);
	tcase_add_test(tc, read_only_mount_with_something_to_roll_back_writes_nothing);
	tcase_add_test(tc, read_only_mount_from_the_copy_writes_nothing);
	tcase_add_test(tc, file_mounted_twice_is_busy);
	return tc;
}

static TCase *recovery_case(void)
{
	TCase *tc = cf_case("recovery", setup, teardown);

	tcase_add_test(tc, closing_takes_time_by_the_number_of_inodes_not_its_square);
	tcase_add_test(tc, block_with_two_owners_is_found_at_recovery);
	tcase_add_test(tc, damaged_inode_is_found_at_recovery);
	tcase_add_test(tc, many_inodes_are_all_found_at_recovery);
	tcase_add_test(tc, every_namespace_operation_survives_a_crash_behind_it);
	tcase_add_test(tc, attributes_and_sizes_survive_a_crash);
	tcase_add_test(tc, freed_number_comes_back_with_another_generation);
	tcase_add_test(tc, damaged_inode_turns_the_filesystem_read_only);
	tcase_add_test(tc, damaged_directory_block_turns_the_filesystem_read_only);
	tcase_add_test(tc, damaged_map_node_turns_the_filesystem_read_only);
	tcase_add_test(tc, damaged_xattr_block_turns_the_filesystem_read_only);
	tcase_add_test(tc, errors_continue_keeps_the_filesystem_writable);
	tcase_add_loop_test(tc, no_flipped_byte_crashes_a_mounted_filesystem, 0, 2);
	return tc;
}

Suite *suite_core_mount(void)
{
	Suite *s = suite_create("core_mount");

	suite_add_tcase(s, super_case());
	suite_add_tcase(s, file_case());
	suite_add_tcase(s, recovery_case());
	return s;
}
