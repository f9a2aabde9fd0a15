/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mkfs.c -- power cuts while a filesystem is made over another one
 *
 * Media may hold the old filesystem whole (until the first fence), nothing that
 * mounts, or the new one, empty and sound.  Never a mixture that mounts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "check/check.h"
#include "crash/desk.h"
#include "crash/states.h"
#include "pm/record.h"
#include "pm/replay.h"

#define EFFORT	64u

struct making { struct desk *d; struct totals *sum; unsigned cut; bool old_allowed; };

static void complain(struct making *m, uint64_t state, const char *what)
{
	printf("VIOLATION mkfs@%u.%" PRIu64 ": %s\n", m->cut, state, what);
	m->sum->violations++;
}

static bool is_sound(struct region *rg)
{
	const struct check_opts o = { .mode = CHECK_NO };
	struct check_result res;

	return !check_region(rg, &o, &res) && !res.exit;
}

/* What mounts is the old one or the new one. */
static const char *judge(const struct making *m, struct fs *fs)
{
	struct tree t;
	char why[160];

	if (tree_load(&t, fs, why))
		return "it mounts and cannot be read";
	size_t names = t.nr_names;

	tree_free(&t);
	return names && !m->old_allowed ? "it mounts and is neither refused nor empty" : NULL;
}

static void try_state(struct making *m, const struct states *s, uint64_t state)
{
	struct region *rg = m->d->media;
	const struct fs_opts o = { .region = rg, .flags = FS_NOATIME };
	const char *what = NULL;
	struct fs *fs;

	lay_words(rg, s);
	m->sum->states++;
	bool sound = is_sound(rg);
	int err = fs_open(&fs, &o);

	if (err && err != -EINVAL && err != -EUCLEAN)
		what = "it is refused for a wrong reason";
	if (!err) {
		what = sound ? judge(m, fs) : "it mounts and is not sound";
		fs_abandon(fs);
	}
	if (what)
		complain(m, state, what);
	lift(rg, s);
}

static void try_cut(struct making *m, struct replay *rp)
{
	struct states s;
	size_t nr;
	const struct replay_word *w = replay_pending(rp, &nr);

	m->cut++;
	m->sum->cuts++;
	states_init(&s, w, nr, EFFORT, m->cut);
	for (uint64_t i = 0; states_next(&s); i++)
		try_state(m, &s, i);
	states_fini(&s);
	m->old_allowed = false;
}

int plan_mkfs(struct totals *sum)
{
	static struct desk desk;
	struct making m = { .d = &desk, .sum = sum, .old_allowed = true };
	struct fs_format_opts fo = { .label = "new" };
	struct fs_format_result res;

	desk_set(&desk, geometries);
	fo.region = desk.run;
	if (fs_format(&fo, &res))
		return 1;
	struct replay *rp = replay_new(&(struct replay_opts){ desk.media->base, desk_durable, &desk });

	for (size_t i = 0, nr = record_nr(desk.run); i < nr; i++) {
		const struct record_event *ev = record_get(desk.run, i);

		if (ev->type == REC_FENCE)
			try_cut(&m, rp);
		replay_event(rp, ev);
	}
	try_cut(&m, rp);
	replay_free(rp);
	printf("mkfs.daxfs over a filesystem: %" PRIu64 " cuts, %" PRIu64 " states, %" PRIu64 " violations\n", sum->cuts, sum->states,
	       sum->violations);
	return sum->violations != 0;
}
