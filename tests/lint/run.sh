#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh -- every rule of the source that a program can check
#
#	tests/lint/run.sh [RULE...]
#
# Each rule is a script beside this one: it prints what breaks the rule and
# exits 1, prints why it cannot tell and exits 77, or says nothing.  From the
# environment: DAXFS_SRC, the top of the source (default: found from here);
# DAXFS_BUILD, where the programs are built (for help-in-manual).  Ends with
# "N passed, N failed, N skipped".
set -u
here=$(cd "$(dirname "$0")" && pwd)
DAXFS_SRC=$(cd "${DAXFS_SRC:-$here/../..}" && pwd)
export DAXFS_SRC DAXFS_BUILD="${DAXFS_BUILD:-$PWD}"
passed=0 failed=0 skipped=0

[ $# != 0 ] || set -- licence include-direction own-header-first headers-alone source-map \
	sources-listed function-length leftovers media-stores help-in-manual manual-pages
cd "$DAXFS_SRC" || exit 2
for rule; do
	out=$(bash "$here/$rule.sh" 2>&1)
	case $? in
	0)	passed=$((passed + 1)); echo "ok    $rule"; [ -z "$out" ] || echo "      $out" ;;
	77)	skipped=$((skipped + 1)); echo "skip  $rule: $out" ;;
	*)	failed=$((failed + 1)); echo "FAIL  $rule"; echo "$out" | sed 's/^/      /' | head -n 60 ;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
