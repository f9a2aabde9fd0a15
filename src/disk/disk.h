/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk.h -- what every module of this layer shares: the open device
 */
#ifndef DAXFS_DISK_DISK_H
#define DAXFS_DISK_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "daxfs/format.h"

struct region;

/* One device with a daxfs on it.  Read-only once opened. */
struct disk {
	struct region	*rg;
	uint64_t	 nr_blocks;	/* of the filesystem */
	struct dsuper	*super;		/* block 0, on media */
	struct dsuper	*copy;		/* last block, on media */
	uint8_t		 uuid[16];
};

/* disk_ptr - address of a block on media; @b must have passed disk_valid(). */
void *disk_ptr(const struct disk *d, pblk_t b);

/* disk_off - byte offset on the device of an address on media. */
uint64_t disk_off(const struct disk *d, const void *media);

/**
 * disk_valid - may these blocks belong to a file or to its metadata?
 * @b: first block
 * @n: blocks
 *
 * Return: true when device and range exist and hold neither superblock nor
 * journal lanes.
 */
bool disk_valid(const struct disk *d, pblk_t b, uint64_t n);

/**
 * corrupt - say what is wrong with the media
 * @fmt: names the structure, its block and what is wrong
 *
 * Return: always -EUCLEAN, so that a checker can return it in one line.
 */
__attribute__((format(printf, 1, 2)))
int corrupt(const char *fmt, ...);

/* block_csum - CRC32C of @len bytes at @p, the 4 bytes at @csum_off taken as zero. */
uint32_t block_csum(const void *p, size_t len, size_t csum_off);

/* sealed_make, sealed_open - see sealed32 in format.h.  Opening fails with -EUCLEAN (silently). */
sealed32 sealed_make(const void *salt, size_t n, uint32_t v);
int sealed_open(sealed32 w, const void *salt, size_t n, uint32_t *v);

#endif
