#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# stress-ng.sh [SECONDS [STRESSOR...]] -- stress-ng's filesystem stressors
#
# What must hold: each one runs SECONDS (default 1; the long form is 60) with
# --verify on a mount and ends without a failure, one after the other; at the
# end the filesystem unmounts cleanly and mounts again.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_EACH=${1:-1}
[ $# = 0 ] || shift

# stress-ng's class "filesystem", and others that work in --temp-path.
STRESSORS="access chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify dup
fallocate fanotify fcntl file-ioctl filename flock fpunch fsize fstat getdent handle hdd
inode-flags inotify io iomix lease link locka lockf lockofd mknod open rename symlink sync-file
touch utime xattr aio aiol readahead revio seek sendfile splice acl fiemap verity
metamix fd-race unlink lockmix"

# Those that cannot say anything about daxfs here, and why.
no_use() {
	case $1 in
	fiemap) echo "the kernel answers FIEMAP itself for FUSE: EOPNOTSUPP" ;;
	verity) echo "fs-verity is not offered by FUSE filesystems without their help" ;;
	bind-mount) echo "binds /, never looks at --temp-path" ;;
	binderfs | procfs) echo "tests another filesystem" ;;
	eventfd | ioprio) echo "touches no file of a filesystem" ;;
	*) return 1 ;;
	esac
}

known() {
	stress-ng --stressors | tr ' ' '\n' | grep -qx -- "$1"
}

# stress NAME -- 0, or stress-ng's exit code with its words in WORK/stress
stress() {
	mkdir -p "$MNT/$1"
	cd "$WORK"
	timeout $((SECONDS_EACH + 120)) stress-ng --temp-path "$MNT/$1" --verify --timeout "${SECONDS_EACH}s" \
		--oomable --"$1" 2 >"$WORK/stress" 2>&1
}

# Exit codes 3 and 4 mean: no resource for it, or not implemented.
run_one() {
	code=0
	(stress "$1") || code=$?
	case $code in
	0)
		if grep -q ': skipped' "$WORK/stress"; then skip "$1: $(why "$1")"; else ok "$1"; fi ;;
	3 | 4) skip "$1: $(why "$1")" ;;
	*)
		fail "$1: stress-ng exit code $code"
		sed 's/^/      | /' "$WORK/stress" | tail -n 20 ;;
	esac
	rm -rf "${MNT:?}/$1"
}

why() {
	grep -E "$1|skip" "$WORK/stress" | grep -v 'dispatching' | head -n 1 | sed 's/^stress-ng: //'
}

each() {
	for name; do
		if reason=$(no_use "$name"); then
			skip "$name: $reason"
		elif ! known "$name"; then
			skip "$name: not in this stress-ng"
		else
			run_one "$name"
		fi
	done
}

clean() {
	remount_fs
	same was_clean true "$(fs_json was_clean)"
	same "left over" '' "$(ls -A "$MNT")"
}

need stress-ng
setup 4G
mount_fs
# shellcheck disable=SC2086 # a list of names
if [ $# -gt 0 ]; then each "$@"; else each $STRESSORS bind-mount binderfs procfs eventfd ioprio; fi
check "unmounts cleanly and mounts again, empty" clean
check "unmount" umount_fs
finish
