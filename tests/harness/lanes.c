/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lanes.c -- journals of other shapes than those that mkfs.daxfs makes
 */
#include "harness/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "disk/journal.h"
#include "disk/super.h"
#include "pm/region.h"

void lanes_divide(struct region *rg, uint32_t nr_lanes, uint32_t lane_blocks)
{
	struct dsuper sb;

	memcpy(&sb, rg->base, sizeof(sb));
	if (nr_lanes * lane_blocks > le32_get(sb.nr_lanes) * le32_get(sb.lane_blocks))
		abort();
	sb.nr_lanes = le32_make(nr_lanes);
	sb.lane_blocks = le32_make(lane_blocks);
	struct disk d = { .rg = rg, .nr_blocks = le64_get(sb.nr_blocks), .super = &sb };

	journal_format(&d, &sb);
	super_write(rg, &sb, d.nr_blocks - 1);
	super_write(rg, &sb, 0);
}
