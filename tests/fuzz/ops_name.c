/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops_name.c -- random operations on names and extended attributes
 *
 * Each picks its arguments, notes them for the trace, asks the target, then
 * the model, and compares.
 */
#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "fuzz/walk.h"

#define MAX_DEPTH	10	/* directories; a mount's paths must stay below PATH_MAX */

static void note(struct walk *r, struct mloc at)
{
	r->step->dir = at.dir->ino;
	r->step->name = at.name;
}

static void note2(struct walk *r, struct mloc at)
{
	r->step->dir2 = at.dir->ino;
	r->step->name2 = at.name;
}

/* -- making ------------------------------------------------------------------------ */

/* A new node: what does the target call it, and is it as asked for? */
static void learn(struct walk *r, struct mloc at, struct mnode *n)
{
	struct tstat st;
	int err = r->t->ops->stat(r->t, at, &st);

	if (err) {
		mismatch(r, "the new name is not there: %d", err);
		return;
	}
	n->ino = st.ino;
	verify_stat(r, n, &st);
}

static void create(struct walk *r, const struct mcreate *rq)
{
	struct mloc at = pick_name(r, false);
	struct mnode *n;

	note(r, at);
	r->step->flags = rq->mode;
	int got = r->t->ops->create(r->t, at, rq);

	if (no_space(r, got)) {
		verify_dir(r, at.dir);
		return;
	}
	if (expect(r, got, model_create(&r->m, at, rq, &n)))
		learn(r, at, n);
}

static bool crowded(const struct walk *r)
{
	return r->m.nr_nodes >= r->max_nodes;
}

static void op_create(struct walk *r)
{
	const struct mcreate rq = { .mode = S_IFREG | (uint32_t)pick(r, 01000) };

	if (!crowded(r))
		create(r, &rq);
}

static void op_mknod(struct walk *r)
{
	static const uint32_t type[] = { S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK };
	const struct mcreate rq = { .mode = type[pick(r, 4)] | 0640,
				    .rdev = makedev((unsigned)pick(r, 300), (unsigned)pick(r, 70000)) };

	if (!crowded(r))
		create(r, &rq);
}

static void op_mkdir(struct walk *r)
{
	const struct mcreate rq = { .mode = S_IFDIR | 0755 };
	struct mloc at = pick_name(r, false);
	struct mnode *n;

	if (crowded(r) || model_depth(at.dir) >= MAX_DEPTH)
		return;
	note(r, at);
	int got = r->t->ops->create(r->t, at, &rq);

	if (!no_space(r, got) && expect(r, got, model_create(&r->m, at, &rq, &n)))
		learn(r, at, n);
}

static void op_symlink(struct walk *r)
{
	char target[4096];
	size_t n = chance(r, 4) ? 1 + pick(r, 4095) : 1 + pick(r, 160);
	const struct mcreate rq = { .mode = S_IFLNK | 0777, .target = target };

	if (crowded(r))
		return;
	memset(target, 'a' + (int)pick(r, 26), n);
	target[n] = '\0';
	create(r, &rq);
}

static void op_link(struct walk *r)
{
	struct mloc src = pick_name(r, true), dst = pick_name(r, false);
	struct mnode *n;

	if (src.name >= MODEL_NAMES)
		return;
	note(r, src);
	note2(r, dst);
	int want = model_lookup(src, &n), got = r->t->ops->link(r->t, src, dst);

	if (no_space(r, got))
		return;
	if (!want && S_ISDIR(n->mode) && got == -EPERM)
		return;		/* right, whatever else is wrong */
	expect(r, got, want ? want : model_link(n, dst));
}

/* -- removing and moving -------------------------------------------------------------- */

static void remove_name(struct walk *r, int (*take)(struct target *, struct mloc),
			int (*model_take)(struct model *, struct mloc))
{
	struct mloc at = pick_name(r, true);

	note(r, at);
	int got = take(r->t, at);

	if (!no_space(r, got))
		expect(r, got, model_take(&r->m, at));
}

static void op_unlink(struct walk *r)
{
	remove_name(r, r->t->ops->unlink, model_unlink);
}

static void op_rmdir(struct walk *r)
{
	remove_name(r, r->t->ops->rmdir, model_rmdir);
}

/* Would a directory end up too deep? */
static bool too_deep(struct mloc src, struct mloc dst)
{
	struct mnode *s;

	if (model_lookup(src, &s) || !S_ISDIR(s->mode))
		return false;
	return model_depth(dst.dir) + model_height(s) > MAX_DEPTH;
}

static void op_rename(struct walk *r)
{
	static const unsigned flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE };
	struct mloc src = pick_name(r, true), dst = pick_name(r, chance(r, 2));
	unsigned fl = flags[pick(r, 6)];

	if (chance(r, 3))
		dst.dir = src.dir;
	if (too_deep(src, dst) || ((fl & RENAME_EXCHANGE) && too_deep(dst, src)))
		return;
	note(r, src);
	note2(r, dst);
	r->step->flags = fl;
	int got = r->t->ops->rename(r->t, src, dst, fl);

	if (no_space(r, got)) {
		verify_dir(r, src.dir);
		verify_dir(r, dst.dir);
		return;
	}
	expect(r, got, model_rename(&r->m, src, dst, fl));
}

/* -- looking -------------------------------------------------------------------------- */

static void op_stat(struct walk *r)
{
	struct mloc at = pick_name(r, true);
	struct mnode *n;
	struct tstat st;

	if (at.name == MODEL_NAME_DOT || at.name == MODEL_NAME_DOTDOT)
		return;		/* these exist for look-ups */
	note(r, at);
	int got = r->t->ops->stat(r->t, at, &st), want = model_lookup(at, &n);

	if (at.name > MODEL_NAME_LONG && got < 0 && want < 0)
		return;		/* -ENOENT will do for names that cannot exist */
	if (expect(r, got, want))
		verify_stat(r, n, &st);
}

static void op_readlink(struct walk *r)
{
	struct mloc at = pick_name(r, true);
	struct mnode *n;

	if (at.name >= MODEL_NAMES || model_lookup(at, &n) || !n->target)
		return;
	note(r, at);
	int got = r->t->ops->readlink(r->t, at, (char *)r->got, 4096);

	if (expect(r, got, (int64_t)n->size) && memcmp(r->got, n->target, n->size) != 0)
		mismatch(r, "another target");
}

static void op_readdir(struct walk *r)
{
	struct mnode *dir = pick_dir(r);

	if (!S_ISDIR(dir->mode) || !dir->parent)
		return;
	r->step->dir = dir->ino;
	verify_dir(r, dir);
}

/* -- extended attributes ----------------------------------------------------------------- */

static size_t value_size(struct walk *r)
{
	if (chance(r, 500))
		return 65537;
	if (chance(r, 60))
		return pick(r, 65537);
	return chance(r, 8) ? pick(r, 9000) : pick(r, 100);
}

/* False if there is no such file. */
static bool note_xattr(struct walk *r, struct mloc at, const struct txattr *xa, struct mnode **n)
{
	if (at.name >= MODEL_NAMES || model_lookup(at, n))
		return false;
	note(r, at);
	r->step->off = (uint64_t)xa->x;
	r->step->len = xa->size;
	r->step->flags = (unsigned)xa->flags;
	return true;
}

static void op_setxattr(struct walk *r)
{
	static const int flags[] = { 0, 0, 0, XATTR_CREATE, XATTR_REPLACE };
	struct mloc at = pick_name(r, true);
	const struct mxattr v = { r->pool + pick(r, WALK_BUF), value_size(r), true };
	const struct txattr xa = { (int)pick(r, MODEL_XATTRS), v.value, v.size, flags[pick(r, 5)] };
	struct mnode *n;

	if (!note_xattr(r, at, &xa, &n))
		return;
	int got = r->t->ops->setxattr(r->t, at, &xa);

	if (!no_space(r, got))
		expect(r, got, model_setxattr(n, xa.x, &v, xa.flags));
}

static void op_getxattr(struct walk *r)
{
	struct mloc at = pick_name(r, true);
	const struct txattr xa = { (int)pick(r, MODEL_XATTRS), r->got, chance(r, 4) ? pick(r, 200) : 65536, 0 };
	struct mnode *n;

	if (!note_xattr(r, at, &xa, &n))
		return;
	ssize_t got = r->t->ops->getxattr(r->t, at, &xa), want = model_getxattr(n, xa.x, r->want, xa.size);

	if (expect(r, got, want) && xa.size && memcmp(r->got, r->want, (size_t)got) != 0)
		mismatch(r, "another value");
}

static int xattr_number(const char *name)
{
	for (int x = 0; x < MODEL_XATTRS; x++)
		if (!strcmp(name, model_xattr_name(x)))
			return x;
	return -1;
}

static void op_listxattr(struct walk *r)
{
	struct mloc at = pick_name(r, true);
	struct mnode *n;
	int seen = 0, want = 0;

	if (at.name >= MODEL_NAMES || model_lookup(at, &n))
		return;
	note(r, at);
	ssize_t got = r->t->ops->listxattr(r->t, at, (char *)r->got, 4096);

	r->step->result = got;
	for (ssize_t i = 0; i < got; i += (ssize_t)strlen((char *)r->got + i) + 1) {
		int x = xattr_number((char *)r->got + i);

		if (x >= 0 && !n->xattr[x].used)
			mismatch(r, "%s is listed", model_xattr_name(x));
		seen += x >= 0;
	}
	for (int x = 0; x < MODEL_XATTRS; x++)
		want += n->xattr[x].used;
	if (got < 0 || seen != want)
		mismatch(r, "%d attributes (%zd), the model %d", seen, got, want);
}

static void op_removexattr(struct walk *r)
{
	struct mloc at = pick_name(r, true);
	int x = (int)pick(r, MODEL_XATTRS);
	struct mnode *n;

	if (at.name >= MODEL_NAMES || model_lookup(at, &n) || !(S_ISREG(n->mode) || S_ISDIR(n->mode)))
		return;
	note(r, at);
	r->step->off = (uint64_t)x;
	int got = r->t->ops->removexattr(r->t, at, x);

	if (!no_space(r, got))
		expect(r, got, model_removexattr(n, x));
}

const struct op ops_name[] = {
	{ "create", 14, op_create },	{ "mkdir", 6, op_mkdir },	{ "mknod", 2, op_mknod },
	{ "symlink", 4, op_symlink },	{ "link", 7, op_link },		{ "unlink", 15, op_unlink },
	{ "rmdir", 5, op_rmdir },	{ "rename", 16, op_rename },	{ "stat", 12, op_stat },
	{ "readlink", 2, op_readlink },	{ "readdir", 4, op_readdir },	{ "setxattr", 5, op_setxattr },
	{ "getxattr", 5, op_getxattr },	{ "listxattr", 2, op_listxattr },
	{ "removexattr", 2, op_removexattr },
	{ NULL, 0, NULL },
};
