#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# handle.sh -- file handles, as the kernel's NFS server uses them
#
# What must hold: a handle opens what it was taken of, with its content and, for
# a directory, its parent, after the kernel forgot all about it, after unmounting,
# and after the daemon was killed; and is ESTALE, also then, once that has gone
# and another inode has its number.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

PROGRAM=$DAXFS_SRC/tests/mount/handle.py

need python3
setup 64M

handles() {
	python3 "$PROGRAM" "$@"
}

forget() {
	sync -f "$MNT"
	echo 2 >/proc/sys/vm/drop_caches
}

mount_fs
check "a tree" handles make "$MNT"
check "handles of all in it" handles take "$MNT" "$WORK/state"
check "they open it" handles check "$MNT" "$WORK/state"
if [ -w /proc/sys/vm/drop_caches ]; then
	check "the kernel forgets" forget
	check "they open it" handles check "$MNT" "$WORK/state"
else
	skip "the kernel's caches cannot be dropped here"
fi
check "unmount and mount" remount_fs
check "they open it" handles check "$MNT" "$WORK/state"
check "the daemon is killed; mount" kill_and_mount
check "they open it" handles check "$MNT" "$WORK/state"
check "another tree has its numbers" handles replace "$MNT" "$WORK/state"
check "they are stale" handles stale "$MNT" "$WORK/state"
check "unmount and mount" remount_fs
check "they are stale" handles stale "$MNT" "$WORK/state"
check "the daemon is killed; mount" kill_and_mount
check "they are stale" handles stale "$MNT" "$WORK/state"
umount_fs
finish
