/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * region.h -- a device or file, locked, mapped and ready for pm.h
 */
#ifndef PM_REGION_H
#define PM_REGION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pm_ops;

enum region_kind {
	REGION_DAX_CHAR,	/* device-DAX, /dev/daxX.Y */
	REGION_PMEM_BLK,	/* block device on persistent memory (queue/dax) */
	REGION_FSDAX_FILE,	/* file whose mapping takes MAP_SYNC */
	REGION_TMPFS_FILE,	/* file on tmpfs or ramfs */
	REGION_FILE,		/* page cache: any other file or block device */
	REGION_RECORD,		/* anonymous memory that logs every event, for tests */
};

enum region_flags {
	REGION_RDONLY = 1u << 0,	/* mapped PROT_READ; nothing is written */
	REGION_PRIVATE = 1u << 1,	/* opened read-only, stores stay in memory */
	REGION_CREATE = 1u << 2,	/* make the file, or make it larger: create_size */
	REGION_NOLOCK = 1u << 3,	/* neither flock() nor O_EXCL */
};

struct region_opts {
	const char *path;
	unsigned flags;		/* enum region_flags */
	unsigned wait_ms;	/* how long to wait for another program's lock */
	uint64_t create_size;	/* bytes, for REGION_CREATE on files; 0 keeps the size */
};

struct region {
	const struct pm_ops *ops;
	uint8_t *base;		/* 2 MiB aligned */
	uint64_t size;		/* bytes, multiple of 4096 */
	int fd;			/* -1 for memory */
	enum region_kind kind;
	unsigned flags;
	bool direct;		/* no page cache between the mapping and the media */
	uint64_t align;		/* bytes, smallest unit the device maps */
	char *path;
	char durability[128];	/* region_durability() */
	bool power_safe;	/* region_power_safe() */
	void *priv;		/* backend's own */
	void (*close)(struct region *rg);	/* ends priv, may be NULL */
	uint64_t id;		/* never given twice in a process */
	_Atomic int error;	/* first failure of a fence, negative errno */
};

/**
 * region_open - open, lock and map a device or file
 * @out: the region
 * @o:   what to open and how
 *
 * Takes an exclusive flock(), shared when read-only or private; a block device
 * opened for writing is also opened O_EXCL.  Waits up to wait_ms for both.
 * Installs the media-error guard.  What goes wrong is logged here, once, with
 * the path and the way out.  A file that this call created is removed again
 * when it fails.
 *
 * Context: sleeps.
 * Durable: nothing is written, save for the size of a created file.
 * Return:  0, -EBUSY (in use), -EINVAL (neither device nor file, or too
 *          short), -ENOTBLK (a character device that is not device-DAX),
 *          -EOPNOTSUPP (device-DAX cannot be mapped privately), -ENOMEM, or
 *          what the kernel said.
 */
int region_open(struct region **out, const struct region_opts *o);

/**
 * region_open_ram - anonymous zeroed memory with the pmem instructions
 * @out:  the region
 * @size: bytes, rounded down to 4096
 *
 * Context: for tests.
 * Durable: nothing, ever.
 * Return:  0, -EINVAL or -ENOMEM.
 */
int region_open_ram(struct region **out, uint64_t size);

/**
 * region_close - unmap, unlock and close
 * @rg: region, or NULL
 *
 * Context: no other thread uses @rg.
 * Durable: only what was fenced before.
 */
void region_close(struct region *rg);

/**
 * region_wait - wait until nobody has a device or file open for changes
 * @path:    device or file
 * @wait_ms: how long at most
 *
 * Whoever had it has made durable, by then, what they wanted to.  Holds a shared lock
 * for a moment; readers are not waited for.  Opens only what could be a region,
 * so that the path may come from a stranger.
 *
 * Context: sleeps; logs all failures but -EBUSY.
 * Return:  0, -EBUSY (time is over), -EINVAL or -ENOTBLK (as region_open()),
 *          or what the kernel said.
 */
int region_wait(const char *path, unsigned wait_ms);

/**
 * region_kind_name - what kind of region this is, for people
 * @rg: region
 *
 * Return: static text, such as "device-DAX".
 */
const char *region_kind_name(const struct region *rg);

/**
 * region_durability - which flush is used and what survives power loss
 * @rg: region
 *
 * Return: one sentence without a full stop, valid as long as @rg.
 */
const char *region_durability(const struct region *rg);

/**
 * region_power_safe - whether what is durable here outlives a power loss
 * @rg: region
 *
 * Return: false for tmpfs, memory that the platform calls volatile, and device-DAX
 *         or fs-dax of which it says nothing.
 */
bool region_power_safe(const struct region *rg);

/**
 * region_open_failed - say why a device or file cannot be opened, and the way out
 * @path: of it
 * @err:  negative errno
 *
 * For a device of persistent memory that is absent or disabled: the command
 * that brings it back.
 *
 * Context: logs one sentence.
 * Return:  @err.
 */
int region_open_failed(const char *path, int err);

/**
 * region_resize_hint - how a device of this kind gets another size, for messages
 * @rg: region
 *
 * Return: a static clause that begins with "; ", or "".
 */
const char *region_resize_hint(const struct region *rg);

/**
 * region_error - whether a fence has ever failed to make data durable
 * @rg: region
 *
 * Only the page-cache backend can fail (msync); the instructions cannot.
 *
 * Context: any; sticky until the region is closed.
 * Return:  0 or the first error, negative errno.
 */
static inline int region_error(const struct region *rg)
{
	return atomic_load_explicit(&rg->error, memory_order_acquire);
}

#endif
