// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * locks.c -- which locks do threads share that have nothing to do with each other?
 *
 * Eight threads work in directories of their own; each is told that it runs on a CPU of
 * its own.  Every lock that the engine takes is counted by its address and by who takes
 * it (the linker sends the calls here).
 *
 * What must hold: no lock that several threads take is taken once in FEW rounds or more
 * often, whatever a round does: create, write, overwrite, read, fsync, stat, rename, unlink.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/instance.h"
#include "core/sync.h"
#include "harness/rig.h"

#define THREADS	8u
#define ROUNDS	2000u
#define FEW	16u		/* a refill once in 64 numbers, and what else comes now and then */
#define SLOTS	(1u << 20)
#define BLOCK	4096u

struct seen { _Atomic(void *) lock; _Atomic unsigned threads; _Atomic uint64_t nr; };

static struct seen seen[SLOTS];
static atomic_bool counting;
static _Thread_local unsigned me = THREADS;	/* not one of them: RCU's thread, which frees blocks for all */

/* -- accounting ------------------------------------------------------------------------ */

static struct seen *seen_of(void *lock)
{
	size_t i = ((uintptr_t)lock >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 44;

	for (;; i = (i + 1) % SLOTS) {
		void *none = NULL;

		if (atomic_load(&seen[i].lock) == lock ||
		    atomic_compare_exchange_strong(&seen[i].lock, &none, lock) || none == lock)
			return &seen[i];
	}
}

static void note(void *lock)
{
	struct seen *s;

	if (me == THREADS || !atomic_load_explicit(&counting, memory_order_relaxed))
		return;
	s = seen_of(lock);
	atomic_fetch_or(&s->threads, 1u << me);
	atomic_fetch_add(&s->nr, 1);
}

int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __real_pthread_mutex_trylock(pthread_mutex_t *m);
int __real_pthread_rwlock_rdlock(pthread_rwlock_t *l);
int __real_pthread_rwlock_wrlock(pthread_rwlock_t *l);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *m);
int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *l);
int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *l);
int __wrap_sched_getcpu(void);

int __wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
	note(m);
	return __real_pthread_mutex_lock(m);
}

int __wrap_pthread_mutex_trylock(pthread_mutex_t *m)
{
	note(m);
	return __real_pthread_mutex_trylock(m);
}

int __wrap_pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	note(l);
	return __real_pthread_rwlock_rdlock(l);
}

int __wrap_pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
	note(l);
	return __real_pthread_rwlock_wrlock(l);
}

int __wrap_sched_getcpu(void)
{
	return (int)me;
}

/* -- work --------------------------------------------------------------------------------- */

struct worker { pthread_t thread; unsigned number; struct inode *dir; };

static void must(int err)
{
	if (!err)
		return;
	fprintf(stderr, "locks: %s\n", strerror(-err));
	exit(2);
}

static void one_round(struct inode *dir, const char *name, const char *other)
{
	static const uint8_t data[BLOCK];
	struct inode *ip = rig_make(dir, name, S_IFREG | 0644);
	struct iattr a;
	uint8_t buf[BLOCK];

	file_open(ip);
	rig_write(ip, data, BLOCK, 0);
	rig_write(ip, data, 64, 128);
	if (file_read(ip, buf, BLOCK, 0) != BLOCK)
		must(-EIO);
	must(sync_file(ip, 0));
	attr_get(ip, &a);
	file_release(ip);
	inode_put(ip, 1);
	must(rig_rename(dir, name, other, 0));
	must(rig_unlink(dir, other));
}

static void *work(void *arg)
{
	const struct worker *w = arg;

	me = w->number;
	for (unsigned i = 0; i < ROUNDS; i++)
		one_round(w->dir, "a file", "another");
	return NULL;
}

static void all_work(struct worker *w)
{
	for (unsigned i = 0; i < THREADS; i++) {
		w[i].number = i;
		must(-pthread_create(&w[i].thread, NULL, work, &w[i]));
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
}

/* -- verdict ------------------------------------------------------------------------------ */

static const char *name_of(const struct fs *fs, const void *lock)
{
	const uintptr_t at = (uintptr_t)lock, begin = (uintptr_t)fs;

	return at >= begin && at < begin + sizeof(*fs) ? "(in struct fs)" : "";
}

static unsigned judge(const struct fs *fs)
{
	unsigned shared = 0, bad = 0;

	for (unsigned i = 0; i < SLOTS; i++) {
		const unsigned threads = (unsigned)__builtin_popcount(atomic_load(&seen[i].threads));
		const double rate = (double)atomic_load(&seen[i].nr) / (THREADS * ROUNDS);
		const bool hot = rate * FEW >= 1;

		if (threads < 2)
			continue;
		shared++;
		if (!hot)
			continue;
		bad++;
		printf("FAIL  lock %p, of %u threads, %.3f times a round %s\n", atomic_load(&seen[i].lock), threads,
		       rate, name_of(fs, atomic_load(&seen[i].lock)));
	}
	printf("%u threads, %u rounds each: %u locks are shared, %u of them often\n", THREADS, ROUNDS, shared, bad);
	return bad;
}

int main(void)
{
	struct worker w[THREADS];
	struct rig g;
	unsigned bad;

	rig_new(&g, GIB, RIG_RAM);
	fs_set_flags(g.fs, FS_SYNC);	/* as a mount without options does */
	for (unsigned i = 0; i < THREADS; i++)
		w[i].dir = rig_make(g.root, (char[]){ (char)('a' + i), 0 }, S_IFDIR | 0755);
	all_work(w);		/* what is made once, is made */
	atomic_store(&counting, true);
	all_work(w);
	atomic_store(&counting, false);
	bad = judge(g.fs);
	for (unsigned i = 0; i < THREADS; i++)
		inode_put(w[i].dir, 1);
	rig_free(&g);
	printf("%u passed, %u failed, 0 skipped\n", !bad, !!bad);
	return !!bad;
}
