/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rcu.c -- read-side sections and deferred freeing
 *
 * Owns the registration of threads with liburcu: a thread registers at its
 * first rcu_enter() or rcu_free_later() and a pthread key takes it off the list
 * when it ends.  A destructor of another key that enters a section afterwards
 * registers again and re-arms the key.  liburcu's own threads, which run the
 * functions given to rcu_free_later(), come registered and are left alone.
 *
 * liburcu is not instrumented, so ThreadSanitizer sees no order between a
 * reader that leaves and the function that frees.  Under it, leaving and
 * queueing release one global address, and running a function and rcu_sync()
 * acquire it; that is coarser than the truth, never stricter.
 */
#include "base/rcu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <urcu/static/urcu-memb.h>	/* urcu_memb_reader, also without inlining */

_Thread_local bool rcu_thread_known;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void thread_unregister(void *unused)
{
	(void)unused;
	rcu_thread_known = false;
	urcu_memb_unregister_thread();
}

static void key_create(void)
{
	if (pthread_key_create(&key, thread_unregister))
		abort();
}

void rcu_thread_register(void)
{
	if (URCU_TLS(urcu_memb_reader).registered) {
		rcu_thread_known = true;
		return;
	}
	pthread_once(&key_once, key_create);
	/* A thread that could not be taken off the list again must not get on it. */
	if (pthread_setspecific(key, &rcu_thread_known))
		abort();
	urcu_memb_register_thread();
	rcu_thread_known = true;
}

#ifdef BASE_TSAN

void __tsan_acquire(void *addr);
void __tsan_release(void *addr);

static char tsan_order;
static _Atomic uint64_t nr_queued, nr_run;

struct tsan_job {
	struct rcu_head head;
	struct rcu_head *object;
	void (*fn)(struct rcu_head *head);
};

void rcu_tsan_release(void)
{
	__tsan_release(&tsan_order);
}

void rcu_publish(const void *object)
{
	__tsan_release((void *)(uintptr_t)object);
}

void rcu_observe(const void *object)
{
	__tsan_acquire((void *)(uintptr_t)object);
}

static void tsan_acquire(void)
{
	__tsan_acquire(&tsan_order);
}

static void run_job(struct rcu_head *head)
{
	struct tsan_job *job = caa_container_of(head, struct tsan_job, head);

	tsan_acquire();
	job->fn(job->object);
	rcu_tsan_release();
	free(job);
	atomic_fetch_add(&nr_run, 1);
}

static void queue(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	struct tsan_job *job = malloc(sizeof(*job));

	if (!job)
		abort();
	job->object = head;
	job->fn = fn;
	atomic_fetch_add(&nr_queued, 1);
	rcu_tsan_release();
	urcu_memb_call_rcu(&job->head, run_job);
}

/* liburcu's barrier passes memory between threads in a way that looks like a race. */
static void drain(void)
{
	const struct timespec pause = { 0, 1000000 };

	for (uint64_t until = atomic_load(&nr_queued); atomic_load(&nr_run) < until; )
		nanosleep(&pause, NULL);
}

#else

static void tsan_acquire(void)
{
}

static void queue(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	urcu_memb_call_rcu(head, fn);
}

static void drain(void)
{
	urcu_memb_barrier();
}

#endif

void rcu_free_later(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	if (!rcu_thread_known)
		rcu_thread_register();		/* call_rcu enters a section itself */
	queue(head, fn);
}

void rcu_sync(void)
{
	rcu_tsan_release();
	urcu_memb_synchronize_rcu();
	tsan_acquire();
}

void rcu_drain(void)
{
	rcu_tsan_release();
	drain();
	tsan_acquire();
}
