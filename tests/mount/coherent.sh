#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# coherent.sh [SECONDS [SEED]] -- read, write and mappings of one file show one content
#
# What must hold: four processes that load and store through mappings, read and
# write (with O_DIRECT and without), truncate, punch, allocate and sync one file
# for SECONDS (default 5; the long form is 60) never find a stale or torn
# sector, and neither does a mount after it, with dax=always, inode and never, and
# with a DAX attribute that changes while the file is in use.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_EACH=${1:-5}
SEED=${2:-$(date +%s)}
COHERENT=$DAXFS_BUILD/tests/mount/coherent

[ -x "$COHERENT" ] || skip_all "$COHERENT is not built; set DAXFS_BUILD"
setup 64M

work() {
	# shellcheck disable=SC2086 # one word or none
	"$COHERENT" run "$MNT/$1" "$WORK/state.$1" "$SECONDS_EACH" "$SEED" $2
}

holds() {
	"$COHERENT" check "$MNT/$1" "$WORK/state.$1"
}

# one NAME OPTIONS [mixed] -- with these options, and again when mounted anew
one() {
	mount_fs "$2"
	if [ "$1" = flag ]; then
		: >"$MNT/flag"
		chattr +x "$MNT/flag" 2>"$WORK/chattr" || echo "      (chattr +x: $(cat "$WORK/chattr"))"
	fi
	check "$2${3:+, $3}, seed $SEED: four processes, $SECONDS_EACH s" work "$1" "${3:-}"
	check "$2: unmount" umount_fs
	mount_fs "$2"
	check "$2: the same after mounting again" holds "$1"
	umount_fs
}

one always dax=always
one never dax=never
one flag dax=inode
one mixed dax=inode mixed
finish
