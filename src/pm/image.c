/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * image.c -- one image of what media may hold after a power cut
 *
 * Owns nothing beyond a call; holds the log's mutex while it reads the log.
 */
#include <string.h>

#include "pm/record_log.h"
#include "pm/replay.h"

/* The finalizer of splitmix64: every bit of the result depends on all of @x. */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Decides each word that is not durable; kept means as the cache held it at the end. */
static void settle(struct replay *rp, unsigned mode, uint64_t seed, uint8_t *media)
{
	size_t nr;
	const struct replay_word *w = replay_pending(rp, &nr);

	for (size_t i = 0; i < nr; i++)
		if (mode == REC_ALL || (mode == REC_RANDOM && (mix(mix(seed) ^ w[i].off) & 1)))
			memcpy(media + w[i].off, &w[i].value[w[i].nr - 1], 8);
}

void record_image(const struct region *rg, size_t upto_event, unsigned mode, uint64_t seed,
		  void *out)
{
	struct record_log *lg = rg->priv;
	struct replay *rp = replay_new(&(struct replay_opts){ .media = out });

	pthread_mutex_lock(&lg->mutex);
	memcpy(out, lg->base, rg->size);
	for (size_t i = 0; i < upto_event && i < lg->nr; i++)
		replay_event(rp, &lg->events[i]);
	pthread_mutex_unlock(&lg->mutex);
	settle(rp, mode, seed, out);
	replay_free(rp);
}
