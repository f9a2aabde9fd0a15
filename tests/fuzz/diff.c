/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * diff.c -- the differential test: random operations on daxfs and on a model
 *
 * Work comes in epochs of a new filesystem each, whose size and operations
 * follow from the seed and the epoch's number alone; so a failing epoch can be
 * repeated by itself.  Within an epoch the threads run in rounds; between rounds
 * the filesystem is now and then unmounted or abandoned as a killed process
 * would leave it, mounted again, and compared whole.
 *
 * Each thread has a directory and a model of its own.  With several threads all
 * of them also work on shared files (shared.c).
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/walk.h"
#include "fuzz/shared.h"
#include "harness/rig.h"
#include "pm/region.h"

#define EPOCH_OPS	UINT64_C(200000)
#define ROUND_OPS	UINT64_C(5000)	/* of all threads */
#define THREADS_MAX	16

struct args { uint64_t seed, ops, size; unsigned threads; long epoch; const char *dir; };

struct world;
struct worker { struct walk r; struct world *w; struct rng shared_rng; uint64_t todo; pthread_t thread; int bad; };
struct world { const struct args *a; struct rig g; struct rng rng; struct worker worker[THREADS_MAX]; uint64_t shared; };

static uint64_t total_nospace, total_remounts;

/* -- threads ------------------------------------------------------------------------- */

static void *work(void *arg)
{
	struct worker *k = arg;
	struct world *w = k->w;
	bool share = w->shared && w->a->threads > 1;

	for (uint64_t i = 0; i < k->todo && !k->r.failed && !k->bad; i++) {
		walk_step(&k->r);
		if (share && i % 4 == 0)
			k->bad = shared_step(w->g.fs, w->shared, &k->shared_rng);
	}
	return NULL;
}

static int each_failed(const struct world *w)
{
	for (unsigned i = 0; i < w->a->threads; i++)
		if (w->worker[i].r.failed || w->worker[i].bad)
			return -1;
	return 0;
}

static int round_of(struct world *w, uint64_t ops)
{
	unsigned n = w->a->threads;

	for (unsigned i = 0; i < n; i++)
		w->worker[i].todo = ops / n;
	if (n == 1) {
		work(&w->worker[0]);
		return each_failed(w);
	}
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&w->worker[i].thread, NULL, work, &w->worker[i]))
			abort();
	for (unsigned i = 0; i < n; i++)
		pthread_join(w->worker[i].thread, NULL);
	return each_failed(w);
}

static int verify_all(struct world *w)
{
	for (unsigned i = 0; i < w->a->threads; i++)
		walk_verify(&w->worker[i].r);
	if (w->shared && !each_failed(w) && shared_check(w->g.fs, w->shared))
		return -1;
	return each_failed(w);
}

/* -- remounts -------------------------------------------------------------------------- */

static void close_all(struct world *w)
{
	for (unsigned i = 0; i < w->a->threads; i++)
		walk_close_all(&w->worker[i].r);
}

/* What a killed process leaves behind: the model forgets its descriptors, nobody closes. */
static uint64_t forget_all(struct world *w)
{
	uint64_t orphans = 0;

	for (unsigned i = 0; i < w->a->threads; i++) {
		struct walk *r = &w->worker[i].r;

		for (int fd = 0; fd < TARGET_FDS; fd++) {
			struct mnode *n = r->fd[fd];

			if (!n)
				continue;
			orphans += !n->nlink && n->opens == 1;
			model_close(&r->m, n);
			r->fd[fd] = NULL;
		}
	}
	return orphans;
}

static void moved(struct world *w)
{
	for (unsigned i = 0; i < w->a->threads; i++)
		target_engine_moved(w->worker[i].r.t, w->g.fs);
	total_remounts++;
}

static int kill_and_mount(struct world *w)
{
	uint64_t orphans = forget_all(w);
	struct fs_stat st;

	rig_kill(&w->g);
	rig_mount(&w->g, 0);
	moved(w);
	fs_statfs(w->g.fs, &st);
	if (st.was_clean || st.recovered_orphans < orphans) {
		printf("MISMATCH: recovery found %" PRIu64 " orphans, the model has %" PRIu64 "; clean %d\n",
		       st.recovered_orphans, orphans, st.was_clean);
		return -1;
	}
	return verify_all(w);
}

/* The snapshot of a clean unmount and a scan must count the same free blocks. */
static int close_and_mount(struct world *w)
{
	close_all(w);
	rig_close(&w->g);
	rig_mount(&w->g, 0);
	uint64_t loaded = rig_bfree(&w->g);

	rig_kill(&w->g);
	rig_mount(&w->g, 0);
	moved(w);
	uint64_t scanned = rig_bfree(&w->g);

	if (loaded != scanned) {
		printf("MISMATCH: %" PRIu64 " blocks free from the snapshot, %" PRIu64 " after a scan\n", loaded, scanned);
		return -1;
	}
	return verify_all(w);
}

static int between_rounds(struct world *w)
{
	switch (rng_below(&w->rng, 4)) {
	case 0:	return close_and_mount(w);
	case 1:	return kill_and_mount(w);
	default: return 0;
	}
}

/* -- one epoch --------------------------------------------------------------------------- */

/* One in eight is small enough to be full most of the time. */
static uint64_t region_size(struct world *w)
{
	static const unsigned tight[] = { 8, 12, 16, 24 }, roomy[] = { 32, 64, 128, 256 };

	if (w->a->size)
		return w->a->size;
	uint64_t i = rng_below(&w->rng, 4);

	return (rng_one_in(&w->rng, 8) ? tight[i] : roomy[i]) * MIB;
}

static void setup_worker(struct world *w, unsigned i, uint64_t seed)
{
	struct worker *k = &w->worker[i];
	char name[16];

	if (walk_init(&k->r, seed + i))
		abort();
	k->w = w;
	rng_init(&k->shared_rng, ~(seed + i));
	snprintf(name, sizeof(name), "t%u", i);
	if (w->a->dir) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", w->a->dir, name);
		if (mkdir(path, 0755) || !(k->r.t = target_mount(path, &k->r.m))) {
			fprintf(stderr, "diff: %s: %s\n", path, strerror(errno));
			exit(2);
		}
		return;
	}
	struct inode *ip = rig_make(w->g.root, name, S_IFDIR | 0755);

	k->r.t = target_engine(w->g.fs, ip->ino, &k->r.m);
	k->r.greedy = w->g.rg->size <= 24 * MIB;
	inode_put(ip, 1);
}

static void setup(struct world *w, const struct args *a, uint64_t epoch)
{
	uint64_t x = a->seed + epoch * UINT64_C(0x9e3779b97f4a7c15), seed = rng_splitmix(&x);

	*w = (struct world){ .a = a };
	rng_init(&w->rng, seed);
	if (!a->dir) {
		rig_new(&w->g, region_size(w), RIG_RAM);
		struct inode *ip = rig_make(w->g.root, "shared", S_IFDIR | 0755);

		w->shared = ip->ino;
		inode_put(ip, 1);
	}
	for (unsigned i = 0; i < a->threads; i++)
		setup_worker(w, i, seed);
}

static void teardown(struct world *w)
{
	for (unsigned i = 0; i < w->a->threads; i++) {
		total_nospace += w->worker[i].r.nr_nospace;
		walk_close_all(&w->worker[i].r);
		walk_fini(&w->worker[i].r);
	}
	if (!w->a->dir)
		rig_free(&w->g);
}

static int epoch_run(const struct args *a, uint64_t epoch, uint64_t ops)
{
	struct world *w = malloc(sizeof(*w));
	int bad = 0;

	if (!w)
		abort();
	setup(w, a, epoch);
	for (uint64_t done = 0; done < ops && !bad; done += ROUND_OPS) {
		bad = round_of(w, ops - done < ROUND_OPS ? ops - done : ROUND_OPS);
		if (!bad && !a->dir)
			bad = between_rounds(w);
	}
	if (!bad)
		bad = verify_all(w);
	if (!bad && !a->dir)
		bad = close_and_mount(w);
	if (!bad)
		teardown(w);
	free(w);
	return bad;
}

/* -- the command line ---------------------------------------------------------------------- */

static int usage(FILE *out, int code)
{
	fputs("Usage: diff [--seed S] [--ops N] [--threads T] [--size BYTES] [--epoch E] [--dir DIR]\n"
	      "Random operations on daxfs and on a model of it; results, errnos and bytes must agree.\n"
	      "  --seed S      a number; default: from the clock\n"
	      "  --ops N       operations in all (1000000)\n"
	      "  --threads T   threads (1)\n"
	      "  --size BYTES  of the filesystem; default: 8 MiB to 256 MiB, by the seed\n"
	      "  --epoch E     only this epoch, to repeat a failure\n"
	      "  --dir DIR     through system calls, in this directory of a mount\n", out);
	return code;
}

static int parse(struct args *a, int argc, char **argv)
{
	static const struct option long_opts[] = {
		{ "seed", 1, NULL, 's' }, { "ops", 1, NULL, 'n' }, { "threads", 1, NULL, 't' },
		{ "size", 1, NULL, 'z' }, { "epoch", 1, NULL, 'e' }, { "dir", 1, NULL, 'd' },
		{ "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", long_opts, NULL)) != -1) {
		switch (c) {
		case 's': a->seed = strtoull(optarg, NULL, 0); break;
		case 'n': a->ops = strtoull(optarg, NULL, 0); break;
		case 't': a->threads = (unsigned)strtoul(optarg, NULL, 0); break;
		case 'z': a->size = strtoull(optarg, NULL, 0); break;
		case 'e': a->epoch = strtol(optarg, NULL, 0); break;
		case 'd': a->dir = optarg; break;
		case 'h': exit(usage(stdout, 0));
		default:  return -1;
		}
	}
	return optind == argc && a->threads >= 1 && a->threads <= THREADS_MAX ? 0 : -1;
}

static int fail(const struct args *a, uint64_t epoch)
{
	printf("reproduce with: diff --seed %" PRIu64 " --ops %" PRIu64 " --threads %u --epoch %" PRIu64,
	       a->seed, a->ops, a->threads, epoch);
	if (a->size)
		printf(" --size %" PRIu64, a->size);
	if (a->dir)
		printf(" --dir DIR");
	printf("%s\n", a->threads > 1 ? " (threads interleave differently each time)" : "");
	return 1;
}

int main(int argc, char **argv)
{
	struct args a = { .seed = now_ns() % 1000000007, .ops = 1000000, .threads = 1, .epoch = -1 };
	uint64_t start = now_ns();

	if (parse(&a, argc, argv))
		return usage(stderr, 2);
	printf("diff: seed %" PRIu64 ", %" PRIu64 " operations, %u threads\n", a.seed, a.ops, a.threads);
	fflush(stdout);
	uint64_t per_epoch = a.dir ? a.ops : EPOCH_OPS;

	for (uint64_t e = 0, done = 0; done < a.ops; e++, done += per_epoch) {
		if (a.epoch >= 0 && e != (uint64_t)a.epoch)
			continue;
		if (epoch_run(&a, e, a.ops - done < per_epoch ? a.ops - done : per_epoch))
			return fail(&a, e);
	}
	printf("diff: no difference; %" PRIu64 " remounts, %" PRIu64 " times no space, %.1f s\n", total_remounts,
	       total_nospace, (double)(now_ns() - start) / 1e9);
	return 0;
}
