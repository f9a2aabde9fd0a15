// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ifilemap.c -- where the inode file lies
 *
 * Its root is in both superblocks, the same in both at all times.
 */
#include "check/scan.h"

#include <errno.h>
#include <string.h>

#include "check/claim.h"
#include "check/mapwalk.h"
#include "check/slot.h"

static const struct dinode *copy_root(const struct check *c)
{
	return &((const struct dsuper *)media_at(&c->m, c->nr_blocks - 1))->ifile;
}

int ifile_open(struct check *c)
{
	const struct dinode *root = slot_at(c, 0);
	struct mapfault f;
	const char *why = NULL;
	uint64_t at = 0;

	if (slot_judge(c, root, 0, &why) != SLOT_LIVE) {
		(void)problem(c, PR_IFILE_DAMAGED, &(struct pctx){ .text = why });
		return -EUCLEAN;
	}
	c->runs.nr = c->ifile.nr = 0;
	if (map_walk(c, &root->map, 0, &c->runs, &f)) {
		(void)problem(c, PR_IFILE_DAMAGED, &(struct pctx){ .text = f.why });
		return -EUCLEAN;
	}
	for (size_t i = 0; i < c->runs.nr; i++) {
		struct mrun r = c->runs.v[i];

		if (claim_take(c, r.pblk, r.len))
			return -ENOMEM;
		if (r.lblk == RUN_META)
			continue;
		if (r.lblk != at || r.flags) {
			(void)problem(c, PR_IFILE_LOST, &(struct pctx){ .num = 1 });
			return -EUCLEAN;
		}
		at += r.len;
		if (mrun_add(&c->ifile, r))
			return -ENOMEM;
	}
	if (at == 0 || at != le64_get(root->size) >> DAXFS_BLOCK_SHIFT)
		return -EUCLEAN;
	if (memcmp(root, copy_root(c), sizeof(*root)))
		(void)problem(c, PR_SUPER_IFILE, &(struct pctx){ .blk = c->nr_blocks - 1 });
	c->nr_slots = at * DAXFS_INODES_PER_BLOCK;
	return 0;
}
