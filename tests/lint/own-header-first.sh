#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# own-header-first.sh -- x.c includes x.h, or an inner header that includes x.h, before anything else
bad=0
for c in src/*/*.c; do
	h=${c%.c}.h
	[ -e "$h" ] || continue
	first=$(grep -m 1 -E '^#[[:space:]]*include' "$c")
	case $first in
	*"\"${h#src/}\""*) continue ;;
	*\"*\"*) inner=src/$(echo "$first" | cut -d'"' -f2) ;;
	*) inner=/dev/null ;;
	esac
	grep -qs "^#include \"${h#src/}\"" "$inner" || { echo "$c begins with $first"; bad=1; }
done
exit $bad
