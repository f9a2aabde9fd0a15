/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image.h -- filesystem images to damage, and what must be left of them
 */
#ifndef FSCK_IMAGE_H
#define FSCK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/rig.h"
#include "harness/rng.h"

enum image_end {
	IMAGE_CLEAN,
	IMAGE_KILLED,		/* with orphans */
	IMAGE_FULL,		/* clean, with no more than a few free blocks */
	IMAGE_LIVE,		/* power was cut inside a transaction on the root directory */
	IMAGE_ENDS,
};

/* What the bytes of a block are for. */
enum block_use { USE_FREE, USE_SUPER, USE_LANE, USE_SLOTS, USE_NODE, USE_XATTR, USE_DIR, USE_DATA, USE_SNAP };

struct block_info { enum block_use use; uint64_t ino; /* USE_SLOTS: of the first slot */ };

/* A file as the engine showed it. */
struct known {
	uint64_t ino, parent;		/* parent: index in file[], own index for the root */
	char	 name[256];
	struct iattr a;
	uint64_t content, xattrs;	/* hashes */
};

struct image {
	uint8_t	*bytes;
	uint64_t size;
	enum image_end end;
	struct block_info *block;
	struct known *file;
	unsigned nr_files, cap_files;
	uint64_t nr_slots;
};

/* image_make - a busy filesystem that ended so; everything follows from @seed. */
void image_make(struct image *im, uint64_t size, enum image_end end, uint64_t seed);
void image_free(struct image *im);

/* image_load - a region gets the image's bytes. */
void image_load(const struct image *im, struct region *rg);

/* image_hash_content, image_hash_xattrs - of a file of a mounted filesystem; 0 when it cannot be read. */
uint64_t image_hash_content(struct inode *ip, const struct iattr *a);
uint64_t image_hash_xattrs(struct inode *ip);

#endif
