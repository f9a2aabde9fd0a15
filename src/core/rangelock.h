/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rangelock.h -- locks on ranges of a file's blocks
 *
 * Ranges that overlap are locked one after the other, in the order in which they were asked
 * for; those that do not never wait for each other.  Modelled on the range lock that Jan Kara proposed
 * for Linux: each range counts those before it that it overlaps, and may begin
 * when none is left.  A list in place of his interval tree, as it has an element for each thread
 * that is inside: an uncontended lock and unlock is the work of one mutex, and takes no memory
 * but the caller's.
 *
 * rangelock_busy() is for those who would rather not lock a range: see write.c.
 */
#ifndef DAXFS_CORE_RANGELOCK_H
#define DAXFS_CORE_RANGELOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct rangelock {
	_Atomic unsigned nr;	/* elements of the list; changes under the mutex */
	pthread_mutex_t	 mutex;	/* held for moments; order: after everything */
	struct list	 ranges;	/* locked, and waiting to be: in order of arrival */
};

/* A range, locked or waiting: where the caller likes, mostly on his stack, until it is unlocked. */
struct range_hold {
	struct list	 link;
	uint64_t	 first, last;
	_Atomic unsigned before;	/* ranges ahead in the list that overlap; 0: locked */
	unsigned	 behind;	/* ranges that wait for this one */
	bool		 sleeps;	/* on @ready */
	pthread_cond_t	 ready;
};

/* rangelock_init, rangelock_fini - nobody uses it yet, or any more. */
void rangelock_init(struct rangelock *rl);
void rangelock_fini(struct rangelock *rl);

/**
 * rangelock_lock - lock a range
 * @rl:    lock
 * @h:     memory until rangelock_unlock(), not initialised
 * @first: first block
 * @last:  last block, inclusive; at least @first
 *
 * From the beginning on, even while it waits, rangelock_busy() is true.
 *
 * Context: not inside RCU.  Spins a little, then sleeps; others that come later
 *          do not overtake.  Before the inode's lock.
 */
void rangelock_lock(struct rangelock *rl, struct range_hold *h, uint64_t first, uint64_t last);

/* rangelock_unlock - and let those go on that waited for nothing else. */
void rangelock_unlock(struct rangelock *rl, struct range_hold *h);

/**
 * rangelock_busy - has anyone locked a range, or is about to?
 * Context: any; takes no lock.  Sequentially consistent.
 */
static inline bool rangelock_busy(const struct rangelock *rl)
{
	return atomic_load(&rl->nr) != 0;
}

#endif
