/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base_log.c -- messages arrive whole, once, and only when wanted
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

Suite *suite_base_log(void);

static struct {
	unsigned nr, torn;
	enum log_level level;
	char msg[2048];
} seen;

static void sink(enum log_level level, const char *msg, void *arg)
{
	ck_assert_ptr_eq(arg, &seen);
	seen.nr++;
	seen.level = level;
	strncpy(seen.msg, msg, sizeof(seen.msg) - 1);
}

static void setup(void)
{
	log_init("test", LOG_TO_STDERR);
	log_set_sink(sink, &seen);
}

START_TEST(message_reaches_the_sink_with_its_level)
{
	log_error("block %d of %s", 7, "x");
	ck_assert_str_eq(seen.msg, "block 7 of x");
	ck_assert_int_eq(seen.level, LOG_LVL_ERROR);
	log_warn("careful");
	ck_assert_int_eq(seen.level, LOG_LVL_WARN);
	log_info("hello");
	ck_assert_int_eq(seen.level, LOG_LVL_INFO);
	ck_assert_uint_eq(seen.nr, 3);
}
END_TEST

static int evaluated;

static int evaluate(void)
{
	return ++evaluated;
}

START_TEST(debug_is_silent_and_free_until_asked_for)
{
	log_debug("%d", evaluate());
	ck_assert_uint_eq(seen.nr, 0);
	ck_assert_int_eq(evaluated, 0);
	log_init("test", LOG_TO_STDERR | LOG_DEBUG_ON);
	log_debug("%d", evaluate());
	ck_assert_str_eq(seen.msg, "1");
	ck_assert_int_eq(seen.level, LOG_LVL_DEBUG);
}
END_TEST

START_TEST(long_message_is_cut_and_errno_is_kept)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	errno = ENOTTY;
	log_error("%s", text);
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_uint_eq(strlen(seen.msg), 1023);
}
END_TEST

static void check_whole(enum log_level level, const char *msg, void *arg)
{
	(void)level;
	(void)arg;
	seen.nr++;
	for (size_t i = 1; i < 100; i++)
		seen.torn += msg[i] != msg[0];
}

static void *chatter(void *c)
{
	char text[101] = { 0 };

	memset(text, *(const char *)c, 100);
	for (int i = 0; i < 2000; i++)
		log_info("%s", text);
	return NULL;
}

START_TEST(messages_of_threads_never_mix)
{
	pthread_t a, b;

	log_set_sink(check_whole, NULL);
	pthread_create(&a, NULL, chatter, (void *)(uintptr_t)"a");
	pthread_create(&b, NULL, chatter, (void *)(uintptr_t)"b");
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	ck_assert_uint_eq(seen.nr, 4000);
	ck_assert_uint_eq(seen.torn, 0);
}
END_TEST

Suite *suite_base_log(void)
{
	Suite *s = suite_create("base_log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, message_reaches_the_sink_with_its_level);
	tcase_add_test(tc, debug_is_silent_and_free_until_asked_for);
	tcase_add_test(tc, long_message_is_cut_and_errno_is_kept);
	tcase_add_test(tc, messages_of_threads_never_mix);
	suite_add_tcase(s, tc);
	return s;
}
