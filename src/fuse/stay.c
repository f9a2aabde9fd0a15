/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stay.c -- clients stay on the CPU where they ask
 *
 * The clock is the coarse one, which moves by a few milliseconds and costs
 * nothing.  The rank costs 1.5 us to take and as much to give back, so it is taken for
 * a run of requests, and after more and more of them when runs turn out short.
 */
#include "fuse/stay.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS	INT64_C(1000000)

/* How long the CPU may be away, and how long the rank is kept when it was: times that. */
#define LATE_NS		(10 * NS_PER_MS)
#define PENALTY		100

/*
 * The time slice that goes with the low rank, the shortest there is: the shorter, the
 * sooner it is this thread's turn beside one of the usual rank that computes (measured: after 16 to 26 ms).
 */
#define SLICE_NS	(NS_PER_MS / 10)

#define ENOUGH_MIN	4u
#define ENOUGH_MAX	4096u
#define LONG_RUN	64u

/*
 * So many moves of the clock in a row must find no free CPU.  With the clock the kernel's own
 * threads wake (RCU, timers), and the daemon's: one look too many at that moment says "busy" on a machine
 * that is not (measured: create and unlink took 53 and 35 us instead of 45 and 27).
 */
#define CROWDED	4u

static int64_t coarse_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * 1000 * NS_PER_MS + t.tv_nsec;
}

/* By system call: the C library has known it since 2.41 only. */
static bool set_rank(const struct stay *s, bool low)
{
	struct sched_attr a = {
		.size = sizeof(a),
		.sched_policy = low ? SCHED_IDLE : SCHED_NORMAL,
		.sched_nice = s->nice,
		.sched_runtime = low ? SLICE_NS : 0,
	};

	return syscall(SYS_sched_setattr, 0, &a, 0) == 0;
}

/* Raising one's own nice value takes the right that coming back from SCHED_IDLE does, and can be undone. */
static bool may_come_back(int nice)
{
	if (syscall(SYS_sched_getscheduler, 0) != SCHED_NORMAL || setpriority(PRIO_PROCESS, 0, nice - 1))
		return false;
	setpriority(PRIO_PROCESS, 0, nice);
	return true;
}

/* Is there a CPU to which a client could be moved?  The fourth word is "RUNNABLE/ALL". */
static bool has_free_cpu(const struct stay *s)
{
	char text[64];
	ssize_t n = pread(s->loadavg, text, sizeof(text) - 1, 0);
	unsigned runnable;

	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "%*s %*s %*s %u/", &runnable) == 1 && runnable < s->cpus;
}

void stay_init(struct stay *s)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	*s = (struct stay){ .loadavg = -1, .enough = ENOUGH_MIN };
	s->nice = getpriority(PRIO_PROCESS, 0);
	s->cpus = cpus > 0 ? (unsigned)cpus : 1;
	if (s->cpus < 2 || !may_come_back(s->nice))
		return;
	s->loadavg = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	s->able = s->loadavg >= 0;
}

static void take(struct stay *s)
{
	s->low = set_rank(s, true);
	s->able = s->low;
	s->kept = s->crowded = 0;
}

/* If it could not be had back (the right is gone), requests are still served, late on a busy machine. */
static void give_back(struct stay *s)
{
	s->low = false;
	s->alone = 0;
	if (!set_rank(s, false))
		s->able = false;
}

void stay_fini(struct stay *s)
{
	if (s->low)
		give_back(s);
	if (s->loadavg >= 0)
		close(s->loadavg);
}

static void try_to_take(struct stay *s)
{
	const int64_t now = coarse_now();

	if (now < s->not_before)
		return;
	if (has_free_cpu(s)) {
		take(s);
		s->sent_at = now;
	} else {
		s->not_before = now + 1;	/* when the clock has moved */
	}
}

/* The machine is looked at each time the clock has moved.  Who was away for long need not look again. */
static bool is_crowded(struct stay *s, int64_t now)
{
	if (now == s->sent_at)
		return false;
	if (has_free_cpu(s)) {
		s->crowded = 0;
		return false;
	}
	s->crowded++;
	return s->crowded >= CROWDED || now - s->sent_at >= LATE_NS;
}

static void keep_or_give_back(struct stay *s)
{
	const int64_t now = coarse_now();

	if (s->alone && !is_crowded(s, now)) {
		s->kept++;
		s->sent_at = now;
	} else {
		s->not_before = now + LATE_NS;
		give_back(s);
	}
}

void stay_before_send(struct stay *s, unsigned served)
{
	if (!s->able)
		return;
	/* A second request is the RELEASE that follows a close. */
	s->alone = served == 1 || served == 2 ? s->alone + 1 : 0;
	if (s->low)
		keep_or_give_back(s);
	else if (s->alone >= s->enough)
		try_to_take(s);
}

bool stay_after_send(struct stay *s)
{
	int64_t now, late;

	if (!s->low)
		return false;
	now = coarse_now();
	late = now - s->sent_at;
	if (late < LATE_NS)
		return true;
	give_back(s);
	s->not_before = now + PENALTY * late;
	return false;
}

void stay_before_sleep(struct stay *s)
{
	if (!s->low)
		return;
	if (s->kept >= LONG_RUN)
		s->enough = ENOUGH_MIN;
	else if (s->enough < ENOUGH_MAX)
		s->enough *= 2;
	give_back(s);
}
