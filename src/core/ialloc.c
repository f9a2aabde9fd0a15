// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ialloc.c -- inode numbers: which are in use, and where their slots lie
 *
 * Owns, per 2 MiB of the inode file, a segment of two bits per inode: "taken"
 * (not to be given out) and "live" (names an inode on media).  A number is taken
 * first, live once its transaction has committed, and the other way round when it ends,
 * so that a look-up by number never reads a slot that is being written.
 *
 * Each thread takes numbers out of a home, a word of 64, so that threads meet neither
 * at a lock nor in a slot's block.  A word that is not full is some thread's
 * home, or not below @hint; so who needs a home looks from there, and finds all when it
 * looks at the others' homes too.  One lock covers that search, once in 64 numbers, another
 * one growth of the inode file.  On media there is only the inode file: after a crash
 * the bits are rebuilt from it.
 */
#include "core/ialloc.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/radix.h"
#include "base/rcu.h"
#include "base/tally.h"
#include "core/balloc.h"
#include "core/bitmap.h"
#include "core/entry.h"
#include "core/instance.h"
#include "disk/txn.h"
#include "pm/pm.h"

#define SEG_INODES	IALLOC_SEGMENT
#define SEG_WORDS	(SEG_INODES / 64)

#define NO_WORD		UINT64_MAX
#define HOME_STRIDE	TALLY_STRIDE

struct segment { _Atomic uint64_t taken[SEG_WORDS], live[SEG_WORDS]; };

struct ialloc {
	pthread_mutex_t	 lock;
	pthread_mutex_t	 grow_lock;	/* order: before lock */
	_Atomic uint64_t nr_slots;	/* slots in the inode file */
	_Atomic uint64_t hint;		/* words below it are full, or a thread's home */
	_Atomic uint64_t home[TALLY_PARTS * HOME_STRIDE];	/* words, by tally_part() */
	struct tally	 nr_used;
	uint64_t	 nr_segs;	/* capacity of seg[] */
	struct radix	 where;		/* inode-file block -> pfn */
	_Atomic(struct segment *) *seg;
};

int ialloc_open(struct fs *fs)
{
	struct ialloc *ia = calloc(1, sizeof(*ia));

	if (!ia)
		return -ENOMEM;
	ia->nr_segs = fs->disk.nr_blocks / DAXFS_CHUNK_BLOCKS + 2;
	ia->seg = calloc(ia->nr_segs, sizeof(*ia->seg));
	if (!ia->seg) {
		free(ia);
		return -ENOMEM;
	}
	pthread_mutex_init(&ia->lock, NULL);
	pthread_mutex_init(&ia->grow_lock, NULL);
	radix_init(&ia->where, 0);
	atomic_init(&ia->nr_slots, ifile_nr(&fs->disk));
	for (unsigned i = 0; i < TALLY_PARTS; i++)
		atomic_init(&ia->home[i * HOME_STRIDE], NO_WORD);
	fs->ialloc = ia;
	return 0;
}

void ialloc_close(struct fs *fs)
{
	struct ialloc *ia = fs->ialloc;

	if (!ia)
		return;
	for (uint64_t i = 0; i < ia->nr_segs; i++)
		free(atomic_load_explicit(&ia->seg[i], memory_order_relaxed));
	radix_fini(&ia->where);
	pthread_mutex_destroy(&ia->grow_lock);
	pthread_mutex_destroy(&ia->lock);
	free(ia->seg);
	free(ia);
	fs->ialloc = NULL;
}

static struct segment *segment_of(const struct ialloc *ia, uint64_t ino)
{
	assert(ino / SEG_INODES < ia->nr_segs);
	return atomic_load_explicit(&ia->seg[ino / SEG_INODES], memory_order_acquire);
}

/* Lock held, or a thread of mounting, which has the segment for itself. */
static struct segment *segment_make(struct ialloc *ia, uint64_t index)
{
	struct segment *s = atomic_load_explicit(&ia->seg[index], memory_order_relaxed);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s && index == 0)
		atomic_init(&s->taken[0], 1);	/* 0 is no inode */
	atomic_store_explicit(&ia->seg[index], s, memory_order_release);
	return s;
}

/* -- slots --------------------------------------------------------------------- */

/* Remember the run around @ino, as 2 MiB where it is that. */
static void remember(struct ialloc *ia, const struct disk *d, uint64_t ino, struct dinode *slot, uint64_t n)
{
	uint64_t lblk = ino / DAXFS_INODES_PER_BLOCK;
	pblk_t pblk = { disk_off(d, slot) >> DAXFS_BLOCK_SHIFT };
	bool whole = lblk % DAXFS_CHUNK_BLOCKS == 0 && pblk.v % DAXFS_CHUNK_BLOCKS == 0 &&
		     n >= SEG_INODES;

	/* Only a cache: without memory the next look-up walks again. */
	(void)radix_store(&ia->where, lblk, whole ? ENTRY_PMD : ENTRY_PTE, entry_make(pblk));
}

int ialloc_slot(struct fs *fs, uint64_t ino, struct dinode **slot)
{
	struct ialloc *ia = fs->ialloc;
	uint64_t lblk = ino / DAXFS_INODES_PER_BLOCK;
	unsigned order;

	if (ino >= atomic_load_explicit(&ia->nr_slots, memory_order_acquire))
		return corrupt("inode %llu lies beyond the inode file", (unsigned long long)ino);
	rcu_enter();
	uint64_t word = radix_load(&ia->where, lblk, &order);
	rcu_leave();
	if (word) {
		struct dinode *block = disk_ptr(&fs->disk, entry_pblk(word, order, lblk));

		*slot = block + ino % DAXFS_INODES_PER_BLOCK;
		return 0;
	}

	/* Growth changes the map in place: not while it is walked. */
	uint64_t n, first = ino & ~(uint64_t)(DAXFS_INODES_PER_BLOCK - 1);
	uint64_t chunk = ino & ~(uint64_t)(SEG_INODES - 1);
	struct dinode *block;

	pthread_mutex_lock(&ia->grow_lock);
	int err = ifile_map(&fs->disk, chunk, &block, &n);
	if (!err && n < SEG_INODES)
		err = ifile_map(&fs->disk, chunk = first, &block, &n);
	pthread_mutex_unlock(&ia->grow_lock);
	if (err)
		return err;
	remember(ia, &fs->disk, chunk, block, n);
	*slot = block + (ino - chunk);
	return 0;
}

/* -- growth --------------------------------------------------------------------- */

/* Zeroed blocks first, then the transaction that makes them inodes: a crash between leaves free space. */
static int grow_by_run(struct fs *fs, struct run r)
{
	struct txn *t = txn_begin(&fs->jn);
	int err = txn_took(t, r.pblk, r.n);

	if (err) {
		balloc_free(fs->balloc, pblk_nr(r.pblk), r.n);
	} else {
		pm_zero(fs->rg, disk_ptr(&fs->disk, r.pblk), r.n << DAXFS_BLOCK_SHIFT);
		err = ifile_extend(t, &fs->disk, r.pblk, r.n);
	}
	if (err) {
		txn_abort(t);
		return err;
	}
	txn_commit(t);
	return 0;
}

static int grow(struct fs *fs)
{
	struct ialloc *ia = fs->ialloc;
	uint64_t blocks = atomic_load(&ia->nr_slots) / DAXFS_INODES_PER_BLOCK;
	struct balloc_req rq = {
		.min = 1,
		.max = DAXFS_CHUNK_BLOCKS - blocks % DAXFS_CHUNK_BLOCKS,
		.phase = blocks % DAXFS_CHUNK_BLOCKS,
		.flags = BALLOC_LARGE,
	};
	struct run r;
	int err = balloc_alloc(fs->balloc, &rq, &r);

	if (!err)
		err = grow_by_run(fs, r);
	if (!err)
		atomic_store_explicit(&ia->nr_slots, ifile_nr(&fs->disk), memory_order_release);
	return err;
}

/* Word @w is not full any more, and may be nobody's home. */
static void lower_hint(struct ialloc *ia, uint64_t w)
{
	uint64_t was = atomic_load(&ia->hint);

	while (w < was && !atomic_compare_exchange_weak(&ia->hint, &was, w))
		;
}

/* One thread grows, the others find what it made. */
static int grow_if_still(struct fs *fs, uint64_t seen)
{
	struct ialloc *ia = fs->ialloc;
	int err = 0;

	pthread_mutex_lock(&ia->grow_lock);
	if (atomic_load(&ia->nr_slots) == seen) {
		err = grow(fs);
		lower_hint(ia, seen / 64);
	}
	pthread_mutex_unlock(&ia->grow_lock);
	return err;
}

/* -- numbers --------------------------------------------------------------------- */

static _Atomic uint64_t *my_home(struct ialloc *ia)
{
	return &ia->home[tally_part() * HOME_STRIDE];
}

static bool is_others_home(const struct ialloc *ia, uint64_t w)
{
	for (unsigned i = 0; i < TALLY_PARTS; i++) {
		if (i != tally_part() && atomic_load(&ia->home[i * HOME_STRIDE]) == w)
			return true;
	}
	return false;
}

/* Numbers of word @w, of which there is a segment, that could be had. */
static uint64_t free_in_word(const struct ialloc *ia, uint64_t w, uint64_t nr_slots)
{
	const struct segment *s = segment_of(ia, w * 64);

	return ~atomic_load(&s->taken[w % SEG_WORDS]) & bitmap_word_mask(w, 0, nr_slots);
}

static bool take_in_word(struct ialloc *ia, uint64_t w, uint64_t nr_slots, uint64_t *ino)
{
	uint64_t free;

	while (w != NO_WORD && (free = free_in_word(ia, w, nr_slots))) {
		uint64_t bit = free & -free;

		if (!(atomic_fetch_or(&segment_of(ia, w * 64)->taken[w % SEG_WORDS], bit) & bit)) {
			*ino = w * 64 + (uint64_t)__builtin_ctzll(bit);
			return true;
		}
	}
	return false;
}

/*
 * Lock held.  A word that is nobody else's home.  The hint is moved before the word is looked at, and
 * ialloc_put() looks at the hint after it has freed a number: one of them sees the other.
 */
static int find_word(struct ialloc *ia, uint64_t nr_slots, uint64_t *found)
{
	uint64_t end = (nr_slots + 63) / 64, w = atomic_load(&ia->hint);

	while (w < end) {
		if (!atomic_compare_exchange_strong(&ia->hint, &w, w + 1))
			continue;	/* lowered: @w is where it is now */
		if (!segment_make(ia, w / SEG_WORDS)) {
			lower_hint(ia, w);
			return -ENOMEM;
		}
		if (free_in_word(ia, w, nr_slots) && !is_others_home(ia, w)) {
			*found = w;
			return 0;
		}
		w++;
	}
	return -ENOSPC;
}

static bool take_in_any_home(struct ialloc *ia, uint64_t nr_slots, uint64_t *ino)
{
	for (unsigned i = 0; i < TALLY_PARTS; i++) {
		if (take_in_word(ia, atomic_load(&ia->home[i * HOME_STRIDE]), nr_slots, ino))
			return true;
	}
	return false;
}

/*
 * The home is full, or there is none.  It is looked at again under the lock: another thread may
 * have passed it by as a home, and then it must not be left with a free number.
 */
static int move_home(struct ialloc *ia, uint64_t nr_slots, uint64_t *ino)
{
	_Atomic uint64_t *home = my_home(ia);
	uint64_t w;
	int err = 0;

	pthread_mutex_lock(&ia->lock);
	while (!err && !take_in_word(ia, atomic_load(home), nr_slots, ino)) {
		err = find_word(ia, nr_slots, &w);
		if (!err)
			atomic_store(home, w);
	}
	pthread_mutex_unlock(&ia->lock);
	if (err == -ENOSPC && take_in_any_home(ia, nr_slots, ino))
		err = 0;
	return err;
}

int ialloc_get(struct fs *fs, uint64_t *ino)
{
	struct ialloc *ia = fs->ialloc;
	int err = 0;

	while (!err) {
		uint64_t nr_slots = atomic_load(&ia->nr_slots);

		if (take_in_word(ia, atomic_load(my_home(ia)), nr_slots, ino))
			return 0;
		err = move_home(ia, nr_slots, ino);
		if (err != -ENOSPC)
			return err;
		err = grow_if_still(fs, nr_slots);
	}
	return err;
}

static void set_live(struct ialloc *ia, uint64_t ino, bool live)
{
	struct segment *s = segment_of(ia, ino);
	uint64_t bit = ino % SEG_INODES, mask = UINT64_C(1) << (bit % 64);

	if (live)
		atomic_fetch_or_explicit(&s->live[bit / 64], mask, memory_order_release);
	else
		atomic_fetch_and_explicit(&s->live[bit / 64], ~mask, memory_order_release);
}

void ialloc_publish(struct fs *fs, uint64_t ino)
{
	set_live(fs->ialloc, ino, true);
	tally_add(&fs->ialloc->nr_used, 1);
}

void ialloc_retract(struct fs *fs, uint64_t ino)
{
	set_live(fs->ialloc, ino, false);
	tally_add(&fs->ialloc->nr_used, -1);
}

void ialloc_put(struct fs *fs, uint64_t ino)
{
	struct segment *s = segment_of(fs->ialloc, ino);
	uint64_t mask = UINT64_C(1) << (ino % 64), was;

	was = atomic_fetch_and(&s->taken[ino / 64 % SEG_WORDS], ~mask);
	assert(was & mask);
	(void)was;
	lower_hint(fs->ialloc, ino / 64);
}

bool ialloc_live(const struct fs *fs, uint64_t ino)
{
	const struct ialloc *ia = fs->ialloc;

	if (ino >= atomic_load_explicit(&ia->nr_slots, memory_order_acquire))
		return false;
	struct segment *s = segment_of(ia, ino);
	uint64_t bit = ino % SEG_INODES;

	return s && (atomic_load_explicit(&s->live[bit / 64], memory_order_acquire) >> (bit % 64) & 1);
}

uint64_t ialloc_nr(const struct fs *fs)
{
	return tally_sum(&fs->ialloc->nr_used);
}

/* -- mount and unmount: a segment belongs to one thread ----------------------------- */

int ialloc_mark(struct fs *fs, uint64_t ino)
{
	struct segment *s = segment_make(fs->ialloc, ino / SEG_INODES);

	if (!s)
		return -ENOMEM;
	atomic_fetch_or_explicit(&s->taken[ino / 64 % SEG_WORDS], UINT64_C(1) << (ino % 64), memory_order_relaxed);
	set_live(fs->ialloc, ino, true);
	return 0;
}

void ialloc_marked(struct fs *fs, uint64_t nr)
{
	tally_add(&fs->ialloc->nr_used, (int64_t)nr);
}

int ialloc_load_words(struct fs *fs, uint64_t first, const uint64_t *words, uint64_t n)
{
	uint64_t nr = 0;

	if ((first + n) * 64 > atomic_load(&fs->ialloc->nr_slots) + 63)
		return corrupt("snapshot: inode bits beyond the inode file");
	for (uint64_t i = 0; i < n; i++) {
		uint64_t w = words[i];

		if (first + i == 0 && (w & 1))
			return corrupt("snapshot: inode 0 marked as in use");
		for (; w; w &= w - 1) {
			int err = ialloc_mark(fs, (first + i) * 64 + (uint64_t)__builtin_ctzll(w));

			if (err)
				return err;
			nr++;
		}
	}
	ialloc_marked(fs, nr);
	return 0;
}

uint64_t ialloc_nr_words(const struct fs *fs)
{
	return (atomic_load(&fs->ialloc->nr_slots) + 63) / 64;
}

void ialloc_snap_write(const struct fs *fs, struct snap_writer *w)
{
	const struct ialloc *ia = fs->ialloc;

	for (uint64_t i = 0; i < ialloc_nr_words(fs); i++) {
		struct segment *s = segment_of(ia, i * 64);
		uint64_t word = s ? atomic_load_explicit(&s->live[i % SEG_WORDS], memory_order_relaxed) : 0;

		snap_write_inodes(w, &word, 1);
	}
}
