/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * desk.c -- media on which power cuts are tried, over and over
 */
#include "crash/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "disk/journal.h"
#include "disk/super.h"
#include "harness/rng.h"
#include "pm/record.h"

static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

static struct region *blank(uint64_t size, const uint8_t *image)
{
	struct region *rg;

	if (region_open_record(&rg, size))
		abort();
	memcpy(rg->base, image, rg->size);
	record_start(rg);
	return rg;
}

/* Undo what became durable: @media and @again, their contents to go back to included. */
static void forget_moves(struct desk *d, const uint8_t *image)
{
	for (size_t i = 0; i < d->nr_moved; i++) {
		struct region *both[] = { d->media, d->again };

		for (unsigned k = 0; k < 2; k++) {
			memcpy(both[k]->base + d->moved[i], image + d->moved[i], RECORD_LINE);
			record_accept(both[k], d->moved[i], RECORD_LINE);
		}
	}
	d->nr_moved = 0;
}

void desk_set(struct desk *d, const struct geometry *g)
{
	const uint8_t *image = geometry_image(g);

	if (d->g != g) {
		struct region *old[] = { d->run, d->media, d->again };

		for (unsigned i = 0; d->g && i < 3; i++)
			region_close(old[i]);
		d->run = blank(g->size, image);
		d->media = blank(g->size, image);
		d->again = blank(g->size, image);
		d->g = g;
		d->nr_moved = 0;
	}
	record_rollback(d->run);
	desk_again(d);
}

void desk_again(struct desk *d)
{
	forget_moves(d, geometry_image(d->g));
	d->durable = (struct key){ 0 };
	d->before = NULL;
	d->nr_seen = 0;
	if (d->seen)
		memset(d->seen, 0, d->cap_seen * sizeof(*d->seen));
}

static uint64_t line_hash(const uint8_t *line, uint64_t off)
{
	return XXH3_64bits_withSeed(line, RECORD_LINE, off + 1);
}

/* Lines of a lane behind its header say nothing once nothing in them is live. */
static bool line_counts(const struct region *rg, uint64_t off)
{
	const struct dsuper *sb = (const struct dsuper *)(const void *)rg->base;
	uint64_t lane = (uint64_t)le32_get(sb->lane_blocks) << DAXFS_BLOCK_SHIFT;
	uint64_t at = off - (le64_get(sb->journal) << DAXFS_BLOCK_SHIFT);

	return off < le64_get(sb->journal) << DAXFS_BLOCK_SHIFT || at >= lane * le32_get(sb->nr_lanes) || at % lane == 0;
}

static void key_add(const struct desk *d, struct key *key, const struct region *now, const struct region *was, uint64_t off)
{
	if (!line_counts(now, off))
		return;
	uint64_t change = line_hash(now->base + off, off) - line_hash(was->base + off, off);

	switch (d->before ? d->before->of[off >> DAXFS_BLOCK_SHIFT] : CLAIM_META) {
	case CLAIM_META:
		key->meta += change;
		break;
	case CLAIM_DATA:
		key->data += change;
		break;
	default:
		key->rest += change;
	}
}

void desk_durable(void *desk, uint64_t off)
{
	struct desk *d = desk;

	key_add(d, &d->durable, d->media, d->again, off);
	memcpy(d->again->base + off, d->media->base + off, RECORD_LINE);
	record_accept(d->media, off, RECORD_LINE);
	record_accept(d->again, off, RECORD_LINE);
	if (d->nr_moved == d->cap_moved) {
		d->cap_moved = d->cap_moved ? 2 * d->cap_moved : 1024;
		d->moved = need(realloc(d->moved, d->cap_moved * sizeof(*d->moved)));
	}
	d->moved[d->nr_moved++] = off;
}

/* -- a state ------------------------------------------------------------------------------ */

void lay_words(struct region *on, const struct states *s)
{
	for (size_t w = 0; w < s->nr_words; w++)
		if (s->pick[w])
			memcpy(on->base + s->word[w].off, &s->word[w].value[s->pick[w] - 1], 8);
}

void lift(struct region *on, const struct states *s)
{
	record_rollback(on);
	for (size_t w = 0; w < s->nr_words; w++)
		memcpy(on->base + s->word[w].off, record_base(on) + s->word[w].off, 8);
}

/* -- what it becomes ------------------------------------------------------------------------ */

struct offs { uint64_t *v; size_t nr, cap; };

static void offs_add(struct offs *o, uint64_t off)
{
	off -= off % RECORD_LINE;
	if (o->nr && o->v[o->nr - 1] == off)
		return;
	if (o->nr == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 4096;
		o->v = need(realloc(o->v, o->cap * sizeof(*o->v)));
	}
	o->v[o->nr++] = off;
}

static void offs_add_words(struct offs *o, const struct states *s)
{
	for (size_t w = 0; s && w < s->nr_words; w++)
		if (s->pick[w])
			offs_add(o, s->word[w].off);
}

static void offs_add_stores(struct offs *o, const struct region *rg)
{
	for (size_t i = 0, nr = record_nr(rg); i < nr; i++) {
		const struct record_event *ev = record_get(rg, i);

		for (uint64_t off = ev->off - ev->off % RECORD_LINE; ev->type <= REC_STORE8 && off < ev->off + ev->len; off += RECORD_LINE)
			offs_add(o, off);
	}
}

static int off_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sum_changes(const struct desk *d, const struct laid *l, struct key *key)
{
	static struct offs o;

	o.nr = 0;
	offs_add_words(&o, l->s);
	offs_add_words(&o, l->s2);
	for (size_t i = 0; i < l->nr_moved; i++)
		offs_add(&o, l->moved[i]);
	offs_add_stores(&o, l->on);
	if (o.nr)
		qsort(o.v, o.nr, sizeof(*o.v), off_order);
	for (size_t i = 0; i < o.nr; i++)
		if (!i || o.v[i] != o.v[i - 1])
			key_add(d, key, l->on, l->ref, o.v[i]);
}

static uint64_t hash_stores(const struct region *rg)
{
	uint64_t sum = 0;

	for (size_t i = 0, nr = record_nr(rg); i < nr; i++) {
		const struct record_event *ev = record_get(rg, i);

		if (ev->data)
			sum = XXH3_64bits_withSeed(ev->data, ev->len, sum + ev->off);
	}
	return sum;
}

int desk_recovered(const struct desk *d, const struct laid *l, struct key *key)
{
	struct dsuper *sb = (struct dsuper *)(void *)l->on->base;
	struct disk disk = { .rg = l->on, .nr_blocks = le64_get(sb->nr_blocks), .super = sb };
	unsigned undone;
	int err = 0;

	*key = d->durable;
	disk.copy = disk_ptr(&disk, pblk_make(0, disk.nr_blocks - 1));
	memcpy(disk.uuid, sb->uuid, sizeof(disk.uuid));
	if (super_state(&disk) != DAXFS_STATE_CLEAN)
		err = journal_recover(&disk, &undone);
	else
		key->meta += states_key(l->s);		/* lanes do count then */
	key->stored = hash_stores(l->on);
	sum_changes(d, l, key);
	return err;
}

/* -- what was seen -------------------------------------------------------------------------- */

/* Its place in the table, or the free one for it. */
static size_t place(const uint64_t *table, size_t cap, uint64_t key)
{
	size_t i = (key >> 1) & (cap - 1);

	while (table[i] && table[i] != key)
		i = (i + 1) & (cap - 1);
	return i;
}

static uint64_t nonzero(uint64_t key)
{
	return rng_splitmix(&key) | 1;
}

static void grow_seen(struct desk *d)
{
	size_t cap = d->cap_seen ? 2 * d->cap_seen : 1024;
	uint64_t *table = need(calloc(cap, sizeof(*table)));

	for (size_t i = 0; i < d->cap_seen; i++)
		if (d->seen[i])
			table[place(table, cap, d->seen[i])] = d->seen[i];
	free(d->seen);
	d->seen = table;
	d->cap_seen = cap;
}

bool desk_knows(const struct desk *d, uint64_t key)
{
	return d->cap_seen && d->seen[place(d->seen, d->cap_seen, nonzero(key))];
}

bool desk_saw(struct desk *d, uint64_t key)
{
	if (2 * d->nr_seen >= d->cap_seen)
		grow_seen(d);
	uint64_t *slot = &d->seen[place(d->seen, d->cap_seen, nonzero(key))];

	if (*slot)
		return false;
	*slot = nonzero(key);
	d->nr_seen++;
	return true;
}
