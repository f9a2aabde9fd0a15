/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * radix_fixture.h -- words of a radix tree under test, and how it is asked
 */
#ifndef TESTS_UNIT_RADIX_FIXTURE_H
#define TESTS_UNIT_RADIX_FIXTURE_H

#include "base/radix.h"
#include "base/rcu.h"

#define LOCK	(UINT64_C(1) << 63)
#define SMALL(v) ((uint64_t)(v) << 1)		/* an order-0 word */
#define BIG(v)	((uint64_t)(v) << 1 | 1)	/* a word of order 9 or 18 */

/* load - radix_load() in a read section of its own. */
static inline uint64_t load(const struct radix *rx, uint64_t index, unsigned *order)
{
	rcu_enter();
	uint64_t word = radix_load(rx, index, order);

	rcu_leave();
	return word;
}

static inline bool tagged_at(struct radix *rx, uint64_t index, unsigned tag)
{
	_Atomic uint64_t *slot;
	uint64_t at = index;

	rcu_enter();
	bool yes = radix_next_tagged(rx, &at, index, tag, &slot);

	rcu_leave();
	return yes;
}

#endif
