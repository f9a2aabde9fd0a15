#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# inside.sh -- the part of smoke.sh that runs in the virtual machine
#
#	inside.sh first|second		the life of the machine
#
# Region 0 becomes /dev/pmem0, region 1 /dev/dax1.0.  /run/vm outlives the machine.

set -eu
# shellcheck source-path=SCRIPTDIR source=../mount/lib.sh
. "$DAXFS_SRC/tests/mount/lib.sh"
DEV=/dev/dax1.0
IMG=$DEV
MNT=/run/mnt
WORK=/run/work
FSCK=$DAXFS_BUILD/fsck.daxfs
mkdir -p "$MNT" "$WORK" /run/ext4
# Here nobody else is using that name, whatever it is on the host.
ln -sfn "$DAXFS" /sbin/mount.fuse.daxfs
ln -sfn "$UMOUNT" /sbin/umount.fuse.daxfs

# mount_dev [OPTION,...]: as fstab does it
mount_dev() {
	mount -t fuse.daxfs -o "${1:-rw}" "$IMG" "$MNT"
}

# refused PATTERN COMMAND...: fails with one line that has these words
refused() {
	pattern=$1
	shift
	denies "$@" >/dev/null 2>"$WORK/stderr"
	cat "$WORK/stderr"
	same lines 1 "$(wc -l <"$WORK/stderr")"
	grep -q -- "$pattern" "$WORK/stderr"
}

# -- devices --------------------------------------------------------------------

make_namespaces() {
	ndctl create-namespace -f -e namespace0.0 --mode=fsdax --map=mem
	ndctl create-namespace -f -e namespace1.0 --mode=devdax --map=mem
	[ -b /dev/pmem0 ]
}

is_device_dax() {
	[ -c $DEV ]
	sysfs=/sys/dev/char/$(stat -c %Hr:%Lr $DEV)
	same bus dax "$(basename "$(readlink "$sysfs/subsystem")")"
	same driver device_dax "$(basename "$(readlink "$sysfs/driver")")"
}

# says_of BACKEND SAFE DURABILITY: what daxfsctl stat tells of the mount
says_of() {
	same backend "$1" "$(fs_json backend)"
	same power_safe "$2" "$(fs_json power_safe)"
	"$CTL" stat "$MNT" | grep "^durability .*$3"
}

# -- ordinary work ----------------------------------------------------------------

tree() {
	cp -a "$DAXFS_SRC/src/pm" "$MNT/src"
	diff -r --no-dereference "$DAXFS_SRC/src/pm" "$MNT/src"
}

names() {
	cd "$MNT"
	echo one >a
	echo two >b
	mv a b
	same content one "$(cat b)"
	ln b c
	same links 2 "$(stat -c %h b)"
	ln -s c d
	same target one "$(cat d)"
	mkdir -p x/y
	mv x z
	rmdir z/y
	denies ls x
	mkfifo fifo
	chmod 640 b
	same mode 640 "$(stat -c %a c)"
}

attributes() {
	setfattr -n user.note -v 'a value' "$MNT/b"
	same attribute 'a value' "$(getfattr --only-values -n user.note "$MNT/c")"
	touch -d '2001-02-03 04:05:06.789' "$MNT/b"
}

content() {
	cd "$MNT"
	dd if="$DAXFS_BUILD/daxfs" of=big bs=64k conv=fsync status=none
	cmp "$DAXFS_BUILD/daxfs" big
	dd if=big of=big bs=4k count=3 seek=5 conv=notrunc,fdatasync status=none
	seq 5000 >>log
	seq 5000 | cmp - log
	truncate -s 3M sparse
	fallocate -o 1M -l 64K sparse
	printf x | dd of=sparse bs=1 seek=2000000 conv=notrunc oflag=sync status=none
	fallocate -p -o 0 -l 4096 log
	truncate -s 9999 log
	sync .
	sync
}

mapping() {
	python3 - "$MNT/mapped" <<-'END'
		import mmap, sys
		with open(sys.argv[1], "w+b") as f:
		    f.truncate(65536)
		    m = mmap.mmap(f.fileno(), 65536)
		    m[40000:40006] = b"mapped"
		    m.flush()
		    f.seek(40000)
		    assert f.read(6) == b"mapped"
	END
}

# manifest: everything that must be the same later on, but for the access times
manifest() (
	cd "$MNT"
	find . -printf '%p %y %m %n %s %T@ %l\n' | sort
	find . -type f -exec md5sum {} + | sort -k 2
	getfattr -d b
)

remounts_the_same() {
	mount_dev ro
	same unmount true "$(fs_json was_clean)"
	manifest >"$WORK/now"
	umount_fs
	diff /run/vm/manifest "$WORK/now"
}

use() {
	check "mkfs.daxfs" "$MKFS" -L smoke $DEV
	check "mount -t fuse.daxfs" mount_dev
	check "daxfsctl stat: device-DAX, clwb, survives" says_of device-DAX true 'clwb + sfence; survives power loss'
	check "a tree" tree
	check "names" names
	check "extended attributes" attributes
	check "content, fsync, sync" content
	check "unmount" umount_fs
	check "mount -o dax=never" mount_dev dax=never
	check "a shared mapping" mapping
	check "manifest" eval 'manifest >/run/vm/manifest'
	check "unmount again" umount_fs
	check "fsck.daxfs -n" "$FSCK" -n $DEV
	check "mount again: the same" remounts_the_same
	check "request_timeout=: the log says that this kernel cannot" no_timeout
}

# The kernel of Debian 12 has no request timeouts: mounted all the same, with a line of the log.
no_timeout() {
	"$DAXFS" -f "$IMG" "$MNT" -o request_timeout=20 2>"$WORK/log" &
	for _ in $(seq 100); do
		! is_mounted || break
		sleep 0.1
	done
	ls "$MNT"
	umount_fs
	wait
	cat "$WORK/log"
	same "lines" "$(if is_kernel 6.15; then echo 0; else echo 1; fi)" "$(grep -c 'request_timeout=20.*Linux 6.15' "$WORK/log")"
}

# -- other kinds of device -----------------------------------------------------------

# round_trip BACKEND SAFE DURABILITY: on $IMG
round_trip() {
	"$MKFS" -q -f "$IMG"
	mount_dev
	says_of "$@"
	echo text >"$MNT/file"
	umount_fs
	"$FSCK" -n "$IMG"
	mount_dev
	same content text "$(cat "$MNT/file")"
	umount_fs
}

other_devices() {
	IMG=/dev/pmem0
	check "a pmem block device" round_trip 'pmem block device' true 'msync'
	mkfs.ext4 -q -F -b 4096 /dev/pmem0
	mount -o dax /dev/pmem0 /run/ext4
	truncate -s 32M /run/ext4/image.img
	check "mkfs.daxfs on a mounted device" refused 'unmount it first' "$MKFS" -f $IMG
	IMG=/run/ext4/image.img
	check "a file on ext4-dax" round_trip 'file on fs-dax' true 'clwb + sfence; survives power loss'
	umount /run/ext4
	IMG=/dev/shm/image.img
	truncate -s 32M $IMG
	check "a file in tmpfs" round_trip 'file on tmpfs' false 'do not survive power loss'
	"$DAXFS" $IMG "$MNT" 2>"$WORK/warning"
	umount_fs
	check "mounting it warns" grep -q 'warning: .*do not survive power loss' "$WORK/warning"
	IMG=$DEV
}

# -- devices that are unusable ----------------------------------------------------------

# unusable PATTERN: for every program
unusable() {
	refused "$1" "$MKFS" -f $DEV
	refused "$1" "$MKFS" -f -s 64M $DEV
	[ ! -f $DEV ]
	refused "$1" "$DAXFS" $DEV "$MNT"
	refused "$1" "$FSCK" -n $DEV
}

in_use() {
	mount_dev
	refused 'unmount it first' "$MKFS" -f $DEV
	refused 'in use' "$DAXFS" $DEV /run/ext4
	umount_fs
}

# Not a check when this kernel refuses to take the namespace as memory.
as_memory() {
	modprobe kmem || { skip "system RAM: no kmem"; return; }
	if daxctl reconfigure-device --mode=system-ram --no-online dax1.0 >"$WORK/daxctl" 2>&1; then
		check "as system RAM" unusable "'daxctl reconfigure-device --mode=devdax --force dax1.0'"
		daxctl reconfigure-device --mode=devdax --force dax1.0 >"$WORK/daxctl" 2>&1
		check "as the sentence says" "$FSCK" -n $DEV
	else
		skip "system RAM: $(head -n 1 "$WORK/daxctl")"
	fi
}

bad_input() {
	check "in use" in_use
	check "larger than the device" refused "'ndctl create-namespace --size'" "$MKFS" -f -s 1G $DEV
	rmmod device_dax
	check "no device_dax" unusable "'modprobe device_dax'"
	modprobe device_dax
	rmmod dax_pmem
	check "no dax_pmem" unusable "'modprobe dax_pmem'"
	modprobe dax_pmem
	as_memory
	ndctl disable-namespace namespace1.0
	check "disabled namespace" unusable "'ndctl enable-namespace namespace1.0'"
	ndctl enable-namespace namespace1.0
	check "as the sentence says" "$FSCK" -n $DEV
}

wrong_mode() {
	ndctl create-namespace -f -e namespace1.0 --mode=fsdax --map=mem >"$WORK/ndctl"
	check "namespace in fsdax mode" unusable "'ndctl create-namespace -f -e namespace1.0 --mode=devdax'"
	ndctl create-namespace -f -e namespace1.0 --mode=devdax --map=mem --align=4096 >"$WORK/ndctl"
	check "alignment of 4 KiB" round_trip device-DAX true 'survives power loss'
}

# -- the two lives ----------------------------------------------------------------------

case $1 in
first)
	check "namespaces" make_namespaces
	check "$DEV is device-DAX" is_device_dax
	use
	other_devices
	bad_input
	;;
second)
	check "$DEV after a reboot" is_device_dax
	check "the same after a reboot" remounts_the_same
	check "fsck.daxfs -n" "$FSCK" -n $DEV
	wrong_mode
	;;
esac
finish
