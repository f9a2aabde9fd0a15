#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run.sh -- the conformance suite on daxfs, on ext4 and on tmpfs
#
#	POSIX_DIR=DIRECTORY tests/posix/run.sh	in a directory, on whatever it lies
#	tests/posix/run.sh [daxfs|ext4|tmpfs]	on a fresh filesystem of this kind (default: daxfs)
#
# What must hold: no assertion fails, on daxfs or on the filesystems that people
# compare it with; what these cannot do is named in tests/posix/except.c.  Ends with
# "N assertions" and "N passed, N failed, N skipped".

set -eu
# shellcheck source-path=SCRIPTDIR source=../mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"

SUITE=$DAXFS_BUILD/tests/posix/posix
SIZE=256M
ASSERTIONS=0

[ -x "$SUITE" ] || skip_all "$SUITE is not built"
[ -z "${POSIX_DIR:-}" ] || exec "$SUITE" "$@"

# suite [THEME...] -- adds up what it reports
suite() {
	suite_code=0
	"$SUITE" "$@" >"$WORK/suite" 2>&1 || suite_code=$?
	grep -vE '^[0-9]+ (assertions|passed)' "$WORK/suite" || true
	read -r p f s <<-END
		$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$WORK/suite")
	END
	if [ -z "$p" ]; then
		fail "the suite ended early, exit code $suite_code"
		return
	fi
	PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + s))
	ASSERTIONS=$((ASSERTIONS + $(sed -n 's/^\([0-9]*\) assertions$/\1/p' "$WORK/suite")))
}

# What the cases of theme "rofs" look at.
fixture() {
	mkdir "$MNT/ro" "$MNT/ro/dir"
	chmod 755 "$MNT/ro"
	echo content >"$MNT/ro/file"
	echo content >"$MNT/ro/other"
	ln -s file "$MNT/ro/link"
	mkfifo "$MNT/ro/fifo"
}

# with_options OPTION,... THEME... -- these themes once more, on another kind of mount
with_options() {
	options=$1
	shift
	echo "-- $options"
	remount_fs "$options"
	suite "$@"
}

# POSIX_DIRECT tells the suite that all files are in direct mode.
on_daxfs() {
	setup $SIZE
	mount_fs
	export POSIX_DIR="$MNT"
	suite
	for atime in noatime strictatime; do
		with_options $atime atime
	done
	with_options lazytime times atime
	export POSIX_DIRECT=1
	with_options dax=always open setid times atime size space mmap
	unset POSIX_DIRECT
	with_options dax=never perm create remove rename open setid times atime size space mmap lock notify handle
	fixture
	remount_fs ro
	POSIX_DIR=$WORK POSIX_RO_DIR=$MNT/ro suite rofs
	remount_fs
	"$DAXFS_BUILD/daxfsctl" stat "$MNT" >/dev/null
	umount_fs
}

# The kernel's own; without one the kind is skipped.
on_other() {
	setup 16M
	case $1 in
	tmpfs)
		mount -t tmpfs -o size=$SIZE tmpfs "$MNT" || skip_all "tmpfs cannot be mounted"
		;;
	ext4)
		need mkfs.ext4 losetup
		truncate -s $SIZE "$WORK/ext4.img"
		mkfs.ext4 -q -F -b 4096 "$WORK/ext4.img"
		mount -o loop "$WORK/ext4.img" "$MNT" || skip_all "ext4 cannot be mounted"
		;;
	esac
	export POSIX_DIR="$MNT"
	suite
	patient_umount "$MNT"
}

case ${1:-daxfs} in
daxfs) on_daxfs ;;
ext4 | tmpfs) on_other "$1" ;;
*) echo "unknown filesystem '$1'" >&2; exit 2 ;;
esac
echo "$ASSERTIONS assertions"
finish
