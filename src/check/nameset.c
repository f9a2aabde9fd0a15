// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * nameset.c -- have I seen this name before?
 *
 * Open addressing with linear probing; no removal.  The memory is kept from
 * one directory to the next, but only as much of it is cleared as the next one
 * needs.  The hash is seeded, so names cannot be chosen to collide.
 */
#include "check/nameset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAP	64

static int resize(struct nameset *s, size_t cap)
{
	if (cap > s->room) {
		uint64_t *hash = malloc(cap * sizeof(*hash)), *pos = malloc(cap * sizeof(*pos));

		if (!hash || !pos) {
			free(hash);
			free(pos);
			return -ENOMEM;
		}
		free(s->hash);
		free(s->pos);
		s->hash = hash;
		s->pos = pos;
		s->room = cap;
	}
	s->cap = cap;
	s->nr = 0;
	memset(s->hash, 0, cap * sizeof(*s->hash));
	return 0;
}

int nameset_reset(struct nameset *s, size_t nr)
{
	size_t cap = MIN_CAP;

	while (cap < nr * 2)
		cap *= 2;
	return resize(s, cap);
}

void nameset_fini(struct nameset *s)
{
	free(s->hash);
	free(s->pos);
	*s = (struct nameset){ 0 };
}

static void put(struct nameset *s, uint64_t hash, uint64_t pos)
{
	size_t i = (size_t)hash & (s->cap - 1);

	while (s->hash[i])
		i = (i + 1) & (s->cap - 1);
	s->hash[i] = hash;
	s->pos[i] = pos;
	s->nr++;
}

static int grow(struct nameset *s)
{
	struct nameset was = *s;

	*s = (struct nameset){ 0 };
	int err = resize(s, was.cap * 2);

	if (err) {
		*s = was;
		return err;
	}
	for (size_t i = 0; i < was.cap; i++)
		if (was.hash[i])
			put(s, was.hash[i], was.pos[i]);
	nameset_fini(&was);
	return 0;
}

int nameset_add(struct nameset *s, const struct nameset_key *k, uint64_t *other)
{
	uint64_t hash = k->hash | 1;	/* 0 is an empty slot */
	size_t mask = s->cap - 1;

	for (size_t i = (size_t)hash & mask; s->hash[i]; i = (i + 1) & mask) {
		if (s->hash[i] == hash && k->same(k->arg, s->pos[i])) {
			*other = s->pos[i];
			return 1;
		}
	}
	if (s->nr * 4 >= s->cap * 3 && grow(s))
		return -ENOMEM;
	put(s, hash, k->pos);
	return 0;
}

bool nameset_has(const struct nameset *s, const struct nameset_key *k)
{
	uint64_t hash = k->hash | 1;
	size_t mask = s->cap - 1;

	for (size_t i = (size_t)hash & mask; s->hash[i]; i = (i + 1) & mask)
		if (s->hash[i] == hash && k->same(k->arg, s->pos[i]))
			return true;
	return false;
}
