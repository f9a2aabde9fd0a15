/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trial.c -- run a case, and note what every tree of it promises
 *
 * The steps run once and are recorded; the tree is loaded before the first and
 * after each, and each of its files knows since which step it is durable.
 */
#include "crash/trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/steady.h"
#include "harness/rig.h"
#include "pm/record.h"

/* -- since when content is durable ------------------------------------------------------------ */

static bool same_content(const struct tree_node *a, const struct tree_node *b)
{
	uint8_t x[CONTENT_PAGE], y[CONTENT_PAGE];
	const struct content *c[] = { &a->content, &b->content };

	if (a->a.size != b->a.size)
		return false;
	for (unsigned k = 0; k < 2; k++) {
		for (size_t i = 0; i < c[k]->cap; i++) {
			if (!c[k]->slot[i].used)
				continue;
			memset(x, 0, sizeof(x));
			memset(y, 0, sizeof(y));
			content_read(&a->content, x, sizeof(x), c[k]->slot[i].index * CONTENT_PAGE);
			content_read(&b->content, y, sizeof(y), c[k]->slot[i].index * CONTENT_PAGE);
			if (memcmp(x, y, sizeof(x)) != 0)
				return false;
		}
	}
	return true;
}

static bool is_synced(const struct op *op, const struct tree_node *n, uint64_t fsynced)
{
	return (op->flags & OP_SYNC_ALL) || ((op->flags & OP_SYNC_FILE) && n->ino == fsynced);
}

/*
 * Since which tree the content of a file is durable: a lazy write leaves that
 * where it was, and so does any other as long as there is something to flush.
 */
static unsigned durable_since(const struct trial *r, unsigned step, const struct tree_node *n, uint64_t fsynced)
{
	const struct op *op = r->c->op[step - 1];
	const struct tree_node *was = tree_find(&r->tree[step - 1], n->ino);

	if (!was || was->a.gen != n->a.gen || is_synced(op, n, fsynced))
		return step;
	if (was->durable < step - 1 || (op->flags & OP_LAZY))
		return same_content(was, n) && was->durable == step - 1 ? step : was->durable;
	return step;
}

static bool same_times(const struct tree_node *a, const struct tree_node *b)
{
	return a->a.mtime == b->a.mtime && a->a.ctime == b->a.ctime && a->a.atime == b->a.atime;
}

/* Any transaction on an inode writes its times; what writes in place leaves them to fsync. */
static unsigned times_durable_since(const struct trial *r, unsigned step, const struct tree_node *n, uint64_t fsynced)
{
	const struct op *op = r->c->op[step - 1];
	const struct tree_node *was = tree_find(&r->tree[step - 1], n->ino);

	if (!was || was->a.gen != n->a.gen || is_synced(op, n, fsynced))
		return step;
	if (same_times(was, n))
		return was->times_durable == step - 1 ? step : was->times_durable;
	return op->flags & OP_LAZY_TIMES ? was->times_durable : step;
}

static void settle_durability(struct trial *r, unsigned step)
{
	struct tree *t = &r->tree[step];
	struct inode *f;
	uint64_t fsynced = 0;

	if (r->c->op[step - 1]->flags & OP_SYNC_FILE) {
		char name[] = { 'f', (char)('0' + (r->c->same_names ? 1 : step)), 0 };

		f = rig_look(r->scene.root, name);
		if (f) {
			fsynced = f->ino;
			inode_put(f, 1);
		}
	}
	for (size_t i = 0; i < t->nr_nodes; i++) {
		t->node[i].durable = durable_since(r, step, &t->node[i], fsynced);
		t->node[i].times_durable = times_durable_since(r, step, &t->node[i], fsynced);
	}
}

/* -- running ------------------------------------------------------------------------------ */

static void load_tree(struct trial *r, unsigned step)
{
	char why[160];

	claims_load(&r->claims[step], r->d->run);

	if (tree_load(&r->tree[step], r->scene.fs, why)) {
		fprintf(stderr, "crash: the tree after step %u cannot be read: %s\n", step, why);
		abort();
	}
}

static bool damaged(int err)
{
	return err == -EUCLEAN || err == -EIO;
}

/* Which names the step works on. */
static unsigned step_number(const struct trial *r, unsigned step)
{
	return r->c->same_names ? 1 : step;
}

static void run_steps(struct trial *r)
{
	struct region *rg = r->d->run;

	scene_open(&r->scene, rg, r->c->g, !(r->c->op[0]->flags & OP_UNMOUNTED));
	r->mark[0] = record_nr(rg);
	load_tree(r, 0);
	for (unsigned i = 1; i <= r->c->nr_ops; i++) {
		struct record_counts before, after;

		if (r->scene.fs)
			settle(r->scene.fs);
		record_counts(rg, &before);
		record_other_thread();
		r->result[i] = r->c->op[i - 1]->run(&r->scene, step_number(r, i));
		record_counts(rg, &after);
		r->mark[i] = record_nr(rg);
		load_tree(r, i);
		settle_durability(r, i);
		if (r->seen) {
			r->seen[i].fences = after.fences - before.fences;
			r->seen[i].flushes = after.flush_lines - before.flush_lines;
			r->seen[i].nt_bytes = after.nt_bytes - before.nt_bytes;
		}
		if (damaged(r->result[i])) {
			printf("VIOLATION %s:%s step %u: %s\n", r->c->g->name, r->c->op[i - 1]->name, i, strerror(-r->result[i]));
			r->violations++;
		}
	}
	scene_leave(&r->scene);
}

void trial_begin(struct trial *r)
{
	steady_reset();
	desk_set(r->d, r->c->g);
	run_steps(r);
}

void trial_end(struct trial *r)
{
	for (unsigned i = 0; i <= r->c->nr_ops; i++)
		tree_free(&r->tree[i]), claims_free(&r->claims[i]);
	r->sum->cases++;
}

struct desk *trial_desk(void)
{
	static struct desk desk;

	return &desk;
}
