/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * size.h -- sizes as people write and read them
 */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H

#include <stdint.h>

/**
 * size_parse - read a size with an optional binary suffix
 * @s:     decimal digits, then nothing, or K M G T P E (either case), each also
 *         spelled KB or KiB; all mean powers of 1024; "B" means bytes
 * @bytes: out, untouched on error
 *
 * Context: any.
 * Return:  0, -EINVAL when @s is not such a number, -ERANGE when it does not
 *          fit in 64 bits.
 */
int size_parse(const char *s, uint64_t *bytes);

/**
 * size_format - write a size for people
 * @bytes: size
 * @buf:   room for the text
 *
 * Exact multiples have no fraction ("64 KiB"), others two digits ("1.50 GiB").
 *
 * Context: any.
 * Return:  @buf.
 */
const char *size_format(uint64_t bytes, char buf[32]);

#endif
