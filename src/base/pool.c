/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pool.c -- memory for many objects of one size
 *
 * A slab begins at a multiple of its size, so an object's address tells its slab.  It is a little shorter:
 * malloc() puts 16 bytes before the next one, and if those did not fit in, every other slab's room would stay
 * empty.  And glibc asks the system for each slab by itself if two of them are 128 KiB or more.
 */
#include "base/pool.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_ALIGN	((size_t)64 << 10)
#define SLAB_BYTES	(SLAB_ALIGN - 256)

#define COLLECT		256u	/* objects at a time: whoever does it is waited for */

/* With the part's lock, but for @part, which stays: on a cache line of its own, for those who give back. */
struct pool_slab {
	struct pool_slab *next, **link;		/* among those with room; link: NULL, when it is full */
	void		*free;			/* objects given back, each holds the next */
	unsigned	 nr_taken, nr_cut;	/* now; at any time: what lies behind is untouched */
	_Alignas(64) struct pool_part *part;
};

static _Atomic(struct pool *) all_pools;

static void *next_of(const void *object)
{
	void *next;

	memcpy(&next, object, sizeof(next));
	return next;
}

static void set_next(void *object, void *next)
{
	memcpy(object, &next, sizeof(next));
}

static struct pool_slab *slab_of(const void *object)
{
	return (struct pool_slab *)((uintptr_t)object & ~(uintptr_t)(SLAB_ALIGN - 1));
}

/* -- a slab ---------------------------------------------------------------------- */

static unsigned capacity(const struct pool *p)
{
	return (unsigned)((SLAB_BYTES - sizeof(struct pool_slab)) / p->size);
}

static void slab_link(struct pool_slab *s)
{
	struct pool_slab **head = &s->part->roomy;

	s->next = *head;
	if (s->next)
		s->next->link = &s->next;
	s->link = head;
	*head = s;
}

static void slab_unlink(struct pool_slab *s)
{
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	s->link = NULL;
}

static void list_pool(struct pool *p)
{
	if (atomic_exchange(&p->listed, true))
		return;
	p->next = atomic_load(&all_pools);
	while (!atomic_compare_exchange_weak(&all_pools, &p->next, p))
		;
}

static struct pool_slab *slab_new(struct pool *p, struct pool_part *part)
{
	struct pool_slab *s;
	void *memory;

	if (posix_memalign(&memory, SLAB_ALIGN, SLAB_BYTES))
		return NULL;
	s = memory;
	*s = (struct pool_slab){ .part = part };
	slab_link(s);
	atomic_fetch_add_explicit(&p->nr_slabs, 1, memory_order_relaxed);
	list_pool(p);
	return s;
}

static void slab_end(struct pool *p, struct pool_slab *s)
{
	slab_unlink(s);
	atomic_fetch_sub_explicit(&p->nr_slabs, 1, memory_order_relaxed);
	free(s);
}

static void *slab_take(const struct pool *p, struct pool_slab *s)
{
	void *object = s->free;

	if (object)
		s->free = next_of(object);
	else
		object = (uint8_t *)(s + 1) + s->nr_cut++ * p->size;
	s->nr_taken++;
	if (!s->free && s->nr_cut == capacity(p))
		slab_unlink(s);
	return object;
}

static void slab_give(struct pool_slab *s, void *object)
{
	assert(s->nr_taken);
	if (!s->link)
		slab_link(s);
	set_next(object, s->free);
	s->free = object;
	s->nr_taken--;
}

/* -- a part: with its lock ----------------------------------------------------------- */

/* Up to @most objects go to their slabs. */
static void collect(struct pool_part *part, unsigned most)
{
	if (!part->pending)
		part->pending = atomic_exchange_explicit(&part->returned, NULL, memory_order_acquire);
	for (; part->pending && most; most--) {
		void *object = part->pending;

		part->pending = next_of(object);
		slab_give(slab_of(object), object);
	}
}

static void part_trim(struct pool *p, struct pool_part *part)
{
	struct pool_slab *next;

	collect(part, UINT_MAX);	/* what an earlier call has left */
	collect(part, UINT_MAX);
	for (struct pool_slab *s = part->roomy; s; s = next) {
		next = s->next;
		if (!s->nr_taken)
			slab_end(p, s);
	}
}

static void *part_take(struct pool *p, struct pool_part *part)
{
	struct pool_slab *s;

	if (!part->roomy)
		collect(part, COLLECT);
	s = part->roomy ? part->roomy : slab_new(p, part);
	return s ? slab_take(p, s) : NULL;
}

/* -- the pool ---------------------------------------------------------------------------- */

void *pool_get(struct pool *p)
{
	struct pool_part *part = &p->part[tally_part()];
	void *object;

	if (p->single)
		return calloc(1, p->size);
	pthread_mutex_lock(&part->lock);
	object = part_take(p, part);
	pthread_mutex_unlock(&part->lock);
	return object ? memset(object, 0, p->size) : NULL;
}

void pool_put(struct pool *p, void *object)
{
	struct pool_part *part;
	void *first;

	if (p->single || !object) {
		free(object);
		return;
	}
	part = slab_of(object)->part;
	first = atomic_load_explicit(&part->returned, memory_order_relaxed);
	do
		set_next(object, first);
	while (!atomic_compare_exchange_weak_explicit(&part->returned, &first, object, memory_order_release,
						      memory_order_relaxed));
}

size_t pool_bytes(const struct pool *p)
{
	return atomic_load_explicit(&p->nr_slabs, memory_order_relaxed) * SLAB_ALIGN;
}

void pools_trim(void)
{
	for (struct pool *p = atomic_load(&all_pools); p; p = p->next) {
		for (unsigned i = 0; i < TALLY_PARTS; i++) {
			pthread_mutex_lock(&p->part[i].lock);
			part_trim(p, &p->part[i]);
			pthread_mutex_unlock(&p->part[i].lock);
		}
	}
}
