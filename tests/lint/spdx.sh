#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# spdx.sh -- the licence of each file
#
# What must hold: the first line of every source, header, script, man page and
# document, or the second behind a #! line, is its SPDX identifier,
# LGPL-2.1-or-later.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

scripts() {
	find contrib tests .ci -type f 2>/dev/null | while read -r file; do
		! head -n 1 "$file" | grep -q '^#!' || echo "$file"
	done
	for file in autogen.sh configure.ac Makefile.am; do
		[ ! -e $file ] || echo $file
	done
}

{
	sources '^(src|include|tests|man|contrib)/.*\.(c|h|sh|py|in|supp|yml|yaml)$'
	sources '^(src|doc|tests)/.*\.md$'
	scripts
} | sort -u | while read -r file; do
	head -n 2 "$file" | sed '/^#!/d' | head -n 1 | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' ||
		breach "$file"
done
finish "every file begins with its SPDX line"
