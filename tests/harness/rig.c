/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rig.c -- a filesystem in memory for tests
 *
 * RAM regions start full of rubbish, so that a byte that nobody wrote shows.
 */
#include "harness/rig.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/file.h"
#include "core/space.h"
#include "pm/record.h"
#include "pm/region.h"

#define RUBBISH	0xa5

const struct cred rig_root = { .flags = CRED_PRIVILEGED };

static void must(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "rig: %s: %s\n", what, strerror(-err));
	abort();
}

/* -- the filesystem ---------------------------------------------------------------- */

void rig_on(struct rig *g, struct region *rg)
{
	const struct fs_format_opts fo = { .region = rg, .label = "test" };
	struct fs_format_result res;

	*g = (struct rig){ .rg = rg };
	must(fs_format(&fo, &res), "fs_format");
	rig_mount(g, 0);
}

void rig_new(struct rig *g, uint64_t size, enum rig_kind kind)
{
	struct region *rg;

	if (kind == RIG_RECORD) {
		must(region_open_record(&rg, size), "region_open_record");
	} else {
		must(region_open_ram(&rg, size), "region_open_ram");
		memset(rg->base, RUBBISH, rg->size);
	}
	rig_on(g, rg);
}

void rig_mount(struct rig *g, unsigned flags)
{
	const struct fs_opts o = { .region = g->rg, .flags = flags };

	must(fs_open(&g->fs, &o), "fs_open");
	must(inode_get(g->fs, DAXFS_ROOT_INO, &g->root), "root inode");
}

void rig_close(struct rig *g)
{
	inode_put(g->root, 1);
	must(fs_close(g->fs), "fs_close");
	g->fs = NULL;
}

void rig_kill(struct rig *g)
{
	fs_abandon(g->fs);
	g->fs = NULL;
}

void rig_free(struct rig *g)
{
	if (g->fs)
		rig_close(g);
	region_close(g->rg);
}

uint64_t rig_bfree(const struct rig *g)
{
	struct fs_stat st;

	fs_statfs(g->fs, &st);
	return st.bfree;
}

/* -- what tests do ------------------------------------------------------------------ */

struct name rig_name(const char *s)
{
	return (struct name){ s, (unsigned)strlen(s) };
}

struct inode *rig_make(struct inode *dir, const char *name, mode_t mode)
{
	const struct create_req rq = { .mode = mode, .target = S_ISLNK(mode) ? "target" : NULL, .cred = rig_root };
	struct inode *ip;

	must(namei_create(dir, rig_name(name), &rq, &ip), name);
	return ip;
}

struct inode *rig_look(struct inode *dir, const char *name)
{
	struct inode *ip;
	int err = namei_lookup(dir, rig_name(name), &ip);

	if (err == -ENOENT)
		return NULL;
	must(err, name);
	return ip;
}

int rig_unlink(struct inode *dir, const char *name)
{
	return namei_unlink(dir, rig_name(name), &rig_root);
}

int rig_rename(struct inode *dir, const char *src, const char *dst, unsigned flags)
{
	const struct rename_req rq = { .src_dir = dir, .dst_dir = dir, .src = rig_name(src),
				       .dst = rig_name(dst), .flags = flags, .cred = rig_root };

	return namei_rename(&rq);
}

struct iattr rig_stat(struct inode *ip)
{
	struct iattr a;

	attr_get(ip, &a);
	return a;
}

void rig_write(struct inode *ip, const void *buf, size_t len, uint64_t off)
{
	ssize_t n = file_write(ip, buf, len, off, 0);

	must(n < 0 ? (int)n : n == (ssize_t)len ? 0 : -EIO, "file_write");
}

int rig_truncate(struct inode *ip, uint64_t size)
{
	const struct iattr a = { .size = size };

	return attr_set(ip, &a, ATTR_SET_SIZE);
}

unsigned rig_count_extents(struct inode *ip)
{
	struct extent ext;
	lblk_t at = { 0 };
	unsigned n = 0;

	while (space_extent(ip, at, &ext) == 1) {
		n++;
		at = lblk_add(ext.lblk, ext.len);
	}
	return n;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}
