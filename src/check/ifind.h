/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ifind.h -- looking for blocks of inodes that nothing points to any more
 */
#ifndef CHECK_IFIND_H
#define CHECK_IFIND_H

#include "check/state.h"

/**
 * ifind_complete - from what is left of the inode file's map to one without holes
 * @v:      runs that map_salvage() left, claimed; out, in order, without holes from block 0 on, claimed
 * @agreed: blocks that hold nothing may be made where some are missing in between; else the file ends there
 *
 * Runs whose blocks hold no inodes are dropped.  What is missing is looked for on
 * the whole device.  Return: 0 or -ENOMEM.
 */
int ifind_complete(struct check *c, struct mrunvec *v, bool agreed);

#endif
