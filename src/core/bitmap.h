/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bitmap.h -- searching and setting ranges in arrays of 64-bit words
 */
#ifndef DAXFS_CORE_BITMAP_H
#define DAXFS_CORE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

static inline bool bitmap_test(const uint64_t *map, uint64_t bit)
{
	return map[bit / 64] >> (bit % 64) & 1;
}

static inline void bitmap_assign(uint64_t *map, uint64_t bit, bool v)
{
	uint64_t mask = UINT64_C(1) << (bit % 64);

	map[bit / 64] = v ? map[bit / 64] | mask : map[bit / 64] & ~mask;
}

/* First bit in [from, end) that equals @v, or @end. */
static inline uint64_t bitmap_find(const uint64_t *map, uint64_t from, uint64_t end, bool v)
{
	while (from < end) {
		uint64_t w = (v ? map[from / 64] : ~map[from / 64]) >> (from % 64);

		if (w) {
			from += (uint64_t)__builtin_ctzll(w);
			return from < end ? from : end;
		}
		from = (from / 64 + 1) * 64;
	}
	return end;
}

/* Mask of the bits of word @w that lie in [from, end). */
static inline uint64_t bitmap_word_mask(uint64_t w, uint64_t from, uint64_t end)
{
	uint64_t lo = from > w * 64 ? from - w * 64 : 0;
	uint64_t hi = end < w * 64 + 64 ? end - w * 64 : 64;

	return (hi == 64 ? ~UINT64_C(0) : (UINT64_C(1) << hi) - 1) & ~((UINT64_C(1) << lo) - 1);
}

static inline void bitmap_assign_range(uint64_t *map, uint64_t from, uint64_t end, bool v)
{
	for (uint64_t w = from / 64; w * 64 < end; w++) {
		uint64_t mask = bitmap_word_mask(w, from, end);

		map[w] = v ? map[w] | mask : map[w] & ~mask;
	}
}

#endif
