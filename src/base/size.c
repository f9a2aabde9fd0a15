/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * size.c -- sizes as people write and read them
 *
 * All suffixes are binary, as in mkfs of other filesystems: 1G is 2^30 bytes.
 * Independent of the locale.  No locks, no state.
 */
#include "base/size.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char units[] = "KMGTPE";

/* Reads the digits at *s and moves *s behind them. */
static int parse_digits(const char **s, uint64_t *value)
{
	const char *p = *s;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return -ERANGE;
	}
	if (p == *s)
		return -EINVAL;
	*s = p;
	*value = v;
	return 0;
}

/* Shift of a suffix such as "", "B", "K", "kb" or "KiB", or -EINVAL. */
static int suffix_shift(const char *s)
{
	if (!*s || !strcasecmp(s, "B"))
		return 0;
	for (int i = 0; units[i]; i++) {
		if ((*s & ~0x20) != units[i])
			continue;
		if (!s[1] || !strcasecmp(s + 1, "B") || !strcasecmp(s + 1, "iB"))
			return 10 * (i + 1);
	}
	return -EINVAL;
}

int size_parse(const char *s, uint64_t *bytes)
{
	uint64_t value;
	int err = parse_digits(&s, &value);

	if (err)
		return err;
	int shift = suffix_shift(s);

	if (shift < 0)
		return shift;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = value << shift;
	return 0;
}

const char *size_format(uint64_t bytes, char buf[32])
{
	int unit = 0;

	while (unit < 6 && bytes >> (10 * (unit + 1)))
		unit++;
	if (!unit) {
		snprintf(buf, 32, "%" PRIu64 " B", bytes);
		return buf;
	}
	uint64_t one = UINT64_C(1) << (10 * unit);
	uint64_t whole = bytes >> (10 * unit);
	/* Rounded down: a size is never shown larger than it is. */
	unsigned hundredths = (unsigned)(bytes >> (10 * (unit - 1)) & 1023) * 100 / 1024;

	if (!(bytes & (one - 1)))
		snprintf(buf, 32, "%" PRIu64 " %ciB", whole, units[unit - 1]);
	else
		snprintf(buf, 32, "%" PRIu64 ".%02u %ciB", whole, hundredths, units[unit - 1]);
	return buf;
}
