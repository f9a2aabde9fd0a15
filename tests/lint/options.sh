#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# options.sh -- help texts and man pages agree
#
# What must hold: every option and mount option that --help of a program prints
# is in its man page; daxfs is called under both its names.  Needs the programs
# in DAXFS_BUILD.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# page FILE -- the man page as plain text
page() {
	sed 's/^\.\\".*//; s/\\f[BIRP]//g; s/\\-/-/g; s/\\ / /g; s/^\.[A-Z][A-Z]* *//; s/"//g; s/ ,/,/g' "$1" | tr '\n' ' ' | tr -s ' '
}

# dashed -- -x, --long of a help text on standard input
dashed() {
	grep -E '^  -' | sed -E 's/^  //; s/   .*//' | grep -oE '(^|[ ,])--?[A-Za-z][a-z-]*' | tr -d ' ,' | sort -u
}

# words -- mount options: the left column behind "Mount options"
words() {
	sed -n '/^Mount options/,$p' | sed '1d' | grep -E '^  [a-z]' | sed -E 's/^  //; s/ {2,}.*//' | tr -d ' ' |
		tr , '\n' | grep -E '^[a-z_]' | sed -E 's/=(SECONDS|N|TEXT|NAME)$/=/; s/^x-NAME$/x-/' | sort -u |
		grep -vE '^(forall|fornone)' || true
}

# in_page OPTION TEXT -- as a word of its own
in_page() {
	printf '%s' "$2" | grep -qE -- "(^|[^A-Za-z0-9=_-])$(printf '%s' "$1" | sed 's/[.[*^$]/\\&/g')([^A-Za-z0-9_-]|\$)" && return
	case $1 in
	*= | *-) printf '%s' "$2" | grep -qF -- "$1" ;;
	-?) printf '%s' "$2" | grep -qE -- "[^A-Za-z0-9]-[a-zA-Z]*${1#-}" ;;
	*) return 1 ;;
	esac
}

# compare PROGRAM PAGE [WORD...] -- its help, with WORDs as arguments
compare() {
	program=$1 source=$2
	shift 2
	text=$(page "$source")
	help=$("$program" "$@" --help)
	for option in $(echo "$help" | dashed) $(echo "$help" | words); do
		count=$((count + 1))
		in_page "$option" "$text" || breach "$(basename "$program") $*: $option is not in $source"
	done
}

for program in daxfs mkfs.daxfs daxfsctl; do
	[ -x "$DAXFS_BUILD/$program" ] || skip "$program is not built in $DAXFS_BUILD; set DAXFS_BUILD"
done
dir=$(mktemp -d)
trap 'rm -rf "$dir" "$BREACHES"' EXIT
ln -s "$DAXFS_BUILD/daxfs" "$dir/mount.fuse.daxfs"

count=0
compare "$DAXFS_BUILD/mkfs.daxfs" man/mkfs.daxfs.8.in
compare "$DAXFS_BUILD/daxfs" man/daxfs.8.in
compare "$dir/mount.fuse.daxfs" man/mount.fuse.daxfs.8.in
compare "$DAXFS_BUILD/daxfsctl" man/daxfsctl.8.in
for command in stat extents sync; do
	compare "$DAXFS_BUILD/daxfsctl" man/daxfsctl.8.in $command
done
finish "the $count options in the help texts are in the man pages"
