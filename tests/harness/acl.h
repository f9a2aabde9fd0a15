/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acl.h -- the bytes of an ACL, an initializer for each entry
 *
 * As in acl(5): { ACL_FORM, ACL_FOR_OWNER(6), ACL_FOR_OWN_GROUP(4), ACL_FOR_OTHERS(0) }.
 * Ids are below 256.
 */
#ifndef HARNESS_ACL_H
#define HARNESS_ACL_H

#include <stdint.h>

#define ACL_FORM			2, 0, 0, 0	/* the version */
#define ACL_FOR_ANY(tag, perm)		(tag), 0, (uint8_t)(perm), 0, 0xff, 0xff, 0xff, 0xff
#define ACL_FOR_ONE(tag, id, perm)	(tag), 0, (uint8_t)(perm), 0, (id), 0, 0, 0

#define ACL_FOR_OWNER(perm)		ACL_FOR_ANY(0x01, perm)
#define ACL_FOR_USER(id, perm)		ACL_FOR_ONE(0x02, id, perm)
#define ACL_FOR_OWN_GROUP(perm)		ACL_FOR_ANY(0x04, perm)
#define ACL_FOR_GROUP(id, perm)		ACL_FOR_ONE(0x08, id, perm)
#define ACL_FOR_MASK(perm)		ACL_FOR_ANY(0x10, perm)
#define ACL_FOR_OTHERS(perm)		ACL_FOR_ANY(0x20, perm)

#define ACL_SIZE(entries)		(4 + 8 * (entries))

#endif
