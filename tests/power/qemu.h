/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu.h -- what the power-cut model uses of QEMU, declared by hand
 *
 * Debian ships no header for plugins.  The first part is version 1 of the plugin
 * interface; the second is not an interface at all but what QEMU 7.2 exports
 * anyway, and bind.c checks it before it is used.
 */
#ifndef POWER_QEMU_H
#define POWER_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
typedef uint32_t meminfo;

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;

enum { CB_NO_REGS, CB_R_REGS };
enum { MEM_R = 1, MEM_W = 2 };

struct plugin_info { const char *target; int min, cur; bool system; int cpus, max_cpus; };

typedef void (*exec_cb)(unsigned cpu, void *arg);
typedef void (*mem_cb)(unsigned cpu, meminfo info, uint64_t vaddr, void *arg);
typedef void (*exit_cb)(plugin_id id, void *arg);
typedef void (*trans_cb)(plugin_id id, struct qemu_plugin_tb *tb);

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, trans_cb cb);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *in, exec_cb cb, int regs,
						   void *arg);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *in, mem_cb cb, int regs, int rw,
					     void *arg);
extern void qemu_plugin_register_atexit_cb(plugin_id id, exit_cb cb, void *arg);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *in);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *in);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *in);
extern unsigned qemu_plugin_mem_size_shift(meminfo info);
extern struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(meminfo info, uint64_t vaddr);

extern void *qemu_get_cpu(int index);
extern void *tlb_vaddr_to_host(void *env, uint64_t addr, int access, int mmu_index);
extern char vmstate_x86_cpu[];

#endif
