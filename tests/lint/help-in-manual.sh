#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# help-in-manual.sh -- each option that --help names is in the manual page
bad=0

# words PROGRAM NAME: its options under that name, and the words of lists that begin a line with two blanks
words() {
	(exec -a "$2" "$1" --help) 2>&1 | sed -nE 's/^  ([^ ].*)$/\1/p' | sed -E 's/   +.*//' | tr ',' '\n' |
		sed -E 's/^ +//; s/[= ].*//' | grep -E '^-{0,2}[a-z_A-Z]' | grep -vE '^[A-Z]+$' | sort -u
}

# check NAME [PROGRAM]
check() {
	program=$DAXFS_BUILD/${2:-$1} page=man/$1.8.in
	[ -x "$program" ] || { echo "$program is not built"; exit 77; }
	text=$(sed 's/\\-/-/g; s/\\f.//g' "$page")
	list=$(words "$program" "$1")
	[ -n "$list" ] || { echo "$1 --help names no options"; bad=1; }
	for w in $list; do
		printf '%s\n' "$text" | grep -qE -- "(^|[^a-z-])$w([^a-z_-]|\$)" || { echo "$1: '$w' is not in $page"; bad=1; }
	done
}

check mkfs.daxfs
check fsck.daxfs
check daxfs
check mount.fuse.daxfs daxfs
check daxfsctl
check umount.fuse.daxfs
exit $bad
