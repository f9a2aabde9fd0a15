// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * pin.c -- freed blocks wait for everyone who may still look at them
 *
 * Two kinds of readers keep a freed block from being reused: those inside an
 * RCU read section (copies in progress) and those that hold a pin (a reply on its way
 * that points into the media).  Freed runs go through call_rcu() first, then
 * through a queue whose batches wait for the pins.
 *
 * Pins are counted as in sleepable RCU (McKenney, "Sleepable RCU", LWN 2006):
 * two counters per stripe, chosen by the low bit of the epoch.  The epoch goes from e to
 * e + 1 only when no pin with parity of e - 1 is held; so a pin taken in epoch k
 * holds the epoch at k + 1.  A batch queued in epoch e may have readers pinned
 * in e - 1 or e, none later: the mapping was gone a grace period before.  It is
 * free in epoch e + 2.
 *
 * All volatile: after a crash freed blocks are simply claimed by nobody.
 */
#include "core/pin.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/list.h"
#include "base/log.h"
#include "base/rcu.h"
#include "base/tally.h"
#include "core/balloc.h"
#include "core/instance.h"

struct stripe { _Atomic uint64_t n[2]; } __attribute__((aligned(DAXFS_LINE)));

struct batch {
	struct rcu_head	 rcu;
	struct list	 link;
	struct fs	*fs;
	unsigned	 epoch;
	struct runvec	 runs;
};

struct limbo {
	struct stripe	 stripe[TALLY_PARTS];
	_Atomic unsigned epoch;
	_Atomic uint64_t nr_pending;	/* batches anywhere before the allocator */
	_Atomic uint64_t nr_blocks;	/* of those batches */
	pthread_mutex_t	 lock;		/* queue; blocks on their way from nr_blocks to the allocator */
	struct list	 queue;		/* by epoch */
};

int limbo_open(struct fs *fs)
{
	struct limbo *lb = aligned_alloc(DAXFS_LINE, sizeof(*lb));

	if (!lb)
		return -ENOMEM;
	for (unsigned i = 0; i < TALLY_PARTS; i++) {
		atomic_init(&lb->stripe[i].n[0], 0);
		atomic_init(&lb->stripe[i].n[1], 0);
	}
	atomic_init(&lb->epoch, 1);
	atomic_init(&lb->nr_pending, 0);
	atomic_init(&lb->nr_blocks, 0);
	pthread_mutex_init(&lb->lock, NULL);
	list_init(&lb->queue);
	fs->limbo = lb;
	return 0;
}

/* Lock held, or nobody else left: from a run's release to the end nr_blocks counts it still. */
static void batch_free(struct batch *b)
{
	struct limbo *lb = b->fs->limbo;
	uint64_t n = 0;

	for (size_t i = 0; i < b->runs.nr; i++) {
		int err = balloc_free(b->fs->balloc, pblk_nr(b->runs.v[i].pblk), b->runs.v[i].n);

		if (fs_result(b->fs, err))
			atomic_store(&b->fs->no_snapshot, true);
		n += b->runs.v[i].n;
	}
	atomic_fetch_sub(&lb->nr_blocks, n);
	atomic_fetch_sub(&lb->nr_pending, 1);
	runvec_fini(&b->runs);
	free(b);
}

void limbo_close(struct fs *fs)
{
	struct limbo *lb = fs->limbo;

	if (!lb)
		return;
	rcu_drain();
	list_for_each_safe(pos, &lb->queue) {
		list_del(pos);
		batch_free(list_entry(pos, struct batch, link));
	}
	pthread_mutex_destroy(&lb->lock);
	free(lb);
	fs->limbo = NULL;
}

/* -- pins ---------------------------------------------------------------------- */

void pin_get(struct fs *fs, struct pin *pin)
{
	pin->stripe = tally_part();
	pin->epoch = atomic_load(&fs->limbo->epoch);
	atomic_fetch_add(&fs->limbo->stripe[pin->stripe].n[pin->epoch & 1], 1);
}

static bool parity_free(struct limbo *lb, unsigned parity)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < TALLY_PARTS; i++)
		n += atomic_load(&lb->stripe[i].n[parity]);
	return n == 0;
}

/* Lock held.  Free every batch that two epochs have passed by. */
static void advance(struct limbo *lb)
{
	while (!list_empty(&lb->queue)) {
		struct batch *b = list_entry(list_first(&lb->queue), struct batch, link);
		unsigned epoch = atomic_load(&lb->epoch);

		if (epoch - b->epoch >= 2) {
			list_del(&b->link);
			batch_free(b);
		} else if (parity_free(lb, (epoch - 1) & 1)) {
			atomic_store(&lb->epoch, epoch + 1);
		} else {
			return;
		}
	}
}

void pin_put(struct fs *fs, const struct pin *pin)
{
	struct limbo *lb = fs->limbo;

	atomic_fetch_sub(&lb->stripe[pin->stripe].n[pin->epoch & 1], 1);
	if (!atomic_load(&lb->nr_pending))
		return;
	pthread_mutex_lock(&lb->lock);
	advance(lb);
	pthread_mutex_unlock(&lb->lock);
}

/* -- freed blocks ----------------------------------------------------------------- */

static void batch_after_grace(struct rcu_head *head)
{
	struct batch *b = caa_container_of(head, struct batch, rcu);
	struct limbo *lb = b->fs->limbo;

	pthread_mutex_lock(&lb->lock);
	b->epoch = atomic_load(&lb->epoch);
	list_add_tail(&lb->queue, &b->link);
	advance(lb);
	pthread_mutex_unlock(&lb->lock);
}

void limbo_add(struct fs *fs, struct runvec *blocks)
{
	uint64_t n = 0;

	if (!blocks->nr) {
		runvec_fini(blocks);
		return;
	}
	struct batch *b = malloc(sizeof(*b));

	if (!b) {
		/* Nothing on media claims them: the next mount's scan finds them free. */
		log_warn("out of memory: some freed blocks stay unused until the next mount");
		atomic_store(&fs->no_snapshot, true);
		runvec_fini(blocks);
		return;
	}
	b->fs = fs;
	runvec_move(&b->runs, blocks);
	for (size_t i = 0; i < b->runs.nr; i++)
		n += b->runs.v[i].n;
	atomic_fetch_add(&fs->limbo->nr_blocks, n);
	atomic_fetch_add(&fs->limbo->nr_pending, 1);
	rcu_free_later(&b->rcu, batch_after_grace);
}

uint64_t limbo_blocks(const struct fs *fs)
{
	return atomic_load(&fs->limbo->nr_blocks);
}

uint64_t limbo_nr_free(const struct fs *fs)
{
	struct limbo *lb = fs->limbo;

	pthread_mutex_lock(&lb->lock);
	uint64_t n = balloc_nr_free(fs->balloc) + limbo_blocks(fs);
	pthread_mutex_unlock(&lb->lock);
	return n;
}

void limbo_drain(struct fs *fs, unsigned ms)
{
	const struct timespec tick = { .tv_nsec = 1000000 };

	if (!atomic_load(&fs->limbo->nr_pending))
		return;
	rcu_drain();
	while (atomic_load(&fs->limbo->nr_pending) && ms--)
		nanosleep(&tick, NULL);
}
