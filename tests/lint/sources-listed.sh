#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# sources-listed.sh -- each source file is in Makefile.am, and what is there exists
bad=0
for f in include/daxfs/*.h src/*/*.[ch] tests/*/*.[ch]; do
	grep -qE "(^|[[:space:]=])$f([[:space:]]|\$)" Makefile.am || { echo "$f is not in Makefile.am"; bad=1; }
done
for f in $(grep -oE '(src|tests|include)/[A-Za-z0-9_/-]+\.(c|h|sh|py|md|supp)\b' Makefile.am | sort -u); do
	[ -e "$f" ] || { echo "$f does not exist"; bad=1; }
done
for f in tests/*/*.sh tests/*/*.py contrib/* .ci/*; do
	[ ! -e "$f" ] || grep -qF "$f" Makefile.am || { echo "$f is not distributed"; bad=1; }
done
exit $bad
