/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * remount.c -- mount -o remount
 *
 * The kernel keeps its flags (ro, suid, dev, exec, ...), the daemon its own
 * (sync, access times, errors).  The daemon is told first: it may refuse.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/log.h"
#include "daxfs/ioctl.h"
#include "fuse/daemon.h"
#include "fuse/options.h"

static int refuse(const struct options *opt, const char *why)
{
	log_error("cannot remount %s: %s", opt->dir, why);
	return EXIT_CODE_MOUNT;
}

static int remount_daemon(const struct options *opt, int fd)
{
	uint32_t flags = options_fs_flags(opt) & DAXFS_IOC_REMOUNTABLE;
	struct daxfs_ioc_stat st;

	if (ioctl(fd, DAXFS_IOC_STAT, &st))
		return refuse(opt, errno == ENOTTY ? "it is not a mounted daxfs" : strerror(errno));
	if (!opt->rdonly && (st.flags & DAXFS_IOC_RDONLY))
		return refuse(opt, "it was mounted read-only, or errors made it so; unmount it and mount it again");
	if (ioctl(fd, DAXFS_IOC_REMOUNT, &flags))
		return refuse(opt, strerror(errno));
	return EXIT_CODE_OK;
}

/*
 * Whoever remounts read-only may take the power away next, as a shutdown does, and
 * the kernel does not tell the daemon.  From here on nothing gets dirty any more.
 */
static int remount_kernel(const struct options *opt, int fd)
{
	unsigned long flags = options_mount_flags(opt) | MS_REMOUNT;

	if (mount(opt->source, opt->dir, "fuse.daxfs", flags, NULL))
		return refuse(opt, strerror(errno));
	if (opt->rdonly && ioctl(fd, DAXFS_IOC_SYNC))
		log_warn("%s is read-only, but not all of its data is durable: %s", opt->dir, strerror(errno));
	return EXIT_CODE_OK;
}

int daemon_remount(const struct options *opt)
{
	int fd, code;

	fd = open(opt->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return refuse(opt, strerror(errno));
	code = remount_daemon(opt, fd);
	if (!code)
		code = remount_kernel(opt, fd);
	close(fd);
	return code;
}
