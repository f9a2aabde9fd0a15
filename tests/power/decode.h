/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decode.h -- the x86 instructions by which bytes reach persistent memory
 */
#ifndef POWER_DECODE_H
#define POWER_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum insn_kind {
	INSN_OTHER,
	INSN_FENCE,	/* SFENCE, MFENCE */
	INSN_LOCKED,	/* LOCK-prefixed, or XCHG with memory: drains as well */
	INSN_NT_STORE,	/* non-temporal store */
	INSN_CLWB,	/* CLWB, CLFLUSHOPT: ordered by a fence only */
	INSN_CLFLUSH,	/* ordered with stores */
	INSN_WBINVD,
	INSN_CPUID,	/* markers of the guest */
};

#define INSN_NO_REG 255u

struct insn {
	enum insn_kind kind;
	/* the address of INSN_CLWB and INSN_CLFLUSH */
	uint8_t base, index;	/* register, or INSN_NO_REG */
	uint8_t scale;		/* shift */
	bool rip;		/* relative to the next instruction */
	bool addr32;		/* 32 bits only */
	bool segment;		/* relative to FS or GS */
	int32_t disp;
};

/**
 * decode - what an instruction is
 * @code: its bytes, 64-bit mode
 * @len:  how many
 * @in:   out
 */
void decode(const uint8_t *code, size_t len, struct insn *in);

#endif
