/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fs.h -- a filesystem instance: format, mount, unmount, statistics
 *
 * The engine's front door.  Together with inode.h, namei.h, dir.h, file.h,
 * space.h, sync.h, attr.h and xattr.h this is all of core that the daemon and the
 * tools use.  Everything returns a negative errno on failure; nothing
 * here needs root or FUSE.  All functions may be called from any thread.
 */
#ifndef DAXFS_CORE_FS_H
#define DAXFS_CORE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fs;
struct region;

/* Who asks.  CRED_PRIVILEGED: permission was checked elsewhere (the kernel). */
#define CRED_PRIVILEGED	1u
struct cred { uid_t uid; gid_t gid; unsigned flags; };

#define FS_RDONLY		0x0001u	/* nothing is written to the device, ever */
#define FS_USE_COPY		0x0002u	/* damaged primary superblock: use the copy and mend the primary */
#define FS_ERRORS_CONTINUE	0x0004u	/* on corruption go on; else turn read-only */
#define FS_SYNC			0x0008u	/* every write as with O_SYNC */
#define FS_NOATIME		0x0010u
#define FS_STRICTATIME		0x0020u	/* neither: relatime */
#define FS_DSYNC		0x0040u	/* every write as with O_DSYNC */
#define FS_NO_OPENS		0x0080u	/* nobody calls file_open(): see prealloc.h */

struct fs_opts {
	const char	*path;		/* device or file; NULL with @region */
	struct region	*region;	/* already open (tests): fs_close() does not close it */
	unsigned	 flags;		/* FS_* */
	unsigned	 wait_ms;	/* for the device's lock, when another program still has it */
};

/**
 * fs_open - mount: lock the device, check, recover if needed, load free space
 *
 * An unclean filesystem has its unfinished transactions rolled back, its free
 * space rebuilt and its orphans reclaimed; read-only, that happens in a private
 * copy, where orphans stay what they are.  Logs one sentence for whatever it refuses.
 *
 * Durable: the state on media is "dirty" from before the first change until
 * fs_close() (not for FS_RDONLY).
 * Return: 0, -EBUSY (device in use), -EUCLEAN (damaged), -EINVAL (no daxfs),
 * -EPROTONOSUPPORT (newer incompatible feature or version), -EROFS (needs
 * writing, device is read-only), -EOPNOTSUPP (read-only, unclean, and device-DAX,
 * which cannot be mapped privately), -ENXIO/-ENOENT/-EACCES (device), -ENOMEM.
 */
int fs_open(struct fs **out, const struct fs_opts *o);

/**
 * fs_close - unmount: flush, reclaim what is unlinked, save the snapshot, mark clean
 *
 * Inodes still referenced are let go.  Durable: everything.
 * Return: 0, or -EIO/-EUCLEAN when the filesystem had to be left unclean.
 */
int fs_close(struct fs *fs);

/* fs_abandon - drop the instance as a killed process would (tests): media untouched. */
void fs_abandon(struct fs *fs);

struct fs_format_opts {
	const char	*path;		/* NULL with @region */
	struct region	*region;
	uint64_t	 size;		/* bytes; 0 = the whole device or existing file */
	const char	*label;		/* NULL = none; at most 63 bytes */
	uint8_t		 uuid[16];	/* all zero = make one */
	uid_t		 uid;		/* owner of the root directory */
	gid_t		 gid;
};

struct fs_format_result { uint64_t nr_blocks; uint32_t nr_lanes; uint8_t uuid[16]; char durability[160]; };

/**
 * fs_format - write an empty filesystem
 * The primary superblock is made invalid first and written last: a crash on the way leaves a
 * device that is not a daxfs.  What was on the device before is the caller's business.
 * Return: 0, -EBUSY, -ENOSPC (too small), -EINVAL, or the device's error.
 */
int fs_format(const struct fs_format_opts *o, struct fs_format_result *res);

struct fs_stat {
	uint64_t blocks, bfree;		/* 4 KiB blocks */
	uint64_t inodes, ifree;		/* ifree: what could still be made */
	uint64_t free_chunks;		/* wholly free 2 MiB chunks */
	uint64_t cached_inodes, cache_bytes;
	uint64_t dirty_inodes;
	uint64_t recovered_txns, recovered_orphans, recovery_ns;	/* at this mount */
	uint32_t nr_lanes;
	uint32_t flags;			/* FS_* in force */
	uint8_t  uuid[16];
	char     label[65];
	char     backend[32];		/* region kind */
	char     durability[160];	/* what the region promises, a sentence */
	bool     power_safe;		/* what is durable outlives a power loss */
	bool     waits;			/* each change waits for msync(2), that is, for a disk */
	bool     was_clean, from_snapshot;
};

/* fs_statfs - all of it as it is now; counts may be of different moments.  Context: no locks. */
void fs_statfs(struct fs *fs, struct fs_stat *st);

/* fs_rdonly - mounted read-only, or turned read-only by an error. */
bool fs_rdonly(const struct fs *fs);

/* fs_set_flags - remount: FS_SYNC, FS_NOATIME, FS_STRICTATIME, FS_ERRORS_CONTINUE. */
void fs_set_flags(struct fs *fs, unsigned flags);

/* fs_trim_memory - hand memory of dropped inodes back to the system. */
void fs_trim_memory(struct fs *fs);

#endif
