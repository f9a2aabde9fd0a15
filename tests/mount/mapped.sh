#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# mapped.sh -- what was stored through a mapping and synced outlives the daemon
#
# What must hold, with dax=always, inode and never: after fsync, fdatasync and
# msync, stores to pages that an earlier one had made clean are with the daemon,
# whose death takes the kernel's page cache of the mount along.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

PATIENCE=60	# seconds
PROGRAM=$DAXFS_SRC/tests/mount/mapped.py

need python3 chattr
setup 64M

until_ready() {
	tries=0
	until grep -qs ready "$WORK/said"; do
		tries=$((tries + 1))
		if exited "$1" || [ $tries = $((PATIENCE * 100)) ]; then
			cat "$WORK/said"
			return 1
		fi
		sleep 0.01
	done
}

# end_process PID -- its mapping is of a filesystem that has gone
end_process() {
	kill -9 "$1"
	gone "$1"
}

store_and_crash() {
	: >"$MNT/file"
	[ "$1" != dax=inode ] || chattr +x "$MNT/file"
	rm -f "$WORK/said"
	(cd / && exec python3 "$PROGRAM" store "$MNT/file") >"$WORK/said" 2>&1 &
	storer=$!
	code=0
	until_ready $storer || code=1
	kill_daemon
	end_process $storer
	patient_umount "$MNT"
	mount_fs "$1"
	return $code
}

for mode in dax=always dax=inode dax=never; do
	if [ $mode != dax=never ] && ! is_kernel 6.6; then
		skip "$mode: Linux maps files that are accessed directly from 6.6 on"
		continue
	fi
	mount_fs $mode
	check "$mode: stores and syncs in turn, then the daemon is killed" store_and_crash $mode
	check "$mode: every page is as it was synced last" python3 "$PROGRAM" check "$MNT/file"
	umount_fs
done
finish
