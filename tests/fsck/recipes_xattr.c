/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recipes_xattr.c -- damaged extended attributes
 *
 * A chain is right as a whole or is dropped as a whole.
 */
#include "recipe.h"

#define DROPPED	(TREE_SIZE | TREE_XATTRS)
#define CHAIN(name, i, field, change, seal) \
	{ name, CLEAN, AT_XATTRBLK, V_XATTRS, i, F(dxattrblk, field), change, seal, 4, 4, 1, DROPPED, P(XATTR) }
#define ENTRY(name, i, field, change, seal) \
	{ name, CLEAN, AT_XATTR, V_XATTRS, i, F(dxattr, field), change, seal, 4, 4, 1, DROPPED, P(XATTR) }

static const struct recipe table[] = {
	CHAIN("attribute block: magic", 0, magic, XOR(1), RAW),
	CHAIN("attribute block: magic, sealed", 0, magic, XOR(1), SEALED),
	CHAIN("attribute block: csum", 1, csum, XOR(1), RAW),
	CHAIN("attribute block: owner", 0, owner, ADD(1), RAW),
	CHAIN("attribute block: owner, sealed", 0, owner, ADD(1), SEALED),
	CHAIN("attribute block: self", 0, self, ADD(1), RAW),
	CHAIN("attribute block: self, sealed", 0, self, ADD(1), SEALED),
	CHAIN("attribute block: next", 0, next, SET(0), RAW),
	CHAIN("attribute block: next is left out", 0, next, SET(0), SEALED),
	CHAIN("attribute block: next outside of the device", 1, next, SET(SAMPLE_BLOCKS), SEALED),
	CHAIN("attribute block: next is the first one", 1, next, XBLOCK(V_XATTRS), SEALED),
	CHAIN("attribute block: next of the last is another inode's", 2, next, XBLOCK(V_XATTR), SEALED),
	CHAIN("attribute block: index", 1, index, ADD(1), RAW),
	CHAIN("attribute block: index, sealed", 1, index, ADD(1), SEALED),
	CHAIN("attribute block: bytes", 0, bytes, SET(4033), RAW),
	CHAIN("attribute block: bytes, sealed", 0, bytes, SET(4033), SEALED),
	CHAIN("attribute block: bytes of an inner block", 0, bytes, ADD(-1), SEALED),
	CHAIN("attribute block: bytes of the last block", 2, bytes, ADD(-1), SEALED),
	CHAIN("attribute block: no bytes", 2, bytes, SET(0), SEALED),
	CHAIN("attribute block: rsvd", 0, rsvd, XOR(1), RAW),
	CHAIN("attribute block: rsvd, sealed", 0, rsvd, XOR(1), SEALED),
	CHAIN("attribute block: data", 1, data, XOR(1), RAW),
	{ "attribute block: data, sealed", CLEAN, AT_XATTRBLK, V_XATTRS, 1, F(dxattrblk, data), XOR(1), SEALED, 0, 0, 0,
	  TREE_XATTRS, 0 },
	{ "attribute block: zero", CLEAN, AT_XATTRBLK, V_XATTR, 0, WHOLE(dxattrblk), ZERO, RAW, 4, 4, 1, DROPPED,
	  P(XATTR) },

	ENTRY("attribute: value_len", 0, value_len, ADD(1), RAW),
	ENTRY("attribute: value_len, sealed", 0, value_len, ADD(1), SEALED),
	ENTRY("attribute: value_len too large", 0, value_len, SET(65537), SEALED),
	ENTRY("attribute: value_len beyond the stream", 1, value_len, SET(65536), SEALED),
	ENTRY("attribute: name_len", 0, name_len, ADD(1), RAW),
	ENTRY("attribute: name_len 0", 0, name_len, SET(0), SEALED),
	ENTRY("attribute: rsvd", 0, rsvd, XOR(1), RAW),
	ENTRY("attribute: rsvd, sealed", 0, rsvd, XOR(1), SEALED),
	{ "attribute: name", CLEAN, AT_XATTR, V_XATTRS, 0, TAIL(dxattr, bytes), XOR(1), RAW, 4, 4, 1, DROPPED, P(XATTR) },
	{ "attribute: name with a NUL", CLEAN, AT_XATTR, V_XATTRS, 0, TAIL(dxattr, bytes), SET(0), SEALED, 4, 4, 1,
	  DROPPED, P(XATTR) },
	{ "attribute: unclean", UNCLEAN, AT_XATTRBLK, V_XATTRS, 0, F(dxattrblk, csum), XOR(1), RAW, 4, 4, 1, DROPPED,
	  P(XATTR) },
};

const struct recipes recipes_xattr = { table, sizeof(table) / sizeof(table[0]) };
