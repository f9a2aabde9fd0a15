/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signals.h -- SIGTERM and its like end the session in an orderly way
 */
#ifndef FUSE_SIGNALS_H
#define FUSE_SIGNALS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct fuse_session;

struct signals {
	struct fuse_session *se;
	const char	*dir;		/* mount point */
	pthread_t	 thread, main;
	_Atomic bool	 done;		/* the session's loop has returned */
};

/**
 * signals_block - keep the signals for the thread that waits for them
 *
 * Context: before any other thread exists.
 */
void signals_block(void);

/**
 * signals_start - wait for SIGTERM, SIGINT or SIGHUP in a thread of its own
 * @sg: filled in
 * @se: session to end then
 * @dir: its mount point
 *
 * Context: the thread that is about to run the session's loop.
 * Return: 0 or negative errno.
 */
int signals_start(struct signals *sg, struct fuse_session *se, const char *dir);

/**
 * signals_fail - end the session from within: requests can no longer be served
 *
 * Unlike a signal from outside it has no pages written back, since nobody would answer the kernel.
 *
 * Context: any thread of a process that has called signals_block().
 */
void signals_fail(void);

/* signals_stop - the loop has returned: end the thread. */
void signals_stop(struct signals *sg);

#endif
