#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# hang.sh -- a daemon that hangs, with request_timeout= and without
#
# What must hold: the client of a daemon that is stopped, or whose device does not
# answer, gets an error when the timeout is over, and not before; later ones get
# it at once; the mount point can be detached while the daemon still hangs; when
# it goes on, it ends and leaves a clean and sound filesystem with all that had
# been written.  Without the option a client waits as long as it takes, and then
# gets its answer.  A kernel that has no timeout says so in the log.
#
# Over io_uring the kernel (6.18) does not end what a stopped daemon has not taken
# yet: such a client gets its error when the daemon goes on.

set -eu
unset DAXFS_URING
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

FSCK=$DAXFS_BUILD/fsck.daxfs
LIMIT=15	# seconds, the shortest there is
EVERY=15	# how often the kernel looks
SLACK=10	# for a busy machine

# -- mounts that hang at the same time -----------------------------------------------------

# stop IMAGE -- the daemon that serves it
stop() {
	pid=$(daemons "$1")
	kill -STOP "$pid"
	echo "$pid" >>"$WORK/stopped"
}

# Also when the test ends early, for what hangs cannot be cleared away.
let_all_go_on() {
	while read -r pid; do
		kill -CONT "$pid" 2>/dev/null || true
	done <"$WORK/stopped"
}

end() {
	result=$?
	set +e
	let_all_go_on
	(exit "$result")
	clean_up
}

# with_content NAME OPTION,... [IMAGE] -- a mount with a file in it
with_content() {
	echo "${3:-$WORK/$1.img}" >"$WORK/$1.image"
	read -r image <"$WORK/$1.image"
	mkdir "$WORK/mnt-$1"
	"$MKFS" -q -s 64M "$image"
	"$DAXFS" "$image" "$WORK/mnt-$1" -o "$2"
	head -c 3000000 /dev/urandom >"$WORK/mnt-$1/file"
	cp "$WORK/mnt-$1/file" "$WORK/$1.file"
}

# client NAME -- it changes something; what became of it, and after how many seconds
client() {
	begin=$(date +%s)
	code=0
	mkdir "$WORK/mnt-$1/new" 2>"$WORK/$1.said" || code=$?
	echo "$code $(($(date +%s) - begin))" >"$WORK/$1.new"
	mv "$WORK/$1.new" "$WORK/$1.end"
}

# The device of the last is a file of another daxfs, whose daemon stops.
hang_all() {
	with_content off "io_uring=off,request_timeout=$LIMIT"
	with_content patient io_uring=off
	mkdir "$WORK/mnt-outer"
	"$MKFS" -q -s 128M "$WORK/outer.img"
	"$DAXFS" "$WORK/outer.img" "$WORK/mnt-outer" -o dax=never,io_uring=off
	with_content device "io_uring=${URING:-off},request_timeout=$LIMIT" "$WORK/mnt-outer/inner"
	for image in "$WORK/off.img" "$WORK/patient.img" "$WORK/outer.img"; do
		stop "$image"
	done
	if [ -n "$URING" ]; then
		with_content on "io_uring=on,request_timeout=$LIMIT"
		stop "$WORK/on.img"
	fi
	for name in off patient device ${URING:+on}; do
		client "$name" &
	done
}

# -- what becomes of them ------------------------------------------------------------------

# ended NAME SECONDS -- its client has, so many at most from now
ended() {
	tries=0
	until [ -s "$WORK/$1.end" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt $(($2 * 10)) ] || { echo "the client still waits"; return 1; }
		sleep 0.1
	done
	read -r code seconds <"$WORK/$1.end"
	echo "exit code $code after $seconds seconds"
	cat "$WORK/$1.said"
}

was_given_up() {
	[ "$code" != 0 ]
	grep -qi -e 'connection abort' -e 'not connected' -e 'canceled' "$WORK/$1.said"
}

# in_time NAME -- inside check
in_time() {
	ended "$1" $((LIMIT + EVERY + SLACK))
	was_given_up "$1"
	[ "$seconds" -ge "$LIMIT" ]
	[ "$seconds" -le $((LIMIT + EVERY + SLACK)) ]
}

# fails_at_once NAME -- inside check: who comes now need not wait
fails_at_once() {
	MNT=$WORK/mnt-$1 not_connected
}

# Longer than the others, and then it was worth it.
waits() {
	denies [ -s "$WORK/patient.end" ]
	let_all_go_on
	ended patient "$SLACK"
	same "exit code" 0 "$code"
	[ "$seconds" -ge $((LIMIT + EVERY)) ]
	[ -d "$WORK/mnt-patient/new" ]
	umount_fs "$WORK/patient.img" "$WORK/mnt-patient"
	"$FSCK" -n "$WORK/patient.img"
}

detached() {
	for name; do
		read -r image <"$WORK/$name.image"
		timeout 10 umount -l "$WORK/mnt-$name"
		[ -n "$(daemons "$image")" ]
	done
}

# sound NAME -- inside check: its daemon may go on, and ends
sound() {
	read -r image <"$WORK/$1.image"
	# shellcheck disable=SC2046 # a list of numbers
	gone $(daemons "$image")
	ended "$1" "$SLACK"
	was_given_up "$1"
	"$FSCK" -n "$image"
	mount_fs rw "$image" "$WORK/mnt-$1"
	same was_clean true "$(fs_json was_clean "$WORK/mnt-$1")"
	cmp "$WORK/$1.file" "$WORK/mnt-$1/file"
	umount_fs "$image" "$WORK/mnt-$1"
}

# -- the log ---------------------------------------------------------------------------------

# lines_about_it OPTION,... -- how many a mount logs
lines_about_it() {
	"$DAXFS" -f "$IMG" "$MNT" -o "$1" 2>"$WORK/log" &
	tries=0
	until is_mounted && ls "$MNT" >/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ]
		sleep 0.1
	done
	patient_umount "$MNT"
	wait $!
	grep -c request_timeout "$WORK/log" || true
}

# logs EXPECTED -- inside check
logs() {
	same "lines, with it" "$1" "$(lines_about_it "request_timeout=$LIMIT")"
	same "lines, without" 0 "$(lines_about_it rw)"
}

# -- all of it -------------------------------------------------------------------------------

with_timeouts() {
	URING=
	! switch_uring Y || URING=on
	[ -n "$URING" ] || skip "over io_uring: this kernel cannot do it"
	check "three daemons stop, or four, each with a client" hang_all
	for name in off device; do
		check "$name: the client gets an error in time" in_time "$name"
		grep after "$WORK/out" | sed 's/^/      /'
	done
	sleep 3
	for name in off device $URING; do
		check "$name: the next one at once" fails_at_once "$name"
	done
	check "unmounted while the daemons hang" detached off device $URING
	check "without the option the client waits, and gets its answer" waits
	for name in off device $URING; do
		check "$name: clean and sound when the daemon goes on" sound "$name"
	done
	check "nothing in the log" logs 0
}

setup 64M
: >"$WORK/stopped"
trap end EXIT
if is_kernel 6.15; then
	with_timeouts
else
	check "the log says that this kernel cannot" logs 1
	skip "timeouts: they need Linux 6.15"
fi
finish
