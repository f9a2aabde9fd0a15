/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crc.h -- CRC32C, the checksum of every structure on media
 */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/**
 * crc32c - continue a Castagnoli CRC over more bytes
 * @seed: 0 to begin, or the result over the bytes before @p
 * @p:    bytes
 * @n:    how many
 *
 * The usual CRC32C: crc32c(0, "123456789", 9) is 0xe3069283, and
 * crc32c(crc32c(0, a), b) is the CRC of a followed by b.
 *
 * Context: any.
 * Return:  the checksum.
 */
uint32_t crc32c(uint32_t seed, const void *p, size_t n);

#endif
