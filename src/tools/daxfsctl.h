/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daxfsctl.h -- the commands of daxfsctl
 */
#ifndef TOOLS_DAXFSCTL_H
#define TOOLS_DAXFSCTL_H

#include <stdbool.h>

struct json_object;

/* One call of a command: `daxfsctl COMMAND [--json] PATH`. */
struct ctl_call {
	const char *path;
	int	    fd;		/* @path, open for reading */
	bool	    json;
};

/* ctl_stat - state and counters of the filesystem.  0 or negative errno with a message. */
int ctl_stat(const struct ctl_call *c);

/* ctl_extents - where a file lies.  0 or negative errno with a message. */
int ctl_extents(const struct ctl_call *c);

/* ctl_sync - flush everything that is dirty.  0 or negative errno with a message. */
int ctl_sync(const struct ctl_call *c);

/**
 * ctl_ioctl - ask the daemon
 * @c:   call
 * @cmd: DAXFS_IOC_*
 * @arg: of @cmd
 *
 * Return: 0, or negative errno after one sentence on standard error.
 */
int ctl_ioctl(const struct ctl_call *c, unsigned long cmd, void *arg);

/* ctl_print_json - on standard output; takes the object over.  0 or negative errno with a message. */
int ctl_print_json(struct json_object *o);

#endif
