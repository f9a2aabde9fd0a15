// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * diredit.c -- a directory's blocks in order, and its entries found and changed
 *
 * Serves the phases that walk directories or change them.  Entries are changed
 * in private copies, and only where something does change: every edit makes
 * another round.
 */
#include "check/diredit.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "check/mapwalk.h"
#include "check/slot.h"

/* -- blocks ------------------------------------------------------------------------ */

/* The extents of a directory, in order; what is damaged and not repaired is left out. */
static int dir_runs(struct check *c, uint64_t ino)
{
	struct mapfault f;
	int ret;

	c->runs.nr = 0;
	ret = map_walk(c, &slot_at(c, ino)->map, ino, &c->runs, &f);
	return ret < 0 ? ret : 0;
}

int diredit_each(struct check *c, struct dirblock_id id, diredit_fn fn, void *arg)
{
	uint64_t from = id.lblk;
	int ret = dir_runs(c, id.owner);

	for (size_t i = 0; !ret && i < c->runs.nr; i++) {
		struct mrun r = c->runs.v[i];

		if (r.lblk == RUN_META || r.lblk + r.len <= from)
			continue;
		for (uint64_t k = from > r.lblk ? from - r.lblk : 0; !ret && k < r.len; k++) {
			id.lblk = r.lblk + k;
			id.self = r.pblk + k;
			ret = fn(c, arg, &id);
		}
	}
	return ret;
}

static int each_block(struct check *c, uint64_t dir, diredit_fn fn, void *arg)
{
	return diredit_each(c, (struct dirblock_id){ .owner = dir }, fn, arg);
}

/* -- sets of names -------------------------------------------------------------------- */

static bool same_name(void *arg, uint64_t pos)
{
	const struct dirname *n = arg;
	const struct ddirent *e = dirblock_rec(media_at(&n->c->m, pos >> DAXFS_BLOCK_SHIFT), pos % DAXFS_BLOCK_SIZE);

	return e->name_len == n->len && !memcmp(e->name, n->s, n->len);
}

struct nameset_key dirname_key(struct dirname *n, uint64_t blk, unsigned off)
{
	return (struct nameset_key){ name_hash(n->c->seed, n->s, n->len), blk << DAXFS_BLOCK_SHIFT | off, same_name, n };
}

static int load_block(struct check *c, void *arg, const struct dirblock_id *id)
{
	struct dirblock db;
	int ret = 0;

	(void)arg;
	dirblock_scan(media_at(&c->m, id->self), id->self, &db);
	for (unsigned i = 0; ret >= 0 && i < db.nr; i++) {
		const struct ddirent *e = dirblock_rec(media_at(&c->m, id->self), db.off[i]);
		struct dirname n = { c, e->name, e->name_len };
		struct nameset_key k = dirname_key(&n, id->self, db.off[i]);
		uint64_t other;

		ret = nameset_add(&c->names, &k, &other);
	}
	return ret < 0 ? ret : 0;
}

int diredit_load(struct check *c, uint64_t dir)
{
	int err = nameset_reset(&c->names, 0);

	return err ? err : each_block(c, dir, load_block, NULL);
}

bool diredit_known(struct check *c, const char *name)
{
	struct dirname n = { c, name, strlen(name) };
	struct nameset_key k = dirname_key(&n, 0, 0);

	return nameset_has(&c->names, &k);
}

/* -- entries ---------------------------------------------------------------------------- */

int diredit_erase(struct check *c, uint64_t blk, unsigned off)
{
	struct ddirblk *b = media_edit(&c->m, blk);

	if (!b)
		return -ENOMEM;
	dirblock_remove(b, blk, off);
	return 0;
}

static int remove_in(struct check *c, void *arg, const struct dirblock_id *id)
{
	const uint64_t *child = arg;
	const void *b = media_at(&c->m, id->self);
	struct dirblock db;

	dirblock_scan(b, id->self, &db);
	for (unsigned i = 0; i < db.nr; i++) {
		if (le64_get(dirblock_rec(b, db.off[i])->ino) == *child) {
			int err = diredit_erase(c, id->self, db.off[i]);

			return err ? err : 1;
		}
	}
	return 0;
}

int diredit_remove(struct check *c, uint64_t dir, uint64_t child)
{
	int ret = each_block(c, dir, remove_in, &child);

	return ret == 1 ? 0 : ret ? ret : -ENOENT;
}

struct search { const char *name; uint64_t found; };

static int find_in(struct check *c, void *arg, const struct dirblock_id *id)
{
	const void *b = media_at(&c->m, id->self);
	struct search *s = arg;
	struct dirblock db;

	dirblock_scan(b, id->self, &db);
	for (unsigned i = 0; i < db.nr; i++) {
		const struct ddirent *e = dirblock_rec(b, db.off[i]);

		if (e->name_len == strlen(s->name) && !memcmp(e->name, s->name, e->name_len)) {
			s->found = le64_get(e->ino);
			return 1;
		}
	}
	return 0;
}

uint64_t diredit_find(struct check *c, uint64_t dir, const char *name)
{
	struct search s = { .name = name };

	return each_block(c, dir, find_in, &s) == 1 ? s.found : 0;
}

struct insertion { const struct dirblock_new *new; uint64_t last; };

/* Tried in a copy of its own first. */
static int insert_in(struct check *c, void *arg, const struct dirblock_id *id)
{
	struct insertion *in = arg;
	_Alignas(struct ddirblk) uint8_t try[DAXFS_BLOCK_SIZE];
	void *b;

	in->last = id->lblk;
	memcpy(try, media_at(&c->m, id->self), sizeof(try));
	if (!dirblock_insert((struct ddirblk *)(void *)try, id->self, in->new))
		return 0;
	b = media_edit(&c->m, id->self);
	if (!b)
		return -ENOMEM;
	memcpy(b, try, sizeof(try));
	return 1;
}

int diredit_insert(struct check *c, uint64_t dir, const struct dirblock_new *n, uint64_t *hint)
{
	struct insertion in = { .new = n, .last = *hint };
	int ret = diredit_each(c, (struct dirblock_id){ .owner = dir, .lblk = *hint }, insert_in, &in);

	*hint = in.last;
	return ret == 1 ? 0 : ret ? ret : -ENOSPC;
}
