/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decode.c -- the x86 instructions by which bytes reach persistent memory
 *
 * Only what QEMU has decoded already comes here, so the bytes are a whole
 * instruction; of those that matter nothing but the address form is looked at.
 */
#include "power/decode.h"

#include <string.h>

struct prefixes { bool opsize, lock, rep; uint8_t rex; };

/* The first byte behind the prefixes. */
static size_t skip_prefixes(const uint8_t *code, size_t len, struct prefixes *px, struct insn *in)
{
	size_t i = 0;

	for (; i < len; i++) {
		switch (code[i]) {
		case 0x66: px->opsize = true; continue;
		case 0x67: in->addr32 = true; continue;
		case 0xf0: px->lock = true; continue;
		case 0xf3: px->rep = true; continue;
		case 0x64: case 0x65: in->segment = true; continue;
		case 0xf2: case 0x26: case 0x2e: case 0x36: case 0x3e: continue;
		}
		break;
	}
	if (i < len && (code[i] & 0xf0) == 0x40)
		px->rex = code[i++];
	return i;
}

static bool is_register_form(uint8_t modrm)
{
	return modrm >= 0xc0;
}

static bool is_xchg_memory(const uint8_t *p, size_t n)
{
	return n > 1 && (p[0] == 0x86 || p[0] == 0x87) && !is_register_form(p[1]);
}

/* VMOVNTDQ, VMOVNTPS, VMOVNTPD */
static bool is_vex_nt_store(const uint8_t *p, size_t n)
{
	uint8_t op = 0;

	if (n > 2 && p[0] == 0xc5)
		op = p[2];
	else if (n > 3 && p[0] == 0xc4 && (p[1] & 0x1f) == 1)
		op = p[3];
	return op == 0xe7 || op == 0x2b;
}

/* MOVNTI, MOVNTQ and MOVNTDQ, MOVNTPS and MOVNTPD; MASKMOVQ and MASKMOVDQU */
static bool is_nt_store(uint8_t op, uint8_t modrm)
{
	if (op == 0xf7)
		return is_register_form(modrm);
	return (op == 0xc3 || op == 0xe7 || op == 0x2b) && !is_register_form(modrm);
}

static void decode_sib(uint8_t sib, uint8_t mod, const struct prefixes *px, struct insn *in)
{
	in->scale = sib >> 6;
	in->index = (uint8_t)((sib >> 3 & 7) | (px->rex & 2) << 2);
	if (in->index == 4)
		in->index = INSN_NO_REG;
	in->base = (uint8_t)((sib & 7) | (px->rex & 1) << 3);
	if ((sib & 7) == 5 && mod == 0)
		in->base = INSN_NO_REG;
}

/* @p: at the ModRM byte */
static void decode_address(const uint8_t *p, const struct prefixes *px, struct insn *in)
{
	uint8_t mod = p[0] >> 6, rm = p[0] & 7;
	const uint8_t *disp = p + 1;

	in->base = (uint8_t)(rm | (px->rex & 1) << 3);
	if (rm == 4) {
		decode_sib(p[1], mod, px, in);
		disp++;
	} else if (rm == 5 && mod == 0) {
		in->rip = true;
		in->base = INSN_NO_REG;
	}
	if (mod == 1)
		in->disp = (int8_t)*disp;
	else if (mod == 2 || in->rip || in->base == INSN_NO_REG)
		memcpy(&in->disp, disp, sizeof(in->disp));
}

/* 0F AE: fences with a register form, flushes with a memory form */
static void decode_group15(const uint8_t *p, const struct prefixes *px, struct insn *in)
{
	uint8_t reg = p[0] >> 3 & 7;

	if (is_register_form(p[0])) {
		if (reg == 7 || (reg == 6 && !px->opsize && !px->rep))
			in->kind = INSN_FENCE;
		return;
	}
	if (px->rep || reg < 6 || (reg == 6 && !px->opsize))
		return;
	in->kind = px->opsize ? INSN_CLWB : INSN_CLFLUSH;
	decode_address(p, px, in);
}

static void decode_0f(const uint8_t *p, size_t n, const struct prefixes *px, struct insn *in)
{
	if (p[0] == 0x09)
		in->kind = INSN_WBINVD;
	else if (p[0] == 0xa2)
		in->kind = INSN_CPUID;
	else if (n > 1 && p[0] == 0xae)
		decode_group15(p + 1, px, in);
	else if (n > 1 && is_nt_store(p[0], p[1]))
		in->kind = INSN_NT_STORE;
}

void decode(const uint8_t *code, size_t len, struct insn *in)
{
	struct prefixes px = { 0 };

	*in = (struct insn){ .kind = INSN_OTHER, .base = INSN_NO_REG, .index = INSN_NO_REG };
	size_t at = skip_prefixes(code, len, &px, in);
	const uint8_t *p = code + at;
	size_t n = len - at;

	if (px.lock || is_xchg_memory(p, n))
		in->kind = INSN_LOCKED;
	else if (is_vex_nt_store(p, n))
		in->kind = INSN_NT_STORE;
	else if (n > 1 && p[0] == 0x0f)
		decode_0f(p + 1, n - 1, &px, in);
}
