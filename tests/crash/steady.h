/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * steady.h -- what the engine asks of the system is the same in every run
 */
#ifndef CRASH_STEADY_H
#define CRASH_STEADY_H

/* steady_reset - a case begins: the clock, the CPUs and random numbers start over. */
void steady_reset(void);

#endif
