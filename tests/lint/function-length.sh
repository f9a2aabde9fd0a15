#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# function-length.sh -- short functions and short files, in numbers
#
# Median function <= 15 lines, 90 % <= 45, none over 80 but a table or a switch
# of one line per case; files <= 600 lines, none over 900.
command -v ctags >/dev/null && ctags --version | grep -q Universal || { echo "universal-ctags is not installed"; exit 77; }

# A long function of which nine lines in ten are cases, or initialisers.
is_table() {
	sed -n "$2,$3p" "$1" | awk '/^\t*(case .*|default:.*|\{ .*\},?|\[.*\] = .*)/ { t++ } END { exit t * 10 < NR * 8 }'
}

bad=0
sizes=$(mktemp)
trap 'rm -f "$sizes"' EXIT
ctags -x --languages=C --kinds-C=f --fields=+e --_xformat='%{end} %n %F %N' src/*/*.c src/*/*.h |
	awk '{ print $1 - $2 + 1, $3, $2, $1, $4 }' | sort -n >"$sizes"
n=$(wc -l <"$sizes")
[ "$n" -gt 0 ] || { echo "no functions found"; exit 1; }
at() { awk -v i="$1" 'NR == i { print $1 }' "$sizes"; }
median=$(at $(((n + 1) / 2))) p90=$(at $(((n * 9 + 9) / 10)))
[ "$median" -le 15 ] || { echo "median function: $median lines"; bad=1; }
[ "$p90" -le 45 ] || { echo "nine functions in ten: $p90 lines"; bad=1; }
while read -r len file from to name; do
	[ "$len" -le 80 ] || is_table "$file" "$from" "$to" || { echo "$file: $name has $len lines"; bad=1; }
done <"$sizes"
over=0
for f in src/*/*.[ch] include/daxfs/*.h tests/*/*.[ch]; do
	lines=$(wc -l <"$f")
	[ "$lines" -le 900 ] || { echo "$f has $lines lines"; bad=1; }
	[ "$lines" -le 600 ] || { case $f in src/*) echo "$f has $lines lines"; over=1 ;; esac; }
done
[ $bad = 0 ] && [ $over = 0 ] &&
	echo "$n functions: median $median, nine in ten up to $p90, longest $(at "$n") lines"
exit $((bad | over))
