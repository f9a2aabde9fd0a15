/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h -- inside of the harness: what check.c counts and main.c reports
 */
#ifndef TESTS_POSIX_REPORT_H
#define TESTS_POSIX_REPORT_H

#include <stdatomic.h>

#include "posix/posix.h"

/* Shared by all processes of a run. */
struct posix_counters {
	atomic_ulong assertions, broken;
	char skipped[128];	/* of the case under way: why, or empty */
};

extern struct posix_counters *posix_counters;

/**
 * posix_except_init - look what filesystem this is
 * @dir: on it
 *
 * Return: its name in except.c, or "another" when no exceptions are known.
 */
const char *posix_except_init(const char *dir);

#endif
