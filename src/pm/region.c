/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * region.c -- a device or file, locked, mapped and ready for pm.h
 *
 * Owns the descriptor, the lock on it and the mapping, from region_open() to
 * region_close().  The lock is flock(), exclusive for whoever may write and
 * shared for readers, and O_EXCL for block devices, which also keeps out the
 * kernel's own mounts; both end with the descriptor, however the process ends.
 * A message is logged here, where the failure is seen; callers only return it.
 * Writes nothing to media.
 */
#include "pm/region.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "pm/missing.h"
#include "pm/pm.h"
#include "pm/probe.h"

#define POLL_MS 10

/* An opening in progress. */
struct opening {
	const struct region_opts *o;
	bool block;		/* a block device */
	bool created;		/* the file did not exist before */
	off_t grown_from;	/* its size before it was made larger, or -1 */
	uint64_t deadline_ms;	/* until when to wait for others */
};

static _Atomic uint64_t next_id = 1;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Whether to try again: waits a moment, or says that the time is over. */
static bool may_wait(uint64_t deadline_ms)
{
	const struct timespec pause = { 0, POLL_MS * 1000000 };

	if (now_ms() >= deadline_ms)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

static bool for_reading(const struct region_opts *o)
{
	return o->flags & (REGION_RDONLY | REGION_PRIVATE);
}

static int busy(const char *path)
{
	log_error("%s is in use by another program (mounted?); unmount it first", path);
	return -EBUSY;
}

/* -- open and lock ----------------------------------------------------------- */

static const char *way_out(int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return "; run as root, or give this user access to it";
	case -EROFS:
		return "; it can be opened read-only";
	case -ENXIO:
	case -ENODEV:
		return "; the device is gone or disabled, see ndctl(1) and daxctl(1)";
	default:
		return "";
	}
}

int region_open_failed(const char *path, int err)
{
	bool absent = err == -ENOENT || err == -ENXIO || err == -ENODEV;
	char why[256];

	if (absent && missing_reason("/sys", path, why, sizeof(why)))
		log_error("cannot open %s: %s", path, why);
	else
		log_error("cannot open %s: %s%s", path, strerror(-err), way_out(err));
	return err;
}

/* Refuses what must not even be opened: opening a terminal or FIFO has effects. */
static int check_type(const char *path, const struct stat *st)
{
	if (S_ISCHR(st->st_mode) && !probe_is_dax_char(st->st_rdev)) {
		log_error("%s is a character device but not device-DAX; use /dev/daxX.Y, "
			  "a pmem block device or a file", path);
		return -ENOTBLK;
	}
	if (!S_ISCHR(st->st_mode) && !S_ISBLK(st->st_mode) && !S_ISREG(st->st_mode)) {
		log_error("%s is %s; a device or a regular file is needed", path,
			  S_ISDIR(st->st_mode) ? "a directory" : "neither a device nor a file");
		return -EINVAL;
	}
	return 0;
}

static int check_path(struct opening *op)
{
	const char *path = op->o->path;
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT && (op->o->flags & REGION_CREATE) &&
		    !missing_is_device_name(path))
			return 0;
		return region_open_failed(path, -errno);
	}
	op->block = S_ISBLK(st.st_mode);
	return check_type(path, &st);
}

/* Opens once: the descriptor or a negative errno. */
static int try_open(struct opening *op)
{
	const struct region_opts *o = op->o;
	int flags = O_CLOEXEC | (for_reading(o) ? O_RDONLY : O_RDWR);

	if (op->block && !for_reading(o) && !(o->flags & REGION_NOLOCK))
		flags |= O_EXCL;
	int fd = open(o->path, flags);

	if (fd >= 0 || errno != ENOENT || !(o->flags & REGION_CREATE))
		return fd >= 0 ? fd : -errno;
	fd = open(o->path, flags | O_CREAT | O_EXCL, 0600);
	op->created = fd >= 0;
	return fd >= 0 ? fd : -errno;
}

/* The kernel opens a read-only block device for writing and fails only when it is mapped. */
static int check_block_writable(const struct region *rg)
{
	int read_only = 0;

	if (ioctl(rg->fd, BLKROGET, &read_only) || !read_only)
		return 0;
	return region_open_failed(rg->path, -EROFS);
}

static int open_fd(struct region *rg, struct opening *op)
{
	int fd;

	do
		fd = try_open(op);
	while (fd == -EINTR || (fd == -EBUSY && may_wait(op->deadline_ms)));
	if (fd == -EBUSY)
		return busy(rg->path);
	if (fd < 0)
		return region_open_failed(rg->path, fd);
	rg->fd = fd;
	return op->block && !for_reading(op->o) ? check_block_writable(rg) : 0;
}

/* -EWOULDBLOCK when others hold it and the time is over. */
static int take_lock(int fd, int how, uint64_t deadline_ms)
{
	int err;

	do
		err = flock(fd, how | LOCK_NB) ? -errno : 0;
	while (err == -EINTR || (err == -EWOULDBLOCK && may_wait(deadline_ms)));
	return err;
}

static int lock_fd(const struct region *rg, const struct opening *op)
{
	if (op->o->flags & REGION_NOLOCK)
		return 0;
	int err = take_lock(rg->fd, for_reading(op->o) ? LOCK_SH : LOCK_EX, op->deadline_ms);

	if (err == -EWOULDBLOCK)
		return busy(rg->path);
	if (err)
		log_error("cannot lock %s: %s", rg->path, strerror(-err));
	return err;
}

/* Whoever named the path may not change what it leads to between the look and the opening. */
static int open_to_wait(const char *path)
{
	int handle = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	char same[32];

	if (handle < 0)
		return region_open_failed(path, -errno);
	int fd = fstat(handle, &st) ? region_open_failed(path, -errno) : check_type(path, &st);

	if (!fd) {
		snprintf(same, sizeof(same), "/proc/self/fd/%d", handle);
		fd = open(same, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fd = region_open_failed(path, -errno);
	}
	close(handle);
	return fd;
}

int region_wait(const char *path, unsigned wait_ms)
{
	int fd = open_to_wait(path);

	if (fd < 0)
		return fd;
	int err = take_lock(fd, LOCK_SH, now_ms() + wait_ms);

	close(fd);
	if (err && err != -EWOULDBLOCK)
		log_error("cannot lock %s: %s", path, strerror(-err));
	return err == -EWOULDBLOCK ? -EBUSY : err;
}

/* -- size, backend, mapping --------------------------------------------------- */

/* A file is made larger, never smaller; a device has the size it has. */
static int grow(const struct region *rg, struct opening *op)
{
	const struct region_opts *o = op->o;
	uint64_t size = o->create_size & ~(PM_PAGE - 1);
	struct stat st;

	if (!(o->flags & REGION_CREATE) || !o->create_size)
		return 0;
	if (fstat(rg->fd, &st) || !S_ISREG(st.st_mode) || size <= (uint64_t)st.st_size)
		return 0;
	int err = size > INT64_MAX ? -EFBIG : ftruncate(rg->fd, (off_t)size) ? -errno : 0;

	if (err)
		log_error("cannot make %s %llu bytes long: %s", rg->path,
			  (unsigned long long)o->create_size, strerror(-err));
	else
		op->grown_from = st.st_size;
	return err;
}

static int check_probe(const struct region *rg, const struct probe *p)
{
	if (rg->kind == REGION_DAX_CHAR && (rg->flags & REGION_PRIVATE)) {
		log_error("%s is device-DAX, which cannot be mapped privately; "
			  "recover it by a mount that may write, or fsck.daxfs", rg->path);
		return -EOPNOTSUPP;
	}
	if (!rg->size) {
		log_error("%s is too short: %llu bytes; at least %llu are needed", rg->path,
			  (unsigned long long)p->size,
			  (unsigned long long)(p->align > PM_PAGE ? p->align : PM_PAGE));
		return -EINVAL;
	}
	return 0;
}

static int setup(struct region *rg)
{
	struct probe p;
	int err = region_probe(rg->fd, rg->path, &p);

	if (err)
		return err;
	rg->kind = p.kind;
	rg->align = p.align;
	rg->direct = p.direct;
	rg->size = p.size & ~(p.align - 1);
	/* What is never written back needs no msync. */
	rg->ops = p.direct || (rg->flags & (REGION_PRIVATE | REGION_RDONLY)) ? &pm_ops_pmem
									     : &pm_ops_msync;
	region_describe(rg, p.persistence);
	err = check_probe(rg, &p);
	return err ? err : region_map(rg);
}

static struct region *region_new(const char *path)
{
	struct region *rg = calloc(1, sizeof(*rg));

	if (!rg)
		return NULL;
	rg->fd = -1;
	rg->align = PM_PAGE;
	rg->id = atomic_fetch_add(&next_id, 1);
	rg->path = path ? strdup(path) : NULL;
	if (path && !rg->path) {
		free(rg);
		return NULL;
	}
	return rg;
}

static int acquire(struct region *rg, struct opening *op)
{
	int err = pm_guard_install();

	if (err)
		return err;
	err = open_fd(rg, op);
	if (err)
		return err;
	err = lock_fd(rg, op);
	if (err)
		return err;
	err = grow(rg, op);
	return err ? err : setup(rg);
}

int region_open(struct region **out, const struct region_opts *o)
{
	struct opening op = { .o = o, .grown_from = -1, .deadline_ms = now_ms() + o->wait_ms };
	struct region *rg;
	int err;

	err = check_path(&op);
	if (err)
		return err;
	rg = region_new(o->path);
	if (!rg)
		return -ENOMEM;
	rg->flags = o->flags;
	err = acquire(rg, &op);
	if (err)
		goto undo;
	*out = rg;
	return 0;

undo:
	if (op.created)
		unlink(o->path);
	else if (op.grown_from >= 0 && ftruncate(rg->fd, op.grown_from))
		log_warn("%s keeps its new size: %s", o->path, strerror(errno));
	region_close(rg);
	return err;
}

int region_new_memory(struct region **out, enum region_kind kind, const struct pm_ops *ops,
		      uint64_t size)
{
	struct region *rg = region_new(NULL);
	int err;

	if (!rg)
		return -ENOMEM;
	rg->kind = kind;
	rg->ops = ops;
	rg->direct = true;
	rg->size = size & ~(PM_PAGE - 1);
	region_describe(rg, PM_VOLATILE);
	err = rg->size ? region_map(rg) : -EINVAL;
	if (!err)
		err = pm_guard_install();
	if (err) {
		region_close(rg);
		return err;
	}
	*out = rg;
	return 0;
}

int region_open_ram(struct region **out, uint64_t size)
{
	return region_new_memory(out, REGION_TMPFS_FILE, &pm_ops_pmem, size);
}

void region_close(struct region *rg)
{
	if (!rg)
		return;
	if (rg->close)
		rg->close(rg);
	if (rg->base)
		munmap(rg->base, rg->size);
	if (rg->fd >= 0)
		close(rg->fd);
	free(rg->path);
	free(rg);
}
