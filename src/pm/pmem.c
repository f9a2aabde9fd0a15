/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pmem.c -- the backend for memory that the CPU reaches directly
 *
 * Device-DAX, fs-dax files, and tmpfs so that tests run the real instructions.
 * libpmem picks clwb, clflushopt or clflush, and no flush at all on a platform
 * with eADR; whether the address range is persistent was settled when the region
 * was opened, so its is_pmem detection is not asked.  No state, no locks.
 *
 * pm_flush_kind() only reports what libpmem chose; it changes nothing.
 */
#include "pm/pm.h"

#include <libpmem.h>
#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "pm/probe.h"

#define NT (PMEM_F_MEM_NONTEMPORAL | PMEM_F_MEM_NODRAIN)

static void pmem_op_copy(struct region *rg, void *dst, const void *src, size_t n)
{
	(void)rg;
	pmem_memcpy(dst, src, n, NT);
}

static void pmem_op_zero(struct region *rg, void *dst, size_t n)
{
	(void)rg;
	pmem_memset(dst, 0, n, NT);
}

static void pmem_op_store(struct region *rg, void *dst, const void *src, size_t n)
{
	(void)rg;
	memcpy(dst, src, n);
}

static void pmem_op_store8(struct region *rg, void *dst, uint64_t v)
{
	(void)rg;
	atomic_store_explicit((_Atomic uint64_t *)dst, v, memory_order_release);
}

static void pmem_op_flush(struct region *rg, const void *p, size_t n)
{
	(void)rg;
	pmem_flush(p, n);
}

static void pmem_op_fence(struct region *rg)
{
	(void)rg;
	pmem_drain();
}

const struct pm_ops pm_ops_pmem = {
	.name = "pmem",
	.copy = pmem_op_copy,
	.zero = pmem_op_zero,
	.store = pmem_op_store,
	.store8 = pmem_op_store8,
	.flush = pmem_op_flush,
	.fence = pmem_op_fence,
};

/* The order in which libpmem chooses, from the CPU's feature leaf 7. */
static enum pm_flush_kind cpu_flush_kind(void)
{
#if defined(__x86_64__) || defined(__i386__)
	unsigned a, b, c, d;

	if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
		if (b & 1u << 24)
			return PM_FLUSH_CLWB;
		if (b & 1u << 23)
			return PM_FLUSH_CLFLUSHOPT;
	}
	return PM_FLUSH_CLFLUSH;
#else
	return PM_FLUSH_OTHER;
#endif
}

enum pm_flush_kind pm_flush_kind(void)
{
	return pmem_has_auto_flush() == 1 ? PM_FLUSH_EADR : cpu_flush_kind();
}
