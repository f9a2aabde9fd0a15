// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * media.c -- the device as the checker sees it
 *
 * Owns the private copies of blocks, in a hash table by block number.  DRAM
 * only: a crash forgets all of it.  One thread.
 */
#include "check/media.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAP	64

void media_init(struct media *m, struct region *rg)
{
	*m = (struct media){ .rg = rg, .nr_blocks = rg->size >> DAXFS_BLOCK_SHIFT };
}

void media_fini(struct media *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slot[i]);
	free(m->slot);
	free(m->move);
	*m = (struct media){ 0 };
}

static size_t home(const struct media *m, uint64_t blk)
{
	return (size_t)(blk * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (m->cap - 1);
}

struct copy *media_find(const struct media *m, uint64_t blk)
{
	if (!m->cap)
		return NULL;
	for (size_t i = home(m, blk); m->slot[i]; i = (i + 1) & (m->cap - 1))
		if (m->slot[i]->blk == blk)
			return m->slot[i];
	return NULL;
}

static void place(struct media *m, struct copy *c)
{
	size_t i = home(m, c->blk);

	while (m->slot[i])
		i = (i + 1) & (m->cap - 1);
	m->slot[i] = c;
}

static bool grow(struct media *m)
{
	struct copy **was = m->slot;
	size_t was_cap = m->cap, cap = was_cap ? was_cap * 2 : MIN_CAP;
	struct copy **slot = calloc(cap, sizeof(struct copy *));

	if (!slot)
		return false;
	m->slot = slot;
	m->cap = cap;
	for (size_t i = 0; i < was_cap; i++)
		if (was[i])
			place(m, was[i]);
	free(was);
	return true;
}

static struct copy *need(struct media *m, uint64_t blk)
{
	struct copy *c = media_find(m, blk);

	if (c)
		return c;
	if (m->nr * 2 >= m->cap && !grow(m))
		return NULL;
	c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	c->blk = blk;
	c->flags = 0;
	memcpy(c->bytes, m->rg->base + (blk << DAXFS_BLOCK_SHIFT), sizeof(c->bytes));
	place(m, c);
	m->nr++;
	return c;
}

void *media_restore(struct media *m, uint64_t blk)
{
	struct copy *c = need(m, blk);

	return c ? c->bytes : NULL;
}

void *media_edit(struct media *m, uint64_t blk)
{
	struct copy *c = need(m, blk);

	if (!c)
		return NULL;
	m->edits++;
	c->flags |= COPY_EDITED;
	return c->bytes;
}

void *media_fresh(struct media *m, uint64_t blk)
{
	struct copy *c = need(m, blk);

	if (!c)
		return NULL;
	m->edits++;
	c->flags |= COPY_EDITED | COPY_FRESH;
	memset(c->bytes, 0, sizeof(c->bytes));
	return c->bytes;
}

/* What an earlier repair made of the blocks must not go over their new content. */
static void forget(struct media *m, uint64_t blk, uint64_t n)
{
	for (uint64_t i = 0; m->nr && i < n; i++) {
		struct copy *c = media_find(m, blk + i);

		if (c)
			c->flags = 0;
	}
}

int media_move(struct media *m, uint64_t src, uint64_t dst, uint64_t n)
{
	if (m->nr_moves == m->cap_moves) {
		size_t cap = m->cap_moves ? m->cap_moves * 2 : 16;
		struct move *v = realloc(m->move, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		m->move = v;
		m->cap_moves = cap;
	}
	m->move[m->nr_moves++] = (struct move){ src, dst, n };
	forget(m, dst, n);
	m->edits++;
	return 0;
}
