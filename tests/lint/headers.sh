#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# headers.sh -- headers stand alone
#
# What must hold: each header compiles by itself, without a warning, and twice in
# a row, so that it includes what it needs and guards itself.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

CC=${CC:-gcc}

flags() {
	pkg-config --cflags fuse3 libpmem liburcu liburcu-cds libisal uuid blkid libxxhash json-c check 2>/dev/null || true
}

# alone HEADER
alone() {
	# shellcheck disable=SC2086 # lists of words
	printf '#include "%s"\n#include "%s"\n' "$PWD/$1" "$PWD/$1" |
		$CC -x c -std=c11 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -Isrc -Iinclude -Itests -I"$DAXFS_BUILD" \
			$FLAGS -Wall -Wextra -Wno-unused-function -Werror -fsyntax-only - 2>&1
}

need "$CC" pkg-config
FLAGS=$(flags)
for header in $(sources '^(src|include|tests)/.*\.h$'); do
	out=$(alone "$header") || breach "$header:
$(echo "$out" | head -n 4)"
done
finish "each header compiles alone"
