/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c -- crash: what is left after a power cut, at every moment of every operation
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crash/crash.h"
#include "crash/verify.h"

static const struct option options[] = {
	{ "singles", no_argument, NULL, 's' },
	{ "pairs", no_argument, NULL, 'p' },
	{ "all-pairs", no_argument, NULL, 'a' },
	{ "triples", required_argument, NULL, 't' },
	{ "mutants", no_argument, NULL, 'm' },
	{ "mkfs", no_argument, NULL, 'k' },
	{ "guarantees", no_argument, NULL, 'G' },
	{ "geometry", required_argument, NULL, 'g' },
	{ "op", required_argument, NULL, 'o' },
	{ "case", required_argument, NULL, 'c' },
	{ "part", required_argument, NULL, 'P' },
	{ "effort", required_argument, NULL, 'e' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "seed", required_argument, NULL, 'S' },
	{ "list", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void usage(FILE *to)
{
	fputs("Usage: crash [--singles] [--pairs] [--all-pairs] [--triples N] [--mkfs] [--mutants] [--guarantees] [OPTIONS]\n"
	      "       crash --case GEOMETRY:OPERATION[+OPERATION...][@CUT[.STATE]]\n"
	      "Explore what media may hold after a power cut; exit 1 when a promise is broken.\n\n"
	      "  --singles       every operation on every geometry\n"
	      "  --pairs         every operation of a set of 27 after every other of them\n"
	      "  --all-pairs     every operation after every other: some hours\n"
	      "  --triples N     N random sequences of three\n"
	      "  --mutants       leave out every flush and fence, delay every store: is it noticed?\n"
	      "  --mkfs          a filesystem is made over another one\n"
	      "  --guarantees    what every operation promises, in words with tabs between them\n"
	      "  --geometry G    only on this one\n"
	      "  --op O          only what has this operation\n"
	      "  --part I/N      only every N-th case, from I on\n"
	      "  --effort N      random states of each kind at a cut (default 64 for singles, else 1)\n"
	      "  --jobs N        processes (default: one per CPU)\n"
	      "  --seed N        of the random sequences (default 1)\n"
	      "  --list          geometries and operations\n", to);
}

static int list(void)
{
	for (const struct geometry *g = geometries; g->name; g++)
		printf("geometry  %s\n", g->name);
	for (const struct op *op = ops; op->name; op++)
		printf("operation %s\n", op->name);
	return 0;
}

static bool known(const struct plan *p)
{
	bool g = !p->geometry, o = !p->op;

	for (const struct geometry *x = geometries; x->name; x++)
		g |= p->geometry && !strcmp(x->name, p->geometry);
	for (const struct op *x = ops; x->name; x++)
		o |= p->op && !strcmp(x->name, p->op);
	if (!g || !o)
		fprintf(stderr, "crash: there is no %s: --list names them\n", g ? p->op : p->geometry);
	return g && o;
}

struct wish { bool singles, pairs, all_pairs, mutants, guarantees, mkfs; unsigned triples; };

static int run(const struct plan *p, const struct wish *w)
{
	int bad = 0;

	if (w->singles)
		bad |= plan_singles(p);
	if (w->pairs)
		bad |= plan_pairs(p, false);
	if (w->all_pairs)
		bad |= plan_pairs(p, true);
	if (w->triples)
		bad |= plan_random(p, w->triples);
	if (w->mutants)
		bad |= plan_mutants(p);
	if (w->mkfs)
		bad |= plan_mkfs(&(struct totals){ 0 });
	if (w->guarantees)
		bad |= plan_guarantees();
	return bad;
}

int main(int argc, char **argv)
{
	struct plan p = { .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), .seed = 1, .parts = 1 };
	struct wish w = { 0 };
	const char *id = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's': w.singles = true; break;
		case 'p': w.pairs = true; break;
		case 'a': w.all_pairs = true; break;
		case 't': w.triples = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'm': w.mutants = true; break;
		case 'k': w.mkfs = true; break;
		case 'G': w.guarantees = true; break;
		case 'g': p.geometry = optarg; break;
		case 'o': p.op = optarg; break;
		case 'c': id = optarg; break;
		case 'P': sscanf(optarg, "%u/%u", &p.part, &p.parts); break;
		case 'e': p.effort = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'j': p.jobs = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'S': p.seed = strtoull(optarg, NULL, 10); break;
		case 'l': return list();
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (optind < argc || !p.jobs || !p.parts || (!id && !w.singles && !w.pairs && !w.all_pairs && !w.triples && !w.mutants && !w.guarantees && !w.mkfs)) {
		usage(stderr);
		return 2;
	}
	verify_quiet();
	if (id)
		return plan_case(id);
	return known(&p) ? run(&p, &w) : 2;
}
