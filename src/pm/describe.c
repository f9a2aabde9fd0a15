/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * describe.c -- what a region is and what survives there, in words
 *
 * Settled once, when the region is opened: the instruction that libpmem flushes
 * with here, and what the platform promises of the memory below.
 */
#include "pm/probe.h"

#include <stdio.h>

#include "pm/pm.h"

const char *region_kind_name(const struct region *rg)
{
	static const char *const names[] = {
		[REGION_DAX_CHAR] = "device-DAX",
		[REGION_PMEM_BLK] = "pmem block device",
		[REGION_FSDAX_FILE] = "file on fs-dax",
		[REGION_TMPFS_FILE] = "file on tmpfs",
		[REGION_FILE] = "page cache",
		[REGION_RECORD] = "recording",
	};

	if (rg->kind == REGION_TMPFS_FILE && rg->fd < 0)
		return "anonymous memory";
	return names[rg->kind];
}

static const char *flush_name(void)
{
	static const char *const names[] = {
		[PM_FLUSH_EADR] = "no flush (eADR) + sfence",
		[PM_FLUSH_CLWB] = "clwb + sfence",
		[PM_FLUSH_CLFLUSHOPT] = "clflushopt + sfence",
		[PM_FLUSH_CLFLUSH] = "clflush",
		[PM_FLUSH_OTHER] = "cache-line write-back + barrier",
	};

	return names[pm_flush_kind()];
}

static const char *promise(const struct region *rg, enum pm_persistence p)
{
	if (rg->kind == REGION_TMPFS_FILE)
		return "tmpfs: contents do not survive power loss";
	switch (p) {
	case PM_VOLATILE:
		return "ordinary memory: contents do not survive power loss";
	case PM_MEMORY_CONTROLLER:
	case PM_CPU_CACHE:
		return "survives power loss";
	default:
		return "the platform does not say that contents survive power loss";
	}
}

static void describe_direct(struct region *rg, enum pm_persistence p)
{
	snprintf(rg->durability, sizeof(rg->durability), "%s; %s", flush_name(), promise(rg, p));
	rg->power_safe = p == PM_MEMORY_CONTROLLER || p == PM_CPU_CACHE;
}

static const char *msync_text(const struct region *rg, enum pm_persistence p)
{
	if (p == PM_VOLATILE)
		return "msync; ordinary memory: contents do not survive power loss";
	if (rg->kind == REGION_PMEM_BLK)
		return "msync, as the kernel maps this block device through its page cache; "
		       "survives power loss";
	return "msync; survives power loss as far as the storage below keeps its fsync promise";
}

static const char *not_written_text(const struct region *rg)
{
	if (rg->kind == REGION_RECORD)
		return "recorded; power loss is simulated";
	if (rg->flags & REGION_PRIVATE)
		return "private copy in memory; nothing is written to the media";
	return rg->flags & REGION_RDONLY ? "read-only; nothing is written to the media" : NULL;
}

void region_describe(struct region *rg, enum pm_persistence persistence)
{
	const char *text = not_written_text(rg);

	rg->power_safe = true;
	if (!text && rg->ops == &pm_ops_pmem) {
		describe_direct(rg, persistence);
		return;
	}
	if (!text) {
		text = msync_text(rg, persistence);
		rg->power_safe = persistence != PM_VOLATILE;
	}
	snprintf(rg->durability, sizeof(rg->durability), "%s", text);
}

const char *region_durability(const struct region *rg)
{
	return rg->durability;
}

bool region_power_safe(const struct region *rg)
{
	return rg->power_safe;
}

const char *region_resize_hint(const struct region *rg)
{
	return rg->kind == REGION_DAX_CHAR ?
	       "; 'daxctl list' shows its size, 'ndctl create-namespace --size' makes another" : "";
}
