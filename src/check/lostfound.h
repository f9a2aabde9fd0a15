/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lostfound.h -- a name for inodes that have none
 */
#ifndef CHECK_LOSTFOUND_H
#define CHECK_LOSTFOUND_H

#include "check/state.h"

/**
 * lostfound_adopt - enter an inode as "#<ino>", or "#<ino>.<n>" if that is taken
 * @why: out, what keeps it from that
 *
 * Makes /lost+found, if that is agreed to; where that is not to be had at all
 * c->lf_closed says why from then on.
 *
 * Return: 0, 1 with *@why, -ENOMEM.
 */
int lostfound_adopt(struct check *c, uint64_t ino, const char **why);

/* lostfound_root - make the root directory anew, empty.  0 or -ENOMEM. */
int lostfound_root(struct check *c);

#endif
