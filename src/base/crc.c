/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crc.c -- CRC32C, the checksum of every structure on media
 *
 * Owns nothing but the conventions around libisal's crc32_iscsi(), which picks
 * the fastest instructions at run time: its seed and result are not inverted,
 * ours are, and its length is an int.  No locks, no state.
 */
#include "base/crc.h"

#include <isa-l/crc.h>

#define PIECE_MAX ((size_t)1 << 30)

uint32_t crc32c(uint32_t seed, const void *p, size_t n)
{
	unsigned char *bytes = (unsigned char *)(uintptr_t)p;
	uint32_t crc = ~seed;

	for (; n > PIECE_MAX; n -= PIECE_MAX, bytes += PIECE_MAX)
		crc = crc32_iscsi(bytes, (int)PIECE_MAX, crc);
	return ~crc32_iscsi(bytes, (int)n, crc);
}
