#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# pjdfstest.sh [TEST...] -- the POSIX test suite pjdfstest on a fresh mount
#
# What must hold: every case of it passes, on a filesystem that was just made
# and is mounted by mount(8) without options.  PJDFSTEST names a built tree of
# it (github.com/pjd/pjdfstest); TEST a file or folder in its tests/.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

[ -n "${PJDFSTEST:-}" ] || skip_all "PJDFSTEST does not name a built tree of pjdfstest"
PJDFSTEST=$(cd "$PJDFSTEST" && pwd)
[ -x "$PJDFSTEST/pjdfstest" ] || skip_all "$PJDFSTEST/pjdfstest is not built"
need prove
setup 512M
chmod 711 "$WORK"

# cases -- of prove's verbose output: passed, failed
cases() {
	awk '/^ok / { p++ } /^not ok / { if (/# T[O]DO/) p++; else f++ } END { print p + 0, f + 0 }'
}

link_helper || skip_all "another mount.fuse.daxfs is installed"
mount -t fuse.daxfs "$IMG" "$MNT"
[ $# != 0 ] || set -- "$PJDFSTEST/tests"
cd "$MNT"
code=0
prove -rv "$@" >"$WORK/log" 2>&1 || code=$?
cd /
# shellcheck disable=SC2046 # two numbers
set -- $(cases <"$WORK/log")
PASSED=$1 FAILED=$2
sed -n '/^Test Summary Report/,$p' "$WORK/log"
tail -n 2 "$WORK/log"
[ $code = 0 ] || [ "$FAILED" != 0 ] || fail "prove: exit code $code"
umount_fs || fail "unmount"
"$DAXFS_BUILD/fsck.daxfs" -n "$IMG" >"$WORK/fsck" 2>&1 || { fail "fsck"; cat "$WORK/fsck"; }
finish
