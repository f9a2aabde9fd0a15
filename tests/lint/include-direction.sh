#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# include-direction.sh -- a layer includes itself and the layers below, nothing else
#
# base <- pm <- disk <- core <- fuse; tools use the engine; check never core.
# A library that only one layer may know is kept there.
bad=0

# allowed FOLDER: what its files may include of ours
allowed() {
	case $1 in
	base)	echo 'base' ;;
	pm)	echo 'base|pm' ;;
	disk)	echo 'base|pm|disk|daxfs' ;;
	check)	echo 'base|pm|disk|check|daxfs' ;;
	core)	echo 'base|pm|disk|core|daxfs' ;;
	fuse)	echo 'base|pm|disk|core|fuse|daxfs' ;;
	tools)	echo 'base|pm|disk|core|check|tools|daxfs' ;;
	*)	echo 'none' ;;
	esac
}

# only HEADER FOLDERS: no file outside of them includes it
only() {
	hits=$(grep -rnE "^#[[:space:]]*include <($1)" src | grep -vE "^src/($2)/")
	[ -z "$hits" ] || { echo "$hits"; bad=1; }
}

for dir in src/*/; do
	layer=$(basename "$dir")
	hits=$(grep -rnE '^#[[:space:]]*include "' "$dir" |
		grep -vE "include \"(($(allowed "$layer"))/[a-z0-9_]+\.h|config\.h)\"")
	[ -z "$hits" ] || { echo "$hits"; bad=1; }
done
only 'fuse|linux/fuse\.h' fuse
only 'libpmem' pm
only 'urcu' 'base|pm|core'
only 'json-c|blkid' tools
exit $bad
