// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * snapshot.c -- free space and free inodes, from and to the clean-unmount snapshot
 *
 * The snapshot lies in blocks that it itself calls free.  It is good only while
 * the state on media is clean: mounting makes the state dirty before anything else changes, and a
 * crash while it is written leaves the state dirty and the snapshot unread.
 */
#include <errno.h>

#include "base/log.h"
#include "core/balloc.h"
#include "core/ialloc.h"
#include "core/instance.h"
#include "disk/snap.h"
#include "disk/super.h"

struct load { struct fs *fs; int err; };

static void load_run(void *arg, uint64_t chunk, uint64_t count)
{
	struct load *l = arg;

	balloc_load_run(l->fs->balloc, chunk, count);
}

static void load_chunk(void *arg, uint64_t chunk, const uint64_t used[8])
{
	struct load *l = arg;

	balloc_load_chunk(l->fs->balloc, chunk, used);
}

static void load_inodes(void *arg, uint64_t first, const uint64_t *words, uint64_t n)
{
	struct load *l = arg;

	if (!l->err)
		l->err = ialloc_load_words(l->fs, first, words, n);
}

int snapshot_load(struct fs *fs)
{
	struct load l = { .fs = fs };
	struct snap_reader r = { load_run, load_chunk, load_inodes, &l };
	struct snap_counts c;
	pblk_t at;
	uint64_t bytes;
	int have = super_snap(&fs->disk, &at, &bytes);

	if (have <= 0)
		return have ? have : -ENOENT;
	int err = snap_read(&fs->disk, at, bytes, &c, &r);

	if (!err)
		err = l.err;
	if (!err && (balloc_nr_free(fs->balloc) != c.nr_free || ialloc_nr(fs) != c.nr_inodes))
		err = corrupt("snapshot: its counts do not match its bits");
	return err;
}

/* One run for all of it; taken and given back at once: nobody allocates any more. */
static int find_place(struct fs *fs, uint64_t bytes, pblk_t *at)
{
	uint64_t n = (bytes + DAXFS_BLOCK_SIZE - 1) >> DAXFS_BLOCK_SHIFT;
	struct balloc_req rq = { .min = n, .max = n };
	struct run r;
	int err = balloc_alloc(fs->balloc, &rq, &r);

	if (err)
		return err;
	balloc_free(fs->balloc, pblk_nr(r.pblk), r.n);
	*at = r.pblk;
	return 0;
}

int snapshot_save(struct fs *fs)
{
	struct snap_counts c = { .nr_ino_words = ialloc_nr_words(fs), .nr_inodes = ialloc_nr(fs) };
	struct snap_writer w;
	pblk_t at;

	balloc_snap_counts(fs->balloc, &c);
	int err = find_place(fs, snap_bytes(&c), &at);

	if (err)
		return err;
	snap_write_begin(&w, &fs->disk, at, &c);
	balloc_snap_write(fs->balloc, &w);
	ialloc_snap_write(fs, &w);
	snap_write_end(&w);
	super_set_snap(&fs->disk, at, snap_bytes(&c));
	return 0;
}
