/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msync.c -- the backend for memory that is a page cache
 *
 * Any file or block device that is not mapped DAX.  A cache-line flush would
 * only reach the page cache, so flush (and copy and zero, which need no flush)
 * remembers the pages and fence makes them durable with msync: slow, and as
 * right as the filesystem below.
 *
 * Owns one small table of page ranges per thread, as a fence speaks for its own
 * thread only; no locks.  An entry names its region by id, never by address:
 * what a thread left unfenced for a region since closed is not touched again.
 * When the table is full the ranges of the region become one that covers them.
 */
#include "pm/pm.h"

#include <errno.h>
#include <libpmem.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"

#define NR_RANGES 16

struct range {
	uint64_t id;		/* region->id */
	uintptr_t first;	/* page aligned */
	uintptr_t end;		/* page aligned, exclusive */
};

static _Thread_local struct {
	unsigned nr;
	struct range range[NR_RANGES];
} pending;

static void sync_range(struct region *rg, const struct range *r)
{
	int none = 0;

	if (!pmem_msync((void *)r->first, r->end - r->first))
		return;
	int err = -errno;

	if (atomic_compare_exchange_strong(&rg->error, &none, err))
		log_error("%s: msync of %zu bytes at offset %zu failed: %s; "
			  "what was written there may not survive a crash",
			  rg->path, r->end - r->first, r->first - (uintptr_t)rg->base,
			  strerror(-err));
}

static bool touches(const struct range *a, const struct range *b)
{
	return a->id == b->id && a->first <= b->end && b->first <= a->end;
}

static void widen(struct range *a, const struct range *b)
{
	if (b->first < a->first)
		a->first = b->first;
	if (b->end > a->end)
		a->end = b->end;
}

/* Makes all ranges of @r's region one, @r included; false when there are none. */
static bool cover(const struct range *r)
{
	struct range *into = NULL;
	unsigned kept = 0;

	for (unsigned i = 0; i < pending.nr; i++) {
		if (into && pending.range[i].id == r->id) {
			widen(into, &pending.range[i]);
			continue;
		}
		pending.range[kept] = pending.range[i];
		if (pending.range[kept].id == r->id)
			into = &pending.range[kept];
		kept++;
	}
	pending.nr = kept;
	if (into)
		widen(into, r);
	return into;
}

static void remember(struct region *rg, const void *p, size_t n)
{
	uintptr_t addr = (uintptr_t)p;
	struct range r = { rg->id, addr & ~(uintptr_t)4095, (addr + n + 4095) & ~(uintptr_t)4095 };

	if (!n)
		return;
	for (unsigned i = 0; i < pending.nr; i++) {
		if (touches(&pending.range[i], &r)) {
			widen(&pending.range[i], &r);
			return;
		}
	}
	if (pending.nr < NR_RANGES)
		pending.range[pending.nr++] = r;
	else if (!cover(&r))
		sync_range(rg, &r);	/* full of other regions: at once */
}

static void msync_op_copy(struct region *rg, void *dst, const void *src, size_t n)
{
	memcpy(dst, src, n);
	remember(rg, dst, n);
}

static void msync_op_zero(struct region *rg, void *dst, size_t n)
{
	memset(dst, 0, n);
	remember(rg, dst, n);
}

static void msync_op_store(struct region *rg, void *dst, const void *src, size_t n)
{
	(void)rg;
	memcpy(dst, src, n);
}

static void msync_op_store8(struct region *rg, void *dst, uint64_t v)
{
	(void)rg;
	atomic_store_explicit((_Atomic uint64_t *)dst, v, memory_order_release);
}

static void msync_op_fence(struct region *rg)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < pending.nr; i++) {
		if (pending.range[i].id == rg->id)
			sync_range(rg, &pending.range[i]);
		else
			pending.range[kept++] = pending.range[i];
	}
	pending.nr = kept;
}

const struct pm_ops pm_ops_msync = {
	.name = "msync",
	.copy = msync_op_copy,
	.zero = msync_op_zero,
	.store = msync_op_store,
	.store8 = msync_op_store8,
	.flush = remember,
	.fence = msync_op_fence,
};
