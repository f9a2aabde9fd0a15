/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops_ioctl.c -- daxfs/ioctl.h, the file flags of chattr(1), generation and label
 *
 * The kernel copies arguments in and out by the size in the request's number.
 * It has checked ownership for the file flags; only the DAX flag exists.
 */
#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "core/attr.h"
#include "core/inode.h"
#include "core/space.h"
#include "core/sync.h"
#include "fuse/ops.h"
#include "fuse/options.h"
#include "fuse/ring.h"

#define NS_PER_SEC	UINT64_C(1000000000)

/* chattr(1)'s x; older headers lack it. */
#ifndef FS_DAX_FL
#define FS_DAX_FL	0x02000000
#endif

static_assert(DAXFS_IOC_ERRORS_CONTINUE == FS_ERRORS_CONTINUE &&
	      DAXFS_IOC_SYNC_WRITES == FS_SYNC && DAXFS_IOC_NOATIME == FS_NOATIME &&
	      DAXFS_IOC_STRICTATIME == FS_STRICTATIME && DAXFS_IOC_RDONLY == FS_RDONLY,
	      "the interface uses the engine's numbers");

static_assert(sizeof(((struct fs_stat *)0)->label) <= FSLABEL_MAX, "the label has room");

/* One request, as op_ioctl() got it. */
struct ioctl_req {
	struct daemon	*d;
	struct inode	*ip;
	const void	*in;
	bool		 root;
};

/* One kind of request: @run fills @out, of @out_size bytes, from @in_size bytes. */
struct ioctl_kind {
	unsigned	 cmd;
	size_t		 in_size, out_size;
	int		(*run)(const struct ioctl_req *rq, void *out);
};

static uint64_t uptime_ns(const struct daemon *d)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - d->started.tv_sec) * NS_PER_SEC +
	       (uint64_t)now.tv_nsec - (uint64_t)d->started.tv_nsec;
}

static void fill_engine(struct daxfs_ioc_stat *out, struct fs *fs)
{
	struct fs_stat st;

	fs_statfs(fs, &st);
	out->flags = st.flags & (DAXFS_IOC_REMOUNTABLE | DAXFS_IOC_RDONLY);
	out->flags |= fs_rdonly(fs) ? DAXFS_IOC_RDONLY : 0;
	out->flags |= st.was_clean ? DAXFS_IOC_WAS_CLEAN : 0;
	out->flags |= st.from_snapshot ? DAXFS_IOC_FROM_SNAPSHOT : 0;
	out->flags |= st.power_safe ? DAXFS_IOC_POWER_SAFE : 0;
	out->blocks = st.blocks;
	out->bfree = st.bfree;
	out->inodes = st.inodes;
	out->ifree = st.ifree;
	out->free_chunks = st.free_chunks;
	out->cached_inodes = st.cached_inodes;
	out->cache_bytes = st.cache_bytes;
	out->dirty_inodes = st.dirty_inodes;
	out->recovered_txns = st.recovered_txns;
	out->recovered_orphans = st.recovered_orphans;
	out->recovery_ns = st.recovery_ns;
	out->nr_lanes = st.nr_lanes;
	memcpy(out->uuid, st.uuid, sizeof(out->uuid));
	memcpy(out->label, st.label, sizeof(st.label));
	memcpy(out->backend, st.backend, sizeof(out->backend));
	memcpy(out->durability, st.durability, sizeof(out->durability));
}

static int run_stat(const struct ioctl_req *rq, void *arg)
{
	struct daxfs_ioc_stat *out = arg;

	fill_engine(out, rq->d->fs);
	out->flags |= ring_serves() ? DAXFS_IOC_IO_URING : 0;
	out->version = DAXFS_VERSION;
	out->block_size = DAXFS_BLOCK_SIZE;
	out->uptime_ns = uptime_ns(rq->d);
	out->pid = (uint32_t)getpid();
	out->dax = (uint32_t)rq->d->opt->dax;
	out->flush_seconds = rq->d->opt->flush_seconds;
	out->max_threads = rq->d->opt->max_threads;
	out->nr_requests = DAXFS_OP_NR;
	strncpy(out->program, PACKAGE_VERSION, sizeof(out->program) - 1);
	for (unsigned i = 0; i < DAXFS_OP_NR; i++)
		out->requests[i] = counters_get(&rq->d->counters, i);
	return 0;
}

static int run_sync(const struct ioctl_req *rq, void *out)
{
	(void)out;
	return sync_fs(rq->d->fs);
}

static void fill_extent(struct daxfs_ioc_extent *out, const struct extent *ext)
{
	out->lblk = ext->lblk.v;
	out->pblk = pblk_nr(ext->pblk);
	out->device = pblk_dev(ext->pblk);
	out->len = ext->len;
	out->flags = ext->flags & DAXFS_EXT_UNWRITTEN ? DAXFS_IOC_EXT_UNWRITTEN : 0;
}

/* One extent more than fits is looked for: it tells whether the last is the last. */
static int run_extents(const struct ioctl_req *rq, void *arg)
{
	struct daxfs_ioc_extents *out = arg;
	struct extent ext;
	int res;

	if (!inode_is_reg(rq->ip))
		return -EINVAL;
	memcpy(out, rq->in, sizeof(*out));
	out->count = out->more = 0;
	for (;;) {
		res = space_extent(rq->ip, (lblk_t){ out->start }, &ext);
		if (res < 0)
			return res;
		if (res == 0 || out->count == DAXFS_IOC_EXTENTS_MAX)
			break;
		fill_extent(&out->ext[out->count++], &ext);
		out->start = ext.lblk.v + ext.len;
	}
	out->more = (uint32_t)res;
	if (!res && out->count)
		out->ext[out->count - 1].flags |= DAXFS_IOC_EXT_LAST;
	return 0;
}

/* Once fsync was refused (op_fsync()), that cannot be taken back. */
static int run_remount(const struct ioctl_req *rq, void *out)
{
	uint32_t flags;

	(void)out;
	memcpy(&flags, rq->in, sizeof(flags));
	if (!rq->root)
		return -EPERM;
	if (flags & ~DAXFS_IOC_REMOUNTABLE)
		return -EINVAL;
	if (rq->d->prompt)
		flags |= DAXFS_IOC_SYNC_WRITES;
	fs_set_flags(rq->d->fs, flags);
	return 0;
}

static int run_getflags(const struct ioctl_req *rq, void *out)
{
	struct iattr a;
	uint32_t flags;

	attr_get(rq->ip, &a);
	flags = a.flags & DAXFS_INODE_DAX ? FS_DAX_FL : 0;
	memcpy(out, &flags, sizeof(flags));
	return 0;
}

/* The kernel does not know that this moves ctime, and would go on showing the old one. */
static int set_dax(const struct ioctl_req *rq, bool on)
{
	struct iattr a;
	int err;

	attr_get(rq->ip, &a);
	if (on)
		a.flags |= DAXFS_INODE_DAX;
	else
		a.flags &= ~DAXFS_INODE_DAX;
	err = attr_set(rq->ip, &a, ATTR_SET_FLAGS);
	if (!err)
		fuse_lowlevel_notify_inval_inode(rq->d->se, rq->ip->ino, -1, 0);
	return err;
}

static int run_setflags(const struct ioctl_req *rq, void *out)
{
	uint32_t flags;

	(void)out;
	memcpy(&flags, rq->in, sizeof(flags));
	if (flags & ~(uint32_t)FS_DAX_FL)
		return -EOPNOTSUPP;
	return set_dax(rq, flags & FS_DAX_FL);
}

static int run_getxflags(const struct ioctl_req *rq, void *arg)
{
	struct fsxattr *out = arg;
	struct iattr a;

	attr_get(rq->ip, &a);
	out->fsx_xflags = a.flags & DAXFS_INODE_DAX ? FS_XFLAG_DAX : 0;
	return 0;
}

static int run_setxflags(const struct ioctl_req *rq, void *out)
{
	struct fsxattr fsx;

	(void)out;
	memcpy(&fsx, rq->in, sizeof(fsx));
	if ((fsx.fsx_xflags & ~(uint32_t)FS_XFLAG_DAX) || fsx.fsx_extsize || fsx.fsx_projid ||
	    fsx.fsx_cowextsize)
		return -EOPNOTSUPP;
	return set_dax(rq, fsx.fsx_xflags & FS_XFLAG_DAX);
}

static int run_generation(const struct ioctl_req *rq, void *out)
{
	struct iattr a;

	attr_get(rq->ip, &a);
	memcpy(out, &a.gen, sizeof(a.gen));
	return 0;
}

static int run_label(const struct ioctl_req *rq, void *out)
{
	struct fs_stat st;

	fs_statfs(rq->d->fs, &st);
	memcpy(out, st.label, sizeof(st.label));
	return 0;
}

/*
 * The kernel sends 4 bytes for the file flags, whatever their numbers say; callers
 * of FS_IOC_GETVERSION have room for no more either.
 */
static const struct ioctl_kind kinds[] = {
	{ (unsigned)DAXFS_IOC_SYNC, 0, 0, run_sync },
	{ (unsigned)DAXFS_IOC_STAT, 0, sizeof(struct daxfs_ioc_stat), run_stat },
	{ (unsigned)DAXFS_IOC_EXTENTS, sizeof(struct daxfs_ioc_extents),
	  sizeof(struct daxfs_ioc_extents), run_extents },
	{ (unsigned)DAXFS_IOC_REMOUNT, sizeof(uint32_t), 0, run_remount },
	{ (unsigned)FS_IOC_GETFLAGS, 0, sizeof(uint32_t), run_getflags },
	{ (unsigned)FS_IOC_SETFLAGS, sizeof(uint32_t), 0, run_setflags },
	{ (unsigned)FS_IOC_GETVERSION, 0, sizeof(uint32_t), run_generation },
	{ (unsigned)FS_IOC_GETFSLABEL, 0, FSLABEL_MAX, run_label },
	{ (unsigned)FS_IOC_FSGETXATTR, 0, sizeof(struct fsxattr), run_getxflags },
	{ (unsigned)FS_IOC_FSSETXATTR, sizeof(struct fsxattr), 0, run_setxflags },
};

static const struct ioctl_kind *find_kind(unsigned cmd)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].cmd == cmd)
			return &kinds[i];
	}
	return NULL;
}

static void run_and_reply(fuse_req_t req, const struct ioctl_kind *kind, struct ioctl_req *rq,
			  fuse_ino_t ino)
{
	void *out = calloc(1, kind->out_size + 1);
	int err = -ENOMEM;

	if (out)
		err = inode_get(rq->d->fs, ino, &rq->ip);
	if (!err) {
		err = kind->run(rq, out);
		inode_put(rq->ip, 1);
	}
	if (err)
		request_error(req, err);
	else
		fuse_reply_ioctl(req, 0, kind->out_size ? out : NULL, kind->out_size);
	free(out);
}

void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	      struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_size,
	      size_t out_size)
{
	struct ioctl_req rq = { .d = request_start(req, DAXFS_OP_ioctl), .in = in };
	const struct ioctl_kind *kind = find_kind(cmd);

	(void)arg;
	(void)fi;
	(void)flags;
	rq.root = fuse_req_ctx(req)->uid == 0;
	if (!kind)
		request_error(req, -ENOTTY);
	else if (in_size < kind->in_size || out_size < kind->out_size)
		request_error(req, -EINVAL);
	else
		run_and_reply(req, kind, &rq, ino);
}
