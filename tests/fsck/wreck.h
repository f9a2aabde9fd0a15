/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wreck.h -- random damage to the metadata of an image
 */
#ifndef FSCK_WRECK_H
#define FSCK_WRECK_H

#include "fsck/image.h"
#include "pm/region.h"

struct wreck {
	const struct image *im;
	struct region *rg;	/* holds the image */
	struct rng r;
	bool *hit;		/* by ino: slot, node, attributes, directory blocks */
	bool primary, copy;	/* superblocks that were hit */
	bool sealed;		/* something is wrong under a right checksum */
};

/* wreck - damage in one place, or in a few. */
void wreck(struct wreck *w);

#endif
