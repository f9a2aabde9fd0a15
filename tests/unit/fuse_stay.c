/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuse_stay.c -- the rank of a thread that serves one client
 *
 * The thread is the test's own, and its rank is asked of the kernel.  Only how busy the
 * machine is, is told: tests run beside others.
 */
#include "fuse/stay.h"

#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LATE_MS	30

#define IDLE	"0.01 0.02 0.03 1/80 4711\n"
#define BUSY	"9.01 9.02 9.03 999/1080 4711\n"

Suite *suite_fuse_stay(void);

static bool is_low(void)
{
	return sched_getscheduler(0) == SCHED_IDLE;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* Tried by a process that need not come back. */
static bool has_the_right(void)
{
	const struct sched_param none = { 0 };
	pid_t child = fork();
	int status = 1;

	if (!child)
		_exit(sched_setscheduler(0, SCHED_IDLE, &none) || sched_setscheduler(0, SCHED_OTHER, &none));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status == 0;
}

static void tell_load(struct stay *s, const char *text)
{
	if (s->loadavg >= 0)
		close(s->loadavg);
	s->loadavg = memfd_create("loadavg", MFD_CLOEXEC);
	ck_assert_int_eq(write(s->loadavg, text, strlen(text)), (ssize_t)strlen(text));
}

/* Serve one client until the rank is low.  False: this user, or a machine with one CPU, has no use for it. */
static bool take_low(struct stay *s)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || !has_the_right())
		return false;
	ck_assert(s->able);
	tell_load(s, IDLE);
	for (unsigned i = 0; i < 1000 && !s->low; i++)
		stay_before_send(s, 1);
	ck_assert(s->low && is_low());
	return true;
}

/* Now, and when it goes on serving one client. */
static void keeps_the_usual_rank(struct stay *s)
{
	ck_assert(!is_low());
	for (unsigned i = 0; i < 100; i++) {
		sleep_ms(1);
		stay_before_send(s, 1);
	}
	ck_assert(!is_low());
}

START_TEST(a_thread_sleeps_with_its_usual_rank)
{
	struct stay s;

	stay_init(&s);
	if (take_low(&s)) {
		ck_assert(stay_after_send(&s));
		stay_before_sleep(&s);
		ck_assert(!is_low());
	}
	stay_fini(&s);
}
END_TEST

START_TEST(many_clients_at_a_time_are_served_with_the_usual_rank)
{
	struct stay s;

	stay_init(&s);
	if (take_low(&s)) {
		stay_before_send(&s, 3);
		ck_assert(!is_low());
		ck_assert_int_ge(s.not_before, s.sent_at + 10000000);	/* not back and forth */
		for (unsigned i = 0; i < 100; i++)
			stay_before_send(&s, 3);
		ck_assert(!is_low());
		ck_assert(!stay_after_send(&s));
	}
	stay_fini(&s);
}
END_TEST

/* Until the clock has moved so many times, or the rank is given back. */
static void serve_for_long(struct stay *s, unsigned times)
{
	for (; times && s->low; times--) {
		const int64_t last = s->sent_at;

		while (s->low && s->sent_at == last)
			stay_before_send(s, 1);
	}
}

START_TEST(on_a_busy_machine_the_usual_rank_is_kept)
{
	struct stay s;

	stay_init(&s);
	if (take_low(&s)) {
		tell_load(&s, BUSY);
		serve_for_long(&s, 10);
		keeps_the_usual_rank(&s);
	}
	stay_fini(&s);
}
END_TEST

/* False: the thread was away for long meanwhile, and was right to give its rank back. */
static bool keeps_the_rank_through_moments(struct stay *s)
{
	for (unsigned i = 0; i < 10; i++) {
		const int64_t last = s->sent_at;
		struct timespec now;

		tell_load(s, i % 2 ? IDLE : BUSY);
		serve_for_long(s, 1);
		if (is_low())
			continue;
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
		ck_assert_int_ge(now.tv_sec * INT64_C(1000000000) + now.tv_nsec - last, 10000000);
		return false;
	}
	return true;
}

/* Nor does it when the machine was busy before. */
START_TEST(a_moment_without_a_free_cpu_changes_nothing)
{
	unsigned tries = 100;
	struct stay s;

	stay_init(&s);
	if (take_low(&s)) {
		tell_load(&s, BUSY);
		serve_for_long(&s, 10);
		sleep_ms(LATE_MS);
	}
	while (take_low(&s) && !keeps_the_rank_through_moments(&s)) {
		ck_assert_uint_gt(tries--, 0);
		sleep_ms(LATE_MS);
	}
	stay_fini(&s);
}
END_TEST

START_TEST(on_a_busy_machine_one_look_is_enough_after_long)
{
	struct stay s;

	stay_init(&s);
	if (take_low(&s)) {
		tell_load(&s, BUSY);
		sleep_ms(LATE_MS);
		stay_before_send(&s, 1);
		keeps_the_usual_rank(&s);
	}
	stay_fini(&s);
}
END_TEST

START_TEST(who_gets_the_cpu_late_keeps_the_usual_rank_for_long)
{
	struct stay s;

	stay_init(&s);
	if (take_low(&s)) {
		ck_assert(stay_after_send(&s));
		sleep_ms(LATE_MS);	/* it has yielded */
		ck_assert(!stay_after_send(&s));
		keeps_the_usual_rank(&s);
	}
	stay_fini(&s);
}
END_TEST

START_TEST(short_runs_make_it_rarer)
{
	struct stay s;
	unsigned turns[2] = { 0, 0 };

	stay_init(&s);
	for (unsigned i = 0; i < 2 && take_low(&s); i++) {
		turns[i] = s.enough;	/* that it took */
		stay_before_sleep(&s);
	}
	ck_assert(!turns[1] || turns[1] > turns[0]);
	stay_fini(&s);
}
END_TEST

START_TEST(the_end_gives_the_usual_rank_back)
{
	struct stay s;

	stay_init(&s);
	take_low(&s);
	stay_fini(&s);
	ck_assert(!is_low());
}
END_TEST

/* It could not come back. */
static void without_the_right(void)
{
	const struct rlimit none = { 0, 0 };
	struct stay s;

	if (setrlimit(RLIMIT_NICE, &none) || setresuid(65534, 65534, 65534))
		exit(2);
	stay_init(&s);
	for (unsigned i = 0; i < 1000; i++)
		stay_before_send(&s, 1);
	exit(s.able || is_low() || stay_after_send(&s));
}

START_TEST(without_the_right_the_rank_is_never_changed)
{
	pid_t child;
	int status;

	if (geteuid())
		return;		/* the other tests have no right either, then */
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child)
		without_the_right();
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

Suite *suite_fuse_stay(void)
{
	Suite *s = suite_create("fuse_stay");
	TCase *tc = tcase_create("fuse_stay");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_thread_sleeps_with_its_usual_rank);
	tcase_add_test(tc, many_clients_at_a_time_are_served_with_the_usual_rank);
	tcase_add_test(tc, on_a_busy_machine_the_usual_rank_is_kept);
	tcase_add_test(tc, a_moment_without_a_free_cpu_changes_nothing);
	tcase_add_test(tc, on_a_busy_machine_one_look_is_enough_after_long);
	tcase_add_test(tc, who_gets_the_cpu_late_keeps_the_usual_rank_for_long);
	tcase_add_test(tc, short_runs_make_it_rarer);
	tcase_add_test(tc, the_end_gives_the_usual_rank_back);
	tcase_add_test(tc, without_the_right_the_rank_is_never_changed);
	suite_add_tcase(s, tc);
	return s;
}
