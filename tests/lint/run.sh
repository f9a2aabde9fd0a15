#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run.sh [NAME...] -- all lint checks, or those named
#
# What must hold: each passes, or says what it lacks.  Prints what they found and
# "N passed, N failed, N skipped"; exits 0, 1, or 77 when none could run.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0 skipped=0

run_one() {
	code=0
	out=$("$here/$1.sh" 2>&1) || code=$?
	case $code in
	0) passed=$((passed + 1)) result=ok ;;
	77) skipped=$((skipped + 1)) result=skip ;;
	*) failed=$((failed + 1)) result=FAIL ;;
	esac
	printf '%-5s %s\n' "$result" "$1"
	echo "$out" | sed 's/^/      | /'
}

[ $# -gt 0 ] || set -- includes seam headers lengths map spdx leftovers options man shell
for name; do
	run_one "$name"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] || exit 1
[ "$passed" != 0 ] || exit 77
