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
	const unsigned char *bytes = p;
	uint32_t crc = ~seed;

	while (n) {
		size_t piece = n < PIECE_MAX ? n : PIECE_MAX;

		crc = crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)piece, crc);
		bytes += piece;
		n -= piece;
	}
	return ~crc;
}
