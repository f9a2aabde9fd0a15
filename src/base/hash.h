/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hash.h -- the seeded hash of names
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/**
 * name_hash - XXH3-64 of some bytes
 * @seed: secret of the filesystem, so that collisions cannot be prepared
 * @p:    bytes
 * @n:    how many
 *
 * Context: any.
 * Return:  the hash; the same on every machine.
 */
uint64_t name_hash(uint64_t seed, const void *p, size_t n);

#endif
