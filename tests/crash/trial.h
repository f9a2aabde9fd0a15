/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trial.h -- a case that was run: what it recorded, and what was there after each step
 */
#ifndef CRASH_TRIAL_H
#define CRASH_TRIAL_H

#include "crash/claims.h"
#include "crash/crash.h"
#include "crash/desk.h"

/* Something that the recorded run is replayed without, or in another order. */
enum mutation { MUTATE_NOTHING, MUTATE_DROP, MUTATE_DELAY };

struct mutant { enum mutation kind; size_t event, fences; };	/* MUTATE_DELAY: the event comes after so many fences */

struct trial {
	const struct crash_case *c;
	struct mutant mutant;
	struct desk *d;
	struct scene scene;
	struct tree tree[STEPS_MAX + 1];
	struct claims claims[STEPS_MAX + 1];
	size_t mark[STEPS_MAX + 1];	/* events before the first step, and up to the end of each */
	int result[STEPS_MAX + 1];
	struct totals *sum;
	struct observed *seen;
	uint64_t violations;
	unsigned cut;
	uint64_t state;
};

/* trial_begin - run the steps; trial_end - forget them.  @r has its case, desk and totals, and the rest is zero. */
void trial_begin(struct trial *r);
void trial_end(struct trial *r);

/* trial_desk - the desk that all trials of this process use. */
struct desk *trial_desk(void);

/* trial_explore - every state of every cut of what ran (explore.c); with a mutant only until something is violated. */
void trial_explore(struct trial *r);

#endif
