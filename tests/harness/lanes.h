/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lanes.h -- journals of other shapes than those that mkfs.daxfs makes
 */
#ifndef HARNESS_LANES_H
#define HARNESS_LANES_H

#include <stdint.h>

struct region;

/**
 * lanes_divide - divide the blocks of a journal otherwise; they must suffice
 * Context: a clean filesystem that is not mounted.
 */
void lanes_divide(struct region *rg, uint32_t nr_lanes, uint32_t lane_blocks);

#endif
