/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record_log.h -- inside of the recording backend, for record.c and image.c
 */
#ifndef PM_RECORD_LOG_H
#define PM_RECORD_LOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "pm/record.h"

struct record_log {
	pthread_mutex_t mutex;		/* events, nr, cap, base */
	_Atomic bool on;
	struct record_event *events;
	size_t nr, cap;
	uint8_t *base;			/* content at record_start(), region's size */
	_Atomic uint64_t stores, store_bytes, nt_bytes, flush_calls, flush_lines, fences;
};

#endif
