/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe.c -- what a device or file is
 *
 * Owns the knowledge of sysfs and of filesystem types: kind, size, alignment
 * and whether a mapping reaches the media.  Reads only, keeps nothing, takes no
 * locks.
 */
#include "pm/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log.h"

#define SYSFS_DIR_MAX 64

/* Reads a number from a file of sysfs. */
static int read_number(const char *dir, const char *name, uint64_t *value)
{
	char path[4096], text[32], *end;
	ssize_t got;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return -EIO;
	text[got] = '\0';
	errno = 0;
	uint64_t v = strtoull(text, &end, 0);

	if (errno || end == text)
		return -EIO;
	*value = v;
	return 0;
}

static void sysfs_dir(char dir[SYSFS_DIR_MAX], const char *type, dev_t rdev)
{
	snprintf(dir, SYSFS_DIR_MAX, "/sys/dev/%s/%u:%u", type, major(rdev), minor(rdev));
}

bool probe_is_dax_char(dev_t rdev)
{
	char dir[SYSFS_DIR_MAX], link[SYSFS_DIR_MAX + 16], target[256];
	ssize_t len;

	sysfs_dir(dir, "char", rdev);
	snprintf(link, sizeof(link), "%s/subsystem", dir);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	const char *name = strrchr(target, '/');

	return name && !strcmp(name, "/dax");
}

int probe_dax_char(const char *dir, struct probe *p)
{
	int err = read_number(dir, "size", &p->size);

	if (err)
		return err;
	if (read_number(dir, "align", &p->align) &&
	    read_number(dir, "../dax_region/align", &p->align))
		p->align = PM_HUGE_PAGE;	/* the driver's own default */
	if (p->align < PM_PAGE || p->align & (p->align - 1))
		return -EINVAL;
	p->kind = REGION_DAX_CHAR;
	p->direct = true;
	return 0;
}

bool probe_queue_dax(const char *dir)
{
	uint64_t dax = 0;

	if (read_number(dir, "queue/dax", &dax))
		(void)read_number(dir, "../queue/dax", &dax);
	return dax == 1;
}

static bool takes_map_sync(int fd)
{
	void *page = mmap(NULL, PM_PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);

	if (page == MAP_FAILED)
		return false;
	munmap(page, PM_PAGE);
	return true;
}

static int probe_char(dev_t rdev, const char *path, struct probe *p)
{
	char dir[SYSFS_DIR_MAX];

	sysfs_dir(dir, "char", rdev);
	int err = probe_dax_char(dir, p);

	if (err)
		log_error("%s: %s does not tell size and alignment: %s", path, dir, strerror(-err));
	return err;
}

static int probe_block(int fd, dev_t rdev, const char *path, struct probe *p)
{
	char dir[SYSFS_DIR_MAX];

	if (ioctl(fd, BLKGETSIZE64, &p->size)) {
		int err = -errno;

		log_error("cannot get the size of %s: %s", path, strerror(-err));
		return err;
	}
	sysfs_dir(dir, "block", rdev);
	p->kind = probe_queue_dax(dir) ? REGION_PMEM_BLK : REGION_FILE;
	p->direct = p->kind == REGION_PMEM_BLK && takes_map_sync(fd);
	return 0;
}

static int probe_file(int fd, const struct stat *st, const char *path, struct probe *p)
{
	struct statfs fs;

	if (fstatfs(fd, &fs)) {
		int err = -errno;

		log_error("cannot tell what filesystem %s is on: %s", path, strerror(-err));
		return err;
	}
	p->size = (uint64_t)st->st_size;
	if ((uint64_t)fs.f_type == TMPFS_MAGIC || (uint64_t)fs.f_type == RAMFS_MAGIC)
		p->kind = REGION_TMPFS_FILE;
	else if (takes_map_sync(fd))
		p->kind = REGION_FSDAX_FILE;
	else
		p->kind = REGION_FILE;
	p->direct = p->kind != REGION_FILE;
	return 0;
}

int region_probe(int fd, const char *path, struct probe *p)
{
	struct stat st;

	*p = (struct probe){ .align = PM_PAGE };
	if (fstat(fd, &st)) {
		int err = -errno;

		log_error("cannot stat %s: %s", path, strerror(-err));
		return err;
	}
	if (S_ISCHR(st.st_mode))
		return probe_char(st.st_rdev, path, p);
	if (S_ISBLK(st.st_mode))
		return probe_block(fd, st.st_rdev, path, p);
	return probe_file(fd, &st, path, p);
}
