/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recipes_dir.c -- damaged directories: block headers, records, and what names make of a tree
 *
 * A record's checksum covers where it lies, so names survive what happens to
 * their neighbours and to the header.
 */
#include "recipe.h"

#define HEADER(name, field, change, seal) \
	{ name, CLEAN, AT_DIRBLK, V_BIG, 1, F(ddirblk, field), change, seal, 4, 1, 1, 0, P(DIRBLK_HEADER) }
/* /big/name100 is not what a case is about; it is in the way of none. */
#define RECORD(name, at, i, field, change, seal, differs, findings) \
	{ name, CLEAN, at, V_BIG, i, F(ddirent, field), change, seal, 4, 4, 1, differs, findings }
#define NAMED(name, v, field, change, differs, findings) \
	{ name, CLEAN, AT_NAMED, v, 0, F(ddirent, field), change, SEALED, 4, 4, 1, differs, findings }
#define UNNAMED	P(FILE_UNCONNECTED)

/* The three letters of a name. */
#define NAME3	{ "ddirent", "name", offsetof(struct ddirent, name), 3 }
#define THREE(a, b, c)	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16)

static const struct recipe nested_is_dir = {
	.at = AT_NAMED, .v = V_NESTED, .f = F(ddirent, ino), .how = HOW_INO, .value = V_DIR, .sealed = true,
};
static const struct recipe unnamed_file = {
	.at = AT_NAMED, .v = V_FILE, .f = F(ddirent, ino), .how = HOW_INO, .value = V_FREE, .sealed = true,
};

static const struct recipe table[] = {
	/* header */
	HEADER("directory block: magic", magic, XOR(1), RAW),
	HEADER("directory block: magic, sealed", magic, XOR(1), SEALED),
	HEADER("directory block: csum", csum, XOR(1), RAW),
	HEADER("directory block: owner", owner, ADD(1), RAW),
	HEADER("directory block: owner, sealed", owner, ADD(1), SEALED),
	HEADER("directory block: lblk", lblk, ADD(1), RAW),
	HEADER("directory block: lblk, sealed", lblk, ADD(1), SEALED),
	HEADER("directory block: self", self, ADD(1), RAW),
	HEADER("directory block: self, sealed", self, ADD(1), SEALED),
	{ "directory block: the header is zero", CLEAN, AT_DIRBLK, V_BIG, 1, WHOLE(ddirblk), ZERO, RAW, 4, 1, 1, 0,
	  P(DIRBLK_HEADER) },

	/* records with a name: the name is lost, the inode is not */
	RECORD("record: ino", AT_LIVE, 5, ino, ADD(1), RAW, TREE_NAMES, P(DIRBLK_RECORDS) | UNNAMED),
	RECORD("record: csum", AT_LIVE, 5, csum, XOR(1), RAW, TREE_NAMES, P(DIRBLK_RECORDS) | UNNAMED),
	RECORD("record: rec_len", AT_LIVE, 5, rec_len, ADD(8), RAW, TREE_NAMES, P(DIRBLK_RECORDS) | UNNAMED),
	RECORD("record: rec_len too long, sealed", AT_LIVE, 5, rec_len, SET(4096), SEALED, 0, P(DIRBLK_RECORDS)),
	RECORD("record: rec_len too short, sealed", AT_LIVE, 5, rec_len, SET(16), SEALED, 0, P(DIRBLK_RECORDS)),
	RECORD("record: rec_len 0, sealed", AT_LIVE, 5, rec_len, SET(0), SEALED, 0, P(DIRBLK_RECORDS)),
	RECORD("record: rec_len not a multiple of 8, sealed", AT_LIVE, 5, rec_len, ADD(4), SEALED, 0, P(DIRBLK_RECORDS)),
	RECORD("record: name_len", AT_LIVE, 5, name_len, ADD(-1), RAW, TREE_NAMES, P(DIRBLK_RECORDS) | UNNAMED),
	RECORD("record: name_len 0, sealed", AT_LIVE, 5, name_len, SET(0), SEALED, TREE_NAMES,
	       P(DIRBLK_RECORDS) | UNNAMED),
	RECORD("record: type", AT_LIVE, 5, type, SET(4), RAW, TREE_NAMES, P(DIRBLK_RECORDS) | UNNAMED),
	{ "record: type, sealed", CLEAN, AT_LIVE, V_BIG, 5, F(ddirent, type), SET(4), SEALED, 4, 1, 1, 0,
	  P(DIRENT_TYPE) },
	{ "record: no such type, sealed", CLEAN, AT_LIVE, V_BIG, 5, F(ddirent, type), SET(99), SEALED, 4, 1, 1, 0,
	  P(DIRENT_TYPE) },
	{ "record: name", CLEAN, AT_LIVE, V_BIG, 5, TAIL(ddirent, name), XOR(1), RAW, 4, 4, 1, TREE_NAMES,
	  P(DIRBLK_RECORDS) | UNNAMED },
	{ "record: name with a slash", CLEAN, AT_LIVE, V_BIG, 5, TAIL(ddirent, name), SET('/'), SEALED, 4, 4, 1,
	  TREE_NAMES, P(DIRENT_NAME) | UNNAMED },
	{ "record: name with a NUL", CLEAN, AT_LIVE, V_BIG, 5, TAIL(ddirent, name), SET(0), SEALED, 4, 4, 1,
	  TREE_NAMES, P(DIRENT_NAME) | UNNAMED },
	{ "record: all of it is zero", CLEAN, AT_LIVE, V_BIG, 5, WHOLE(ddirent), ZERO, RAW, 4, 4, 1, TREE_NAMES,
	  P(DIRBLK_RECORDS) | UNNAMED },

	/* free records: nothing is lost */
	RECORD("free record: csum", AT_FREE, 0, csum, XOR(1), RAW, 0, P(DIRBLK_RECORDS)),
	RECORD("free record: rec_len", AT_FREE, 0, rec_len, SET(0), RAW, 0, P(DIRBLK_RECORDS)),
	RECORD("free record: rec_len that leaves 8 bytes, sealed", AT_FREE, 0, rec_len, ADD(-8), SEALED, 0,
	       P(DIRBLK_RECORDS)),
	RECORD("free record: name_len, sealed", AT_FREE, 0, name_len, SET(1), SEALED, 0, P(DIRBLK_RECORDS)),
	RECORD("free record: type, sealed", AT_FREE, 0, type, SET(8), SEALED, 0, P(DIRBLK_RECORDS)),

	/* names and inodes */
	NAMED("name: of an inode that does not exist", V_FILE, ino, SET(UINT64_MAX), TREE_FOUND, P(DIRENT_INO) | UNNAMED),
	NAMED("name: of inode 0xffff", V_FILE, ino, SET(0xffff), TREE_FOUND, P(DIRENT_INO) | UNNAMED),
	NAMED("name: of a free inode", V_FILE, ino, INO(V_FREE), TREE_FOUND, P(DIRENT_FREE) | UNNAMED),
	NAMED("name: of the root", V_EMPTY, ino, INO(V_ROOT), TREE_FOUND,
	      P(DIRENT_ROOT) | P(DIR_UNCONNECTED) | P(NLINK)),
	NAMED("name: a directory's second", V_EMPTY, ino, INO(V_BIG), TREE_FOUND,
	      P(DIRENT_SECOND) | P(DIR_UNCONNECTED) | P(NLINK)),
	NAMED("name: directories that hold each other", V_DIR, ino, INO(V_SUB), TREE_FOUND,
	      P(DIRENT_SECOND) | P(DIR_UNCONNECTED) | P(NLINK)),
	NAMED("name: free, sealed", V_FILE, ino, SET(0), TREE_FOUND, P(DIRBLK_RECORDS) | UNNAMED),
	NAMED("name: a device's", V_CHR, ino, SET(UINT64_MAX), TREE_FOUND, P(DIRENT_INO) | UNNAMED),
	NAMED("name: one of two", V_HARD, ino, SET(UINT64_MAX), TREE_ATTRS | TREE_ENTRY, P(DIRENT_INO) | P(NLINK)),

	/* more than one change */
	{ "name: twice", CLEAN, AT_NAMED, V_BLK, 0, NAME3, SET(THREE('c', 'h', 'r')), SEALED, 4, 4, 1, TREE_FOUND,
	  P(DIRENT_DUPLICATE) | UNNAMED },
	{ "name: directories below themselves", AFTER(nested_is_dir, V_NESTED), AT_NAMED, V_DIR, 0, F(ddirent, ino),
	  INO(V_FREE), SEALED, 4, 4, 1, TREE_FOUND,
	  P(DIRENT_FREE) | P(DIRENT_TYPE) | P(DIR_PARENT) | P(DIR_LOOP) | P(NLINK) | UNNAMED },
	{ "inode: unlinked in a clean filesystem", AFTER(unnamed_file, V_IFILE), AT_INODE, V_FILE, 0, F(dinode, nlink), SET(0), SEALED, 4, 4, 1,
	  TREE_GONE, P(DIRENT_FREE) | P(ORPHAN) },

	/* whole blocks */
	{ "directory block: zero", CLEAN, AT_DIRBLK, V_SUB, 0, { "block", "*", 0, DAXFS_BLOCK_SIZE }, ZERO, RAW, 4, 4, 1,
	  TREE_NAMES, P(DIRBLK_LOST) | UNNAMED },
	{ "directory block: the root's is zero", CLEAN, AT_DIRBLK, V_ROOT, 0, { "block", "*", 0, DAXFS_BLOCK_SIZE }, ZERO,
	  RAW, 4, 4, 1, TREE_NAMES, P(DIRBLK_LOST) | UNNAMED | P(DIR_UNCONNECTED) | P(NLINK) },

	/* the unclean filesystem */
	{ "unclean: record", UNCLEAN, AT_LIVE, V_BIG, 5, F(ddirent, csum), XOR(1), RAW, 4, 4, 1, TREE_NAMES,
	  P(DIRBLK_RECORDS) | UNNAMED },
	{ "unclean: directory block", UNCLEAN, AT_DIRBLK, V_BIG, 1, F(ddirblk, csum), XOR(1), RAW, 4, 1, 1, 0,
	  P(DIRBLK_HEADER) },
};

const struct recipes recipes_dir = { table, sizeof(table) / sizeof(table[0]) };
