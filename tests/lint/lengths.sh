#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lengths.sh -- short functions, short files
#
# What must hold, over src/ and over tests/: the median function has at most 15
# lines, the 90th percentile at most 45, none over 80; no file over 600 lines.
# Prints a row for each layer.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

MEDIAN=15 P90=45 LONGEST=80 FILE_LONGEST=600

need ctags
ctags --version 2>/dev/null | grep -q 'Universal Ctags' || skip "ctags is not universal-ctags"

# functions DIR -- "lines name file", shortest first
functions() {
	sources "^$1/.*\\.[ch]\$" | xargs -r ctags -f - --kinds-C=f --languages=C --langmap=C:.c.h \
		--fields=+ne --excmd=number 2>/dev/null |
		awk -F '\t' '{
			for (i = 4; i <= NF; i++) {
				if ($i ~ /^line:/) first = substr($i, 6)
				if ($i ~ /^end:/) last = substr($i, 5)
			}
			print last - first + 1, $1, $2
		}' | sort -n
}

file_lengths() {
	sources "^$1/.*\\.[ch]\$" | while read -r file; do
		echo "$(wc -l <"$file") $file"
	done | sort -n
}

# quantile PERCENT -- of the first column of standard input
quantile() {
	awk -v p="$1" '{ v[NR] = $1 } END { i = int((NR - 1) * p / 100 + 0.5) + 1; print NR ? v[i] : 0 }'
}

# row DIR -- prints it, and sets m, p, longest, file
row() {
	functions "$1" >"$LIST"
	m=$(quantile 50 <"$LIST")
	p=$(quantile 90 <"$LIST")
	longest=$(quantile 100 <"$LIST")
	file=$(file_lengths "$1" | quantile 100)
	printf '%-14s %9d %7d %5d %8d %13d\n' "$1" "$(wc -l <"$LIST")" "$m" "$p" "$longest" "$file"
}

# gate DIR -- a row, and the limits
gate() {
	row "$1"
	[ "$m" -le $MEDIAN ] || breach "$1: median function $m lines, at most $MEDIAN"
	[ "$p" -le $P90 ] || breach "$1: 90th percentile $p lines, at most $P90"
	awk -v max=$LONGEST '$1 > max { print $3 ": " $2 "() has " $1 " lines, at most " max }' "$LIST" | breach
	file_lengths "$1" | awk -v max=$FILE_LONGEST '$1 > max { print $2 ": " $1 " lines, at most " max }' | breach
}

LIST=$(mktemp)
trap 'rm -f "$BREACHES" "$LIST"' EXIT
printf '%-14s %9s %7s %5s %8s %13s\n' folder functions median p90 longest 'longest file'
for dir in src/*/; do
	row "${dir%/}"
done
gate src
gate tests
finish "functions: median <= $MEDIAN, p90 <= $P90, none over $LONGEST lines; files <= $FILE_LONGEST lines"
