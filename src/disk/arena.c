/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arena.c -- memory that a transaction takes piecemeal and gives back at once
 *
 * Owns a list of chunks.  Addresses never move while the transaction runs, and
 * a chunk is big enough that an ordinary transaction never calls malloc; those
 * that a big one added are returned at its end.  DRAM only.  The lane's mutex
 * protects it.  May call: libc.
 */
#include "disk/arena.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define CHUNK_BYTES	((size_t)128 << 10)
#define ALIGN		64

struct arena_chunk {
	struct arena_chunk *next;
	alignas(ALIGN) uint8_t bytes[CHUNK_BYTES];
};

static struct arena_chunk *chunk_new(void)
{
	struct arena_chunk *c = aligned_alloc(ALIGN, sizeof(*c));

	if (c)
		c->next = NULL;
	return c;
}

/* free a chunk and those after it */
static void chunks_free(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

int arena_init(struct arena *a)
{
	a->first = a->now = chunk_new();
	a->used = 0;
	return a->first ? 0 : -ENOMEM;
}

void arena_fini(struct arena *a)
{
	chunks_free(a->first);
	a->first = a->now = NULL;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	assert(n > 0 && n <= ARENA_PIECE_MAX);
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n > CHUNK_BYTES - a->used) {
		a->now->next = chunk_new();
		if (!a->now->next)
			return NULL;
		a->now = a->now->next;
		a->used = 0;
	}
	p = a->now->bytes + a->used;
	a->used += n;
	return p;
}

void arena_reset(struct arena *a)
{
	chunks_free(a->first->next);
	a->first->next = NULL;
	a->now = a->first;
	a->used = 0;
}
