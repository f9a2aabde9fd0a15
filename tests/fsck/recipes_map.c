/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recipes_map.c -- damaged extent maps: roots, nodes, extents, indexes
 *
 * What is lost becomes a hole.  Of two inodes that claim a block the healthy one
 * keeps it; of two healthy ones the second gets a copy.
 */
#include "recipe.h"

#define LOST	(TREE_SIZE | TREE_CONTENT)
#define EXT(name, v, i, field, change, seal, differs, findings) \
	{ name, CLEAN, AT_EXT, v, i, F(dextent, field), change, seal, 4, 4, 1, differs, findings }
#define LEAF(name, field, change, seal, differs, findings) \
	{ name, CLEAN, AT_LEAF, V_LEAF, 1, F(dextnode, field), change, seal, 4, 4, 1, differs, findings }
#define INNER(name, field, change, seal, differs, findings) \
	{ name, CLEAN, AT_INNER, V_DEEP, 0, F(dextnode, field), change, seal, 4, 4, 1, differs, findings }

static const struct recipe table[] = {
	/* root */
	{ "map: depth", CLEAN, AT_MAP, V_FILE, 0, F(dmap, depth), SET(7), RAW, 4, 4, 1, 0,
	  P(INODE_DAMAGED) | P(MAP_ROOT) },
	{ "map: depth, sealed", CLEAN, AT_MAP, V_FILE, 0, F(dmap, depth), SET(7), SEALED, 4, 4, 1, 0, P(MAP_ROOT) },
	{ "map: depth 1, but extents", CLEAN, AT_MAP, V_FILE, 0, F(dmap, depth), SET(1), SEALED, 4, 4, 1, 0,
	  P(MAP_ROOT) },
	{ "map: depth 2 of 1", CLEAN, AT_MAP, V_LEAF, 0, F(dmap, depth), SET(2), SEALED, 4, 4, 1, 0, P(MAP_ROOT) },
	{ "map: depth 0 of 1", CLEAN, AT_MAP, V_LEAF, 0, F(dmap, depth), SET(0), SEALED, 4, 4, 1, 0, P(MAP_ROOT) },
	{ "map: count", CLEAN, AT_MAP, V_FILE, 0, F(dmap, count), SET(7), RAW, 4, 4, 1, 0,
	  P(INODE_DAMAGED) | P(MAP_ROOT) | P(EXTENT_BAD) },
	{ "map: count, sealed", CLEAN, AT_MAP, V_FILE, 0, F(dmap, count), SET(7), SEALED, 4, 4, 1, 0,
	  P(MAP_ROOT) | P(EXTENT_BAD) },
	{ "map: one extent less", CLEAN, AT_MAP, V_FILE, 0, F(dmap, count), SET(1), SEALED, 4, 1, 1, LOST,
	  P(INODE_BLOCKS) },
	{ "map: no index", CLEAN, AT_MAP, V_LEAF, 0, F(dmap, count), SET(0), SEALED, 4, 4, 1, 0,
	  P(MAP_ROOT) | P(EXTENT_BAD) },
	{ "map: rsvd", CLEAN, AT_MAP, V_FILE, 0, F(dmap, rsvd), SET(1), RAW, 4, 4, 1, 0,
	  P(INODE_DAMAGED) | P(MAP_ROOT) },
	{ "map: rsvd, sealed", CLEAN, AT_MAP, V_FILE, 0, F(dmap, rsvd), SET(1), SEALED, 4, 4, 1, 0, P(MAP_ROOT) },
	{ "map: ext", CLEAN, AT_MAP, V_FILE, 0, F(dmap, ext), XOR(1), RAW, 4, 4, 1, TREE_CONTENT,
	  P(INODE_DAMAGED) },
	{ "map: ext, sealed", CLEAN, AT_MAP, V_FILE, 0, F(dmap, ext), XOR(1), SEALED, 0, 0, 0, TREE_CONTENT, 0 },
	{ "map: idx", CLEAN, AT_MAP, V_LEAF, 0, F(dmap, idx), XOR(1), RAW, 4, 4, 1, 0,
	  P(INODE_DAMAGED) | P(MAP_ROOT) },
	{ "map: idx, sealed", CLEAN, AT_MAP, V_LEAF, 0, F(dmap, idx), XOR(1), SEALED, 4, 4, 1, 0, P(MAP_ROOT) },
	{ "map: link", CLEAN, AT_MAP, V_SHORT, 0, F(dmap, link), XOR(1), RAW, 4, 4, 1, TREE_CONTENT, P(INODE_DAMAGED) },
	{ "map: link, sealed", CLEAN, AT_MAP, V_SHORT, 0, F(dmap, link), XOR(1), SEALED, 0, 0, 0, TREE_CONTENT, 0 },
	{ "map: link with a NUL", CLEAN, AT_MAP, V_SHORT, 0, F(dmap, link), XOR('w'), SEALED, 4, 4, 1, TREE_GONE,
	  P(INODE_DAMAGED) | P(INODE_SYMLINK) | P(DIRENT_FREE) },

	/* extents in the inode */
	EXT("extent: lblk", V_FILE, 1, lblk, ADD(1), RAW, LOST, P(INODE_DAMAGED) | P(INODE_FIELD)),
	EXT("extent: lblk out of order", V_FILE, 1, lblk, SET(1), SEALED, LOST, P(EXTENT_BAD)),
	EXT("extent: lblk beyond all files", V_FILE, 1, lblk, SET(DAXFS_FILE_BLOCKS_MAX), SEALED, LOST, P(EXTENT_BAD)),
	EXT("extent: pblk", V_FILE, 1, pblk, SET(SAMPLE_BLOCKS), RAW, LOST, P(INODE_DAMAGED) | P(EXTENT_BAD)),
	EXT("extent: pblk outside of the device", V_FILE, 1, pblk, SET(SAMPLE_BLOCKS), SEALED, LOST, P(EXTENT_BAD)),
	EXT("extent: pblk of the superblock", V_FILE, 1, pblk, SET(0), SEALED, LOST, P(EXTENT_BAD)),
	EXT("extent: pblk of a lane", V_FILE, 1, pblk, SET(1), SEALED, LOST, P(EXTENT_BAD)),
	EXT("extent: pblk of another device", V_FILE, 1, pblk, ADD(UINT64_C(1) << 56), SEALED, LOST, P(EXTENT_BAD)),
	EXT("extent: pblk that belongs to another file", V_FILE, 1, pblk, BLOCK(V_WIDE), RAW, LOST,
	    P(INODE_DAMAGED) | P(CLAIMED)),
	EXT("extent: pblk, two owners", V_OTHER, 0, pblk, BLOCK(V_WIDE), SEALED, TREE_CONTENT,
	    P(CROSS_LINK)),
	EXT("extent: pblk of a node", V_HARD, 0, pblk, BLOCK(V_XATTR), SEALED, TREE_CONTENT,
	    P(CROSS_LINK)),
	EXT("extent: pblk of a directory, two owners", V_SUB, 0, pblk, BLOCK(V_OTHER), SEALED, TREE_SIZE | TREE_NAMES,
	    P(CROSS_DIR) | P(DIRBLK_LOST) | P(FILE_UNCONNECTED)),
	EXT("extent: len 0", V_FILE, 1, len, SET(0), RAW, LOST, P(INODE_DAMAGED) | P(EXTENT_BAD)),
	EXT("extent: len 0, sealed", V_FILE, 1, len, SET(0), SEALED, LOST, P(EXTENT_BAD)),
	EXT("extent: len beyond the device", V_FILE, 1, len, SET(UINT32_MAX), SEALED, LOST, P(EXTENT_BAD)),
	EXT("extent: flags", V_FILE, 1, flags, SET(2), RAW, 0, P(INODE_DAMAGED) | P(EXTENT_BAD)),
	EXT("extent: flags, sealed", V_FILE, 1, flags, SET(2), SEALED, 0, P(EXTENT_BAD)),
	{ "extent: unwritten in a directory", CLEAN, AT_EXT, V_SUB, 0, F(dextent, flags), SET(1), SEALED, 4, 4, 1, 0,
	  P(DIR_MAP) },

	/* indexes in the inode */
	{ "index: lblk", CLEAN, AT_IDX, V_LEAF, 1, F(dextidx, lblk), ADD(1), RAW, 4, 4, 1, 0,
	  P(INODE_DAMAGED) | P(MAP_ROOT) },
	{ "index: lblk out of order", CLEAN, AT_IDX, V_LEAF, 1, F(dextidx, lblk), SET(0), SEALED, 4, 4, 1, 0,
	  P(MAP_ROOT) },
	{ "index: pblk", CLEAN, AT_IDX, V_LEAF, 1, F(dextidx, pblk), SET(SAMPLE_BLOCKS), RAW, 4, 4, 1, LOST,
	  P(INODE_DAMAGED) | P(EXTENT_BAD) },
	{ "index: pblk outside of the device", CLEAN, AT_IDX, V_LEAF, 1, F(dextidx, pblk), SET(SAMPLE_BLOCKS), SEALED,
	  4, 4, 1, LOST, P(EXTENT_BAD) },
	{ "index: pblk of another file's data", CLEAN, AT_IDX, V_LEAF, 1, F(dextidx, pblk), BLOCK(V_WIDE), SEALED,
	  4, 4, 1, LOST, P(CLAIMED) },

	/* leaves */
	LEAF("leaf: magic", magic, XOR(1), RAW, 0, P(NODE_DAMAGED)),
	LEAF("leaf: magic, sealed", magic, XOR(1), SEALED, 0, P(NODE_DAMAGED)),
	LEAF("leaf: csum", csum, XOR(1), RAW, 0, P(NODE_DAMAGED)),
	LEAF("leaf: self", self, ADD(1), RAW, 0, P(NODE_DAMAGED)),
	LEAF("leaf: self, sealed", self, ADD(1), SEALED, 0, P(NODE_DAMAGED)),
	LEAF("leaf: owner", owner, ADD(1), RAW, 0, P(NODE_DAMAGED)),
	LEAF("leaf: owner, sealed", owner, ADD(1), SEALED, 0, P(NODE_DAMAGED)),
	LEAF("leaf: level", level, SET(1), RAW, 0, P(NODE_DAMAGED)),
	LEAF("leaf: level, sealed", level, SET(1), SEALED, 0, P(NODE_DAMAGED)),
	LEAF("leaf: count", count, SET(169), RAW, 0, P(NODE_DAMAGED)),
	LEAF("leaf: count, sealed", count, SET(169), SEALED, 0, P(NODE_DAMAGED)),
	LEAF("leaf: count 0", count, SET(0), SEALED, LOST, P(NODE_BAD)),
	LEAF("leaf: rsvd", rsvd, XOR(1), RAW, 0, P(NODE_DAMAGED)),
	LEAF("leaf: rsvd, sealed", rsvd, XOR(1), SEALED, 0, P(NODE_DAMAGED)),
	LEAF("leaf: ext", ext, XOR(1), RAW, TREE_CONTENT, P(NODE_DAMAGED)),
	LEAF("leaf: all of ext is zero", ext, ZERO, RAW, LOST, P(NODE_DAMAGED) | P(EXTENT_BAD)),
	{ "leaf: ext, sealed", CLEAN, AT_LEAF, V_LEAF, 1, F(dextnode, ext), XOR(1), SEALED, 0, 0, 0, TREE_CONTENT, 0 },
	{ "leaf: all of it is zero", CLEAN, AT_LEAF, V_LEAF, 1, WHOLE(dextnode), ZERO, RAW, 4, 4, 1, LOST, P(NODE_BAD) },
	{ "leaf: an extent of length 0", CLEAN, AT_LEAF_EXT, V_LEAF, 5, F(dextent, len), SET(0), SEALED, 4, 4, 1, LOST,
	  P(EXTENT_BAD) },
	{ "leaf: an extent that another file has", CLEAN, AT_LEAF_EXT, V_LEAF, 5, F(dextent, pblk), BLOCK(V_OTHER),
	  SEALED, 4, 4, 1, TREE_CONTENT, P(CROSS_LINK) },

	/* inner nodes */
	INNER("node: csum", csum, XOR(1), RAW, 0, P(NODE_DAMAGED)),
	INNER("node: level, sealed", level, SET(0), SEALED, 0, P(NODE_DAMAGED)),
	INNER("node: count 0", count, SET(0), SEALED, LOST, P(NODE_BAD)),
	INNER("node: idx", idx, XOR(1), RAW, 0, P(NODE_DAMAGED)),
	INNER("node: idx, sealed", idx, XOR(1), SEALED, 0, P(NODE_DAMAGED)),
	{ "node: all of it is zero", CLEAN, AT_INNER, V_DEEP, 0, WHOLE(dextnode), ZERO, RAW, 4, 4, 1, LOST, P(NODE_BAD) },
	{ "node index: lblk", CLEAN, AT_INNER_IDX, V_DEEP, 3, F(dextidx, lblk), SET(0), SEALED, 4, 4, 1, 0,
	  P(NODE_DAMAGED) },
	{ "node index: pblk", CLEAN, AT_INNER_IDX, V_DEEP, 3, F(dextidx, pblk), SET(SAMPLE_BLOCKS), SEALED, 4, 4, 1, LOST,
	  P(EXTENT_BAD) },
};

const struct recipes recipes_map = { table, sizeof(table) / sizeof(table[0]) };
