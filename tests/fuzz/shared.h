/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shared.h -- files that all threads hammer: no model, but things that must hold
 */
#ifndef FUZZ_SHARED_H
#define FUZZ_SHARED_H

#include <stdint.h>

#include "harness/rng.h"

struct fs;

/* shared_step - one random operation in directory @dir.  0, or -1 with a message. */
int shared_step(struct fs *fs, uint64_t dir, struct rng *rng);

/* shared_check - nothing else runs: names, links and content fit together.  0 or -1. */
int shared_check(struct fs *fs, uint64_t dir);

#endif
