// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cross.c -- blocks with two owners
 */
#include <stdlib.h>

#include "check/claim.h"
#include "check/scan.h"
#include "check/slot.h"

static int by_ino(const void *a, const void *b)
{
	const struct cdir *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

int phase_blocks(struct check *c)
{
	uint64_t n = 0;
	int err;

	check_progress(c, CHECK_PHASE_BLOCKS, 0, 1);
	for (uint64_t i = 0; c->twice && i < (c->nr_blocks + 63) / 64; i++)
		n += (uint64_t)__builtin_popcountll(c->twice[i]);
	if (n)
		(void)problem(c, PR_CROSS_LINK, &(struct pctx){ .num = n });
	err = mend_suspects(c);
	if (c->suspect.nr)
		qsort(c->dir, c->nr_dirs, sizeof(*c->dir), by_ino);
	return err;
}
