/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tree.c -- everything that users of a filesystem can see of it, taken through the engine
 */
#include "tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "core/attr.h"
#include "core/dir.h"
#include "core/file.h"
#include "core/fs.h"
#include "core/inode.h"
#include "core/namei.h"
#include "core/space.h"
#include "core/xattr.h"

#define PIECE	(64u << 10)

static void *room(void *array, size_t nr, size_t *cap, size_t size)
{
	if (nr < *cap)
		return array;
	*cap = *cap ? 2 * *cap : 256;
	array = realloc(array, *cap * size);
	if (!array)
		abort();
	return array;
}

/* -- what is in an inode ------------------------------------------------------------------ */

/* Neighbours of one kind count as one extent: repairs may split and join them. */
static int hash_extents(struct inode *ip, uint32_t *crc)
{
	struct extent e, run = { 0 };
	int r;

	while ((r = space_extent(ip, lblk_add(run.lblk, run.len), &e)) == 1) {
		uint64_t edge[3] = { run.lblk.v + run.len, e.lblk.v, e.flags };

		if (edge[0] != edge[1] || run.flags != e.flags || !run.len)
			*crc = crc32c(*crc, edge, sizeof(edge));
		run = e;
	}
	*crc = crc32c(*crc, &(uint64_t){ run.lblk.v + run.len }, 8);
	return r;
}

static int hash_file(struct inode *ip, uint32_t *crc)
{
	static uint8_t buf[PIECE];
	uint64_t off = 0;
	ssize_t n;

	while ((n = file_read(ip, buf, sizeof(buf), off)) > 0) {
		*crc = crc32c(*crc, buf, (size_t)n);
		off += (uint64_t)n;
	}
	return n < 0 ? (int)n : hash_extents(ip, crc);
}

static int hash_link(struct inode *ip, uint32_t *crc)
{
	char target[DAXFS_SYMLINK_MAX + 1];
	int n = namei_readlink(ip, target, sizeof(target));

	if (n > 0)
		*crc = crc32c(0, target, (size_t)n);
	return n < 0 ? n : 0;
}

static int hash_xattr(struct inode *ip, const char *name, uint32_t *sum)
{
	static uint8_t value[DAXFS_XATTR_SIZE_MAX];
	ssize_t n = xattr_get(ip, name, value, sizeof(value));

	if (n >= 0)
		*sum += crc32c(crc32c(0, name, strlen(name)), value, (size_t)n) | 1;
	return n < 0 ? (int)n : 0;
}

static int hash_xattrs(struct inode *ip, uint32_t *sum)
{
	static char list[DAXFS_XATTR_SIZE_MAX];
	ssize_t n = xattr_list(ip, list, sizeof(list));
	int err = n < 0 ? (int)n : 0;

	for (char *s = list; !err && s < list + n; s += strlen(s) + 1)
		err = hash_xattr(ip, s, sum);
	return err;
}

static int take_inode(struct tree *t, struct inode *ip)
{
	struct tree_inode *ti;
	int err = 0;

	t->inode = room(t->inode, t->nr_inodes, &t->cap_inodes, sizeof(*t->inode));
	ti = &t->inode[t->nr_inodes++];
	*ti = (struct tree_inode){ .ino = ip->ino };
	attr_get(ip, &ti->a);
	if (S_ISREG(ip->type))
		err = hash_file(ip, &ti->content);
	else if (S_ISLNK(ip->type))
		err = hash_link(ip, &ti->content);
	return err ? err : hash_xattrs(ip, &ti->xattrs);
}

/* -- names ---------------------------------------------------------------------------------- */

struct take { struct tree *t; uint64_t dir; };

static int take_name(void *arg, const struct dir_entry *e)
{
	const struct take *take = arg;
	struct tree *t = take->t;
	struct tree_name *n;

	if (e->name.s[0] == '.' && (e->name.len == 1 || (e->name.len == 2 && e->name.s[1] == '.')))
		return 0;
	t->name = room(t->name, t->nr_names, &t->cap_names, sizeof(*t->name));
	n = &t->name[t->nr_names++];
	*n = (struct tree_name){ .dir = take->dir, .ino = e->ino, .type = e->type };
	memcpy(n->name, e->name.s, e->name.len);
	return 0;
}

static bool have(const struct tree *t, uint64_t ino)
{
	for (size_t i = 0; i < t->nr_inodes; i++)
		if (t->inode[i].ino == ino)
			return true;
	return false;
}

static int take_one(struct tree *t, struct fs *fs, uint64_t ino, char why[512])
{
	struct take take = { t, ino };
	struct inode *ip;
	int err = inode_get(fs, ino, &ip);

	if (!err) {
		err = take_inode(t, ip);
		if (!err && S_ISDIR(ip->type))
			err = dir_read(ip, 0, take_name, &take);
		inode_put(ip, 1);
	}
	if (err)
		snprintf(why, 512, "inode %" PRIu64 ": %s", ino, strerror(-err));
	return err;
}

static int by_number(const void *a, const void *b)
{
	const struct tree_inode *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static int by_name(const void *a, const void *b)
{
	const struct tree_name *x = a, *y = b;

	if (x->dir != y->dir)
		return x->dir > y->dir ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* Breadth first: names are looked at in the order they were found in. */
int tree_take(struct tree *t, struct fs *fs, char why[512])
{
	int err;

	*t = (struct tree){ 0 };
	err = take_one(t, fs, DAXFS_ROOT_INO, why);
	for (size_t i = 0; !err && i < t->nr_names; i++)
		if (!have(t, t->name[i].ino))
			err = take_one(t, fs, t->name[i].ino, why);
	if (err)
		return err;
	qsort(t->inode, t->nr_inodes, sizeof(*t->inode), by_number);
	qsort(t->name, t->nr_names, sizeof(*t->name), by_name);
	return 0;
}

void tree_free(struct tree *t)
{
	free(t->inode);
	free(t->name);
	*t = (struct tree){ 0 };
}

/* -- comparing -------------------------------------------------------------------------------- */

struct compare {
	const struct tree *before, *after;
	uint64_t victim, found, lostfound;	/* lostfound 0: there is none */
	unsigned differs;
	char *why;
};

static const struct tree_inode *find_inode(const struct tree *t, uint64_t ino)
{
	const struct tree_inode key = { .ino = ino };

	return bsearch(&key, t->inode, t->nr_inodes, sizeof(key), by_number);
}

static const struct tree_name *find_name(const struct tree *t, uint64_t dir, const char *name)
{
	struct tree_name key = { .dir = dir };

	strcpy(key.name, name);
	return bsearch(&key, t->name, t->nr_names, sizeof(key), by_name);
}

static bool has_name_in(const struct tree *t, uint64_t dir, uint64_t ino)
{
	for (size_t i = 0; i < t->nr_names; i++)
		if (t->name[i].dir == dir && t->name[i].ino == ino)
			return true;
	return false;
}

static size_t count_names(const struct tree *t, uint64_t ino)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nr_names; i++)
		n += t->name[i].ino == ino;
	return n;
}

/* What has become of an inode; /lost+found may have got the number of one that is gone. */
static const struct tree_inode *now(const struct compare *c, uint64_t ino)
{
	return ino == c->lostfound ? NULL : find_inode(c->after, ino);
}

static bool is_found(const struct compare *c, uint64_t ino)
{
	char name[32];
	const struct tree_name *n;

	snprintf(name, sizeof(name), "#%" PRIu64, ino);
	n = c->lostfound ? find_name(c->after, c->lostfound, name) : NULL;
	return n && n->ino == ino;
}

static bool attrs_same(const struct iattr *a, const struct iattr *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->nlink == b->nlink &&
	       a->flags == b->flags && a->gen == b->gen && a->rdev == b->rdev && a->atime == b->atime &&
	       a->mtime == b->mtime && a->ctime == b->ctime && a->btime == b->btime;
}

static unsigned inode_differs(const struct tree_inode *a, const struct tree_inode *b)
{
	unsigned d = 0;

	if (!attrs_same(&a->a, &b->a))
		d |= TREE_ATTRS;
	if (a->a.size != b->a.size || a->a.blocks != b->a.blocks)
		d |= TREE_SIZE;
	if (a->content != b->content)
		d |= TREE_CONTENT;
	if (a->xattrs != b->xattrs)
		d |= TREE_XATTRS;
	return d;
}

/* It had a name in the victim: that is one link less, and nothing else. */
static unsigned only_links(const struct compare *c, const struct tree_inode *was)
{
	const struct tree_inode *is = now(c, was->ino);
	struct iattr a = was->a;

	a.nlink = (uint32_t)count_names(c->after, was->ino);
	return is && attrs_same(&a, &is->a) ? TREE_ATTRS : 0;
}

/* What a repair elsewhere does to directories: a new entry, one subdirectory less, another parent. */
static unsigned excused(const struct compare *c, const struct tree_inode *was)
{
	if (was->ino == DAXFS_ROOT_INO && c->lostfound)
		return TREE_ATTRS | TREE_SIZE;
	if (has_name_in(c->before, was->ino, c->victim) && !has_name_in(c->after, was->ino, c->victim))
		return TREE_ATTRS;
	if (S_ISDIR(was->a.mode))
		return is_found(c, was->ino) ? TREE_ATTRS : 0;
	return has_name_in(c->before, c->victim, was->ino) ? only_links(c, was) : 0;
}

static bool compare_inode(struct compare *c, const struct tree_inode *was)
{
	const struct tree_inode *is = now(c, was->ino);
	unsigned d = is ? inode_differs(was, is) : TREE_GONE;

	if (was->ino == c->victim) {
		c->differs |= d & ~excused(c, was);
		return true;
	}
	d &= ~excused(c, was);
	if (d)
		snprintf(c->why, 512, "inode %" PRIu64 " is not what it was (%#x)", was->ino, d);
	return !d;
}

/* A name of the victim that is not there any more. */
static unsigned victim_lost(const struct compare *c)
{
	if (is_found(c, c->victim))
		return TREE_FOUND;
	return now(c, c->victim) ? TREE_ENTRY : TREE_GONE;
}

/* A name that is not there any more. */
static bool compare_lost(struct compare *c, const struct tree_name *was)
{
	if (was->ino == c->victim) {
		c->differs |= victim_lost(c);
		return true;
	}
	if (was->dir == c->victim && (is_found(c, was->ino) || now(c, was->ino))) {
		c->differs |= TREE_NAMES;
		return true;
	}
	if (was->ino == c->found && is_found(c, was->ino))
		return true;
	snprintf(c->why, 512, "'%s' of directory %" PRIu64 " is lost", was->name, was->dir);
	return false;
}

static bool compare_name(struct compare *c, const struct tree_name *was)
{
	const struct tree_name *is = find_name(c->after, was->dir, was->name);

	if (!is || (is->ino != was->ino && (was->ino == c->victim || was->ino == c->found)))
		return compare_lost(c, was);
	if (is->ino == was->ino && is->type == was->type)
		return true;
	snprintf(c->why, 512, "'%s' of directory %" PRIu64 " is inode %" PRIu64 ", was %" PRIu64, was->name,
		 was->dir, is->ino, was->ino);
	return false;
}

/* A name that was not there: /lost+found, and what lost its name. */
static bool compare_new(struct compare *c, const struct tree_name *is)
{
	if (find_name(c->before, is->dir, is->name) || is->ino == c->lostfound)
		return true;
	if (is->dir == c->lostfound && is_found(c, is->ino) &&
	    (is->ino == c->victim || is->ino == c->found || has_name_in(c->before, c->victim, is->ino)))
		return true;
	snprintf(c->why, 512, "'%s' of directory %" PRIu64 " is new, inode %" PRIu64, is->name, is->dir, is->ino);
	return false;
}

static bool lostfound_ok(const struct compare *c)
{
	const struct tree_inode *lf = find_inode(c->after, c->lostfound);

	if (!c->lostfound || (lf && S_ISDIR(lf->a.mode) && (lf->a.mode & 07777) == 0700))
		return true;
	snprintf(c->why, 512, "/lost+found has mode %o", lf ? lf->a.mode : 0);
	return false;
}

bool tree_compare(const struct tree *before, const struct tree *after, const struct tree_change *what,
		  unsigned *differs, char why[512])
{
	struct compare c = { .before = before, .after = after, .victim = what->victim, .found = what->found,
			     .why = why };
	const struct tree_name *lf = find_name(after, DAXFS_ROOT_INO, "lost+found");
	bool good;

	c.lostfound = lf ? lf->ino : 0;
	good = lostfound_ok(&c);
	for (size_t i = 0; good && i < before->nr_inodes; i++)
		good = compare_inode(&c, &before->inode[i]);
	for (size_t i = 0; good && i < before->nr_names; i++)
		good = compare_name(&c, &before->name[i]);
	for (size_t i = 0; good && i < after->nr_names; i++)
		good = compare_new(&c, &after->name[i]);
	*differs = c.differs;
	return good;
}
