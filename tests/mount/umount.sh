#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# umount.sh -- umount(8) with its helper
#
# What must hold: when umount(8) returns, all is on media: the daemon has released
# the device, which is marked clean.  It does not wait while others use the
# filesystem, nor for a daemon that is dead or that hangs; what cannot be
# unmounted stays, with one sentence and the exit code of umount(8).
#
# It runs with mounts of its own, without other people's, so that umount -a is safe.

set -eu
if [ -z "${DAXFS_OWN_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	export DAXFS_OWN_MOUNTS=1
	exec unshare -m --propagation private sh "$0" "$@"
fi
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need unshare python3 umount flock
[ -n "${DAXFS_OWN_MOUNTS:-}" ] || skip_all "there can be no mounts of its own"
CONNECTIONS=/sys/fs/fuse/connections

# forget_others -- unmounts, in here, what other people have mounted
forget_others() {
	awk '$3 == "fuse.daxfs" { print $2 }' /proc/self/mounts | while read -r dir; do
		umount -i -l "$(printf %b "$dir")"
	done
}

forget_others
setup 160M
FSCK=$DAXFS_BUILD/fsck.daxfs
if ! link_helper || ! link_umount_helper; then
	skip_all "other helpers are installed, or these cannot be"
fi
mkdir -p /run/mount
mount -t tmpfs tmpfs /run/mount

# try TEXT COMMAND... -- a check that begins unmounted, whatever the last one left
try() {
	! is_mounted || umount -i -l "$MNT"
	check "$@"
}

mount_it() {
	mount -t fuse.daxfs -o "${1:-rw}$TRANSPORT" "${2:-$IMG}" "${3:-$MNT}"
}

# releases COMMAND... -- inside check: the command unmounts, and then all is on media
releases() {
	same "after $*" "free clean" "$("$DAXFS_SRC/tests/mount/released.py" "$IMG" "$@")"
	denies is_mounted
}

second_image() {
	mkdir -p "$WORK/mnt2"
	"$MKFS" -q -f -s 16M "$WORK/second.img"
}

# -- everything is on media ----------------------------------------------------------

# Thousands of small stores that only the CPU's cache has, for the daemon to write at the end.
much_to_do() {
	python3 - "$MNT" "$1" <<-'PYTHON'
		import os, sys
		top = os.path.join(sys.argv[1], sys.argv[2])
		os.mkdir(top)
		for n in range(3000):
		    with open(os.path.join(top, str(n)), "w") as f:
		        f.write(str(n))
	PYTHON
}

all_there() {
	same was_clean true "$(fs_json was_clean)"
	for round; do
		same "files of $round" 3000 "$(find "$MNT/$round" -type f | wc -l)"
		same "content of $round" "$(seq 0 2999 | cksum)" "$(cd "$MNT/$round" && for n in $(seq 0 2999); do
			read -r text <"$n" || true
			echo "$text"
		done | cksum)"
	done
}

at_once() {
	for round in 1 2 3 4 5 6; do
		mount_it flush=86400
		much_to_do "$round"
		releases umount "$MNT"
	done
	mount_it ro
	all_there 1 2 3 4 5 6
	umount "$MNT"
	"$MKFS" -q -f "$IMG"
}

# Stopped for half a second, the daemon loses every race.
late_daemon() {
	mount_it flush=86400
	much_to_do late
	pid=$(daemons)
	kill -STOP "$pid"
	(sleep 0.5; kill -CONT "$pid") &
	releases umount -l "$MNT"
	wait
	exited "$pid" || gone "$pid"
	mount_it ro
	all_there late
	umount "$MNT"
}

# releases_by COMMAND... -- each of several ways to say it
releases_by() {
	mount_it flush=86400
	seq 20000 >"$MNT/file"
	releases "$@"
}

from_within() {
	mount_it
	cd "$WORK"
	ln -s "$MNT" link
	releases umount link
	mount_it
	cd "$(dirname "$MNT")"
	releases umount "./$(basename "$MNT")/"
}

# bare_umount DIR -- as a program does that knows nothing of umount(8) and its table
bare_umount() {
	python3 -c 'import ctypes, sys; sys.exit(-ctypes.CDLL(None).umount2(sys.argv[1].encode(), 0))' "$1"
}

# The table writes blanks otherwise than we do.
odd_directory() {
	mkdir "$WORK/mnt odd"
	for _ in 1 2 3; do
		mount_it rw "$IMG" "$WORK/mnt odd"
		bare_umount "$WORK/mnt odd"
	done
	mount_it rw "$IMG" "$WORK/mnt odd"
	same "entries" 1 "$(grep -c 'mnt.*odd' /run/mount/utab)"
	releases umount "$WORK/mnt odd"
	rmdir "$WORK/mnt odd"
}

# Options that mount(8) keeps, and an entry that an unmount without it has left.
tables() {
	mount_it nofail,x-test
	releases umount "$MNT"
	same "entries" 0 "$(grep -c "$MNT" /run/mount/utab || true)"
	for _ in 1 2 3; do
		mount_it
		bare_umount "$MNT"
	done
	mount_it
	same "entries" 1 "$(grep -c "$MNT" /run/mount/utab)"
	releases umount "$MNT"
	grep -q helper=fuse.daxfs /run/mount/utab && return 1
	mount_fs
	releases umount "$MNT"
}

read_only() {
	mount_it ro
	umount "$MNT"
	denies is_mounted
}

durable() {
	try "umount" at_once
	try "umount DEVICE" releases_by umount "$IMG"
	try "by a relative path, by a link" from_within
	for option in -v -n -f -r -c; do
		try "umount $option" releases_by umount $option "$MNT"
	done
	try "umount -a -t fuse.daxfs" releases_by umount -a -t fuse.daxfs
	try "the helper, called by hand" releases_by "$UMOUNT" "$MNT"
	try "the helper with a device" releases_by "$UMOUNT" "$IMG" -nv
	try "the table of umount(8)" tables
	try "a mount point with a blank" odd_directory
	try "a read-only mount" read_only
}

# -- others use it -------------------------------------------------------------------

# at_once_but_held COMMAND... -- it returns, and does not wait for the daemon that lives on
at_once_but_held() {
	same "after $*" "held dirty" "$(timeout 10 "$DAXFS_SRC/tests/mount/released.py" "$IMG" "$@")"
}

bound() {
	mkdir -p "$WORK/mnt2"
	mount_it
	mkdir "$MNT/dir"
	mount --bind "$MNT/dir" "$WORK/mnt2"
	at_once_but_held umount "$MNT"
	echo text >"$WORK/mnt2/file"
	releases "$UMOUNT" "$WORK/mnt2"
	"$FSCK" -n "$IMG"
}

nested() {
	second_image
	mount_it
	mkdir -p "$MNT/inner"
	mount_it rw "$WORK/second.img" "$MNT/inner"
	one_sentence 32 umount "$MNT"
	timeout 10 umount "$MNT/inner"
	flock -n "$WORK/second.img" true
	at_once_but_held true
	releases umount "$MNT"
}

two_images() {
	second_image
	mount_it
	mount_it rw "$WORK/second.img" "$WORK/mnt2"
	releases umount "$MNT"
	echo text >"$WORK/mnt2/file"
	umount "$WORK/mnt2"
}

# The second one lies upon the first; the table of umount(8) has one entry for both.
on_top() {
	second_image
	mount_it
	mount_it rw "$WORK/second.img" "$MNT"
	timeout 10 umount "$MNT"
	flock -n "$WORK/second.img" true
	at_once_but_held true
	releases "$UMOUNT" "$MNT"
}

lazily() {
	mount_it
	exec 7>"$MNT/file"
	at_once_but_held umount -l "$MNT"
	pid=$(daemons)
	denies is_mounted
	seq 1000 >&7
	exec 7>&-
	gone "$pid"
	mount_it
	same was_clean true "$(fs_json was_clean)"
	seq 1000 | cmp - "$MNT/file"
	releases umount -l "$MNT"
}

elsewhere() {
	mount_it
	unshare -m --propagation private sleep 60 &
	pid=$!
	sleep 0.3
	at_once_but_held umount "$MNT"
	kill "$pid"
	wait "$pid" || true
	# shellcheck disable=SC2046 # a list of numbers
	gone $(daemons)
	"$FSCK" -n "$IMG"
}

# Who mounts it meanwhile takes the lock that is waited for.
taken_over() {
	mkdir -p "$WORK/mnt2"
	mount_it
	pid=$(daemons)
	kill -STOP "$pid"
	(sleep 0.5; kill -CONT "$pid") &
	"$DAXFS" "$IMG" "$WORK/mnt2" &
	timeout 10 umount -l "$MNT"
	wait
	"$CTL" stat "$WORK/mnt2" >/dev/null
	umount "$WORK/mnt2"
}

used() {
	try "a bind mount" bound
	try "a mount in it" nested
	try "another daxfs" two_images
	try "another daxfs over it" on_top
	if [ -n "$(ls $CONNECTIONS)" ] || mount -t fusectl fusectl $CONNECTIONS; then
		try "a late daemon" late_daemon
		try "umount -l" lazily
		try "another mount namespace" elsewhere
		try "mounted again while it waits" taken_over
		try "a daemon that hangs" hanging
	else
		skip "there can be no fusectl"
	fi
}

# -- what goes wrong -----------------------------------------------------------------

busy() {
	mount_it flush=86400
	exec 7>"$MNT/file"
	one_sentence 32 umount "$MNT"
	grep -q busy "$WORK/stderr"
	is_mounted
	exec 7<"$MNT/file"
	echo text >"$MNT/dirty"
	umount -r "$MNT"
	denies touch "$MNT/new" 2>/dev/null
	same "dirty inodes" 0 "$(fs_json dirty_inodes)"
	exec 7<&-
	releases "$UMOUNT" "$MNT"
}

# Nothing but the mount table knows it: umount(8) remounts only what it has looked up there.
busy_and_unknown() {
	mount_it
	: >/run/mount/utab
	exec 7<"$MNT"
	"$UMOUNT" -r "$MNT"
	denies touch "$MNT/new" 2>/dev/null
	exec 7<&-
	releases "$UMOUNT" "$MNT"
}

not_mounted() {
	one_sentence 32 umount "$MNT"
	one_sentence 32 "$UMOUNT" "$MNT"
	grep -q 'not a mounted daxfs' "$WORK/stderr"
	one_sentence 32 "$UMOUNT" "$IMG"
	one_sentence 32 "$UMOUNT" /proc
	[ -e /proc/self ]
	one_sentence 32 "$UMOUNT" "$WORK/absent"
}

usage() {
	one_sentence 1 "$UMOUNT"
	one_sentence 1 "$UMOUNT" "$MNT" "$MNT"
	one_sentence 1 "$UMOUNT" -w soon "$MNT"
	one_sentence 1 "$UMOUNT" -x "$MNT"
}

dead() {
	mount_it
	seq 1000 >"$MNT/file"
	pid=$(daemons)
	kill -9 "$pid"
	gone "$pid"
	not_connected
	timeout 10 umount "$MNT"
	denies is_mounted
	flock -n "$IMG" true
}

hanging() {
	mount_it
	pid=$(daemons)
	kill -STOP "$pid"
	one_sentence 2 timeout 20 "$UMOUNT" -l -w 1 "$MNT"
	grep -q 'not finished' "$WORK/stderr"
	denies is_mounted
	kill -CONT "$pid"
	gone "$pid"
	"$FSCK" -n "$IMG"
}

no_device() {
	second_image
	mount_it rw "$WORK/second.img" "$WORK/mnt2"
	rm "$WORK/second.img"
	one_sentence 0 timeout 10 umount "$WORK/mnt2"
}

# The source of a mount is what its daemon says: nothing is opened that is no device of ours.
foreign_source() {
	python3 - "$WORK/mnt2" <<-'PYTHON'
		import ctypes, os, sys
		libc = ctypes.CDLL(None, use_errno=True)
		fd = os.open("/dev/fuse", os.O_RDWR)
		options = f"fd={fd},rootmode=40000,user_id=0,group_id=0"
		if libc.mount(b"/dev/tty", sys.argv[1].encode(), b"fuse.daxfs", 0, options.encode()):
		    raise OSError(ctypes.get_errno(), "mount")
	PYTHON
	one_sentence 2 timeout 10 "$UMOUNT" -l "$WORK/mnt2"
	grep -q 'not device-DAX' "$WORK/stderr"
}

wrong() {
	try "busy, and umount -r" busy
	try "busy and in no utab, and umount -r" busy_and_unknown
	try "not mounted" not_mounted
	try "wrong usage" usage
	try "a dead daemon" dead
	try "the device is gone" no_device
	try "a source that is no device" foreign_source
}

durable
used
wrong
finish
