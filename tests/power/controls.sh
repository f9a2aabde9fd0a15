#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# controls.sh -- does the power-cut model tell good from bad?  And three cuts of each filesystem
#
#	controls.sh [--all]
#
# What must hold: write and fsync survive on ext4-dax and on daxfs, on daxfs also what no fsync follows; stores to
# device-DAX without a flush, or without a fence after it, do not; and a daxfs
# whose flushes are switched off is found out.  --all tries more of both kinds.
# From the environment: DAXFS_BUILD with "make power" done there, DAXFS_SHM.
# Ends with "N passed, N failed, N skipped".
set -u
here=$(cd "$(dirname "$0")" && pwd)
DAXFS_BUILD=$(cd "${DAXFS_BUILD:-.}" && pwd)
export DAXFS_BUILD
work=$(mktemp -d "${DAXFS_SHM:-/dev/shm}/powerXXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
passed=0 failed=0 skipped=0

# try TEXT OPTION...: one campaign
try() {
	text=$1
	shift
	python3 -B "$here/campaign.py" --work "$work" "$@" >"$work/out" 2>&1
	case $? in
	0)	passed=$((passed + 1)); echo "ok    $text: $(tail -n 1 "$work/out")" ;;
	77)	echo "skipped: no virtual machine"; exit 77 ;;
	*)	failed=$((failed + 1)); echo "FAIL  $text"; sed 's/^/      | /' "$work/out" ;;
	esac
}

try "ext4-dax keeps write+fsync" --target ext4 --mode fsync --evict 0+50
try "daxfs keeps write+fsync" --target daxfs --mode fsync --evict 0+50
try "daxfs keeps small writes that sync was asked for" --target daxfs --mode ten-lines-sync --cuts 1 --evict 0 --span 60:110
try "stores without a flush are lost" --target device --mode dax --cuts 1 --evict 0 --span 60:110 --expect lost
try "a flush without a fence is lost" --target device --mode dax-nofence --cuts 1 --evict 0 --span 60:110 --expect lost
try "daxfs without flushes is found out" --target daxfs-flush --mode ten-lines --flush off --cuts 1 --evict 0 \
	--span 60:110 --expect lost

if [ "${1-}" = --all ]; then
	try "ext4-dax loses a mapping without msync" --target ext4 --mode mmap --cuts 1 --evict 0 --span 60:110 --expect lost
	try "ext4-dax keeps msync" --target ext4 --mode msync --cuts 2 --evict 0+50
	try "daxfs loses a mapping without msync" --target daxfs-cached --mode mmap --cuts 1 --evict 0 --span 60:110 --expect lost
	try "daxfs keeps msync" --target daxfs-cached --mode msync --cuts 2 --evict 0+50
	try "daxfs, cut at any flush or fence" --target daxfs --mode fsync --unit event --span 1:9000 --cuts 4 --evict 0+50
	try "daxfs, only SFENCE and MFENCE drain" --target daxfs --mode fsync --fence strict --cuts 2 --evict 0
	try "pmem_persist keeps" --target device --mode dax-persist --cuts 1 --evict 0
	try "pmem_memcpy keeps" --target device --mode dax-copy --cuts 1 --evict 0
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
