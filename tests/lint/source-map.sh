#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# source-map.sh -- src/README.md names each file of src once, and no other
bad=0
for f in src/*/*.[ch]; do
	n=$(grep -oE '`[a-z0-9_/]+\.[ch]`' src/README.md | tr -d '`' | grep -cxE "(src/)?${f#src/}|$f")
	[ "$n" = 1 ] || { echo "$f is there $n times"; bad=1; }
done
for f in $(grep -oE '`[a-z0-9_]+/[a-z0-9_]+\.[ch]`' src/README.md | tr -d '`'); do
	[ -e "src/$f" ] || [ -e "include/$f" ] || { echo "$f does not exist"; bad=1; }
done
exit $bad
