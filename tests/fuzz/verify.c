/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * verify.c -- comparing everything: attributes, directories, bytes, the tree
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/walk.h"

/* -- attributes -------------------------------------------------------------------- */

/* Blocks are the model's, and what the filesystem needs to know where they are. */
static void verify_blocks(struct walk *r, const struct mnode *n, const struct tstat *st)
{
	uint64_t data = n->content.nr, xattrs = 0;

	for (int x = 0; x < MODEL_XATTRS; x++)
		xattrs += n->xattr[x].used ? n->xattr[x].size + 64 : 0;
	uint64_t most = data + data / 16 + 8 + 2 * xattrs / 4096 + 2;

	if (st->blocks < data || st->blocks > most)
		mismatch(r, "inode %" PRIu64 " has %" PRIu64 " blocks, the model %" PRIu64, st->ino, st->blocks, data);
}

void verify_stat(struct walk *r, const struct mnode *n, const struct tstat *st)
{
	if (st->ino != n->ino)
		mismatch(r, "inode %" PRIu64 ", the model's %" PRIu64, st->ino, n->ino);
	else if (st->mode != n->mode || st->uid != n->uid || st->gid != n->gid || st->rdev != n->rdev)
		mismatch(r, "inode %" PRIu64 " mode %o owner %u:%u device %" PRIx64 ", the model's %o %u:%u %" PRIx64,
			 st->ino, st->mode, st->uid, st->gid, st->rdev, n->mode, n->uid, n->gid, n->rdev);
	else if (st->nlink != n->nlink)
		mismatch(r, "inode %" PRIu64 " has %u links, the model %u", st->ino, st->nlink, n->nlink);
	else if (!S_ISDIR(n->mode) && st->size != n->size)
		mismatch(r, "inode %" PRIu64 " has %" PRIu64 " bytes, the model %" PRIu64, st->ino, st->size, n->size);
	else if (S_ISREG(n->mode))
		verify_blocks(r, n, st);
}

/* -- directories -------------------------------------------------------------------- */

struct listing { struct walk *r; struct mnode *dir; uint8_t seen[MODEL_NAMES]; unsigned dots, nr; };

static unsigned type_of(const struct mnode *n)
{
	return (n->mode & S_IFMT) >> 12;
}

static void see_dot(struct listing *l, const struct tentry *e)
{
	const struct mnode *up = e->len == 1 ? l->dir : l->dir->parent;

	/* The root of a test's own tree has a parent that the model does not know. */
	if (e->ino != up->ino && !(e->len == 2 && l->dir->parent == l->dir))
		mismatch(l->r, "%.*s is %" PRIu64 " in directory %" PRIu64, (int)e->len, e->name, e->ino, l->dir->ino);
	l->dots++;
}

static void see(void *arg, const struct tentry *e)
{
	struct listing *l = arg;
	int i = model_name_of(e->name, e->len);

	if (e->len <= 2 && e->name[0] == '.' && e->name[e->len - 1] == '.') {
		see_dot(l, e);
		return;
	}
	const struct mnode *n = i < 0 ? NULL : l->dir->child[i];

	if (!n)
		mismatch(l->r, "directory %" PRIu64 " lists %.*s", l->dir->ino, (int)e->len, e->name);
	else if (l->seen[i]++)
		mismatch(l->r, "directory %" PRIu64 " lists %.*s twice", l->dir->ino, (int)e->len, e->name);
	else if (e->ino != n->ino || e->type != type_of(n))
		mismatch(l->r, "%.*s is inode %" PRIu64 " type %u, the model's %" PRIu64 " %u", (int)e->len,
			 e->name, e->ino, e->type, n->ino, type_of(n));
	l->nr++;
}

void verify_dir(struct walk *r, struct mnode *dir)
{
	struct listing l = { .r = r, .dir = dir };

	if (!S_ISDIR(dir->mode) || !dir->parent)
		return;
	int err = r->t->ops->readdir(r->t, dir, see, &l);

	if (err)
		mismatch(r, "readdir of %" PRIu64 " failed: %d", dir->ino, err);
	else if (l.nr != dir->nr_children || l.dots != 2)
		mismatch(r, "directory %" PRIu64 " lists %u names and %u dots, the model %u", dir->ino, l.nr,
			 l.dots, dir->nr_children);
}

/* -- bytes --------------------------------------------------------------------------- */

static void verify_bytes(struct walk *r, int fd, uint64_t off, size_t len)
{
	const struct mnode *n = r->fd[fd];
	const struct tio io = { r->got, len, off, 0 };
	ssize_t want = model_read(n, r->want, len, off), got = r->t->ops->read(r->t, fd, &io);

	if (got != want) {
		mismatch(r, "inode %" PRIu64 ": read at %" PRIu64 " gave %zd, the model %zd", n->ino, off, got, want);
		return;
	}
	for (ssize_t i = 0; got && memcmp(r->got, r->want, (size_t)got) && i < got; i++) {
		if (r->got[i] == r->want[i])
			continue;
		mismatch(r, "inode %" PRIu64 ": byte %" PRIu64 " is %#x, the model's %#x", n->ino,
			 off + (uint64_t)i, r->got[i], r->want[i]);
		return;
	}
}

/* All of a small file; of a large one the pages that the model has, and the end. */
void verify_fd(struct walk *r, int fd)
{
	const struct mnode *n = r->fd[fd];
	struct tstat st;
	int err = r->t->ops->fstat(r->t, fd, &st);

	if (err)
		mismatch(r, "fstat failed: %d", err);
	else
		verify_stat(r, n, &st);
	if (n->size <= WALK_BUF) {
		verify_bytes(r, fd, 0, WALK_BUF);
		return;
	}
	for (size_t i = 0; i < n->content.cap && !r->failed; i++)
		if (n->content.slot[i].used)
			verify_bytes(r, fd, n->content.slot[i].index * CONTENT_PAGE, CONTENT_PAGE);
	verify_bytes(r, fd, n->size - 4096, 8192);
}

/* -- the tree ------------------------------------------------------------------------- */

static void verify_content(struct walk *r, struct mloc at, struct mnode *n)
{
	int fd = 0;

	while (fd < TARGET_FDS && r->fd[fd] && r->fd[fd] != n)
		fd++;
	if (fd == TARGET_FDS)
		return;		/* no descriptor left: next time */
	if (r->fd[fd]) {
		verify_fd(r, fd);
		return;
	}
	int err = r->t->ops->open(r->t, at, fd);

	if (err) {
		mismatch(r, "open of inode %" PRIu64 " failed: %d", n->ino, err);
		return;
	}
	r->fd[fd] = n;
	verify_fd(r, fd);
	r->t->ops->close(r->t, fd);
	r->fd[fd] = NULL;
}

static void verify_xattrs(struct walk *r, struct mloc at, const struct mnode *n)
{
	for (int x = 0; x < MODEL_XATTRS && !r->failed; x++) {
		const struct txattr xa = { x, r->got, 65536, 0 };
		ssize_t got = r->t->ops->getxattr(r->t, at, &xa), want = model_getxattr(n, x, r->want, 65536);

		if (got != want || (got > 0 && memcmp(r->got, r->want, (size_t)got) != 0))
			mismatch(r, "inode %" PRIu64 ": %s is %zd bytes, the model's %zd, or they differ", n->ino,
				 model_xattr_name(x), got, want);
	}
}

static void verify_node(struct walk *r, struct mloc at, struct mnode *n)
{
	struct tstat st;
	int err = r->t->ops->stat(r->t, at, &st);

	if (err) {
		mismatch(r, "inode %" PRIu64 " is gone: %d", n->ino, err);
		return;
	}
	verify_stat(r, n, &st);
	verify_xattrs(r, at, n);
	if (S_ISREG(n->mode))
		verify_content(r, at, n);
	if (n->target && (r->t->ops->readlink(r->t, at, (char *)r->got, 4096) != (int)n->size ||
			  memcmp(r->got, n->target, n->size) != 0))
		mismatch(r, "inode %" PRIu64 ": another symlink target", n->ino);
}

void walk_verify(struct walk *r)
{
	for (unsigned i = 0; i < r->m.nr_nodes && !r->failed; i++) {
		struct mnode *dir = r->m.node[i];

		if (!S_ISDIR(dir->mode) || !dir->parent)
			continue;
		verify_dir(r, dir);
		for (int name = 0; name < MODEL_NAMES && !r->failed; name++)
			if (dir->child[name])
				verify_node(r, (struct mloc){ dir, name }, dir->child[name]);
	}
}
