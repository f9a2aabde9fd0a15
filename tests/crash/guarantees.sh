#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# guarantees.sh CRASH [--check] -- the tables of what daxfs promises, from what the crash explorer sees
#
# Writes doc/guarantees.md and the marked parts of README.md and man/daxfs.5.in;
# with --check only compares, and fails when one of them says something else.

set -eu
crash=$1 check=${2:-}
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/guarantees.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$crash" --guarantees >"$work/seen" || {
	cat "$work/seen"
	echo "guarantees.sh: the explorer found a promise broken: there is nothing to print" >&2
	exit 1
}

# groups FORMAT: one row per set of equal promises
groups() {
	awk -F '\t' -v format="$1" '
	function inside(x) { return x == "whole" ? "as before it or as after it" : "old and new bytes, mixed by eights" }
	function when(ret, sync) { return ret == "yes" ? "when the call returns" : sync == "yes" ? "after fsync" : "never" }
	{
		key = inside($2) "\t" when($3, $4)
		if (!(key in names)) { order[++n] = key; names[key] = $1 } else names[key] = names[key] ", " $1
	}
	END {
		for (i = 1; i <= n; i++) {
			split(order[i], part, "\t")
			if (format == "markdown")
				printf "| %s | %s | %s |\n", names[order[i]], part[1], part[2]
			else
				printf "T{\n%s\nT}\tT{\n%s\nT}\tT{\n%s\nT}\n", names[order[i]], part[1], part[2]
		}
	}' "$work/seen"
}

markdown() {
	echo "| operation | a crash inside it leaves it | durable |"
	echo "|---|---|---|"
	groups markdown
}

manual() {
	printf '.TS\nallbox;\nlb lb lb\nlw(30n) lw(20n) l.\nOperation\tA crash inside leaves it\tDurable\n'
	groups manual | sed 's/-/\\-/g'
	echo .TE
}

# replace FILE BEGIN END NEW: what stands between the two lines
replace() {
	begin=$2 end=$3 awk -v new="$4" '
	BEGIN { begin = ENVIRON["begin"]; end = ENVIRON["end"] }	# as they are: -v would read backslashes
	index($0, begin) { print; while ((getline line <new) > 0) print line; skip = 1; next }
	index($0, end) { skip = 0 }
	!skip' "$top/$1" >"$work/$(basename "$1")"
}

full() {
	cat "$top/doc/guarantees.head"
	echo "| operation | a crash inside leaves it | durable when it returns | durable after sync | fences | lines flushed | bytes past the caches |"
	echo "|---|---|---|---|---|---|---|"
	awk -F '\t' '{ printf "| %s | %s | %s | %s | %s | %s | %s |\n", $1, $2, $3, $4, $5, $6, $7 }' "$work/seen"
	cat "$top/doc/guarantees.tail"
}

# settle FILE: put it there, or compare
settle() {
	new=$work/$(basename "$1")
	if [ "$check" != --check ]; then
		cat "$new" >"$top/$1"
	elif ! diff -u "$top/$1" "$new"; then
		echo "guarantees.sh: $1 says something else than what the explorer sees: make guarantees" >&2
		bad=1
	fi
}

bad=0
markdown >"$work/markdown"
manual >"$work/manual"
replace README.md '<!-- guarantees -->' '<!-- end of guarantees -->' "$work/markdown"
replace man/daxfs.5.in '.\" guarantees' '.\" end of guarantees' "$work/manual"
full >"$work/guarantees.md"
settle README.md
settle man/daxfs.5.in
settle doc/guarantees.md
[ $bad = 0 ] && echo "1 passed, 0 failed" || echo "0 passed, 1 failed"
exit $bad
