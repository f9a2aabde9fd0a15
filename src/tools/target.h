/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * target.h -- what a device holds already, before mkfs.daxfs overwrites it
 */
#ifndef TOOLS_TARGET_H
#define TOOLS_TARGET_H

#include <stddef.h>

/**
 * target_mounted - is the device, or the file, mounted now?
 * @path: existing device or file
 * @where: out, the mount point; cut to fit
 * @size: of @where
 *
 * Return: 1 and *@where, 0, or negative errno.
 */
int target_mounted(const char *path, char *where, size_t size);

/**
 * target_content - which filesystem or partition table is there?
 * @path: existing device or file, not empty
 * @what: out, its name ("ext4", "gpt", "daxfs"); cut to fit
 * @size: of @what
 *
 * Return: 1 and *@what, 0 (nothing known), or negative errno with a message.
 */
int target_content(const char *path, char *what, size_t size);

#endif
