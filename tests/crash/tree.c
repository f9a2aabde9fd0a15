/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tree.c -- all that can be seen of a filesystem
 *
 * A fixed bound on what a walk may find (WALK_MAX) ends a walk through a tree
 * that loops.
 */
#include "crash/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/dir.h"
#include "core/file.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/namei.h"
#include "core/space.h"
#include "core/xattr.h"
#include "disk/super.h"

#define WALK_MAX	100000u

static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

struct walk { struct tree *t; struct fs *fs; char *why; uint64_t dir; int err; };

static int stop(struct walk *w, int err, const char *what, uint64_t ino)
{
	snprintf(w->why, 160, "%s of inode %" PRIu64 " in directory %" PRIu64 ": %s", what, ino, w->dir, strerror(-err));
	w->err = err;
	return err;
}

/* -- one inode ---------------------------------------------------------------------- */

static ssize_t hash_xattr(struct inode *ip, const char *name, uint64_t *sum)
{
	static uint8_t value[65536];
	ssize_t n = xattr_get(ip, name, value, sizeof(value));

	if (n >= 0)
		*sum += XXH3_64bits_withSeed(value, (size_t)n, XXH3_64bits(name, strlen(name)));
	return n;
}

static int load_xattrs(struct inode *ip, struct tree_node *n)
{
	static char list[65536];
	ssize_t len = n->a.xattr.v ? xattr_list(ip, list, sizeof(list)) : 0;

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(list + at) + 1) {
		ssize_t got = hash_xattr(ip, list + at, &n->xattrs);

		if (got < 0)
			return (int)got;
	}
	return len < 0 ? (int)len : 0;
}

static int load_range(struct inode *ip, struct tree_node *n, uint64_t off, uint64_t end)
{
	static uint8_t buf[1u << 16];

	while (off < end) {
		size_t len = end - off < sizeof(buf) ? (size_t)(end - off) : sizeof(buf);
		ssize_t got = file_read(ip, buf, len, off);

		if (got != (ssize_t)len)
			return got < 0 ? (int)got : -EIO;
		content_write(&n->content, buf, len, off);
		off += len;
	}
	return 0;
}

static int load_content(struct inode *ip, struct tree_node *n)
{
	uint64_t size = n->a.size;
	off_t data = space_seek(ip, 0, SEEK_DATA), hole = 0;
	int err = 0;

	while (!err && data >= 0) {
		hole = space_seek(ip, data, SEEK_HOLE);
		if (hole < 0)
			return (int)hole;
		err = load_range(ip, n, (uint64_t)data, (uint64_t)hole < size ? (uint64_t)hole : size);
		data = space_seek(ip, hole, SEEK_DATA);
	}
	return err ? err : data == -ENXIO ? 0 : (int)data;
}

static int load_target(struct inode *ip, struct tree_node *n)
{
	char buf[DAXFS_SYMLINK_MAX + 1];
	int len = namei_readlink(ip, buf, sizeof(buf));

	if (len >= 0)
		n->target = XXH3_64bits(buf, (size_t)len);
	return len < 0 ? len : 0;
}

/*
 * Nobody reads behind the end of a file, but whoever maps its last block can see
 * it: nothing that was on media before may be there.
 */
static bool has_dirty_tail(struct inode *ip, uint64_t size)
{
	struct extent ext;
	uint64_t lblk = size / DAXFS_BLOCK_SIZE;

	if (size % DAXFS_BLOCK_SIZE == 0 || space_extent(ip, (lblk_t){ lblk }, &ext) != 1 || ext.lblk.v > lblk ||
	    (ext.flags & DAXFS_EXT_UNWRITTEN))
		return false;
	const uint8_t *block = disk_ptr(&ip->fs->disk, pblk_add(ext.pblk, lblk - ext.lblk.v));

	return memchr(block + size % DAXFS_BLOCK_SIZE, POISON, DAXFS_BLOCK_SIZE - size % DAXFS_BLOCK_SIZE);
}

static int load_node(struct inode *ip, struct tree_node *n)
{
	attr_get(ip, &n->a);
	int err = load_xattrs(ip, n);

	if (!err && S_ISREG(n->a.mode))
		err = load_content(ip, n);
	if (!err && S_ISREG(n->a.mode))
		n->dirty_tail = has_dirty_tail(ip, n->a.size);
	if (!err && S_ISLNK(n->a.mode))
		err = load_target(ip, n);
	return err;
}

static void index_add(struct tree *t, uint64_t ino)
{
	if (ino >= t->nr_index) {
		size_t nr = ino + 1024;

		t->index = need(realloc(t->index, nr * sizeof(*t->index)));
		memset(t->index + t->nr_index, 0, (nr - t->nr_index) * sizeof(*t->index));
		t->nr_index = nr;
	}
	t->index[ino] = (uint32_t)t->nr_nodes;
}

static int add_node(struct walk *w, uint64_t ino)
{
	struct tree *t = w->t;
	struct inode *ip;

	if (tree_find(t, ino))
		return 0;
	if (t->nr_nodes == WALK_MAX)
		return stop(w, -ELOOP, "walk", ino);
	int err = inode_get(w->fs, ino, &ip);

	if (err)
		return stop(w, err, "look-up", ino);
	if (t->nr_nodes == t->cap_nodes) {
		t->cap_nodes = t->cap_nodes ? 2 * t->cap_nodes : 64;
		t->node = need(realloc(t->node, t->cap_nodes * sizeof(*t->node)));
	}
	struct tree_node *n = &t->node[t->nr_nodes++];

	*n = (struct tree_node){ .ino = ino };
	index_add(t, ino);
	err = load_node(ip, n);
	inode_put(ip, 1);
	return err ? stop(w, err, "reading", ino) : 0;
}

/* -- the tree ------------------------------------------------------------------------ */

static int see_name(void *arg, const struct dir_entry *e)
{
	struct walk *w = arg;
	struct tree *t = w->t;

	if (e->name.s[0] == '.' && (e->name.len == 1 || (e->name.len == 2 && e->name.s[1] == '.')))
		return 0;
	if (t->nr_names == t->cap_names) {
		t->cap_names = t->cap_names ? 2 * t->cap_names : 64;
		t->name = need(realloc(t->name, t->cap_names * sizeof(*t->name)));
	}
	t->name[t->nr_names++] = (struct tree_name){ w->dir, XXH3_64bits(e->name.s, e->name.len), e->ino };
	return add_node(w, e->ino);
}

static int walk_dir(struct walk *w, uint64_t ino)
{
	struct inode *dir;
	int err = inode_get(w->fs, ino, &dir);

	if (err)
		return stop(w, err, "look-up", ino);
	w->dir = ino;
	err = dir_read(dir, 0, see_name, w);
	inode_put(dir, 1);
	if (w->err)
		return w->err;
	return err ? stop(w, err, "readdir", ino) : 0;
}

static int name_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct tree_name));
}

int tree_load(struct tree *t, struct fs *fs, char why[160])
{
	struct walk w = { .t = t, .fs = fs, .why = why };

	*t = (struct tree){ 0 };
	int err = add_node(&w, DAXFS_ROOT_INO);

	for (size_t i = 0; !err && i < t->nr_nodes; i++)
		if (S_ISDIR(t->node[i].a.mode))
			err = walk_dir(&w, t->node[i].ino);
	if (t->nr_names)
		qsort(t->name, t->nr_names, sizeof(*t->name), name_order);
	t->clean = super_state(&fs->disk) == DAXFS_STATE_CLEAN;
	return err;
}

void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->nr_nodes; i++)
		content_fini(&t->node[i].content);
	free(t->node);
	free(t->name);
	free(t->index);
	*t = (struct tree){ 0 };
}

const struct tree_node *tree_find(const struct tree *t, uint64_t ino)
{
	return ino < t->nr_index && t->index[ino] ? &t->node[t->index[ino] - 1] : NULL;
}

/* -- comparing ------------------------------------------------------------------------ */

static const char *attr_difference(const struct tree_node *is, const struct tree_node *want)
{
	const struct iattr *a = &is->a, *b = &want->a;

	if (a->mode != b->mode)
		return "mode";
	if (a->uid != b->uid || a->gid != b->gid)
		return "owner";
	if (a->nlink != b->nlink)
		return "link count";
	if (a->size != b->size)
		return "size";
	if (a->flags != b->flags || a->gen != b->gen || a->btime != b->btime)
		return "flags, generation or birth time";
	if (a->blocks != b->blocks)
		return "number of blocks";
	if (a->rdev != b->rdev)
		return "device or parent";
	if (is->xattrs != want->xattrs)
		return "extended attributes";
	return is->target != want->target ? "symlink target" : NULL;
}

bool tree_differs(const struct tree *is, const struct tree *want, char why[160])
{
	if (is->nr_names != want->nr_names ||
	    (is->nr_names && memcmp(is->name, want->name, is->nr_names * sizeof(*is->name)) != 0)) {
		snprintf(why, 160, "%zu names, should be %zu, or others", is->nr_names, want->nr_names);
		return true;
	}
	for (size_t i = 0; i < is->nr_nodes; i++) {
		const struct tree_node *n = tree_find(want, is->node[i].ino);
		const char *what = n ? attr_difference(&is->node[i], n) : "being there";

		if (what) {
			snprintf(why, 160, "inode %" PRIu64 ": %s", is->node[i].ino, what);
			return true;
		}
	}
	return false;
}
