/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk.c -- addresses, checksums and complaints that the whole layer shares
 *
 * Owns no state: everything here computes.  Stores nothing, so a crash is
 * nobody's business here, and takes no lock.  The superblock's geometry is
 * trusted, since super_check() passed before a struct disk exists; a block
 * number from any other structure goes through disk_valid() before it becomes
 * an address.  May call: crc, log.
 */
#include "disk/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/crc.h"
#include "base/log.h"
#include "pm/region.h"

#define MESSAGE_MAX 256
#define CSUM	    4u		/* bytes of a checksum */
#define SALT_MAX    16u		/* bytes, a UUID's */
#define SMALL	    512u	/* bytes, an inode's, a superblock's or an ordinary log's */

void *disk_ptr(const struct disk *d, pblk_t b)
{
	assert(pblk_dev(b) == 0 && pblk_nr(b) < d->nr_blocks);
	return d->rg->base + (pblk_nr(b) << DAXFS_BLOCK_SHIFT);
}

uint64_t disk_off(const struct disk *d, const void *media)
{
	const uint8_t *p = media;

	assert(p >= d->rg->base && p < d->rg->base + d->rg->size);
	return (uint64_t)(p - d->rg->base);
}

bool disk_valid(const struct disk *d, pblk_t b, uint64_t n)
{
	uint64_t first = pblk_nr(b), last_super = d->nr_blocks - 1;
	uint64_t lanes = le64_get(d->super->journal);
	uint64_t lanes_end = lanes + (uint64_t)le32_get(d->super->nr_lanes) *
				     le32_get(d->super->lane_blocks);

	if (pblk_dev(b) != 0 || first == 0 || n == 0)
		return false;
	if (first >= last_super || n > last_super - first)
		return false;
	return first >= lanes_end || first + n <= lanes;
}

int corrupt(const char *fmt, ...)
{
	char msg[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	log_error("%s", msg);
	return -EUCLEAN;
}

/* One call of the library costs as much as a hundred bytes: what is small is gathered first. */
static uint32_t small_csum(const void *p, size_t len, size_t csum_off)
{
	uint8_t copy[SMALL];

	memcpy(copy, p, len);
	memset(copy + csum_off, 0, CSUM);
	return crc32c(0, copy, len);
}

uint32_t block_csum(const void *p, size_t len, size_t csum_off)
{
	static const uint8_t zero[CSUM];
	const uint8_t *bytes = p;
	size_t rest = csum_off + CSUM;
	uint32_t crc;

	assert(rest <= len);
	if (len <= SMALL)
		return small_csum(p, len, csum_off);
	crc = crc32c(0, bytes, csum_off);
	crc = crc32c(crc, zero, CSUM);
	return crc32c(crc, bytes + rest, len - rest);
}

/* checksum half of a sealed word */
static uint32_t seal_csum(const void *salt, size_t n, uint32_t v)
{
	le32 word = le32_make(v);
	uint8_t all[SALT_MAX + sizeof(word)];

	assert(n <= SALT_MAX);
	memcpy(all, salt, n);
	memcpy(all + n, &word, sizeof(word));
	return crc32c(0, all, n + sizeof(word));
}

sealed32 sealed_make(const void *salt, size_t n, uint32_t v)
{
	return (sealed32){ le64_make((uint64_t)seal_csum(salt, n, v) << 32 | v) };
}

int sealed_open(sealed32 w, const void *salt, size_t n, uint32_t *v)
{
	uint64_t word = le64_get(w.w);

	*v = (uint32_t)word;
	return seal_csum(salt, n, *v) == (uint32_t)(word >> 32) ? 0 : -EUCLEAN;
}
