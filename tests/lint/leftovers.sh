#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# leftovers.sh -- nothing unfinished, nothing untidy
#
# What must hold: no TODO, FIXME, XXX or #if 0 in the source, tests, man pages,
# documents and scripts; no white space at the end of a line; files end in a newline.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

FILES='(\.(c|h|sh|py|in|md|am|ac|yml|supp)$)|^(contrib|\.ci)/'

# The words are put together here so that this file does not hold them.
WORDS="TO""DO|FIX""ME|X""XX"

for file in $(sources "$FILES"); do
	grep -nEw "$WORDS" "$file" | grep -vE "X{4,}|(pread|mktemp).*X{6}" | sed "s|^|$file:|" | breach
	grep -nE '^[[:space:]]*#[[:space:]]*if[[:space:]]+0\b' "$file" | sed "s|^|$file:|" | breach
	grep -nE '[[:space:]]+$' "$file" | cut -c 1-60 | sed "s|^|$file:|; s|\$|	(white space at the end)|" | breach
	[ -z "$(tail -c 1 "$file")" ] || breach "$file: no newline at its end"
done
finish "nothing unfinished, no white space at line ends"
