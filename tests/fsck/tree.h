/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tree.h -- everything that users of a filesystem can see of it, and what differs
 *
 * Taken through the engine: inodes by number with all that is in them, and
 * names.  Comparing two such trees says what has become of the one inode that
 * a case is about; that anything else differs is an error.
 */
#ifndef TESTS_FSCK_TREE_H
#define TESTS_FSCK_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/dinode.h"

struct fs;

struct tree_inode {
	uint64_t ino;
	struct iattr a;
	uint32_t content;	/* of files: bytes and extents; of symlinks: the target */
	uint32_t xattrs;	/* names and values, in any order */
};

struct tree_name { uint64_t dir, ino; unsigned type; char name[256]; };

struct tree {
	struct tree_inode *inode;	/* by number */
	size_t nr_inodes, cap_inodes;
	struct tree_name *name;		/* by directory and name */
	size_t nr_names, cap_names;
};

enum tree_differs {
	TREE_ATTRS = 0x01,	/* attributes other than size and blocks */
	TREE_SIZE = 0x02,	/* size or blocks */
	TREE_CONTENT = 0x04,	/* bytes, extents, target */
	TREE_XATTRS = 0x08,
	TREE_GONE = 0x10,	/* no such inode any more, and no name for it */
	TREE_FOUND = 0x20,	/* its name is lost; it is in /lost+found */
	TREE_ENTRY = 0x40,	/* one of its names is lost, another is there */
	TREE_NAMES = 0x80,	/* a directory: names are lost; those inodes are in /lost+found */
};

/* tree_take - 0, or what the engine said; @why then says where. */
int tree_take(struct tree *t, struct fs *fs, char why[512]);
void tree_free(struct tree *t);

/* What may have changed: one inode in any way, and the name of another one. */
struct tree_change { uint64_t victim, found; };

/**
 * tree_compare - what has become of one inode, and that nothing else has changed
 * @what:    the victim, and an inode that must be in /lost+found or UINT64_MAX
 * @differs: out, enum tree_differs of the victim
 *
 * Not counted: /lost+found appearing in the root directory with what belongs
 * there; the link count of a directory that lost the victim.
 *
 * Return: true, or false with another difference in @why.
 */
bool tree_compare(const struct tree *before, const struct tree *after, const struct tree_change *what,
		  unsigned *differs, char why[512]);

#endif
