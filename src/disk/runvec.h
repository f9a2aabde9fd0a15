/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runvec.h -- a growing vector of runs of device blocks
 */
#ifndef DAXFS_DISK_RUNVEC_H
#define DAXFS_DISK_RUNVEC_H

#include <stddef.h>
#include <stdint.h>

#include "daxfs/format.h"

struct run { pblk_t pblk; uint64_t n; };

struct runvec {
	struct run	*v;
	size_t		 nr, cap;
	struct run	 few[4];	/* most operations free few runs: no malloc */
};

/* runvec_init, runvec_fini - empty; afterwards it is empty again, and may be used anew. */
void runvec_init(struct runvec *rv);
void runvec_fini(struct runvec *rv);

/* runvec_add - append, merging with the last run where they touch.  Return: 0 or -ENOMEM (unchanged). */
int runvec_add(struct runvec *rv, pblk_t b, uint64_t n);

/* runvec_move - @dst (uninitialised) takes what @src holds; @src is left empty and initialised. */
void runvec_move(struct runvec *dst, struct runvec *src);

#endif
