#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# includes.sh -- the direction of the layers
#
# What must hold: base <- pm <- disk <- core <- fuse and tools, check only above
# disk; a file includes its own layer and those to its left.  libfuse is known
# only to src/fuse, libpmem only to src/pm, liburcu only to base, pm and core.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# may LAYER -- the layers whose headers it may include
may() {
	case $1 in
	base) echo "base" ;;
	pm) echo "base pm" ;;
	disk) echo "base pm disk" ;;
	core) echo "base pm disk core" ;;
	check) echo "base pm disk check" ;;
	fuse) echo "base pm disk core fuse" ;;
	tools) echo "base pm disk core check tools" ;;
	*) echo "" ;;
	esac
}

# wrong_includes LAYER -- lines that reach to its right
wrong_includes() {
	allowed=$(may "$1" | tr ' ' '|')
	grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+["<](base|pm|disk|core|check|fuse|tools)/' "src/$1" |
		grep -vE "[\"<]($allowed)/" || true
}

# only_in LAYERS HEADERS
only_in() {
	grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]+[\"<]($2)" src include |
		grep -vE "^src/($1)/" | sed "s/\$/	(only src\/$1 may)/" || true
}

for dir in src/*/; do
	layer=$(basename "$dir")
	[ -n "$(may "$layer")" ] || breach "$dir: a folder that is no layer"
	wrong_includes "$layer" | breach
done
only_in fuse 'fuse|linux/fuse\.h|libfuse|liburing' | breach
only_in pm 'libpmem' | breach
only_in 'base|pm|core' 'urcu' | breach
finish "each layer includes only itself and what is to its left"
