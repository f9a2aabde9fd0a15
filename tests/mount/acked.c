/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acked.c -- keep a record of what a filesystem acknowledges, and compare
 *
 *	acked write DIR LOG SALT	works in DIR until the daemon is gone
 *	acked check DIR LOG SALT	compares DIR with what LOG says was acknowledged
 *
 * LOG.0, LOG.1... must lie on another filesystem.  SALT is 1..4095; each run on an
 * image has its own, so that words of an earlier run show.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acked.h"

static int usage(void)
{
	fprintf(stderr, "usage: acked write|check DIR LOG SALT\n");
	return 2;
}

int main(int argc, char **argv)
{
	unsigned long salt = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;

	if (salt < 1 || salt > 4095)
		return usage();
	if (!strcmp(argv[1], "write"))
		return acked_write(argv[2], argv[3], (uint32_t)salt);
	if (!strcmp(argv[1], "check"))
		return acked_check(argv[2], argv[3], (uint32_t)salt);
	return usage();
}
