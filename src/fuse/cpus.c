/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpus.c -- which CPUs there are, and which there may be
 *
 * The C library tells how many CPUs are present; the kernel's queues are one
 * for each that could ever be, which only sysfs says.
 */
#include "fuse/cpus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int add_range(unsigned long first, unsigned long last, cpu_set_t *set)
{
	if (first > last)
		return -EINVAL;
	if (last >= CPU_SETSIZE)
		return -ERANGE;
	for (unsigned long cpu = first; cpu <= last; cpu++)
		CPU_SET(cpu, set);
	return 0;
}

/* One "3" or "0-3".  Moves *@text behind it. */
static int parse_range(const char **text, cpu_set_t *set)
{
	unsigned long first, last;
	char *end;

	if (**text < '0' || **text > '9')
		return -EINVAL;
	first = last = strtoul(*text, &end, 10);
	if (*end == '-') {
		*text = end + 1;
		last = strtoul(*text, &end, 10);
		if (end == *text)
			return -EINVAL;
	}
	*text = end;
	return add_range(first, last, set);
}

int cpus_parse(const char *text, cpu_set_t *set)
{
	int err;

	CPU_ZERO(set);
	for (;;) {
		err = parse_range(&text, set);
		if (err)
			return err;
		if (*text == '\0' || *text == '\n')
			return 0;
		if (*text++ != ',')
			return -EINVAL;
	}
}

int cpus_read(const char *which, cpu_set_t *set)
{
	char path[64], line[4096];
	FILE *f;
	int err = -EINVAL;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/%s", which);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (fgets(line, sizeof(line), f))
		err = cpus_parse(line, set);
	fclose(f);
	return err;
}

unsigned cpus_end(const cpu_set_t *set)
{
	unsigned end = 0;

	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, set))
			end = cpu + 1;
	}
	return end;
}
