/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stay.h -- clients stay on the CPU where they ask
 *
 * A reply wakes a client on a CPU that is busy at that moment: with the ring's
 * thread that sends it.  So the scheduler looks for an idle one, moves the client there, the
 * next request goes through that CPU's queue, and each request wakes two sleeping
 * CPUs (measured for 4 KiB reads: 32 us instead of 9).  A CPU on which nothing but
 * SCHED_IDLE threads run counts as idle, though (sched_idle_cpu() in the kernel's
 * kernel/sched/fair.c).  A thread that serves one client at a time, on a machine with a
 * free CPU, therefore has that rank when it sends.  Clients then run
 * at once, in its place, and it goes on when they wait for it again.
 *
 * It keeps the rank from one request to the next, while it serves too, as long as there always is a next one.
 * It must not wait for the CPU behind others with it: it gives it back before it sleeps until somebody
 * asks, when the machine gets busy, and for long when it got the CPU back late.
 *
 * All calls: the ring's thread.
 */
#ifndef FUSE_STAY_H
#define FUSE_STAY_H

#include <stdbool.h>
#include <stdint.h>

struct stay {
	bool	 able, low;	/* may change its rank; has the low one now */
	int	 nice;
	int	 loadavg;	/* descriptor of /proc/loadavg, or -1 */
	unsigned cpus;
	unsigned alone;		/* turns in a row that served one client */
	unsigned enough;	/* of them before the rank is taken */
	unsigned kept;		/* turns since it was taken */
	unsigned crowded;	/* looks at the machine in a row that found no free CPU */
	int64_t	 sent_at, not_before;	/* ns, coarse */
};

/* stay_init - without the right to get its rank back (CAP_SYS_NICE), the thread always keeps it. */
void stay_init(struct stay *s);

/* stay_fini - gives the rank back, too. */
void stay_fini(struct stay *s);

/**
 * stay_before_send - replies are about to go out
 * @served: requests since the last call
 */
void stay_before_send(struct stay *s, unsigned served);

/**
 * stay_after_send - they have gone
 *
 * Return: whether the clients may have asked again already, or run as soon as this thread yields the CPU:
 * look, yield, call this again, and look again before stay_before_sleep().
 */
bool stay_after_send(struct stay *s);

/* stay_before_sleep - nobody has asked yet. */
void stay_before_sleep(struct stay *s);

#endif
