/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * states.c -- which contents of media are tried at a cut
 */
#include "crash/states.h"

#include <stdlib.h>
#include <string.h>

#include "harness/rng.h"

#define WORDS_ALL	6u	/* words of a line that vary, see pick_words() */
#define WORDS_BUDGET	(UINT64_C(1) << 22)

enum phase { NONE, ALL, SUBSETS, ALONE, MISSING, PAIRS, RANDOM_LINES, WORDS_LOST, WORDS_KEPT, RANDOM_WORDS, END };

static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

void states_init(struct states *s, const struct replay_word *word, size_t nr, unsigned effort, uint64_t seed)
{
	*s = (struct states){ .word = word, .nr_words = nr, .effort = effort, .lines_all = LINES_ALL, .seed = seed };
	s->pick = need(calloc(nr + 1, 1));
	s->line = need(malloc((nr + 1) * sizeof(*s->line)));
	for (size_t i = 0; i < nr; i++)
		if (!i || word[i].off / RECORD_LINE != word[i - 1].off / RECORD_LINE)
			s->line[s->nr_lines++] = i;
	s->line[s->nr_lines] = nr;
}

void states_fini(struct states *s)
{
	free(s->pick);
	free(s->line);
}

static void keep_all(struct states *s)
{
	for (size_t i = 0; i < s->nr_words; i++)
		s->pick[i] = (uint8_t)s->word[i].nr;
}

static void lose_all(struct states *s)
{
	memset(s->pick, 0, s->nr_words);
}

static void set_line(struct states *s, size_t line, bool keep)
{
	for (size_t i = s->line[line]; i < s->line[line + 1]; i++)
		s->pick[i] = keep ? (uint8_t)s->word[i].nr : 0;
}

/* -- lines ------------------------------------------------------------------------- */

static void pick_subset(struct states *s)
{
	for (size_t l = 0; l < s->nr_lines; l++)
		set_line(s, l, s->i >> l & 1);
}

static uint64_t nr_pairs(const struct states *s)
{
	uint64_t all = (uint64_t)s->nr_lines * (s->nr_lines - 1) / 2;

	return all < 64u * s->effort ? all : 64u * s->effort;
}

/* Pair i of all; when there are too many, a random one. */
static void pick_pair(struct states *s)
{
	uint64_t all = (uint64_t)s->nr_lines * (s->nr_lines - 1) / 2, i = s->i, seed = s->seed + s->i;
	size_t a = 0;

	if (nr_pairs(s) < all)
		i = rng_splitmix(&seed) % all;
	while (i >= s->nr_lines - 1 - a)
		i -= s->nr_lines - 1 - a++;
	lose_all(s);
	set_line(s, a, true);
	set_line(s, a + 1 + (size_t)i, true);
}

static void pick_random_lines(struct states *s)
{
	struct rng rng;

	rng_init(&rng, s->seed ^ s->i << 32);
	uint64_t odds = 2 + s->i % 7;
	bool mostly = s->i & 1;

	for (size_t l = 0; l < s->nr_lines; l++)
		set_line(s, l, rng_one_in(&rng, odds) != mostly);
}

/* -- words ------------------------------------------------------------------------- */

/* Lines of which all subsets of words are tried. */
static size_t nr_word_lines(const struct states *s)
{
	size_t most = s->effort / 4 + 1;

	return s->nr_lines < most ? s->nr_lines : most;
}

/* Which line the n-th one is: spread over all of them. */
static void pick_words(struct states *s, bool others)
{
	size_t n = (size_t)(s->i >> WORDS_ALL), l = n * s->nr_lines / nr_word_lines(s);

	if (others)
		keep_all(s);
	else
		lose_all(s);
	set_line(s, l, others);
	for (size_t k = 0; k < WORDS_ALL && s->line[l] + k < s->line[l + 1]; k++) {
		size_t w = s->line[l] + k;

		s->pick[w] = s->i >> k & 1 ? (uint8_t)s->word[w].nr : 0;
	}
}

static void pick_random_words(struct states *s)
{
	struct rng rng;

	rng_init(&rng, ~s->seed ^ s->i << 32);
	uint64_t odds = 2 + s->i % 5;

	for (size_t w = 0; w < s->nr_words; w++)
		s->pick[w] = rng_one_in(&rng, odds) ? 0 : (uint8_t)(1 + rng_below(&rng, s->word[w].nr));
}

/* -- one after the other ------------------------------------------------------------- */

/* A state costs what it has words: of an extraordinary number of lines, a sample. */
static uint64_t at_most(const struct states *s, uint64_t n)
{
	uint64_t most = WORDS_BUDGET / (s->nr_words + 1) + 8;

	return n < most ? n : most;
}

static uint64_t phase_length(const struct states *s)
{
	bool many = s->nr_lines > s->lines_all;

	switch (s->phase) {
	case NONE:
	case ALL:
		return 1;
	case SUBSETS:
		return many ? 0 : UINT64_C(1) << s->nr_lines;
	case ALONE:
	case MISSING:
		return many ? at_most(s, s->nr_lines) : 0;
	case PAIRS:
		return many ? at_most(s, nr_pairs(s)) : 0;
	case RANDOM_LINES:
		return many ? at_most(s, s->effort) : 0;
	case WORDS_LOST:
	case WORDS_KEPT:
		return at_most(s, nr_word_lines(s) << WORDS_ALL);
	default:
		return s->nr_words > 1 ? at_most(s, s->effort) : 0;
	}
}

/* The i-th line, or when only some are tried, one that far into them. */
static size_t spread(const struct states *s)
{
	return (size_t)(s->i * s->nr_lines / at_most(s, s->nr_lines));
}

static void pick(struct states *s)
{
	switch (s->phase) {
	case NONE:
		lose_all(s);
		break;
	case ALL:
		keep_all(s);
		break;
	case SUBSETS:
		pick_subset(s);
		break;
	case ALONE:
		lose_all(s);
		set_line(s, spread(s), true);
		break;
	case MISSING:
		keep_all(s);
		set_line(s, spread(s), false);
		break;
	case PAIRS:
		pick_pair(s);
		break;
	case RANDOM_LINES:
		pick_random_lines(s);
		break;
	case WORDS_LOST:
		pick_words(s, false);
		break;
	case WORDS_KEPT:
		pick_words(s, true);
		break;
	default:
		pick_random_words(s);
	}
}

bool states_next(struct states *s)
{
	while (s->phase < END && s->i >= phase_length(s)) {
		s->phase++;
		s->i = 0;
	}
	if (s->phase >= END || (s->phase > NONE && !s->nr_words))
		return false;
	pick(s);
	s->i++;
	return true;
}

uint64_t states_key(const struct states *s)
{
	uint64_t key = 0;

	for (size_t w = 0; w < s->nr_words; w++) {
		uint64_t x = s->word[w].off ^ (s->pick[w] ? s->word[w].value[s->pick[w] - 1] * UINT64_C(0x9e3779b97f4a7c15) : 1);

		key += rng_splitmix(&x);
	}
	return key;
}
