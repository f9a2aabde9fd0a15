// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * wake.c -- the least that asking another process takes: two that wake each other on one CPU
 *
 * A request of a filesystem in user space is that and more.
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "compare/calls.h"

static int ask, answer;

static void pass(int from, int to)
{
	uint64_t n;

	must_whole(read(from, &n, sizeof(n)), sizeof(n));
	must_whole(write(to, &n, sizeof(n)), sizeof(n));
}

/* The child dies with its parent. */
static void open_peer(struct lane *l)
{
	const int cpu = (int)must(sched_getcpu());
	cpu_set_t one;

	(void)l;
	CPU_ZERO(&one);
	CPU_SET((unsigned)cpu, &one);
	must(sched_setaffinity(0, sizeof(one), &one));
	ask = (int)must(eventfd(0, EFD_CLOEXEC));
	answer = (int)must(eventfd(0, EFD_CLOEXEC));
	if (must(fork()))
		return;
	must(prctl(PR_SET_PDEATHSIG, SIGKILL));
	for (;;)
		pass(ask, answer);
}

static void wake_and_wait(struct lane *l, size_t i)
{
	uint64_t n = 1;

	(void)l;
	(void)i;
	must_whole(write(ask, &n, sizeof(n)), sizeof(n));
	must_whole(read(answer, &n, sizeof(n)), sizeof(n));
}

const struct kind wake_kinds[] = {
	{ "wake", 2000, open_peer, NULL, wake_and_wait, NULL },
	{ 0 },
};
