/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signals.c -- SIGTERM and its like end the session in an orderly way
 *
 * A thread waits for the signals, so that it may do what a handler must not:
 * have the kernel write back pages that programs changed through mappings.
 * Those writes are served by the session's other threads, which is why the
 * session is ended only afterwards.  libfuse's loop sleeps in sem_wait() and
 * looks at its exit flag when a signal interrupts it: SIGUSR1 does that, sent
 * again and again, since one may come just before the sleep.
 */
#define FUSE_USE_VERSION 314
#include "fuse/signals.h"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* The loop has returned, or has to return at once. */
#define SIGNAL_END	SIGUSR2
/* Interrupts the loop's sleep. */
#define SIGNAL_NUDGE	SIGUSR1

static void waited_for(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGNAL_END);
}

static void nothing(int sig)
{
	(void)sig;
}

void signals_block(void)
{
	struct sigaction nudge = { .sa_handler = nothing };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	waited_for(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGNAL_NUDGE, &nudge, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static void write_back(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	syncfs(fd);
	close(fd);
}

static void *signals_main(void *arg)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	struct signals *sg = arg;
	sigset_t set;
	int sig;

	waited_for(&set);
	while (sigwait(&set, &sig))
		;
	if (atomic_load(&sg->done))
		return NULL;
	if (sig == SIGNAL_END) {
		log_error("requests can no longer be served, unmounting %s", sg->dir);
	} else {
		log_info("%s, unmounting %s", strsignal(sig), sg->dir);
		write_back(sg->dir);
	}
	fuse_session_exit(sg->se);
	while (!atomic_load(&sg->done)) {
		pthread_kill(sg->main, SIGNAL_NUDGE);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int signals_start(struct signals *sg, struct fuse_session *se, const char *dir)
{
	sg->se = se;
	sg->dir = dir;
	sg->main = pthread_self();
	atomic_init(&sg->done, false);
	return -pthread_create(&sg->thread, NULL, signals_main, sg);
}

void signals_fail(void)
{
	kill(getpid(), SIGNAL_END);
}

void signals_stop(struct signals *sg)
{
	atomic_store(&sg->done, true);
	pthread_kill(sg->thread, SIGNAL_END);
	pthread_join(sg->thread, NULL);
}
