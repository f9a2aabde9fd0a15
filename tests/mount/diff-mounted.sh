#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# diff-mounted.sh [OPS [SEED]] -- the differential test, through the mount
#
# What must hold: random operations through system calls give the same results,
# errnos and bytes as on the model of tests/fuzz/diff.c, with direct access and
# with the kernel's page cache.  The seed is printed and reproduces.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

OPS=${1:-20000}
SEED=${2:-$(date +%s)}
DIFF=$DAXFS_BUILD/tests/fuzz/diff

umask 0	# the model knows no umask
[ -x "$DIFF" ] || skip_all "tests/fuzz/diff is not built in $DAXFS_BUILD"
setup 2G

# differ OPTIONS DIR -- one run
differ() {
	mount_fs "$1"
	mkdir "$MNT/$2"
	timeout 1800 "$DIFF" --dir "$MNT/$2" --ops "$OPS" --seed "$SEED"
	umount_fs
}

echo "diff-mounted.sh: $OPS operations, seed $SEED"
for dax in always never inode; do
	check "dax=$dax" differ "dax=$dax" "$dax"
	! is_mounted || umount_fs
done
finish
