/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.h -- one line of text for whoever runs the filesystem
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LVL_ERROR, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG };

enum log_flags {
	LOG_TO_STDERR = 1u << 0,
	LOG_TO_SYSLOG = 1u << 1,
	LOG_DEBUG_ON = 1u << 2,		/* without it log_debug() costs one load */
};

/**
 * log_init - choose where messages go
 * @ident: program name put in front of each message; must outlive the log
 * @flags: LOG_TO_STDERR | LOG_TO_SYSLOG | LOG_DEBUG_ON
 *
 * Before the first call messages go to stderr without a name.  The connection
 * to syslog is opened at once, so that a sandbox may be entered afterwards.
 *
 * Context: any thread; messages of other threads go to the old or new place.
 * Durable: nothing.
 */
void log_init(const char *ident, unsigned flags);

/**
 * log_set_sink - hand every message to a function instead, for tests
 * @fn:  called with the finished text without a newline; NULL ends it
 * @arg: passed on to @fn
 *
 * Context: any thread; @fn runs under the log's mutex and must not log.
 * Durable: nothing.
 */
void log_set_sink(void (*fn)(enum log_level level, const char *msg, void *arg), void *arg);

/**
 * log_enabled - whether a message of this level would be kept
 * @level: level of the message
 *
 * Context: any thread, takes no lock.
 * Return:  non-zero when it would.
 */
int log_enabled(enum log_level level);

/**
 * log_write - format and emit one message
 * @level: its level
 * @fmt:   printf format, no newline at the end
 *
 * Use the macros below.  A message longer than 1 KiB is cut.
 *
 * Context: any thread, not in a signal handler; keeps errno.
 * Durable: nothing.
 */
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	log_write(LOG_LVL_ERROR, __VA_ARGS__)
#define log_warn(...)	log_write(LOG_LVL_WARN, __VA_ARGS__)
#define log_info(...)	log_write(LOG_LVL_INFO, __VA_ARGS__)
#define log_debug(...)							\
	do {								\
		if (log_enabled(LOG_LVL_DEBUG))				\
			log_write(LOG_LVL_DEBUG, __VA_ARGS__);		\
	} while (0)

#endif
