/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stat.c -- daxfsctl stat: state and counters of a mounted daxfs
 *
 * Both forms of output are made from the same list of numbers, so that they
 * cannot differ; the JSON names are an interface, the texts are not.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <uuid/uuid.h>

#include "base/size.h"
#include "daxfs/ioctl.h"
#include "tools/daxfsctl.h"

static const char *const op_names[] = {
#define OP_NAME(name) #name,
	DAXFS_IOC_OPS(OP_NAME)
};

static const char *dax_name(uint32_t dax)
{
	static const char *const names[] = { "inode", "always", "never" };

	return dax < sizeof(names) / sizeof(names[0]) ? names[dax] : "unknown";
}

static const char *atime_name(uint32_t flags)
{
	if (flags & DAXFS_IOC_NOATIME)
		return "noatime";
	return flags & DAXFS_IOC_STRICTATIME ? "strictatime" : "relatime";
}

static const char *transport_name(uint32_t flags)
{
	return flags & DAXFS_IOC_IO_URING ? "io_uring" : "dev_fuse";
}

/* -- numbers --------------------------------------------------------------- */

enum unit { UNIT_NONE, UNIT_BLOCKS, UNIT_BYTES, UNIT_NS };

struct number { const char *name, *text; enum unit unit; size_t offset; };

#define NUMBER(member, text, unit) \
	{ #member, text, unit, offsetof(struct daxfs_ioc_stat, member) }

static const struct number numbers[] = {
	NUMBER(blocks, "size", UNIT_BLOCKS),
	NUMBER(bfree, "free", UNIT_BLOCKS),
	NUMBER(free_chunks, "free 2 MiB chunks", UNIT_NONE),
	NUMBER(inodes, "inodes in use", UNIT_NONE),
	NUMBER(ifree, "inodes that fit", UNIT_NONE),
	NUMBER(cached_inodes, "inodes in memory", UNIT_NONE),
	NUMBER(cache_bytes, "memory of caches", UNIT_BYTES),
	NUMBER(dirty_inodes, "dirty inodes", UNIT_NONE),
	NUMBER(recovered_txns, "transactions rolled back", UNIT_NONE),
	NUMBER(recovered_orphans, "orphans reclaimed", UNIT_NONE),
	NUMBER(recovery_ns, "time of recovery", UNIT_NS),
	NUMBER(uptime_ns, "mounted for", UNIT_NS),
};
#define NR_NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))

static uint64_t number_get(const struct number *n, const struct daxfs_ioc_stat *st)
{
	return *(const uint64_t *)(const void *)((const char *)st + n->offset);
}

static void print_number(const struct number *n, const struct daxfs_ioc_stat *st)
{
	uint64_t v = number_get(n, st);
	char size[32];

	printf("%-26s", n->text);
	switch (n->unit) {
	case UNIT_BLOCKS:
		printf("%s (%" PRIu64 " blocks)\n", size_format(v * st->block_size, size), v);
		break;
	case UNIT_BYTES:
		printf("%s\n", size_format(v, size));
		break;
	case UNIT_NS:
		printf("%.3f s\n", (double)v / 1e9);
		break;
	case UNIT_NONE:
		printf("%" PRIu64 "\n", v);
		break;
	}
}

/* -- text ------------------------------------------------------------------ */

static void print_requests(const struct daxfs_ioc_stat *st)
{
	printf("requests\n");
	for (uint32_t i = 0; i < st->nr_requests && i < DAXFS_OP_NR; i++) {
		if (st->requests[i])
			printf("  %-24s%" PRIu64 "\n", op_names[i], st->requests[i]);
	}
}

static void print_text(const struct daxfs_ioc_stat *st)
{
	char uuid[37];

	uuid_unparse(st->uuid, uuid);
	printf("%-26s%s\n", "UUID", uuid);
	printf("%-26s%s\n", "label", st->label);
	printf("%-26s%" PRIu32 "\n", "format version", st->version);
	printf("%-26s%s\n", "backend", st->backend);
	printf("%-26s%s\n", "durability", st->durability);
	printf("%-26s%s,%s%s,dax=%s,errors=%s,flush=%" PRIu32 "\n", "options",
	       st->flags & DAXFS_IOC_RDONLY ? "ro" : "rw",
	       st->flags & DAXFS_IOC_SYNC_WRITES ? "sync," : "", atime_name(st->flags),
	       dax_name(st->dax),
	       st->flags & DAXFS_IOC_ERRORS_CONTINUE ? "continue" : "remount-ro",
	       st->flush_seconds);
	printf("%-26s%s\n", "last unmount", st->flags & DAXFS_IOC_WAS_CLEAN ? "clean" : "not clean");
	printf("%-26sversion %s, process %" PRIu32 ", at most %" PRIu32 " threads\n", "daemon",
	       st->program, st->pid, st->max_threads);
	printf("%-26s%s\n", "requests come over",
	       st->flags & DAXFS_IOC_IO_URING ? "io_uring" : "/dev/fuse");
	printf("%-26s%" PRIu32 "\n", "journal lanes", st->nr_lanes);
	for (size_t i = 0; i < NR_NUMBERS; i++)
		print_number(&numbers[i], st);
	print_requests(st);
}

/* -- JSON ------------------------------------------------------------------ */

static void add_text(struct json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, json_object_new_string(text));
}

static void add_number(struct json_object *o, const char *name, uint64_t v)
{
	json_object_object_add(o, name, json_object_new_uint64(v));
}

static void add_flag(struct json_object *o, const char *name, uint32_t flag)
{
	json_object_object_add(o, name, json_object_new_boolean(flag != 0));
}

static void add_options(struct json_object *o, const struct daxfs_ioc_stat *st)
{
	add_flag(o, "read_only", st->flags & DAXFS_IOC_RDONLY);
	add_flag(o, "sync", st->flags & DAXFS_IOC_SYNC_WRITES);
	add_text(o, "atime", atime_name(st->flags));
	add_text(o, "dax", dax_name(st->dax));
	add_text(o, "errors", st->flags & DAXFS_IOC_ERRORS_CONTINUE ? "continue" : "remount-ro");
	add_number(o, "flush_seconds", st->flush_seconds);
	add_number(o, "max_threads", st->max_threads);
}

static struct json_object *requests_json(const struct daxfs_ioc_stat *st)
{
	struct json_object *o = json_object_new_object();

	for (uint32_t i = 0; i < st->nr_requests && i < DAXFS_OP_NR; i++)
		add_number(o, op_names[i], st->requests[i]);
	return o;
}

static int print_json(const struct daxfs_ioc_stat *st)
{
	struct json_object *o = json_object_new_object();
	char uuid[37];

	uuid_unparse(st->uuid, uuid);
	add_text(o, "uuid", uuid);
	add_text(o, "label", st->label);
	add_number(o, "format_version", st->version);
	add_text(o, "backend", st->backend);
	add_text(o, "durability", st->durability);
	add_flag(o, "power_safe", st->flags & DAXFS_IOC_POWER_SAFE);
	add_options(o, st);
	add_flag(o, "was_clean", st->flags & DAXFS_IOC_WAS_CLEAN);
	add_flag(o, "from_snapshot", st->flags & DAXFS_IOC_FROM_SNAPSHOT);
	add_text(o, "daemon_version", st->program);
	add_number(o, "daemon_pid", st->pid);
	add_text(o, "transport", transport_name(st->flags));
	add_number(o, "journal_lanes", st->nr_lanes);
	add_number(o, "block_size", st->block_size);
	for (size_t i = 0; i < NR_NUMBERS; i++)
		add_number(o, numbers[i].name, number_get(&numbers[i], st));
	json_object_object_add(o, "requests", requests_json(st));
	return ctl_print_json(o);
}

int ctl_stat(const struct ctl_call *c)
{
	struct daxfs_ioc_stat st;
	int err;

	err = ctl_ioctl(c, DAXFS_IOC_STAT, &st);
	if (err)
		return err;
	if (c->json)
		return print_json(&st);
	print_text(&st);
	return 0;
}
