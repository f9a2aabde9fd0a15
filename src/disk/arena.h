/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arena.h -- memory that a transaction takes piecemeal and gives back at once
 */
#ifndef DAXFS_DISK_ARENA_H
#define DAXFS_DISK_ARENA_H

#include <stddef.h>

#define ARENA_PIECE_MAX	4096	/* bytes, one arena_alloc() */

struct arena_chunk;

struct arena {
	struct arena_chunk *first, *now;
	size_t		    used;	/* of @now */
};

/* arena_init, arena_fini - one chunk to begin with.  0 or -ENOMEM. */
int arena_init(struct arena *a);
void arena_fini(struct arena *a);

/* arena_alloc - @n bytes, 64-byte aligned, content undefined; NULL when memory ran out. */
void *arena_alloc(struct arena *a, size_t n);

/* arena_reset - all pieces end; the first chunk is kept for the next use. */
void arena_reset(struct arena *a);

#endif
