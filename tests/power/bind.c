/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bind.c -- guest registers and addresses, which the plugin interface does not give
 *
 * CLWB and its like access no memory in an emulator, so nothing tells a plugin
 * their address: it has to be computed from registers.  Three things of QEMU 7.2
 * make that possible, and each is checked, for a model that sees nothing would
 * call everything lost, or worse, durable:
 *
 *   vmstate_x86_cpu, the table by which a machine is saved, has the offsets of
 *   registers in the CPU's structure;
 *   tlb_vaddr_to_host() translates;
 *   the helper that calls execution callbacks is declared as one that reads no
 *   registers, so that generated code may hold them elsewhere.  Its flags are
 *   changed in memory before any code is generated.
 */
#include "power/bind.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define HFLAGS_CPL	3u
#define HFLAGS_CS64	(1u << 15)

/* TCG call flags */
#define NO_READ_GLOBALS		1u
#define NO_WRITE_GLOBALS	2u

/* The fields that matter of QEMU's VMStateField. */
struct vmstate_field {
	const char *name, *err;
	size_t offset, size, start;
	int num;
	size_t num_offset, size_offset;
	const void *info;
	int flags;
	const void *vmsd;
	int version, struct_version;
	void *exists;
};

static size_t regs_offset, hflags_offset;

static bool in_an_object(const void *p)
{
	Dl_info info;

	return (uintptr_t)p > 4096 && dladdr(p, &info);
}

/* The table's pointer lies somewhere in the first words of the description. */
static const struct vmstate_field *field_table(void)
{
	for (unsigned i = 0; i < 24; i++) {
		const void *const *word = (const void *const *)(const void *)vmstate_x86_cpu + i;

		if (!in_an_object(*word))
			continue;
		const struct vmstate_field *f = *word;

		if (in_an_object(f->name) && !strcmp(f->name, "env.regs"))
			return f;
	}
	return NULL;
}

static const char *find_registers(void)
{
	const struct vmstate_field *f = field_table();

	if (!f)
		return "no table of registers; it is made for QEMU 7.2";
	for (unsigned i = 0; f[i].name && i < 400; i++) {
		if (!strcmp(f[i].name, "env.regs") && f[i].num == 16 && f[i].size == 8)
			regs_offset = f[i].offset;
		if (!strcmp(f[i].name, "env.hflags"))
			hflags_offset = f[i].offset;
	}
	return regs_offset && hflags_offset ? NULL : "registers are not where QEMU 7.2 has them";
}

/* -- the helper's flags ---------------------------------------------------------- */

struct program { const char *helper_name; uint8_t *low, *high; };

static const char *find_name(uint8_t *from, uint8_t *to)
{
	static const char name[] = "plugin_vcpu_udata_cb";

	for (uint8_t *p = from; (p = memmem(p, (size_t)(to - p), name, sizeof(name))); p++) {
		if (p > from && !p[-1])
			return (const char *)p;
	}
	return NULL;
}

/* The first object is the program itself. */
static int look_at_program(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct program *pr = arg;

	(void)size;
	pr->low = (uint8_t *)UINTPTR_MAX;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		uint8_t *from = (uint8_t *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		uint8_t *to = from + info->dlpi_phdr[i].p_memsz;

		pr->low = from < pr->low ? from : pr->low;
		pr->high = to > pr->high ? to : pr->high;
		if (!pr->helper_name)
			pr->helper_name = find_name(from, to);
	}
	return 1;
}

/* TCGHelperInfo: function, name, flags. */
static bool is_helper(const uint64_t *p, const struct program *pr)
{
	uint32_t flags = (uint32_t)p[2];

	return p[1] == (uintptr_t)pr->helper_name && p[0] >= (uintptr_t)pr->low &&
	       p[0] < (uintptr_t)pr->high && (flags & ~0x10u) == NO_READ_GLOBALS;
}

static bool change_flags(uint64_t *p, bool writable)
{
	uint32_t *flags = (uint32_t *)(p + 2);
	void *page = (void *)((uintptr_t)flags & ~UINT64_C(4095));

	if (!writable && mprotect(page, 4096, PROT_READ | PROT_WRITE))
		return false;
	*flags = (*flags & ~NO_READ_GLOBALS) | NO_WRITE_GLOBALS;
	return writable || !mprotect(page, 4096, PROT_READ);
}

static unsigned change_in(const struct program *pr, uint64_t *from, uint64_t *to, bool writable)
{
	unsigned n = 0;

	for (uint64_t *p = from; p + 2 < to; p++) {
		if (is_helper(p, pr) && change_flags(p, writable))
			n++;
	}
	return n;
}

static const char *sync_registers(void)
{
	struct program pr = { 0 };
	char line[1024], mode[8];
	unsigned changed = 0;
	uint64_t from, to;

	dl_iterate_phdr(look_at_program, &pr);
	if (!pr.helper_name)
		return "no helper for callbacks";
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, mode) != 3 || mode[0] != 'r')
			continue;
		if (from >= (uintptr_t)pr.low && to <= (uintptr_t)pr.high + 4096)
			changed += change_in(&pr, (uint64_t *)from, (uint64_t *)to, mode[1] == 'w');
	}
	if (f)
		fclose(f);
	return changed == 1 ? NULL : "the helper for callbacks is not as QEMU 7.2 declares it";
}

const char *bind_qemu(void)
{
	const char *why = find_registers();

	return why ? why : sync_registers();
}

/* -- use ------------------------------------------------------------------------- */

uint64_t bind_reg(const void *cpu, unsigned reg)
{
	return ((const uint64_t *)(const void *)((const char *)cpu + regs_offset))[reg];
}

static uint32_t hflags(const void *cpu)
{
	return *(const uint32_t *)(const void *)((const char *)cpu + hflags_offset);
}

bool bind_is_64bit(const void *cpu)
{
	return hflags(cpu) & HFLAGS_CS64;
}

/* Index 0 is the kernel's view, 2 the user's; a wrong one would show as untranslated. */
uint8_t *bind_translate(void *cpu, uint64_t vaddr)
{
	bool user = (hflags(cpu) & HFLAGS_CPL) == 3;

	return tlb_vaddr_to_host((char *)cpu + regs_offset, vaddr, 0, user ? 2 : 0);
}

uint8_t *bind_stored(meminfo info, uint64_t vaddr)
{
	const struct { bool is_io, is_store; uint8_t *host; } *hw =
		(const void *)qemu_plugin_get_hwaddr(info, vaddr);

	return hw && !hw->is_io ? hw->host : NULL;
}
