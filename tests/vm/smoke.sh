#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# smoke.sh -- daxfs on real device-DAX, in a virtual machine
#
# What must hold: mkfs.daxfs, mount(8), ordinary work, unmount and fsck.daxfs on
# a device-DAX character device; the same content after a reboot; on block
# devices and on files of ext4-dax too; and for each way in which a device can
# be unusable one sentence with the command that mends it.
#
# From the environment: DAXFS_BUILD, DAXFS_SRC and DAXFS_SHM as in tests/mount/lib.sh.
# Ends with "N passed, N failed, N skipped"; exits 77 without QEMU or a kernel for it.
set -u
DAXFS_SRC=$(cd "${DAXFS_SRC:-$(dirname "$0")/../..}" && pwd)
DAXFS_BUILD=$(cd "${DAXFS_BUILD:-.}" && pwd)
export DAXFS_SRC DAXFS_BUILD
work=$(mktemp -d)
media=$(mktemp -d "${DAXFS_SHM:-/dev/shm}/vmXXXXXX")
trap 'rm -rf "$work" "$media"' EXIT
trap 'exit 130' INT TERM HUP
truncate -s 128M "$media/nv0"
truncate -s 384M "$media/nv1"	# system RAM comes in blocks of 128 MiB
passed=0 failed=0 skipped=0

# boot PART: one life of the machine, its checks added up
boot() {
	bash "$DAXFS_SRC/contrib/vm/run" -t 600 -n "$media/nv0" -n "$media/nv1" -o "$work" \
		-e DAXFS_SRC="$DAXFS_SRC" -e DAXFS_BUILD="$DAXFS_BUILD" \
		bash "$DAXFS_SRC/tests/vm/inside.sh" "$1" >"$work/$1.log" 2>&1
	code=$?
	cat "$work/$1.log"
	[ $code != 77 ] || exit 77
	read -r p f s <<<"$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped\r?$/\1 \2 \3/p' "$work/$1.log")"
	if [ -z "${s:-}" ]; then
		echo "FAIL  the machine's $1 boot ended early, exit code $code"
		p=0 f=1 s=0
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

boot first
[ $failed != 0 ] || boot second
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
