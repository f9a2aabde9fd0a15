/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pm_guard.c -- media errors inside a guard are -EIO, outside they end the process
 *
 * A page behind the end of a truncated file raises the same SIGBUS as a page
 * that a full tmpfs cannot back, and takes the same way as a poisoned line.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "pm/pm.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define SIZE (UINT64_C(1) << 20)
#define GOOD (SIZE / 2)		/* where the backed part ends */

Suite *suite_pm_guard(void);

static struct region *rg;
static char buf[8192];

static void setup(void)
{
	char path[] = "/dev/shm/pm_guard.XXXXXX";
	int fd = mkstemp(path);
	struct region_opts o = { .path = path, .flags = REGION_CREATE, .create_size = SIZE };

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(region_open(&rg, &o), 0);
	unlink(path);
	memset(rg->base, 7, GOOD);
	ck_assert_int_eq(ftruncate(rg->fd, GOOD), 0);
}

static void teardown(void)
{
	region_close(rg);
}

START_TEST(sigbus_inside_guard_is_eio)
{
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pm_read(rg, buf, rg->base + GOOD, 4096), -EIO);
		ck_assert_int_eq(pm_copy_guarded(rg, rg->base + GOOD, buf, 4096), -EIO);
		ck_assert_int_eq(pm_store_guarded(rg, rg->base + GOOD, buf, 4096), -EIO);
		ck_assert_int_eq(pm_zero_guarded(rg, rg->base + GOOD, 4096), -EIO);
	}
}
END_TEST

START_TEST(what_lies_before_the_error_is_read)
{
	ck_assert_int_eq(pm_read(rg, buf, rg->base + GOOD - 4096, 8192), -EIO);
	ck_assert_int_eq(pm_read(rg, buf, rg->base + GOOD - 4096, 4096), 0);
	ck_assert_int_eq(buf[0], 7);
	ck_assert_int_eq(buf[4095], 7);
}
END_TEST

START_TEST(guarded_stores_do_what_plain_ones_do)
{
	ck_assert_int_eq(pm_copy_guarded(rg, rg->base, "copy", 4), 0);
	ck_assert_int_eq(pm_store_guarded(rg, rg->base + 100, "store", 5), 0);
	ck_assert_int_eq(pm_zero_guarded(rg, rg->base + 200, 50), 0);
	ck_assert_mem_eq(rg->base, "copy", 4);
	ck_assert_mem_eq(rg->base + 100, "store", 5);
	ck_assert_int_eq(rg->base[199], 7);
	ck_assert_int_eq(rg->base[200], 0);
	ck_assert_int_eq(rg->base[249], 0);
	ck_assert_int_eq(rg->base[250], 7);
}
END_TEST

static void *read_alternately(void *failed)
{
	for (int i = 0; i < 2000; i++) {
		char page[64];
		int good = pm_read(rg, page, rg->base + 64 * i, sizeof(page));
		int bad = pm_read(rg, page, rg->base + GOOD + 4096, sizeof(page));

		if (good || bad != -EIO)
			*(_Atomic int *)failed = 1;
	}
	return NULL;
}

START_TEST(threads_fail_each_for_itself)
{
	_Atomic int failed = 0;
	pthread_t a, b;

	pthread_create(&a, NULL, read_alternately, (void *)&failed);
	pthread_create(&b, NULL, read_alternately, (void *)&failed);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	ck_assert_int_eq(failed, 0);
}
END_TEST

START_TEST(signal_mask_is_unchanged_after_an_error)
{
	sigset_t set;

	ck_assert_int_eq(pm_read(rg, buf, rg->base + GOOD, 1), -EIO);
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	ck_assert(!sigismember(&set, SIGBUS));
}
END_TEST

/* Sanitizers have a handler of their own, which ends the process another way. */
#ifndef SANITIZED

START_TEST(sigbus_outside_guard_kills)
{
	*(volatile uint8_t *)(rg->base + GOOD) = 1;
}
END_TEST

static void tell(enum log_level level, const char *msg, void *fd)
{
	if (level == LOG_LVL_ERROR && write(*(int *)fd, msg, strlen(msg)) < 0)
		_exit(1);
}

/* A daemon has no other place than the log. */
START_TEST(sigbus_outside_guard_is_in_the_log)
{
	char msg[200] = "";
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	if (!fork()) {
		log_set_sink(tell, &fd[1]);
		*(volatile uint8_t *)(rg->base + GOOD) = 1;
		_exit(0);
	}
	close(fd[1]);
	ck_assert_int_ge(read(fd[0], msg, sizeof(msg) - 1), 1);
	ck_assert_ptr_nonnull(strstr(msg, "media error"));
	wait(NULL);
}
END_TEST

START_TEST(sigbus_after_a_guard_kills)
{
	ck_assert_int_eq(pm_read(rg, buf, rg->base + GOOD, 1), -EIO);
	*(volatile uint8_t *)(rg->base + GOOD) = 1;
}
END_TEST

START_TEST(sent_sigbus_kills)
{
	raise(SIGBUS);
}
END_TEST

static void add_deadly(TCase *tc)
{
	tcase_add_test_raise_signal(tc, sigbus_outside_guard_kills, SIGBUS);
	tcase_add_test(tc, sigbus_outside_guard_is_in_the_log);
	tcase_add_test_raise_signal(tc, sigbus_after_a_guard_kills, SIGBUS);
	tcase_add_test_raise_signal(tc, sent_sigbus_kills, SIGBUS);
}

#else

static void add_deadly(TCase *tc)
{
	(void)tc;
}

#endif

Suite *suite_pm_guard(void)
{
	Suite *s = suite_create("pm_guard");
	TCase *tc = tcase_create("guard");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sigbus_inside_guard_is_eio);
	tcase_add_test(tc, what_lies_before_the_error_is_read);
	tcase_add_test(tc, guarded_stores_do_what_plain_ones_do);
	tcase_add_test(tc, threads_fail_each_for_itself);
	tcase_add_test(tc, signal_mask_is_unchanged_after_an_error);
	add_deadly(tc);
	suite_add_tcase(s, tc);
	return s;
}
