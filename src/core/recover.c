// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * recover.c -- rebuild free space and free inodes by walking the inode file
 *
 * After a crash (or without a snapshot) every inode is checked and what it
 * claims is claimed in the allocator; two claims on one block are corruption
 * and end the mount.  Inodes with no name left are collected for reclaiming.
 * Reads only, before anyone else is there.  One thread per CPU at most: each takes
 * the next segment of inode numbers, and the allocators lock by group.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/balloc.h"
#include "core/ialloc.h"
#include "core/instance.h"
#include "disk/extmap.h"
#include "disk/xattrblk.h"

struct claim { struct fs *fs; uint64_t ino; };

static int claim_run(const struct claim *c, pblk_t b, uint64_t n)
{
	uint64_t clash;

	if (!balloc_mark(c->fs->balloc, pblk_nr(b), n, &clash))
		return 0;
	return corrupt("block %" PRIu64 " is claimed by inode %" PRIu64 " and by another owner", clash, c->ino);
}

static int claim_extent(void *arg, const struct extent *ext)
{
	return claim_run(arg, ext->pblk, ext->len);
}

static int claim_node(void *arg, pblk_t b)
{
	return claim_run(arg, b, 1);
}

static int claim_map(struct claim *c, struct dinode *di)
{
	struct extmap m = { .disk = &c->fs->disk, .root = &di->map, .ino = c->ino };
	struct extmap_visitor v = { claim_extent, claim_node, c };

	return extmap_walk(&m, &v);
}

static int claim_xattr(struct claim *c, pblk_t first)
{
	struct runvec rv;

	runvec_init(&rv);
	int err = xattrblk_blocks(&c->fs->disk, c->ino, first, &rv);

	for (size_t i = 0; !err && i < rv.nr; i++)
		err = claim_run(c, rv.v[i].pblk, rv.v[i].n);
	runvec_fini(&rv);
	return err;
}

static int u64vec_add(struct u64vec *uv, uint64_t x)
{
	if (uv->nr == uv->cap) {
		size_t cap = uv->cap ? uv->cap * 2 : 16;
		uint64_t *v = realloc(uv->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		uv->v = v;
		uv->cap = cap;
	}
	uv->v[uv->nr++] = x;
	return 0;
}

/* Of a segment: what it has, for the one that looks at it. */
struct finds { uint64_t nr_used; struct u64vec *orphans; };

static int scan_inode(struct fs *fs, uint64_t ino, struct dinode *di, struct finds *f)
{
	struct claim c = { fs, ino };
	struct iattr a;
	int err = dinode_check(&fs->disk, di, ino);

	if (err || dinode_unused(di))
		return err;
	dinode_load(&a, di);
	err = ialloc_mark(fs, ino);
	f->nr_used += !err;
	if (!err && !(a.flags & DAXFS_INODE_INLINE_LINK))
		err = claim_map(&c, di);
	if (!err && a.xattr.v)
		err = claim_xattr(&c, a.xattr);
	if (!err && !a.nlink)
		err = u64vec_add(f->orphans, ino);
	return err;
}

static int scan_segment(struct fs *fs, uint64_t ino, uint64_t end, struct u64vec *orphans)
{
	struct finds f = { 0, orphans };
	int err = 0;

	while (!err && ino < end) {
		struct dinode *di;
		uint64_t n;

		err = ifile_map(&fs->disk, ino, &di, &n);
		n = n < end - ino ? n : end - ino;
		for (uint64_t i = 0; !err && i < n; i++)
			if (ino + i)
				err = scan_inode(fs, ino + i, di + i, &f);
		ino += err ? 0 : n;
	}
	ialloc_marked(fs, f.nr_used);
	return err;
}

/* -- threads ------------------------------------------------------------------------ */

#define WORKERS_MAX	16	/* more wait for memory only */

struct scan {
	struct fs *fs;
	uint64_t nr;			/* inode numbers there are */
	_Atomic uint64_t next;		/* the first that nobody has taken */
	atomic_int err;			/* the first that failed */
};

struct worker { struct scan *scan; struct u64vec orphans; pthread_t thread; };

static void *work(void *arg)
{
	struct worker *w = arg;
	struct scan *sc = w->scan;
	int none = 0, err = 0;

	while (!err && !atomic_load(&sc->err)) {
		uint64_t first = atomic_fetch_add(&sc->next, IALLOC_SEGMENT);

		if (first >= sc->nr)
			break;
		err = scan_segment(sc->fs, first, sc->nr - first < IALLOC_SEGMENT ? sc->nr : first + IALLOC_SEGMENT,
				   &w->orphans);
	}
	if (err)
		atomic_compare_exchange_strong(&sc->err, &none, err);
	return NULL;
}

/* Without threads the caller does all of it. */
static unsigned start_workers(struct worker *w, struct scan *sc)
{
	uint64_t nr = (sc->nr + IALLOC_SEGMENT - 1) / IALLOC_SEGMENT;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned i = 1;

	nr = cpus > 0 && nr > (uint64_t)cpus ? (uint64_t)cpus : nr;
	nr = nr > WORKERS_MAX ? WORKERS_MAX : nr;
	for (unsigned k = 0; k < WORKERS_MAX; k++)
		w[k] = (struct worker){ .scan = sc };
	while (i < nr && !pthread_create(&w[i].thread, NULL, work, &w[i]))
		i++;
	return i;
}

static int take_orphans(struct worker *w, struct u64vec *orphans)
{
	int err = 0;

	for (size_t i = 0; !err && i < w->orphans.nr; i++)
		err = u64vec_add(orphans, w->orphans.v[i]);
	free(w->orphans.v);
	return err;
}

int recover_scan(struct fs *fs, struct u64vec *orphans)
{
	struct scan sc = { .fs = fs, .nr = ifile_nr(&fs->disk) };
	struct worker w[WORKERS_MAX];
	int err = claim_map(&(struct claim){ fs, 0 }, &fs->disk.super->ifile);

	if (err)
		return err;
	unsigned nr = start_workers(w, &sc);

	work(&w[0]);
	for (unsigned i = 1; i < nr; i++)
		pthread_join(w[i].thread, NULL);
	err = atomic_load(&sc.err);
	for (unsigned i = 0; i < nr; i++) {
		int e = take_orphans(&w[i], orphans);

		err = err ? err : e;
	}
	return err;
}
