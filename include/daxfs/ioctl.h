/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ioctl.h -- what a mounted daxfs answers through ioctl(2)
 *
 * Every request works on any open file or directory of the filesystem unless
 * said otherwise; elsewhere they fail with ENOTTY.  All fields have a fixed
 * size and offset and are in host order.  Structures only ever grow at their
 * reserved tail.
 */
#ifndef DAXFS_IOCTL_H
#define DAXFS_IOCTL_H

#include <assert.h>
#include <linux/ioctl.h>
#include <stdint.h>

#define DAXFS_IOC_TYPE		0xDA
#define DAXFS_IOC_OPS_MAX	64
#define DAXFS_IOC_EXTENTS_MAX	64

/*
 * Requests that the daemon counts, in the order of daxfs_ioc_stat.requests[].
 * New ones are added at the end.  "other" are those that it has no handler for.
 */
#define DAXFS_IOC_OPS(X)						\
	X(lookup) X(forget) X(getattr) X(setattr) X(readlink) X(mknod)	\
	X(mkdir) X(symlink) X(link) X(unlink) X(rmdir) X(rename)	\
	X(create) X(open) X(release) X(read) X(write) X(fsync)		\
	X(fallocate) X(lseek) X(copy_file_range) X(opendir) X(readdir)	\
	X(readdirplus) X(releasedir) X(fsyncdir) X(setxattr)		\
	X(getxattr) X(listxattr) X(removexattr) X(statfs) X(ioctl)	\
	X(other)

#define DAXFS_IOC_OP_ENUM(name) DAXFS_OP_##name,
enum daxfs_op { DAXFS_IOC_OPS(DAXFS_IOC_OP_ENUM) DAXFS_OP_NR };
static_assert((int)DAXFS_OP_NR <= DAXFS_IOC_OPS_MAX, "requests[]");

/* daxfs_ioc_stat.flags and DAXFS_IOC_REMOUNT */
#define DAXFS_IOC_RDONLY	0x0001u	/* read-only, by option or after an error */
#define DAXFS_IOC_ERRORS_CONTINUE 0x0004u
#define DAXFS_IOC_SYNC_WRITES	0x0008u
#define DAXFS_IOC_NOATIME	0x0010u
#define DAXFS_IOC_STRICTATIME	0x0020u
#define DAXFS_IOC_REMOUNTABLE	(DAXFS_IOC_ERRORS_CONTINUE | DAXFS_IOC_SYNC_WRITES | \
				 DAXFS_IOC_NOATIME | DAXFS_IOC_STRICTATIME)
#define DAXFS_IOC_WAS_CLEAN	0x0100u	/* at this mount: no recovery was needed */
#define DAXFS_IOC_FROM_SNAPSHOT	0x0200u	/* at this mount: free space came from the snapshot */
#define DAXFS_IOC_POWER_SAFE	0x0400u	/* what is durable outlives a power loss, as far as is known */
#define DAXFS_IOC_IO_URING	0x0800u	/* requests come over io_uring */

/* daxfs_ioc_stat.dax */
enum daxfs_dax { DAXFS_DAX_INODE, DAXFS_DAX_ALWAYS, DAXFS_DAX_NEVER };

struct daxfs_ioc_stat {
	uint32_t version;		/* of the format on media */
	uint32_t flags;			/* DAXFS_IOC_* above */
	uint64_t block_size;		/* bytes */
	uint64_t blocks, bfree;		/* in block_size */
	uint64_t inodes, ifree;		/* ifree: what could still be made */
	uint64_t free_chunks;		/* wholly free 2 MiB chunks */
	uint64_t cached_inodes, cache_bytes;
	uint64_t dirty_inodes;
	uint64_t recovered_txns, recovered_orphans, recovery_ns;	/* at this mount */
	uint64_t uptime_ns;		/* since the mount */
	uint32_t nr_lanes;
	uint32_t pid;			/* of the daemon, as it sees itself */
	uint32_t dax;			/* enum daxfs_dax */
	uint32_t flush_seconds;		/* that data may wait for a flush, 0 = durable when written */
	uint32_t max_threads;
	uint32_t nr_requests;		/* counters in use in requests[] */
	uint8_t  uuid[16];
	char	 label[72];		/* the texts end in NUL */
	char	 backend[32];
	char	 durability[160];
	char	 program[32];		/* version of the daemon */
	uint64_t requests[DAXFS_IOC_OPS_MAX];
	uint64_t rsvd[16];		/* zero */
};
static_assert(sizeof(struct daxfs_ioc_stat) == 1088, "ABI");

#define DAXFS_IOC_EXT_UNWRITTEN	1u	/* allocated, reads as zero */
#define DAXFS_IOC_EXT_LAST	2u	/* no extent follows */

struct daxfs_ioc_extent {
	uint64_t lblk;			/* first block in the file */
	uint64_t pblk;			/* first block on the device */
	uint64_t len;			/* blocks */
	uint32_t device;		/* index into the device table */
	uint32_t flags;			/* DAXFS_IOC_EXT_* */
};
static_assert(sizeof(struct daxfs_ioc_extent) == 32, "ABI");

struct daxfs_ioc_extents {
	uint64_t start;			/* in: first block wanted; out: where to go on */
	uint32_t count;			/* out: entries in ext[] */
	uint32_t more;			/* out: 1 = call again with start as it is now */
	struct daxfs_ioc_extent ext[DAXFS_IOC_EXTENTS_MAX];
};
static_assert(sizeof(struct daxfs_ioc_extents) == 16 + 64 * 32, "ABI");

/* Flush everything that is dirty, as syncfs(2) does on other filesystems.  Anyone may. */
#define DAXFS_IOC_SYNC		_IO(DAXFS_IOC_TYPE, 1)
/* State and counters. */
#define DAXFS_IOC_STAT		_IOR(DAXFS_IOC_TYPE, 2, struct daxfs_ioc_stat)
/* Where a regular file lies; EINVAL for other files. */
#define DAXFS_IOC_EXTENTS	_IOWR(DAXFS_IOC_TYPE, 3, struct daxfs_ioc_extents)
/* New DAXFS_IOC_REMOUNTABLE flags; root only (mount -o remount). */
#define DAXFS_IOC_REMOUNT	_IOW(DAXFS_IOC_TYPE, 4, uint32_t)

#endif /* DAXFS_IOCTL_H */
