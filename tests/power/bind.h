/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bind.h -- guest registers and addresses, which the plugin interface does not give
 */
#ifndef POWER_BIND_H
#define POWER_BIND_H

#include <stdbool.h>
#include <stdint.h>

#include "power/qemu.h"

enum { REG_RAX, REG_RCX, REG_RDX, REG_RBX };	/* order of the architecture; up to 15 */

/**
 * bind_qemu - find registers in this QEMU, and have them kept up to date for callbacks
 *
 * Return: NULL, or why this QEMU cannot be used.
 */
const char *bind_qemu(void);

/* bind_reg - a general register of a CPU, inside an execution callback of it. */
uint64_t bind_reg(const void *cpu, unsigned reg);

/* bind_is_64bit - whether the CPU runs 64-bit code now. */
bool bind_is_64bit(const void *cpu);

/**
 * bind_translate - where in QEMU a guest address lies
 * @cpu:   from qemu_get_cpu(), the calling one
 * @vaddr: guest virtual address
 *
 * Return: NULL when it is not mapped memory.
 */
uint8_t *bind_translate(void *cpu, uint64_t vaddr);

/* bind_stored - where in QEMU a memory callback's bytes lie, or NULL when not in memory. */
uint8_t *bind_stored(meminfo info, uint64_t vaddr);

#endif
