/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ifile.c -- the inode file: where inodes lie, and how their number grows
 *
 * Owns the inode file's own inode, of which both superblocks hold one.  They
 * change in one transaction, so after a crash both have the old size or both
 * the new one, and either can be used to mount.  The inode allocator's lock,
 * held by the caller, protects it.  May call: extmap, dinode, txn, disk.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "disk/dinode.h"
#include "disk/extmap.h"
#include "disk/txn.h"

uint64_t ifile_nr(const struct disk *d)
{
	return le64_get(d->super->ifile.size) >> DAXFS_INODE_SHIFT;
}

int ifile_map(const struct disk *d, uint64_t ino, struct dinode **slot, uint64_t *n)
{
	struct extmap m = { .disk = d, .root = &d->super->ifile.map };
	lblk_t lblk = { ino / DAXFS_INODES_PER_BLOCK };
	uint64_t in_block = ino % DAXFS_INODES_PER_BLOCK, skip;
	struct extent ext;
	int found = extmap_lookup(&m, lblk, &ext);

	assert(ino < ifile_nr(d));
	if (found < 0)
		return found;
	if (!found || ext.lblk.v > lblk.v || (ext.flags & DAXFS_EXT_UNWRITTEN))
		return corrupt("inode file: block %" PRIu64 " is not mapped", lblk.v);
	skip = lblk.v - ext.lblk.v;
	*slot = (struct dinode *)disk_ptr(d, pblk_add(ext.pblk, skip)) + in_block;
	*n = (ext.len - skip) * DAXFS_INODES_PER_BLOCK - in_block;
	if (*n > ifile_nr(d) - ino)
		*n = ifile_nr(d) - ino;
	return 0;
}

int ifile_extend(struct txn *t, struct disk *d, pblk_t b, uint64_t n)
{
	struct dinode *di = txn_edit(t, &d->super->ifile, sizeof(*di), dinode_seal);
	struct dinode *copy = txn_edit(t, &d->copy->ifile, sizeof(*copy), dinode_seal);
	struct extmap m = { .disk = d, .t = t };
	uint64_t size;
	int err;

	if (!di || !copy)
		return -ENOSPC;
	size = le64_get(di->size);
	m.root = &di->map;
	err = extmap_insert(&m, &(struct extent){
		.lblk = { size >> DAXFS_BLOCK_SHIFT }, .pblk = b, .len = n,
	});
	if (err)
		return err;
	di->size = le64_make(size + (n << DAXFS_BLOCK_SHIFT));
	di->blocks = le64_make(le64_get(di->blocks) + n + (uint64_t)m.node_delta);
	*copy = *di;
	return 0;
}
