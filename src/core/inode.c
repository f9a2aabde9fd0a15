// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * inode.c -- the inode cache: look-up, references, eviction
 *
 * Owns liburcu's lock-free hash table of inodes by number.  Look-ups take no
 * lock.  An inode goes into the table before it is read from media, and leaves
 * it after it was written there: so there is one inode per number, and nobody reads a
 * slot that another is changing.  While it is being loaded or ended it has no
 * references, and whoever looks it up waits.
 *
 * An inode stays while it is referenced.  Who drops the last reference keeps it for
 * a while (recent.h) or ends it: writes what only memory knows, reclaims it on media
 * if it has no name, and frees it after a grace period.
 *
 * After a crash inodes with nlink 0 are found by the scan and ended here.
 */
#include "core/inode.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/pool.h"
#include "core/dirindex.h"
#include "core/ialloc.h"
#include "core/instance.h"
#include "core/mapcache.h"
#include "core/pin.h"
#include "core/prealloc.h"
#include "core/recent.h"
#include "core/sync.h"
#include "disk/txn.h"
#include "disk/xattrblk.h"

#define TRIM_AFTER	65536	/* inodes dropped between two memory trims */

static unsigned long hash_ino(uint64_t ino)
{
	ino ^= ino >> 33;
	ino *= UINT64_C(0xff51afd7ed558ccd);
	return (unsigned long)(ino ^ ino >> 33);
}

static struct inode *inode_of(struct cds_lfht_node *node)
{
	return caa_container_of(node, struct inode, node);
}

static int match_ino(struct cds_lfht_node *node, const void *key)
{
	rcu_observe(node);
	return inode_of(node)->ino == *(const uint64_t *)key;
}

int icache_open(struct fs *fs)
{
	fs->icache = cds_lfht_new_flavor(64, 64, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING,
					 &urcu_memb_flavor, NULL);
	return fs->icache ? 0 : -ENOMEM;
}

/* -- life ----------------------------------------------------------------------- */

static struct pool inode_pool = POOL_INIT(sizeof(struct inode));

static struct inode *inode_alloc(struct fs *fs, uint64_t ino, uint64_t refs)
{
	struct inode *ip = pool_get(&inode_pool);

	if (!ip)
		return NULL;
	ip->fs = fs;
	ip->ino = ino;
	cds_lfht_node_init(&ip->node);
	list_init(&ip->dirty_link);
	pthread_rwlock_init(&ip->lock, NULL);
	atomic_init(&ip->refs, refs);
	return ip;
}

static void inode_free(struct inode *ip)
{
	if (inode_is_reg(ip))
		mapcache_free(atomic_load(&ip->map));
	else if (inode_is_dir(ip))
		dirindex_free(atomic_load(&ip->index));
	pthread_rwlock_destroy(&ip->lock);
	pool_put(&inode_pool, ip);
}

static void inode_free_rcu(struct rcu_head *head)
{
	inode_free(caa_container_of(head, struct inode, rcu));
}

static void inode_fill(struct inode *ip, const struct iattr *a)
{
	inode_take(ip, a);
	ip->type = a->mode & S_IFMT;
	ip->gen = a->gen;
	ip->rdev = a->rdev;
	ip->btime = a->btime;
	atomic_store_explicit(&ip->size, a->size, memory_order_relaxed);
	atomic_store_explicit(&ip->atime, a->atime, memory_order_relaxed);
	atomic_store_explicit(&ip->mtime, a->mtime, memory_order_relaxed);
	atomic_store_explicit(&ip->ctime, a->ctime, memory_order_relaxed);
}

/* From the slot on media into @ip, which is in the table: nobody else changes the slot meanwhile. */
static int inode_load(struct inode *ip)
{
	struct fs *fs = ip->fs;
	struct iattr a;

	if (!ialloc_live(fs, ip->ino))
		return -ESTALE;
	int err = ialloc_slot(fs, ip->ino, &ip->slot);

	if (err)
		return err;
	rcu_observe(ip->slot);	/* its last life in memory left the table before we looked there */
	err = dinode_check(&fs->disk, ip->slot, ip->ino);
	if (err)
		return err;
	if (dinode_unused(ip->slot))
		return -ESTALE;
	dinode_load(&a, ip->slot);
	inode_fill(ip, &a);
	return 0;
}

/* -- references -------------------------------------------------------------------- */

static bool ref_unless_zero(struct inode *ip)
{
	uint64_t n = atomic_load_explicit(&ip->refs, memory_order_relaxed);

	while (n)
		if (atomic_compare_exchange_weak_explicit(&ip->refs, &n, n + 1, memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

enum found { FOUND_NONE, FOUND_REFERENCED, FOUND_BUSY };	/* busy: being loaded, or ending */

static enum found find(struct fs *fs, uint64_t ino, struct inode **out)
{
	struct cds_lfht_iter iter;
	enum found f = FOUND_NONE;

	*out = NULL;
	rcu_enter();
	cds_lfht_lookup(fs->icache, hash_ino(ino), match_ino, &ino, &iter);
	struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);

	if (node) {
		*out = inode_of(node);
		f = ref_unless_zero(*out) ? FOUND_REFERENCED : FOUND_BUSY;
	}
	rcu_leave();
	if (f == FOUND_REFERENCED && recent_take(*out))
		atomic_fetch_sub_explicit(&(*out)->refs, 1, memory_order_relaxed);
	return f;
}

/* False: another thread was first. */
static bool insert(struct inode *ip)
{
	rcu_publish(&ip->node);
	rcu_enter();
	struct cds_lfht_node *got = cds_lfht_add_unique(ip->fs->icache, hash_ino(ip->ino), match_ino,
							&ip->ino, &ip->node);
	rcu_leave();
	if (got != &ip->node)
		return false;
	tally_add(&ip->fs->nr_cached, 1);
	return true;
}

static void take_out(struct inode *ip)
{
	struct fs *fs = ip->fs;

	if (ip->slot)
		rcu_publish(ip->slot);
	rcu_enter();
	cds_lfht_del(fs->icache, &ip->node);
	rcu_leave();
	tally_add(&fs->nr_cached, -1);
	rcu_free_later(&ip->rcu, inode_free_rcu);
}

/* Goes into the table first, without references, so that there is one loader only; the others wait for it. */
static int load_first(struct fs *fs, uint64_t ino, struct inode **out)
{
	struct inode *ip = inode_alloc(fs, ino, 0);

	*out = NULL;
	if (!ip)
		return -ENOMEM;
	if (!insert(ip)) {
		inode_free(ip);
		return 0;
	}
	int err = inode_load(ip);

	if (err) {
		take_out(ip);
		return fs_result(fs, err);
	}
	atomic_store_explicit(&ip->refs, 1, memory_order_release);
	*out = ip;
	return 0;
}

int inode_get(struct fs *fs, uint64_t ino, struct inode **out)
{
	for (;;) {
		struct inode *ip;
		enum found f = find(fs, ino, &ip);
		int err = 0;

		if (f == FOUND_BUSY) {
			sched_yield();
			continue;
		}
		if (f == FOUND_NONE)
			err = ialloc_live(fs, ino) ? load_first(fs, ino, &ip) : -ESTALE;
		if (err)
			return err;
		if (ip) {
			*out = ip;
			return 0;
		}
	}
}

void inode_ref(struct inode *ip)
{
	uint64_t was = atomic_fetch_add_explicit(&ip->refs, 1, memory_order_relaxed);

	assert(was != 0);
	(void)was;
}

bool inode_ref_dirty(struct inode *ip)
{
	return ref_unless_zero(ip);
}

/* -- end ----------------------------------------------------------------------------- */

bool inode_claim(struct inode *ip)
{
	uint64_t one = 1;

	if (!atomic_compare_exchange_strong(&ip->refs, &one, 0))
		return false;
	prealloc_return(ip);	/* whoever wrote the file may have let go only just now */
	return true;
}

void inode_unclaim(struct inode *ip)
{
	atomic_store_explicit(&ip->refs, 1, memory_order_release);
}

static bool has_map(const struct inode *ip)
{
	return inode_is_reg(ip) || inode_is_dir(ip) ||
	       (S_ISLNK(ip->type) && !(ip->flags & DAXFS_INODE_INLINE_LINK));
}

int inode_stage_end(struct inode_edit *e)
{
	struct inode *ip = e->ip;
	int err = 0;

	if (has_map(ip))
		err = extmap_remove(&e->map, (lblk_t){ 0 }, DAXFS_FILE_BLOCKS_MAX, &e->removed);
	if (!err && ip->xattr.v)
		err = xattrblk_blocks(&ip->fs->disk, ip->ino, ip->xattr, &e->removed);
	if (!err)
		dinode_init(e->shadow, ip->ino, ip->gen);
	return err;
}

void inode_retract(struct inode *ip)
{
	ialloc_retract(ip->fs, ip->ino);
}

void inode_apply_end(struct inode_edit *e)
{
	limbo_add(e->ip->fs, &e->removed);
}

/*
 * One transaction.  Crash before its commit: still an orphan, found by the
 * next mount.  After it: nothing claims the blocks any more.
 */
static int inode_reclaim(struct inode *ip)
{
	struct fs *fs = ip->fs;
	struct txn *t = txn_begin(&fs->jn);
	struct inode_edit e;
	int err = inode_edit(&e, t, ip);

	if (!err)
		err = inode_stage_end(&e);
	if (err) {
		txn_abort(t);
		inode_edit_drop(&e);
		log_warn("inode %llu cannot be reclaimed now (%d); the next mount will",
			 (unsigned long long)ip->ino, err);
		atomic_store(&fs->no_snapshot, true);	/* so that it scans */
		return fs_result(fs, err);
	}
	inode_retract(ip);
	txn_commit(t);
	inode_apply_end(&e);
	return 0;
}

static void unlist(struct inode *ip)
{
	struct dirty_list *dl = fs_dirty_list(ip->fs, ip->ino);

	if (!atomic_load(&ip->listed))	/* without a reference nobody lists it any more */
		return;
	pthread_mutex_lock(&dl->lock);
	list_del(&ip->dirty_link);
	atomic_store(&ip->listed, false);
	atomic_fetch_sub(&dl->nr, 1);
	pthread_mutex_unlock(&dl->lock);
}

static void forget(struct inode *ip)
{
	struct fs *fs = ip->fs;

	unlist(ip);
	take_out(ip);
	if (atomic_fetch_add_explicit(&fs->nr_dropped, 1, memory_order_relaxed) == TRIM_AFTER)
		fs_trim_memory(fs);
}

/* The number comes after the cache: its next life is another inode. */
void inode_ended(struct inode *ip)
{
	struct fs *fs = ip->fs;
	uint64_t ino = ip->ino;

	forget(ip);
	ialloc_put(fs, ino);
}

/* No reference is left and none can be made: nobody else looks inside. */
static void inode_end(struct inode *ip)
{
	pthread_rwlock_wrlock(&ip->lock);	/* prealloc_reclaim() may be here */
	prealloc_return(ip);
	pthread_rwlock_unlock(&ip->lock);
	if (ip->nlink == 0 && !fs_check_writable(ip->fs) && inode_reclaim(ip) == 0) {
		inode_ended(ip);
		return;
	}
	if (ip->nlink && atomic_load(&ip->dirty) && !(atomic_load(&ip->fs->flags) & FS_ABANDONED))
		(void)sync_file(ip, 0);
	forget(ip);
}

/* True: none is left, and none can be made. */
static bool drop_refs(struct inode *ip, uint64_t n)
{
	uint64_t was = atomic_fetch_sub_explicit(&ip->refs, n, memory_order_acq_rel);

	assert(was >= n);
	return was == n;
}

/* Whoever put the inode in its place makes the reference just now. */
static void drive_out(struct inode *ip)
{
	while (!atomic_load_explicit(&ip->refs, memory_order_relaxed))
		sched_yield();
	if (drop_refs(ip, 1))
		inode_end(ip);
}

/*
 * The reference comes last: who finds the inode by it sees it in its place, and takes
 * it out, so that an inode that is used has no reference but its users'.
 */
static void keep(struct inode *ip)
{
	struct inode *last = recent_put(ip);

	atomic_store_explicit(&ip->refs, 1, memory_order_release);
	if (last)
		drive_out(last);
}

void inode_put(struct inode *ip, uint64_t n)
{
	if (!drop_refs(ip, n))
		return;
	if (recent_wants(ip))
		keep(ip);
	else
		inode_end(ip);
}

/* How many of the cached inodes are in @some now, @max at most. */
static size_t some_cached(struct fs *fs, struct inode **some, size_t max)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	size_t n = 0;

	rcu_enter();
	cds_lfht_first(fs->icache, &iter);
	while (n < max && (node = cds_lfht_iter_get_node(&iter))) {
		some[n++] = inode_of(node);
		cds_lfht_next(fs->icache, &iter);
	}
	rcu_leave();
	return n;
}

#define FEW	64u

/* All at once if there is memory: who looks for the first passes over all the buckets that are empty already. */
static void end_cached(struct fs *fs)
{
	size_t max = tally_sum(&fs->nr_cached), n;
	struct inode *few[FEW], **some = max > FEW ? malloc(max * sizeof(*some)) : NULL;

	if (!some) {
		some = few;
		max = FEW;
	}
	while ((n = some_cached(fs, some, max))) {
		for (size_t i = 0; i < n; i++) {
			atomic_store(&some[i]->refs, 0);
			inode_end(some[i]);
		}
	}
	if (some != few)
		free(some);
}

void icache_close(struct fs *fs)
{
	if (!fs->icache)
		return;
	end_cached(fs);
	rcu_drain();
	cds_lfht_destroy(fs->icache, NULL);
	fs->icache = NULL;
}

void fs_trim_memory(struct fs *fs)
{
	atomic_store_explicit(&fs->nr_dropped, 0, memory_order_relaxed);
	pools_trim();
	malloc_trim(0);
}

/* -- small things ---------------------------------------------------------------------- */

int64_t inode_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static bool locks_before(const struct inode *a, const struct inode *b)
{
	if (inode_is_dir(a) != inode_is_dir(b))
		return inode_is_dir(a);
	return a->ino < b->ino;
}

void inode_lock_children(struct inode *a, struct inode *b)
{
	struct inode *first = b && locks_before(b, a) ? b : a;

	pthread_rwlock_wrlock(&first->lock);
	if (b)
		pthread_rwlock_wrlock(first == a ? &b->lock : &a->lock);
}

void inode_unlock2(struct inode *a, struct inode *b)
{
	pthread_rwlock_unlock(&a->lock);
	if (b)
		pthread_rwlock_unlock(&b->lock);
}

void inode_snapshot(const struct inode *ip, struct iattr *a)
{
	*a = (struct iattr){
		.mode = ip->mode, .uid = ip->uid, .gid = ip->gid, .nlink = ip->nlink,
		.flags = ip->flags, .gen = ip->gen, .blocks = ip->blocks, .rdev = ip->rdev,
		.btime = ip->btime, .xattr = ip->xattr,
		.size = atomic_load_explicit(&ip->size, memory_order_relaxed),
		.atime = atomic_load_explicit(&ip->atime, memory_order_relaxed),
		.mtime = atomic_load_explicit(&ip->mtime, memory_order_relaxed),
		.ctime = atomic_load_explicit(&ip->ctime, memory_order_relaxed),
	};
}

struct extmap inode_map(const struct inode *ip)
{
	return (struct extmap){ .disk = &ip->fs->disk, .root = &ip->slot->map, .ino = ip->ino };
}

/* -- new inodes -------------------------------------------------------------------------- */

int inode_new_reserve(struct inode_new *n, struct fs *fs)
{
	n->fs = fs;
	n->ip = NULL;
	int err = ialloc_get(fs, &n->ino);

	if (err)
		return err;
	n->ip = inode_alloc(fs, n->ino, 1);
	err = n->ip ? ialloc_slot(fs, n->ino, &n->ip->slot) : -ENOMEM;
	if (err)
		inode_new_drop(n);
	return err;
}

int inode_new_stage(struct inode_new *n, struct txn *t, const struct iattr *a)
{
	n->shadow = txn_edit(t, n->ip->slot, sizeof(*n->shadow), dinode_seal);
	if (!n->shadow)
		return -ENOSPC;
	n->a = *a;
	n->a.gen = le32_get(n->shadow->gen) + 1;
	n->a.btime = n->a.ctime;
	dinode_init(n->shadow, n->ino, n->a.gen);
	dinode_store(n->shadow, &n->a);
	return 0;
}

void inode_new_drop(struct inode_new *n)
{
	if (n->ip)
		inode_free(n->ip);
	ialloc_put(n->fs, n->ino);
}

struct inode *inode_new_done(struct inode_new *n)
{
	inode_fill(n->ip, &n->a);
	while (!insert(n->ip))
		sched_yield();	/* a loader that knows the number's last life; it finds it not live and goes */
	ialloc_publish(n->fs, n->ino);
	return n->ip;
}
