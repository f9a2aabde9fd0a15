/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tree.h -- all that can be seen of a filesystem: names, attributes, content
 */
#ifndef CRASH_TREE_H
#define CRASH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/fs.h"
#include "harness/content.h"

#define POISON	0xa5		/* free media are full of it; nobody writes it */

struct tree_node {
	uint64_t ino;
	struct iattr a;
	uint64_t xattrs;	/* hash of names and values, whatever their order */
	uint64_t target;	/* hash of a symlink's */
	struct content content;	/* regular files */
	bool dirty_tail;	/* poison lies behind the end, in the last block */
	unsigned durable;	/* the step since which the content is durable; kept by the explorer */
	unsigned times_durable;	/* the same of the times */
};

struct tree_name { uint64_t dir, hash, ino; };

struct tree {
	struct tree_node *node;		/* in the order they were found */
	size_t nr_nodes, cap_nodes;
	struct tree_name *name;		/* sorted */
	size_t nr_names, cap_names;
	uint32_t *index;		/* ino -> position in node + 1 */
	size_t nr_index;
	bool clean;		/* the media say: unmounted */
};

/* tree_load - walk everything from the root.  0 or the negative errno that stopped it, said in @why. */
int tree_load(struct tree *t, struct fs *fs, char why[160]);
void tree_free(struct tree *t);

/* tree_find - NULL when there is no such inode. */
const struct tree_node *tree_find(const struct tree *t, uint64_t ino);

/*
 * tree_differs - names and attributes, without times and content
 * Return: false, or true with the first difference in @why.
 */
bool tree_differs(const struct tree *is, const struct tree *want, char why[160]);

#endif
