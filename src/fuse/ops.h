/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops.h -- one handler per FUSE operation
 *
 * Each translates, calls the engine once or twice, and replies.  The
 * arguments are those of struct fuse_lowlevel_ops.  All may run at the same
 * time in any of libfuse's threads; the engine does the locking.
 *
 * Left out on purpose: access (the kernel checks), flush (close has nothing to
 * do; ENOSYS, of libfuse, ends the requests), getlk, setlk and flock (the kernel does locks
 * of one machine by itself), bmap, poll.
 */
#ifndef FUSE_OPS_H
#define FUSE_OPS_H

#include "fuse/request.h"

/* All of the below, for fuse_session_new(). */
extern const struct fuse_lowlevel_ops ops_table;

/* ops_name.c -- names */
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned int flags);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi);

/* ops_attr.c -- attributes */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		struct fuse_file_info *fi);
/* op_reply_statx (statx.c) - the answer to a getattr that wants more (wire_is_statx()); puts one reference. */
void op_reply_statx(fuse_req_t req, struct inode *ip);
void op_statfs(fuse_req_t req, fuse_ino_t ino);
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags);
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

/* ops_file.c -- regular files */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	      struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
			struct fuse_file_info *fi_out, size_t len, int flags);
/**
 * op_hold_open - a file is opened: direct or through the kernel's cache
 * @fi: filled in, with a reference of its own as the handle; or none, if the kernel opens files by itself
 */
void op_hold_open(const struct daemon *d, struct inode *ip, struct fuse_file_info *fi);
/* op_let_go - it is closed, or the kernel did not want it: the handle's reference is given back. */
void op_let_go(const struct fuse_file_info *fi);

/* ops_read.c -- reading with no copy in the daemon, or with one */
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);

/* ops_dir.c -- directories */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);

/**
 * op_dir_changed - a name in @dir has come or gone
 *
 * Context: in the handler, before the reply: the kernel lets nobody read @dir meanwhile.
 */
void op_dir_changed(struct daemon *d, struct inode *dir);

/* ops_ioctl.c -- daxfs/ioctl.h, and the file flags of chattr(1) */
void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	      struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_size,
	      size_t out_size);

#endif
