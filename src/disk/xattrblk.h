/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xattrblk.h -- an inode's extended attributes: an immutable chain of blocks
 */
#ifndef DAXFS_DISK_XATTRBLK_H
#define DAXFS_DISK_XATTRBLK_H

#include <stddef.h>
#include <stdint.h>

#include "disk/disk.h"
#include "disk/runvec.h"

struct txn;

/* The stream of dxattr entries in DRAM. */
struct xattrs { uint8_t *buf; size_t bytes; };

/* xattrblk_load - read and check a chain; caller frees xs->buf.  first 0 = empty.  0, -ENOMEM, -EUCLEAN. */
int xattrblk_load(const struct disk *d, uint64_t ino, pblk_t first, struct xattrs *xs);

/**
 * xattrblk_store - write @xs as a new chain of fresh blocks
 * @first: first block, {0} when @xs is empty
 * @n:     blocks used
 * Return: 0, -ENOSPC (no block, or more than DAXFS_XATTR_STREAM_MAX bytes), -ENOMEM.
 */
int xattrblk_store(struct txn *t, const struct disk *d, uint64_t ino, const struct xattrs *xs,
		   pblk_t *first, uint64_t *n);

/* xattrblk_blocks - collect a chain's blocks (checked).  0, -ENOMEM, -EUCLEAN. */
int xattrblk_blocks(const struct disk *d, uint64_t ino, pblk_t first, struct runvec *out);

/* xattrs_next - step: *@pos from 0.  Return: 1 and the entry (points into xs), 0 at the end, -EUCLEAN. */
struct xattr_ent { const char *name; unsigned name_len; const uint8_t *value; uint32_t value_len; size_t pos, len; };
int xattrs_next(const struct xattrs *xs, size_t *pos, struct xattr_ent *e);

/* xattrs_find - 0 and *@e, or -ENODATA, -EUCLEAN. */
int xattrs_find(const struct xattrs *xs, const char *name, struct xattr_ent *e);

/* xattrs_put, xattrs_del - replace or add (0, -ENOSPC, -ENOMEM, -EUCLEAN); remove (0, -ENODATA, -EUCLEAN).  Unchanged on error. */
int xattrs_put(struct xattrs *xs, const char *name, const void *value, uint32_t value_len);
int xattrs_del(struct xattrs *xs, const char *name);

#endif
