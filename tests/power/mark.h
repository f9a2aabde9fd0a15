/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mark.h -- what a program in the guest tells the power-cut model
 *
 * In band: a marker is an instruction, so it lies exactly between what was
 * stored before and after.  Harmless without the model.
 */
#ifndef POWER_MARK_H
#define POWER_MARK_H

#include <stdint.h>

#define MARK_MAGIC 0x7066u

enum mark {
	MARK_ARM = 1,	/* counting begins here */
	MARK_ACK,	/* something was acknowledged: a, b say what */
	MARK_CUT,	/* cut the power now */
	MARK_COUNT,	/* log the counters, labelled a */
};

static inline void mark(enum mark what, uint64_t a, uint64_t b)
{
	uint64_t rax = MARK_MAGIC << 16 | (uint32_t)what, rdx = 0;

	__asm__ volatile("cpuid" : "+a"(rax), "+b"(a), "+c"(b), "+d"(rdx) : : "memory");
}

#endif
