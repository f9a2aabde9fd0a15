/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe.c -- what a device or file is
 *
 * Owns the knowledge of sysfs and of filesystem types: kind, size, alignment
 * and whether a mapping reaches the media and outlives a power loss.  Reads only, keeps nothing, takes no
 * locks.
 */
#include "pm/probe.h"

#include <errno.h>
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
#include "pm/sysfs.h"

#define SYSFS_DIR_MAX 64

static void sysfs_dir(char dir[SYSFS_DIR_MAX], const char *type, dev_t rdev)
{
	snprintf(dir, SYSFS_DIR_MAX, "/sys/dev/%s/%u:%u", type, major(rdev), minor(rdev));
}

bool probe_is_dax_char(dev_t rdev)
{
	char dir[SYSFS_DIR_MAX], name[64];

	sysfs_dir(dir, "char", rdev);
	return sysfs_link(dir, "subsystem", name, sizeof(name)) && !strcmp(name, "dax");
}

int probe_dax_char(const char *dir, struct probe *p)
{
	int err = sysfs_number(dir, "size", &p->size);

	if (err)
		return err;
	if (sysfs_number(dir, "align", &p->align) &&
	    sysfs_number(dir, "../dax_region/align", &p->align))
		p->align = PM_HUGE_PAGE;	/* the driver's own default */
	if (p->align < PM_PAGE || p->align & (p->align - 1))
		return -EINVAL;
	p->kind = REGION_DAX_CHAR;
	p->direct = true;
	return 0;
}

/* Whether a directory of sysfs is an NVDIMM region, and what it promises. */
static bool region_says(const char *dir, enum pm_persistence *says)
{
	char text[32];

	if (sysfs_text(dir, "devtype", text, sizeof(text)) || strncmp(text, "nd_", 3))
		return false;
	if (!strcmp(text, "nd_volatile")) {
		*says = PM_VOLATILE;
		return true;
	}
	if (strcmp(text, "nd_pmem"))
		return false;
	(void)sysfs_text(dir, "persistence_domain", text, sizeof(text));
	*says = !strcmp(text, "cpu_cache") ? PM_CPU_CACHE :
		!strcmp(text, "memory_controller") ? PM_MEMORY_CONTROLLER : PM_UNKNOWN;
	return true;
}

enum pm_persistence pm_persistence(const char *dir)
{
	enum pm_persistence says = PM_NO_REGION;
	char *path = realpath(dir, NULL), *slash;

	if (!path)
		return PM_NO_REGION;
	while (!region_says(path, &says) && (slash = strrchr(path, '/')))
		*slash = '\0';
	free(path);
	return says;
}

bool probe_queue_dax(const char *dir)
{
	uint64_t dax = 0;

	if (sysfs_number(dir, "queue/dax", &dax))
		(void)sysfs_number(dir, "../queue/dax", &dax);
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
	p->persistence = pm_persistence(dir);
	if (p->persistence == PM_NO_REGION)
		p->persistence = PM_VOLATILE;	/* the kernel's device-DAX over ordinary memory */
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
	p->persistence = pm_persistence(dir);
	return 0;
}

static int probe_file(int fd, const struct stat *st, const char *path, struct probe *p)
{
	char dir[SYSFS_DIR_MAX];
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
	sysfs_dir(dir, "block", st->st_dev);
	p->persistence = p->kind == REGION_TMPFS_FILE ? PM_VOLATILE : pm_persistence(dir);
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
