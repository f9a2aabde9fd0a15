/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * target.c -- what a device holds already, before mkfs.daxfs overwrites it
 *
 * Reads only.  libblkid knows everybody else's superblocks and partition
 * tables; daxfs's own are looked for through the same mapping that the
 * filesystem uses, since a device-DAX character device cannot be read().
 */
#include "tools/target.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "daxfs/format.h"
#include "pm/pm.h"
#include "pm/region.h"
#include "tools/mounts.h"

/* -- mounted? -------------------------------------------------------------- */

static bool is_mount_of(const struct mount_line *m, const void *st)
{
	return mounts_is_of(m, st);
}

int target_mounted(const char *path, char *where, size_t size)
{
	struct mount_line m;
	struct stat st;
	int res;

	if (stat(path, &st))
		return -errno;
	res = mounts_find(MOUNTS_OWN, is_mount_of, &st, &m);
	if (res == 1)
		snprintf(where, size, "%s", m.dir);
	return res;
}

/* -- content? -------------------------------------------------------------- */

static bool has_magic(struct region *rg, uint64_t off)
{
	le64 magic;

	return !pm_read(rg, &magic, rg->base + off, sizeof(magic)) &&
	       le64_get(magic) == DAXFS_SUPER_MAGIC;
}

/* The superblock or its copy: either can bring a filesystem back. */
static int find_daxfs(const char *path, char *what, size_t size)
{
	const struct region_opts ro = { .path = path, .flags = REGION_RDONLY };
	struct region *rg;
	int err;

	err = region_open(&rg, &ro);
	if (err)
		return err;
	if (has_magic(rg, 0) || has_magic(rg, rg->size - DAXFS_BLOCK_SIZE)) {
		snprintf(what, size, "daxfs");
		err = 1;
	}
	region_close(rg);
	return err;
}

static int find_others(blkid_probe pr, char *what, size_t size)
{
	const char *name = NULL;
	int res;

	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(pr, 1);
	res = blkid_do_fullprobe(pr);
	if (res < 0)
		return -EIO;
	if (res > 0)
		return 0;
	if (blkid_probe_lookup_value(pr, "TYPE", &name, NULL))
		blkid_probe_lookup_value(pr, "PTTYPE", &name, NULL);
	snprintf(what, size, "%s", name ? name : "unknown");
	return 1;
}

int target_content(const char *path, char *what, size_t size)
{
	struct stat st;
	blkid_probe pr;
	int res;

	if (stat(path, &st))
		return -errno;
	res = find_daxfs(path, what, size);
	if (res || S_ISCHR(st.st_mode))
		return res;
	pr = blkid_new_probe_from_filename(path);
	res = pr ? find_others(pr, what, size) : -EIO;
	blkid_free_probe(pr);
	if (res < 0)
		log_error("%s: cannot find out what is on it", path);
	return res;
}
