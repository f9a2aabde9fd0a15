/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * super.h -- superblock and its copy: building, checking, state word
 */
#ifndef DAXFS_DISK_SUPER_H
#define DAXFS_DISK_SUPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/disk.h"

struct super_geometry {
	uint64_t nr_blocks;
	uint64_t journal;	/* first block of lane 0 */
	uint32_t nr_lanes, lane_blocks;
};

/* super_plan - geometry for a device of @nr_blocks: 16-block lanes, 2 (8 MiB) to 64 (from 2 GiB) of them. */
void super_plan(uint64_t nr_blocks, struct super_geometry *g);

/**
 * super_build - a superblock in DRAM, state dirty, no snapshot
 * @label: at most 64 bytes
 * @now:   ns since 1970
 * The inode file (slot 0 of nothing) starts empty; the caller adds its extent
 * with super_set_ifile().
 */
void super_build(struct dsuper *sb, const struct super_geometry *g, const uint8_t uuid[16],
		 const char *label, int64_t now);
/* super_unclean - in a superblock in DRAM: state dirty, no snapshot.  @uuid is what seals the state. */
void super_unclean(struct dsuper *sb, const uint8_t uuid[16]);
/* super_forget_snap - in a superblock in DRAM: no snapshot. */
void super_forget_snap(struct dsuper *sb);
/* super_snap_intact - is the reference to the snapshot what was written? */
bool super_snap_intact(const struct dsuper *sb);
/* super_set_ifile - the inode file is one extent of @n blocks at @b, size n blocks. */
void super_set_ifile(struct dsuper *sb, pblk_t b, uint64_t n);

/* super_wipe - no superblock at @self any more.  Durable on return; a crash inside leaves all of it or none. */
void super_wipe(struct region *rg, uint64_t self);

/* super_write - store @sb at @self (block 0 or the last), its csum and self set.  Durable on return; a crash
 * inside leaves no superblock there, or all of @sb (of one that was there before, maybe parts: wipe it first). */
void super_write(struct region *rg, const struct dsuper *sb, uint64_t self);

enum super_error { SUPER_OK, SUPER_NOT_DAXFS, SUPER_DAMAGED, SUPER_NEWER, SUPER_TOO_SMALL };

/**
 * super_check - is this a superblock that this program can use?
 * @self:   block it was read from
 * @blocks: on the device (the filesystem may be smaller)
 * @why:    a clause for the message ("checksum is ..., should be ...")
 * Reads only; ro_compat is the caller's business.
 */
enum super_error super_check(const struct dsuper *sb, uint64_t self, uint64_t blocks, char why[160]);

/**
 * super_find_copy - a good copy in the device's last block, for a damaged primary
 * Return: the copy on media, or NULL.
 */
const struct dsuper *super_find_copy(const struct region *rg);

/* super_state - the state word.  Return: DAXFS_STATE_* or -EUCLEAN. */
int super_state(const struct disk *d);
/* super_set_state - one 8-byte store.  Durable on return. */
void super_set_state(struct disk *d, uint32_t state);
/* super_snap - where the snapshot lies.  Return: 1, 0 (none), -EUCLEAN. */
int super_snap(const struct disk *d, pblk_t *start, uint64_t *bytes);
/* super_set_snap - record it ({0} = none).  Durable on return.  Only while the state is dirty. */
void super_set_snap(struct disk *d, pblk_t start, uint64_t bytes);

#endif
