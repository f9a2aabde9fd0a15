#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check.sh -- the part of the crash exploration that every test run does; make crash-full does all
#
# Every operation on every geometry, each 40th pair, random triples, all mutants on
# one geometry, and the tables of guarantees against what was seen.

set -eu
crash=${DAXFS_BUILD:-.}/tests/crash/crash
here=$(cd "$(dirname "$0")" && pwd)
passed=0 failed=0

run() {
	if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

run "$crash" --singles --effort 2
run "$crash" --pairs --part 7/40
run "$crash" --triples 50
run "$crash" --mkfs
run "$crash" --mutants --geometry roomy
run sh "$here/guarantees.sh" "$crash" --check
echo "$passed passed, $failed failed"
[ $failed = 0 ]
