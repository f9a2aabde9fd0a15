/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rcu.h -- read-side sections and deferred freeing
 *
 * A thin layer over liburcu's memb flavour that registers threads by itself and
 * tells ThreadSanitizer about the ordering it cannot see.  liburcu's own names
 * stay free: its macros are not mapped, so rcu_read_lock() and the like do not
 * exist here; with rculfhash use cds_lfht_new_flavor(..., &urcu_memb_flavor).
 *
 * A process forks before its first use of RCU or not at all (exec aside): the
 * thread that runs callbacks does not exist in the child.
 */
#ifndef BASE_RCU_H
#define BASE_RCU_H

#include <stdbool.h>

#if defined(__SANITIZE_THREAD__)
#define BASE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BASE_TSAN 1
#endif
#endif

/*
 * The read side is inline (daxfs is LGPL itself), but not under
 * ThreadSanitizer, which must not look into liburcu.
 */
#undef _LGPL_SOURCE
#ifndef BASE_TSAN
#define _LGPL_SOURCE
#endif
#include <urcu/urcu-memb.h>

extern _Thread_local bool rcu_thread_known;

/* Registers the calling thread until it ends; rcu_enter() calls it. */
void rcu_thread_register(void);

/* rcu_tsan_release - ThreadSanitizer is to order what came before this with what rcu_free_later() runs. */
#ifdef BASE_TSAN
void rcu_tsan_release(void);
#else
static inline void rcu_tsan_release(void) { }
#endif

/**
 * rcu_enter - begin a read-side section
 *
 * What was reachable at some moment inside the section is not freed before
 * rcu_leave().  Sections nest.
 *
 * Context: any thread; may sleep inside, but holds back all freeing meanwhile.
 */
static inline void rcu_enter(void)
{
	if (__builtin_expect(!rcu_thread_known, 0))
		rcu_thread_register();
	urcu_memb_read_lock();
}

/**
 * rcu_leave - end the innermost read-side section
 *
 * Context: inside a section.
 */
static inline void rcu_leave(void)
{
	rcu_tsan_release();
	urcu_memb_read_unlock();
}

/**
 * rcu_publish, rcu_observe - an object goes into a table of liburcu, and is found there; or
 * it leaves the table, and is found gone
 * @object: everything about it was done before rcu_publish()
 *
 * The table orders them by itself; these only tell ThreadSanitizer so.
 */
#ifdef BASE_TSAN
void rcu_publish(const void *object);
void rcu_observe(const void *object);
#else
static inline void rcu_publish(const void *object) { (void)object; }
static inline void rcu_observe(const void *object) { (void)object; }
#endif

/**
 * rcu_free_later - call a function once all present readers have left
 * @head: embedded in the object, which no new reader can reach
 * @fn:   frees the object; runs in another thread, outside any section
 *
 * Context: any thread, inside a section or not; does not wait.
 */
void rcu_free_later(struct rcu_head *head, void (*fn)(struct rcu_head *head));

/**
 * rcu_sync - wait until all present readers have left
 *
 * Context: sleeps; never inside a section.
 */
void rcu_sync(void);

/**
 * rcu_drain - wait until every function given to rcu_free_later() has run
 *
 * Context: sleeps; never inside a section or from such a function.
 */
void rcu_drain(void);

#endif
