/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpus.h -- which CPUs there are, and which there may be
 */
#ifndef FUSE_CPUS_H
#define FUSE_CPUS_H

#include <sched.h>

/**
 * cpus_parse - read a list such as "0-3,8"
 * @text: may end in a newline
 * @set:  filled in
 *
 * Return: 0, -EINVAL (no such list), or -ERANGE (a CPU that cpu_set_t has no room for).
 */
int cpus_parse(const char *text, cpu_set_t *set);

/**
 * cpus_read - the kernel's list
 * @which: "possible" or "online"
 * @set:   filled in, not empty
 *
 * Return: 0 or negative errno.
 */
int cpus_read(const char *which, cpu_set_t *set);

/* cpus_end - one more than the highest of @set. */
unsigned cpus_end(const cpu_set_t *set);

#endif
