/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe.h -- inside of src/pm: what a descriptor is, and how it gets mapped
 */
#ifndef PM_PROBE_H
#define PM_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pm/region.h"

#define PM_PAGE		UINT64_C(4096)
#define PM_HUGE_PAGE	(UINT64_C(2) << 20)

enum pm_flush_kind {
	PM_FLUSH_EADR, PM_FLUSH_CLWB, PM_FLUSH_CLFLUSHOPT, PM_FLUSH_CLFLUSH, PM_FLUSH_OTHER,
};

/* What the platform promises of the memory below, by /sys/bus/nd. */
enum pm_persistence {
	PM_NO_REGION,		/* no NVDIMM region is above the device in sysfs */
	PM_VOLATILE,		/* ordinary memory */
	PM_UNKNOWN,		/* persistent memory of which the firmware says no more */
	PM_MEMORY_CONTROLLER,	/* what was flushed and fenced survives */
	PM_CPU_CACHE,		/* eADR: the caches survive too */
};

/* What region_probe() found out. */
struct probe {
	enum region_kind kind;
	bool direct;		/* a mapping reaches the media, no page cache between */
	uint64_t size;		/* bytes, as the device or file says */
	uint64_t align;		/* bytes */
	enum pm_persistence persistence;
};

/**
 * pm_flush_kind - the instruction that libpmem flushes with on this machine
 *
 * Return: enum pm_flush_kind.
 */
enum pm_flush_kind pm_flush_kind(void);

/**
 * probe_is_dax_char - whether a character device is device-DAX
 * @rdev: device number
 *
 * Context: asks sysfs; does not open the device.
 * Return:  true when it is.
 */
bool probe_is_dax_char(dev_t rdev);

/**
 * probe_dax_char - size and alignment of a device-DAX device
 * @dir: its directory in sysfs
 * @p:   out
 *
 * Return: 0, or negative errno when sysfs does not tell.
 */
int probe_dax_char(const char *dir, struct probe *p);

/**
 * pm_persistence - what the NVDIMM region that a device lies in promises
 * @dir: the device's directory in sysfs, or a link to it
 *
 * Return: PM_NO_REGION when none of its parents is such a region.
 */
enum pm_persistence pm_persistence(const char *dir);

/**
 * probe_queue_dax - whether a block device lies on persistent memory
 * @dir: its directory in sysfs, of the disk or of a partition
 *
 * Return: true when the queue says so.
 */
bool probe_queue_dax(const char *dir);

/**
 * region_probe - find out what a descriptor is
 * @fd:   device-DAX or block device, or regular file
 * @path: for messages
 * @p:    out
 *
 * Only the kernel's answer to MAP_SYNC makes a block device or file direct: the
 * kernel has dropped direct mappings of raw pmem block devices (queue/dax speaks
 * of filesystems on it), and taking their page cache for media would lose data.
 *
 * Context: logs what is wrong.
 * Return:  0, -EINVAL or what the kernel said.
 */
int region_probe(int fd, const char *path, struct probe *p);

/**
 * region_describe - settle what region_durability() and region_power_safe() say
 * @rg:          kind, flags, ops and direct are set
 * @persistence: of the memory below
 */
void region_describe(struct region *rg, enum pm_persistence persistence);

/**
 * region_new_memory - a region of anonymous zeroed memory
 * @out:  the region
 * @kind: REGION_TMPFS_FILE or REGION_RECORD
 * @ops:  backend
 * @size: bytes, rounded down to 4096
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int region_new_memory(struct region **out, enum region_kind kind, const struct pm_ops *ops,
		      uint64_t size);

/**
 * region_map - map a region at an address that huge pages can serve
 * @rg: fd (-1 for anonymous memory), size, align, kind and flags are set
 *
 * Context: logs what is wrong.
 * Return:  0 with rg->base set, or negative errno.
 */
int region_map(struct region *rg);

#endif
