/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops.c -- the table of handlers
 */
#include "fuse/ops.h"

const struct fuse_lowlevel_ops ops_table = {
	.lookup		 = op_lookup,
	.forget		 = op_forget,
	.forget_multi	 = op_forget_multi,
	.readlink	 = op_readlink,
	.mknod		 = op_mknod,
	.mkdir		 = op_mkdir,
	.symlink	 = op_symlink,
	.link		 = op_link,
	.unlink		 = op_unlink,
	.rmdir		 = op_rmdir,
	.rename		 = op_rename,
	.create		 = op_create,
	.getattr	 = op_getattr,
	.setattr	 = op_setattr,
	.statfs		 = op_statfs,
	.setxattr	 = op_setxattr,
	.getxattr	 = op_getxattr,
	.listxattr	 = op_listxattr,
	.removexattr	 = op_removexattr,
	.open		 = op_open,
	.release	 = op_release,
	.read		 = op_read,
	.write		 = op_write,
	.fsync		 = op_fsync,
	.fallocate	 = op_fallocate,
	.lseek		 = op_lseek,
	.copy_file_range = op_copy_file_range,
	.opendir	 = op_opendir,
	.releasedir	 = op_releasedir,
	.fsyncdir	 = op_fsyncdir,
	.readdir	 = op_readdir,
	.readdirplus	 = op_readdirplus,
	.ioctl		 = op_ioctl,
};
