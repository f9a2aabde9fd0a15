/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hash.c -- the seeded hash of names
 *
 * XXH3 is compiled in from its header, so that short names, the usual case, cost
 * no call into a shared library.  No locks, no state.
 */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t name_hash(uint64_t seed, const void *p, size_t n)
{
	return XXH3_64bits_withSeed(p, n, seed);
}
