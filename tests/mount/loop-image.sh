#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# loop-image.sh -- an ext4 in a file of daxfs, mounted through a loop device
#
# What must hold: mkfs.ext4 on a sparse file, a tree copied into its mount, and
# e2fsck are content; after daxfs was mounted anew, the tree is what it was, and
# blocks that the ext4 discarded are holes of the file.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need mkfs.ext4 e2fsck losetup fstrim rsync
modprobe loop 2>/dev/null || true
losetup -f >/dev/null 2>&1 || skip_all "there are no loop devices"
setup 512M
FILE=$MNT/disk
INNER=$WORK/mnt.inner
TREE=/usr/include
mkdir "$INNER"

mount_inner() {
	mount -o loop,discard "$FILE" "$INNER"
}

make_ext4() {
	truncate -s 400M "$FILE"
	mkfs.ext4 -q -F "$FILE"
	mount_inner
}

copy_tree() {
	rsync -aH "$TREE"/ "$INNER/tree/"
	dd if=/dev/urandom of="$INNER/big" bs=1M count=40 2>/dev/null
	sha256sum "$INNER/big" >"$WORK/sum"
}

tree_holds() {
	same "differences" '' "$(rsync -aHi --checksum --dry-run --delete "$TREE"/ "$INNER/tree/")"
	sha256sum -c --quiet "$WORK/sum"
}

blocks() {
	stat -c %b "$FILE"
}

discard() {
	sync -f "$INNER"
	before=$(blocks)
	rm "$INNER/big"
	sync -f "$INNER"
	fstrim "$INNER"
	[ "$(blocks)" -le $((before - 40 * 2048 + 2048)) ] || {
		echo "$before sectors before 40 MiB were discarded, $(blocks) after"
		return 1
	}
}

mount_fs
check "mkfs.ext4 on a file, mounted through a loop device" make_ext4
check "a tree is copied into it" copy_tree
check "unmount the inner one" patient_umount "$INNER"
check "e2fsck" e2fsck -f -n "$FILE"
check "unmount and mount daxfs" remount_fs
check "mount the inner one" mount_inner
check "the tree is what it was" tree_holds
check "discarded blocks become a hole" discard
check "unmount the inner one" patient_umount "$INNER"
check "e2fsck" e2fsck -f -n "$FILE"
check "unmount" umount_fs
finish
