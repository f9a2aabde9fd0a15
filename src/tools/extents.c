/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extents.c -- daxfsctl extents: where the blocks of a file lie
 *
 * The daemon hands out a bounded number of extents per call.  A file that
 * changes meanwhile may show an extent twice or not at all.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "daxfs/ioctl.h"
#include "tools/daxfsctl.h"

static void print_text(const struct daxfs_ioc_extent *e)
{
	printf("%14" PRIu64 " %14" PRIu64 " %10" PRIu64 " %6" PRIu32 "  %s\n", e->lblk, e->pblk,
	       e->len, e->device, e->flags & DAXFS_IOC_EXT_UNWRITTEN ? "unwritten" : "written");
}

static struct json_object *extent_json(const struct daxfs_ioc_extent *e)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "file_block", json_object_new_uint64(e->lblk));
	json_object_object_add(o, "device", json_object_new_uint64(e->device));
	json_object_object_add(o, "device_block", json_object_new_uint64(e->pblk));
	json_object_object_add(o, "blocks", json_object_new_uint64(e->len));
	json_object_object_add(o, "written",
			       json_object_new_boolean(!(e->flags & DAXFS_IOC_EXT_UNWRITTEN)));
	return o;
}

/* Print the extents, or with @list add them to it. */
static int each_extent(const struct ctl_call *c, struct json_object *list)
{
	struct daxfs_ioc_extents x = { .start = 0 };
	unsigned answers = 0;
	int err;

	do {
		err = ctl_ioctl(c, DAXFS_IOC_EXTENTS, &x);
		if (err)
			return err;
		if (!list && !answers++)
			printf("%14s %14s %10s %6s  %s\n", "file block", "device block", "blocks", "device", "state");
		for (uint32_t i = 0; i < x.count && i < DAXFS_IOC_EXTENTS_MAX; i++) {
			if (list)
				json_object_array_add(list, extent_json(&x.ext[i]));
			else
				print_text(&x.ext[i]);
		}
	} while (x.more);
	return 0;
}

static int print_json(const struct ctl_call *c)
{
	struct json_object *list = json_object_new_array();
	int err = each_extent(c, list);

	if (!err)
		return ctl_print_json(list);
	json_object_put(list);
	return err;
}

int ctl_extents(const struct ctl_call *c)
{
	if (c->json)
		return print_json(c);
	return each_extent(c, NULL);
}
