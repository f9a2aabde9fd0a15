/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nameset.h -- have I seen this name before?
 */
#ifndef CHECK_NAMESET_H
#define CHECK_NAMESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Positions by hash; whoever fills it knows what lies at a position.  All zero is an empty set. */
struct nameset { uint64_t *hash, *pos; size_t cap, room, nr; };

/* nameset_reset - forget all; ready for @nr names.  0 or -ENOMEM. */
int nameset_reset(struct nameset *s, size_t nr);
/* nameset_fini - give the memory back. */
void nameset_fini(struct nameset *s);

/**
 * nameset_add - look for names of the same hash, then add one
 * @same: is the name at @pos this one?
 * Return: 1 and *@other (it was there; not added), 0, or -ENOMEM.
 */
struct nameset_key { uint64_t hash, pos; bool (*same)(void *arg, uint64_t pos); void *arg; };
int nameset_add(struct nameset *s, const struct nameset_key *k, uint64_t *other);

/* nameset_has - is there a name for which @k says that it is the same?  k->pos does not matter. */
bool nameset_has(const struct nameset *s, const struct nameset_key *k);

#endif
