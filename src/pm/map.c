/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * map.c -- the mapping of a region
 *
 * Address space is reserved first, a little more than needed, and the region is
 * mapped over an aligned part of it: 2 MiB at least, so that huge pages can
 * serve, or the device's own alignment.  Takes no locks.
 */
#include "pm/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

static int map_prot(const struct region *rg)
{
	bool readable_only = (rg->flags & REGION_RDONLY) && !(rg->flags & REGION_PRIVATE);

	return readable_only ? PROT_READ : PROT_READ | PROT_WRITE;
}

static int map_flags(const struct region *rg)
{
	if (rg->fd < 0)
		return MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	if (rg->flags & REGION_PRIVATE)
		return MAP_PRIVATE | MAP_NORESERVE;
	if (rg->direct && (rg->kind == REGION_FSDAX_FILE || rg->kind == REGION_PMEM_BLK))
		return MAP_SHARED_VALIDATE | MAP_SYNC;
	return MAP_SHARED;
}

/* Gives back what lies before and behind [addr, addr + size) of a reservation. */
static void trim(uint8_t *space, uint64_t space_size, uint8_t *addr, uint64_t size)
{
	if (addr > space)
		munmap(space, (size_t)(addr - space));
	if (space + space_size > addr + size)
		munmap(addr + size, (size_t)(space + space_size - (addr + size)));
}

static int map_failed(const struct region *rg, int err)
{
	bool large = rg->kind == REGION_DAX_CHAR && rg->align > PM_HUGE_PAGE;

	log_error("cannot map %llu bytes of %s: %s%s", (unsigned long long)rg->size,
		  rg->path ? rg->path : "memory", strerror(-err),
		  large ? "; its alignment is more than 2 MiB: 'ndctl create-namespace -f -e NAMESPACE "
			  "--mode=devdax --align=2M' changes that and destroys what it holds" : "");
	return err;
}

int region_map(struct region *rg)
{
	uint64_t align = rg->align > PM_HUGE_PAGE ? rg->align : PM_HUGE_PAGE;
	uint64_t space_size = rg->size + align;
	uint8_t *space = mmap(NULL, space_size, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (space == MAP_FAILED)
		return map_failed(rg, -errno);
	uint8_t *addr = (uint8_t *)(((uintptr_t)space + align - 1) & ~(uintptr_t)(align - 1));

	if (mmap(addr, rg->size, map_prot(rg), map_flags(rg) | MAP_FIXED, rg->fd, 0) == MAP_FAILED) {
		int err = -errno;

		munmap(space, space_size);
		return map_failed(rg, err);
	}
	trim(space, space_size, addr, rg->size);
	if (rg->kind == REGION_TMPFS_FILE)
		(void)madvise(addr, rg->size, MADV_HUGEPAGE);
	rg->base = addr;
	return 0;
}
