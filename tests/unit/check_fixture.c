// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * check_fixture.c -- running the checker on a core fixture's region
 */
#include "check_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc.h"
#include "core/file.h"
#include "core/space.h"
#include "core/xattr.h"
#include "pm/record.h"
#include "pm/region.h"

struct cf kf;
char kf_said[65536];

static void say(void *arg, const char *line)
{
	size_t n = strlen(kf_said);

	(void)arg;
	snprintf(kf_said + n, sizeof(kf_said) - n, "%s\n", line);
}

bool kf_said_that(const char *text)
{
	return strstr(kf_said, text) != NULL;
}

struct check_result kf_check(struct region *rg, enum check_mode mode)
{
	const struct check_opts o = { .mode = mode, .say = say };
	struct check_result res;

	kf_said[0] = '\0';
	ck_assert_int_eq(check_region(rg, &o, &res), 0);
	ck_assert_uint_eq(res.found, res.fixed + res.left);
	return res;
}

unsigned kf_exit(struct region *rg, enum check_mode mode)
{
	return kf_check(rg, mode).exit;
}

void kf_repairs(struct region *rg)
{
	uint8_t *before = malloc(rg->size);

	must(before);
	memcpy(before, rg->base, rg->size);
	ck_assert_uint_eq(kf_exit(rg, CHECK_NO), 4);
	must(!memcmp(before, rg->base, rg->size));
	free(before);
	ck_assert_uint_eq(kf_exit(rg, CHECK_YES), 1);
	char *said = strdup(kf_said);

	ck_assert_uint_eq(kf_exit(rg, CHECK_NO), 0);
	strcpy(kf_said, said);
	free(said);
}

/* -- content ----------------------------------------------------------------- */

static void make_attrs(struct inode *ip)
{
	static char value[5000];

	memset(value, 'v', sizeof(value));
	for (char c = 'a'; c < 'e'; c++) {
		char name[] = "user.x";
		struct xattr_set_req rq = { .name = name, .value = value, .size = sizeof(value) };

		name[5] = c;
		must(xattr_set(ip, &rq) == 0);
	}
}

static void make_sparse(struct inode *dir, const char *name, unsigned blocks)
{
	struct inode *ip = cf_file(dir, name);

	for (unsigned i = 0; i < blocks; i++)
		cf_fill(ip, (uint64_t)i * 2 * CF_BLOCK, 100, 's');
	put(ip);
}

/*
 * /d/f, 20000 bytes of 'f', also /d/hard; /d/l and /d/long, symlinks; /d/fifo, /d/dev, /d/sock;
 * /d/attrs with a chain; /d/sub/one; /sparse and /deep, maps of two and three levels; /many with
 * names come and gone.
 */
void kf_populate(struct inode *root)
{
	static char target[400];
	struct create_req rq = { .mode = S_IFLNK | 0777, .target = target, .cred = cf_root };
	struct inode *d = cf_dir(root, "d"), *many = cf_dir(root, "many"), *f = cf_file(d, "f"), *sub = cf_dir(d, "sub");
	struct inode *ip;
	char name[64];

	cf_fill(f, 0, 20000, 'f');
	must(namei_link(f, d, cf_name("hard")) == 0);
	memset(target, 't', 300);
	must(namei_create(d, cf_name("long"), &rq, &ip) == 0);
	put(ip);
	target[10] = '\0';
	must(namei_create(d, cf_name("l"), &rq, &ip) == 0);
	put(ip);
	put(cf_make(d, "fifo", S_IFIFO | 0600));
	put(cf_make(d, "sock", S_IFSOCK | 0600));
	rq = (struct create_req){ .mode = S_IFCHR | 0600, .rdev = 0x103, .cred = cf_root };
	must(namei_create(d, cf_name("dev"), &rq, &ip) == 0);
	put(ip);
	ip = cf_file(d, "attrs");
	make_attrs(ip);
	put(ip);
	put(cf_file(sub, "one"));
	make_sparse(root, "sparse", 100);
	make_sparse(root, "deep", 1700);
	for (unsigned i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "a-name-of-some-length-%u", i);
		put(cf_file(many, name));
		if (i % 3 == 0)
			must(cf_unlink(many, name) == 0);
	}
	put(sub);
	put(f);
	put(many);
	put(d);
}

struct dinode *kf_slot(struct inode *dir, const char *name)
{
	struct inode *ip = cf_look(dir, name);
	struct dinode *slot = ip->slot;

	put(ip);
	return slot;
}

void kf_seal(struct dinode *di)
{
	dinode_seal(di);
}

/* -- the frame of a test ------------------------------------------------------------------ */

static void setup(void)
{
	cf_new(&kf, KF_SIZE, CF_RAM);
	kf_populate(kf.root);
}

static void teardown(void)
{
	cf_free(&kf);
}

TCase *kf_case(const char *name)
{
	TCase *tc = cf_case(name, setup, teardown);

	tcase_set_timeout(tc, 240);
	return tc;
}

struct inode *kf_look(const char *dir, const char *name)
{
	struct inode *d = cf_look(kf.root, dir), *ip;

	must(d);
	ip = cf_look(d, name);
	put(d);
	return ip;
}

bool kf_there(const char *dir, const char *name)
{
	struct inode *ip = kf_look(dir, name);

	if (ip)
		put(ip);
	return ip != NULL;
}

struct dinode *kf_slot_at(const char *dir, const char *name)
{
	struct inode *d = cf_look(kf.root, dir);
	struct dinode *slot = kf_slot(d, name);

	put(d);
	return slot;
}

void *kf_block(uint64_t pblk)
{
	return kf.rg->base + pblk * CF_BLOCK;
}

void kf_fill_up(void)
{
	struct inode *ip = cf_exists(kf.root, "ballast") ? cf_look(kf.root, "ballast") : cf_file(kf.root, "ballast");

	for (uint64_t len = KF_SIZE; len; len /= 2)
		while (!space_fallocate(ip, 0, cf_stat(ip).size, len))
			;
	put(ip);
}

void kf_claim(struct dinode *di, uint64_t blk)
{
	di->map.ext[0] = (struct dextent){ le64_make(0), le64_make(blk), le32_make(1), le32_make(0) };
	di->map.count = le16_make(1);
	di->size = le64_make(CF_BLOCK);
	di->blocks = le64_make(1);
	kf_seal(di);
}

struct region *kf_live_log(struct cf *rec)
{
	struct region *img;
	size_t last = 0;

	must(region_open_ram(&img, rec->rg->size) == 0);
	record_start(rec->rg);
	put(cf_file(rec->root, "during"));
	for (size_t i = 0; i < record_nr(rec->rg); i++) {
		record_image(rec->rg, i, REC_ALL, 0, img->base);
		if (kf_check(img, CHECK_NO).undone)
			last = i;
	}
	record_image(rec->rg, last, REC_ALL, 0, img->base);
	ck_assert_uint_eq(kf_check(img, CHECK_NO).undone, 1);
	return img;
}

void kf_intact(void)
{
	struct inode *f = kf_look("d", "f");

	must(f);
	ck_assert(cf_is(f, 0, 20000, 'f'));
	ck_assert_uint_eq(cf_stat(f).size, 20000);
	ck_assert_uint_eq(cf_nlink(f), 2);
	put(f);
}

void kf_repaired(const char *message)
{
	kf_repairs(kf.rg);
	ck_assert_msg(kf_said_that(message), "not said: %s; but: %s", message, kf_said);
	cf_mount(&kf, 0);
	kf_intact();
}

struct ddirent *kf_record(const char *dir, const char *name, struct ddirblk **blk)
{
	struct inode *d = strcmp(dir, "/") ? cf_look(kf.root, dir) : kf.root;

	for (uint64_t off = 0; off < cf_stat(d).size; off += CF_BLOCK) {
		uint8_t *b = cf_media(d, off);

		*blk = (void *)b;
		for (unsigned at = sizeof(**blk); at < CF_BLOCK; ) {
			struct ddirent *e = (void *)(b + at);

			if (le64_get(e->ino) && e->name_len == strlen(name) && !memcmp(e->name, name, e->name_len)) {
				if (d != kf.root)
					put(d);
				return e;
			}
			at += le16_get(e->rec_len);
		}
	}
	ck_abort_msg("no %s in %s", name, dir);
	return NULL;
}

void kf_seal_record(struct ddirblk *blk, struct ddirent *e)
{
	struct { le64 self; le32 off, zero; struct ddirent head; } in = {
		.self = blk->self, .off = le32_make((uint32_t)((uint8_t *)e - (uint8_t *)blk)), .head = *e,
	};

	in.head.csum = le32_make(0);
	e->csum = le32_make(crc32c(crc32c(0, &in, sizeof(in)), e->name, e->name_len));
}
