#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lifecycle.sh -- from mkfs to umount, and everything in between
#
# What must hold: only one may have the device; an unmount may be followed by
# mkfs or mount at once; read-only mounts write nothing, recovery included; a
# killed daemon loses nothing that was synced; what is freed comes back; the
# mount table, the mount helper, remount and daxfsctl say and do what is true.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# -- the mount table -----------------------------------------------------------

# mount_line [DIR] -- source, type and options
mount_line() {
	awk -v dir="${1:-$MNT}" '$2 == dir { print $1, $3, $4 }' /proc/self/mounts
}

# has_options OPTION... -- "!OPTION" must not be there
has_options() {
	options=,$(mount_line | cut -d ' ' -f 3),
	for option; do
		case $option in
		!*) case $options in *",${option#!},"*) echo "$option: $options"; return 1 ;; esac ;;
		*) case $options in *",$option,"*) ;; *) echo "no $option: $options"; return 1 ;; esac ;;
		esac
	done
}

table_defaults() {
	mount_fs
	same "source and type" "$IMG fuse.daxfs" "$(mount_line | cut -d ' ' -f 1,2)"
	has_options rw relatime default_permissions allow_other '!nosuid' '!nodev' '!noexec'
	umount_fs
}

# The kernel's table has no word for it: it is what is neither of the others.
table_strictatime() {
	mount_fs strictatime,nosuid
	has_options nosuid rw '!nodev' '!relatime' '!noatime'
	same atime strictatime "$(fs_json atime)"
	umount_fs
}

table_lazytime() {
	mount_fs lazytime,noatime
	has_options lazytime noatime rw '!nosuid'
	umount_fs
	mount_fs lazytime,nolazytime
	has_options '!lazytime' relatime
	umount_fs
}

# table_shows OPTION,... -- each of them, when asked for
table_shows() {
	mount_fs "$1"
	# shellcheck disable=SC2046 # a list of words
	has_options $(echo "$1" | tr , ' ')
	umount_fs
}

odd_source() {
	image="$WORK/a,b c\\d.img"
	mkdir "$WORK/mnt odd"
	"$MKFS" -q -s 16M "$image"
	"$DAXFS" "$image" "$WORK/mnt odd" -o ro
	found=$(findmnt -rno SOURCE "$WORK/mnt odd")
	umount_fs "$image" "$WORK/mnt odd"
	rmdir "$WORK/mnt odd"
	same source "$(printf '%s' "$image" | sed 's/\\/\\x5c/g; s/ /\\x20/g')" "$found"
}

# A link stays the source: it is the name that people look for.
link_as_source() {
	mkdir "$WORK/mnt-link"
	ln -s "$IMG" "$WORK/link.img"
	mount_fs ro "$WORK/link.img" "$WORK/mnt-link"
	same source "$WORK/link.img" "$(mount_line "$WORK/mnt-link" | cut -d ' ' -f 1)"
	denies "$MKFS" -q -f "$IMG"
	umount_fs "$WORK/link.img" "$WORK/mnt-link"
}

relative_paths() {
	mkdir "$WORK/mnt-relative"
	"$MKFS" -q -s 16M "$WORK/relative.img"
	(cd "$WORK" && "$DAXFS" relative.img mnt-relative)
	same source "$WORK/relative.img" "$(mount_line "$WORK/mnt-relative" | cut -d ' ' -f 1)"
	echo text >"$WORK/mnt-relative/file"
	pid=$(fs_json daemon_pid "$WORK/mnt-relative")
	patient_umount "$WORK/mnt-relative"
	gone "$pid"
	mount_fs ro "$WORK/relative.img" "$WORK/mnt-relative"
	same content text "$(cat "$WORK/mnt-relative/file")"
	umount_fs "$WORK/relative.img" "$WORK/mnt-relative"
}

mount_table() {
	check "default flags in /proc/mounts" table_defaults
	for options in ro noatime sync dirsync nosuid,nodev,noexec ro,noatime,nosuid; do
		check "-o $options in /proc/mounts" table_shows "$options"
	done
	check "-o strictatime in /proc/mounts" table_strictatime
	check "-o lazytime in /proc/mounts" table_lazytime
	if command -v findmnt >/dev/null; then
		check "a source with comma, blank and backslash" odd_source
	else
		skip "odd source: findmnt is missing"
	fi
	check "relative paths" relative_paths
	check "a link as source" link_as_source
}

# -- one holder ----------------------------------------------------------------

second_holder() {
	mkdir "$WORK/mnt2"
	echo held >"$MNT/held"
	one_sentence 32 "$DAXFS" "$IMG" "$WORK/mnt2"
	one_sentence 32 "$DAXFS" "$IMG" "$WORK/mnt2" -o ro
	one_sentence 32 "$DAXFS" "$IMG" "$MNT"
	one_sentence 1 "$MKFS" "$IMG"
	one_sentence 1 "$MKFS" -f "$IMG"
	one_sentence 1 "$MKFS" -f -s 2G "$IMG"
	same content held "$(cat "$MNT/held")"
	rmdir "$WORK/mnt2"
}

at_once() {
	for n in 1 2 3 4 5 6 7 8; do
		seq 100000 >"$MNT/big$n"
		patient_umount "$MNT"
		mount_fs
		same "was_clean, $n" true "$(fs_json was_clean)"
		seq 100000 | cmp - "$MNT/big$n"
	done
	patient_umount "$MNT"
	"$MKFS" -q -f "$IMG"
	mount_fs
	same "empty" '' "$(ls -A "$MNT")"
}

one_holder() {
	check "mount" mount_fs
	check "second mount and mkfs are refused" second_holder
	check "umount, at once mount or mkfs" at_once
	check "unmount" umount_fs
}

# -- read-only -----------------------------------------------------------------

ro_refuses() {
	for try in "touch $MNT/new" "rm $MNT/file" "chmod 600 $MNT/file" "truncate -s 0 $MNT/file" \
		"mkdir $MNT/dir" "mv $MNT/file $MNT/moved"; do
		# shellcheck disable=SC2086 # a command
		denies $try 2>"$WORK/stderr"
		grep -q 'Read-only file system' "$WORK/stderr"
	done
}

ro_writes_nothing() {
	seq 200000 >"$WORK/expected"
	cp "$WORK/expected" "$MNT/file"
	umount_fs
	before=$(image_sum)
	mount_fs "$1"
	cmp "$WORK/expected" "$MNT/file"
	ls -lR "$MNT"
	ro_refuses
	"$CTL" sync "$MNT"
	umount_fs
	same "the image" "$before" "$(image_sum)"
	mount_fs
}

ro_unclean() {
	seq 5000 >"$MNT/synced"
	sync "$MNT/synced"
	exec 8>"$MNT/orphan"
	rm "$MNT/orphan"
	kill_daemon
	exec 8>&-
	patient_umount "$MNT"
	before=$(image_sum)
	mount_fs ro
	same was_clean false "$(fs_json was_clean)"
	seq 5000 | cmp - "$MNT/synced"
	ro_refuses
	umount_fs
	same "the image" "$before" "$(image_sum)"
}

rw_after_kill() {
	mount_fs
	same was_clean false "$(fs_json was_clean)"
	same recovered_orphans 1 "$(fs_json recovered_orphans)"
	seq 5000 | cmp - "$MNT/synced"
	remount_fs
	same was_clean true "$(fs_json was_clean)"
}

synced_by_ctl() {
	for n in $(seq 200); do
		echo "$n" >"$MNT/small$n"
	done
	"$CTL" sync "$MNT"
	same "dirty inodes" 0 "$(fs_json dirty_inodes)"
	kill_and_mount
	for n in $(seq 200); do
		same "small$n" "$n" "$(cat "$MNT/small$n")"
	done
	rm "$MNT"/small*
}

# The size stays: nothing but the times is new in the inode, and nobody has asked for an fsync.
times_after_kill() {
	echo old >"$MNT/times"
	sleep 0.1
	was=$(stat -c '%.9Y %.9Z' "$MNT/times")
	printf new | dd of="$MNT/times" conv=notrunc status=none
	now=$(stat -c '%.9Y %.9Z' "$MNT/times")
	denies [ "$was" = "$now" ]
	kill_and_mount
	same "times" "$now" "$(stat -c '%.9Y %.9Z' "$MNT/times")"
	rm "$MNT/times"
}

read_only() {
	check "mount" mount_fs
	check "a ro mount writes nothing" ro_writes_nothing ro
	check "nor with sb=copy" ro_writes_nothing ro,sb=copy
	check "a ro mount of an unclean image, writing nothing" ro_unclean
	check "and a rw mount of it" rw_after_kill
	check "daxfsctl sync, then the daemon is killed" synced_by_ctl
	check "a write, then the daemon is killed: its times are there" times_after_kill
	check "unmount" umount_fs
}

# -- remount and the helper ----------------------------------------------------

# remounting COMMAND... -- the command, then -o OPTION,...
remounting() {
	"$@" -o remount,ro
	has_options ro
	denies touch "$MNT/new" 2>/dev/null
	"$@" -o remount,rw
	has_options rw
	touch "$MNT/new"
	rm "$MNT/new"
	"$@" -o remount,rw,noatime,sync,errors=continue
	has_options noatime sync
	same atime noatime "$(fs_json atime)"
	same sync true "$(fs_json sync)"
	same errors continue "$(fs_json errors)"
	"$@" -o remount,strictatime
	has_options '!noatime' '!relatime'
	same atime strictatime "$(fs_json atime)"
	"$@" -o remount,relatime,lazytime
	has_options relatime lazytime '!noatime'
	"$@" -o remount,nolazytime
	has_options '!lazytime'
}

ro_stays_ro() {
	remount_fs ro
	one_sentence 32 "$WORK/mount.fuse.daxfs" "$IMG" "$MNT" -o remount,rw
	has_options ro
}

through_mount() {
	mount -t fuse.daxfs "$IMG" "$MNT" -o noatime,nosuid,defaults,nofail,x-systemd.automount
	same "source and type" "$IMG fuse.daxfs" "$(mount_line | cut -d ' ' -f 1,2)"
	has_options rw noatime nosuid '!nodev'
	umount_fs
	mount -r -t fuse.daxfs "$IMG" "$MNT"
	has_options ro
	umount_fs
	denies mount -t fuse.daxfs -o bogus "$IMG" "$MNT"
	denies mount -t fuse.daxfs "$WORK/absent" "$MNT"
	mount -s -t fuse.daxfs -o bogus "$IMG" "$MNT"
	umount_fs
	mount -f -t fuse.daxfs "$IMG" "$MNT"
	denies is_mounted
}

through_mount_remount() {
	mount -t fuse.daxfs "$IMG" "$MNT"
	remounting mount "$MNT"
	umount_fs
}

helper() {
	ln -s "$DAXFS" "$WORK/mount.fuse.daxfs"
	check "mount" mount_fs
	check "remount,ro and remount,rw" remounting "$WORK/mount.fuse.daxfs" "$IMG" "$MNT"
	check "what was mounted ro stays ro" ro_stays_ro
	check "unmount" umount_fs
	if link_helper; then
		check "mount -t fuse.daxfs" through_mount
		check "mount -o remount" through_mount_remount
		! is_mounted || umount_fs
		end_helper
	else
		skip "mount -t fuse.daxfs: /sbin/mount.fuse.daxfs is another one or cannot be made"
	fi
}

# -- daxfsctl ------------------------------------------------------------------

ctl_stat() {
	"$CTL" stat "$MNT" | grep -q '^durability'
	"$CTL" stat --json "$MNT" >"$WORK/stat.json"
	python3 - "$WORK/stat.json" "$MNT" <<-'PYTHON'
		import json, os, sys
		st, vfs = json.load(open(sys.argv[1])), os.statvfs(sys.argv[2])
		assert st["block_size"] == 4096 and st["format_version"] == 1, st
		assert st["bfree"] * 4096 <= st["blocks"] * 4096
		assert vfs.f_blocks * vfs.f_frsize <= st["blocks"] * 4096
		assert st["requests"]["statfs"] >= 0 and not st["read_only"]
		os.kill(st["daemon_pid"], 0)
	PYTHON
}

ctl_extents() {
	seq 300000 >"$MNT/extents"
	truncate -s 64M "$MNT/extents"
	"$CTL" extents "$MNT/extents" | tail -n +2 | grep -q written
	"$CTL" extents --json "$MNT/extents" | python3 -c '
import json, os, sys
size, end, blocks = os.stat(sys.argv[1]), -1, 0
for e in json.load(sys.stdin):
    assert e["file_block"] >= end and e["blocks"] > 0 and e["device"] == 0, e
    end = e["file_block"] + e["blocks"]
    blocks += e["blocks"] if e["written"] else 0
assert blocks >= 480, blocks
' "$MNT/extents"
	rm "$MNT/extents"
}

control() {
	check "mount" mount_fs
	check "daxfsctl stat is JSON, and true" ctl_stat
	check "daxfsctl extents" ctl_extents
	check "daxfsctl sync" "$CTL" sync "$MNT"
	check "unmount" umount_fs
}

# -- files ---------------------------------------------------------------------

free_blocks() {
	stat -f -c %f "$MNT"
}

# returned BLOCKS -- freed blocks come back after a grace period: wait 5 seconds at most
returned() {
	tries=0
	while [ "$(free_blocks)" -lt "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 50 ] || { echo "free: $(free_blocks), before: $1"; return 1; }
		sleep 0.1
	done
}

df_returns() {
	mkdir "$MNT/warm"
	rmdir "$MNT/warm"
	before=$(free_blocks)
	inodes=$(stat -f -c '%c %d' "$MNT")
	mkdir "$MNT/many"
	for n in $(seq 500); do
		mkdir "$MNT/many/$n"
		head -c 20000 /dev/zero >"$MNT/many/$n/file"
	done
	dd if=/dev/zero of="$MNT/many/big" bs=1M count=64 status=none
	[ "$(free_blocks)" -lt $((before - 16384)) ]
	rm -rf "$MNT/many"
	# The inode file keeps the chunks it has grown by: 2 MiB here at most.
	returned $((before - 512))
	echo "$inodes -> $(stat -f -c '%c %d' "$MNT")"
}

unlinked_open() {
	before=$(free_blocks)
	exec 7<>"$MNT/unlinked"
	rm "$MNT/unlinked"
	dd if=/dev/zero bs=1M count=16 status=none >&7
	[ "$(free_blocks)" -lt $((before - 4000)) ]
	denies umount "$MNT" 2>/dev/null
	same length 16777216 "$(stat -L -c %s /proc/self/fd/7)"
	exec 7>&-
	returned "$before"
}

full() {
	denies dd if=/dev/zero of="$MNT/full" bs=1M status=none 2>"$WORK/stderr"
	grep -q 'No space left' "$WORK/stderr"
	mkdir "$MNT/small" 2>/dev/null || true
	denies cp "$MNT/full" "$MNT/full2" 2>/dev/null
	rm -rf "$MNT/full" "$MNT/full2" "$MNT/small"
	remount_fs
	echo again >"$MNT/again"
	rm "$MNT/again"
}

syscalls() {
	mkdir "$MNT/sys"
	"$DAXFS_SRC/tests/mount/syscalls.py" "$MNT/sys"
	find "$MNT/sys" -printf '%P %s %n %m %U %G %T@ %l\n' | sort >"$WORK/before"
	remount_fs "$1"
	find "$MNT/sys" -printf '%P %s %n %m %U %G %T@ %l\n' | sort | diff "$WORK/before" -
	rm -rf "$MNT/sys"
}

files() {
	check "mount" mount_fs
	check "df after rm -rf" df_returns
	check "unlinked, open file" unlinked_open
	check "full, and not full again" full
	check "unmount" umount_fs
	for dax in always never inode; do
		check "mount dax=$dax" mount_fs dax=$dax
		check "system calls, dax=$dax" syscalls dax=$dax
		check "unmount" umount_fs
	done
}

# -- the daemon ----------------------------------------------------------------

term_unmounts() {
	mount_fs
	echo text >"$MNT/term"
	pid=$(daemons)
	kill "$pid"
	gone "$pid"
	denies is_mounted
	mount_fs
	same was_clean true "$(fs_json was_clean)"
	same content text "$(cat "$MNT/term")"
	umount_fs
}

foreground() {
	"$DAXFS" -f "$IMG" "$MNT" 2>"$WORK/stderr" &
	pid=$!
	tries=0
	until is_mounted && "$CTL" stat "$MNT" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ]
		sleep 0.1
	done
	patient_umount "$MNT"
	wait "$pid"
	cat "$WORK/stderr"
	grep -q 'mounted on' "$WORK/stderr"
}

daemon() {
	check "SIGTERM unmounts, cleanly" term_unmounts
	check "-f serves in the foreground and exits 0" foreground
}

need python3 awk
setup 256M
mount_table
one_holder
read_only
helper
control
files
daemon
finish
