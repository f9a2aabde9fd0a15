/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runvec.c -- a growing vector of runs of device blocks
 *
 * Owns the memory of one vector: the first runs live inside it, so that the
 * common operation frees blocks without malloc.  DRAM only, nothing to survive
 * a crash.  The owner of the vector is its lock.  May call: libc.
 */
#include "disk/runvec.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void runvec_init(struct runvec *rv)
{
	rv->v = rv->few;
	rv->nr = 0;
	rv->cap = sizeof(rv->few) / sizeof(rv->few[0]);
}

void runvec_fini(struct runvec *rv)
{
	if (rv->v != rv->few)
		free(rv->v);
	runvec_init(rv);
}

/* double the capacity */
static int grow(struct runvec *rv)
{
	size_t cap = rv->cap * 2;
	struct run *v = rv->v == rv->few ? NULL : rv->v;

	v = realloc(v, cap * sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (rv->v == rv->few)
		memcpy(v, rv->few, sizeof(rv->few));
	rv->v = v;
	rv->cap = cap;
	return 0;
}

/* join a run to the last one where they touch */
static int merge(struct runvec *rv, pblk_t b, uint64_t n)
{
	struct run *last;

	if (!rv->nr)
		return 0;
	last = &rv->v[rv->nr - 1];
	if (last->pblk.v + last->n == b.v) {
		last->n += n;
		return 1;
	}
	if (b.v + n == last->pblk.v) {
		last->pblk = b;
		last->n += n;
		return 1;
	}
	return 0;
}

int runvec_add(struct runvec *rv, pblk_t b, uint64_t n)
{
	assert(n > 0);
	if (merge(rv, b, n))
		return 0;
	if (rv->nr == rv->cap && grow(rv))
		return -ENOMEM;
	rv->v[rv->nr++] = (struct run){ .pblk = b, .n = n };
	return 0;
}

void runvec_move(struct runvec *dst, struct runvec *src)
{
	*dst = *src;
	if (src->v == src->few)
		dst->v = dst->few;
	runvec_init(src);
}
