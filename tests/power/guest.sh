#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# guest.sh -- the part of campaign.py that runs in the virtual machine
#
#	guest.sh prepare|run|check|time
#
# From the environment: TARGET (ext4, daxfs, daxfs-cached: dax=never, device: no
# filesystem), MODE, BLOCKS, OPS, SEED and ACKED for load, FLUSH=off for a daxfs
# whose flushes do nothing, DAXFS_BUILD.
set -u
load=$DAXFS_BUILD/tests/power/load
mnt=/run/mnt
mkdir -p $mnt
# A preloaded library stands between daxfs and libpmem: the flush that is switched off.
preload=
[ "$1 $FLUSH" != 'run off' ] || preload=$DAXFS_BUILD/tests/power/noflush.so

mount_target() {
	case $TARGET in
	ext4) mount -o dax /dev/pmem0 $mnt ;;
	daxfs) LD_PRELOAD=$preload "$DAXFS_BUILD/daxfs" /dev/dax1.0 $mnt ;;
	daxfs-cached) LD_PRELOAD=$preload "$DAXFS_BUILD/daxfs" /dev/dax1.0 $mnt -o dax=never ;;
	esac
}

# umount_target: and wait for the daemon, which holds the device
umount_target() {
	pid=$(pgrep -x daxfs)
	umount $mnt || return
	for _ in $(seq 300); do
		[ -n "$pid" ] && [ -d "/proc/$pid" ] || return 0
		sleep 0.1
	done
	return 1
}

prepare() {
	ndctl create-namespace -f -e namespace0.0 --mode=fsdax --map=mem >/dev/null &&
		ndctl create-namespace -f -e namespace1.0 --mode=devdax --map=mem >/dev/null || return
	case $TARGET in
	ext4) mkfs.ext4 -q -F -b 4096 -E lazy_itable_init=0,lazy_journal_init=0 /dev/pmem0 ;;
	daxfs*) "$DAXFS_BUILD/mkfs.daxfs" -q -f /dev/dax1.0 ;;
	esac
}

work() {
	path=$mnt/work
	[ "$TARGET" != device ] || path=/dev/dax1.0
	"$load" "$1" "$MODE" $path "$BLOCKS" "$OPS" "$SEED" ${2+"$2"}
}

fsck_target() {
	case $TARGET in
	ext4) e2fsck -fn /dev/pmem0 ;;
	daxfs*) "$DAXFS_BUILD/fsck.daxfs" -n /dev/dax1.0 ;;
	esac
}

# The mount recovers; what the judge reads has been recovered.
check() {
	mount_target || { echo "CHECK no mount"; return 4; }
	work check "$ACKED"
	code=$?
	[ "$TARGET" = device ] || umount_target || return 4
	if fsck_target >/tmp/fsck 2>&1; then
		echo "FSCK clean"
	else
		echo "FSCK errors"
		cat /tmp/fsck
	fi
	return $code
}

case $1 in
prepare) prepare ;;
run) mount_target && work run ;;
check) check ;;
time) mount_target && work time ;;
esac
