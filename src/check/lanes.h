/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lanes.h -- the undo logs of lanes, read independently of the engine
 */
#ifndef CHECK_LANES_H
#define CHECK_LANES_H

#include "check/media.h"

enum lane_log { LANE_IDLE, LANE_TORN, LANE_LIVE };

struct lane_at {
	uint64_t	  blk;		/* first block */
	uint32_t	  self, done;
	const struct dlog *log;		/* on media */
	size_t		  log_max;	/* bytes of records at most */
};

/* lane_open - why the header is wrong, or NULL with *@l. */
const char *lane_open(const struct media *m, const struct media_geometry *g, uint32_t self, struct lane_at *l);

/* lane_log - is there a log that has not ended? */
enum lane_log lane_log(const struct lane_at *l);

/**
 * lane_each - hand out the records of a live log
 * @fn: old content and where it belongs; not 0 ends the walk
 * Return: 0, what @fn returned, or -EUCLEAN with *@bad, the number of a record that is impossible
 *         (nothing has been handed out then).
 */
struct lane_record { uint64_t off; uint32_t len; const uint8_t *old; };
struct lane_visit { const struct media *m; const struct media_geometry *g;
		    int (*fn)(void *arg, const struct lane_record *r); void *arg; };
int lane_each(const struct lane_at *l, const struct lane_visit *v, uint32_t *bad);

/* lane_header - a header for lane @self of which @done is the last sequence that has ended. */
void lane_header(struct dlane *out, uint32_t self, uint32_t done);

#endif
