/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lostfound.h -- a name for inodes that have none
 */
#ifndef CHECK_LOSTFOUND_H
#define CHECK_LOSTFOUND_H

#include "check/state.h"

/* lostfound_adopt - enter an inode as "#<ino>"; reports what keeps it from that.  0, -ENOSPC, -ENOMEM. */
int lostfound_adopt(struct check *c, uint64_t ino);

/* lostfound_root - make the root directory anew, empty.  0 or -ENOMEM. */
int lostfound_root(struct check *c);

#endif
