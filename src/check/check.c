// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * check.c -- check a filesystem, and repair it as the mode allows
 *
 * Runs the phases in rounds.  A round reads through private copies of what
 * recovery and repairs change (media.h), and when it has repaired something the
 * next round checks the result; only when a round finds nothing more to repair
 * do the copies go to media.  So whatever is written has been checked as a
 * whole, a run that is ended before has written nothing, and a second run finds
 * nothing.  All of it runs inside one guard: a block that cannot be accessed
 * ends the check, not the process.
 */
#include "check/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "check/claim.h"
#include "check/state.h"
#include "disk/disk.h"
#include "pm/pm.h"

#define ROUNDS_MAX	12	/* repairs that uncover others: three rounds are usual */
#define VEC_MIN		64

int check_go(const struct check *c)
{
	return c->stop ? -ECANCELED : 0;
}

void check_progress(const struct check *c, enum check_phase phase, uint64_t done, uint64_t total)
{
	if (c->o->progress)
		c->o->progress(c->o->arg, phase, done, total);
}

int vec_grow(void *array, size_t nr, size_t *cap, size_t size)
{
	void **p = array, *grown;
	size_t want = *cap ? *cap * 2 : VEC_MIN;

	if (nr < *cap)
		return 0;
	grown = realloc(*p, want * size);
	if (!grown)
		return -ENOMEM;
	*p = grown;
	*cap = want;
	return 0;
}

/* -- rounds -------------------------------------------------------------------------- */

static int run_phases(struct check *c)
{
	static const struct { int (*run)(struct check *c); const char *name; } phase[] = {
		{ phase_super, "superblocks" }, { phase_state, NULL }, { phase_journal, "journal" },
		{ phase_inodes, "inodes, extent maps and attributes" }, { phase_blocks, "blocks with two owners" },
		{ phase_names, "directories" }, { phase_tree, "tree and link counts" }, { phase_space, "free space" },
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(phase) / sizeof(phase[0]); i++) {
		if (c->o->verbose && phase[i].name)
			remark(c, "checking %s", phase[i].name);
		err = phase[i].run(c);
	}
	return err;
}

/* -ECANCELED: there is nothing to be written. */
static int run_rounds(void *arg)
{
	struct check *c = arg;
	int err = 0;

	for (c->round = 0; !err && c->round < ROUNDS_MAX; c->round++) {
		uint64_t edits = c->m.edits;

		c->left = 0;
		err = run_phases(c);
		if (err || c->m.edits == edits || c->look_only)
			return err;
		err = check_unclean(c);	/* from the first repair on */
	}
	if (!err)
		(void)problem(c, PR_UNSETTLED, &(struct pctx){ 0 });
	return err ? err : -ECANCELED;
}

/* -- results ---------------------------------------------------------------------------- */

static void count(struct check *c)
{
	struct check_result *res = c->res;

	res->blocks = c->nr_blocks;
	res->blocks_used = c->nr_claimed;
	res->inodes = c->nr_live;
	res->dirs = c->nr_dirs;
	res->files = c->nr_live - c->nr_dirs;
	res->orphans = c->nr_orphans;
	if (c->nr_orphans && !c->clean)
		remark(c, "not unmounted cleanly: %llu unlinked inodes will be reclaimed by the next mount",
		       (unsigned long long)c->nr_orphans);
}

static void statistics(struct check *c)
{
	const struct check_result *r = c->res;

	c->round = 0;
	remark(c, "%12" PRIu64 " inodes in use", r->inodes);
	remark(c, "%12" PRIu64 " directories", r->dirs);
	remark(c, "%12" PRIu64 " files of other types", r->files);
	remark(c, "%12" PRIu64 " of %" PRIu64 " blocks in use", r->blocks_used, r->blocks);
	remark(c, "%12" PRIu64 " unfinished transactions", r->undone);
	remark(c, "%12" PRIu64 " unlinked inodes", r->orphans);
	remark(c, "%12" PRIu64 " errors found, %" PRIu64 " corrected, %" PRIu64 " left", r->found, r->fixed, r->left);
}

/* Nothing is written unless all that was agreed to is. */
static void give_up(struct check_result *res, uint64_t left)
{
	res->left = left + res->fixed;
	res->fixed = 0;
	res->found = res->left;
}

/* @off: out, on a media error its byte */
static int finish(struct check *c, uint64_t *off)
{
	struct check_result *res = c->res;
	int err = 0;

	count(c);
	res->left = c->left;
	res->found = res->fixed + res->left;
	if (res->fixed && !c->look_only) {
		check_progress(c, CHECK_PHASE_WRITE, 0, 1);
		c->writing = true;
		err = media_write(&c->m, &c->g, off);
	}
	if (err || c->look_only)
		give_up(res, c->left);
	res->exit = (res->fixed ? 1u : 0u) | (res->left ? 4u : 0u);
	if (c->o->verbose)
		statistics(c);
	return err;
}

/* Rounds, then writing. */
static int run(struct check *c, uint64_t *off)
{
	int err = pm_run_guarded(c->rg, run_rounds, c, off);

	if (err != -ECANCELED)
		return err ? err : finish(c, off);
	give_up(c->res, c->left);
	c->res->exit = 4;
	return 0;
}

/* Errors that nobody has named yet. */
static void explain(const struct check *c, int err, uint64_t off)
{
	const char *so_far = c->writing ? "; some repairs may be written, another run does the rest" : "";

	if (off != UINT64_MAX)
		log_error("block %" PRIu64 " cannot be %s: a media error, or no space below a sparse file%s",
			  off >> DAXFS_BLOCK_SHIFT, c->writing ? "written" : "read", so_far);
	else if (err == -ENOMEM || c->writing)
		log_error("%s%s", strerror(-err), so_far);
}

static void check_fini(struct check *c)
{
	media_fini(&c->m);
	claim_fini(c);
	nameset_fini(&c->names);
	free(c->ifile.v);
	free(c->runs.v);
	free(c->state);
	free(c->nlink);
	free(c->links);
	free(c->dir);
	free(c->suspect.v);
	free(c->foreign.v);
	free(c->doubtful.v);
	nameset_fini(&c->left_ids);
	free(c->agreed.v);
	free(c->huge.v);
	free(c->stream);
}

int check_region(struct region *rg, const struct check_opts *o, struct check_result *res)
{
	struct check c = { .rg = rg, .o = o, .res = res, .asks = o->mode == CHECK_ASK };
	uint64_t off = UINT64_MAX;
	int err;

	*res = (struct check_result){ 0 };
	if (getrandom(&c.seed, sizeof(c.seed), 0) != sizeof(c.seed))
		c.seed = (uint64_t)(uintptr_t)&c;
	media_init(&c.m, rg);
	err = nameset_reset(&c.left_ids, 0);
	if (!err)
		err = run(&c, &off);
	if (err) {
		explain(&c, err, off);
		res->exit = 8;
	}
	check_fini(&c);
	return err;
}
