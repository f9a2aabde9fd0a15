/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recipes_inode.c -- damaged inodes
 *
 * RAW: the checksum says that something is wrong, not what; what is plausible
 * is kept.  SEALED: what is possible cannot be told from what was meant.
 */
#include "recipe.h"

#define RAW_INODE(name, v, field, change, differs, more) \
	{ name, CLEAN, AT_INODE, v, 0, F(dinode, field), change, RAW, 4, 4, 1, differs, P(INODE_DAMAGED) | (more) }
#define IMPOSSIBLE(name, v, field, change, differs, more) \
	{ name, CLEAN, AT_INODE, v, 0, F(dinode, field), change, SEALED, 4, 4, 1, differs, P(INODE_DAMAGED) | (more) }
#define POSSIBLE(name, v, field, change, differs) \
	{ name, CLEAN, AT_INODE, v, 0, F(dinode, field), change, SEALED, 0, 0, 0, differs, 0 }
#define GONE_FREE	P(DIRENT_FREE)

static const struct recipe table[] = {
	/* each field of a file, the checksum left as it was */
	RAW_INODE("inode: magic", V_FILE, magic, XOR(1), 0, 0),
	RAW_INODE("inode: csum", V_FILE, csum, XOR(1), 0, 0),
	RAW_INODE("inode: ino", V_FILE, ino, XOR(1), 0, 0),
	RAW_INODE("inode: gen", V_FILE, gen, ADD(1), TREE_ATTRS, 0),
	RAW_INODE("inode: mode", V_FILE, mode, XOR(1), TREE_ATTRS, 0),
	RAW_INODE("inode: uid", V_FILE, uid, ADD(1), TREE_ATTRS, 0),
	RAW_INODE("inode: gid", V_FILE, gid, ADD(1), TREE_ATTRS, 0),
	RAW_INODE("inode: nlink", V_FILE, nlink, SET(7), 0, 0),
	RAW_INODE("inode: flags", V_FILE, flags, SET(0x100), 0, 0),
	/* what is written behind the end of a suspect says where the end was */
	RAW_INODE("inode: size", V_FILE, size, ADD(-4096), 0, P(INODE_FIELD)),
	RAW_INODE("inode: blocks", V_FILE, blocks, ADD(1), 0, 0),
	RAW_INODE("inode: atime", V_FILE, atime, ADD(1), TREE_ATTRS, 0),
	RAW_INODE("inode: mtime", V_FILE, mtime, ADD(1), TREE_ATTRS, 0),
	RAW_INODE("inode: ctime", V_FILE, ctime, ADD(1), TREE_ATTRS, 0),
	RAW_INODE("inode: btime", V_FILE, btime, ADD(1), TREE_ATTRS, 0),
	RAW_INODE("inode: rdev", V_FILE, rdev, SET(5), 0, 0),
	RAW_INODE("inode: xattr outside of the device", V_XATTR, xattr, SET(SAMPLE_BLOCKS), TREE_SIZE | TREE_XATTRS,
		  P(XATTR)),
	RAW_INODE("inode: map", V_FILE, map, XOR(0x10), 0, P(MAP_ROOT)),
	RAW_INODE("inode: a high bit of mode", V_FILE, mode, ADD(0x10000), 0, 0),

	/* each field, sealed */
	{ "inode: magic, sealed", CLEAN, AT_INODE, V_FILE, 0, F(dinode, magic), XOR(1), SEALED, 4, 4, 1, 0,
	  P(INODE_DAMAGED) },
	{ "inode: ino, sealed", CLEAN, AT_INODE, V_FILE, 0, F(dinode, ino), XOR(1), SEALED, 4, 4, 1, 0,
	  P(INODE_DAMAGED) },
	POSSIBLE("inode: another gen", V_FILE, gen, ADD(1), TREE_ATTRS),
	POSSIBLE("inode: other permissions", V_FILE, mode, XOR(0x80), TREE_ATTRS),
	POSSIBLE("inode: another uid", V_FILE, uid, SET(1000), TREE_ATTRS),
	POSSIBLE("inode: another gid", V_FILE, gid, SET(1000), TREE_ATTRS),
	POSSIBLE("inode: the DAX flag", V_FILE, flags, SET(DAXFS_INODE_DAX), TREE_ATTRS),
	POSSIBLE("inode: another size", V_FILE, size, ADD(-100), TREE_SIZE | TREE_CONTENT),
	POSSIBLE("inode: another atime", V_FILE, atime, ADD(1), TREE_ATTRS),
	POSSIBLE("inode: another mtime", V_FILE, mtime, ADD(1), TREE_ATTRS),
	POSSIBLE("inode: another ctime", V_FILE, ctime, ADD(1), TREE_ATTRS),
	POSSIBLE("inode: another btime", V_FILE, btime, ADD(1), TREE_ATTRS),
	POSSIBLE("inode: another device number", V_CHR, rdev, SET(77), TREE_ATTRS),
	IMPOSSIBLE("inode: unknown flag", V_FILE, flags, SET(0x100), 0, 0),
	IMPOSSIBLE("inode: a file with an inline link", V_FILE, flags, SET(DAXFS_INODE_INLINE_LINK), 0, 0),
	IMPOSSIBLE("inode: a file with a device number", V_FILE, rdev, SET(5), 0, 0),
	IMPOSSIBLE("inode: a size that no file has", V_FILE, size, SET(UINT64_C(1) << 63), 0, P(INODE_FIELD)),
	IMPOSSIBLE("inode: a FIFO with a size", V_FIFO, size, SET(1), 0, 0),
	IMPOSSIBLE("inode: a bit of mode that does not exist", V_FILE, mode, ADD(0x10000), 0, 0),
	{ "inode: blocks, sealed", CLEAN, AT_INODE, V_FILE, 0, F(dinode, blocks), ADD(1), SEALED, 4, 1, 1, 0,
	  P(INODE_BLOCKS) },
	IMPOSSIBLE("inode: more blocks than the device", V_FILE, blocks, SET(SAMPLE_BLOCKS + 1), 0, 0),
	{ "inode: nlink, sealed", CLEAN, AT_INODE, V_FILE, 0, F(dinode, nlink), SET(7), SEALED, 4, 1, 1, 0, P(NLINK) },
	IMPOSSIBLE("inode: nlink too large", V_FILE, nlink, SET(65001), 0, 0),
	{ "inode: nlink 0, but it has a name", CLEAN, AT_INODE, V_FILE, 0, F(dinode, nlink), SET(0), SEALED, 4, 1, 1, 0,
	  P(NLINK) },
	{ "inode: nlink of a directory", CLEAN, AT_INODE, V_DIR, 0, F(dinode, nlink), SET(2), SEALED, 4, 1, 1, 0,
	  P(NLINK) },
	{ "inode: nlink of a file with two names", CLEAN, AT_INODE, V_HARD, 0, F(dinode, nlink), SET(1), SEALED,
	  4, 1, 1, 0, P(NLINK) },
	{ "inode: no such type", CLEAN, AT_INODE, V_FILE, 0, F(dinode, mode), SET(0170644), SEALED, 4, 4, 1, TREE_GONE,
	  P(INODE_BAD) | GONE_FREE },
	{ "inode: free, but it has a name", CLEAN, AT_INODE, V_FILE, 0, F(dinode, mode), SET(0), SEALED, 4, 4, 1,
	  TREE_GONE, GONE_FREE },
	{ "inode: xattr, sealed", CLEAN, AT_INODE, V_XATTR, 0, F(dinode, xattr), SET(SAMPLE_BLOCKS), SEALED, 4, 4, 1,
	  TREE_SIZE | TREE_XATTRS, P(INODE_DAMAGED) | P(XATTR) },
	{ "inode: xattr is a superblock", CLEAN, AT_INODE, V_FILE, 0, F(dinode, xattr), SET(SAMPLE_BLOCKS - 1), SEALED,
	  4, 4, 1, 0, P(INODE_DAMAGED) | P(XATTR) },
	{ "inode: xattr of another inode", CLEAN, AT_INODE, V_XATTR, 0, F(dinode, xattr), XBLOCK(V_XATTRS), SEALED,
	  4, 4, 1, TREE_SIZE | TREE_XATTRS, P(XATTR) },
	{ "inode: the attributes are left out", CLEAN, AT_INODE, V_XATTR, 0, F(dinode, xattr), SET(0), SEALED, 4, 1, 1,
	  TREE_SIZE | TREE_XATTRS, P(INODE_BLOCKS) },
	{ "inode: map, sealed", CLEAN, AT_INODE, V_FILE, 0, F(dinode, map), XOR(0x10), SEALED, 4, 4, 1,
	  0, P(MAP_ROOT) },

	/* the whole slot */
	{ "inode: the slot is zero", CLEAN, AT_INODE, V_FILE, 0, WHOLE(dinode), ZERO, RAW, 4, 4, 1, TREE_GONE, GONE_FREE },
	{ "inode: a directory's slot is zero", CLEAN, AT_INODE, V_DIR, 0, WHOLE(dinode), ZERO, RAW, 4, 4, 1,
	  TREE_GONE | TREE_NAMES, GONE_FREE | P(DIR_UNCONNECTED) | P(NLINK) },
	{ "inode: the root's slot is zero", CLEAN, AT_INODE, V_ROOT, 0, WHOLE(dinode), ZERO, RAW, 4, 4, 1,
	  TREE_NAMES, P(ROOT_GONE) | P(DIR_UNCONNECTED) | P(FILE_UNCONNECTED) | P(NLINK) },

	/* other types */
	{ "directory: size is no multiple", CLEAN, AT_INODE, V_BIG, 0, F(dinode, size), ADD(-1), SEALED, 4, 4, 1, 0,
	  P(INODE_DAMAGED) | P(DIR_SIZE) },
	{ "directory: size too large", CLEAN, AT_INODE, V_BIG, 0, F(dinode, size), ADD(4096), SEALED, 4, 1, 1, 0,
	  P(DIR_SIZE) },
	{ "directory: size too small", CLEAN, AT_INODE, V_BIG, 0, F(dinode, size), ADD(-4096), SEALED, 4, 1, 1, 0,
	  P(DIR_SIZE) },
	{ "directory: parent", CLEAN, AT_INODE, V_SUB, 0, F(dinode, rdev), INO(V_ROOT), SEALED, 4, 1, 1, 0, P(DIR_PARENT) },
	{ "directory: parent is a file", CLEAN, AT_INODE, V_SUB, 0, F(dinode, rdev), INO(V_FILE), SEALED, 4, 1, 1, 0,
	  P(DIR_PARENT) },
	{ "directory: parent does not exist", CLEAN, AT_INODE, V_SUB, 0, F(dinode, rdev), SET(UINT64_MAX), SEALED,
	  4, 1, 1, 0, P(DIR_PARENT) },
	{ "directory: parent of the root", CLEAN, AT_INODE, V_ROOT, 0, F(dinode, rdev), INO(V_DIR), SEALED, 4, 1, 1, 0,
	  P(ROOT_PARENT) },
	{ "symlink: size", CLEAN, AT_INODE, V_SHORT, 0, F(dinode, size), ADD(1), SEALED, 4, 4, 1, 0, P(INODE_DAMAGED) },
	{ "symlink: size 0", CLEAN, AT_INODE, V_LONG, 0, F(dinode, size), SET(0), SEALED, 4, 4, 1, TREE_GONE,
	  P(INODE_DAMAGED) | P(INODE_SYMLINK) | GONE_FREE },
	{ "symlink: not inline", CLEAN, AT_INODE, V_SHORT, 0, F(dinode, flags), SET(0), SEALED, 4, 4, 1, 0,
	  P(INODE_DAMAGED) },
	{ "symlink: inline, but in a block", CLEAN, AT_INODE, V_LONG, 0, F(dinode, flags), SET(DAXFS_INODE_INLINE_LINK),
	  SEALED, 4, 4, 1, 0, P(INODE_DAMAGED) },
	{ "device: a map", CLEAN, AT_INODE, V_CHR, 0, F(dinode, map), XOR(1), SEALED, 4, 4, 1, 0, P(INODE_DAMAGED) },

	/* free slots */
	{ "free slot: csum", CLEAN, AT_INODE, V_FREE, 0, F(dinode, csum), XOR(1), RAW, 4, 1, 1, 0, P(INODE_FREE_DAMAGED) },
	{ "free slot: magic", CLEAN, AT_INODE, V_FREE, 0, F(dinode, magic), XOR(1), SEALED, 4, 1, 1, 0,
	  P(INODE_FREE_DAMAGED) },
	{ "free slot: ino", CLEAN, AT_INODE, V_FREE, 0, F(dinode, ino), ADD(1), SEALED, 4, 1, 1, 0,
	  P(INODE_FREE_DAMAGED) },
	{ "free slot: what means nothing", CLEAN, AT_INODE, V_FREE, 0, F(dinode, size), SET(99), SEALED, 0, 0, 0, 0, 0 },

	/* the unclean filesystem */
	{ "unclean: nlink", UNCLEAN, AT_INODE, V_LEAF, 0, F(dinode, nlink), SET(3), SEALED, 4, 1, 1, 0, P(NLINK) },
	{ "unclean: a name of an orphan's", UNCLEAN, AT_NAMED, V_LEAF, 0, F(ddirent, ino), INO(V_ORPHAN), SEALED,
	  4, 1, 1, TREE_FOUND, P(FILE_UNCONNECTED) | P(NLINK) },
	{ "unclean: orphan's csum", UNCLEAN, AT_INODE, V_ORPHAN, 0, F(dinode, csum), XOR(1), RAW, 4, 4, 1, 0,
	  P(INODE_DAMAGED) },
	{ "unclean: uid", UNCLEAN, AT_INODE, V_LEAF, 0, F(dinode, uid), SET(5), RAW, 4, 4, 1, TREE_ATTRS,
	  P(INODE_DAMAGED) },

	/* the inode file's own */
	{ "inode file: csum", CLEAN, AT_INODE, V_IFILE, 0, F(dinode, csum), XOR(1), RAW, 4, 1, 1, 0, P(SUPER_IFILE) },
	{ "inode file: size", CLEAN, AT_IFILES, V_IFILE, 0, F(dinode, size), ADD(4096), SEALED, 4, 4, 1, 0, P(IFILE_DAMAGED) },
	{ "inode file: mode", CLEAN, AT_IFILES, V_IFILE, 0, F(dinode, mode), SET(040755), SEALED, 4, 4, 1, 0,
	  P(IFILE_DAMAGED) },
	{ "inode file: blocks", CLEAN, AT_IFILES, V_IFILE, 0, F(dinode, blocks), ADD(1), SEALED, 4, 1, 1, 0,
	  P(IFILE_BLOCKS) },
	{ "inode file: both csums", CLEAN, AT_IFILES, V_IFILE, 0, F(dinode, csum), XOR(1), RAW, 4, 4, 1, 0,
	  P(IFILE_DAMAGED) },
	{ "inode file: both are zero", CLEAN, AT_IFILES, V_IFILE, 0, WHOLE(dinode), ZERO, RAW, 4, 4, 1, 0,
	  P(IFILE_DAMAGED) },
};

const struct recipes recipes_inode = { table, sizeof(table) / sizeof(table[0]) };
