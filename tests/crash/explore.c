/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * explore.c -- one case: run it, then look at every state of every cut
 *
 * The steps run once and are recorded; the tree is loaded before the first and
 * after each.  Then the log is replayed, and the media of every cut are tried.
 * A cut lies before every fence and after every step: what media may hold
 * between two fences is among what they may hold before the second one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crash/crash.h"
#include "crash/desk.h"
#include "crash/states.h"
#include "crash/steady.h"
#include "crash/verify.h"
#include "harness/rig.h"
#include "pm/record.h"
#include "pm/replay.h"

/* For power cuts inside recovery, see states.h. */
#define EFFORT_AGAIN	1u
#define LINES_AGAIN	5u
#define CONTROL		256u	/* one state in so many is verified although its like was */

enum mutation { MUTATE_NOTHING, MUTATE_DROP, MUTATE_DELAY };

struct mutant { enum mutation kind; size_t event, fences; };

struct trial {
	const struct crash_case *c;
	struct mutant mutant;
	struct desk *d;
	struct scene scene;
	struct tree tree[STEPS_MAX + 1];
	struct claims claims[STEPS_MAX + 1];
	size_t mark[STEPS_MAX + 1];	/* events before the first step, and up to the end of each */
	int result[STEPS_MAX + 1];
	struct totals *sum;
	struct observed *seen;
	uint64_t violations;
	unsigned cut;
	uint64_t state;
};

/* -- running ------------------------------------------------------------------------------ */

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

static void explore_cuts(struct trial *r)
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

static void run_begin(struct trial *r)
{
	steady_reset();
	desk_set(r->d, r->c->g);
	run_steps(r);
}

static void run_end(struct trial *r)
{
	for (unsigned i = 0; i <= r->c->nr_ops; i++)
		tree_free(&r->tree[i]), claims_free(&r->claims[i]);
	r->sum->cases++;
}

static struct desk the_desk;

uint64_t explore(const struct crash_case *c, struct totals *sum, struct observed *seen)
{
	struct trial r = { .c = c, .d = &the_desk, .sum = sum, .seen = seen };

	run_begin(&r);
	for (unsigned i = 1; seen && i <= c->nr_ops; i++)
		seen[i].durable = true;
	explore_cuts(&r);
	run_end(&r);
	sum->violations += r.violations;
	return r.violations;
}

/* -- mutants ---------------------------------------------------------------------------------------------- */

struct fate { enum record_type type; bool caught, slack, idle; };

/* Of the events of an operation (nr_own) and of the sync behind it. */
struct mutants { struct fate *fate; size_t nr, nr_own; };

static bool caught(struct trial *r, struct mutant m)
{
	r->mutant = m;
	r->violations = 0;
	r->cut = 0;
	desk_again(r->d);
	explore_cuts(r);
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

static void survived(const struct trial *r, const char *what, size_t event)
{
	const struct record_event *ev = record_get(r->d->run, event);

	printf("SURVIVED %s:%s %s, event %zu at block %" PRIu64 " byte %" PRIu64 ", %" PRIu64 " bytes\n", r->c->g->name,
	       r->c->op[0]->name, what, event - r->mark[0], ev->off / 4096, ev->off % 4096, ev->len);
	fflush(stdout);
}

/*
 * Which events change nothing: stores of what is there already, and flushes of
 * lines in which nothing has changed since the last one.
 */
static void find_idle(const struct trial *r, struct mutants *m)
{
	size_t size = r->d->run->size;
	uint8_t *now = malloc(size), *changed = calloc(1, size / RECORD_LINE);

	if (!now || !changed)
		abort();
	memcpy(now, record_base(r->d->run), size);
	for (size_t i = 0; i < r->mark[0] + m->nr; i++) {
		const struct record_event *ev = record_get(r->d->run, i);
		bool idle = ev->type != REC_FENCE;

		for (uint64_t off = ev->off; off < ev->off + ev->len; off++) {
			uint8_t byte = ev->data ? ev->data[off - ev->off] : 0;
			uint8_t *line = &changed[off / RECORD_LINE];

			if (ev->type == REC_FLUSH) {
				idle &= !*line;
			} else if (now[off] != byte) {
				idle = false;
				*line = ev->type == REC_STORE || ev->type == REC_STORE8 ? 1 : *line;
				now[off] = byte;
			}
		}
		for (uint64_t off = ev->off; ev->type == REC_FLUSH && off < ev->off + ev->len; off++)
			changed[off / RECORD_LINE] = 0;
		if (i >= r->mark[0])
			m->fate[i - r->mark[0]].idle = idle;
	}
	free(changed);
	free(now);
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
		fate[i].caught = type == REC_FLUSH || type == REC_FENCE ? caught(r, (struct mutant){ MUTATE_DROP, event, 0 }) :
				 late_caught(r, event, &fate[i].slack);
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
	if (f->idle) {
		sc->idle++;
	} else if (f->type == REC_FLUSH) {
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
		add_score(score, &fate[i]);
		if (!fate[i].caught && !fate[i].idle)
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
	run_begin(r);
	if (!m->fate) {
		m->nr = r->mark[2] - r->mark[0];
		m->nr_own = r->mark[1] - r->mark[0];
		m->fate = calloc(m->nr + 1, sizeof(*m->fate));
		if (!m->fate)
			abort();
		find_idle(r, m);
		mutate(r, m->fate, m->nr);
	} else {
		mutate(r, m->fate, m->nr_own);
	}
	run_end(r);
	memset(r->tree, 0, sizeof(r->tree));
}

/*
 * Followed by a sync; then by one other operation after the other, on the same
 * names and on others, for what shows only when somebody else changes the same things.
 */
void explore_mutants(const struct crash_case *c, struct totals *sum, struct score *score)
{
	struct crash_case with = *c;
	struct trial r = { .c = &with, .d = &the_desk, .sum = sum };
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
	run_begin(&r);
	tell(&r, m.fate, m.nr, score);
	run_end(&r);
	free(m.fate);
}
