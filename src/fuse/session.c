/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session.c -- one mounted filesystem: libfuse's session around an engine
 *
 * Owns the session's life: make, mount, agree on capabilities with the kernel,
 * serve with a pool of threads, or over io_uring, unmount.  Requests themselves
 * are ops_*.c.
 */
#define FUSE_USE_VERSION 314
#include "fuse/session.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/log.h"
#include "core/fs.h"
#include "core/inode.h"
#include "fuse/ops.h"
#include "fuse/options.h"
#include "fuse/ring.h"
#include "fuse/signals.h"
#include "fuse/wire.h"

/*
 * Bytes that a request over io_uring may read.  For direct reads the kernel pins as much of the client's
 * buffer as a request may have, however short the file is: MAX_TRANSFER would spare calls that read 1 MiB 14 % of their
 * time, and add 28 us to each that reads a small file into a buffer of that size.
 */
#define URING_READ	(256u << 10)

/* Background requests (asynchronous direct I/O, read-ahead) under way at a time. */
#define MAX_BACKGROUND	64

/* How long times may stay in memory where data need not be flushed. */
#define TIMES_SECONDS	5

static const unsigned wanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_ATOMIC_O_TRUNC |
	FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_IOCTL_DIR | FUSE_CAP_READDIRPLUS |
	FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS |
	FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA |
	FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK;

/* Data is in memory already, and no page of the kernel's cache is newer than the media. */
static const unsigned unwanted = FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
	FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_AUTO_INVAL_DATA |
	FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS;

static void session_init(void *userdata, struct fuse_conn_info *conn)
{
	struct daemon *d = userdata;

	conn->want |= conn->capable & wanted;
	conn->want &= ~unwanted;
	if (conn->max_write > MAX_TRANSFER)
		conn->max_write = MAX_TRANSFER;
	conn->max_read = d->max_read;
	d->kernel_opens_dirs = conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT;
	d->kernel_opens_files = d->opt->dax == DAXFS_DAX_NEVER && (conn->capable & FUSE_CAP_NO_OPEN_SUPPORT);
	if (d->kernel_opens_files)
		conn->want &= ~(unsigned)FUSE_CAP_ATOMIC_O_TRUNC;	/* no OPEN, nothing that truncates */
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND;
	d->ready(d);
	if (d->no_uring[0])
		log_info("requests come through /dev/fuse, not io_uring: %s", d->no_uring);
	if (d->no_timeout)
		log_warn("option \"request_timeout=%u\" has no effect: it needs Linux 6.15", d->opt->request_timeout);
}

/* As libfuse wants it, the limit is an option of the mount, and INIT's. */
static int limit_reads(const struct daemon *d, struct fuse_args *args)
{
	char option[32];

	if (!d->max_read)
		return 0;
	snprintf(option, sizeof(option), "-omax_read=%u", d->max_read);
	return fuse_opt_add_arg(args, option);
}

static struct fuse_session *new_session(struct daemon *d)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_lowlevel_ops ops = ops_table;
	struct fuse_session *se = NULL;

	ops.init = session_init;
	if (!options_session_args(d->opt, &args) && !limit_reads(d, &args))
		se = fuse_session_new(&args, &ops, sizeof(ops), d);
	fuse_opt_free_args(&args);
	return se;
}

/*
 * libfuse has no words for strictatime and lazytime.  Only root may say them
 * afterwards; for others the mount table does not show them, and times move all the same.
 */
static void tell_times(const struct options *opt, const char *dir)
{
	const unsigned long flags = options_mount_flags(opt);

	if (flags & (MS_STRICTATIME | MS_LAZYTIME) && geteuid() == 0 &&
	    mount(NULL, dir, NULL, flags | MS_REMOUNT, NULL))
		log_warn("the mount table does not show strictatime or lazytime: %s", strerror(errno));
}

/*
 * The kernel need not ask for fsync where each write is durable when it returns, times included.  Those
 * move every few milliseconds at most, so they cost next to nothing beside the requests that are spared; but not
 * where each change waits for a disk.
 */
static void choose_fsync(struct daemon *d)
{
	const struct options *opt = d->opt;
	struct fs_stat st;

	fs_statfs(d->fs, &st);
	d->prompt = opt->sync || !(opt->flush_seconds || opt->lazytime || st.waits);
	if (d->prompt)
		fs_set_flags(d->fs, st.flags | FS_SYNC);
}

/*
 * A request that waits for a disk holds up its CPU's queue: with a client that writes, another's
 * reads on the same CPU took 10 to 100 times as long as through /dev/fuse.
 */
static bool suits_uring(struct daemon *d)
{
	struct fs_stat st;

	fs_statfs(d->fs, &st);
	if (st.waits)
		snprintf(d->no_uring, URING_WHY,
			 "each change waits for a disk, and others would wait with it; \"io_uring=on\" insists");
	return !st.waits;
}

/* Requests are to come over io_uring where the options allow, it suits the media, and the kernel can. */
static bool wants_uring(struct daemon *d)
{
	if (d->opt->io_uring == OPTION_URING_OFF)
		return false;
	if (d->opt->io_uring == OPTION_URING_AUTO && !suits_uring(d))
		return false;
	return !uring_offered(d->no_uring);
}

static int choose_transport(struct daemon *d, bool uring)
{
	if (uring && !uring_open(&d->uring, d, d->no_uring))
		return 0;
	if (d->opt->io_uring != OPTION_URING_ON)
		return 0;
	log_error("option \"io_uring=on\" cannot be had: %s", d->no_uring);
	return -EPERM;
}

/*
 * The rings serve until the mount is gone, since unmounting may ask for something; what
 * uses the filesystem even then loses its connection with them.
 */
static void end_service(struct daemon *d)
{
	fuse_session_unmount(d->se);
	uring_close(d->uring);
	d->uring = NULL;
	if (d->root)
		inode_put(d->root, 1);
	d->root = NULL;
}

int session_open(struct daemon *d, const char *dir)
{
	const bool uring = wants_uring(d);
	int err;

	clock_gettime(CLOCK_MONOTONIC, &d->started);
	choose_fsync(d);
	d->selinux = access("/sys/fs/selinux/enforce", F_OK) == 0;
	d->max_read = uring ? URING_READ : 0;
	d->se = new_session(d);
	if (!d->se)
		return -ENOMEM;
	err = -EPERM;
	if (fuse_session_mount(d->se, dir))
		goto destroy;
	tell_times(d->opt, dir);
	err = inode_get(d->fs, DAXFS_ROOT_INO, &d->root);
	if (!err)
		err = wire_attach(d->se);
	if (!err)
		err = choose_transport(d, uring);
	if (err)
		goto unmount;
	return 0;

unmount:
	end_service(d);
destroy:
	fuse_session_destroy(d->se);
	d->se = NULL;
	return err;
}

static int serve(struct daemon *d)
{
	struct fuse_loop_config *cfg = fuse_loop_cfg_create();
	int err;

	if (!cfg)
		return -ENOMEM;
	fuse_loop_cfg_set_clone_fd(cfg, 1);
	fuse_loop_cfg_set_max_threads(cfg, d->opt->max_threads);
	err = fuse_session_loop_mt(d->se, cfg);
	fuse_loop_cfg_destroy(cfg);
	return err;
}

/* Seconds, for flusher_start(). */
static unsigned flush_delay(const struct options *opt)
{
	if (opt->rdonly)
		return 0;
	return opt->flush_seconds ? opt->flush_seconds : TIMES_SECONDS;
}

int session_run(struct daemon *d, const char *dir)
{
	struct signals sg;
	int err;

	err = signals_start(&sg, d->se, dir);
	if (err)
		return err;
	err = flusher_start(&d->flusher, d->fs, flush_delay(d->opt));
	if (err) {
		signals_stop(&sg);
		return err;
	}
	err = serve(d);
	signals_stop(&sg);
	end_service(d);
	flusher_stop(&d->flusher);
	return err ? err : atomic_load(&d->failed);
}

void session_close(struct daemon *d)
{
	end_service(d);
	fuse_session_destroy(d->se);
	d->se = NULL;
}
