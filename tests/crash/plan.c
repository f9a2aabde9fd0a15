/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.c -- which cases are explored, and by how many processes
 *
 * The cases of a plan are dealt out to the processes one by one; their sums come
 * back through shared memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crash/crash.h"
#include "harness/rng.h"
#include "crash/verify.h"

#define JOBS_MAX	64u

/* Random states of a kind, see states.h. */
#define EFFORT_SINGLE	64u
#define EFFORT_PAIR	1u
#define EFFORT_MUTANT	1u

struct share { struct totals sum; struct score score; };
struct shared { _Atomic uint64_t next; struct share share[JOBS_MAX]; };

/* One unit of work: the case of number @i; false when there is none. */
struct work { bool (*make)(const struct plan *p, uint64_t i, struct crash_case *c); unsigned effort; bool mutants; };

static unsigned nr_of_ops(void)
{
	unsigned n = 0;

	while (ops[n].name)
		n++;
	return n;
}

static unsigned nr_of_geometries(void)
{
	unsigned n = 0;

	while (geometries[n].name)
		n++;
	return n;
}

static bool wanted(const struct plan *p, const struct crash_case *c)
{
	if (p->geometry && strcmp(p->geometry, c->g->name) != 0)
		return false;
	for (unsigned i = 0; p->op && i < c->nr_ops; i++)
		if (!strcmp(p->op, c->op[i]->name))
			return true;
	return !p->op;
}

static void do_job(const struct plan *p, const struct work *w, struct shared *sh, unsigned job)
{
	struct share *mine = &sh->share[job];
	struct crash_case c;

	for (;;) {
		uint64_t i = atomic_fetch_add(&sh->next, 1);

		c = (struct crash_case){ .effort = p->effort ? p->effort : w->effort, .only_cut = -1, .only_state = -1 };
		if (!w->make(p, i, &c))
			return;
		if (p->parts > 1 && i % p->parts != p->part)
			continue;
		if (!wanted(p, &c))
			continue;
		if (w->mutants)
			explore_mutants(&c, &mine->sum, &mine->score);
		else
			explore(&c, &mine->sum, NULL);
	}
}

static void add(uint64_t *to, const uint64_t *from, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*to); i++)
		to[i] += from[i];
}

static int wait_for_all(unsigned jobs)
{
	int status, bad = 0;

	while (jobs--) {
		wait(&status);
		bad |= !WIFEXITED(status) || WEXITSTATUS(status);
	}
	return bad;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int run_plan(const struct plan *p, const struct work *w, const char *title, struct share *out)
{
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned jobs = p->jobs > JOBS_MAX ? JOBS_MAX : p->jobs;
	double start = seconds();

	if (sh == MAP_FAILED) {
		perror("crash: mmap");
		return 1;
	}
	fflush(stdout);
	for (unsigned j = 0; j < jobs; j++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("crash: fork");
			exit(1);
		}
		if (!pid) {
			do_job(p, w, sh, j);
			fflush(stdout);
			_exit(0);
		}
	}
	int bad = wait_for_all(jobs);

	*out = (struct share){ 0 };
	for (unsigned j = 0; j < jobs; j++) {
		add((uint64_t *)&out->sum, (const uint64_t *)&sh->share[j].sum, sizeof(out->sum));
		add((uint64_t *)&out->score, (const uint64_t *)&sh->share[j].score, sizeof(out->score));
	}
	munmap(sh, sizeof(*sh));
	if (bad)
		printf("%s: a process of the explorer died\n", title);
	printf("%s: %" PRIu64 " cases, %" PRIu64 " cuts, %" PRIu64 " states (%" PRIu64 " of them different after recovery), "
	       "%" PRIu64 " states of cuts inside recovery, %" PRIu64 " violations, %.0f s\n", title, out->sum.cases, out->sum.cuts,
	       out->sum.states, out->sum.distinct, out->sum.again, out->sum.violations, seconds() - start);
	fflush(stdout);
	return bad || out->sum.violations;
}

/* -- the plans -------------------------------------------------------------------------------------- */

static bool make_single(const struct plan *p, uint64_t i, struct crash_case *c)
{
	(void)p;
	c->g = &geometries[i / nr_of_ops()];
	if (!c->g->name || i / nr_of_ops() > nr_of_geometries())
		return false;
	c->op[0] = &ops[i % nr_of_ops()];
	c->nr_ops = c->first = 1;
	return true;
}

static bool make_any_pair(const struct plan *p, uint64_t i, struct crash_case *c)
{
	uint64_t n = nr_of_ops();

	(void)p;
	if (i / (n * n) >= nr_of_geometries())
		return false;
	c->g = &geometries[i / (n * n)];
	c->op[0] = &ops[i / n % n];
	c->op[1] = &ops[i % n];
	c->nr_ops = c->first = 2;
	return true;
}

static const struct op *paired(uint64_t i)
{
	const struct op *op = ops;

	while (op->name && (!(op->flags & OP_PAIRED) || i--))
		op++;
	return op;
}

static bool make_pair(const struct plan *p, uint64_t i, struct crash_case *c)
{
	uint64_t n = 0;

	(void)p;
	while (paired(n)->name)
		n++;
	if (i / (n * n) >= nr_of_geometries())
		return false;
	c->g = &geometries[i / (n * n)];
	c->op[0] = paired(i / n % n);
	c->op[1] = paired(i % n);
	c->nr_ops = c->first = 2;
	return true;
}

static unsigned random_left;

static bool make_triple(const struct plan *p, uint64_t i, struct crash_case *c)
{
	struct rng rng;

	if (i >= random_left)
		return false;
	rng_init(&rng, p->seed + i);
	c->g = &geometries[rng_below(&rng, nr_of_geometries())];
	for (unsigned k = 0; k < 3; k++)
		c->op[k] = &ops[rng_below(&rng, nr_of_ops())];
	c->nr_ops = c->first = 3;
	return true;
}

int plan_singles(const struct plan *p)
{
	struct share sum;

	return run_plan(p, &(struct work){ make_single, EFFORT_SINGLE, false }, "single operations", &sum);
}

int plan_pairs(const struct plan *p, bool of_all)
{
	struct share sum;

	if (of_all)
		return run_plan(p, &(struct work){ make_any_pair, EFFORT_PAIR, false }, "all pairs", &sum);
	return run_plan(p, &(struct work){ make_pair, EFFORT_PAIR, false }, "pairs", &sum);
}

int plan_random(const struct plan *p, unsigned nr)
{
	struct share sum;

	random_left = nr;
	return run_plan(p, &(struct work){ make_triple, EFFORT_PAIR, false }, "random triples", &sum);
}

int plan_mutants(const struct plan *p)
{
	struct share sum;
	int bad = run_plan(p, &(struct work){ make_single, EFFORT_MUTANT, true }, "mutants", &sum);
	const struct score *s = &sum.score;
	uint64_t all = s->flushes + s->fences + s->stores;
	uint64_t killed = s->flushes_caught + s->fences_caught + s->stores_caught;

	printf("mutants killed: %" PRIu64 " of %" PRIu64 " dropped flushes, %" PRIu64 " of %" PRIu64 " dropped fences, %" PRIu64
	       " of %" PRIu64 " late stores (%" PRIu64 " of them at the second fence, %" PRIu64
	       " more that change nothing passed over); in all %" PRIu64 " of %" PRIu64 "\n",
	       s->flushes_caught, s->flushes, s->fences_caught, s->fences, s->stores_caught, s->stores, s->stores_slack,
	       s->stores_idle, killed, all);
	return bad || killed != all;
}

/* -- one case by its id -------------------------------------------------------------------------------- */

static const struct op *op_by_name(const char *name, size_t len)
{
	for (const struct op *op = ops; op->name; op++)
		if (strlen(op->name) == len && !strncmp(op->name, name, len))
			return op;
	return NULL;
}

/* GEOMETRY:OP[+OP...][@CUT[.STATE]] */
static bool parse_id(const char *id, struct crash_case *c)
{
	size_t len = strcspn(id, ":");

	for (c->g = geometries; c->g->name; c->g++)
		if (strlen(c->g->name) == len && !strncmp(c->g->name, id, len))
			break;
	if (!c->g->name || id[len] != ':')
		return false;
	for (id += len; *id == ':' || *id == '+'; id += len) {
		len = strcspn(++id, "+@");
		if (c->nr_ops == STEPS_MAX || !(c->op[c->nr_ops++] = op_by_name(id, len)))
			return false;
	}
	c->first = c->nr_ops;
	c->effort = c->nr_ops == 1 ? EFFORT_SINGLE : EFFORT_PAIR;
	return !*id || sscanf(id, "@%ld.%ld", &c->only_cut, &c->only_state) >= 1;
}

int plan_case(const char *id)
{
	struct crash_case c = { .only_cut = -1, .only_state = -1 };
	struct totals sum = { 0 };

	if (!parse_id(id, &c)) {
		fprintf(stderr, "crash: %s is no case: GEOMETRY:OPERATION[+OPERATION...][@CUT[.STATE]]; --list names them\n", id);
		return 2;
	}
	explore(&c, &sum, NULL);
	printf("%s: %" PRIu64 " cuts, %" PRIu64 " states (%" PRIu64 " different after recovery), %" PRIu64 " inside recovery, %" PRIu64 " violations\n", id, sum.cuts,
	       sum.states, sum.distinct, sum.again, sum.violations);
	return sum.violations != 0;
}
