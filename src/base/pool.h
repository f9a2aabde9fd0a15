/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pool.h -- memory for many objects of one size
 *
 * Each thread takes objects out of slabs that only it takes from, so that threads share neither a lock
 * nor, in neighbouring objects, a cache line.  Most objects are given back by another thread: the one that runs
 * RCU's callbacks.  It leaves them with the slab's part, without a lock, and who next
 * finds that part without room collects them, some at a time (Leijen et al., "Mimalloc: Free List
 * Sharding in Action", 2019).  More threads than parts share them.
 *
 * Under AddressSanitizer and ThreadSanitizer each object is malloc()'s: they see who uses one after it was freed.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/tally.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POOL_SINGLE	true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POOL_SINGLE	true
#endif
#endif
#ifndef POOL_SINGLE
#define POOL_SINGLE	false
#endif

struct pool_slab;

struct pool_part {
	_Alignas(64) pthread_mutex_t lock;
	struct pool_slab *roomy;		/* slabs that objects can be taken from */
	void		*pending;		/* objects given back, each holds the next; yet to go to their slabs */
	_Alignas(64) _Atomic(void *) returned;	/* the same, by whoever, without the lock */
};

struct pool {
	size_t		 size;			/* bytes of an object */
	bool		 single;		/* each object is malloc()'s */
	atomic_bool	 listed;
	struct pool	*next;			/* of all that have been used */
	_Atomic size_t	 nr_slabs;
	struct pool_part part[TALLY_PARTS];
};

/* Objects of @BYTES, which are aligned to 16; pools are static. */
#define POOL_INIT(BYTES) {								\
	.size = ((BYTES) + 15) & ~(size_t)15, .single = POOL_SINGLE,			\
	.part = { [0 ... TALLY_PARTS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } },	\
}

/* pool_get - an object, all zero; NULL without memory. */
void *pool_get(struct pool *p);

/* pool_put - @object, which pool_get() of the same pool returned to any thread, or NULL. */
void pool_put(struct pool *p, void *object);

/* pool_bytes - memory that the pool occupies, taken or not. */
size_t pool_bytes(const struct pool *p);

/* pools_trim - slabs of all pools that nobody has an object of become free memory. */
void pools_trim(void);

#endif
