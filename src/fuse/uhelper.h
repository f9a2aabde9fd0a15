/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uhelper.h -- umount(8) is told to call umount.fuse.daxfs
 */
#ifndef FUSE_UHELPER_H
#define FUSE_UHELPER_H

/**
 * uhelper_register - leave word for umount(8) that a mount has a helper
 * @dir: mount point, served by now
 *
 * Does nothing for users, whose umount(8) finds the helper, and when none is
 * installed.  Without it everything works, but umount(8) does not wait.
 *
 * Context: runs mount(8), which mounts nothing.
 */
void uhelper_register(const char *dir);

#endif
