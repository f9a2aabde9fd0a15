/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.h -- one case: damage, check, repair, look at what is left
 */
#ifndef TESTS_FSCK_RUN_H
#define TESTS_FSCK_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "recipe.h"

/* run_init - make both images and look at what is in them.  run_fini - give them back. */
void run_init(void);
void run_fini(void);

/**
 * run_case - every mode, each on an image of its own
 * @verbose: show what the checker says
 *
 * Return: true, or false with each thing that is wrong on standard output.
 */
bool run_case(const struct recipe *r, bool verbose);

/* run_seen - a bit per enum problem: what all cases together have met, in any mode. */
uint64_t run_seen(void);

/* findings_print - a line with the codes that @bits stands for; nothing when there are none. */
void findings_print(const char *what, uint64_t bits);

#endif
