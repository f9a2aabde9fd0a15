#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# man.sh -- the man pages are well-formed
#
# What must hold: mandoc -Tlint has no error and no warning about any of them.
# References to other packages' pages and what configure fills in are left out.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need mandoc
page=$(mktemp)
trap 'rm -f "$page" "$BREACHES"' EXIT
for source in man/*.in; do
	sed 's/@DATE@/2026-01-01/; s/@VERSION@/0/' "$source" >"$page"
	mandoc -Tlint -W warning "$page" 2>&1 | sed "s|.*$page:|$source:|" | breach
done
finish "man pages are clean for mandoc"
