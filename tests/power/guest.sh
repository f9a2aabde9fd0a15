#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# guest.sh -- the part of campaign.py that runs in the virtual machine
#
#	guest.sh prepare		a namespace, and a filesystem whose free space is soiled
#	guest.sh run			work until the power goes
#	guest.sh check ACKED...		judge NVDIMM after NVDIMM
#	guest.sh time MODE...		what a call takes
#
# From the environment: TARGET (ext4, daxfs, daxfs-flush: small writes wait for fsync,
# daxfs-cached: dax=never, device: no filesystem), MODE, BLOCKS, OPS and SEED for load, FLUSH=off for a daxfs whose
# flushes do nothing, DAXFS_BUILD.
set -u
load=$DAXFS_BUILD/tests/power/load
mnt=/run/mnt
mkdir -p $mnt
# shellcheck source-path=SCRIPTDIR source=programs.sh
. "$(dirname "$0")/programs.sh"
# A preloaded library stands between daxfs and libpmem: the flush that is switched off.
preload=
[ "$1 $FLUSH" != 'run off' ] || preload=$DAXFS_BUILD/tests/power/noflush.so

# Regions in the order of their NVDIMMs, which the kernel need not keep: that of addresses.
mapfile -t regions < <(for dir in /sys/bus/nd/devices/region*; do
	printf '%d %s\n' "$(cat "$dir/resource")" "${dir##*region}"
done | sort -n | cut -d ' ' -f 2)

# use_nvdimm NUMBER: what lies on it
use_nvdimm() {
	case $TARGET in
	ext4) device=/dev/pmem${regions[$1]} ;;
	*) device=/dev/dax${regions[$1]}.0 ;;
	esac
}

mount_target() {
	case $TARGET in
	ext4) mount -o dax "$device" $mnt ;;
	daxfs) LD_PRELOAD=$preload "$DAXFS_BUILD/daxfs" "$device" $mnt ;;
	daxfs-flush) LD_PRELOAD=$preload "$DAXFS_BUILD/daxfs" "$device" $mnt -o flush=3600 ;;
	daxfs-cached) LD_PRELOAD=$preload "$DAXFS_BUILD/daxfs" "$device" $mnt -o dax=never ;;
	esac
}

umount_target() {
	[ "$TARGET" = device ] || umount $mnt
}

make_filesystem() {
	case $TARGET in
	ext4) mkfs.ext4 -q -F -b 4096 -E lazy_itable_init=0,lazy_journal_init=0 "$device" ;;
	daxfs*) "$DAXFS_BUILD/mkfs.daxfs" -q -f "$device" ;;
	esac
}

# soil: what a file shows of this pattern it was not given, and has leaked
soil() {
	[ "$TARGET" != device ] || return 0
	mount_target || return
	tr '\0' '\333' </dev/zero 2>/dev/null | dd of=$mnt/soil bs=1M iflag=fullblock conv=fsync status=none 2>/dev/null
	[ "$(stat -c %s $mnt/soil)" -gt $((16 << 20)) ] && rm $mnt/soil && sync && umount_target
}

prepare() {
	mode=devdax
	[ "$TARGET" != ext4 ] || mode=fsdax
	ndctl create-namespace -f -e namespace0.0 --mode=$mode --map=mem >/dev/null && make_filesystem && soil &&
		[ "$(fsck_verdict)" = "FSCK clean" ]
}

# work ACTION [ACKED]
work() {
	path=$mnt/work
	[ "$TARGET" != device ] || path=$device
	if is_program; then
		ACKED=${2-} program "$1" $path
	else
		"$load" "$1" "$MODE" $path "$BLOCKS" "$OPS" "$SEED" ${2+"$2"}
	fi
}

fsck_target() {
	case $TARGET in
	ext4) e2fsck -fn "$device" ;;
	daxfs*) "$DAXFS_BUILD/fsck.daxfs" -n "$device" ;;
	device) ;;
	esac
}

# The daemon holds the device until it has written everything.
fsck_verdict() {
	until fsck_target >/tmp/fsck 2>&1; do
		grep -q 'in use' /tmp/fsck || { echo "FSCK errors"; cat /tmp/fsck; return; }
	done
	echo "FSCK clean"
}

# judge ACKED: the mount recovers; what is read has been recovered
judge() {
	mount_target || { echo "FSCK no mount"; return; }
	work check "$1"
	umount_target && fsck_verdict
}

check() {
	nvdimm=0
	for acked; do
		use_nvdimm $nvdimm
		echo "IMAGE $nvdimm"
		judge "$acked"
		nvdimm=$((nvdimm + 1))
	done
}

time_modes() {
	mount_target || return
	for MODE; do
		rm -rf $mnt/work
		work time
	done
	umount_target
}

action=$1
shift
use_nvdimm 0
case $action in
prepare) prepare ;;
run) mount_target && work run ;;
check) check "$@" ;;
time) time_modes "$@" ;;
esac
