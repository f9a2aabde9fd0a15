#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# user.sh -- mounts of users, through fusermount3
#
# What must hold: who owns an image and a directory makes, mounts, uses, checks
# and unmounts a filesystem without being root, never with set-user-ID programs
# or device nodes; nobody else, root included, gets to see or to end it.
#
# It runs with mounts of its own, in which /dev/fuse is for everyone, as udev makes it.

set -eu
if [ -z "${DAXFS_OWN_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	export DAXFS_OWN_MOUNTS=1
	exec unshare -m --propagation private sh "$0" "$@"
fi
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

USER1=nobody USER2=daemon
FSCK=$DAXFS_BUILD/fsck.daxfs

need fusermount3 runuser unshare flock
[ -n "${DAXFS_OWN_MOUNTS:-}" ] || skip_all "there can be no mounts of its own"
[ -e /etc/mtab ] || skip_all "there is no /etc/mtab, without which fusermount3 unmounts nothing"
[ -u "$(command -v fusermount3)" ] || skip_all "fusermount3 is not set-user-ID"
id $USER1 $USER2 >/dev/null 2>&1 || skip_all "there are no users $USER1 and $USER2"
setup 64M

first() { runuser -u $USER1 -- "$@"; }
second() { runuser -u $USER2 -- "$@"; }

stage() {
	mkdir "$WORK/mnt-dev"
	mount -t tmpfs -o mode=755 tmpfs "$WORK/mnt-dev"
	mknod -m 666 "$WORK/mnt-dev/fuse" c 10 229
	mount --bind "$WORK/mnt-dev/fuse" /dev/fuse
	chmod 711 "$WORK"
	chown $USER1: "$MNT"
	chown $USER1: "$IMG"
	chmod 600 "$IMG"
	cd /
	second test -x "$DAXFS"
}

# options -- of the mount, between commas
options() {
	awk -v dir="$MNT" '$2 == dir { print "," $4 "," }' /proc/self/mounts
}

# refused COMMAND... -- exit code 32, one sentence
refused() {
	code=0
	"$@" 2>"$WORK/stderr" || code=$?
	cat "$WORK/stderr"
	same "exit code" 32 "$code"
	[ -s "$WORK/stderr" ]
	denies is_mounted
}

makes_and_mounts() {
	first "$MKFS" -q -f "$IMG"
	first "$DAXFS" "$IMG" "$MNT" -o "rw$TRANSPORT"
	for word in nosuid nodev "user_id=$(id -u $USER1)" default_permissions; do
		options | grep -q ",$word," || { echo "no $word: $(options)"; return 1; }
	done
	denies eval 'options | grep -q ,allow_other,'
	same owner $USER1 "$(first stat -c %U "$MNT")"
}

uses() {
	first sh -c "echo text >'$MNT/file' && cp /bin/true '$MNT/true' && mkdir -p '$MNT/a/b' && mkfifo '$MNT/fifo'"
	first "$MNT/true"
	same content text "$(first cat "$MNT/file")"
	denies first mknod "$MNT/null" c 1 3
	denies first chown $USER2 "$MNT/file"
	first "$CTL" stat "$MNT" >/dev/null
}

others_see_nothing() {
	denies second cat "$MNT/file"
	denies second ls "$MNT"
	denies cat "$MNT/file"
}

others_do_not_end_it() {
	denies second fusermount3 -u "$MNT"
	denies second umount "$MNT"
	is_mounted
}

no_remount() {
	denies first "$DAXFS" "$IMG" "$MNT" -o remount,suid
	options | grep -q ,nosuid,
}

# unmounts_by COMMAND... -- at once followed by fsck
unmounts_by() {
	is_mounted || first "$DAXFS" "$IMG" "$MNT" -o "ro,noexec,noatime,sync$TRANSPORT"
	pids=$(daemons)
	first "$@" "$MNT"
	denies is_mounted
	first "$FSCK" -n "$IMG"
	# shellcheck disable=SC2086 # a list of numbers
	gone $pids
}

# As the user's own, umount(8) calls the helper without its rights.
unmounts_and_waits() {
	first "$DAXFS" "$IMG" "$MNT" -o "rw$TRANSPORT"
	pid=$(daemons)
	first sh -c "seq 100000 >'$MNT/much'"
	first umount -v "$MNT" 2>"$WORK/stderr"
	exited "$pid" || flock -n "$IMG" true
	grep -q 'waiting until' "$WORK/stderr"
	denies is_mounted
	first "$DAXFS" "$IMG" "$MNT" -o "rw$TRANSPORT"
	denies second umount "$MNT"
	is_mounted
	seq 100000 | first cmp - "$MNT/much"
	first umount "$MNT"
}

flags() {
	first "$DAXFS" "$IMG" "$MNT" -o "ro,noexec,noatime,sync,suid,dev$TRANSPORT"
	for word in ro noexec noatime sync nosuid nodev; do
		options | grep -q ",$word," || { echo "no $word: $(options)"; return 1; }
	done
	same content text "$(first cat "$MNT/file")"
	denies first "$MNT/true"
	first fusermount3 -u "$MNT"
}

lazily() {
	first "$DAXFS" "$IMG" "$MNT" -o "rw$TRANSPORT"
	pid=$(daemons)
	first sh -c "exec 7<>'$MNT/file'; fusermount3 -uz '$MNT' && echo more >&7 && cat /proc/self/fd/7"
	denies is_mounted
	gone "$pid"
	first "$FSCK" -n "$IMG"
}

check "/dev/fuse is for everyone" stage
check "a user makes and mounts a filesystem" makes_and_mounts
check "and uses it" uses
check "others see nothing of it" others_see_nothing
check "others do not end it" others_do_not_end_it
check "no set-user-ID programs by a remount" no_remount
check "fusermount3 -u" unmounts_by fusermount3 -u
check "umount" unmounts_by umount
if link_umount_helper; then
	check "umount, with its helper" unmounts_and_waits
	end_helper
else
	skip "/sbin/umount.fuse.daxfs is another one or cannot be made"
fi
check "flags; suid and dev are not given" flags
check "fusermount3 -uz, with an open file" lazily
check "allow_other is not the user's to give" refused first "$DAXFS" "$IMG" "$MNT" -o allow_other
check "an image of somebody else" refused second "$DAXFS" "$IMG" "$MNT"
chown $USER2: "$IMG"
check "a directory of somebody else" refused second "$DAXFS" "$IMG" "$MNT"
finish
