/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * missing.h -- why a persistent-memory device is not there, and the command that mends it
 */
#ifndef PM_MISSING_H
#define PM_MISSING_H

#include <stdbool.h>
#include <stddef.h>

/**
 * missing_is_device_name - whether only the kernel makes such a file
 * @path: any
 *
 * Return: true for /dev/daxX.Y, /dev/pmemX and what the kernel derives from them.
 */
bool missing_is_device_name(const char *path);

/**
 * missing_reason - why a device of that name is absent or has no driver
 * @sysfs: where sysfs is mounted; another directory in tests
 * @path:  the device
 * @text:  out, a clause that names a command of ndctl(1), daxctl(1) or modprobe(8)
 * @size:  of @text
 *
 * Context: reads sysfs.
 * Return:  false when @path is not such a name, or sysfs shows nothing wrong.
 */
bool missing_reason(const char *sysfs, const char *path, char *text, size_t size);

#endif
