/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * space.h -- truncate, fallocate, seek: changes of a file's map
 */
#ifndef DAXFS_CORE_SPACE_H
#define DAXFS_CORE_SPACE_H

#include <stdint.h>
#include <sys/types.h>

#include "disk/extmap.h"

struct inode;
struct inode_edit;

/**
 * space_resize - stage a change of size in an open edit (attr_set)
 * Context: inode's lock held exclusively, mapcache_claim() before it; when growing, space_zero_tail() was called.
 * Return: 0, -EFBIG, -ENOSPC, -ENOMEM, -EUCLEAN.
 */
int space_resize(struct inode_edit *e, uint64_t size);

/**
 * space_zero_tail - make the last block zero beyond @size, before the file grows
 *
 * Bytes beyond the end may be what was there before a truncate.  Nobody can read them, so they
 * are zeroed only when the file grows over them, and before that is committed: a crash between leaves a
 * file of the old size.
 * Context: inode's lock held exclusively, and before it a lock on some range (rangelock.h).  Durable: on return.
 * Return: 0, -EUCLEAN, -EIO.
 */
int space_zero_tail(struct inode *ip, uint64_t size);

/**
 * space_fallocate - fallocate(2): 0, KEEP_SIZE, PUNCH_HOLE|KEEP_SIZE, ZERO_RANGE[|KEEP_SIZE]
 * Waits for writers, and they for it.  Durable: on return.
 * Return: 0, -EOPNOTSUPP (other modes), -EINVAL, -EFBIG, -ENOSPC (unchanged, unless free space is in
 * many pieces and the map takes more than was reckoned), -EROFS, -ENODEV (not a file), ...
 */
int space_fallocate(struct inode *ip, int mode, uint64_t off, uint64_t len);

/* space_seek - SEEK_DATA / SEEK_HOLE.  Return: offset, -ENXIO (past the end, no more data), -EINVAL. */
off_t space_seek(struct inode *ip, off_t off, int whence);

/* space_extent - the extent at or after @lblk.  1, 0 (none), -EUCLEAN. */
int space_extent(struct inode *ip, lblk_t lblk, struct extent *ext);

#endif
