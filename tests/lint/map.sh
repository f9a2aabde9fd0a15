#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# map.sh -- src/README.md is the map of the source
#
# What must hold: every .c and .h file of src/ is named there, with its path from
# src/ in backquotes or at a line's beginning, exactly once; every file named
# there exists; and Makefile.am names each as well.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

MAP=src/README.md

# named FILE -- in how many lines of the map; paths may come from the top or from src/
named() {
	grep -cE "(^|[^A-Za-z0-9_/.-])(src/)?$(echo "${1#src/}" | sed 's/\./\\./g')([^A-Za-z0-9_.-]|\$)" "$MAP" || true
}

each_once() {
	sources '^src/.*\.[ch]$' | while read -r file; do
		times=$(named "$file")
		[ "$times" = 1 ] || breach "$file: $times times in $MAP"
		grep -qF "$file" Makefile.am || breach "$file: not in Makefile.am"
	done
}

no_ghosts() {
	grep -oE '[a-z]+/[a-z0-9_]+\.[ch]\b' "$MAP" | sort -u | while read -r file; do
		[ -e "src/$file" ] || [ -e "include/$file" ] || [ -e "$file" ] || breach "$MAP: $file does not exist"
	done
}

if [ ! -e $MAP ]; then
	breach "$MAP does not exist"
else
	each_once
	no_ghosts
fi
finish "every source file is in $MAP exactly once, and in Makefile.am"
