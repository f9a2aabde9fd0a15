/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load.c -- the program under test in the guest, and the judge of what it left
 *
 *	load run MODE PATH BLOCKS OPS SEED		work, acknowledge, cut the power
 *	load time MODE PATH BLOCKS OPS SEED		work, and print the time of an operation
 *	load check MODE PATH BLOCKS OPS SEED ACKED	what became of it?
 *	load mark arm|ack|cut|count [A [B]]		a marker for scripts
 *	load modes					the names of all modes
 *
 * check prints one line and exits 0 when everything acknowledged is there, 1 when
 * something was lost, 2 when something is corrupt or foreign, 3 when it cannot tell.
 */
#include "power/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "power/mark.h"

void fail(const char *what)
{
	perror(what);
	exit(3);
}

/* -- content ------------------------------------------------------------------------ */

static uint64_t scramble(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* 17 bits of the seed, 20 of the operation, 27 of the place: never zero. */
static uint64_t word_of(const struct job *j, uint64_t op, uint64_t block, size_t i)
{
	uint64_t owner = scramble(j->seed) % 0x1ffff + 1;

	return owner << 47 | op << 27 | block << 9 | i;
}

void fill(uint64_t *p, const struct job *j, uint64_t op, uint64_t block)
{
	for (size_t i = 0; i < WORDS; i++)
		p[i] = word_of(j, op, block, i);
}

uint64_t word_op(const struct job *j, uint64_t word, uint64_t block, size_t i)
{
	uint64_t op = word >> 27 & (MAX_OPS - 1);

	if (!word)
		return 0;
	return op && word == word_of(j, op, block, i) ? op : UINT64_MAX;
}

uint64_t block_of(const struct job *j, uint64_t i)
{
	return i <= j->blocks ? i - 1 : scramble(j->seed << 32 ^ i) % j->blocks;
}

/* -- actions ------------------------------------------------------------------------ */

static const struct work *find_in(const struct work *w, const char *mode)
{
	for (; w->mode; w++) {
		if (!strcmp(w->mode, mode))
			return w;
	}
	return NULL;
}

static const struct work *find(const char *mode)
{
	const struct work *w = find_in(data_works, mode);

	return w ? w : find_in(name_works, mode);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int run(const struct work *w, struct job *j)
{
	w->prepare(j);
	sync();
	mark(MARK_ARM, 0, 0);
	for (uint64_t i = 1; i <= j->ops; i++) {
		w->op(j, i);
		mark(MARK_ACK, i, 0);
	}
	mark(MARK_CUT, 0, 0);
	return 0;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The median: whatever else the host does makes some operations long, not most. */
static int measure(const struct work *w, struct job *j)
{
	uint64_t *ns = calloc(j->ops, sizeof(*ns));

	if (!ns)
		fail("calloc");
	w->prepare(j);
	sync();
	mark(MARK_ARM, 0, 0);
	for (uint64_t i = 1; i <= j->ops; i++) {
		uint64_t start = now_ns();

		w->op(j, i);
		ns[i - 1] = now_ns() - start;
	}
	mark(MARK_COUNT, j->ops, 0);
	qsort(ns, j->ops, sizeof(*ns), by_size);
	printf("TIME %s %" PRIu64 " ns\n", j->mode, ns[j->ops / 2]);
	free(ns);
	return 0;
}

static int check(const struct work *w, struct job *j)
{
	struct verdict v = { .flight = "none" };

	w->check(j, &v);
	printf("CHECK acked=%" PRIu64 " kept=%" PRIu64 " lost=%" PRIu64 " corrupt=%" PRIu64 " leaked=%" PRIu64
	       " flight=%s\n", j->acked, v.kept, v.lost, v.corrupt, v.leaked, v.flight);
	return v.corrupt || v.leaked ? 2 : v.lost ? 1 : 0;
}

static int set_mark(int argc, char **argv)
{
	static const char *const names[] = { "", "arm", "ack", "cut", "count" };
	uint64_t a = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	uint64_t b = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;

	for (unsigned i = MARK_ARM; i <= MARK_COUNT; i++) {
		if (argc > 2 && !strcmp(argv[2], names[i])) {
			mark((enum mark)i, a, b);
			return 0;
		}
	}
	return 3;
}

static int print_modes(void)
{
	for (const struct work *w = data_works; w->mode; w++)
		puts(w->mode);
	for (const struct work *w = name_works; w->mode; w++)
		puts(w->mode);
	return 0;
}

static int usage(void)
{
	fputs("usage: load run|time MODE PATH BLOCKS OPS SEED | check ... ACKED | mark WHAT [A [B]] | modes\n", stderr);
	return 3;
}

int main(int argc, char **argv)
{
	const char *action = argc > 1 ? argv[1] : "";
	bool checking = !strcmp(action, "check");

	if (!strcmp(action, "mark"))
		return set_mark(argc, argv);
	if (!strcmp(action, "modes"))
		return print_modes();
	if (argc != 7 + checking || !find(argv[2]))
		return usage();
	struct job j = {
		.mode = argv[2], .path = argv[3], .blocks = strtoull(argv[4], NULL, 10),
		.ops = strtoull(argv[5], NULL, 10), .seed = strtoull(argv[6], NULL, 10),
		.acked = checking ? strtoull(argv[7], NULL, 10) : 0,
	};

	if (!j.blocks || j.blocks > MAX_BLOCKS || !j.ops || j.ops >= MAX_OPS || j.acked > j.ops)
		return usage();
	if (checking)
		return check(find(j.mode), &j);
	return !strcmp(action, "run") ? run(find(j.mode), &j) :
	       !strcmp(action, "time") ? measure(find(j.mode), &j) : usage();
}
