/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * disk_fixture.h -- a small disk with lanes and a simple allocator, for tests
 */
#ifndef TESTS_UNIT_DISK_FIXTURE_H
#define TESTS_UNIT_DISK_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "disk/disk.h"
#include "disk/dinode.h"
#include "disk/journal.h"
#include "disk/txn.h"
#include "pm/region.h"

/* An assertion cheap enough for inner loops: check writes a file at each of its own. */
#define must(cond)							\
	do {								\
		if (!(cond))						\
			ck_abort_msg("does not hold: %s", #cond);	\
	} while (0)

struct fixture {
	struct region *rg;
	struct disk d;
	struct journal jn;
	uint8_t *taken;		/* per block */
	uint64_t nr_taken, data_start, hint;
	uint64_t freed_calls;
};

enum fixture_kind { FIXTURE_RAM, FIXTURE_RECORD };

void fixture_open(struct fixture *fx, uint64_t nr_blocks, enum fixture_kind kind);
void fixture_close(struct fixture *fx);

/* fixture_view - a disk over other memory of the same geometry. */
void fixture_view(struct disk *d, struct region *rg, uint64_t nr_blocks);

/* fixture_take - @n adjacent free blocks, or false. */
bool fixture_take(struct fixture *fx, uint64_t n, pblk_t *out);
void fixture_give(struct fixture *fx, pblk_t b, uint64_t n);

/* quiet - drop the messages of the checkers. */
void quiet(void);

/* rng - xorshift64*, never 0. */
uint64_t rng(uint64_t *state);

#endif
