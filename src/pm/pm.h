/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pm.h -- the one seam through which every store to media goes
 *
 * A store is durable after the store itself, a flush of its bytes and a fence;
 * copy and zero need the fence only.  A fence completes what the same thread
 * stored and flushed before, nothing of other threads.
 */
#ifndef PM_PM_H
#define PM_PM_H

#include <stddef.h>
#include <stdint.h>

#include "pm/region.h"

struct pm_ops {
	const char *name;
	void (*copy)(struct region *rg, void *dst, const void *src, size_t n);	/* non-temporal */
	void (*zero)(struct region *rg, void *dst, size_t n);			/* non-temporal */
	void (*store)(struct region *rg, void *dst, const void *src, size_t n);	/* needs flush */
	void (*store8)(struct region *rg, void *dst, uint64_t v);		/* needs flush */
	void (*flush)(struct region *rg, const void *p, size_t n);
	void (*fence)(struct region *rg);
};

extern const struct pm_ops pm_ops_pmem;		/* libpmem: clwb and the like */
extern const struct pm_ops pm_ops_msync;	/* page cache: pmem_msync */
extern const struct pm_ops pm_ops_record;	/* logs events, for tests */

/**
 * pm_copy - copy to media past the caches
 * @rg:  region
 * @dst: in the region
 * @src: anywhere, not overlapping
 * @n:   bytes
 *
 * Context: a media error kills the process; see pm_copy_guarded().
 * Durable: after pm_fence().
 */
static inline void pm_copy(struct region *rg, void *dst, const void *src, size_t n)
{
	rg->ops->copy(rg, dst, src, n);
}

/**
 * pm_zero - write zeroes to media past the caches
 * @rg:  region
 * @dst: in the region
 * @n:   bytes
 *
 * Context: a media error kills the process; see pm_zero_guarded().
 * Durable: after pm_fence().
 */
static inline void pm_zero(struct region *rg, void *dst, size_t n)
{
	rg->ops->zero(rg, dst, n);
}

/**
 * pm_store - write to media through the caches
 * @rg:  region
 * @dst: in the region
 * @src: anywhere, not overlapping
 * @n:   bytes
 *
 * Context: a media error kills the process; see pm_store_guarded().
 * Durable: after pm_flush() of the bytes and pm_fence(); may be any time before.
 */
static inline void pm_store(struct region *rg, void *dst, const void *src, size_t n)
{
	rg->ops->store(rg, dst, src, n);
}

/**
 * pm_store8 - write eight bytes that never tear
 * @rg:  region
 * @dst: in the region, 8-byte aligned
 * @v:   the value, in media byte order
 *
 * Context: other threads see the old or the new value, with release order.
 * Durable: after pm_flush() and pm_fence(); old or new after a crash before.
 */
static inline void pm_store8(struct region *rg, void *dst, uint64_t v)
{
	rg->ops->store8(rg, dst, v);
}

/**
 * pm_flush - begin to write back cached stores
 * @rg: region
 * @p:  in the region
 * @n:  bytes; whole cache lines are written back
 *
 * Durable: what the bytes held at this moment, after pm_fence().
 */
static inline void pm_flush(struct region *rg, const void *p, size_t n)
{
	rg->ops->flush(rg, p, n);
}

/**
 * pm_fence - wait for this thread's copies, zeroes and flushes
 * @rg: region
 *
 * Durable: all of them, unless region_error() says otherwise.
 */
static inline void pm_fence(struct region *rg)
{
	rg->ops->fence(rg);
}

/**
 * pm_persist - flush and fence
 * @rg: region
 * @p:  in the region
 * @n:  bytes
 *
 * Durable: the bytes, and all that this thread copied or flushed before.
 */
static inline void pm_persist(struct region *rg, const void *p, size_t n)
{
	pm_flush(rg, p, n);
	pm_fence(rg);
}

/**
 * pm_guard_install - turn media errors inside a guard into -EIO
 *
 * Takes over SIGBUS for the process, once; a SIGBUS outside a guard goes on to
 * the handler that was there before, or ends the process with one sentence on
 * stderr.  region_open() calls it.
 *
 * Context: any thread.
 * Return:  0 or negative errno.
 */
int pm_guard_install(void);

/**
 * pm_read - copy from media, surviving media errors
 * @rg:  region
 * @dst: anywhere, not overlapping
 * @src: in the region
 * @n:   bytes
 *
 * A read that races with a write gets old and new bytes mixed, as POSIX lets a
 * filesystem do; ThreadSanitizer does not look at @src.
 *
 * Context: does not nest locks inside the guard.
 * Return:  0, or -EIO (poisoned line, page that cannot be backed); @dst is then
 *          partly written.
 */
int pm_read(struct region *rg, void *dst, const void *src, size_t n);

/**
 * pm_copy_guarded - pm_copy() that survives media errors, for file data
 * @rg:  region
 * @dst: in the region
 * @src: anywhere, not overlapping
 * @n:   bytes
 *
 * Durable: after pm_fence().
 * Return:  0, or -EIO with @dst partly written.
 */
int pm_copy_guarded(struct region *rg, void *dst, const void *src, size_t n);

/**
 * pm_store_guarded - pm_store() that survives media errors, for file data
 * @rg:  region
 * @dst: in the region
 * @src: anywhere, not overlapping
 * @n:   bytes
 *
 * Durable: after pm_flush() of the bytes and pm_fence().
 * Return:  0, or -EIO with @dst partly written.
 */
int pm_store_guarded(struct region *rg, void *dst, const void *src, size_t n);

/**
 * pm_zero_guarded - pm_zero() that survives media errors, for file data
 * @rg:  region
 * @dst: in the region
 * @n:   bytes
 *
 * Durable: after pm_fence().
 * Return:  0, or -EIO with @dst partly written.
 */
int pm_zero_guarded(struct region *rg, void *dst, size_t n);

/**
 * pm_run_guarded - a whole function inside a guard, for programs that end after a media error
 * @rg:  region
 * @fn:  takes no lock that anybody needs afterwards, and opens no guard
 * @arg: its argument
 * @off: out, the byte of the region that failed, or UINT64_MAX
 *
 * After a media error whatever @fn held in its local variables is lost, memory
 * included.
 *
 * Durable: what @fn made so.
 * Return:  what @fn returned, or -EIO with *@off.
 */
int pm_run_guarded(struct region *rg, int (*fn)(void *arg), void *arg, uint64_t *off);

#endif
