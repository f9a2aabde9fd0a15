/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.h -- a filesystem in memory that is too simple to be wrong
 *
 * What POSIX and Linux say an operation does, and with which errno it fails,
 * the checks in the kernel's order.  No permissions (the caller is root), no
 * times, no limits of space.  Names are numbers, so that a directory is an array.
 */
#ifndef HARNESS_MODEL_H
#define HARNESS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/content.h"

#define MODEL_NAMES	96	/* names that a directory can hold: 0 .. 95 */
#define MODEL_XATTRS	12

/* Beyond MODEL_NAMES: names that are refused. */
enum { MODEL_NAME_LONG = MODEL_NAMES, MODEL_NAME_EMPTY, MODEL_NAME_DOT, MODEL_NAME_DOTDOT,
       MODEL_NAME_SLASH, MODEL_NAME_END };

struct mxattr { uint8_t *value; size_t size; bool used; };

struct mnode {
	uint64_t	 ino;		/* what the filesystem under test calls it */
	uint32_t	 mode, uid, gid, nlink;
	uint64_t	 rdev, size;
	unsigned	 opens;
	char		*target;	/* symlinks */
	struct content	 content;	/* regular files */
	struct mxattr	 xattr[MODEL_XATTRS];
	struct mnode	*parent;	/* directories; NULL once removed */
	struct mnode	*child[MODEL_NAMES];
	unsigned	 nr_children;
	unsigned	 index;		/* in model.node[] */
	bool		 linkable;	/* made by model_tmpfile(), had no name yet */
};

struct model { struct mnode *root; struct mnode **node; unsigned nr_nodes, cap; };

/* A name in a directory. */
struct mloc { struct mnode *dir; int name; };

void model_init(struct model *m);
void model_fini(struct model *m);

/* model_name - the text of a name number; 1, 2, 119 to 255 bytes and the refused ones. */
const char *model_name(int name);
/* model_name_of - the number of a text that model_name() gave, or -1. */
int model_name_of(const char *text, size_t len);
/* model_xattr_name - the text of an attribute number: user.* or (the last four) trusted.* */
const char *model_xattr_name(int x);

/* model_lookup - 0 or a negative errno. */
int model_lookup(struct mloc at, struct mnode **out);

struct mcreate { uint32_t mode, uid, gid; uint64_t rdev; const char *target; };
int model_create(struct model *m, struct mloc at, const struct mcreate *rq, struct mnode **out);
/* model_tmpfile - without a name; live while it has opens. */
struct mnode *model_tmpfile(struct model *m, struct mnode *dir, const struct mcreate *rq);
int model_link(struct mnode *node, struct mloc at);
int model_unlink(struct model *m, struct mloc at);
int model_rmdir(struct model *m, struct mloc at);
int model_rename(struct model *m, struct mloc src, struct mloc dst, unsigned flags);

/* model_depth - directories above; model_height - directories below, itself included. */
unsigned model_depth(const struct mnode *dir);
unsigned model_height(const struct mnode *dir);

void model_open(struct mnode *node);
void model_close(struct model *m, struct mnode *node);

ssize_t model_read(const struct mnode *node, void *buf, size_t len, uint64_t off);
ssize_t model_write(struct mnode *node, const void *buf, size_t len, uint64_t off);
int model_truncate(struct mnode *node, uint64_t size);
int model_fallocate(struct mnode *node, int mode, uint64_t off, uint64_t len);
/* model_chown, model_chmod - as root. */
void model_chown(struct mnode *node, uint32_t uid, uint32_t gid);
void model_chmod(struct mnode *node, uint32_t mode);

ssize_t model_getxattr(const struct mnode *node, int x, void *buf, size_t size);
int model_setxattr(struct mnode *node, int x, const struct mxattr *value, int flags);
int model_removexattr(struct mnode *node, int x);

#endif
