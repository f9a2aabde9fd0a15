#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# transport.sh -- requests over io_uring and through /dev/fuse: which, and how they end
#
# What must hold: io_uring= means what daxfs(8) says, and who does not get it is told
# why; a CPU that comes later is served; on both ways a busy filesystem can be
# unmounted lazily, by force, by SIGTERM, by killing the daemon and by a ring's failure, without a client
# that hangs, and what is left is sound; clients may be interrupted and killed at any
# moment; removed files are forgotten; an idle daemon uses no CPU, and a busy one
# drives no client to another CPU.

set -eu
unset DAXFS_URING
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

FSCK=$DAXFS_BUILD/fsck.daxfs
PATIENCE=20	# seconds that anything may take to end

# -- which it is -----------------------------------------------------------------

# transport_is WHICH OPTION,... -- inside check: what daxfsctl says of such a mount
transport_is() {
	mount_fs "$2"
	found=$(fs_json transport)
	umount_fs
	same "transport with $2" "$1" "$found"
}

# refused CODE WORD COMMAND... -- inside check: for a reason that has WORD in it
refused() {
	code=$1 word=$2
	shift 2
	one_sentence "$code" "$@"
	grep -q "$word" "$WORK/stderr"
	denies is_mounted
}

# foreground OPTION,... -- its log goes to WORK/log, its process id to PID
foreground() {
	"$DAXFS" -f "$IMG" "$MNT" -o "$1" 2>"$WORK/log" &
	PID=$!
	tries=0
	until [ -n "$(fs_json transport 2>/dev/null)" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ]
		sleep 0.1
	done
}

# log_of OPTION,... -- what such a mount logs
log_of() {
	foreground "$1"
	patient_umount "$MNT"
	wait "$PID"
	cat "$WORK/log"
}

says_why_not() {
	log_of rw >"$WORK/said"
	cat "$WORK/said"
	same "lines that say why" 1 "$(grep -c 'not io_uring' "$WORK/said")"
	grep 'not io_uring' "$WORK/said" | grep -q "$1"
}

silent_when_off() {
	log_of io_uring=off >"$WORK/said"
	cat "$WORK/said"
	grep -q 'mounted on' "$WORK/said"
	denies grep io_uring "$WORK/said"
}

# What daxfsctl says with yes or no does not depend on the transport.
flags_stay() {
	for transport in off on; do
		mount_fs "io_uring=$transport"
		"$CTL" stat --json "$MNT" | grep -w -e true -e false >"$WORK/flags-$transport"
		umount_fs
	done
	diff "$WORK/flags-off" "$WORK/flags-on"
}

# A change of the media that waits for a disk would hold up all requests of its CPU.
on_disk() {
	IMG=$WORK/disk.img
	"$MKFS" -q -s 64M "$IMG"
	transport_is dev_fuse rw
	transport_is io_uring ro
	transport_is io_uring io_uring=on
	says_why_not 'waits for a disk'
}

# Only what lies in the page cache is on a disk.
is_on_disk() {
	"$MKFS" -q -f -s 64M "$WORK/disk.img"
	mount_fs rw "$WORK/disk.img"
	backend=$(fs_json backend)
	umount_fs "$WORK/disk.img"
	rm "$WORK/disk.img"
	[ "$backend" = "page cache" ]
}

# Rings take descriptors, and threads: where these run out there is still /dev/fuse.
falls_back() {
	found=
	most=$((34 + 3 * $(getconf _NPROCESSORS_ONLN)))
	for limit in $(seq 6 $most); do
		(ulimit -n "$limit" && exec "$DAXFS" "$IMG" "$MNT") 2>"$WORK/stderr" || continue
		transport=$(fs_json transport)
		ls "$MNT" >/dev/null
		umount_fs
		found="$found $transport"
	done
	echo "with 6 to $most descriptors:$found"
	case $found in *" dev_fuse"*" io_uring"*) ;; *) return 1 ;; esac
}

which_without() {
	check "switched off: auto says why it is not io_uring, and the remedy" says_why_not enable_uring
	check "switched off: auto is /dev/fuse" transport_is dev_fuse rw
	check "io_uring=off says nothing of it" silent_when_off
	check "switched off: io_uring=on is refused" refused 32 enable_uring "$DAXFS" "$IMG" "$MNT" -o io_uring=on
}

which_with() {
	check "switched on: auto is io_uring" transport_is io_uring rw
	check "switched on: io_uring=on is io_uring" transport_is io_uring io_uring=on
	check "switched on: io_uring=off is /dev/fuse" transport_is dev_fuse io_uring=off
	check "auto without room for rings is /dev/fuse" falls_back
	check "nothing else that daxfsctl says depends on it" flags_stay
	if is_on_disk; then
		check "on a disk: auto is /dev/fuse and says why, if there can be changes" on_disk
	else
		skip "on a disk: $WORK is not on one"
	fi
	if [ "$(nproc --all)" -gt 1 ]; then
		if unshare -m true 2>/dev/null; then
			check "requests from a CPU that was not online at the mount" late_cpu
		else
			skip "a CPU that was not online at the mount: there can be no mounts of its own"
		fi
	else
		skip "requests from a CPU that was not online at the mount: there is only one"
	fi
}

# -- how it ends -----------------------------------------------------------------

start_load() {
	python3 "$DAXFS_SRC/tests/mount/load.py" "$MNT" "$1" ${2:-} >"$WORK/load" 2>&1 &
	LOAD=$!
}

# load_ends -- inside check: without a complaint
load_ends() {
	tries=0
	until exited "$LOAD"; do
		tries=$((tries + 1))
		[ "$tries" -lt $((PATIENCE * 20)) ] || { echo "the clients hang"; return 1; }
		sleep 0.05
	done
	code=0
	wait "$LOAD" || code=$?
	cat "$WORK/load"
	same "exit code of the clients" 0 "$code"
}

# sound CLEAN -- inside check: unmounted; was the unmount clean, and what does the checker say?
sound() {
	denies is_mounted
	"$FSCK" -n "$IMG"
	mount_fs "$OPTIONS"
	same was_clean "$1" "$(fs_json was_clean)"
	rm -rf "$MNT"/worker*
	umount_fs
}

# How many of the clients are at work; load.py has 4.
at_work() {
	find "$MNT" -mindepth 1 -maxdepth 1 -name 'worker*' | wc -l
}

# load_works -- inside check: each client has begun
load_works() {
	rm -rf "$MNT"/worker*
	start_load 120
	tries=0
	until [ "$(at_work)" = 4 ]; do
		tries=$((tries + 1))
		[ "$tries" -lt $((PATIENCE * 20)) ] || { cat "$WORK/load"; return 1; }
		sleep 0.05
	done
	sleep 0.5
}

busy_mount() {
	mount_fs "$OPTIONS"
	SERVER=$(daemons)
	load_works
}

plain_umount() {
	busy_mount
	denies umount "$MNT"
	kill_load
	umount_fs
	sound true
}

# The parent first: it must not end by itself, nor start anew what is killed.
kill_load() {
	clients=$(pgrep -P "$LOAD")
	for pid in "$LOAD" $clients; do
		kill -9 "$pid" || true
		gone "$pid"
	done
}

# The mount is out of sight, the clients go on, and the daemon with them.
lazy_umount() {
	busy_mount
	umount -l "$MNT"
	sleep 0.5
	denies exited "$SERVER"
	kill_load
	gone "$SERVER"
	sound true
}

forced_umount() {
	busy_mount
	umount -f "$MNT" || umount -l "$MNT"
	load_ends
	gone "$SERVER"
	sound true
}

sigterm() {
	busy_mount
	kill "$SERVER"
	gone "$SERVER"
	load_ends
	sound true
}

sigkill() {
	busy_mount
	kill -9 "$SERVER"
	load_ends
	gone "$SERVER"
	patient_umount "$MNT"
	sound false
}

interrupted() {
	mount_fs "$OPTIONS"
	start_load 6 signals
	load_ends
	umount_fs
	sound true
}

# The kernel lets go of a file with FORGET; then the daemon does.
forgotten() {
	mount_fs "$OPTIONS"
	before=$(fs_json cached_inodes)
	mkdir "$MNT/many"
	for n in $(seq 1000); do
		echo "$n" >"$MNT/many/$n"
	done
	[ "$(fs_json cached_inodes)" -gt 1000 ]
	rm -rf "$MNT/many"
	tries=0
	while [ "$(fs_json cached_inodes)" -gt "$before" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 50 ] || { echo "$(fs_json cached_inodes) inodes in memory, before: $before"; return 1; }
		sleep 0.1
	done
	umount_fs
}

# cpu_ticks PID -- of all its threads, so far
cpu_ticks() {
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# Something on the machine may look at the mount meanwhile: one tick is allowed.
idle() {
	mount_fs "$OPTIONS"
	server=$(daemons)
	sleep 6
	before=$(cpu_ticks "$server")
	sleep 10
	after=$(cpu_ticks "$server")
	echo "$before -> $after ticks in 10 seconds"
	[ $((after - before)) -le 1 ]
	umount_fs
}

# each_cpu DIR -- a request from each CPU is answered, and what is long arrives whole
each_cpu() {
	head -c 5000000 /dev/urandom >"$WORK/one"
	head -c 5000000 /dev/urandom >"$WORK/other"
	for cpu in $(taskset -pc $$ | sed 's/.*: //; s/,/ /g; s/\([0-9]*\)-\([0-9]*\)/$(seq \1 \2)/g; s/^/echo /' | sh); do
		taskset -c "$cpu" cp "$WORK/one" "$1/from$cpu"
		taskset -c "$cpu" dd if="$1/from$cpu" of="$WORK/direct" bs=3M iflag=direct status=none
		cmp "$WORK/one" "$WORK/direct"
		cmp "$WORK/one" "$1/from$cpu"
		taskset -c "$cpu" dd if="$WORK/other" of="$1/from$cpu" bs=5000k oflag=direct conv=fsync,notrunc status=none
		cmp "$WORK/other" "$1/from$cpu"
		rm "$1/from$cpu"
	done
}

from_each_cpu() {
	mount_fs "$OPTIONS"
	each_cpu "$MNT"
	umount_fs
}

# Only the daemon takes CPU 0 for the only one: it sees its own list, and is seen through its root.
late_cpu() {
	echo 0 >"$WORK/online"
	unshare -m sh -ec 'mount --bind "$0" /sys/devices/system/cpu/online && exec "$@"' \
		"$WORK/online" "$DAXFS" "$IMG" "$MNT" -o io_uring=on
	server=$(daemons)
	same transport io_uring "$(fs_json transport "/proc/$server/root$MNT")"
	each_cpu "/proc/$server/root$MNT"
	nsenter -t "$server" -m -r umount "$MNT"
	gone "$server"
}

many_mounts() {
	for n in $(seq 40); do
		mount_fs "$OPTIONS"
		[ $((n % 2)) = 0 ] || echo "$n" >"$MNT/count"
		patient_umount "$MNT"
	done
	mount_fs "$OPTIONS"
	same "content" 39 "$(cat "$MNT/count")"
	umount_fs
}

# In the foreground: the scheduler shares a CPU between sessions first, which would help a daemon with one of its own.
stays() {
	foreground io_uring=on,dax=always
	python3 "$DAXFS_SRC/tests/mount/stays.py" "$MNT"
	patient_umount "$MNT"
	wait "$PID"
}

# A ring's thread that the kernel lets do nothing more: who asks on its CPU gets an error, and does not wait for ever.
ring_fails() {
	foreground io_uring=on
	load_works
	ring=$(grep -lx 'Cpus_allowed_list:[[:space:]]*0' "/proc/$PID/task"/*/status)
	ring=${ring%/status}
	timeout "$PATIENCE" strace -qq -o /dev/null -p "${ring##*/}" -e inject=io_uring_enter:error=ENXIO
	load_ends
	gone "$PID"
	code=0
	wait "$PID" || code=$?
	cat "$WORK/log"
	same "exit code of the daemon" 2 "$code"
	grep -q "io_uring: No such device" "$WORK/log"
	sound true
}

how_it_ends() {
	OPTIONS=io_uring=$1
	check "$OPTIONS: requests from each CPU, and long ones" from_each_cpu
	check "$OPTIONS: 40 mounts, each right after an unmount" many_mounts
	check "$OPTIONS: clients that are interrupted and killed" interrupted
	check "$OPTIONS: a thousand files are removed and forgotten" forgotten
	check "$OPTIONS: umount while busy fails, then not" plain_umount
	check "$OPTIONS: umount -l under load" lazy_umount
	check "$OPTIONS: umount -f under load" forced_umount
	check "$OPTIONS: SIGTERM under load" sigterm
	check "$OPTIONS: SIGKILL under load" sigkill
	check "$OPTIONS: no CPU time while idle" idle
	end_mounts
}

need python3 taskset pgrep awk unshare nsenter strace
setup 256M
check "a bad value is refused" refused 1 io_uring=maybe "$DAXFS" "$IMG" "$MNT" -o io_uring=maybe
how_it_ends off
if switch_uring N; then
	which_without
	switch_uring Y
	which_with
	how_it_ends on
	if [ "$(nproc)" -gt 1 ]; then
		check "io_uring: clients stay on their CPU, and do not wait for it" stays
		check "io_uring: a ring that fails ends the daemon, and no client hangs" ring_fails
	else
		skip "io_uring: clients have only one CPU to stay on"
		skip "io_uring: a ring that fails is not told from the other threads by its CPU"
	fi
	end_mounts
else
	check "auto says that the kernel cannot" says_why_not "6.14"
	check "io_uring=on is refused" refused 32 "6.14" "$DAXFS" "$IMG" "$MNT" -o io_uring=on
	skip "io_uring: this kernel cannot do FUSE over io_uring"
fi
finish
