/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * claims.h -- which blocks of the media belong to something
 */
#ifndef CRASH_CLAIMS_H
#define CRASH_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "pm/region.h"

enum claim { CLAIM_NONE, CLAIM_META, CLAIM_DATA };	/* data: of regular files */

struct claims { uint8_t *of; uint64_t nr_blocks; };	/* of: per block, enum claim */

/* claims_load - from a sound filesystem on @rg; ends the process when it is none. */
void claims_load(struct claims *c, const struct region *rg);
void claims_free(struct claims *c);

#endif
