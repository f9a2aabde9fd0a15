#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tree.sh -- a real tree of at least 20,000 files
#
# What must hold: after cp -a, unmount and mount, rsync finds no difference in
# content, names, owners, modes, times, links, xattrs, in either direction.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SOURCES='/usr/include /usr/share'
WANTED=20000

need rsync cp find
setup 6G

# shellcheck disable=SC2086 # a list of directories
count_sources() {
	find $SOURCES 2>/dev/null | wc -l
}

# How often the sources have to be copied to make WANTED files.
nr_copies() {
	echo $(((WANTED + $1 - 1) / $1))
}

# copy N -- the sources, into MNT/N
copy() {
	mkdir "$MNT/$1"
	for dir in $SOURCES; do
		[ ! -d "$dir" ] || cp -a "$dir" "$MNT/$1/"
	done
}

differences() {
	rsync -aHAX --checksum --dry-run --itemize-changes "$1/" "$2/" >"$WORK/diff" 2>&1
	sed -n '1,20p' "$WORK/diff"
	[ ! -s "$WORK/diff" ]
}

compare() {
	for dir in $SOURCES; do
		[ -d "$dir" ] || continue
		check "copy $1: $dir is in daxfs" differences "$dir" "$MNT/$1/$(basename "$dir")"
		check "copy $1: nothing in daxfs but $dir" differences "$MNT/$1/$(basename "$dir")" "$dir"
	done
}

enough() {
	[ "$(find "$MNT" | wc -l)" -ge "$WANTED" ]
}

copies=$(nr_copies "$(count_sources)")
mount_fs
for n in $(seq "$copies"); do
	check "cp -a, copy $n of $copies" copy "$n"
done
check "at least $WANTED files" enough
check "unmount and mount" remount_fs
check "the unmount was clean" same was_clean true "$(fs_json was_clean)"
for n in $(seq "$copies"); do
	compare "$n"
done
check "unmount" umount_fs
finish
