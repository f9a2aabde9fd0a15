// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * rangelock.c -- locks on ranges of a file's blocks
 *
 * Owns a list of ranges, locked and waiting, in order of arrival.  Who comes counts
 * the ranges ahead that overlap his; who leaves takes one from the count of each
 * behind him that he overlaps, and wakes those that are down to none.  Nobody waits
 * for one behind, so no two wait for each other.
 *
 * Volatile: a crash forgets it, and with it whatever was half done under a lock.
 */
#include "core/rangelock.h"

#include <assert.h>

#include "base/spin.h"

/* A write of a few blocks is over sooner than a thread sleeps and wakes. */
#define SPINS	100

void rangelock_init(struct rangelock *rl)
{
	atomic_init(&rl->nr, 0);
	pthread_mutex_init(&rl->mutex, NULL);
	list_init(&rl->ranges);
}

void rangelock_fini(struct rangelock *rl)
{
	assert(list_empty(&rl->ranges));
	pthread_mutex_destroy(&rl->mutex);
}

static bool overlap(const struct range_hold *a, const struct range_hold *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* Ranges in the list that @h has to wait for; each is told. */
static unsigned count_before(struct rangelock *rl, const struct range_hold *h)
{
	unsigned n = 0;

	list_for_each(pos, &rl->ranges) {
		struct range_hold *other = list_entry(pos, struct range_hold, link);

		if (overlap(other, h)) {
			other->behind++;
			n++;
		}
	}
	return n;
}

static bool must_wait(const struct range_hold *h)
{
	return atomic_load_explicit(&h->before, memory_order_acquire) != 0;
}

static void wait_turn(struct rangelock *rl, struct range_hold *h)
{
	for (unsigned i = 0; i < SPINS && must_wait(h); i++)
		spin_pause();
	if (!must_wait(h))
		return;
	pthread_mutex_lock(&rl->mutex);
	pthread_cond_init(&h->ready, NULL);
	h->sleeps = true;
	while (must_wait(h))
		pthread_cond_wait(&h->ready, &rl->mutex);
	h->sleeps = false;
	pthread_cond_destroy(&h->ready);
	pthread_mutex_unlock(&rl->mutex);
}

void rangelock_lock(struct rangelock *rl, struct range_hold *h, uint64_t first, uint64_t last)
{
	assert(first <= last);
	h->first = first;
	h->last = last;
	h->behind = 0;
	h->sleeps = false;
	pthread_mutex_lock(&rl->mutex);
	atomic_init(&h->before, count_before(rl, h));
	list_add_tail(&rl->ranges, &h->link);
	atomic_fetch_add(&rl->nr, 1);
	pthread_mutex_unlock(&rl->mutex);
	if (must_wait(h))
		wait_turn(rl, h);
}

/* @next waits for one range less.  Mutex held, so it cannot leave before this is through with it. */
static void release(struct range_hold *next)
{
	unsigned was = atomic_fetch_sub_explicit(&next->before, 1, memory_order_release);

	if (was == 1 && next->sleeps)
		pthread_cond_signal(&next->ready);
}

void rangelock_unlock(struct rangelock *rl, struct range_hold *h)
{
	pthread_mutex_lock(&rl->mutex);
	for (struct list *pos = h->link.next; h->behind; pos = pos->next) {
		struct range_hold *next = list_entry(pos, struct range_hold, link);

		if (overlap(next, h)) {
			h->behind--;
			release(next);
		}
	}
	list_del(&h->link);
	atomic_fetch_sub(&rl->nr, 1);
	pthread_mutex_unlock(&rl->mutex);
}
