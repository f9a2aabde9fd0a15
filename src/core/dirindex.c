// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * dirindex.c -- a directory's names in memory
 *
 * Volatile, built on first use, protected by the directory's lock.  Three parts: an
 * open-addressed table (linear probing, removal by shifting back, so there
 * are no tombstones) of 8-byte slots {hash 32, offset / 8 32}; of each directory
 * block its place on the device and its first free record; and a binary tree of maxima over
 * the one free record known of each block, which finds the first with enough room in O(log n).
 */
#include "core/dirindex.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIN_SLOTS	16

struct dirindex {
	uint64_t	*slot;		/* 0 = empty */
	uint64_t	 nr_slots;	/* power of two */
	uint64_t	 nr_names;
	uint64_t	*block;		/* pblk by lblk */
	uint16_t	*room;		/* [2 * cap]: leaf of lblk at cap + lblk, root at 1 */
	uint16_t	*room_off;	/* where in the block that record begins */
	uint16_t	*first_free;	/* by lblk: where a record begins and no free one before it */
	uint64_t	*aside;		/* stack of blocks to look through, each once */
	bool		*is_aside;	/* by lblk */
	uint64_t	 nr_aside;
	uint64_t	 nr_blocks, cap;	/* cap: power of two or 0 */
};

struct dirindex *dirindex_new(void)
{
	return calloc(1, sizeof(struct dirindex));
}

void dirindex_free(struct dirindex *ix)
{
	if (!ix)
		return;
	free(ix->slot);
	free(ix->block);
	free(ix->room);
	free(ix->room_off);
	free(ix->first_free);
	free(ix->aside);
	free(ix->is_aside);
	free(ix);
}

/* -- names --------------------------------------------------------------------- */

static uint64_t slot_make(uint32_t hash, uint64_t off)
{
	assert(off && off % 8 == 0 && off / 8 <= UINT32_MAX);
	return (uint64_t)hash << 32 | off / 8;
}

static uint32_t slot_hash(uint64_t s) { return (uint32_t)(s >> 32); }
static uint64_t slot_off(uint64_t s) { return (s & UINT32_MAX) * 8; }

/* Keeps the names in order of home, so that a resize writes ascending addresses. */
static uint64_t home(const struct dirindex *ix, uint32_t hash)
{
	return (uint64_t)hash * ix->nr_slots >> 32;
}

static void put(struct dirindex *ix, uint64_t s)
{
	uint64_t i = home(ix, slot_hash(s));

	while (ix->slot[i])
		i = (i + 1) & (ix->nr_slots - 1);
	ix->slot[i] = s;
}

static int grow_slots(struct dirindex *ix)
{
	uint64_t was_nr = ix->nr_slots, *was = ix->slot;
	uint64_t nr = was_nr ? was_nr * 2 : MIN_SLOTS;
	uint64_t *slot = calloc(nr, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	ix->slot = slot;
	ix->nr_slots = nr;
	for (uint64_t i = 0; i < was_nr; i++)
		if (was[i])
			put(ix, was[i]);
	free(was);
	return 0;
}

uint64_t dirindex_nr_names(const struct dirindex *ix)
{
	return ix->nr_names;
}

void dirindex_insert(struct dirindex *ix, uint32_t hash, uint64_t off)
{
	assert(ix->nr_names < ix->nr_slots);
	put(ix, slot_make(hash, off));
	ix->nr_names++;
}

/* May the slot at @from move to the hole at @to?  Only if its home is not between them. */
static bool may_move(const struct dirindex *ix, uint64_t to, uint64_t from)
{
	uint64_t mask = ix->nr_slots - 1;
	uint64_t h = home(ix, slot_hash(ix->slot[from]));

	return ((from - h) & mask) >= ((from - to) & mask);
}

static void close_hole(struct dirindex *ix, uint64_t hole)
{
	uint64_t mask = ix->nr_slots - 1;

	for (uint64_t i = (hole + 1) & mask; ix->slot[i]; i = (i + 1) & mask) {
		if (!may_move(ix, hole, i))
			continue;
		ix->slot[hole] = ix->slot[i];
		hole = i;
	}
	ix->slot[hole] = 0;
}

void dirindex_remove(struct dirindex *ix, uint32_t hash, uint64_t off)
{
	uint64_t want = slot_make(hash, off), i = home(ix, hash);

	while (ix->slot[i] != want) {
		assert(ix->slot[i]);
		i = (i + 1) & (ix->nr_slots - 1);
	}
	close_hole(ix, i);
	ix->nr_names--;
}

bool dirindex_next(const struct dirindex *ix, uint32_t hash, struct dirindex_iter *it, uint64_t *off)
{
	if (!ix->nr_slots)
		return false;
	while (it->step < ix->nr_slots) {
		uint64_t s = ix->slot[(home(ix, hash) + it->step++) & (ix->nr_slots - 1)];

		if (!s)
			return false;
		if (slot_hash(s) == hash) {
			*off = slot_off(s);
			return true;
		}
	}
	return false;
}

/* -- blocks and room ---------------------------------------------------------------- */

uint64_t dirindex_nr_blocks(const struct dirindex *ix)
{
	return ix->nr_blocks;
}

pblk_t dirindex_block(const struct dirindex *ix, uint64_t lblk)
{
	assert(lblk < ix->nr_blocks);
	return (pblk_t){ ix->block[lblk] };
}

static uint16_t max_u16(uint16_t a, uint16_t b)
{
	return a > b ? a : b;
}

struct dirroom dirindex_room(const struct dirindex *ix, uint64_t lblk)
{
	return (struct dirroom){ ix->room_off[lblk], ix->room[ix->cap + lblk] };
}

void dirindex_set_room(struct dirindex *ix, uint64_t lblk, struct dirroom room)
{
	uint64_t i = ix->cap + lblk;

	ix->room_off[lblk] = (uint16_t)room.off;
	ix->room[i] = (uint16_t)room.len;
	while (i > 1) {
		i /= 2;
		uint16_t m = max_u16(ix->room[2 * i], ix->room[2 * i + 1]);

		if (ix->room[i] == m)
			break;
		ix->room[i] = m;
	}
}

unsigned dirindex_first_free(const struct dirindex *ix, uint64_t lblk)
{
	return ix->first_free[lblk];
}

void dirindex_filled(struct dirindex *ix, uint64_t lblk, unsigned off, unsigned next)
{
	if (ix->first_free[lblk] == off)
		ix->first_free[lblk] = (uint16_t)next;
}

void dirindex_freed(struct dirindex *ix, uint64_t lblk, unsigned off)
{
	if (off < ix->first_free[lblk])
		ix->first_free[lblk] = (uint16_t)off;
}

bool dirindex_find_room(const struct dirindex *ix, unsigned need, uint64_t *lblk)
{
	uint64_t i = 1;

	if (!ix->cap || ix->room[1] < need)
		return false;
	while (i < ix->cap)
		i = ix->room[2 * i] >= need ? 2 * i : 2 * i + 1;
	*lblk = i - ix->cap;
	return true;
}

void dirindex_used_up(struct dirindex *ix, uint64_t lblk)
{
	dirindex_set_room(ix, lblk, (struct dirroom){ 0, 0 });
	if (ix->is_aside[lblk])
		return;
	ix->is_aside[lblk] = true;
	ix->aside[ix->nr_aside++] = lblk;
}

bool dirindex_next_unknown(struct dirindex *ix, uint64_t *lblk)
{
	while (ix->nr_aside) {
		*lblk = ix->aside[--ix->nr_aside];
		ix->is_aside[*lblk] = false;
		if (!dirindex_room(ix, *lblk).len)
			return true;
	}
	return false;
}

static bool grow_array(void *array, size_t bytes)
{
	void **p = array, *grown = realloc(*p, bytes);

	if (grown)
		*p = grown;
	return grown;
}

/* The tree of maxima with its leaves in their new places. */
static uint16_t *grown_room(const struct dirindex *ix, uint64_t cap)
{
	uint16_t *room = calloc(2 * cap, sizeof(*room));

	if (room && ix->room)
		memcpy(room + cap, ix->room + ix->cap, ix->nr_blocks * sizeof(*room));
	for (uint64_t i = cap - 1; room && i > 0; i--)
		room[i] = max_u16(room[2 * i], room[2 * i + 1]);
	return room;
}

/* On failure some arrays are larger than cap says, which harms nobody. */
static int grow_blocks(struct dirindex *ix, uint64_t want)
{
	uint64_t cap = ix->cap ? ix->cap : 1;

	while (cap < want)
		cap *= 2;
	if (!grow_array(&ix->block, cap * sizeof(*ix->block)) ||
	    !grow_array(&ix->room_off, cap * sizeof(*ix->room_off)) ||
	    !grow_array(&ix->first_free, cap * sizeof(*ix->first_free)) ||
	    !grow_array(&ix->aside, cap * sizeof(*ix->aside)) ||
	    !grow_array(&ix->is_aside, cap * sizeof(*ix->is_aside)))
		return -ENOMEM;
	uint16_t *room = grown_room(ix, cap);

	if (!room)
		return -ENOMEM;
	memset(ix->is_aside + ix->cap, 0, (cap - ix->cap) * sizeof(*ix->is_aside));
	free(ix->room);
	ix->room = room;
	ix->cap = cap;
	return 0;
}

void dirindex_add_block(struct dirindex *ix, pblk_t b, struct dirroom room, unsigned first_free)
{
	assert(ix->nr_blocks < ix->cap);
	ix->block[ix->nr_blocks] = b.v;
	ix->first_free[ix->nr_blocks] = (uint16_t)first_free;
	dirindex_set_room(ix, ix->nr_blocks++, room);
}

int dirindex_reserve(struct dirindex *ix, uint64_t nr_blocks)
{
	int err = 0;

	if (nr_blocks > ix->cap)
		err = grow_blocks(ix, nr_blocks);
	if (!err && (ix->nr_names + 1) * 4 > ix->nr_slots * 3)
		err = grow_slots(ix);
	return err;
}
