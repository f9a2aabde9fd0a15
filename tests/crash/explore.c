/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * explore.c -- one case: run it, then look at every state of every cut
 *
 * The log of the run is replayed, and the media of every cut are tried.  A cut
 * lies before every fence and after every step: what media may hold between two
 * fences is among what they may hold before the second one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/states.h"
#include "crash/trial.h"
#include "crash/verify.h"
#include "pm/record.h"
#include "pm/replay.h"

/* For power cuts inside recovery, see states.h. */
#define EFFORT_AGAIN	1u
#define LINES_AGAIN	5u
#define CONTROL		256u	/* one state in so many is verified although its like was */

/* -- reporting ----------------------------------------------------------------------------- */

static void print_id(const struct trial *r)
{
	printf("%s:", r->c->g->name);
	for (unsigned i = 0; i < r->c->nr_ops; i++)
		printf("%s%s", i ? "+" : "", r->c->op[i]->name);
	printf("@%u.%" PRIu64, r->cut, r->state);
}

static void violation(struct trial *r, const char *where, const char *why)
{
	r->violations++;
	if (r->mutant.kind)
		return;
	printf("VIOLATION ");
	print_id(r);
	printf("%s: %s\n", where, why);
	fflush(stdout);
}

/* -- what is like what was verified ------------------------------------------------------------- */

/* Keys are told apart by what they are for. */
enum { SEEN_WHOLE = 1, SEEN_BEFORE = 1001, SEEN_RECOVERY = 2001, SEEN_SHAPE = 3001 };

static uint64_t key_for(uint64_t key, unsigned purpose, const struct expect *e)
{
	return key * UINT64_C(0x9e3779b97f4a7c15) + purpose + e->lo * 31 + e->hi;
}

/*
 * New unless the same media were verified, or media that differ in nothing but
 * what is free, and as things were before the step: what lies in free blocks is
 * then nobody's business, and media with other rubbish there were verified.
 */
static bool is_new(struct desk *d, const struct key *key, const struct expect *e)
{
	if (desk_knows(d, key_for(key->meta + 5 * key->data, SEEN_BEFORE, e)))
		return false;
	return desk_saw(d, key_for(key->meta + 5 * key->data + 3 * key->rest, SEEN_WHOLE, e));
}

/* Media that differ in the bytes of files only are compared, and worked in once. */
static bool new_shape(struct desk *d, const struct key *key, const struct expect *e)
{
	return desk_saw(d, key_for(key->meta + 3 * key->rest, SEEN_SHAPE, e));
}

static void learn(struct desk *d, const struct key *key, const struct expect *e, const struct finding *f)
{
	if (f->matched == e->lo && e->lo < e->hi)
		desk_saw(d, key_for(key->meta + 5 * key->data, SEEN_BEFORE, e));
}

/* -- power cuts inside recovery ---------------------------------------------------------------- */

struct again { struct trial *r; const struct states *s; const struct expect *e; uint64_t *moved; size_t nr, cap; };

static void again_durable(void *arg, uint64_t off)
{
	struct again *a = arg;

	record_accept(a->r->d->again, off, RECORD_LINE);
	if (a->nr == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 64;
		a->moved = realloc(a->moved, a->cap * sizeof(*a->moved));
		if (!a->moved)
			abort();
	}
	a->moved[a->nr++] = off;
}

static void try_again(struct again *a, const struct states *s2)
{
	struct desk *d = a->r->d;
	const struct laid l = { d->again, d->media, a->s, s2, a->moved, a->nr };
	struct finding f;
	struct key key;

	lay_words(d->again, s2);
	a->r->sum->again++;
	int err = desk_recovered(d, &l, &key);

	if (err) {
		violation(a->r, " and again inside recovery", "recovery refuses the journal");
	} else if (is_new(d, &key, a->e)) {
		lift(d->again, s2);
		lay_words(d->again, s2);
		if (!verify_media(d->again, a->e, new_shape(d, &key, a->e), &f))
			violation(a->r, " and again inside recovery", f.why);
		else
			learn(d, &key, a->e, &f);
	}
	lift(d->again, s2);
}

static void cut_again(struct again *a, struct replay *rp)
{
	struct states s2;
	size_t nr;
	const struct replay_word *w = replay_pending(rp, &nr);

	states_init(&s2, w, nr, EFFORT_AGAIN, a->r->state);
	s2.lines_all = LINES_AGAIN;
	while (states_next(&s2))
		try_again(a, &s2);
	states_fini(&s2);
}

static void put_down(struct again *a)
{
	struct desk *d = a->r->d;

	for (size_t w = 0; w < a->s->nr_words; w++)
		again_durable(a, a->s->word[w].off - a->s->word[w].off % RECORD_LINE);
	for (size_t i = 0; i < a->nr; i++) {
		memcpy(d->again->base + a->moved[i], d->media->base + a->moved[i], RECORD_LINE);
		record_accept(d->again, a->moved[i], RECORD_LINE);
	}
	free(a->moved);
}

/* The media hold state @s and recovery has much to do: record it, and cut it short everywhere. */
static void explore_recovery(struct trial *r, const struct states *s, const struct expect *e)
{
	struct again a = { .r = r, .s = s, .e = e };
	struct desk *d = r->d;
	const struct fs_opts o = { .region = d->media, .flags = FS_NOATIME };
	struct replay *rp = replay_new(&(struct replay_opts){ d->again->base, again_durable, &a });
	struct record_event *ev;
	struct fs *fs;
	size_t nr;

	lay_words(d->media, s);
	if (!fs_open(&fs, &o))
		fs_abandon(fs);
	nr = record_nr(d->media);
	ev = calloc(nr + 1, sizeof(*ev));
	if (!ev)
		abort();
	for (size_t i = 0; i < nr; i++) {
		ev[i] = *record_get(d->media, i);
		ev[i].data = ev[i].data ? memcpy(malloc(ev[i].len), ev[i].data, ev[i].len) : NULL;
	}
	lift(d->media, s);
	lay_words(d->again, s);
	for (size_t w = 0; w < s->nr_words; w++)
		record_accept(d->again, s->word[w].off, 8);
	for (size_t i = 0; i < nr; i++) {
		if (ev[i].type == REC_FENCE)
			cut_again(&a, rp);
		replay_event(rp, &ev[i]);
		free(ev[i].data);
	}
	cut_again(&a, rp);
	free(ev);
	replay_free(rp);
	put_down(&a);
}

/* -- a cut ------------------------------------------------------------------------------------------ */

static void observe(struct trial *r, const struct expect *e, const struct finding *f)
{
	struct observed *o = &r->seen[e->hi];
	bool same = !tree_differs(&e->tree[e->lo], &e->tree[e->hi], (char[160]){ 0 });
	bool old = f->old_content && (same || f->matched == e->lo), new = f->new_content && (same || f->matched == e->hi);

	if (e->lo == e->hi) {
		o->durable = o->durable && new;
		return;
	}
	o->old += old;
	o->new += new && !old;
	o->between += !old && !new;
}

static void try_state(struct trial *r, const struct states *s, const struct expect *e)
{
	struct desk *d = r->d;
	const struct laid l = { .on = d->media, .ref = d->again, .s = s };
	struct finding f;
	struct key key;

	lay_words(d->media, s);
	r->sum->states++;
	int err = desk_recovered(d, &l, &key);
	bool new = !err && is_new(d, &key, e);

	lift(d->media, s);
	if (err) {
		violation(r, "", "recovery refuses the journal");
		return;
	}
	if (!new && r->sum->states % CONTROL)
		return;
	r->sum->distinct += new;
	lay_words(d->media, s);
	bool ok = verify_media(d->media, e, new_shape(d, &key, e), &f);

	lift(d->media, s);
	if (!ok) {
		violation(r, "", f.why);
		return;
	}
	learn(d, &key, e, &f);
	if (r->seen)
		observe(r, e, &f);
	if (f.repaired && !r->mutant.kind && desk_saw(d, key_for(key.stored, SEEN_RECOVERY + f.matched, e)))
		explore_recovery(r, s, e);
}

static bool done_early(const struct trial *r)
{
	return r->violations && r->mutant.kind;
}

/* Are these the same words with the same values as one that was tried? */
static bool repeated(uint64_t *keys, size_t cap, uint64_t key)
{
	size_t i = key & (cap - 1);

	key |= 1;
	while (keys[i] && keys[i] != key)
		i = (i + 1) & (cap - 1);
	if (keys[i])
		return true;
	keys[i] = key;
	return false;
}

static void try_cut(struct trial *r, struct replay *rp, const struct expect *e)
{
	static uint64_t keys[1u << 16];
	struct states s;
	size_t nr;
	const struct replay_word *w = replay_pending(rp, &nr);

	r->state = 0;
	r->sum->cuts++;
	memset(keys, 0, sizeof(keys));
	states_init(&s, w, nr, r->c->effort, r->cut);
	for (; states_next(&s) && !done_early(r); r->state++) {
		if (r->c->only_state >= 0 && (uint64_t)r->c->only_state != r->state)
			continue;
		if (!repeated(keys, sizeof(keys) / sizeof(keys[0]), states_key(&s)))
			try_state(r, &s, e);
	}
	states_fini(&s);
}

/* -- all cuts ------------------------------------------------------------------------------------------ */

static void cut_here(struct trial *r, struct replay *rp, size_t event, bool after_step)
{
	unsigned step = 1;

	while (step <= r->c->nr_ops && event >= r->mark[step])
		step++;
	if (after_step)
		step--;
	if (step < r->c->first || step > r->c->nr_ops)
		return;
	if (r->d->before != &r->claims[step - 1]) {
		r->d->before = &r->claims[step - 1];
		r->d->durable = (struct key){ 0 };
	}
	r->cut++;
	if (r->c->only_cut >= 0 && (unsigned)r->c->only_cut != r->cut)
		return;
	bool lenient = (r->c->op[step - 1]->flags & OP_LAZY) || !tree_differs(&r->tree[step - 1], &r->tree[step], (char[160]){ 0 });

	try_cut(r, rp, &(struct expect){ r->tree, after_step ? step : step - 1, step, lenient });
}

static bool ends_step(const struct trial *r, size_t event)
{
	for (unsigned i = 1; i <= r->c->nr_ops; i++)
		if (r->mark[i] == event)
			return true;
	return false;
}

/* The event as the mutant lets it happen: now, not at all, or after the fence that makes it durable, and more. */
struct feeder {
	struct replay *rp;
	const struct mutant *m;
	uint64_t seq;
	struct record_event late;
	size_t fences;		/* until it comes; 0: nothing is late */
};

static void feed_now(struct feeder *fd, struct record_event ev)
{
	ev.seq = ++fd->seq;
	replay_event(fd->rp, &ev);
}

static void feed(struct feeder *fd, size_t i, struct record_event ev)
{
	if (fd->m->kind && fd->m->event == i) {
		fd->late = ev;
		fd->fences = fd->m->kind == MUTATE_DELAY ? fd->m->fences : 0;
		return;
	}
	feed_now(fd, ev);
	if (ev.type == REC_FENCE && fd->fences && !--fd->fences)
		feed_now(fd, fd->late);
}

void trial_explore(struct trial *r)
{
	struct desk *d = r->d;
	struct replay *rp = replay_new(&(struct replay_opts){ d->media->base, desk_durable, d });
	struct feeder fd = { .rp = rp, .m = &r->mutant };
	size_t nr = record_nr(d->run);

	for (size_t i = 0; i < nr && !done_early(r); i++) {
		const struct record_event *ev = record_get(d->run, i);

		if (ends_step(r, i))
			cut_here(r, rp, i, true);
		if (ev->type == REC_FENCE && i >= r->mark[0])
			cut_here(r, rp, i, false);
		feed(&fd, i, *ev);
	}
	if (!done_early(r))
		cut_here(r, rp, nr, true);
	replay_free(rp);
}

uint64_t explore(const struct crash_case *c, struct totals *sum, struct observed *seen)
{
	struct trial r = { .c = c, .d = trial_desk(), .sum = sum, .seen = seen };

	trial_begin(&r);
	for (unsigned i = 1; seen && i <= c->nr_ops; i++)
		seen[i].durable = true;
	trial_explore(&r);
	trial_end(&r);
	sum->violations += r.violations;
	return r.violations;
}
