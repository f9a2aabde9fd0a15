/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * walk.c -- one random walk: choosing operations, comparing results, the trace
 */
#include "fuzz/walk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Blocks that no single operation needs: 4 MiB, and what maps them. */
#define NEVER_NEEDED	1100

/* -- life ------------------------------------------------------------------------ */

int walk_init(struct walk *r, uint64_t seed)
{
	*r = (struct walk){ .max_nodes = 250 };
	rng_init(&r->rng, seed);
	r->got = malloc(WALK_BUF);
	r->want = malloc(WALK_BUF);
	r->pool = malloc(2 * WALK_BUF);
	if (!r->got || !r->want || !r->pool)
		return -ENOMEM;
	for (size_t i = 0; i < 2 * WALK_BUF; i += 8)
		memcpy(r->pool + i, &(uint64_t){ rng_next(&r->rng) }, 8);
	model_init(&r->m);
	return 0;
}

void walk_close_all(struct walk *r)
{
	for (int fd = 0; fd < TARGET_FDS; fd++) {
		if (!r->fd[fd])
			continue;
		r->t->ops->close(r->t, fd);
		model_close(&r->m, r->fd[fd]);
		r->fd[fd] = NULL;
	}
}

void walk_fini(struct walk *r)
{
	target_free(r->t);
	model_fini(&r->m);
	free(r->got);
	free(r->want);
	free(r->pool);
}

/* -- one step -------------------------------------------------------------------- */

static unsigned total_weight(const struct op *op)
{
	unsigned sum = 0;

	for (; op->name; op++)
		sum += op->weight;
	return sum;
}

static void do_weighted(struct walk *r, const struct op *op)
{
	unsigned w = (unsigned)pick(r, total_weight(op));

	while (w >= op->weight) {
		w -= op->weight;
		op++;
	}
	r->step->what = op->name;
	op->fn(r);
}

void walk_step(struct walk *r)
{
	r->step = &r->trace[r->nr % WALK_TRACE];
	*r->step = (struct step){ .nr = r->nr, .name = -1, .name2 = -1, .fd = -1 };
	r->nr++;
	do_weighted(r, chance(r, 2) ? ops_name : ops_io);
}

/* -- comparing --------------------------------------------------------------------- */

void mismatch(struct walk *r, const char *fmt, ...)
{
	va_list ap;

	if (r->failed)
		return;
	r->failed = true;
	flockfile(stdout);
	printf("MISMATCH in operation %" PRIu64 " (%s): ", r->step ? r->step->nr : 0,
	       r->step ? r->step->what : "none");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	walk_trace_print(r);
	funlockfile(stdout);
}

/* Where several errors apply, the kernel has its own order of looking for them. */
static bool agree(const struct walk *r, int64_t got, int64_t want)
{
	return got == want || (!r->t->in_engine && got < 0 && want < 0);
}

bool expect(struct walk *r, int64_t got, int64_t want)
{
	r->step->result = got;
	if (!agree(r, got, want))
		mismatch(r, "returned %" PRId64 ", the model %" PRId64, got, want);
	return got == want && got >= 0;
}

bool no_space(struct walk *r, int64_t got)
{
	if (got != -ENOSPC)
		return false;
	r->step->result = got;
	r->nr_nospace++;
	uint64_t left = r->t->ops->bfree(r->t);

	if (left >= NEVER_NEEDED)
		mismatch(r, "no space with %" PRIu64 " blocks free", left);
	return true;
}

static const char *short_name(int name)
{
	static const char *const bad[] = { "<256 bytes>", "<empty>", ".", "..", "a/b" };

	if (name < 0)
		return "-";
	return name >= MODEL_NAMES ? bad[name - MODEL_NAMES] : model_name(name);
}

void walk_trace_print(const struct walk *r)
{
	uint64_t first = r->nr > WALK_TRACE ? r->nr - WALK_TRACE : 0;

	for (uint64_t i = first; i < r->nr; i++) {
		const struct step *s = &r->trace[i % WALK_TRACE];

		printf("  %8" PRIu64 " %-10s %" PRIu64 "/%.3s", s->nr, s->what, s->dir, short_name(s->name));
		if (s->name2 >= 0)
			printf(" %" PRIu64 "/%.3s", s->dir2, short_name(s->name2));
		printf(" fd %d off %" PRIu64 " len %" PRIu64 " flags %#x = %" PRId64 "\n",
		       s->fd, s->off, s->len, s->flags, s->result);
	}
	fflush(stdout);
}

/* -- choosing ------------------------------------------------------------------------ */

static bool is_live_dir(const struct mnode *n)
{
	return S_ISDIR(n->mode) && n->parent;
}

/* Only the engine can be handed these: a removed directory, or a file as a directory. */
static struct mnode *pick_odd_dir(struct walk *r)
{
	struct mnode *n = r->m.node[pick(r, r->m.nr_nodes)];

	return n->nlink || n->opens ? n : r->m.root;
}

struct mnode *pick_dir(struct walk *r)
{
	if (r->t->in_engine && chance(r, 100))
		return pick_odd_dir(r);
	for (int i = 0; i < 8; i++) {
		struct mnode *n = r->m.node[pick(r, r->m.nr_nodes)];

		if (is_live_dir(n))
			return n;
	}
	return r->m.root;
}

static int pick_new_name(struct walk *r)
{
	if (chance(r, 300))
		return r->t->in_engine ? MODEL_NAME_LONG + (int)pick(r, MODEL_NAME_END - MODEL_NAME_LONG)
				       : MODEL_NAME_LONG;
	return (int)pick(r, MODEL_NAMES);
}

struct mloc pick_name(struct walk *r, bool live)
{
	struct mloc at = { pick_dir(r), pick_new_name(r) };

	if (!live || at.name >= MODEL_NAMES || chance(r, 8))
		return at;
	for (int i = 0; i < MODEL_NAMES && !at.dir->child[at.name]; i++)
		at.name = (at.name + 1) % MODEL_NAMES;
	return at;
}

int pick_fd(struct walk *r)
{
	int fd = (int)pick(r, TARGET_FDS);

	for (int i = 0; i < TARGET_FDS; i++, fd = (fd + 1) % TARGET_FDS)
		if (r->fd[fd] && S_ISREG(r->fd[fd]->mode))
			return fd;
	return -1;
}
