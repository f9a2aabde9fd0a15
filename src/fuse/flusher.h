/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flusher.h -- the thread that makes durable after a while what is dirty
 */
#ifndef FUSE_FLUSHER_H
#define FUSE_FLUSHER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct fs;

struct flusher {
	struct fs	*fs;
	unsigned	 seconds;	/* between the first change and the flush */
	pthread_t	 thread;
	pthread_mutex_t	 mutex;
	pthread_cond_t	 cond;
	_Atomic bool	 dirty;		/* something may have changed since the last flush */
	bool		 stop;		/* under mutex */
};

/**
 * flusher_start - begin flushing in the background
 * @fl:      filled in
 * @fs:      what to flush
 * @seconds: delay; 0 = no thread, nothing is flushed in the background
 *
 * The thread sleeps until flusher_note() is called: an idle filesystem costs
 * no wake-ups.
 *
 * Return: 0 or negative errno.
 */
int flusher_start(struct flusher *fl, struct fs *fs, unsigned seconds);

/* flusher_stop - end the thread; what is dirty stays dirty. */
void flusher_stop(struct flusher *fl);

/* flusher_wake - the slow half of flusher_note(). */
void flusher_wake(struct flusher *fl);

/**
 * flusher_note - something may be dirty
 * @fl: flusher
 *
 * Context: after the change; one load when a flush is due anyway.
 */
static inline void flusher_note(struct flusher *fl)
{
	if (!atomic_load_explicit(&fl->dirty, memory_order_relaxed))
		flusher_wake(fl);
}

#endif
