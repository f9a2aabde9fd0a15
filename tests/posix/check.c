/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check.c -- assertions: counted, and reported when they do not hold
 *
 * The counters lie in memory that all processes of the run share.
 */
#include "posix/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct posix_counters *posix_counters;

static char note[256];

void posix_note(const char *fmt, ...)
{
	va_list ap;

	note[0] = '\0';
	if (!fmt)
		return;
	va_start(ap, fmt);
	vsnprintf(note, sizeof(note), fmt, ap);
	va_end(ap);
}

/* "EPERM", or "success" */
static const char *error_name(int err)
{
	const char *name = err ? strerrorname_np(err) : "success";

	return name ? name : "an unknown error";
}

static void count(bool holds)
{
	atomic_fetch_add(&posix_counters->assertions, 1);
	if (!holds)
		atomic_fetch_add(&posix_counters->broken, 1);
}

__attribute__((format(printf, 2, 3)))
static void complain(const struct posix_place *at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("%s:%d: %s%s%s%s: %s\n", at->file, at->line, note[0] ? "(" : "", note,
	       note[0] ? ") " : "", at->text, text);
	fflush(stdout);
}

int posix_ok(const struct posix_place *at, long long result)
{
	int err = errno;

	count(result != -1);
	if (result == -1)
		complain(at, "%s, expected success", error_name(err));
	return (int)result;
}

bool posix_fails(const struct posix_place *at, long long result, int want)
{
	int err = result == -1 ? errno : 0;

	count(err == want);
	if (err != want)
		complain(at, "%s, expected %s", error_name(err), error_name(want));
	return err == want;
}

bool posix_gives(const struct posix_place *at, long long result, int want)
{
	return posix_fails(at, result, want);
}

bool posix_equal(const struct posix_place *at, long long want, long long got)
{
	count(want == got);
	if (want != got)
		complain(at, "%lld (0%llo), expected %lld (0%llo)", got, (unsigned long long)got, want,
			 (unsigned long long)want);
	return want == got;
}

bool posix_true(const struct posix_place *at, bool what)
{
	count(what);
	if (!what)
		complain(at, "does not hold");
	return what;
}
