/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base_rcu.c -- nothing is freed under a reader, and readers that end are forgotten
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/rcu.h"

Suite *suite_base_rcu(void);

struct object {
	struct rcu_head rcu;
	_Atomic bool *freed;
};

static void object_free(struct rcu_head *head)
{
	struct object *o = caa_container_of(head, struct object, rcu);

	atomic_store(o->freed, true);
	free(o);
}

static void *retire(void *freed)
{
	struct object *o = malloc(sizeof(*o));

	o->freed = freed;
	rcu_free_later(&o->rcu, object_free);
	return NULL;
}

START_TEST(nothing_is_freed_inside_a_nested_section)
{
	_Atomic bool freed = false;
	pthread_t thread;

	rcu_enter();
	rcu_enter();
	pthread_create(&thread, NULL, retire, (void *)&freed);
	pthread_join(thread, NULL);
	rcu_leave();
	for (int i = 0; i < 1000; i++)
		sched_yield();
	ck_assert(!atomic_load(&freed));
	rcu_leave();
	rcu_drain();
	ck_assert(atomic_load(&freed));
}
END_TEST

static _Atomic bool second_freed;

static void free_and_queue_another(struct rcu_head *head)
{
	object_free(head);
	rcu_enter();
	rcu_leave();
	retire((void *)&second_freed);
}

START_TEST(freeing_may_read_and_free_more_later)
{
	_Atomic bool freed = false;
	struct object *o = malloc(sizeof(*o));

	o->freed = &freed;
	rcu_free_later(&o->rcu, free_and_queue_another);
	rcu_drain();
	ck_assert(atomic_load(&freed));
	rcu_drain();
	ck_assert(atomic_load(&second_freed));
}
END_TEST

static void *enter_and_end(void *unused)
{
	(void)unused;
	rcu_enter();
	rcu_leave();
	return NULL;
}

START_TEST(ended_threads_never_hold_back_a_grace_period)
{
	for (int i = 0; i < 50; i++) {
		pthread_t thread;

		pthread_create(&thread, NULL, enter_and_end, NULL);
		pthread_join(thread, NULL);
		rcu_sync();
	}
}
END_TEST

Suite *suite_base_rcu(void)
{
	Suite *s = suite_create("base_rcu");
	TCase *tc = tcase_create("rcu");

	tcase_add_test(tc, nothing_is_freed_inside_a_nested_section);
	tcase_add_test(tc, freeing_may_read_and_free_more_later);
	tcase_add_test(tc, ended_threads_never_hold_back_a_grace_period);
	suite_add_tcase(s, tc);
	return s;
}
