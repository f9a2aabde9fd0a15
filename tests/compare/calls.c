// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * calls.c -- what one kind of call costs in a directory, by one thread or by several
 *
 * Threads begin each batch together; it lasts until the last of them is through.
 * The first batch warms up; if it takes long, the others are smaller.  Prints one
 * line of JSON: microseconds per call (the time of a batch over the calls of all
 * threads, median of the batches), the number of batches, and of all calls, those
 * of the first included.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compare/calls.h"

#define MAX_THREADS	64
#define MAX_BATCHES	100000
#define MIN_BATCHES	3

static const struct kind *const groups[] = { io_kinds, name_kinds, job_kinds, wake_kinds };

struct run {
	const struct kind *kind;
	unsigned	 threads;
	double		 seconds;		/* at least */
	size_t		 calls, size;		/* as in struct lane */
	bool		 quick, shared;
	pthread_barrier_t together;
	bool		 stop;			/* set by the first thread, for the batch that would follow */
	struct lane	 lane[MAX_THREADS];
	double		 begin[MAX_THREADS], end[MAX_THREADS];	/* of the batch, in us */
	double		 us[MAX_BATCHES];
	size_t		 batches, all_calls;
};

static struct run run = { .threads = 1, .seconds = 1, .size = 64 * MIB };

/* -- failing ----------------------------------------------------------------------------- */

long must_at(long ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
	exit(1);
}

void must_whole_at(ssize_t ret, size_t want, const char *what)
{
	must_at(ret, what);
	if ((size_t)ret == want)
		return;
	fprintf(stderr, "calls: %s: %zd of %zu bytes\n", what, ret, want);
	exit(1);
}

void *must_alloc(size_t nr, size_t size)
{
	void *p = calloc(nr, size);

	must(p ? 0 : -1);
	return p;
}

/* -- measuring ----------------------------------------------------------------------------- */

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void meet(void)
{
	if (run.threads > 1)
		pthread_barrier_wait(&run.together);
}

static void one_batch(struct lane *l)
{
	run.begin[l->number] = now_us();
	for (size_t i = 0; i < l->calls; i++)
		run.kind->call(l, i);
	run.end[l->number] = now_us();
}

/* Microseconds from the first thread's beginning to the last one's end. */
static double batch_us(void)
{
	double begin = run.begin[0], end = run.end[0];

	for (unsigned i = 1; i < run.threads; i++) {
		begin = run.begin[i] < begin ? run.begin[i] : begin;
		end = run.end[i] > end ? run.end[i] : end;
	}
	return end - begin;
}

/* As many calls as fit into half of the time. */
static void shrink_batches(double us)
{
	double most = (double)run.calls * run.seconds * 1e6 / 2 / us;

	if (most < (double)run.calls)
		run.calls = most < 1 ? 1 : (size_t)most;
}

/* The first thread's part, while the others clean up. */
static void note_batch(double started)
{
	double us = batch_us();

	run.us[run.batches++] = us / (double)(run.calls * run.threads);
	run.all_calls += run.calls * run.threads;
	if (run.batches == 1)
		shrink_batches(us);
	run.stop = run.batches == MAX_BATCHES ||
		(run.batches > MIN_BATCHES && now_us() - started > run.seconds * 1e6);
}

static void *work(void *arg)
{
	struct lane *l = arg;
	double started = 0;

	run.kind->open(l);
	for (bool first = true;; first = false) {
		if (run.kind->prepare)
			run.kind->prepare(l);
		meet();
		if (run.stop)
			return NULL;
		if (!l->number && first)
			started = now_us();
		one_batch(l);
		meet();
		if (!l->number)
			note_batch(started);
		if (run.kind->finish)
			run.kind->finish(l);
		if (first) {
			meet();
			l->calls = run.calls;
		}
	}
}

static void init_lane(struct lane *l, unsigned number)
{
	*l = (struct lane){ .number = number, .calls = run.calls, .size = run.size, .shared = run.shared };
	l->buf = aligned_alloc(4 * KIB, MIB);
	must(l->buf ? 0 : -1);
	memset(l->buf, 'a' + (int)number % 26, MIB);
	rng_init(&l->rng, number + 1);
}

static void run_threads(void)
{
	pthread_t thread[MAX_THREADS];

	pthread_barrier_init(&run.together, NULL, run.threads);
	for (unsigned i = 0; i < run.threads; i++) {
		init_lane(&run.lane[i], i);
		errno = pthread_create(&thread[i], NULL, work, &run.lane[i]);
		must(errno ? -1 : 0);
	}
	for (unsigned i = 0; i < run.threads; i++)
		pthread_join(thread[i], NULL);
}

/* -- the result ------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_result(void)
{
	size_t nr = run.batches - 1;
	double *us = run.us + 1;

	qsort(us, nr, sizeof(*us), by_value);
	printf("{\"kind\": \"%s\", \"threads\": %u, \"us\": %.4f, \"batches\": %zu, \"calls\": %zu}\n",
	       run.kind->name, run.threads, (us[(nr - 1) / 2] + us[nr / 2]) / 2, nr,
	       run.all_calls);
}

/* -- the command line --------------------------------------------------------------------------- */

static const struct kind *find(const char *name)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct kind *k = groups[g]; k->name; k++)
			if (!strcmp(k->name, name))
				return k;
	return NULL;
}

static int usage(FILE *to, int status)
{
	fprintf(to, "usage: calls [-t THREADS] [-s SECONDS] [-n CALLS] [-m MIB] [-q] [-S] KIND DIRECTORY\n"
		"  -t  threads, 1 unless given\n"
		"  -s  how long at least, 1 unless given\n"
		"  -n  calls of a thread in a batch\n"
		"  -q  a tenth of the calls that are usual for the kind\n"
		"  -m  MiB of each thread's file, 64 unless given\n"
		"  -S  one file shared by all threads, with a part for each\n"
		"kinds:");
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct kind *k = groups[g]; k->name; k++)
			fprintf(to, " %s", k->name);
	fprintf(to, "\n");
	return status;
}

/* -1: go on; else exit status. */
static int parse(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "ht:s:n:m:qS")) != -1) {
		if (opt == 't')
			run.threads = (unsigned)atoi(optarg);
		else if (opt == 's')
			run.seconds = atof(optarg);
		else if (opt == 'n')
			run.calls = (size_t)atoi(optarg);
		else if (opt == 'm')
			run.size = (size_t)atoi(optarg) * MIB;
		else if (opt == 'q')
			run.quick = true;
		else if (opt == 'S')
			run.shared = true;
		else
			return usage(opt == 'h' ? stdout : stderr, opt == 'h' ? 0 : 2);
	}
	run.kind = optind + 2 == argc ? find(argv[optind]) : NULL;
	if (!run.kind || !run.threads || run.threads > MAX_THREADS || !run.size)
		return usage(stderr, 2);
	if (!run.calls)
		run.calls = run.quick ? (run.kind->calls + 9) / 10 : run.kind->calls;
	return -1;
}

int main(int argc, char **argv)
{
	int status = parse(argc, argv);

	if (status >= 0)
		return status;
	must(chdir(argv[optind + 1]));
	run_threads();
	print_result();
	return 0;
}
