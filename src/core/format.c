// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * format.c -- write an empty filesystem
 *
 * Superblock, lanes, the first inodes (2 MiB, or 64 KiB below 32 MiB) with the root directory
 * among them, and the copy; of the rest of the device only copies of older superblocks are touched:
 * one that is left may be taken for the new filesystem's when its primary is
 * damaged.  The primary superblock is wiped first and written last, so that a
 * crash on the way leaves a device that is not a daxfs.  No locks: the region is
 * exclusively ours.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <uuid/uuid.h>

#include "base/log.h"
#include "core/fs.h"
#include "core/inode.h"
#include "disk/journal.h"
#include "disk/super.h"
#include "pm/pm.h"
#include "pm/region.h"

struct plan {
	struct super_geometry g;
	struct dsuper	sb;
	pblk_t		ifile;		/* first block */
	uint64_t	ifile_blocks;
};

/* The first 2 MiB boundary behind the lanes if that leaves room for files, else a few blocks right there. */
static void plan_ifile(struct plan *p)
{
	uint64_t after = p->g.journal + (uint64_t)p->g.nr_lanes * p->g.lane_blocks;
	uint64_t chunk = (after + DAXFS_CHUNK_BLOCKS - 1) / DAXFS_CHUNK_BLOCKS * DAXFS_CHUNK_BLOCKS;
	bool roomy = p->g.nr_blocks >= 16 * DAXFS_CHUNK_BLOCKS;

	p->ifile = pblk_make(0, roomy ? chunk : after);
	p->ifile_blocks = roomy ? DAXFS_CHUNK_BLOCKS : 16;
}

static void plan_format(struct plan *p, const struct fs_format_opts *o, uint64_t nr_blocks, uint8_t uuid[16])
{
	super_plan(nr_blocks, &p->g);
	plan_ifile(p);
	super_build(&p->sb, &p->g, uuid, o->label ? o->label : "", inode_now());
	super_set_ifile(&p->sb, p->ifile, p->ifile_blocks);
}

static void write_root(struct region *rg, const struct plan *p, const struct fs_format_opts *o)
{
	int64_t now = inode_now();
	struct iattr a = {
		.mode = S_IFDIR | 0755, .uid = o->uid, .gid = o->gid, .nlink = 2, .gen = 1,
		.rdev = DAXFS_ROOT_INO, .atime = now, .mtime = now, .ctime = now, .btime = now,
	};
	uint8_t *inodes = rg->base + (pblk_nr(p->ifile) << DAXFS_BLOCK_SHIFT);
	struct dinode di;

	dinode_init(&di, DAXFS_ROOT_INO, a.gen);
	dinode_store(&di, &a);
	dinode_seal(&di);
	pm_zero(rg, inodes, p->ifile_blocks << DAXFS_BLOCK_SHIFT);
	pm_copy(rg, inodes + DAXFS_ROOT_INO * sizeof(di), &di, sizeof(di));
	pm_fence(rg);
}

static void wipe_copy(struct region *rg, uint64_t blk)
{
	const struct dsuper *sb = (const void *)(rg->base + (blk << DAXFS_BLOCK_SHIFT));

	if (le64_get(sb->magic) == DAXFS_SUPER_MAGIC)
		super_wipe(rg, blk);
}

/* The filesystem that was here before, if any, and copies in the places where one is looked for. */
static void wipe_old(struct region *rg)
{
	const struct dsuper *sb = (const void *)rg->base;
	uint64_t blocks = rg->size >> DAXFS_BLOCK_SHIFT, nr = le64_get(sb->nr_blocks);
	bool was = le64_get(sb->magic) == DAXFS_SUPER_MAGIC && nr > 1 && nr <= blocks;

	super_wipe(rg, 0);
	if (was)
		wipe_copy(rg, nr - 1);
	wipe_copy(rg, blocks - 1);
}

static void write_all(struct region *rg, const struct plan *p, const struct fs_format_opts *o)
{
	struct disk d = { .rg = rg, .nr_blocks = p->g.nr_blocks, .super = (void *)rg->base };

	wipe_old(rg);
	journal_format(&d, &p->sb);
	write_root(rg, p, o);
	super_write(rg, &p->sb, p->g.nr_blocks - 1);
	super_write(rg, &p->sb, 0);
	memcpy(d.uuid, p->sb.uuid, sizeof(d.uuid));
	super_set_state(&d, DAXFS_STATE_CLEAN);	/* the copy stays dirty: who uses it recovers */
}

static int check_size(const struct region *rg, const struct fs_format_opts *o, uint64_t *nr_blocks)
{
	const char *path = o->path ? o->path : "region";
	uint64_t bytes = o->size ? o->size : rg->size;

	if (bytes > rg->size) {
		log_error("%s has %" PRIu64 " bytes, fewer than the %" PRIu64 " asked for: give a smaller size%s",
			  path, rg->size, bytes, region_resize_hint(rg));
		return -ENOSPC;
	}
	*nr_blocks = bytes >> DAXFS_BLOCK_SHIFT;
	if (*nr_blocks < DAXFS_MIN_BLOCKS) {
		log_error("%s: %" PRIu64 " bytes are too small for a daxfs: it needs at least %" PRIu64 "%s",
			  path, bytes, (uint64_t)DAXFS_MIN_BLOCKS << DAXFS_BLOCK_SHIFT,
			  region_resize_hint(rg));
		return -ENOSPC;
	}
	return 0;
}

static int format_region(struct region *rg, const struct fs_format_opts *o, struct fs_format_result *res)
{
	static const uint8_t none[16];
	uint64_t nr_blocks;
	struct plan p;
	int err = check_size(rg, o, &nr_blocks);

	if (err)
		return err;
	if (memcmp(o->uuid, none, sizeof(none)))
		memcpy(res->uuid, o->uuid, sizeof(res->uuid));
	else
		uuid_generate(res->uuid);
	plan_format(&p, o, nr_blocks, res->uuid);
	write_all(rg, &p, o);
	res->nr_blocks = nr_blocks;
	res->nr_lanes = p.g.nr_lanes;
	snprintf(res->durability, sizeof(res->durability), "%s", region_durability(rg));
	return region_error(rg);
}

/* A file is made, or grown, to the size asked for; a device has the size it has. */
static int open_region(const struct fs_format_opts *o, struct region **rg)
{
	struct region_opts ro = { .path = o->path, .wait_ms = 2000 };
	struct stat st;
	bool exists = stat(o->path, &st) == 0;

	if (o->size && (!exists || S_ISREG(st.st_mode))) {
		uint64_t size = o->size & ~(uint64_t)(DAXFS_BLOCK_SIZE - 1);

		if (size < DAXFS_MIN_BLOCKS << DAXFS_BLOCK_SHIFT) {
			log_error("%s: %" PRIu64 " bytes are too small for a daxfs: it needs at least %" PRIu64,
				  o->path, o->size, (uint64_t)DAXFS_MIN_BLOCKS << DAXFS_BLOCK_SHIFT);
			return -ENOSPC;
		}
		ro.flags = REGION_CREATE;
		ro.create_size = size;
	}
	return region_open(rg, &ro);
}

int fs_format(const struct fs_format_opts *o, struct fs_format_result *res)
{
	struct region *rg = o->region;
	int err = rg ? 0 : open_region(o, &rg);

	if (err)
		return err;
	err = format_region(rg, o, res);
	if (!o->region)
		region_close(rg);
	return err;
}
