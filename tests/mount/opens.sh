#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# opens.sh -- what holds of open files, whether the kernel tells of them or not
#
# What must hold, with dax=always, inode and never: a file is what it was for who has it open,
# whatever becomes of its name and of what the kernel has cached; O_TRUNC takes
# content, set-id bits and capabilities; O_TMPFILE works, also first after the mount; what is
# closed claims no more space than it holds, and all there is can be used.  With
# dax=never a mount's first opens, many at once, are the only ones that the daemon hears of.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need python3
setup 128M

opens() {
	python3 "$DAXFS_SRC/tests/mount/opens.py" "$1" "$MNT/${2:-$1}"
}

first_is_tmpfile() {
	remount_fs "$1"
	opens first-tmpfile
	opens tmpfile after-it
}

# What is heard of opens: nothing, once the first of each kind, at most 24 at once, was answered.
at_once() {
	opens old-files at-once
	remount_fs "$1"
	opens at-once
	[ "$1" = dax=never ] || return 0
	before="$(fs_json open) $(fs_json create) $(fs_json release)"
	echo "opens, creates and releases: $before"
	[ "$(fs_json open)" -le 24 ]
	[ "$(fs_json create)" -le 8 ]
	same "releases" 0 "$(fs_json release)"
	opens old-files again
	opens at-once again
	same "then" "$before" "$(fs_json open) $(fs_json create) $(fs_json release)"
}

# first_block FILE -- where it lies on the device
first_block() {
	"$CTL" extents "$1" | awk '$1 == "0" { print $3; exit }'
}

# The second file lies behind the blocks that the first may grow into; the third, a while
# later, among them.  Whoever asks for free space meanwhile has them given back too early.
grown_files_let_go() {
	for round in 1 2 3 4 5; do
		for _ in 1 2 3; do cat "$WORK/pattern"; done >"$MNT/grown$round"
		cp "$WORK/pattern" "$MNT/at-once$round"
		sleep 2.5
		cp "$WORK/pattern" "$MNT/later$round"
		second=$(first_block "$MNT/at-once$round") third=$(first_block "$MNT/later$round")
		echo "round $round: ${second:?} ${third:?}"
		[ "$third" -gt "$second" ] || return 0
	done
	return 1
}

for mode in dax=always dax=inode dax=never; do
	mount_fs $mode
	for name in unlinked tmpfile truncating set-id-bits created-without-permission program claimed full churn; do
		check "$mode: $name" opens $name
		rm -rf "${MNT:?}/$name"
	done
	check "$mode: O_TMPFILE first" first_is_tmpfile $mode
	check "$mode: the first opens of a mount, at once" at_once $mode
	check "unmount" umount_fs
	"$MKFS" -q -f "$IMG"
done
head -c 4096 /dev/urandom >"$WORK/pattern"
mount_fs dax=never,flush=1
check "dax=never: blocks to grow into are given back after a while" grown_files_let_go
check "unmount" umount_fs
finish
