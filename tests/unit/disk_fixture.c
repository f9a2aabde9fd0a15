/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_fixture.c -- a small disk with lanes and a simple allocator, for tests
 */
#include "disk_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "disk/super.h"
#include "pm/record.h"

static int hook_alloc(void *arg, pblk_t *out)
{
	return fixture_take(arg, 1, out) ? 0 : -28;
}

static void give_all(struct fixture *fx, const struct runvec *rv)
{
	for (size_t i = 0; i < rv->nr; i++)
		fixture_give(fx, rv->v[i].pblk, rv->v[i].n);
}

static void hook_unalloc(void *arg, const struct runvec *blocks)
{
	give_all(arg, blocks);
}

static void hook_freed(void *arg, struct runvec *blocks)
{
	struct fixture *fx = arg;

	fx->freed_calls++;
	give_all(fx, blocks);
}

static void drop(enum log_level level, const char *msg, void *arg)
{
	(void)level;
	(void)msg;
	(void)arg;
}

void quiet(void)
{
	log_set_sink(drop, NULL);
}

uint64_t rng(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

void fixture_view(struct disk *d, struct region *rg, uint64_t nr_blocks)
{
	*d = (struct disk){ .rg = rg, .nr_blocks = nr_blocks, .super = (void *)rg->base };
	d->copy = (void *)(rg->base + ((nr_blocks - 1) << DAXFS_BLOCK_SHIFT));
	memcpy(d->uuid, d->super->uuid, sizeof(d->uuid));
}

void fixture_open(struct fixture *fx, uint64_t nr_blocks, enum fixture_kind kind)
{
	static const uint8_t uuid[16] = "fixture uuid 16";
	uint64_t size = nr_blocks << DAXFS_BLOCK_SHIFT;
	struct journal_hooks hooks = { hook_alloc, hook_unalloc, hook_freed, fx };
	struct super_geometry g;
	struct dsuper *sb = aligned_alloc(4096, sizeof(*sb));

	quiet();
	memset(fx, 0, sizeof(*fx));
	super_plan(nr_blocks, &g);
	must(sb);
	must((kind == FIXTURE_RECORD ? region_open_record(&fx->rg, size)
				     : region_open_ram(&fx->rg, size)) == 0);
	super_build(sb, &g, uuid, "fixture", 1);
	super_write(fx->rg, sb, 0);
	super_write(fx->rg, sb, nr_blocks - 1);
	free(sb);
	fixture_view(&fx->d, fx->rg, nr_blocks);
	journal_format(&fx->d, fx->d.super);
	must(journal_open(&fx->jn, &fx->d, &hooks) == 0);
	fx->taken = calloc(1, nr_blocks);
	must(fx->taken);
	fx->data_start = g.journal + g.nr_lanes * g.lane_blocks;
	fx->hint = fx->data_start;
}

void fixture_close(struct fixture *fx)
{
	journal_close(&fx->jn);
	region_close(fx->rg);
	free(fx->taken);
}

/* first run of @n free blocks at or after @from */
static uint64_t find_free(const struct fixture *fx, uint64_t from, uint64_t n)
{
	uint64_t have = 0;

	for (uint64_t b = from; b < fx->d.nr_blocks - 1; b++) {
		have = fx->taken[b] ? 0 : have + 1;
		if (have == n)
			return b + 1 - n;
	}
	return 0;
}

bool fixture_take(struct fixture *fx, uint64_t n, pblk_t *out)
{
	uint64_t b = find_free(fx, fx->hint, n);

	if (!b)
		b = find_free(fx, fx->data_start, n);
	if (!b)
		return false;
	memset(fx->taken + b, 1, n);
	fx->nr_taken += n;
	fx->hint = b + n;
	*out = pblk_make(0, b);
	return true;
}

void fixture_give(struct fixture *fx, pblk_t b, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		must(fx->taken[pblk_nr(b) + i]);
		fx->taken[pblk_nr(b) + i] = 0;
	}
	fx->nr_taken -= n;
}
