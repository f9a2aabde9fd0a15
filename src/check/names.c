// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * names.c -- directories and what their entries name
 *
 * One pass over the blocks of all directories.  An entry for a directory is
 * believed at once when that directory's inode names this one as its parent;
 * other entries for directories wait until all those are known.  Entries from
 * behind a damaged record wait too: they may be stale, and are believed only
 * if their inode has fewer names than links.
 */
#include "check/diredit.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "check/slot.h"

#define NAMES_PER_BLOCK	64	/* a guess, for the size of a table */
#define TICK		256	/* directories between two reports of progress */

struct name_buf { char s[DAXFS_NAME_MAX + 1]; };

/* One entry that is being looked at. */
struct entry { struct cdir *d; struct recpos at; const struct ddirent *e; bool doubtful; };

static const char *name_of(const struct ddirent *e, struct name_buf *buf)
{
	memcpy(buf->s, e->name, e->name_len);
	buf->s[e->name_len] = '\0';
	return buf->s;
}

/* -- repairs -------------------------------------------------------------------------- */

static int set_type(struct check *c, const struct recpos *at, unsigned type)
{
	struct ddirblk *b = media_edit(&c->m, at->blk);

	if (!b)
		return -ENOMEM;
	dirblock_set_type(b, at->blk, at->off, type);
	return 0;
}

/* Reports @p about an entry; removes it if agreed.  1: reported (gone or not, it does not count), -ENOMEM. */
static int reject(struct check *c, const struct entry *en, enum problem p)
{
	struct name_buf buf;
	struct pctx x = { .ino = en->d->ino, .blk = en->at.blk, .num = en->at.child, .num2 = en->at.off,
			  .text = name_of(en->e, &buf) };
	int err = 0;

	if (problem(c, p, &x))
		err = diredit_erase(c, en->at.blk, en->at.off);
	return err ? err : 1;
}

/* -- what an entry names ------------------------------------------------------------------ */

static bool bad_name(const struct ddirent *e)
{
	if (memchr(e->name, '/', e->name_len) || memchr(e->name, '\0', e->name_len))
		return true;
	return e->name[0] == '.' && (e->name_len == 1 || (e->name_len == 2 && e->name[1] == '.'));
}

static int reject_if_impossible(struct check *c, const struct entry *en)
{
	uint64_t child = en->at.child;

	if (bad_name(en->e))
		return reject(c, en, PR_DIRENT_NAME);
	if (child >= c->nr_slots)
		return reject(c, en, PR_DIRENT_INO);
	if (!c->state[child])
		return reject(c, en, PR_DIRENT_FREE);
	if (child == DAXFS_ROOT_INO)
		return reject(c, en, PR_DIRENT_ROOT);
	return child == en->d->ino ? reject(c, en, PR_DIRENT_SECOND) : 0;
}

static int reject_if_duplicate(struct check *c, struct entry *en)
{
	struct dirname n = { c, en->e->name, en->e->name_len };
	struct nameset_key k = dirname_key(&n, en->at.blk, en->at.off);
	uint64_t other;
	int ret = nameset_add(&c->names, &k, &other);

	if (ret == 1)
		ret = reject(c, en, en->doubtful ? PR_DIRENT_DOUBTFUL : PR_DIRENT_DUPLICATE);
	return ret;
}

static int check_type(struct check *c, struct entry *en)
{
	unsigned want = c->state[en->at.child] & INO_TYPE;
	struct name_buf buf;
	struct pctx x = { .ino = en->d->ino, .blk = en->at.blk, .num = en->at.child, .num2 = en->e->type,
			  .text = name_of(en->e, &buf) };

	if (en->e->type == want || (c->state[en->at.child] & INO_DAMAGED) || !problem(c, PR_DIRENT_TYPE, &x))
		return 0;
	int err = set_type(c, &en->at, want);

	en->e = dirblock_rec(media_at(&c->m, en->at.blk), en->at.off);
	return err;
}

static int keep(struct recvec *v, const struct recpos *at)
{
	if (vec_grow(&v->v, v->nr, &v->cap, sizeof(*v->v)))
		return -ENOMEM;
	v->v[v->nr++] = *at;
	return 0;
}

static bool is_dir(const struct check *c, uint64_t ino)
{
	return (c->state[ino] & INO_TYPE) == DT_DIR;
}

/* A name for a directory, its first: each in there is a link to the parent. */
static int accept_dir(struct check *c, const struct entry *en, struct cdir *child)
{
	if (child->named_in)
		return reject(c, en, PR_DIRENT_SECOND);
	if (en->d->subdirs + 2 == DAXFS_NLINK_MAX)
		return reject(c, en, PR_DIRENT_SUBDIRS);
	child->named_in = en->d->ino;
	en->d->subdirs++;
	en->d->has_names = true;
	return 0;
}

static int count_dir(struct check *c, const struct entry *en)
{
	struct cdir *child = cdir_find(c, en->at.child);

	if (child->parent != en->d->ino)
		return keep(&c->foreign, &en->at);
	return accept_dir(c, en, child);
}

static int count_file(struct check *c, const struct entry *en)
{
	if (c->links[en->at.child] == DAXFS_NLINK_MAX)
		return reject(c, en, PR_DIRENT_LINKS);
	c->links[en->at.child]++;
	en->d->has_names = true;
	return 0;
}

static int check_entry(struct check *c, struct entry *en)
{
	int ret = reject_if_impossible(c, en);

	if (!ret)
		ret = reject_if_duplicate(c, en);
	if (!ret)
		ret = check_type(c, en);
	if (!ret)
		ret = is_dir(c, en->at.child) ? count_dir(c, en) : count_file(c, en);
	return ret < 0 ? ret : 0;
}

/* -- blocks ---------------------------------------------------------------------------------- */

static int fix_block(struct check *c, const struct dirblock_id *id, enum problem p, const char *why,
		     void (*fix)(struct ddirblk *b, const struct dirblock_id *id))
{
	struct ddirblk *b;

	if (!problem(c, p, &(struct pctx){ .ino = id->owner, .blk = id->self, .num = id->lblk, .text = why }))
		return 0;
	b = media_edit(&c->m, id->self);
	if (!b)
		return -ENOMEM;
	fix(b, id);
	return 0;
}

static int fix_tiling(struct check *c, const struct dirblock_id *id, struct dirblock *db)
{
	struct ddirblk *b;

	if (!problem(c, PR_DIRBLK_RECORDS, &(struct pctx){ .ino = id->owner, .blk = id->self, .num = id->lblk,
							   .num2 = db->why_off, .text = db->why }))
		return 0;
	b = media_edit(&c->m, id->self);
	if (!b)
		return -ENOMEM;
	dirblock_tile(b, id->self, db);
	return 0;
}

static int check_block(struct check *c, struct cdir *d, const struct dirblock_id *id)
{
	const struct ddirblk *b = media_at(&c->m, id->self);
	const char *why = dirblock_header_wrong(b, id);
	struct dirblock db;
	int err = 0;

	dirblock_scan(b, id->self, &db);
	if (why && !db.nr && db.why)
		return fix_block(c, id, PR_DIRBLK_LOST, why, dirblock_empty);	/* nothing legible */
	if (why)
		err = fix_block(c, id, PR_DIRBLK_HEADER, why, dirblock_header);
	if (!err && db.why)
		err = fix_tiling(c, id, &db);
	for (unsigned i = 0; !err && i < db.nr; i++) {
		struct entry en = { d, { d->ino, id->self, 0, db.off[i] }, NULL, false };

		en.e = dirblock_rec(media_at(&c->m, id->self), db.off[i]);
		en.at.child = le64_get(en.e->ino);
		err = i >= db.doubt ? keep(&c->doubtful, &en.at) : check_entry(c, &en);
	}
	return err;
}

/* Doubtful entries of one directory: what is impossible goes now, the rest waits for the counts. */
static int check_doubtful(struct check *c, struct cdir *d, size_t first)
{
	size_t kept = first;
	int ret = 0;

	for (size_t i = first; ret >= 0 && i < c->doubtful.nr; i++) {
		struct recpos at = c->doubtful.v[i];
		struct entry en = { d, at, dirblock_rec(media_at(&c->m, at.blk), at.off), true };

		ret = reject_if_impossible(c, &en);
		if (!ret)
			ret = reject_if_duplicate(c, &en);
		if (!ret)
			ret = check_type(c, &en);
		if (!ret)
			c->doubtful.v[kept++] = at;
	}
	c->doubtful.nr = kept;
	return ret < 0 ? ret : 0;
}

static int check_one(struct check *c, void *arg, const struct dirblock_id *id)
{
	return check_block(c, arg, id);
}

static int check_dir(struct check *c, struct cdir *d)
{
	uint64_t blocks = le64_get(slot_at(c, d->ino)->size) / DAXFS_BLOCK_SIZE;
	size_t first = c->doubtful.nr;
	int err = 0;

	if (!blocks)
		return 0;
	err = nameset_reset(&c->names, blocks < 1024 ? (size_t)blocks * NAMES_PER_BLOCK / 2 : 65536);
	if (!err)
		err = diredit_each(c, (struct dirblock_id){ .owner = d->ino }, check_one, d);
	return err ? err : check_doubtful(c, d, first);
}

/* -- entries that waited ------------------------------------------------------------------------ */

static struct entry entry_of(const struct check *c, const struct recpos *at, bool doubtful)
{
	return (struct entry){ cdir_find(c, at->dir), *at, dirblock_rec(media_at(&c->m, at->blk), at->off), doubtful };
}

static int settle_foreign(struct check *c)
{
	int ret = 0;

	for (size_t i = 0; ret >= 0 && i < c->foreign.nr; i++) {
		struct entry en = entry_of(c, &c->foreign.v[i], false);

		ret = accept_dir(c, &en, cdir_find(c, en.at.child));
	}
	return ret < 0 ? ret : 0;
}

static int settle_doubtful(struct check *c)
{
	int ret = 0;

	for (size_t i = 0; ret >= 0 && i < c->doubtful.nr; i++) {
		struct entry en = entry_of(c, &c->doubtful.v[i], true);
		uint64_t ino = en.at.child;
		struct cdir *child = is_dir(c, ino) ? cdir_find(c, ino) : NULL;

		if (child && !child->named_in)
			ret = accept_dir(c, &en, child);
		else if (!child && c->links[ino] < c->nlink[ino])
			ret = count_file(c, &en);
		else
			ret = reject(c, &en, PR_DIRENT_DOUBTFUL);
	}
	return ret < 0 ? ret : 0;
}

int phase_names(struct check *c)
{
	int err = 0;

	c->foreign.nr = c->doubtful.nr = 0;
	for (size_t i = 0; !err && i < c->nr_dirs; i++) {
		if (i % TICK == 0)
			check_progress(c, CHECK_PHASE_NAMES, i, c->nr_dirs);
		err = check_dir(c, &c->dir[i]);
		if (!err)
			err = check_go(c);
	}
	if (!err)
		err = settle_foreign(c);
	if (!err)
		err = settle_doubtful(c);
	return err ? err : check_go(c);
}
