/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sysfs.h -- inside of src/pm: files of sysfs that hold one number or one word
 */
#ifndef PM_SYSFS_H
#define PM_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * sysfs_text - the first line of a file
 * @dir:  directory
 * @name: file in it, may be a relative path
 * @text: out, without the newline; empty on failure
 * @size: of @text
 *
 * Return: 0, or negative errno (-EIO for an empty file).
 */
int sysfs_text(const char *dir, const char *name, char *text, size_t size);

/**
 * sysfs_number - a number from a file
 * @dir:   directory
 * @name:  file in it, may be a relative path
 * @value: out; decimal, or hexadecimal with 0x
 *
 * Return: 0, or negative errno (-EIO when it is no number).
 */
int sysfs_number(const char *dir, const char *name, uint64_t *value);

/**
 * sysfs_link - the last component of what a link points to
 * @dir:  directory
 * @name: link in it, such as "driver"
 * @text: out; empty when there is no such link
 * @size: of @text
 *
 * Return: whether there is such a link.
 */
bool sysfs_link(const char *dir, const char *name, char *text, size_t size);

#endif
