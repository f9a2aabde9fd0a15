/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pin.h -- freed blocks wait for everyone who may still look at them
 */
#ifndef DAXFS_CORE_PIN_H
#define DAXFS_CORE_PIN_H

#include <stdint.h>

#include "disk/runvec.h"

struct fs;
struct limbo;

/* Held by whoever keeps an address on media outside an RCU read section. */
struct pin { unsigned stripe, epoch; };

/**
 * pin_get - blocks that are found mapped from now on stay what they are until pin_put()
 * Context: inside an RCU read section; the mappings are looked up afterwards, in any other.
 */
void pin_get(struct fs *fs, struct pin *pin);
void pin_put(struct fs *fs, const struct pin *pin);

/**
 * limbo_add - blocks whose freeing is durable; emptied
 * They reach the allocator after an RCU grace period and after every pin that was held then.
 */
void limbo_add(struct fs *fs, struct runvec *blocks);

/* limbo_drain - wait until all that was added before is free (for -ENOSPC and unmount); pins still held bound the wait to @ms. */
void limbo_drain(struct fs *fs, unsigned ms);

/* limbo_blocks - freed blocks that the allocator does not have yet. */
uint64_t limbo_blocks(const struct fs *fs);

/**
 * limbo_nr_free - blocks that the allocator has or will have: what statfs calls free
 * Those that go from here to the allocator meanwhile count once.
 * Context: may wait for a batch of freed runs on its way.
 */
uint64_t limbo_nr_free(const struct fs *fs);

/* limbo_open, limbo_close - none is pinned, none waits; what waits at the end is free at once.  0 or -ENOMEM. */
int  limbo_open(struct fs *fs);
void limbo_close(struct fs *fs);

#endif
