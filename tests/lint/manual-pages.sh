#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# manual-pages.sh -- mandoc has nothing to say about the manual pages
command -v mandoc >/dev/null || { echo "mandoc is not installed"; exit 77; }
bad=0
for page in man/*.[58].in; do
	out=$(sed 's/@DATE@/2026-01-01/; s/@VERSION@/1/' "$page" | mandoc -T lint -W warning)
	[ -z "$out" ] || { echo "$page: $out"; bad=1; }
done
exit $bad
