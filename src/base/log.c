/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.c -- one line of text for whoever runs the filesystem
 *
 * Owns the process-wide choice of where messages go.  A message is formatted on
 * the caller's stack and leaves in one piece under one mutex, so that lines of
 * different threads never mix.  Whether debug messages are wanted is an atomic
 * word: a silent log_debug() takes no lock.  May call: libc and syslog only.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <syslog.h>

#define MSG_MAX 1024

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *log_ident;
static _Atomic unsigned log_flags = LOG_TO_STDERR;
static void (*sink_fn)(enum log_level level, const char *msg, void *arg);
static void *sink_arg;

static const struct {
	const char *prefix;
	int priority;
} levels[] = {
	[LOG_LVL_ERROR] = { "error: ", LOG_ERR },
	[LOG_LVL_WARN] = { "warning: ", LOG_WARNING },
	[LOG_LVL_INFO] = { "", LOG_INFO },
	[LOG_LVL_DEBUG] = { "debug: ", LOG_DEBUG },
};

void log_init(const char *ident, unsigned flags)
{
	pthread_mutex_lock(&log_mutex);
	log_ident = ident;
	atomic_store_explicit(&log_flags, flags, memory_order_relaxed);
	closelog();
	if (flags & LOG_TO_SYSLOG)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	pthread_mutex_unlock(&log_mutex);
}

void log_set_sink(void (*fn)(enum log_level level, const char *msg, void *arg), void *arg)
{
	pthread_mutex_lock(&log_mutex);
	sink_fn = fn;
	sink_arg = arg;
	pthread_mutex_unlock(&log_mutex);
}

int log_enabled(enum log_level level)
{
	unsigned flags = atomic_load_explicit(&log_flags, memory_order_relaxed);

	return level != LOG_LVL_DEBUG || (flags & LOG_DEBUG_ON);
}

static void emit_locked(enum log_level level, const char *msg)
{
	unsigned flags = atomic_load_explicit(&log_flags, memory_order_relaxed);

	if (sink_fn) {
		sink_fn(level, msg, sink_arg);
		return;
	}
	if (flags & LOG_TO_SYSLOG)
		syslog(levels[level].priority, "%s", msg);
	if (flags & LOG_TO_STDERR)
		fprintf(stderr, "%s%s%s%s\n", log_ident ? log_ident : "", log_ident ? ": " : "",
			levels[level].prefix, msg);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	int saved_errno = errno;
	char msg[MSG_MAX];
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&log_mutex);
	emit_locked(level, msg);
	pthread_mutex_unlock(&log_mutex);
	errno = saved_errno;
}
