/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mutants.c -- is every flush and every fence needed, and is that noticed?
 *
 * The recorded run of an operation is replayed once for each of its events:
 * without it when it is a flush or a fence, and past the fence that should have
 * made it durable when it is a store.  Whatever no cut of this and of nothing
 * that may follow tells apart from the true run is superfluous; but for a store
 * that writes what is there already, which costs little.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/trial.h"
#include "pm/record.h"

struct fate { enum record_type type; bool caught, slack, idle; };

/* Of the events of an operation (nr_own) and of the sync behind it. */
struct mutants { struct fate *fate; size_t nr, nr_own; };

static bool caught(struct trial *r, struct mutant m)
{
	r->mutant = m;
	r->violations = 0;
	r->cut = 0;
	desk_again(r->d);
	trial_explore(r);
	r->mutant.kind = MUTATE_NOTHING;
	return r->violations;
}

static bool covers(const struct record_event *flush, const struct record_event *store)
{
	uint64_t line = store->off / RECORD_LINE;

	return flush->type == REC_FLUSH && line >= flush->off / RECORD_LINE && line <= (flush->off + flush->len - 1) / RECORD_LINE;
}

/* How many fences there are up to the one that makes the store durable; 0: none does. */
static size_t fences_to_durable(const struct trial *r, size_t event, size_t end)
{
	const struct record_event *store = record_get(r->d->run, event);
	bool flushed = store->type == REC_COPY || store->type == REC_ZERO;
	size_t n = 0;

	for (size_t i = event + 1; i < end; i++) {
		const struct record_event *ev = record_get(r->d->run, i);

		flushed |= covers(ev, store);
		n += ev->type == REC_FENCE;
		if (ev->type == REC_FENCE && flushed)
			return n;
	}
	return 0;
}

/*
 * A store may be late for the first fence that would make it durable when it is
 * not needed before a later one: what lies in blocks that nothing points to yet.
 */
static bool late_caught(struct trial *r, size_t event, bool *slack)
{
	size_t own = fences_to_durable(r, event, record_nr(r->d->run));

	*slack = false;
	for (size_t more = 0; own && more < 3; more++) {
		*slack = more;
		if (caught(r, (struct mutant){ MUTATE_DELAY, event, own + more }))
			return true;
	}
	return !own;
}

static uint8_t byte_of(const struct record_event *store, uint64_t off)
{
	return store->data ? store->data[off - store->off] : 0;
}

/* Does what they have in common differ?  @b is a store. */
static bool disagree(const struct record_event *a, const struct record_event *b)
{
	uint64_t from = a->off > b->off ? a->off : b->off;
	uint64_t a_end = a->off + a->len, b_end = b->off + b->len, to = a_end < b_end ? a_end : b_end;

	for (uint64_t off = from; a->type <= REC_STORE8 && off < to; off++)
		if (byte_of(a, off) != byte_of(b, off))
			return true;
	return false;
}

/*
 * Does a store write what has been there all the time?  Nothing can tell then
 * when it comes; the code may well not know, nor want to look.
 */
static bool is_idle(const struct trial *r, size_t event)
{
	const struct record_event *store = record_get(r->d->run, event);
	const uint8_t *base = record_base(r->d->run);

	for (uint64_t off = store->off; off < store->off + store->len; off++)
		if (base[off] != byte_of(store, off))
			return false;
	for (size_t i = 0; i < event; i++)
		if (disagree(record_get(r->d->run, i), store))
			return false;
	return true;
}

static void survived(const struct trial *r, const char *what, size_t event)
{
	const struct record_event *ev = record_get(r->d->run, event);

	printf("SURVIVED %s:%s %s, event %zu at block %" PRIu64 " byte %" PRIu64 ", %" PRIu64 " bytes\n", r->c->g->name,
	       r->c->op[0]->name, what, event - r->mark[0], ev->off / 4096, ev->off % 4096, ev->len);
	fflush(stdout);
}

/* Tries what was not caught yet; of the fate of each event. */
static void mutate(struct trial *r, struct fate *fate, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		size_t event = r->mark[0] + i;
		enum record_type type = record_get(r->d->run, event)->type;

		if (fate[i].caught || fate[i].idle)
			continue;
		fate[i].type = type;
		if (type == REC_FLUSH || type == REC_FENCE) {
			fate[i].caught = caught(r, (struct mutant){ MUTATE_DROP, event, 0 });
		} else {
			fate[i].caught = late_caught(r, event, &fate[i].slack);
			fate[i].idle = !fate[i].caught && is_idle(r, event);
		}
	}
}

static bool all_caught(const struct fate *fate, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!fate[i].caught && !fate[i].idle)
			return false;
	return true;
}

static void add_score(struct score *sc, const struct fate *f)
{
	if (f->type == REC_FLUSH) {
		sc->flushes++;
		sc->flushes_caught += f->caught;
	} else if (f->type == REC_FENCE) {
		sc->fences++;
		sc->fences_caught += f->caught;
	} else {
		sc->stores++;
		sc->stores_caught += f->caught;
		sc->stores_slack += f->caught && f->slack;
	}
}

static void tell(const struct trial *r, const struct fate *fate, size_t nr, struct score *score)
{
	static const char *const what[] = {
		[REC_COPY] = "with a late copy", [REC_ZERO] = "with a late zeroing", [REC_STORE] = "with a late store",
		[REC_STORE8] = "with a late store", [REC_FLUSH] = "without a flush", [REC_FENCE] = "without a fence",
	};

	for (size_t i = 0; i < nr; i++) {
		if (fate[i].idle) {
			score->stores_idle++;
			continue;
		}
		add_score(score, &fate[i]);
		if (!fate[i].caught)
			survived(r, what[fate[i].type], r->mark[0] + i);
	}
}

static const struct op *sync_all(void)
{
	const struct op *op = ops;

	while (!(op->flags & OP_SYNC_ALL))
		op++;
	return op;
}

/* Everything that this follower shows; the first one is a sync, and what it flushes belongs to the operation. */
static void mutate_before(struct trial *r, struct mutants *m)
{
	trial_begin(r);
	if (!m->fate) {
		m->nr = r->mark[2] - r->mark[0];
		m->nr_own = r->mark[1] - r->mark[0];
		m->fate = calloc(m->nr + 1, sizeof(*m->fate));
		if (!m->fate)
			abort();
		mutate(r, m->fate, m->nr);
	} else {
		mutate(r, m->fate, m->nr_own);
	}
	trial_end(r);
	memset(r->tree, 0, sizeof(r->tree));
}

/*
 * Followed by a sync; then by one other operation after the other, on the same
 * names and on others, for what shows only when somebody else changes the same things.
 */
void explore_mutants(const struct crash_case *c, struct totals *sum, struct score *score)
{
	struct crash_case with = *c;
	struct trial r = { .c = &with, .d = trial_desk(), .sum = sum };
	struct mutants m = { 0 };

	with.nr_ops = 2;
	with.op[1] = sync_all();
	mutate_before(&r, &m);
	for (unsigned same = 2; same--; ) {
		with.same_names = same;
		for (with.op[1] = ops; with.op[1]->name && !all_caught(m.fate, m.nr_own); with.op[1]++)
			mutate_before(&r, &m);
	}
	with.op[1] = sync_all();
	with.same_names = false;
	trial_begin(&r);
	tell(&r, m.fate, m.nr, score);
	trial_end(&r);
	free(m.fate);
}
