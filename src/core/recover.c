// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * recover.c -- rebuild free space and free inodes by walking the inode file
 *
 * After a crash (or without a snapshot) every inode is checked and what it
 * claims is claimed in the allocator; two claims on one block are corruption
 * and end the mount.  Inodes with no name left are collected for reclaiming.
 * Reads only.  One thread, before anyone else is there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/balloc.h"
#include "core/ialloc.h"
#include "core/instance.h"
#include "disk/extmap.h"
#include "disk/xattrblk.h"

struct claim { struct fs *fs; uint64_t ino; };

static int claim_run(const struct claim *c, pblk_t b, uint64_t n)
{
	uint64_t clash;

	if (!balloc_mark(c->fs->balloc, pblk_nr(b), n, &clash))
		return 0;
	return corrupt("block %" PRIu64 " is claimed by inode %" PRIu64 " and by another owner", clash, c->ino);
}

static int claim_extent(void *arg, const struct extent *ext)
{
	return claim_run(arg, ext->pblk, ext->len);
}

static int claim_node(void *arg, pblk_t b)
{
	return claim_run(arg, b, 1);
}

static int claim_map(struct claim *c, struct dinode *di)
{
	struct extmap m = { .disk = &c->fs->disk, .root = &di->map, .ino = c->ino };
	struct extmap_visitor v = { claim_extent, claim_node, c };

	return extmap_walk(&m, &v);
}

static int claim_xattr(struct claim *c, pblk_t first)
{
	struct runvec rv;

	runvec_init(&rv);
	int err = xattrblk_blocks(&c->fs->disk, c->ino, first, &rv);

	for (size_t i = 0; !err && i < rv.nr; i++)
		err = claim_run(c, rv.v[i].pblk, rv.v[i].n);
	runvec_fini(&rv);
	return err;
}

static int u64vec_add(struct u64vec *uv, uint64_t x)
{
	if (uv->nr == uv->cap) {
		size_t cap = uv->cap ? uv->cap * 2 : 16;
		uint64_t *v = realloc(uv->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		uv->v = v;
		uv->cap = cap;
	}
	uv->v[uv->nr++] = x;
	return 0;
}

static int scan_inode(struct fs *fs, uint64_t ino, struct dinode *di, struct u64vec *orphans)
{
	struct claim c = { fs, ino };
	struct iattr a;
	int err = dinode_check(&fs->disk, di, ino);

	if (err || dinode_unused(di))
		return err;
	dinode_load(&a, di);
	err = ialloc_mark(fs, ino);
	if (!err && !(a.flags & DAXFS_INODE_INLINE_LINK))
		err = claim_map(&c, di);
	if (!err && a.xattr.v)
		err = claim_xattr(&c, a.xattr);
	if (!err && !a.nlink)
		err = u64vec_add(orphans, ino);
	return err;
}

int recover_scan(struct fs *fs, struct u64vec *orphans)
{
	struct claim c = { fs, 0 };
	uint64_t nr = ifile_nr(&fs->disk), ino = 0, n;
	struct dinode *di;
	int err = claim_map(&c, &fs->disk.super->ifile);

	while (!err && ino < nr) {
		err = ifile_map(&fs->disk, ino, &di, &n);
		for (uint64_t i = 0; !err && i < n; i++)
			if (ino + i)
				err = scan_inode(fs, ino + i, di + i, orphans);
		ino += err ? 0 : n;
	}
	return err;
}
