#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# headers-alone.sh -- each header compiles by itself, and twice
libs='fuse3 libpmem liburcu liburcu-cds libisal uuid blkid libxxhash json-c check'
flags=$(pkg-config --cflags $libs 2>/dev/null) || { echo "pkg-config does not find all of $libs"; exit 77; }
bad=0
for h in include/daxfs/*.h src/*/*.h tests/*/*.h; do
	printf '#include "%s"\n#include "%s"\ntypedef int not_empty;\n' "$PWD/$h" "$PWD/$h" |
		${CC:-cc} -std=c11 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -Wall -Wextra -Werror -fsyntax-only \
			-Isrc -Iinclude -Itests $flags -x c - || { echo "$h does not stand alone"; bad=1; }
done
exit $bad
