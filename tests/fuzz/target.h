/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * target.h -- what the differential test drives: the engine, or a mount
 *
 * The same operations for both.  All return 0 or a byte count, or a negative
 * errno.  Directories are named by their model node, descriptors by a small
 * number that the test hands out.
 */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/model.h"

#define TARGET_FDS	16

struct tstat { uint64_t ino, size, blocks /* of 4096 */, rdev; uint32_t mode, nlink, uid, gid; };
struct tattr { uint64_t size; uint32_t mode, uid, gid; unsigned mask; };
#define TATTR_SIZE	1u
#define TATTR_MODE	2u
#define TATTR_OWNER	4u
struct tio { void *buf; size_t len; uint64_t off; unsigned flags; };
#define TIO_APPEND	1u
#define TIO_DSYNC	2u
struct tspace { int mode; uint64_t off, len; };
struct txattr { int x; void *value; size_t size; int flags; };
struct tentry { const char *name; size_t len; uint64_t ino; unsigned type; };
typedef void (*temit)(void *arg, const struct tentry *e);

struct target;

struct target_ops {
	int (*stat)(struct target *t, struct mloc at, struct tstat *st);
	int (*create)(struct target *t, struct mloc at, const struct mcreate *rq);
	int (*link)(struct target *t, struct mloc src, struct mloc dst);
	int (*unlink)(struct target *t, struct mloc at);
	int (*rmdir)(struct target *t, struct mloc at);
	int (*rename)(struct target *t, struct mloc src, struct mloc dst, unsigned flags);
	int (*readlink)(struct target *t, struct mloc at, char *buf, size_t size);
	int (*readdir)(struct target *t, struct mnode *dir, temit emit, void *arg);

	int (*open)(struct target *t, struct mloc at, int fd);
	int (*tmpfile)(struct target *t, struct mnode *dir, const struct mcreate *rq, int fd);
	int (*linkfd)(struct target *t, int fd, struct mloc dst);
	void (*close)(struct target *t, int fd);
	int (*fstat)(struct target *t, int fd, struct tstat *st);
	int (*setattr)(struct target *t, int fd, const struct tattr *a);
	ssize_t (*read)(struct target *t, int fd, const struct tio *io);
	ssize_t (*write)(struct target *t, int fd, const struct tio *io);
	int (*fallocate)(struct target *t, int fd, const struct tspace *s);
	off_t (*seek)(struct target *t, int fd, off_t off, int whence);
	int (*fsync)(struct target *t, int fd, bool data_only);

	ssize_t (*getxattr)(struct target *t, struct mloc at, const struct txattr *xa);
	int (*setxattr)(struct target *t, struct mloc at, const struct txattr *xa);
	ssize_t (*listxattr)(struct target *t, struct mloc at, char *list, size_t size);
	int (*removexattr)(struct target *t, struct mloc at, int x);

	int (*sync)(struct target *t);
	uint64_t (*bfree)(struct target *t);	/* blocks of 4096 bytes */
};

/*
 * One per thread.  @in_engine: refused names, directories that were removed,
 * and descriptors of directories can be tried.
 */
struct target { const struct target_ops *ops; struct model *model; bool in_engine; };

struct fs;

/* target_engine - @top is the directory in @fs that plays the model's root. */
struct target *target_engine(struct fs *fs, uint64_t top, struct model *m);
/* target_engine_moved - after a remount. */
void target_engine_moved(struct target *t, struct fs *fs);

/* target_mount - @path is an existing directory.  NULL with errno. */
struct target *target_mount(const char *path, struct model *m);

/* target_free - all descriptors are closed. */
void target_free(struct target *t);

#endif
