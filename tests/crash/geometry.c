/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * geometry.c -- the shapes of filesystems on which crashes are explored
 *
 * All have the same files, so that every operation finds what it works on, and
 * something else that brings the engine into another corner.  Free media is full
 * of POISON first: whoever sees it sees what was never written.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/acl.h"
#include "core/file.h"
#include "core/instance.h"
#include "core/pin.h"
#include "core/space.h"
#include "core/xattr.h"
#include "crash/claims.h"
#include "crash/crash.h"
#include "harness/lanes.h"
#include "harness/rig.h"

#define NR_GEOMETRIES_MAX 16

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "crash: %s failed while a geometry was made\n", what);
	abort();
}

/* -- what all have -------------------------------------------------------------------------- */

void settle(struct fs *fs)
{
	limbo_drain(fs, 1000);
}

static void put_file(struct inode *dir, const char *name, size_t len, unsigned salt)
{
	struct inode *ip = rig_make(dir, name, S_IFREG | 0644);
	uint8_t *buf = malloc(len);

	must(buf != NULL, "malloc");
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(1 + (i * 31 + i / 251 + salt * 17) % 120);
	rig_write(ip, buf, len, 0);
	free(buf);
	inode_put(ip, 1);
}

/* 3 blocks, a hole of 5, 2 blocks that are allocated and not written, a hole, and a last block that is half used. */
static void put_sparse(struct inode *dir, const char *name, unsigned salt)
{
	put_file(dir, name, 3 * 4096, salt);
	struct inode *ip = rig_look(dir, name);

	must(!space_fallocate(ip, 0, 8 * 4096, 2 * 4096), "fallocate");
	rig_write(ip, "the last block, of which this is all that there is", 50, 12 * 4096 + 2000);
	inode_put(ip, 1);
}

static void put_value(struct inode *dir, const char *file, const struct xattr_set_req *rq)
{
	struct inode *ip = rig_look(dir, file);

	must(!xattr_set(ip, rq), "setxattr");
	settle(ip->fs);
	inode_put(ip, 1);
}

static void put_xattr(struct inode *dir, const char *file, const char *name, size_t len)
{
	uint8_t *value = malloc(len);

	must(value != NULL, "malloc");
	memset(value, name[5], len);
	put_value(dir, file, &(struct xattr_set_req){ .name = name, .value = value, .size = len });
	free(value);
}

void acl_make(uint8_t acl[ACL_BYTES], unsigned perm)
{
	const uint8_t bytes[ACL_BYTES] = {
		ACL_FORM, ACL_FOR_OWNER(6), ACL_FOR_USER(5, perm), ACL_FOR_OWN_GROUP(4), ACL_FOR_MASK(perm),
		ACL_FOR_OTHERS(0),
	};

	memcpy(acl, bytes, ACL_BYTES);
}

static void put_acl(struct inode *dir, const char *file, const char *name)
{
	uint8_t acl[ACL_BYTES];

	acl_make(acl, 7);
	put_value(dir, file, &(struct xattr_set_req){ .name = name, .value = acl, .size = sizeof(acl) });
}

static void put_step_files(struct fs *fs, struct inode *root, unsigned i)
{
	char n[16];
	(void)fs;
#define NAME(c) (snprintf(n, sizeof(n), c "%u", i), n)
	put_sparse(root, NAME("f"), i);
	put_file(root, NAME("s"), 700, 10 + i);
	put_file(root, NAME("x"), 90, 20 + i);
	put_xattr(root, n, "user.small", 40);
	put_xattr(root, n, "user.large", 6000);
	put_acl(root, n, ACL_ACCESS_NAME);
	put_file(root, NAME("h"), 5000, 30 + i);
	struct inode *ip = rig_look(root, n);

	must(!namei_link(ip, root, rig_name(NAME("t"))), "link");
	inode_put(ip, 1);
	inode_put(rig_make(root, NAME("l"), S_IFLNK | 0777), 1);
	inode_put(rig_make(root, NAME("e"), S_IFDIR | 0755), 1);
	put_acl(root, n, ACL_DEFAULT_NAME);
	struct inode *dir = rig_make(root, NAME("d"), S_IFDIR | 0755);

	put_file(dir, "x", 300, 40 + i);
	inode_put(dir, 1);
#undef NAME
}

/* A directory whose only block is full, so that the next name needs another. */
static void put_full_dir(struct inode *root)
{
	struct inode *dir = rig_make(root, "g", S_IFDIR | 0755);
	char name[256];

	memset(name, 'g', 250);
	for (unsigned i = 0; i < (4096 - 32) / DAXFS_DIRENT_LEN(253); i++) {
		snprintf(name + 250, sizeof(name) - 250, "%03u", i);
		inode_put(rig_make(dir, name, S_IFIFO | 0600), 1);
	}
	inode_put(dir, 1);
}

static void furnish_all(struct fs *fs)
{
	struct inode *root;

	must(!inode_get(fs, DAXFS_ROOT_INO, &root), "root");
	for (unsigned i = 1; i <= STEP_FILES; i++)
		put_step_files(fs, root, i);
	put_full_dir(root);
	inode_put(root, 1);
}

/* -- what makes one different ------------------------------------------------------------------ */

static struct inode *root_of(struct fs *fs)
{
	struct inode *root;

	must(!inode_get(fs, DAXFS_ROOT_INO, &root), "root");
	return root;
}

/* Leaves two free blocks, and the ballast may give one back. */
static void fill_up(struct fs *fs)
{
	struct inode *root = root_of(fs), *ip = rig_make(root, "ballast", S_IFREG | 0644);
	uint64_t off = 0;
	struct fs_stat st;

	file_open(ip);
	for (fs_statfs(fs, &st); st.bfree > 2; fs_statfs(fs, &st)) {
		uint64_t n = st.bfree > 40 ? st.bfree - 20 : 1;

		if (space_fallocate(ip, 0, off * 4096, n * 4096))
			break;
		off += n;
	}
	file_release(ip);
	inode_put(ip, 1);
	inode_put(root, 1);
}

/* Free space in single blocks: a file of which every other block is a hole, and the rest full. */
static void fragment(struct fs *fs)
{
	struct inode *root = root_of(fs), *ip = rig_make(root, "shreds", S_IFREG | 0644);
	struct fs_stat st;

	file_open(ip);
	fs_statfs(fs, &st);
	uint64_t n = st.bfree - 30;

	must(!space_fallocate(ip, 0, 0, n * 4096), "fallocate");
	for (uint64_t b = 0; b < 600; b += 2)
		must(!space_fallocate(ip, 3 /* punch a hole, keep the size */, b * 4096, 4096), "punch");
	file_release(ip);
	inode_put(ip, 1);
	inode_put(root, 1);
}

/* f1..f3 get more extents than two levels of nodes hold. */
static void deepen(struct fs *fs)
{
	struct inode *root = root_of(fs);

	for (unsigned i = 1; i <= STEP_FILES; i++) {
		char n[] = { 'f', (char)('0' + i), 0 };
		struct inode *ip = rig_look(root, n);

		for (uint64_t b = 0; b < 1700; b++)
			must(!space_fallocate(ip, 1 /* keep the size */, (20 + 2 * b) * 4096, 4096), "fallocate");
		inode_put(ip, 1);
	}
	inode_put(root, 1);
}

/* The root gets so many names that it has dozens of blocks. */
static void crowd(struct fs *fs)
{
	struct inode *root = root_of(fs), *ip = rig_look(root, "s1");
	char name[64];

	for (unsigned i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "one of very many names, and this is number %u", i);
		must(!namei_link(ip, root, rig_name(name)), "link");
	}
	inode_put(ip, 1);
	inode_put(root, 1);
}

const struct geometry geometries[] = {
	{ "roomy", 8 * MIB, 0, 0, NULL, false },
	{ "full", 8 * MIB, 0, 0, fill_up, false },
	{ "onelane", 8 * MIB, 1, 16, NULL, false },
	{ "manylanes", 8 * MIB, 4, 8, NULL, false },
	{ "fragmented", 8 * MIB, 0, 0, fragment, false },
	{ "deep", 32 * MIB, 0, 0, deepen, false },
	{ "crowded", 8 * MIB, 0, 0, crowd, false },
	{ "orphans", 8 * MIB, 0, 0, NULL, true },
	{ 0 },
};

/* -- making one ---------------------------------------------------------------------------------- */

/* All but the snapshot, which lies in free blocks too. */
static void poison_free(struct region *rg)
{
	const struct dsuper *sb = (const struct dsuper *)(const void *)rg->base;
	uint64_t snap = pblk_nr((pblk_t){ le64_get(sb->snap.start) }) * DAXFS_BLOCK_SIZE;
	uint64_t end = snap + le64_get(sb->snap.bytes);
	struct claims c;

	claims_load(&c, rg);
	for (uint64_t off = 0; off < rg->size; off++) {
		if (off == snap)
			off = end;
		if (!c.of[off / DAXFS_BLOCK_SIZE])
			rg->base[off] = POISON;
	}
	claims_free(&c);
}

static uint8_t *make_image(const struct geometry *g)
{
	const struct fs_format_opts fo = { .label = "crash", .uuid = { 1, 2, 3, 4, 5, 6, 7, 8 } };
	struct fs_format_opts with = fo;
	struct fs_format_result res;
	struct fs_opts mo = { .flags = FS_NOATIME };
	struct fs *fs;

	must(!region_open_ram(&mo.region, g->size), "memory");
	memset(mo.region->base, POISON, mo.region->size);
	with.region = mo.region;
	must(!fs_format(&with, &res), "format");
	if (g->nr_lanes)
		lanes_divide(mo.region, g->nr_lanes, g->lane_blocks);
	must(!fs_open(&fs, &mo), "mount");
	furnish_all(fs);
	if (g->furnish)
		g->furnish(fs);
	must(!fs_close(fs), "unmount");
	poison_free(mo.region);
	uint8_t *image = malloc(mo.region->size);

	must(image != NULL, "malloc");
	memcpy(image, mo.region->base, mo.region->size);
	region_close(mo.region);
	return image;
}

const uint8_t *geometry_image(const struct geometry *g)
{
	static uint8_t *image[NR_GEOMETRIES_MAX];
	size_t i = (size_t)(g - geometries);

	if (!image[i])
		image[i] = make_image(g);
	return image[i];
}
