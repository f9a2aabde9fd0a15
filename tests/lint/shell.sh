#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# shell.sh -- the shell scripts are sound
#
# What must hold: every shell script sets -eu, is executable unless it is only
# sourced, and shellcheck has nothing to say about it.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need shellcheck
count=0
for file in $(sources '.') autogen.sh; do
	head -n 1 "$file" | grep -qE '^#!.*\b(sh|bash)$' || continue
	count=$((count + 1))
	[ -x "$file" ] || breach "$file: not executable"
	grep -qE '^set -e' "$file" || breach "$file: no set -eu"
	shellcheck -x -f gcc "$file" | breach
done
finish "$count shell scripts are sound for shellcheck"
