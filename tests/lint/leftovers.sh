#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# leftovers.sh -- nothing is left for later, nothing is switched off, nothing names this machine
words='TO''DO|FIX''ME|XX''X'
bad=0
look() {
	hits=$(grep -rnE "$1" src include tests contrib man doc README.md Makefile.am configure.ac 2>/dev/null |
		grep -v '^Binary' | grep -vE '^tests/lint/|XXXXXX')
	[ -z "$hits" ] || { echo "$hits"; bad=1; }
}
look "(^|[^A-Za-z_])($words)([^A-Za-z_]|\$)"
look '^#[[:space:]]*if 0'
look '(^|[^A-Za-z0-9_.])/wor''k/'
hits=$(grep -rnE '[[:space:]]+$' src include tests --include='*.[ch]')
[ -z "$hits" ] || { echo "$hits"; bad=1; }
exit $bad
