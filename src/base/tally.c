/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tally.c -- counts that all threads change and few read
 */
#include "base/tally.h"

_Thread_local unsigned tally_known_part;	/* one more than it is; 0: not yet chosen */

void tally_choose_part(void)
{
	static _Atomic unsigned next;

	tally_known_part = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % TALLY_PARTS + 1;
}

uint64_t tally_sum(const struct tally *t)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TALLY_PARTS; i++)
		sum += atomic_load_explicit(&t->n[i * TALLY_STRIDE], memory_order_relaxed);
	return sum;
}
