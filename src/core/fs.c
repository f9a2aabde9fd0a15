// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * fs.c -- the instance: mount, unmount, statistics
 *
 * Mounting goes: lock and map the device; superblock; roll back unfinished
 * transactions; state to dirty; free space from the snapshot or by scanning;
 * lanes, caches; reclaim orphans.  Each step leaves a device that the next
 * mount handles the same way, so a crash anywhere in it changes nothing.
 *
 * A read-only mount maps the device read-only.  If there is something to recover it
 * maps a private copy instead and recovers in that.
 */
#include "core/instance.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "base/rcu.h"
#include "core/balloc.h"
#include "core/ialloc.h"
#include "core/inode.h"
#include "core/pin.h"
#include "core/prealloc.h"
#include "core/sync.h"
#include "disk/super.h"
#include "pm/pm.h"
#include "pm/region.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool rdonly(const struct fs *fs)
{
	return atomic_load_explicit(&fs->flags, memory_order_relaxed) & FS_RDONLY;
}

/* -- superblock ------------------------------------------------------------------------ */

static const char *name_of(const struct fs_opts *o)
{
	return o->path ? o->path : "region";
}

static int refuse(const struct fs_opts *o, struct region *rg, enum super_error what, const char *why)
{
	const char *name = name_of(o);

	switch (what) {
	case SUPER_NEWER:
		log_error("%s: %s; mount it with a newer daxfs", name, why);
		return -EPROTONOSUPPORT;
	case SUPER_TOO_SMALL:
		log_error("%s: %s; has the device been cut short?%s", name, why,
			  region_resize_hint(rg));
		return -EINVAL;
	case SUPER_DAMAGED:
		if (super_find_copy(rg))
			log_error("%s: the superblock is damaged (%s), its copy in the last block is good: "
				  "mount with -o sb=copy", name, why);
		else
			log_error("%s: the superblock is damaged (%s) and there is no good copy", name, why);
		return -EUCLEAN;
	default:
		if (super_find_copy(rg))
			log_error("%s: no superblock in block 0, but a good copy in the last block: "
				  "mount with -o sb=copy", name);
		else
			log_error("%s is not a daxfs: make one with mkfs.daxfs", name);
		return super_find_copy(rg) ? -EUCLEAN : -EINVAL;
	}
}

/* The copy is always in state dirty: what it describes is recovered. */
static int mend_primary(struct fs *fs, const struct fs_opts *o)
{
	const struct dsuper *copy = super_find_copy(fs->rg);

	if (!copy) {
		log_error("%s: the last block holds no good copy of the superblock", name_of(o));
		return -EUCLEAN;
	}
	log_warn("%s: block 0 is written anew from the superblock's copy", name_of(o));
	super_write(fs->rg, copy, 0);
	return 0;
}

static int check_ro_features(struct fs *fs, const struct fs_opts *o)
{
	uint64_t unknown = le64_get(fs->disk.super->ro_compat) & ~DAXFS_RO_COMPAT_KNOWN;

	if (!unknown || rdonly(fs))
		return 0;
	log_error("%s has features that this daxfs can only read (0x%" PRIx64 "): mount with -o ro",
		  name_of(o), unknown);
	return -EROFS;
}

static int open_super(struct fs *fs, const struct fs_opts *o)
{
	struct dsuper *sb = (struct dsuper *)(void *)fs->rg->base;
	uint64_t blocks = fs->rg->size >> DAXFS_BLOCK_SHIFT;
	char why[160];
	enum super_error bad = super_check(sb, 0, blocks, why);

	if (bad && bad != SUPER_NEWER && (o->flags & FS_USE_COPY)) {
		int err = mend_primary(fs, o);

		if (err)
			return err;
		bad = super_check(sb, 0, blocks, why);
	}
	if (bad)
		return refuse(o, fs->rg, bad, why);
	fs->disk = (struct disk){ .rg = fs->rg, .nr_blocks = le64_get(sb->nr_blocks), .super = sb };
	fs->disk.copy = disk_ptr(&fs->disk, pblk_make(0, fs->disk.nr_blocks - 1));
	memcpy(fs->disk.uuid, sb->uuid, sizeof(fs->disk.uuid));
	return check_ro_features(fs, o);
}

/* -- device -------------------------------------------------------------------------------- */

static int open_region(struct fs *fs, const struct fs_opts *o, unsigned flags)
{
	struct region_opts ro = { .path = o->path, .flags = flags, .wait_ms = o->wait_ms };

	if (o->region) {
		fs->rg = o->region;
		return 0;
	}
	int err = region_open(&fs->rg, &ro);

	fs->own_region = !err;
	if (err == -EOPNOTSUPP)
		log_error("%s was not unmounted cleanly and this device cannot be mapped privately: "
			  "mount it writable once", o->path);
	return err;
}

/* Is there anything that a read-only mount would have to write? */
static bool needs_writing(const struct fs *fs)
{
	return super_state(&fs->disk) != DAXFS_STATE_CLEAN;
}

static void close_region(struct fs *fs)
{
	if (fs->own_region)
		region_close(fs->rg);
	fs->own_region = false;
	fs->rg = NULL;
}

static int open_device(struct fs *fs, const struct fs_opts *o)
{
	bool ro = o->flags & FS_RDONLY;
	bool copy = o->flags & FS_USE_COPY;
	int err = open_region(fs, o, !ro ? 0 : copy ? REGION_PRIVATE : REGION_RDONLY);

	if (err)
		return err;
	err = open_super(fs, o);
	if (err || !ro || copy || o->region || !needs_writing(fs))
		return err;
	close_region(fs);
	err = open_region(fs, o, REGION_PRIVATE);
	return err ? err : open_super(fs, o);
}

/* -- mount ------------------------------------------------------------------------------------ */

int fs_claim_fixed(struct fs *fs)
{
	const struct dsuper *sb = fs->disk.super;
	uint64_t lanes = (uint64_t)le32_get(sb->nr_lanes) * le32_get(sb->lane_blocks), clash;
	int err = balloc_mark(fs->balloc, 0, 1, &clash);

	if (!err)
		err = balloc_mark(fs->balloc, le64_get(sb->journal), lanes, &clash);
	if (!err)
		err = balloc_mark(fs->balloc, fs->disk.nr_blocks - 1, 1, &clash);
	return err ? corrupt("superblock: the lanes overlap block %" PRIu64, clash) : 0;
}

/* Roll back, then say "dirty" before anything else changes. */
static int recover_journal(struct fs *fs)
{
	int state = super_state(&fs->disk);
	unsigned undone = 0;

	if (state < 0)
		log_warn("the state word is damaged: recovering");
	fs->boot.was_clean = state == DAXFS_STATE_CLEAN;
	if (!fs->boot.was_clean) {
		int err = journal_recover(&fs->disk, &undone);

		if (err)
			return err;
	}
	fs->boot.recovered_txns = undone;
	if (!rdonly(fs) || !fs->boot.was_clean)
		super_set_state(&fs->disk, DAXFS_STATE_DIRTY);
	return 0;
}

static int open_allocators(struct fs *fs)
{
	fs->balloc = balloc_open(fs->disk.nr_blocks);
	if (!fs->balloc)
		return -ENOMEM;
	int err = ialloc_open(fs);

	return err ? err : fs_claim_fixed(fs);
}

static void close_allocators(struct fs *fs)
{
	ialloc_close(fs);
	balloc_close(fs->balloc);
	fs->balloc = NULL;
}

static int load_space(struct fs *fs, struct u64vec *orphans)
{
	int err = fs->boot.was_clean ? snapshot_load(fs) : -ENOENT;

	if (!err) {
		fs->boot.from_snapshot = true;
		return 0;
	}
	if (err == -EUCLEAN) {
		log_warn("the free-space snapshot is damaged: scanning the inodes instead");
		close_allocators(fs);
		err = open_allocators(fs);
		if (err)
			return err;
	} else if (err != -ENOENT) {
		return err;
	}
	return recover_scan(fs, orphans);
}

static int reclaim_orphans(struct fs *fs, const struct u64vec *orphans)
{
	for (size_t i = 0; i < orphans->nr; i++) {
		struct inode *ip;
		int err = inode_get(fs, orphans->v[i], &ip);

		if (err)
			return err;
		inode_put(ip, 1);
		fs->boot.recovered_orphans++;
	}
	return 0;
}

/* Where transactions get blocks from. */
static int hook_alloc(void *arg, pblk_t *out)
{
	struct fs *fs = arg;
	struct balloc_req rq = { .min = 1, .max = 1 };
	struct run r;
	int err = balloc_alloc(fs->balloc, &rq, &r);

	if (!err)
		*out = r.pblk;
	return err;
}

static void hook_unalloc(void *arg, const struct runvec *blocks)
{
	struct fs *fs = arg;

	for (size_t i = 0; i < blocks->nr; i++)
		balloc_free(fs->balloc, pblk_nr(blocks->v[i].pblk), blocks->v[i].n);
}

static void hook_freed(void *arg, struct runvec *blocks)
{
	limbo_add(arg, blocks);
}

static int open_engine(struct fs *fs)
{
	const struct journal_hooks hooks = { hook_alloc, hook_unalloc, hook_freed, fs };
	struct u64vec orphans = { 0 };
	uint64_t start = now_ns();
	int err = recover_journal(fs);

	if (!err)
		err = open_allocators(fs);
	if (!err)
		err = load_space(fs, &orphans);
	if (!err)
		err = limbo_open(fs);
	if (!err)
		err = journal_open(&fs->jn, &fs->disk, &hooks);
	if (!err)
		err = icache_open(fs);
	if (!err && !rdonly(fs))
		err = reclaim_orphans(fs, &orphans);
	free(orphans.v);
	fs->boot.recovery_ns = now_ns() - start;
	return err;
}

static int check_root(struct fs *fs)
{
	struct inode *root;
	int err = inode_get(fs, DAXFS_ROOT_INO, &root);

	if (err)
		return err == -ESTALE ? corrupt("inode 1, the root directory, is free") : err;
	if (!inode_is_dir(root))
		err = corrupt("inode 1 is not a directory");
	inode_put(root, 1);
	return err;
}

static struct fs *fs_alloc(const struct fs_opts *o)
{
	struct fs *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	atomic_init(&fs->flags, o->flags & ~FS_USE_COPY);
	for (unsigned i = 0; i < DIRTY_LISTS; i++) {
		pthread_mutex_init(&fs->dirty[i].lock, NULL);
		list_init(&fs->dirty[i].head);
	}
	pthread_mutex_init(&fs->sync_lock, NULL);
	pthread_mutex_init(&fs->rename_lock, NULL);
	pthread_mutex_init(&fs->windows.lock, NULL);
	if (getrandom(&fs->hash_seed, sizeof(fs->hash_seed), 0) != sizeof(fs->hash_seed))
		fs->hash_seed = now_ns();
	return fs;
}

/* Everything in memory; the media is left as it is. */
static void fs_free(struct fs *fs)
{
	icache_close(fs);
	if (fs->jn.lane)
		journal_close(&fs->jn);
	limbo_close(fs);
	close_allocators(fs);
	close_region(fs);
	pthread_mutex_destroy(&fs->windows.lock);
	pthread_mutex_destroy(&fs->rename_lock);
	pthread_mutex_destroy(&fs->sync_lock);
	for (unsigned i = 0; i < DIRTY_LISTS; i++)
		pthread_mutex_destroy(&fs->dirty[i].lock);
	free(fs);
}

void fs_abandon(struct fs *fs)
{
	atomic_fetch_or(&fs->flags, FS_RDONLY | FS_ABANDONED);
	fs_free(fs);
}

int fs_open(struct fs **out, const struct fs_opts *o)
{
	struct fs *fs = fs_alloc(o);

	if (!fs)
		return -ENOMEM;
	int err = open_device(fs, o);

	if (!err)
		err = open_engine(fs);
	if (!err)
		err = check_root(fs);
	if (err) {
		if (err == -EUCLEAN && fs->disk.super)
			log_error("%s needs checking before it can be mounted", name_of(o));
		fs_abandon(fs);
		return err;
	}
	*out = fs;
	return 0;
}

/* -- unmount --------------------------------------------------------------------------------------- */

/* A crash before the last line: dirty, and the next mount scans. */
static int mark_clean(struct fs *fs)
{
	int err = atomic_load(&fs->no_snapshot) ? -ENOSPC : snapshot_save(fs);

	if (err)
		super_set_snap(&fs->disk, (pblk_t){ 0 }, 0);	/* clean all the same: scanning costs time only */
	err = region_error(fs->rg);
	if (err) {
		log_error("the device failed to make data durable (%d): left unclean", err);
		return err;
	}
	super_set_state(&fs->disk, DAXFS_STATE_CLEAN);
	return 0;
}

int fs_close(struct fs *fs)
{
	int err = sync_fs(fs);

	icache_close(fs);
	if (atomic_load(&fs->flags) & FS_DAMAGED)
		err = -EUCLEAN;
	if (!err && !rdonly(fs)) {
		limbo_drain(fs, 10000);
		err = mark_clean(fs);
	}
	fs_free(fs);
	return err;
}

/* -- what everyone asks ------------------------------------------------------------------------------- */

int fs_result(struct fs *fs, int err)
{
	unsigned flags = atomic_load_explicit(&fs->flags, memory_order_relaxed);

	if (err != -EUCLEAN || (flags & (FS_RDONLY | FS_ERRORS_CONTINUE)))
		return err;
	if (!(atomic_fetch_or(&fs->flags, FS_RDONLY | FS_DAMAGED) & FS_RDONLY))
		log_error("the filesystem is damaged: it is read-only from now on; unmount and check it");
	return err;
}

int fs_check_writable(const struct fs *fs)
{
	return rdonly(fs) ? -EROFS : 0;
}

bool fs_rdonly(const struct fs *fs)
{
	return rdonly(fs);
}

void fs_set_flags(struct fs *fs, unsigned flags)
{
	const unsigned may = FS_SYNC | FS_NOATIME | FS_STRICTATIME | FS_ERRORS_CONTINUE;
	unsigned was = atomic_load(&fs->flags);

	while (!atomic_compare_exchange_weak(&fs->flags, &was, (was & ~may) | (flags & may)))
		;
}

bool fs_make_room(struct fs *fs, unsigned *tries)
{
	if ((*tries)++)
		return false;
	prealloc_reclaim(fs);
	limbo_drain(fs, 100);
	return true;
}

static void stat_identity(const struct fs *fs, struct fs_stat *st)
{
	const struct dsuper *sb = fs->disk.super;

	memcpy(st->uuid, sb->uuid, sizeof(st->uuid));
	memcpy(st->label, sb->label, sizeof(sb->label));
	st->nr_lanes = le32_get(sb->nr_lanes);
	st->flags = atomic_load(&fs->flags) & ~FS_INTERNAL;
	snprintf(st->backend, sizeof(st->backend), "%s", region_kind_name(fs->rg));
	snprintf(st->durability, sizeof(st->durability), "%s", region_durability(fs->rg));
	st->power_safe = region_power_safe(fs->rg);
	st->waits = fs->rg->ops == &pm_ops_msync;
}

void fs_statfs(struct fs *fs, struct fs_stat *st)
{
	*st = fs->boot;
	stat_identity(fs, st);
	prealloc_expire(fs);
	st->blocks = fs->disk.nr_blocks;
	st->bfree = limbo_nr_free(fs);
	st->free_chunks = balloc_nr_free_chunks(fs->balloc);
	st->inodes = ialloc_nr(fs);
	st->ifree = st->bfree * DAXFS_INODES_PER_BLOCK + ialloc_nr_words(fs) * 64 - st->inodes;
	st->cached_inodes = tally_sum(&fs->nr_cached);
	st->cache_bytes = st->cached_inodes * sizeof(struct inode);
	for (unsigned i = 0; i < DIRTY_LISTS; i++)
		st->dirty_inodes += atomic_load_explicit(&fs->dirty[i].nr, memory_order_relaxed);
}
