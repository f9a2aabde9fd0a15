#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# bad-input.sh -- wrong options, sizes, devices and filesystems
#
# What must hold: each is refused with one line on standard error, nothing on
# standard output, and the exit code of the man page (mkfs.daxfs and daxfsctl 1;
# daxfs and the mount helper 1 for wrong usage, 32 when the mount fails); the
# image keeps its length and every byte, and nothing gets mounted.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# -- refusals ------------------------------------------------------------------

# state -- what must not change: length and content of TARGET
state() {
	if [ ! -e "$TARGET" ]; then
		echo absent
	elif [ -f "$TARGET" ] && [ "$(stat -c %s "$TARGET")" -gt 1073741824 ]; then
		stat -c 'length %s' "$TARGET"
	else
		cksum <"$TARGET"
	fi
}

# refused CODE COMMAND... -- inside check
refused() {
	want=$1
	shift
	before=$(last_state)
	rm -f "$WORK/state"
	code=0
	timeout 30 "$@" </dev/null >"$WORK/stdout" 2>"$WORK/stderr" || code=$?
	cat "$WORK/stderr"
	same "exit code" "$want" "$code"
	same "lines on standard error" 1 "$(wc -l <"$WORK/stderr")"
	same "standard output" '' "$(cat "$WORK/stdout")"
	state >"$WORK/state"
	same "$TARGET" "$before" "$(cat "$WORK/state")"
	denies is_mounted
}

# last_state -- as after the last refusal, if nothing else touched TARGET since
last_state() {
	if [ -e "$WORK/state" ] && [ "$(cat "$WORK/target")" = "$TARGET" ] && [ -e "$TARGET" ] &&
		[ -z "$(find "$TARGET" -newer "$WORK/state")" ]; then
		cat "$WORK/state"
	else
		echo "$TARGET" >"$WORK/target"
		state
	fi
}

# says PATTERN -- a check of the last sentence
says() {
	check "  says \"$1\"" grep -qi -- "$1" "$WORK/stderr"
}

# bad CODE COMMAND... -- a check named like the command, with the sentence below
bad() {
	code=$1
	shift
	check "$(echo "$*" | sed "s|$DAXFS_BUILD/||g; s|$IMG|IMG|g; s|$MNT|DIR|g; s|$WORK/||g; s|^timeout [0-9]* ||") -> $code" \
		refused "$code" "$@"
	sed 's/^/        /' "$WORK/stderr"
	! is_mounted || umount_fs "$TARGET"
}

# fine COMMAND... -- inside check: exit code 0 and nothing on standard error
fine() {
	"$@" >"$WORK/stdout" 2>"$WORK/stderr"
	same "standard error" '' "$(cat "$WORK/stderr")"
	[ -s "$WORK/stdout" ]
}

sparse() {
	rm -f "$2"
	truncate -s "$1" "$2"
}

copy_image() {
	rm -f "$1"
	cp --sparse=always "$IMG" "$1"
}

AS_NOBODY='setpriv --reuid=65534 --regid=65534 --clear-groups'

# bad_for_nobody CODE PROGRAM ARGUMENT...
bad_for_nobody() {
	code=$1
	shift
	if $AS_NOBODY "$1" --version >/dev/null 2>&1; then
		chmod 600 "$IMG"
		# shellcheck disable=SC2086 # a list of words
		bad "$code" $AS_NOBODY "$@"
	else
		skip "$(basename "$1") as another user: it cannot run the program"
	fi
}

# -- help ----------------------------------------------------------------------

help_texts() {
	for program in "$MKFS" "$DAXFS" "$HELPER_LINK" "$CTL"; do
		for option in -h --help -V --version; do
			check "$(basename "$program") $option" fine "$program" $option
		done
	done
}

# -- mkfs.daxfs ----------------------------------------------------------------

mkfs_usage() {
	bad 1 "$MKFS"
	bad 1 "$MKFS" "$IMG" "$IMG"
	bad 1 "$MKFS" ""
	bad 1 "$MKFS" -Z -f "$IMG"
	bad 1 "$MKFS" --bogus -f "$IMG"
	bad 1 "$MKFS" --force=yes "$IMG"
	bad 1 "$MKFS" -f "$IMG" -s
	bad 1 "$MKFS" -f "$IMG" -L
	bad 1 "$MKFS" -f -U bogus "$IMG"
	bad 1 "$MKFS" -f -U "" "$IMG"
	bad 1 "$MKFS" -f -U 00000000-0000-0000-0000-000000000000 "$IMG"
	bad 1 "$MKFS" -f -L "$(printf '%064d' 0)" "$IMG"
}

mkfs_sizes() {
	for size in "" abc -1 -8M 0 1 4096 7M 8191K 64X 64MX 1.5G 0x4000000 "64 M" 99999999999999999999 \
		18446744073709551615 16777216T 99999999T; do
		bad 1 "$MKFS" -f -s "$size" "$IMG"
	done
	for place in "$IMG" "$WORK/file"; do
		TARGET=$place.zeros
		sparse 64M "$TARGET"
		bad 1 "$MKFS" -s 1000000T "$TARGET"
		rm -f "$TARGET"
		TARGET=$place.new
		bad 1 "$MKFS" -s 7M "$TARGET"
		bad 1 "$MKFS" -s 1000000T "$TARGET"
		bad 1 "$MKFS" -s 64M -U bogus "$TARGET"
		rm -f "$TARGET"
	done
	TARGET=$IMG
}

keeps_length() {
	sparse 64M "$WORK/long.img"
	"$MKFS" -q -s 8M "$WORK/long.img"
	same length 67108864 "$(stat -c %s "$WORK/long.img")"
}

mkfs_places() {
	bad 1 "$MKFS" "$WORK/absent.img"
	bad 1 "$MKFS" -s 64M "$WORK/no/such/dir.img"
	bad 1 "$MKFS" "$WORK"
	bad 1 "$MKFS" -s 64M "$WORK"
	bad 1 "$MKFS" -f /dev/null
	bad 1 "$MKFS" -f -s 64M /dev/zero
	mkfifo "$WORK/fifo"
	bad 1 "$MKFS" -f "$WORK/fifo"
	sparse 8388607 "$WORK/short.img"
	for TARGET in "$WORK/short.img" "$WORK/empty.img"; do
		touch "$TARGET"
		bad 1 "$MKFS" "$TARGET"
		bad 1 "$MKFS" -f "$TARGET"
	done
	TARGET=$IMG
	bad_for_nobody 1 "$MKFS" -f "$IMG"
	bad_for_nobody 1 "$MKFS" -f -s 128M "$IMG"
}

# in_use DEVICE -- locked by another program
in_use() {
	exec 9<>"$IMG"
	flock -n 9
	bad 1 "$MKFS" -f "$IMG"
	bad 1 "$MKFS" -f -s 128M "$IMG"
	bad 32 "$DAXFS" "$IMG" "$MNT"
	bad 32 "$DAXFS" "$IMG" "$MNT" -o ro
	exec 9>&-
}

# foreign TEXT FILE MAKER... -- refused by mkfs without -f, by daxfs always
foreign() {
	name=$1
	TARGET=$WORK/foreign.img
	sparse 64M "$TARGET"
	shift
	if "$@" "$TARGET" >"$WORK/maker" 2>&1; then
		bad 1 "$MKFS" "$TARGET"
		bad 1 "$MKFS" -s 128M "$TARGET"
		bad 32 "$DAXFS" "$TARGET" "$MNT"
		bad 32 "$DAXFS" "$TARGET" "$MNT" -o ro
		bad 32 "$DAXFS" "$TARGET" "$MNT" -o sb=copy
	else
		skip "$name: $1 cannot make it: $(head -n 1 "$WORK/maker")"
	fi
	TARGET=$IMG
}

partition() {
	echo 'label: gpt' | sfdisk -q "$1"
}

others_content() {
	bad 1 "$MKFS" "$IMG"
	bad 1 "$MKFS" -s 128M "$IMG"
	foreign ext4 mkfs.ext4 -q
	foreign swap mkswap
	foreign "partition table" partition
	TARGET=$WORK/zeros.img
	sparse 64M "$TARGET"
	bad 32 "$DAXFS" "$TARGET" "$MNT"
	bad 32 "$DAXFS" "$TARGET" "$MNT" -o sb=copy
	TARGET=$IMG
}

# -- block devices -------------------------------------------------------------

# read_only_device LOOP
read_only_device() {
	bad 1 "$MKFS" -f "$1"
	says 'read-only\|permitted\|denied'
	bad 32 "$DAXFS" "$1" "$MNT"
	says 'read-only\|permitted\|denied'
	bad 32 "$DAXFS" "$1" "$MNT" -o sb=copy
}

# mounted_device LOOP -- ext4 is mounted from it
mounted_device() {
	mkdir "$WORK/mnt-ext4"
	mkfs.ext4 -q -F "$1"
	mount "$1" "$WORK/mnt-ext4"
	sync -f "$WORK/mnt-ext4"
	bad 1 "$MKFS" -f "$1"
	bad 32 "$DAXFS" "$1" "$MNT"
	umount "$WORK/mnt-ext4"
}

block_devices() {
	if ! loop=$(losetup -f --show -r "$IMG" 2>&1); then
		skip "block devices: $loop"
		return
	fi
	read_only_device "$loop"
	losetup -d "$loop"
	TARGET=$WORK/ext4.img
	sparse 64M "$TARGET"
	loop=$(losetup -f --show "$TARGET")
	bad 1 "$MKFS" -f -s 128M "$loop"
	if command -v mkfs.ext4 >/dev/null; then mounted_device "$loop"; else skip "mounted ext4: no mkfs.ext4"; fi
	losetup -d "$loop"
	TARGET=$IMG
}

# -- daxfs and the mount helper ------------------------------------------------

daxfs_usage() {
	bad 1 "$DAXFS"
	bad 1 "$DAXFS" "$IMG"
	bad 1 "$DAXFS" "" "$MNT"
	bad 1 "$DAXFS" "$IMG" ""
	bad 1 "$DAXFS" "$IMG" "$MNT" "$WORK"
	bad 1 "$DAXFS" "$IMG" "$MNT" -o
	for option in -Z -t -r -fZ --bogus --force; do
		bad 1 "$DAXFS" "$IMG" "$MNT" $option
	done
	daxfs_options "$DAXFS"
	daxfs_options "$HELPER_LINK"
}

daxfs_options() {
	for option in bogus RO sync=1 dax=maybe dax= errors=panic errors= sb=third sb=2 flush= flush=x flush=-1 \
		flush=1.5 flush=86401 commit= commit=5s max_threads=0 max_threads=1025 max_threads=x max_threads \
		request_timeout=14 request_timeout=0 request_timeout=65536 request_timeout=-20 request_timeout= \
		ro,bogus,rw allow_other,allow_root user_id=0 fsname=x; do
		bad 1 "$1" "$IMG" "$MNT" -o $option
	done
}

daxfs_places() {
	for program in "$DAXFS" "$HELPER_LINK"; do
		bad 32 "$program" "$WORK/absent.img" "$MNT"
		bad 32 "$program" "$WORK" "$MNT"
		bad 32 "$program" /dev/null "$MNT"
		bad 32 "$program" "$IMG" "$WORK/absent"
		bad 32 "$program" "$IMG" "$WORK/stderr"
		bad 32 "$program" "$IMG" "$MNT" -o remount,ro
	done
	for TARGET in "$WORK/short.img" "$WORK/empty.img"; do
		bad 32 "$DAXFS" "$TARGET" "$MNT"
	done
	TARGET=$IMG
	bad_for_nobody 32 "$DAXFS" "$IMG" "$MNT"
}

helper_usage() {
	bad 1 "$HELPER_LINK"
	bad 1 "$HELPER_LINK" "$IMG" "$MNT" -d
	bad 1 "$HELPER_LINK" "$IMG" "$MNT" -Z
	bad 1 "$HELPER_LINK" "$IMG" "$MNT" -s --bogus
	bad 32 "$HELPER_LINK" -f "$WORK/absent.img" "$MNT"
	bad 32 "$HELPER_LINK" -f "$IMG" "$WORK/absent"
}

# -- damaged and newer superblocks ---------------------------------------------

# super TEXT WHICH CHANGE -- a copy of the image with that change, as TARGET
super() {
	TARGET=$WORK/super.img
	copy_image "$TARGET"
	while [ $# -gt 0 ]; do
		"$DAXFS_SRC/tests/mount/superblock.py" "$TARGET" "$1" "$2"
		shift 2
	done
}

# mounts OPTION... -- TARGET can be mounted; with ro nothing changes
mounts() {
	before=$(state)
	mount_fs "$1" "$TARGET"
	umount_fs "$TARGET"
	rm -f "$WORK/state"
	case $1 in *ro*) same "$TARGET" "$before" "$(state)" ;; esac
}

superblocks() {
	super primary incompat=0x8000000000000000
	bad 32 "$DAXFS" "$TARGET" "$MNT"
	bad 32 "$DAXFS" "$TARGET" "$MNT" -o ro
	bad 32 "$DAXFS" "$TARGET" "$MNT" -o sb=copy
	bad 1 "$MKFS" "$TARGET"
	super primary version=2
	bad 32 "$DAXFS" "$TARGET" "$MNT"
	super primary ro_compat=1
	bad 32 "$DAXFS" "$TARGET" "$MNT"
	check "a feature that can be read: mounts ro" mounts ro
	super primary compat=1
	check "a compatible feature: mounts" mounts rw
	super primary nr_lanes=0
	bad 32 "$DAXFS" "$TARGET" "$MNT"
}

damaged() {
	super primary damage
	bad 32 "$DAXFS" "$TARGET" "$MNT"
	bad 32 "$DAXFS" "$TARGET" "$MNT" -o ro
	bad 1 "$MKFS" "$TARGET"
	check "damaged superblock, good copy: ro,sb=copy writes nothing" mounts ro,sb=copy
	check "damaged superblock, good copy: sb=copy mounts" mounts sb=copy
	check "and is mended by it" mounts rw
	super primary damage copy damage
	bad 32 "$DAXFS" "$TARGET" "$MNT"
	bad 32 "$DAXFS" "$TARGET" "$MNT" -o sb=copy
	super copy damage
	check "damaged copy only: mounts" mounts rw
	copy_image "$TARGET"
	truncate -s 32M "$TARGET"
	bad 32 "$DAXFS" "$TARGET" "$MNT"
	copy_image "$TARGET"
	dd if=/dev/zero of="$TARGET" bs=4096 count=1 conv=notrunc status=none
	bad 32 "$DAXFS" "$TARGET" "$MNT"
	bad 1 "$MKFS" "$TARGET"
	TARGET=$IMG
}

# -- daxfsctl ------------------------------------------------------------------

ctl_usage() {
	bad 1 "$CTL"
	bad 1 "$CTL" bogus
	bad 1 "$CTL" --bogus
	for command in stat extents sync; do
		bad 1 "$CTL" $command
		bad 1 "$CTL" $command "$MNT" "$MNT"
		bad 1 "$CTL" $command --bogus "$MNT"
		bad 1 "$CTL" $command -Z "$MNT"
		bad 1 "$CTL" $command "$WORK/absent"
		bad 1 "$CTL" $command "$WORK"
		bad 1 "$CTL" $command /dev/null
		bad 1 "$CTL" $command "$IMG"
	done
	bad 1 "$CTL" sync --json "$MNT"
}

# On a mount, so without bad(), which wants none.
ctl_refuses_directory() {
	mount_fs
	mkfifo "$MNT/fifo"
	for path in "$MNT" "$MNT/fifo"; do
		denies "$CTL" extents "$path" 2>"$WORK/stderr"
		cat "$WORK/stderr"
		same "lines on standard error" 1 "$(wc -l <"$WORK/stderr")"
		denies "$CTL" extents --json "$path" >"$WORK/stdout" 2>&1
	done
	umount_fs
}

need flock setpriv losetup python3
setup 64M
TARGET=$IMG
HELPER_LINK=$WORK/mount.fuse.daxfs
ln -s "$DAXFS" "$HELPER_LINK"
help_texts
mkfs_usage
mkfs_sizes
check "mkfs.daxfs -s 8M leaves a longer file as long as it is" keeps_length
mkfs_places
in_use
others_content
block_devices
daxfs_usage
daxfs_places
helper_usage
superblocks
damaged
ctl_usage
check "daxfsctl extents of what has none" ctl_refuses_directory
finish
