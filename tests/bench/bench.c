// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * bench.c -- the engine's benchmark: make bench
 *
 * Every figure is taken in one process, without FUSE, beside the primitive that
 * it is made of, in rounds that alternate between the two.  Exit status: 0; 1 a
 * target was missed (with --quick, missed times do not count); 2 something failed.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "bench/benches.h"
#include "bench/stage.h"

static const struct entry { const char *name; void (*run)(const struct bench *b); } benches[] = {
	{ "read", bench_read },
	{ "write", bench_write },
	{ "bulk", bench_bulk },
	{ "fsync", bench_fsync },
	{ "threshold", bench_threshold },
	{ "names", bench_names },
	{ "scale", bench_scale },
	{ "mkfs", bench_mkfs },
	{ "recovery", bench_recovery },
	{ "seqfile", bench_seqfile },
	{ "memory", bench_memory },
};

#define NR_BENCHES	(sizeof(benches) / sizeof(benches[0]))

static int usage(FILE *to, int status)
{
	fprintf(to, "usage: bench [--quick] [--json] [--only NAME] [--dir DIRECTORY]\n"
		"  --quick  smaller counts; missed times are printed and forgiven\n"
		"  --json   for machines\n"
		"  --only   one benchmark, may be given again:");
	for (size_t i = 0; i < NR_BENCHES; i++)
		fprintf(to, " %s", benches[i].name);
	fprintf(to, "\n  --dir    where image files go, /dev/shm unless given\n");
	return status;
}

/* Bit of the benchmark in @name, 0 when there is none. */
static unsigned find(const char *name)
{
	for (size_t i = 0; i < NR_BENCHES; i++)
		if (!strcmp(benches[i].name, name))
			return 1u << i;
	fprintf(stderr, "bench: there is no benchmark '%s'\n", name);
	return 0;
}

struct choice { unsigned only; bool json; };

/* -1: go on; else exit status. */
static int parse(int argc, char **argv, struct bench *b, struct choice *c)
{
	static const struct option longs[] = {
		{ "quick", no_argument, NULL, 'q' }, { "json", no_argument, NULL, 'j' },
		{ "only", required_argument, NULL, 'o' }, { "dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		unsigned bit = opt == 'o' ? find(optarg) : 0;

		if (opt == 'q')
			b->quick = true;
		else if (opt == 'j')
			c->json = true;
		else if (opt == 'd')
			b->dir = optarg;
		else if (opt == 'h')
			return usage(stdout, 0);
		else if (!bit)
			return usage(stderr, 2);
		c->only |= bit;
	}
	return optind < argc ? usage(stderr, 2) : -1;
}

int main(int argc, char **argv)
{
	struct report rp;
	struct bench b = { .dir = "/dev/shm", .rp = &rp };
	struct choice c = { 0 };
	int status = parse(argc, argv, &b, &c);

	if (status >= 0)
		return status;
	stage_signals();
	log_init("bench", LOG_TO_STDERR);
	report_begin(&rp, c.json, b.quick);
	for (size_t i = 0; i < NR_BENCHES; i++) {
		if (c.only && !(c.only & 1u << i))
			continue;
		rp.bench = benches[i].name;
		benches[i].run(&b);
	}
	report_end(&rp);
	return rp.missed || (rp.slow && !b.quick) ? 1 : 0;
}
