/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xacl.h -- attributes whose values are POSIX ACLs, read independently of the engine
 */
#ifndef CHECK_XACL_H
#define CHECK_XACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* xacl_named - does the name, which is not terminated, ask for an ACL? */
bool xacl_named(const uint8_t *name, size_t len);

/* xacl_sound - is the value one, as doc/format.md has them? */
bool xacl_sound(const uint8_t *value, size_t size);

#endif
