/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recipes_super.c -- damaged superblocks
 *
 * One of the two is always whole and mends the other, so -p may.  What the two
 * say in their first 512 bytes is the same, but for self and csum.
 */
#include "recipe.h"

#define ONE(name, field, change, seal) \
	{ name, CLEAN, AT_SUPER, V_NONE, 0, F(dsuper, field), change, seal, 4, 1, 1, 0, P(SUPER_PRIMARY) }
/* Possible in itself, but not what the copy says: the primary is believed. */
#define DIFFERS(name, field, change) \
	{ name, CLEAN, AT_SUPER, V_NONE, 0, F(dsuper, field), change, SEALED, 4, 1, 1, 0, P(SUPER_COPY) }
#define THE_COPY(name, field, change, seal) \
	{ name, CLEAN, AT_COPY, V_NONE, 0, F(dsuper, field), change, seal, 4, 1, 1, 0, P(SUPER_COPY) }
#define DEVICE(name, entry, field, change, seal) \
	{ name, CLEAN, AT_DEV, V_NONE, entry, F(ddev, field), change, seal, 4, 1, 1, 0, P(SUPER_PRIMARY) }

static const struct recipe table[] = {
	/* primary */
	ONE("superblock: magic", magic, XOR(1), RAW),
	ONE("superblock: magic, sealed", magic, XOR(1), SEALED),
	ONE("superblock: csum", csum, XOR(1), RAW),
	ONE("superblock: version", version, SET(2), RAW),
	{ "superblock: version is newer", CLEAN, AT_SUPER, V_NONE, 0, F(dsuper, version), SET(2), SEALED, 8, 8, 8, 0, 0 },
	ONE("superblock: version 0", version, SET(0), SEALED),
	ONE("superblock: self", self, ADD(1), RAW),
	ONE("superblock: self, sealed", self, ADD(1), SEALED),
	ONE("superblock: compat", compat, SET(1), RAW),
	DIFFERS("superblock: compat, not as in the copy", compat, SET(1)),
	{ "superblocks: compat", CLEAN, AT_SUPERS, V_NONE, 0, F(dsuper, compat), SET(1), SEALED, 0, 0, 0, 0, 0 },
	ONE("superblock: ro_compat", ro_compat, SET(1), RAW),
	{ "superblocks: ro_compat", CLEAN, AT_SUPERS, V_NONE, 0, F(dsuper, ro_compat), SET(1), SEALED, 0, 8, 8, 0, 0 },
	ONE("superblock: incompat", incompat, SET(1), RAW),
	{ "superblocks: incompat", CLEAN, AT_SUPERS, V_NONE, 0, F(dsuper, incompat), SET(1), SEALED, 8, 8, 8, 0, 0 },
	ONE("superblock: uuid", uuid, XOR(1), RAW),
	ONE("superblock: uuid, sealed", uuid, XOR(1), SEALED),
	ONE("superblock: label", label, XOR(1), RAW),
	DIFFERS("superblock: label, not as in the copy", label, XOR(1)),
	{ "superblocks: label", CLEAN, AT_SUPERS, V_NONE, 0, F(dsuper, label), XOR(1), SEALED, 0, 0, 0, 0, 0 },
	ONE("superblock: nr_blocks", nr_blocks, ADD(-1), RAW),
	ONE("superblock: nr_blocks, sealed", nr_blocks, ADD(-1), SEALED),
	ONE("superblock: nr_blocks, too few", nr_blocks, SET(2047), SEALED),
	ONE("superblock: block_shift", block_shift, SET(13), RAW),
	ONE("superblock: block_shift, sealed", block_shift, SET(13), SEALED),
	ONE("superblock: inode_shift", inode_shift, SET(9), RAW),
	ONE("superblock: inode_shift, sealed", inode_shift, SET(9), SEALED),
	ONE("superblock: journal", journal, SET(0), RAW),
	ONE("superblock: journal, sealed", journal, SET(0), SEALED),
	ONE("superblock: journal elsewhere", journal, SET(3), SEALED),
	ONE("superblock: nr_lanes", nr_lanes, SET(0), RAW),
	ONE("superblock: nr_lanes, sealed", nr_lanes, SET(0), SEALED),
	ONE("superblock: nr_lanes, too many", nr_lanes, SET(UINT32_MAX), SEALED),
	ONE("superblock: lane_blocks", lane_blocks, SET(1), RAW),
	ONE("superblock: lane_blocks, sealed", lane_blocks, SET(1), SEALED),
	ONE("superblock: lane_blocks, too many", lane_blocks, SET(513), SEALED),
	ONE("superblock: mkfs_time", mkfs_time, ADD(1), RAW),
	DIFFERS("superblock: mkfs_time, not as in the copy", mkfs_time, ADD(1)),
	ONE("superblock: root_ino", root_ino, SET(2), RAW),
	ONE("superblock: root_ino, sealed", root_ino, SET(2), SEALED),
	ONE("superblock: nr_devs", nr_devs, SET(2), RAW),
	ONE("superblock: nr_devs, sealed", nr_devs, SET(2), SEALED),
	ONE("superblock: rsvd0", rsvd0, XOR(1), RAW),
	DIFFERS("superblock: rsvd0, not as in the copy", rsvd0, XOR(1)),
	{ "superblocks: rsvd0", CLEAN, AT_SUPERS, V_NONE, 0, F(dsuper, rsvd0), XOR(1), SEALED, 0, 0, 0, 0, 0 },
	ONE("superblock: dev", dev, XOR(1), RAW),
	ONE("superblock: dev, sealed", dev, XOR(1), SEALED),
	ONE("superblock: rsvd1", rsvd1, XOR(1), RAW),
	DIFFERS("superblock: rsvd1, not as in the copy", rsvd1, XOR(1)),
	{ "superblocks: rsvd1", CLEAN, AT_SUPERS, V_NONE, 0, F(dsuper, rsvd1), XOR(1), SEALED, 0, 0, 0, 0, 0 },
	{ "superblock: state", CLEAN, AT_SUPER, V_NONE, 0, F(dsuper, state), XOR(1), RAW, 4, 1, 1, 0, P(STATE) },
	{ "superblock: rsvd2", CLEAN, AT_SUPER, V_NONE, 0, F(dsuper, rsvd2), XOR(1), RAW, 0, 0, 0, 0, 0 },
	{ "superblock: snap", CLEAN, AT_SUPER, V_NONE, 0, F(dsuper, snap), XOR(1), RAW, 4, 1, 1, 0, P(SNAPREF) },
	{ "superblock: rsvd3", CLEAN, AT_SUPER, V_NONE, 0, F(dsuper, rsvd3), XOR(1), RAW, 0, 0, 0, 0, 0 },
	{ "superblock: ifile", CLEAN, AT_SUPER, V_NONE, 0, F(dsuper, ifile), XOR(1), RAW, 4, 1, 1, 0, P(SUPER_IFILE) },
	{ "superblock: rsvd4", CLEAN, AT_SUPER, V_NONE, 0, F(dsuper, rsvd4), XOR(1), RAW, 0, 0, 0, 0, 0 },
	ONE("superblock: all of it is zero", magic, ZERO, RAW),
	{ "superblock: the whole block is zero", CLEAN, AT_SUPER, V_NONE, 0, WHOLE(dsuper), ZERO, RAW, 4, 1, 1, 0,
	  P(SUPER_PRIMARY) | P(STATE) | P(SUPER_IFILE) },

	/* device table */
	DEVICE("device 0: uuid", 0, uuid, XOR(1), RAW),
	DEVICE("device 0: uuid, sealed", 0, uuid, XOR(1), SEALED),
	DEVICE("device 0: nr_blocks", 0, nr_blocks, ADD(1), RAW),
	DEVICE("device 0: nr_blocks, sealed", 0, nr_blocks, ADD(1), SEALED),
	DEVICE("device 0: rsvd", 0, rsvd, SET(1), RAW),
	{ "device 0: rsvd, not as in the copy", CLEAN, AT_DEV, V_NONE, 0, F(ddev, rsvd), SET(1), SEALED, 4, 1, 1, 0,
	  P(SUPER_COPY) },
	DEVICE("device 1: there is none", 1, nr_blocks, SET(2048), RAW),
	DEVICE("device 1: there is none, sealed", 1, nr_blocks, SET(2048), SEALED),

	/* state word */
	{ "state: not its checksum", CLEAN, AT_STATE, V_NONE, 0, WORD, SET(DAXFS_STATE_CLEAN), RAW, 4, 1, 1, 0, P(STATE) },
	{ "state: no such value", CLEAN, AT_STATE, V_NONE, 0, WORD, SET(3), SEALED, 4, 1, 1, 0, P(STATE) },
	{ "state: unclean is no error", CLEAN, AT_STATE, V_NONE, 0, WORD, SET(DAXFS_STATE_DIRTY), SEALED, 0, 0, 0, 0, 0 },
	{ "state: zero", CLEAN, AT_STATE, V_NONE, 0, WORD, ZERO, RAW, 4, 1, 1, 0, P(STATE) },
	{ "state: not its checksum, unclean", UNCLEAN, AT_STATE, V_NONE, 0, WORD, XOR(1), RAW, 4, 1, 1, 0, P(STATE) },

	/* copy */
	THE_COPY("copy: magic", magic, XOR(1), RAW),
	THE_COPY("copy: magic, sealed", magic, XOR(1), SEALED),
	THE_COPY("copy: csum", csum, XOR(1), RAW),
	THE_COPY("copy: version 0", version, SET(0), SEALED),
	THE_COPY("copy: self", self, SET(0), SEALED),
	THE_COPY("copy: incompat", incompat, SET(1), RAW),
	THE_COPY("copy: uuid", uuid, XOR(1), SEALED),
	THE_COPY("copy: label", label, XOR(1), RAW),
	THE_COPY("copy: nr_blocks", nr_blocks, ADD(-1), SEALED),
	THE_COPY("copy: journal", journal, SET(0), SEALED),
	THE_COPY("copy: nr_lanes", nr_lanes, SET(3), SEALED),
	THE_COPY("copy: root_ino", root_ino, SET(0), SEALED),
	{ "copy: the whole block is zero", CLEAN, AT_COPY, V_NONE, 0, WHOLE(dsuper), ZERO, RAW, 4, 1, 1, 0,
	  P(SUPER_COPY) | P(SUPER_IFILE) },
	{ "copy: ifile", CLEAN, AT_COPY, V_NONE, 0, F(dsuper, ifile), XOR(1), RAW, 4, 1, 1, 0, P(SUPER_IFILE) },
	{ "copy: ifile is zero", CLEAN, AT_COPY, V_NONE, 0, F(dsuper, ifile), ZERO, RAW, 4, 1, 1, 0, P(SUPER_IFILE) },
	{ "copy: rsvd2", CLEAN, AT_COPY, V_NONE, 0, F(dsuper, rsvd2), XOR(1), RAW, 0, 0, 0, 0, 0 },
	{ "copy: unclean image", UNCLEAN, AT_COPY, V_NONE, 0, F(dsuper, csum), XOR(1), RAW, 4, 1, 1, 0, P(SUPER_COPY) },

	/* both */
	{ "superblocks: magic", CLEAN, AT_SUPERS, V_NONE, 0, F(dsuper, magic), XOR(1), RAW, 8, 8, 8, 0, 0 },
	{ "superblocks: csum", CLEAN, AT_SUPERS, V_NONE, 0, F(dsuper, csum), XOR(1), RAW, 4, 4, 1, 0, P(SUPER_BOTH) },
	{ "superblocks: label, not sealed", CLEAN, AT_SUPERS, V_NONE, 0, F(dsuper, label), XOR(1), RAW, 4, 4, 1, 0,
	  P(SUPER_BOTH) },
	{ "superblocks: zero", CLEAN, AT_SUPERS, V_NONE, 0, WHOLE(dsuper), ZERO, RAW, 8, 8, 8, 0, 0 },
};

const struct recipes recipes_super = { table, sizeof(table) / sizeof(table[0]) };
