#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# fio.sh [SIZE [SECONDS]] -- every byte that fio wrote is read back
#
# What must hold: with verify=crc32c and 4 jobs, each pattern verifies in the run
# that writes it, and again without a write after an unmount and mount.  SIZE is
# that of each job's file (default 64m); rounds with other random numbers
# follow until SECONDS have passed (default 0: one round).

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SIZE=${1:-64m}
SECONDS_WANTED=${2:-0}
JOBS=4

need fio
setup 6G

# The patterns, one a line: name, then options of fio.
PATTERNS="\
sequential  --rw=write --bs=64k
random      --rw=randwrite --bs=4k
mixed       --rw=randwrite --bssplit=512/20:4k/20:12k/10:64k/25:1m/15:4m/10
read-write  --rw=randrw --bsrange=512-4m
direct      --rw=randwrite --bs=4k --direct=1
direct-aio  --rw=randwrite --bsrange=512-4m --direct=1 --ioengine=libaio --iodepth=16 --serialize_overlap=1
fsync       --rw=randwrite --bs=8k --fsync=1
mmap        --rw=randwrite --bs=4k --ioengine=mmap
mmap-mixed  --rw=randwrite --bsrange=4k-1m --ioengine=mmap --fsync=32"

# run_fio ROUND NAME OPTION... -- in MNT/NAME
run_fio() {
	round=$1 name=$2
	shift 2
	mkdir -p "$MNT/$name"
	cd "$WORK"
	timeout 1800 fio --name="$name" --directory="$MNT/$name" --ioengine=psync --numjobs="$JOBS" \
		--size="$SIZE" --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
		--allrandrepeat=1 --randseed="$round" --group_reporting --output-format=terse "$@"
}

# each_pattern TEXT ROUND OPTION...
each_pattern() {
	text=$1 number=$2
	shift 2
	echo "$PATTERNS" | tr -s ' ' >"$WORK/patterns"
	while read -r pattern options; do
		# shellcheck disable=SC2086 # a list of options
		check "round $number: $pattern $text" run_fio "$number" "$pattern" $options "$@"
	done <"$WORK/patterns"
}

one_round() {
	each_pattern "writes and verifies" "$1"
	check "round $1: unmount and mount" remount_fs
	each_pattern "verifies after the remount" "$1" --verify_only=1
	rm -rf "${MNT:?}"/*
}

end=$(($(date +%s) + SECONDS_WANTED))
round=1
mount_fs
one_round $round
while [ "$(date +%s)" -lt "$end" ]; do
	round=$((round + 1))
	one_round $round
done
check "unmount" umount_fs
finish
