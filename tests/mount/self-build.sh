#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# self-build.sh -- daxfs is built on daxfs
#
# What must hold: a clone of the repository at DAXFS_SRC, made in a daxfs mount,
# configures and builds there, and its unit tests pass there; git finds the
# clone sound after a remount.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need git autoreconf make cc pkg-config
git -c safe.directory='*' -C "$DAXFS_SRC" rev-parse HEAD >/dev/null 2>&1 ||
	skip_all "$DAXFS_SRC is not a git repository"
setup 4G

clone() {
	git -c safe.directory='*' clone -q --no-hardlinks "$DAXFS_SRC" "$MNT/clone"
}

in_clone() {
	cd "$MNT/clone"
	"$@"
}

build() {
	in_clone make -j4
}


unit_tests() {
	in_clone make -j"$(nproc)" tests/unit/unit
	in_clone tests/unit/unit
}

sound() {
	git -c safe.directory='*' -C "$MNT/clone" fsck --full
	git -c safe.directory='*' -C "$MNT/clone" diff --exit-code --stat
}

mount_fs
check "git clone" clone
check "autogen.sh" in_clone ./autogen.sh
check "configure" in_clone ./configure
check "make" build
if grep -q 'tests/unit/unit' "$MNT/clone/Makefile.am"; then
	check "unit tests" unit_tests
else
	skip "unit tests: Makefile.am of the clone has no tests/unit/unit"
fi
check "unmount and mount" remount_fs
check "git finds the clone sound and unchanged" sound
check "the built program runs" in_clone ./daxfs --version
check "unmount" umount_fs
finish
