/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flusher.c -- the thread that makes durable after a while what is dirty
 *
 * The kernel sends nothing for sync(2) on a FUSE mount, so the daemon bounds
 * by itself how long times, and data where it may wait, are not on the media: at most @seconds
 * after the first change.  The dirty flag is cleared before the flush, so a change
 * during it brings the next one.  Preallocated blocks whose file may be closed by then
 * are given back on the same occasion.
 */
#include "fuse/flusher.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "core/prealloc.h"
#include "core/sync.h"

/* Sleep for the delay; true when it has passed, false when told to stop. */
static bool wait_delay(struct flusher *fl)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += fl->seconds;
	while (!fl->stop) {
		if (pthread_cond_timedwait(&fl->cond, &fl->mutex, &until))
			return !fl->stop;
	}
	return false;
}

static bool wait_dirty(struct flusher *fl)
{
	while (!fl->stop && !atomic_load(&fl->dirty))
		pthread_cond_wait(&fl->cond, &fl->mutex);
	return !fl->stop;
}

static void flush_once(struct flusher *fl)
{
	static int last;	/* the flusher's thread only */
	int err;

	atomic_store(&fl->dirty, false);
	err = sync_fs(fl->fs);
	prealloc_expire(fl->fs);
	if (err && err != last)
		log_error("background flush failed: %s", strerror(-err));
	last = err;
}

static void *flusher_main(void *arg)
{
	struct flusher *fl = arg;

	pthread_mutex_lock(&fl->mutex);
	while (wait_dirty(fl) && wait_delay(fl)) {
		pthread_mutex_unlock(&fl->mutex);
		flush_once(fl);
		pthread_mutex_lock(&fl->mutex);
	}
	pthread_mutex_unlock(&fl->mutex);
	return NULL;
}

void flusher_wake(struct flusher *fl)
{
	if (!fl->seconds || atomic_exchange(&fl->dirty, true))
		return;
	pthread_mutex_lock(&fl->mutex);
	pthread_cond_signal(&fl->cond);
	pthread_mutex_unlock(&fl->mutex);
}

int flusher_start(struct flusher *fl, struct fs *fs, unsigned seconds)
{
	pthread_condattr_t attr;
	int err;

	memset(fl, 0, sizeof(*fl));
	fl->fs = fs;
	fl->seconds = seconds;
	if (!seconds)
		return 0;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&fl->mutex, NULL);
	pthread_cond_init(&fl->cond, &attr);
	pthread_condattr_destroy(&attr);
	err = pthread_create(&fl->thread, NULL, flusher_main, fl);
	if (!err)
		return 0;
	pthread_cond_destroy(&fl->cond);
	pthread_mutex_destroy(&fl->mutex);
	fl->seconds = 0;
	return -err;
}

void flusher_stop(struct flusher *fl)
{
	if (!fl->seconds)
		return;
	pthread_mutex_lock(&fl->mutex);
	fl->stop = true;
	pthread_cond_signal(&fl->cond);
	pthread_mutex_unlock(&fl->mutex);
	pthread_join(fl->thread, NULL);
	pthread_cond_destroy(&fl->cond);
	pthread_mutex_destroy(&fl->mutex);
	fl->seconds = 0;
}
