#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# kill.sh [ROUNDS] -- the daemon is killed at any moment, under load
#
# What must hold, each round (default 10): no client hangs, all get ENOTCONN soon; a
# plain umount and mount make the filesystem usable again; everything that was
# acknowledged is there and right, what was in flight is old or new; fsck.daxfs
# finds nothing, neither after the kill nor after the clean unmount.
#
# There are two images, one in memory and, in every third round, one in an ordinary
# file: there a transaction waits for msync, so that the kill finds most of them
# half way.  Later rounds meet the leavings of earlier ones.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=${1:-10}
ACKED=$DAXFS_BUILD/tests/mount/acked
FSCK=$DAXFS_BUILD/fsck.daxfs
PATIENCE=15	# seconds that a client may take to notice that the daemon is gone
STRESSORS="dir dentry rename link symlink xattr fallocate hdd utime mknod chmod metamix"

# random FROM TO -- a number in between
random() {
	echo $(($1 + $(od -An -N4 -tu4 /dev/urandom) % ($2 - $1 + 1)))
}

# -- load ----------------------------------------------------------------------

# stressors ROUND -- options that choose three of them
stressors() {
	# shellcheck disable=SC2086 # a list of words
	set -- "$1" $STRESSORS $STRESSORS
	shift $((1 + $1 * 3 % (($# - 1) / 2)))
	echo "--$1 1 --$2 1 --$3 1"
}

start_fio() {
	fio --name=load --directory="$MNT/fio" --ioengine=psync --rw=randrw --bsrange=512-256k --numjobs=2 \
		--size=8m --time_based --runtime=60 --fsync=16 --thread --output="$WORK/fio" >/dev/null 2>&1 &
	FIO=$!
}

start_stress() {
	# shellcheck disable=SC2046 # a list of options
	stress-ng --temp-path "$MNT/stress" --timeout 60s --oomable --hdd-bytes 8m --fallocate-bytes 8m \
		$(stressors "$1") >"$WORK/stress" 2>&1 &
	STRESS=$!
}

start_load() {
	mkdir "$MNT/acked" "$MNT/fio" "$MNT/stress"
	(cd / && exec "$ACKED" write "$MNT/acked" "$WORK/log" "$1") >"$WORK/acked" 2>&1 &
	WRITER=$!
	start_fio
	start_stress "$1"
}

# ended PID SECONDS -- its exit code, or 124 when it has not ended within that time
ended() {
	tries=0
	until exited "$1"; do
		tries=$((tries + 1))
		[ "$tries" -lt $(($2 * 50)) ] || return 124
		sleep 0.02
	done
	wait "$1"
}

# Stressors may try for ever what no longer works: they are asked to end.  One
# that waits for the daemon in the kernel could not.
ask_to_end() {
	kill -INT "$1" 2>/dev/null || true
	ended "$1" "$PATIENCE" || [ $? != 124 ]
}

# all_end -- only the writer's exit code means something: it has checked the errors it got
all_end() {
	ended "$WRITER" "$PATIENCE" || { echo "the writer: exit code $?"; cat "$WORK/acked"; return 1; }
	ask_to_end "$FIO" || { echo "fio hangs"; return 1; }
	ask_to_end "$STRESS" || { echo "stress-ng hangs"; return 1; }
}

# -- a round --------------------------------------------------------------------

mount_helper() {
	if [ -n "$THROUGH_MOUNT" ]; then
		mount -t fuse.daxfs "$IMG" "$MNT" -o "rw$TRANSPORT"
	else
		"$WORK/mount.fuse.daxfs" "$IMG" "$MNT" -o "rw$TRANSPORT"
	fi
}

fsck_clean() {
	"$FSCK" -n "$IMG" || { echo "fsck.daxfs -n $1: exit code $?"; return 1; }
}

# figures -- the mount after the kill: what it rolled back and reclaimed
figures() {
	echo "$(fs_json recovered_txns) rolled back, $(fs_json recovered_orphans) orphans" >"$WORK/recovered"
}

# one_round ROUND MILLISECONDS IMAGE
one_round() {
	IMG=$3
	mount_helper
	start_load "$1"
	sleep "$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))"
	kill_daemon
	not_connected
	all_end
	timeout "$PATIENCE" umount "$MNT"
	fsck_clean "after the kill"
	mount_helper
	figures
	timeout 60 "$ACKED" check "$MNT/acked" "$WORK/log" "$1" >"$WORK/checked" || { cat "$WORK/checked"; return 1; }
	rm -rf "$MNT/acked" "$MNT/fio" "$MNT/stress"
	umount_fs
	fsck_clean "after the clean unmount"
	mount_helper
	same was_clean true "$(fs_json was_clean)"
	same "left over" '' "$(ls -A "$MNT")"
	umount_fs
}

# recover ROUND IMAGE -- the image of a failed round is kept, the next round begins anew
recover() {
	for pid in $(daemons "$2"); do
		kill -9 "$pid"
	done
	if is_mounted; then umount -l "$MNT"; fi
	cp --sparse=always "$2" "${TMPDIR:-/tmp}/daxfs-kill-round-$1.img"
	echo "      the image is kept as ${TMPDIR:-/tmp}/daxfs-kill-round-$1.img"
	"$MKFS" -q -f "$2"
}

# add_up ROUND -- figures of a round that has passed
add_up() {
	# shellcheck disable=SC2046 # words
	set -- "$1" $(cat "$WORK/checked" "$WORK/recovered")
	OPERATIONS=$((OPERATIONS + $2)) IN_FLIGHT=$((IN_FLIGHT + $4)) WORDS=$((WORDS + $7))
	ROLLED_BACK=$((ROLLED_BACK + $9))
	shift 9
	ORPHANS=$((ORPHANS + $3))
}

need fio stress-ng
[ -x "$ACKED" ] || skip_all "$ACKED is not built; set DAXFS_BUILD"
setup 512M
ln -s "$DAXFS" "$WORK/mount.fuse.daxfs"
THROUGH_MOUNT=yes
if ! link_helper; then
	THROUGH_MOUNT=
	skip "mount -t fuse.daxfs: /sbin/mount.fuse.daxfs is another one or cannot be made; the helper is run by its path"
fi
"$MKFS" -q -s 512M "$WORK/file.img"
OPERATIONS=0 IN_FLIGHT=0 WORDS=0 ROLLED_BACK=0 ORPHANS=0
round=0
while [ $round -lt "$ROUNDS" ]; do
	round=$((round + 1))
	failed=$FAILED
	after=$(random 300 2000)
	image=$IMG
	[ $((round % 3)) != 0 ] || image=$WORK/file.img
	rm -f "$WORK/checked" "$WORK/recovered"
	check "round $round: killed after $after ms" one_round $round "$after" "$image"
	if [ "$FAILED" = "$failed" ]; then
		echo "      $(cat "$WORK/checked"), $(cat "$WORK/recovered")"
		add_up $round
	else
		recover $round "$image"
	fi
done
echo "$OPERATIONS operations acknowledged, $IN_FLIGHT in flight, $WORDS words compared;" \
	"$ROLLED_BACK transactions rolled back, $ORPHANS orphans reclaimed"
finish
