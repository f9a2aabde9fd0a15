/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ifind.h -- looking for blocks of inodes that nothing points to any more
 */
#ifndef CHECK_IFIND_H
#define CHECK_IFIND_H

#include "check/state.h"

/**
 * ifind_complete - from what is left of the inode file's map to one without holes
 * @v:      runs that map_salvage() left, claimed; out, in order, without holes from block 0 on
 * @agreed: blocks that hold nothing may be made where some are missing in between; else the file ends there
 *
 * Runs whose blocks hold no inodes are dropped.  What is missing is looked for on
 * the whole device.
 *
 * Context: claims also what the inodes found claim, so that claim_find() finds what is free; the caller
 *          starts anew with claim_reset() when it has allocated.
 * Return:  0 or -ENOMEM.
 */
int ifind_complete(struct check *c, struct mrunvec *v, bool agreed);

/* ifind_fits - may the first block of this run be where the map of the inode file says it is? */
bool ifind_fits(const struct check *c, const struct mrun *r);

/* ifind_score - blocks of these runs that hold the inodes that they should; looks at all of them. */
uint64_t ifind_score(const struct check *c, const struct mrunvec *v);

#endif
