/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample.c -- small filesystems that hold one of everything
 */
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "core/attr.h"
#include "core/file.h"
#include "core/space.h"
#include "core/xattr.h"
#include "harness/rig.h"
#include "harness/rng.h"
#include "pm/record.h"
#include "pm/region.h"

#define LEAF_EXTENTS	400	/* three leaves */
#define DEEP_EXTENTS	1700	/* more than nine leaves */
#define BIG_NAMES	200
#define LONG_TARGET	3000

/* A victim's type and name; what begins with a slash is made below /dir. */
struct object { const char *dir, *name; mode_t mode; };

static const struct object objects[V_NR] = {
	[V_FILE] = { "", "file", S_IFREG | 0640 },
	[V_OTHER] = { "", "other", S_IFREG | 0600 },
	[V_LEAF] = { "", "leaf", S_IFREG | 0644 },
	[V_DEEP] = { "", "deep", S_IFREG | 0644 },
	[V_UNWRITTEN] = { "", "unwritten", S_IFREG | 0644 },
	[V_WIDE] = { "", "wide", S_IFREG | 0644 },
	[V_XATTRS] = { "", "xattrs", S_IFREG | 0644 },
	[V_XATTR] = { "", "xattr", S_IFREG | 0644 },
	[V_HARD] = { "", "hard", S_IFREG | 0444 },
	[V_DIR] = { "", "dir", S_IFDIR | 02775 },
	[V_SUB] = { "dir", "sub", S_IFDIR | 0700 },
	[V_NESTED] = { "dir/sub", "nested", S_IFREG | 0755 },
	[V_BIG] = { "", "big", S_IFDIR | 01777 },
	[V_IN_BIG] = { "big", "name100", S_IFREG | 0644 },
	[V_EMPTY] = { "", "empty", S_IFDIR | 0755 },
	[V_SHORT] = { "", "short", S_IFLNK | 0777 },
	[V_LONG] = { "", "long", S_IFLNK | 0777 },
	[V_CHR] = { "", "chr", S_IFCHR | 0600 },
	[V_BLK] = { "", "blk", S_IFBLK | 0600 },
	[V_FIFO] = { "", "fifo", S_IFIFO | 0600 },
	[V_SOCK] = { "", "sock", S_IFSOCK | 0600 },
	[V_FREE] = { "", "free", S_IFREG | 0600 },
	[V_ORPHAN] = { "", "orphan", S_IFREG | 0600 },
};

const char *sample_victim_name(enum victim v)
{
	return v == V_IFILE ? "inode file" : v == V_ROOT ? "root" : objects[v].name;
}

static void must(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "image: %s: %s\n", what, strerror(-err));
	abort();
}

/* -- making objects ------------------------------------------------------------------ */

static struct inode *make(struct inode *dir, const char *name, mode_t mode)
{
	static char target[LONG_TARGET + 1];
	struct create_req rq = { .mode = mode, .cred = rig_root, .rdev = makedev(8, 1) };
	struct inode *ip;

	memset(target, 't', LONG_TARGET);
	if (S_ISLNK(mode))
		rq.target = !strcmp(name, "long") ? target : "where/short/points";
	must(namei_create(dir, rig_name(name), &rq, &ip), name);
	return ip;
}

static struct inode *open_dir(struct rig *g, const char *path)
{
	struct inode *sub, *dir = g->root;

	if (!*path)
		return inode_ref(dir), dir;
	dir = rig_look(g->root, "dir");
	if (!strcmp(path, "big")) {
		inode_put(dir, 1);
		return rig_look(g->root, "big");
	}
	if (!strcmp(path, "dir"))
		return dir;
	sub = rig_look(dir, "sub");
	inode_put(dir, 1);
	return sub;
}

static struct inode *victim_open(struct rig *g, enum victim v)
{
	struct inode *dir = open_dir(g, objects[v].dir), *ip = rig_look(dir, objects[v].name);

	inode_put(dir, 1);
	return ip;
}

/* @n blocks of content that tells where it comes from. */
static void write_blocks(struct inode *ip, uint64_t lblk, unsigned n)
{
	uint64_t words[DAXFS_BLOCK_SIZE / 8];
	struct rng r;

	for (unsigned i = 0; i < n; i++) {
		rng_init(&r, ip->ino << 32 | (lblk + i));
		for (size_t k = 0; k < sizeof(words) / 8; k++)
			words[k] = rng_next(&r);
		rig_write(ip, words, sizeof(words), (lblk + i) * DAXFS_BLOCK_SIZE);
	}
}

static void write_scattered(struct inode *ip, unsigned extents)
{
	for (unsigned i = 0; i < extents; i++)
		write_blocks(ip, 2 * (uint64_t)i, 1);
}

static void write_at_once(struct inode *ip, size_t bytes)
{
	uint8_t *buf = malloc(bytes);

	if (!buf)
		abort();
	for (size_t i = 0; i < bytes; i++)
		buf[i] = (uint8_t)(i * 31 >> 8 ^ i);
	rig_write(ip, buf, bytes, 0);
	free(buf);
}

static void set_xattr(struct inode *ip, const char *name, size_t bytes)
{
	static uint8_t value[DAXFS_XATTR_SIZE_MAX];
	const struct xattr_set_req rq = { .name = name, .value = value, .size = bytes };

	memset(value, name[5], bytes);
	must(xattr_set(ip, &rq), name);
}

static void set_xattrs(struct inode *ip)
{
	set_xattr(ip, "user.first", 100);
	set_xattr(ip, "user.second", 5000);
	set_xattr(ip, "trusted.third", 4000);
	set_xattr(ip, "security.fourth", 9);
	set_xattr(ip, "user.empty", 0);
}

/* Every fourth name goes again, from the second half two neighbours in a row. */
static void fill_big(struct inode *dir)
{
	char name[256];

	for (unsigned i = 0; i < BIG_NAMES; i++) {
		snprintf(name, sizeof(name), "name%u%.*s", i, i == 100 ? 0 : (int)(i % 90),
			 "-a-name-that-is-rather-long-so-that-the-directory-has-more-than-one-block-in-the-end-........");
		inode_put(rig_make(dir, name, S_IFREG | 0644), 1);
		if (i % 4 == 0 && i != 100)
			must(rig_unlink(dir, name), name);
	}
}

static void fill(enum victim v, struct inode *ip)
{
	static const uint8_t some[5000] = "some";

	switch (v) {
	case V_FILE: write_blocks(ip, 0, 3); write_blocks(ip, 256, 2); break;
	case V_OTHER: write_blocks(ip, 0, 4); break;
	case V_LEAF: write_scattered(ip, LEAF_EXTENTS); break;
	case V_DEEP: write_scattered(ip, DEEP_EXTENTS); break;
	case V_UNWRITTEN:
		must(space_fallocate(ip, 0, 0, 10 * DAXFS_BLOCK_SIZE), "fallocate");
		write_blocks(ip, 4, 2);
		break;
	case V_WIDE: write_at_once(ip, 4 << 20); break;
	case V_XATTRS: set_xattrs(ip); break;
	case V_XATTR: set_xattr(ip, "user.one", 77); rig_write(ip, some, 5000, 0); break;
	case V_DIR: set_xattr(ip, "user.dir", 10); break;
	case V_BIG: fill_big(ip); break;
	case V_HARD: write_blocks(ip, 0, 1); break;
	case V_NESTED: write_blocks(ip, 1, 1); break;
	default: break;
	}
}

static void one_object(struct sample *im, struct rig *g, enum victim v)
{
	struct inode *dir, *ip;

	if (v == V_IN_BIG) {
		ip = victim_open(g, v);
	} else {
		dir = open_dir(g, objects[v].dir);
		ip = make(dir, objects[v].name, objects[v].mode);
		inode_put(dir, 1);
		fill(v, ip);
	}
	im->ino[v] = ip->ino;
	inode_put(ip, 1);
}

static void second_name(struct rig *g)
{
	struct inode *hard = victim_open(g, V_HARD), *dir = victim_open(g, V_DIR);

	must(namei_link(hard, dir, rig_name("hard")), "link");
	inode_put(hard, 1);
	inode_put(dir, 1);
}

static void populate(struct sample *im, struct rig *g)
{
	for (enum victim v = V_FILE; v < V_ORPHAN; v++)
		one_object(im, g, v);
	im->ino[V_IFILE] = 0;
	im->ino[V_ROOT] = DAXFS_ROOT_INO;
	second_name(g);
	must(rig_unlink(g->root, "free"), "unlink");
}

/* -- images ---------------------------------------------------------------------------- */

static void take(struct sample *im, const uint8_t *from)
{
	im->bytes = malloc(SAMPLE_SIZE);
	if (!im->bytes)
		abort();
	memcpy(im->bytes, from, SAMPLE_SIZE);
}

void sample_free(struct sample *im)
{
	free(im->bytes);
	im->bytes = NULL;
}

void sample_clean(struct sample *im)
{
	struct rig g;

	*im = (struct sample){ 0 };
	rig_new(&g, SAMPLE_SIZE, RIG_RAM);
	populate(im, &g);
	rig_close(&g);
	take(im, g.rg->base);
	rig_free(&g);
}

static unsigned live_lane(const struct sample *im)
{
	unsigned lanes = le32_get(sample_super(im)->nr_lanes), i = 0;

	while (i < lanes && !sample_log_live(im, i))
		i++;
	return i;
}

static int live_at(struct sample *im, const struct region *rg, size_t n)
{
	record_image(rg, n, REC_ALL, 0, im->bytes);
	im->lane = live_lane(im);
	return im->lane < le32_get(sample_super(im)->nr_lanes);
}

/* In the middle of the moments at which a log is live: some of its ranges have changed, some have not. */
static void cut(struct sample *im, const struct region *rg)
{
	size_t first = 0, last = record_nr(rg);

	while (first < record_nr(rg) && !live_at(im, rg, first))
		first++;
	while (last > first && !live_at(im, rg, last))
		last--;
	if (last == first)
		abort();
	live_at(im, rg, (first + last) / 2);
}

/* It takes the number of the free slot, so there has to be another one. */
static void make_orphan(struct sample *im, struct rig *g)
{
	struct inode *ip;

	one_object(im, g, V_ORPHAN);
	one_object(im, g, V_FREE);
	must(rig_unlink(g->root, "free"), "unlink");
	ip = victim_open(g, V_ORPHAN);
	write_blocks(ip, 0, 20);
	must(rig_unlink(g->root, "orphan"), "unlink");
}

void sample_unclean(struct sample *im)
{
	const struct iattr new = { .mode = 0444, .uid = 77, .gid = 78 };
	struct inode *other;
	struct rig g;

	*im = (struct sample){ 0 };
	rig_new(&g, SAMPLE_SIZE, RIG_RECORD);
	populate(im, &g);
	make_orphan(im, &g);
	other = victim_open(&g, V_OTHER);
	record_start(g.rg);
	must(attr_set(other, &new, ATTR_SET_MODE | ATTR_SET_UID | ATTR_SET_GID), "attr_set");
	record_stop(g.rg);
	take(im, g.rg->base);
	cut(im, g.rg);
	rig_kill(&g);
	rig_free(&g);
}
