// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * getblock.c -- get_block: the file block's place on the device
 *
 * Owns the step from a file block to a device block, with and without
 * allocation.  Changes are staged in the caller's edit: a crash leaves the map
 * as it was or as the committed transaction says.  The inode's lock protects
 * the map.  May call: extmap, prealloc.
 */
#include "core/getblock.h"

#include <assert.h>

#include "core/inode.h"
#include "core/prealloc.h"

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int map_lookup(const struct extmap *m, struct block_req rq, struct block_res *rs)
{
	struct extent ext;
	int found = extmap_lookup(m, rq.lblk, &ext);

	if (found < 0)
		return found;
	if (!found || ext.lblk.v > rq.lblk.v) {
		uint64_t gap = found ? ext.lblk.v - rq.lblk.v : rq.max;

		*rs = (struct block_res){ .len = min_u64(gap, rq.max), .state = BLOCK_HOLE };
		return 0;
	}
	uint64_t skip = rq.lblk.v - ext.lblk.v;

	*rs = (struct block_res){
		.pblk = pblk_add(ext.pblk, skip),
		.len = min_u64(ext.len - skip, rq.max),
		.state = ext.flags & DAXFS_EXT_UNWRITTEN ? BLOCK_UNWRITTEN : BLOCK_WRITTEN,
	};
	return 0;
}

int get_block(struct inode *ip, struct block_req rq, struct block_res *rs)
{
	struct extmap m = inode_map(ip);

	return map_lookup(&m, rq, rs);
}

/* The device block that would continue the one before @lblk, or 0. */
static int goal_for(struct inode_edit *e, lblk_t lblk, uint64_t *goal)
{
	struct block_res before;

	*goal = 0;
	if (!lblk.v)
		return 0;
	int err = map_lookup(&e->map, (struct block_req){ { lblk.v - 1 }, 1 }, &before);

	if (!err && before.state != BLOCK_HOLE)
		*goal = pblk_nr(before.pblk) + 1;
	return err;
}

static int fill_hole(struct inode_edit *e, struct block_req rq, unsigned flags, struct block_res *rs)
{
	struct alloc_want w = { .lblk = rq.lblk.v, .max = rq.max, .file_blocks = rq.lblk.v + rq.max };
	struct run r;
	int err = goal_for(e, rq.lblk, &w.goal);

	if (!err)
		err = prealloc_get(e->ip, e->map.t, &w, &r);
	if (err)
		return err;
	struct extent ext = {
		.lblk = rq.lblk, .pblk = r.pblk, .len = r.n,
		.flags = flags & GET_BLOCK_UNWRITTEN ? DAXFS_EXT_UNWRITTEN : 0,
	};

	err = extmap_insert(&e->map, &ext);
	if (err)
		return err;
	e->a.blocks += r.n;
	*rs = (struct block_res){ .pblk = r.pblk, .len = r.n, .state = BLOCK_NEW };
	return 0;
}

int get_block_alloc(struct inode_edit *e, struct block_req rq, unsigned flags, struct block_res *rs)
{
	assert(rq.max > 0);
	int err = map_lookup(&e->map, rq, rs);

	if (err || rs->state != BLOCK_HOLE)
		return err;
	rq.max = rs->len;
	return fill_hole(e, rq, flags, rs);
}
