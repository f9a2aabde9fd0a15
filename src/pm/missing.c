/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * missing.c -- why a persistent-memory device is not there, and the command that mends it
 *
 * A namespace becomes /dev/daxX.Y or /dev/pmemX by its mode and by the driver
 * that is bound to it; X is the region's number in both.  So the namespaces of
 * that region tell what became of the device.  Reads sysfs only, at the moment
 * of a failure; keeps nothing, takes no locks.
 */
#include "pm/missing.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pm/sysfs.h"

#define NAME_SIZE 64

/* A question in progress. */
struct quest {
	const char *sysfs;
	const char *device;	/* "dax1.0", "pmem1" */
	unsigned region;
	char *text;		/* the answer */
	size_t size;
};

struct nd_namespace {
	char name[NAME_SIZE];
	char mode[16];		/* "raw", "memory", "safe", "dax" */
	char driver[NAME_SIZE];	/* empty: what holds it has the driver, or nobody */
	char holder[NAME_SIZE];	/* empty: nothing was made of it */
};

static const char *device_name(const char *path)
{
	if (strncmp(path, "/dev/", 5))
		return NULL;
	path += 5;
	size_t prefix = !strncmp(path, "dax", 3) ? 3 : !strncmp(path, "pmem", 4) ? 4 : 0;

	return prefix && isdigit((unsigned char)path[prefix]) && !strchr(path, '/') ? path : NULL;
}

bool missing_is_device_name(const char *path)
{
	return device_name(path);
}

static bool exists(const struct quest *q, const char *name)
{
	char path[PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), "%s/%s", q->sysfs, name) < sizeof(path) &&
	       !access(path, F_OK);
}

static bool answer(const struct quest *q, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool answer(const struct quest *q, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(q->text, q->size, format, args);
	va_end(args);
	return true;
}

/* -- namespaces ---------------------------------------------------------------- */

static void read_namespace(const struct quest *q, struct nd_namespace *ns)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/bus/nd/devices/%s", q->sysfs, ns->name);
	(void)sysfs_text(dir, "mode", ns->mode, sizeof(ns->mode));
	(void)sysfs_text(dir, "holder", ns->holder, sizeof(ns->holder));
	sysfs_link(dir, "driver", ns->driver, sizeof(ns->driver));
}

/* The first namespace of the region; most regions have one. */
static bool find_namespace(const struct quest *q, struct nd_namespace *ns)
{
	char path[PATH_MAX], prefix[32];
	struct dirent *de;
	DIR *dir;
	bool found = false;

	snprintf(path, sizeof(path), "%s/bus/nd/devices", q->sysfs);
	snprintf(prefix, sizeof(prefix), "namespace%u.", q->region);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((de = readdir(dir))) {
		if (strncmp(de->d_name, prefix, strlen(prefix)) || strlen(de->d_name) >= NAME_SIZE)
			continue;
		if (!found || strcmp(de->d_name, ns->name) < 0)
			strcpy(ns->name, de->d_name);
		found = true;
	}
	closedir(dir);
	if (found)
		read_namespace(q, ns);
	return found;
}

static bool is_disabled(const struct nd_namespace *ns)
{
	return !ns->driver[0] && !ns->holder[0];
}

/* -- what became of it ----------------------------------------------------------- */

static bool dax_without_driver(const struct quest *q, const char *driver)
{
	if (!strcmp(driver, "kmem"))
		return answer(q, "it serves as system RAM: 'daxctl reconfigure-device --mode=devdax --force %s' "
			      "gives it back", q->device);
	if (driver[0])
		return false;
	if (!exists(q, "bus/dax/drivers/device_dax"))
		return answer(q, "its driver is not loaded: 'modprobe device_dax' brings it");
	return answer(q, "it is disabled: 'daxctl enable-device %s' enables it", q->device);
}

static bool namespace_not_dax(const struct quest *q, const struct nd_namespace *ns)
{
	if (is_disabled(ns))
		return answer(q, "its namespace is disabled: 'ndctl enable-namespace %s' enables it", ns->name);
	if (strcmp(ns->mode, "dax"))
		return answer(q, "its namespace is not in devdax mode: 'ndctl create-namespace -f -e %s --mode=devdax' "
			      "changes that and destroys what it holds", ns->name);
	if (!exists(q, "bus/nd/drivers/dax_pmem"))
		return answer(q, "its driver is not loaded: 'modprobe dax_pmem' brings it");
	return answer(q, "its namespace has another device: 'ndctl list -n %s' names it", ns->name);
}

static bool namespace_not_block(const struct quest *q, const struct nd_namespace *ns)
{
	if (!exists(q, "bus/nd/drivers/nd_pmem"))
		return answer(q, "its driver is not loaded: 'modprobe nd_pmem' brings it");
	if (is_disabled(ns))
		return answer(q, "its namespace is disabled: 'ndctl enable-namespace %s' enables it", ns->name);
	if (!strcmp(ns->mode, "dax"))
		return answer(q, "its namespace is in devdax mode: 'ndctl list -n %s' names its /dev/daxX.Y", ns->name);
	return answer(q, "its namespace has another device: 'ndctl list -n %s' names it", ns->name);
}

static bool no_namespace(const struct quest *q)
{
	if (!exists(q, "bus/nd/drivers/nd_region"))
		return answer(q, "the kernel knows no NVDIMM: 'modprobe nfit' looks for them");
	return answer(q, "the kernel has no such region: 'ndctl list -RN' shows what there is");
}

static bool dax_reason(const struct quest *q)
{
	struct nd_namespace ns = { 0 };
	char dir[NAME_SIZE + 32], path[PATH_MAX], driver[NAME_SIZE];

	snprintf(dir, sizeof(dir), "bus/dax/devices/%.*s", NAME_SIZE, q->device);
	if (exists(q, dir)) {
		snprintf(path, sizeof(path), "%s/%s", q->sysfs, dir);
		sysfs_link(path, "driver", driver, sizeof(driver));
		return dax_without_driver(q, driver);
	}
	return find_namespace(q, &ns) ? namespace_not_dax(q, &ns) : no_namespace(q);
}

static bool block_reason(const struct quest *q)
{
	struct nd_namespace ns = { 0 };

	return find_namespace(q, &ns) ? namespace_not_block(q, &ns) : no_namespace(q);
}

bool missing_reason(const char *sysfs, const char *path, char *text, size_t size)
{
	struct quest q = { .sysfs = sysfs, .device = device_name(path), .text = text, .size = size };

	if (!q.device)
		return false;
	if (sscanf(q.device, "dax%u", &q.region) == 1)
		return dax_reason(&q);
	return sscanf(q.device, "pmem%u", &q.region) == 1 && block_reason(&q);
}
