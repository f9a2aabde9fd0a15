/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * claims.c -- which blocks of the media belong to something
 */
#include "crash/claims.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/dinode.h"
#include "disk/extmap.h"
#include "disk/xattrblk.h"

struct claimant { struct claims *c; const struct disk *d; uint64_t ino; enum claim content; };

static void claim(struct claims *c, uint64_t block, uint64_t n, enum claim what)
{
	memset(c->of + block, (int)what, n);
}

static int claim_extent(void *arg, const struct extent *ext)
{
	const struct claimant *cl = arg;

	claim(cl->c, pblk_nr(ext->pblk), ext->len, cl->content);
	return 0;
}

static int claim_node(void *arg, pblk_t b)
{
	const struct claimant *cl = arg;

	claim(cl->c, pblk_nr(b), 1, CLAIM_META);
	return 0;
}

static int claim_xattrs(const struct claimant *cl, pblk_t first)
{
	struct runvec rv;

	if (!first.v)
		return 0;
	runvec_init(&rv);
	int err = xattrblk_blocks(cl->d, cl->ino, first, &rv);

	for (size_t i = 0; i < rv.nr; i++)
		claim(cl->c, pblk_nr(rv.v[i].pblk), rv.v[i].n, CLAIM_META);
	runvec_fini(&rv);
	return err;
}

static int claim_inode(struct claimant *cl, struct dinode *di)
{
	const struct extmap m = { .disk = cl->d, .root = &di->map, .ino = cl->ino };
	const struct extmap_visitor v = { claim_extent, claim_node, cl };
	struct iattr a;

	if (dinode_unused(di))
		return 0;
	dinode_load(&a, di);
	cl->content = S_ISREG(a.mode) && cl->ino ? CLAIM_DATA : CLAIM_META;
	int err = a.flags & DAXFS_INODE_INLINE_LINK ? 0 : extmap_walk(&m, &v);

	return err ? err : claim_xattrs(cl, a.xattr);
}

static int claim_slots(struct claimant *cl)
{
	uint64_t nr = ifile_nr(cl->d), ino = 0, n;
	struct dinode *slot;
	int err = 0;

	while (!err && ino < nr) {
		err = ifile_map(cl->d, ino, &slot, &n);
		for (uint64_t i = 0; !err && i < n; i++) {
			cl->ino = ino + i;
			err = cl->ino ? claim_inode(cl, slot + i) : 0;
		}
		ino += n;
	}
	return err;
}

void claims_load(struct claims *c, const struct region *rg)
{
	struct dsuper *sb = (struct dsuper *)(void *)rg->base;
	struct disk d = { .rg = (struct region *)(uintptr_t)rg, .nr_blocks = le64_get(sb->nr_blocks), .super = sb };
	struct claimant cl = { .c = c, .d = &d };

	c->nr_blocks = rg->size >> DAXFS_BLOCK_SHIFT;
	c->of = calloc(1, c->nr_blocks);
	if (!c->of)
		abort();
	claim(c, 0, 1, CLAIM_META);
	claim(c, d.nr_blocks - 1, 1, CLAIM_META);
	claim(c, le64_get(sb->journal), (uint64_t)le32_get(sb->nr_lanes) * le32_get(sb->lane_blocks), CLAIM_META);
	if (claim_inode(&cl, &sb->ifile) || claim_slots(&cl))
		abort();
}

void claims_free(struct claims *c)
{
	free(c->of);
	*c = (struct claims){ 0 };
}
