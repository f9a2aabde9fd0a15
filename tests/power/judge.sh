#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# judge.sh -- is the judge of the power cuts awake?
#
# What must hold: load check finds nothing wrong with what load run has left, and
# calls it lost, corrupt or leaked when a part of it is taken back, torn or not its
# own; and of such images the report finds those that break a promise.  On an
# ordinary directory, without a virtual machine.
# From the environment: DAXFS_BUILD with "make power" done there.
# Ends with "N passed, N failed, N skipped".
set -u
here=$(cd "$(dirname "$0")" && pwd)
load=$(cd "${DAXFS_BUILD:-.}" && pwd)/tests/power/load
[ -x "$load" ] || { echo "$load is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
blocks=12 ops=20 seed=7

# says MODE FIELD: what the judge counts, for all operations acknowledged
says() {
	"$load" check "$1" "$work/$1" $blocks $ops $seed $ops | sed -n "s/.* $2=\([0-9]*\).*/\1/p"
}

# finds MODE FIELD COMMAND...: after the command that counter is not zero; before, all but kept are
finds() {
	mode=$1 field=$2
	shift 2
	rm -rf "${work:?}/$mode"
	if "$load" run "$mode" "$work/$mode" $blocks $ops $seed &&
			[ "$(says "$mode" lost) $(says "$mode" corrupt) $(says "$mode" leaked)" = "0 0 0" ] &&
			"$@" && [ "$(says "$mode" "$field")" -gt 0 ]; then
		passed=$((passed + 1)) && echo "ok    $mode: $field by $*"
	else
		failed=$((failed + 1)) && echo "FAIL  $mode: not $field by $*"
	fi
}

# put BYTES OFFSET BYTE FILE: overwrites
put() {
	head -c "$1" /dev/zero | tr '\0' "$3" | dd of="$work/$4" bs=1 seek="$2" conv=notrunc status=none
}

# reports CODE TARGET MODE VERDICT FSCK: what durability.py ends with for a table of that image and one that kept all
reports() {
	mkdir -p "$work/report"
	printf '%s\n' target,mode,seed,cut,events,evict,acked,verdict,kept,lost,corrupt,leaked,flight,fsck \
		"$2,$3,1,0,10,0,4,kept,4,0,0,0,absent,clean" "$2,$3,1,1,10,0,4,$4,3,0,0,0,absent,$5" >"$work/report/durability.csv"
	python3 -B "$here/durability.py" --report --out "$work/report" >/dev/null
	if [ $? = "$1" ]; then
		passed=$((passed + 1)) && echo "ok    report: $2 $3 $4, fsck $5: $1"
	else
		failed=$((failed + 1)) && echo "FAIL  report: $2 $3 $4, fsck $5: not $1"
	fi
}

for mode in fsync append; do
	finds $mode lost put 4096 0 '\0' $mode
	finds $mode lost truncate -s 4096 "$work/$mode"
	finds $mode corrupt put 64 8192 '\0' $mode
	finds $mode leaked put 64 8192 '\333' $mode
	finds $mode lost rm "$work/$mode"
done
finds ten-lines lost put 64 0 '\0' ten-lines
finds ten-lines corrupt put 8 0 '\0' ten-lines
for mode in create link mkdir; do
	finds $mode lost mv "$work/$mode/5" "$work/gone-$mode"
	finds $mode leaked mkdir "$work/$mode/$((ops + 2))"
done
finds create-fsync lost truncate -s 0 "$work/create-fsync/3"
finds create-fsync corrupt truncate -s 8 "$work/create-fsync/3"
finds create-fsync leaked put 64 0 '\333' create-fsync/3
finds unlink lost touch "$work/unlink/7"
finds rename lost rm "$work/rename/base"
finds rename corrupt put 8 64 '\0' rename/base
finds truncate lost truncate -s 40960 "$work/truncate/base"
finds truncate corrupt truncate -s 5000 "$work/truncate/base"
reports 0 daxfs fsync kept clean
reports 1 daxfs fsync lost clean
reports 1 daxfs fsync corrupt clean
reports 1 daxfs fsync corrupt errors
reports 0 ext4 fsync lost clean
reports 0 daxfs-cached mmap lost clean
reports 0 daxfs-cached mmap corrupt clean
reports 1 daxfs-cached mmap corrupt errors
reports 1 daxfs-cached mmap leaked clean
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
