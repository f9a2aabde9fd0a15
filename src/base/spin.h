/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spin.h -- waiting for something that takes very short
 */
#ifndef BASE_SPIN_H
#define BASE_SPIN_H

#include <sched.h>

/* Tells the CPU that this is a waiting loop. */
static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/**
 * spin_wait - wait a moment, longer when it was in vain before
 * @rounds: 0 at first, kept by the caller
 *
 * Pauses the CPU at first, then lets others run: the holder may need this CPU.
 *
 * Context: any.
 */
static inline void spin_wait(unsigned *rounds)
{
	if (*rounds < 100) {
		++*rounds;
		spin_pause();
	} else {
		sched_yield();
	}
}

#endif
