/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mend.h -- inodes of which something is wrong
 */
#ifndef CHECK_MEND_H
#define CHECK_MEND_H

#include "check/state.h"

/* mend_suspects - claim and repair what phase_inodes() put aside.  0, -ENOMEM, -ECANCELED. */
int mend_suspects(struct check *c);

/* mend_rehearse - keep from claim_find() what mend_suspects() will claim.  0 or -ENOMEM. */
int mend_rehearse(struct check *c);

/**
 * mend_store - write an inode whose map is to be made anew
 * @di:  its slot as it shall be, but for map, blocks and checksum
 * @ext: extents in order; RUN_META entries are old nodes
 * @xattrs: attribute blocks, which count as well
 * Extents at the end for which no node can be had are dropped, if that is agreed to.
 * Return: 0, 1 (it is not: nothing is stored), -ENOMEM.
 */
struct mend_store { uint64_t ino, xattrs; struct dinode *di; struct mrunvec *ext; };
int mend_store(struct check *c, struct mend_store *s);

/* mend_close_gaps - extents of a directory: written, and one behind the other from block 0 on.  Blocks there are. */
uint64_t mend_close_gaps(struct mrunvec *ext);

#endif
