/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * steady.c -- what the engine asks of the system is the same in every run
 *
 * Functions of libc that stand before it: a case repeats to the last store.
 */
#include "crash/steady.h"

#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define START_S		1000000000
#define TICK_NS		1000003		/* from look to look: no two times are equal, nor a part of them */

static _Atomic unsigned cpu, nr_random;
static _Atomic long long looks;

void steady_reset(void)
{
	cpu = 0;
	nr_random = 0;
	looks = 0;
}

/* Only the clock of the inodes' times; measuring is done with the others. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	if (id != CLOCK_REALTIME_COARSE)
		return (int)syscall(SYS_clock_gettime, id, ts);
	long long ns = ++looks * TICK_NS;

	*ts = (struct timespec){ START_S + ns / 1000000000, ns % 1000000000 };
	return 0;
}

/*
 * A transaction takes its lane by CPU.  Here each takes the next one, so that
 * what a lane leaves undone meets the changes of other lanes.
 */
int sched_getcpu(void)
{
	return (int)(cpu++ & 0xffff);
}

ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
	(void)flags;
	memset(buf, (int)++nr_random, n);
	return (ssize_t)n;
}

/*
 * liburcu's thread for deferred work sleeps 10 ms with poll() to gather some; a
 * mount and its end wait for it twice.  With a mount per state that would be all
 * that this program does.  Whoever polls a descriptor still does.
 */
int poll(struct pollfd *fds, nfds_t nr, int ms)
{
	return nr ? (int)syscall(SYS_poll, fds, nr, ms) : 0;
}
