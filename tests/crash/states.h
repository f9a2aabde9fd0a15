/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * states.h -- which contents of media are tried at a cut
 *
 * Up to LINES_ALL lines that are not durable: every subset of them.  More: none,
 * all, each alone, each missing, pairs, and random ones.  Beside that, words: every
 * subset of a line's words while the other lines are all lost or all kept, and
 * random words at random ages.
 */
#ifndef CRASH_STATES_H
#define CRASH_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pm/replay.h"

#define LINES_ALL	10u

struct states {
	const struct replay_word *word;
	size_t nr_words;
	size_t *line;		/* index of each line's first word; one more at the end */
	size_t nr_lines;
	unsigned effort;	/* random ones of each kind; pairs: 64 times as many */
	unsigned lines_all;	/* LINES_ALL; may be made less before the first states_next() */
	unsigned phase;
	uint64_t i;		/* within the phase */
	uint64_t seed;
	uint8_t *pick;		/* per word: 0 as on media, else value[pick - 1] */
};

/* states_init - @word must stay; states_fini frees what states_init took. */
void states_init(struct states *s, const struct replay_word *word, size_t nr, unsigned effort, uint64_t seed);
void states_fini(struct states *s);

/* states_next - the next one is in s->pick; false when there are no more.  Some come more than once. */
bool states_next(struct states *s);

/* states_key - equal for equal images. */
uint64_t states_key(const struct states *s);

#endif
