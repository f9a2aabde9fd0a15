/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.c -- a filesystem in memory that is too simple to be wrong
 *
 * Order of checks as in Linux's fs/namei.c: the directories, the source, the
 * target, ancestry, types, emptiness.  A node lives while it has a link or an
 * open descriptor.
 */
#include "harness/model.h"

#include <errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define NAME_MAX_BYTES	255
#define NLINK_LIMIT	65000

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* -- names ------------------------------------------------------------------- */

static char names[MODEL_NAME_END][NAME_MAX_BYTES + 2];

static size_t name_bytes(int name)
{
	switch (name % 8) {
	case 7:	return NAME_MAX_BYTES;
	case 6:	return 120 + (size_t)name;
	case 5:	return 20;
	default: return 2;
	}
}

/* The number is in the first two bytes: "A0", "A1" .. "J5", then padding. */
__attribute__((constructor)) static void make_names(void)
{
	for (int i = 0; i < MODEL_NAMES; i++) {
		memset(names[i], 'x', name_bytes(i));
		names[i][0] = (char)('A' + i / 10);
		names[i][1] = (char)('0' + i % 10);
	}
	memset(names[MODEL_NAME_LONG], 'l', NAME_MAX_BYTES + 1);
	strcpy(names[MODEL_NAME_DOT], ".");
	strcpy(names[MODEL_NAME_DOTDOT], "..");
	strcpy(names[MODEL_NAME_SLASH], "a/b");
}

const char *model_name(int name)
{
	return names[name];
}

int model_name_of(const char *text, size_t len)
{
	if (len < 2 || text[0] < 'A' || text[1] < '0' || text[1] > '9')
		return -1;
	int i = (text[0] - 'A') * 10 + text[1] - '0';

	if (i >= MODEL_NAMES || name_bytes(i) != len || memcmp(names[i], text, len) != 0)
		return -1;
	return i;
}

const char *model_xattr_name(int x)
{
	static const char *const name[MODEL_XATTRS] = {
		"user.a", "user.b", "user.mime_type", "user.checksum.of.something", "user.e", "user.f",
		"user.g", "user.h", "trusted.a", "trusted.overlay.opaque", "trusted.c", "trusted.d",
	};

	return name[x];
}

static int check_name(int name)
{
	if (name < MODEL_NAMES)
		return 0;
	return name == MODEL_NAME_LONG ? -ENAMETOOLONG : -EINVAL;
}

/* -- nodes ------------------------------------------------------------------- */

static struct mnode *node_new(struct model *m, const struct mcreate *rq)
{
	struct mnode *n = must(calloc(1, sizeof(*n)));

	n->mode = rq->mode;
	n->uid = rq->uid;
	n->gid = rq->gid;
	n->rdev = S_ISCHR(rq->mode) || S_ISBLK(rq->mode) ? rq->rdev : 0;
	if (S_ISLNK(rq->mode)) {
		n->target = must(strdup(rq->target));
		n->size = strlen(rq->target);
	}
	if (m->nr_nodes == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64;
		m->node = must(realloc(m->node, m->cap * sizeof(*m->node)));
	}
	n->index = m->nr_nodes;
	m->node[m->nr_nodes++] = n;
	return n;
}

static void node_free(struct model *m, struct mnode *n)
{
	m->node[n->index] = m->node[--m->nr_nodes];
	m->node[n->index]->index = n->index;
	content_fini(&n->content);
	for (int x = 0; x < MODEL_XATTRS; x++)
		free(n->xattr[x].value);
	free(n->target);
	free(n);
}

static void drop_if_dead(struct model *m, struct mnode *n)
{
	if (!n->nlink && !n->opens)
		node_free(m, n);
}

void model_init(struct model *m)
{
	const struct mcreate rq = { .mode = S_IFDIR | 0755 };

	*m = (struct model){ 0 };
	m->root = node_new(m, &rq);
	m->root->nlink = 2;
	m->root->parent = m->root;
}

void model_fini(struct model *m)
{
	while (m->nr_nodes)
		node_free(m, m->node[m->nr_nodes - 1]);
	free(m->node);
}

/* -- directories ------------------------------------------------------------- */

/* May names be made or removed here? */
static int check_loc(struct mloc at)
{
	int err = check_name(at.name);

	if (err)
		return err;
	if (!S_ISDIR(at.dir->mode))
		return -ENOTDIR;
	return at.dir->parent ? 0 : -ENOENT;
}

static struct mnode **slot(struct mloc at)
{
	return &at.dir->child[at.name];
}

static void insert(struct mloc at, struct mnode *n)
{
	*slot(at) = n;
	at.dir->nr_children++;
	if (S_ISDIR(n->mode)) {
		n->parent = at.dir;
		at.dir->nlink++;
	}
}

static void take_out(struct mloc at)
{
	if (S_ISDIR((*slot(at))->mode))
		at.dir->nlink--;
	*slot(at) = NULL;
	at.dir->nr_children--;
}

int model_lookup(struct mloc at, struct mnode **out)
{
	int err = check_loc(at);

	if (err)
		return err;
	*out = *slot(at);
	return *out ? 0 : -ENOENT;
}

static struct mcreate inherit(const struct mnode *dir, const struct mcreate *rq)
{
	struct mcreate c = *rq;

	if (dir->mode & S_ISGID) {
		c.gid = dir->gid;
		if (S_ISDIR(c.mode))
			c.mode |= S_ISGID;
	}
	return c;
}

int model_create(struct model *m, struct mloc at, const struct mcreate *rq, struct mnode **out)
{
	int err = check_loc(at);

	if (err)
		return err;
	if (*slot(at))
		return -EEXIST;
	struct mcreate c = inherit(at.dir, rq);

	*out = node_new(m, &c);
	(*out)->nlink = S_ISDIR(c.mode) ? 2 : 1;
	insert(at, *out);
	return 0;
}

struct mnode *model_tmpfile(struct model *m, struct mnode *dir, const struct mcreate *rq)
{
	struct mcreate c = inherit(dir, rq);

	struct mnode *n = node_new(m, &c);

	n->linkable = true;
	return n;
}

int model_link(struct mnode *node, struct mloc at)
{
	int err = check_loc(at);

	if (err)
		return err;
	if (*slot(at))
		return -EEXIST;
	if (S_ISDIR(node->mode))
		return -EPERM;
	if (node->nlink >= NLINK_LIMIT)
		return -EMLINK;
	node->nlink++;
	node->linkable = false;
	insert(at, node);
	return 0;
}

int model_unlink(struct model *m, struct mloc at)
{
	struct mnode *n;
	int err = model_lookup(at, &n);

	if (err)
		return err;
	if (S_ISDIR(n->mode))
		return -EISDIR;
	take_out(at);
	n->nlink--;
	drop_if_dead(m, n);
	return 0;
}

static void end_dir(struct model *m, struct mnode *dir)
{
	dir->nlink = 0;
	dir->parent = NULL;
	drop_if_dead(m, dir);
}

int model_rmdir(struct model *m, struct mloc at)
{
	struct mnode *n;
	int err = model_lookup(at, &n);

	if (err)
		return err;
	if (!S_ISDIR(n->mode))
		return -ENOTDIR;
	if (n->nr_children)
		return -ENOTEMPTY;
	take_out(at);
	end_dir(m, n);
	return 0;
}

/* -- rename ------------------------------------------------------------------ */

/* Is @n @dir itself or above it? */
static bool is_above(const struct mnode *n, const struct mnode *dir)
{
	while (dir != n && dir->parent != dir)
		dir = dir->parent;
	return dir == n;
}

static int check_loops(struct mloc src, struct mloc dst, unsigned flags)
{
	if (src.dir == dst.dir)
		return 0;
	if (is_above(*slot(src), dst.dir))
		return -EINVAL;
	if (*slot(dst) && is_above(*slot(dst), src.dir))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_replace(const struct mnode *s, const struct mnode *d)
{
	if (!S_ISDIR(s->mode))
		return S_ISDIR(d->mode) ? -EISDIR : 0;
	if (!S_ISDIR(d->mode))
		return -ENOTDIR;
	return d->nr_children ? -ENOTEMPTY : 0;
}

static int check_both(struct mloc src, struct mloc dst, unsigned flags)
{
	int err = check_name(src.name);

	if (!err)
		err = check_name(dst.name);
	if (!err)
		err = check_loc(src);
	if (!err)
		err = check_loc(dst);
	if (err)
		return err;
	if (!*slot(src))
		return -ENOENT;
	if (*slot(dst) && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (!*slot(dst) && (flags & RENAME_EXCHANGE))
		return -ENOENT;
	return 0;
}

static void exchange(struct mloc src, struct mloc dst)
{
	struct mnode *s = *slot(src), *d = *slot(dst);

	take_out(src);
	take_out(dst);
	insert(src, d);
	insert(dst, s);
}

static void replace(struct model *m, struct mloc src, struct mloc dst)
{
	struct mnode *s = *slot(src), *d = *slot(dst);

	take_out(src);
	if (d) {
		take_out(dst);
		if (S_ISDIR(d->mode)) {
			end_dir(m, d);
		} else {
			d->nlink--;
			drop_if_dead(m, d);
		}
	}
	insert(dst, s);
}

int model_rename(struct model *m, struct mloc src, struct mloc dst, unsigned flags)
{
	int err = check_both(src, dst, flags);

	if (err || *slot(src) == *slot(dst))
		return err;
	err = check_loops(src, dst, flags);
	if (err)
		return err;
	if (flags & RENAME_EXCHANGE) {
		exchange(src, dst);
		return 0;
	}
	err = *slot(dst) ? check_replace(*slot(src), *slot(dst)) : 0;
	if (!err)
		replace(m, src, dst);
	return err;
}

unsigned model_depth(const struct mnode *dir)
{
	unsigned n = 0;

	for (; dir->parent && dir->parent != dir; dir = dir->parent)
		n++;
	return n;
}

unsigned model_height(const struct mnode *dir)
{
	unsigned most = 0;

	if (!S_ISDIR(dir->mode))
		return 0;
	for (int i = 0; i < MODEL_NAMES; i++) {
		unsigned h = dir->child[i] ? model_height(dir->child[i]) : 0;

		if (h > most)
			most = h;
	}
	return most + 1;
}

/* -- content ----------------------------------------------------------------- */

void model_open(struct mnode *node)
{
	node->opens++;
}

void model_close(struct model *m, struct mnode *node)
{
	node->opens--;
	drop_if_dead(m, node);
}

ssize_t model_read(const struct mnode *node, void *buf, size_t len, uint64_t off)
{
	if (off >= node->size)
		return 0;
	if (len > node->size - off)
		len = (size_t)(node->size - off);
	content_read(&node->content, buf, len, off);
	return (ssize_t)len;
}

ssize_t model_write(struct mnode *node, const void *buf, size_t len, uint64_t off)
{
	content_write(&node->content, buf, len, off);
	if (len && off + len > node->size)
		node->size = off + len;
	return (ssize_t)len;
}

/* Equal size: space that was allocated beyond the end is given back, too. */
int model_truncate(struct mnode *node, uint64_t size)
{
	if (size <= node->size)
		content_cut(&node->content, size);
	node->size = size;
	return 0;
}

int model_fallocate(struct mnode *node, int mode, uint64_t off, uint64_t len)
{
	bool keep = mode & FALLOC_FL_KEEP_SIZE;

	if (!len)
		return -EINVAL;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (!keep)
			return -EOPNOTSUPP;
		content_punch(&node->content, off, len);
		return 0;
	}
	if (mode & FALLOC_FL_ZERO_RANGE)
		content_zero(&node->content, off, len);
	content_alloc(&node->content, off, len);
	if (!keep && off + len > node->size)
		node->size = off + len;
	return 0;
}

void model_chown(struct mnode *node, uint32_t uid, uint32_t gid)
{
	node->uid = uid;
	node->gid = gid;
	if (S_ISDIR(node->mode))
		return;
	node->mode &= ~(uint32_t)S_ISUID;
	if (node->mode & S_IXGRP)
		node->mode &= ~(uint32_t)S_ISGID;
}

void model_chmod(struct mnode *node, uint32_t mode)
{
	node->mode = (node->mode & S_IFMT) | (mode & 07777);
}

/* -- extended attributes ------------------------------------------------------ */

static bool takes_user_xattrs(const struct mnode *node)
{
	return S_ISREG(node->mode) || S_ISDIR(node->mode);
}

ssize_t model_getxattr(const struct mnode *node, int x, void *buf, size_t size)
{
	const struct mxattr *xa = &node->xattr[x];

	if (!xa->used)
		return -ENODATA;
	if (size && xa->size > size)
		return -ERANGE;
	if (size && xa->size)
		memcpy(buf, xa->value, xa->size);
	return (ssize_t)xa->size;
}

int model_setxattr(struct mnode *node, int x, const struct mxattr *value, int flags)
{
	struct mxattr *xa = &node->xattr[x];

	if (!strncmp(model_xattr_name(x), "user.", 5) && !takes_user_xattrs(node))
		return -EPERM;
	if (value->size > 65536)
		return -E2BIG;
	if (xa->used && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!xa->used && (flags & XATTR_REPLACE))
		return -ENODATA;
	free(xa->value);
	xa->value = must(malloc(value->size + 1));
	if (value->size)
		memcpy(xa->value, value->value, value->size);
	xa->size = value->size;
	xa->used = true;
	return 0;
}

int model_removexattr(struct mnode *node, int x)
{
	struct mxattr *xa = &node->xattr[x];

	if (!xa->used)
		return -ENODATA;
	free(xa->value);
	*xa = (struct mxattr){ 0 };
	return 0;
}
