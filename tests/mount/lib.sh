# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# lib.sh -- what the mount tests share; sourced, not run.
#
# What must hold, however a test ends: nothing stays mounted, no daemon of the
# test runs, image, directory and loop devices are gone.  Only daemons that
# serve an image of this test are ended, each by its process id.
#
# From the environment:
#   DAXFS_BUILD    directory with daxfs, mkfs.daxfs, daxfsctl (default: here)
#   DAXFS_SRC      top of the source (default: found from this script's place)
#   DAXFS_SHM      where images go (default: /dev/shm)
#   DAXFS_DEVICE   a device that is used, and overwritten, in place of an image
#   DAXFS_TIMEOUT  seconds until a test is ended as hung (default: 3600)
#   DAXFS_URING    "on": over io_uring, the kernel's switch being on for the
#                  time of the test; "off": through /dev/fuse (default: the
#                  daemon's choice)
#
# A test prints one line per check, at its end "N passed, N failed, N skipped",
# and exits 0, 1, or 77 when it could check nothing.

DAXFS_SHM=${DAXFS_SHM:-/dev/shm}
DAXFS_TIMEOUT=${DAXFS_TIMEOUT:-3600}
DAXFS_SRC=$(cd "${DAXFS_SRC:-$(dirname "$0")/../..}" && pwd)
DAXFS_BUILD=$(cd "${DAXFS_BUILD:-.}" && pwd)
DAXFS=$DAXFS_BUILD/daxfs
MKFS=$DAXFS_BUILD/mkfs.daxfs
CTL=$DAXFS_BUILD/daxfsctl
UMOUNT=$DAXFS_BUILD/umount.fuse.daxfs
TRANSPORT=${DAXFS_URING:+,io_uring=$DAXFS_URING}
URING_SWITCH=/sys/module/fuse/parameters/enable_uring

PASSED=0 FAILED=0 SKIPPED=0 FINISHED=
IMG='' MNT='' WORK='' WATCHDOG='' HELPERS='' SWITCH_WAS=''

# -- what a test needs ---------------------------------------------------------

skip_all() {
	FINISHED=1
	echo "$(basename "$0"): skipped: $*"
	exit 77
}

# is_kernel VERSION -- or a later one
is_kernel() {
	[ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]
}

# need TOOL... -- or skip the whole test
need() {
	for tool; do
		command -v "$tool" >/dev/null 2>&1 || skip_all "$tool is not installed"
	done
}

# All tests but the usage errors need to mount, as root.
need_mount() {
	[ "$(id -u)" = 0 ] || skip_all "only root can run it"
	[ -c /dev/fuse ] || skip_all "there is no /dev/fuse"
	for program in "$DAXFS" "$MKFS" "$CTL"; do
		[ -x "$program" ] || skip_all "$program is not built; set DAXFS_BUILD"
	done
}

# -- checks and counters -------------------------------------------------------

ok() {
	PASSED=$((PASSED + 1))
	echo "ok    $*"
}

fail() {
	FAILED=$((FAILED + 1))
	echo "FAIL  $*"
}

skip() {
	SKIPPED=$((SKIPPED + 1))
	echo "skip  $*"
}

# check TEXT COMMAND... -- ok or FAIL with the output; the command, often a
# function, runs in a subshell in which each failing line ends it.
check() {
	check_text=$1
	shift
	set +e
	(
		set -e
		"$@"
	) >"$WORK/out" 2>&1
	check_code=$?
	set -e
	if [ $check_code = 0 ]; then
		ok "$check_text"
	else
		fail "$check_text: exit code $check_code"
		sed 's/^/      | /' "$WORK/out" | tail -n 40
	fi
}

# same WHAT EXPECTED FOUND -- inside check
same() {
	[ "$2" = "$3" ] && return
	echo "$1: expected '$2', found '$3'"
	return 1
}

# denies COMMAND... -- inside check: the command must fail
denies() {
	if "$@"; then
		echo "should have failed: $*"
		return 1
	fi
}

# one_sentence CODE COMMAND... -- inside check: ends with CODE and says one line, in WORK/stderr
one_sentence() {
	want=$1
	shift
	code=0
	"$@" >"$WORK/stdout" 2>"$WORK/stderr" || code=$?
	cat "$WORK/stderr"
	same "exit code" "$want" "$code"
	same "lines on standard error" 1 "$(wc -l <"$WORK/stderr")"
}

finish() {
	FINISHED=1
	echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
	[ "$FAILED" = 0 ] || exit 1
	[ "$PASSED" != 0 ] || exit 77
	exit 0
}

# -- daemons -------------------------------------------------------------------

# daemons [IMAGE] -- process ids of this build's daemons that serve it
daemons() {
	for proc in /proc/[0-9]*; do
		[ "$proc/exe" -ef "$DAXFS" ] || continue	# by name it has none here in another mount namespace
		tr '\0' '\n' <"$proc/cmdline" 2>/dev/null | grep -qxF -- "${1:-$IMG}" || continue
		echo "${proc#/proc/}"
	done
}

# exited PID -- no thread of it runs any more, even if init has yet to collect it
exited() {
	! sed 's/.*) //' /proc/"$1"/task/*/stat 2>/dev/null | grep -q '^[^ZX]'
}

# gone PID... -- wait until they have exited, 60 seconds at most
gone() {
	for gone_pid; do
		tries=0
		until exited "$gone_pid"; do
			tries=$((tries + 1))
			[ $tries -lt 6000 ] || { echo "daemon $gone_pid does not exit"; return 1; }
			sleep 0.01
		done
	done
}

# kill_daemon -- it ends between two instructions; its mount stays behind
kill_daemon() {
	killed=$(daemons)
	kill -9 "$killed"
	gone "$killed"
}

# not_connected -- inside check: the daemon being dead, that is what programs are told.  Over
# io_uring the kernel ends the connection some time after the daemon; until then errors differ.
not_connected() {
	for _ in $(seq 50); do
		code=0
		timeout 15 stat -f "$MNT" >"$WORK/stdout" 2>"$WORK/stderr" || code=$?
		[ $code != 124 ] || { echo "stat hangs"; return 1; }
		[ $code = 0 ] || ! grep -q 'Transport endpoint is not connected' "$WORK/stderr" || return 0
		sleep 0.1
	done
	cat "$WORK/stdout" "$WORK/stderr"
	return 1
}

# -- images and mounts ---------------------------------------------------------

# mount_fs [OPTION,...] [IMAGE [DIR]]
mount_fs() {
	"$DAXFS" "${2:-$IMG}" "${3:-$MNT}" -o "${1:-rw}$TRANSPORT"
}

# Somebody on the machine may just be looking at all mounts (statfs): try again
# for 2 seconds.
patient_umount() {
	tries=0
	while ! umount "$1" 2>"$WORK/umount"; do
		tries=$((tries + 1))
		if [ $tries = 20 ] || ! grep -q busy "$WORK/umount"; then
			cat "$WORK/umount"
			return 1
		fi
		sleep 0.1
	done
}

# umount_fs [IMAGE [DIR]] -- and wait for the daemon
umount_fs() {
	umount_pids=$(daemons "${1:-$IMG}")
	patient_umount "${2:-$MNT}"
	# shellcheck disable=SC2086 # a list of numbers
	gone $umount_pids
}

# link_program NAME PROGRAM -- installs it where mount(8) looks, if nobody has
link_program() {
	if [ -e "/sbin/$1" ] || [ -L "/sbin/$1" ]; then
		[ "$(readlink -f "/sbin/$1")" = "$(readlink -f "$2")" ]
		return
	fi
	ln -s "$2" "/sbin/$1" 2>/dev/null || return 1
	HELPERS="$HELPERS /sbin/$1"
}

link_helper() {
	link_program mount.fuse.daxfs "$DAXFS"
}

link_umount_helper() {
	link_program umount.fuse.daxfs "$UMOUNT"
}

# remount_fs [OPTION,...] -- unmount, then mount
remount_fs() {
	umount_fs
	mount_fs "$@"
}

kill_and_mount() {
	kill_daemon
	patient_umount "$MNT"
	mount_fs
}

is_mounted() {
	grep -qF -- " ${1:-$MNT} " /proc/self/mounts
}

# fs_json FIELD [FILE] -- one number or word of daxfsctl stat
fs_json() {
	"$CTL" stat --json "${2:-$MNT}" | sed -n "s/^ *\"$1\": *\"\\{0,1\\}\\([^\",]*\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p"
}

image_sum() {
	cksum <"${1:-$IMG}"
}

# -- the kernel's switch for io_uring --------------------------------------------

# switch_uring Y|N -- until the end of the test; fails where there is none
switch_uring() {
	[ -w "$URING_SWITCH" ] || return 1
	SWITCH_WAS=${SWITCH_WAS:-$(cat "$URING_SWITCH")}
	echo "$1" >"$URING_SWITCH"
}

end_switch() {
	[ -z "$SWITCH_WAS" ] || echo "$SWITCH_WAS" >"$URING_SWITCH"
}

# -- the end -------------------------------------------------------------------

end_mounts() {
	for dir in "$MNT" "$WORK"/mnt*; do
		is_mounted "$dir" || continue
		umount "$dir" 2>/dev/null || umount -l "$dir" || true
	done
}

end_daemon_of() {
	for pid in $(daemons "$1"); do
		kill "$pid" 2>/dev/null || true
		gone "$pid" >/dev/null || kill -9 "$pid" 2>/dev/null || true
	done
}

end_daemons() {
	for image in "$IMG" "$WORK"/*.img $(our_loops); do
		[ ! -e "$image" ] || end_daemon_of "$image"
	done
}

# Loop devices over this test's images, and no others.
our_loops() {
	command -v losetup >/dev/null || return 0
	losetup -nlO NAME,BACK-FILE 2>/dev/null | while read -r loop file; do
		case $file in "$IMG" | "$WORK"/*) echo "$loop" ;; esac
	done
}

end_loops() {
	for loop in $(our_loops); do
		losetup -d "$loop" || true
	done
}

end_helper() {
	# shellcheck disable=SC2086 # a list of paths
	rm -f $HELPERS
	HELPERS=
}

clean_up() {
	result=$?
	trap - EXIT
	set +e
	cd /
	end_watchdog
	end_switch
	end_helper
	end_mounts
	end_daemons
	end_loops
	rmdir "$MNT"
	rm -rf --one-file-system "$WORK"
	[ -n "${DAXFS_DEVICE:-}" ] || rm -f "$IMG" "$IMG".*
	if [ -z "$FINISHED" ]; then
		echo "FAIL  $(basename "$0") ended early, exit code $result"
		echo "$PASSED passed, $((FAILED + 1)) failed, $SKIPPED skipped"
		result=1
	fi
	exit $result
}

# A hung filesystem lets go of its callers only when the daemon dies.
start_watchdog() {
	(
		trap 'kill $sleeper; exit 0' TERM
		sleep "$DAXFS_TIMEOUT" >/dev/null 2>&1 &
		sleeper=$!
		wait $sleeper
		echo "FAIL  hung for $DAXFS_TIMEOUT seconds" >&2
		for pid in $(daemons); do kill -9 "$pid"; done
		kill $$
	) >/dev/null &
	WATCHDOG=$!
}

end_watchdog() {
	[ -n "$WATCHDOG" ] || return 0
	kill "$WATCHDOG" 2>/dev/null
	wait "$WATCHDOG" 2>/dev/null
}

# setup SIZE -- an image, not mounted, with a mount point
setup() {
	need_mount
	if [ "${DAXFS_URING:-}" = on ] && [ ! -w "$URING_SWITCH" ]; then
		skip_all "this kernel cannot do FUSE over io_uring"
	fi
	WORK=$(mktemp -d)
	MNT=$(mktemp -d)
	IMG=${DAXFS_DEVICE:-$(mktemp --suffix=.img "$DAXFS_SHM/msXXXXXX")}
	trap clean_up EXIT
	trap 'exit 130' INT TERM HUP
	[ "${DAXFS_URING:-}" != on ] || switch_uring Y
	"$MKFS" -q -f -s "$1" "$IMG"
	start_watchdog
}
