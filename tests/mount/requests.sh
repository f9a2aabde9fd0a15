#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# requests.sh -- how many requests the things cost that programs do
#
# What must hold: no more than the table in requests.py says, in direct mode and
# through the page cache; none of a copy is refused; 10,000 writes ask for no
# attribute; a second ls -lR of 10,000 files sends no request per file; a read over
# io_uring asks for 256 KiB at a time; with -o sync no fsync is sent.  The root
# directory stays in memory, though the kernel never looks it up.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# requests -- all that came so far, but for those of asking
requests() {
	"$CTL" stat --json "$MNT" | python3 -c '
import json, sys
r = json.load(sys.stdin)["requests"]
print(sum(n for kind, n in r.items() if kind not in ("ioctl", "opendir", "releasedir", "forget")))'
}

# since KIND COUNT: how many more there are now
since() {
	now=$(fs_json "$1")
	echo $((${now:?$1} - ${2:?$1}))
}

table() {
	code=0
	mkdir "$MNT/table"
	python3 "$DAXFS_SRC/tests/mount/requests.py" "$MNT/table" "$CTL" "$1" >"$WORK/table" 2>&1 || code=$?
	rm -rf "$MNT/table"
	grep -v '^ok' "$WORK/table" || true
	return "$code"
}

writes_ask_nothing() {
	before=$(fs_json getxattr)
	dd if=/dev/zero of="$MNT/written" bs=4k count=10000 status=none
	n=$(since getxattr "$before")
	[ "$n" -le 2 ]
	rm "$MNT/written"
}

make_tree() {
	for dir in $(seq 100); do
		mkdir "$MNT/tree$dir"
		(cd "$MNT/tree$dir" && seq 100 | xargs touch)
	done
}

# The first listing moves the access times of the 100 directories, and the kernel asks for their
# attributes once more, then for their two ACLs: which listing brings what is not certain.
one_more_listing() {
	before=$(requests)
	ls -lR "$MNT" >"$WORK/second"
	after=$(requests)
	cmp "$WORK/first" "$WORK/second"
	echo "$((after - before)) requests"
}

# A directory whose pages the kernel has taken back meanwhile (DAMON's reclaim does, without need) is read once
# more, and each of its files asked for its ACL: so the listing that found all of them counts.
second_listing() {
	make_tree
	ls -lR "$MNT" >"$WORK/first"
	[ "$(wc -l <"$WORK/first")" -gt 10000 ]
	for _ in 1 2 3 4 5; do
		one_more_listing
		[ $((after - before)) -ge 400 ] || return 0
	done
	return 1
}

# Through /dev/fuse larger requests are only cheaper; over io_uring they would make small files dearer.
large_read() {
	head -c 1M /dev/urandom >"$MNT/large"
	before=$(fs_json read)
	dd if="$MNT/large" of=/dev/null bs=1M count=1 status=none
	n=$(since read "$before")
	case $(fs_json transport) in
	io_uring) same "requests to read 1 MiB over io_uring" 4 "$n" ;;
	*) same "requests to read 1 MiB through /dev/fuse" 1 "$n" ;;
	esac
	rm "$MNT/large"
}

no_fsync() {
	before=$(fs_json fsync)
	for n in 1 2 3 4 5; do
		dd if=/dev/zero of="$MNT/synced$n" bs=4k count=10 conv=fsync status=none
	done
	n=$(since fsync "$before")
	[ "$n" -le 1 ]
}

# The form with 64-bit answers comes first (Linux 6.18): if it is refused, the other has to follow.  The
# first close is refused (FLUSH), and no other request of these.
copy_is_one_request() {
	head -c 5000000 /dev/urandom >"$MNT/from"
	other=$(fs_json other)
	copies=$(fs_json copy_file_range)
	python3 - "$MNT" <<-'PYTHON'
		import os, sys
		os.chdir(sys.argv[1])
		src, dst = os.open("from", os.O_RDONLY), os.open("to", os.O_CREAT | os.O_WRONLY)
		at = 0
		while n := os.copy_file_range(src, dst, 1 << 33, at, at):
		    at += n
		assert at == 5000000, at
	PYTHON
	cmp "$MNT/from" "$MNT/to"
	same "copies" 3 "$(since copy_file_range "$copies")"
	same "refused requests" 0 "$(since other "$other")"
	rm "$MNT/from" "$MNT/to"
}

# Otherwise each request about a name in it would build its index anew.
root_stays() {
	: >"$MNT/file"
	same "inodes in memory, the root and a file" 2 "$(fs_json cached_inodes "$MNT/file")"
	rm "$MNT/file"
}

need python3
setup 256M
check "mount" mount_fs
check "the root directory stays in memory" root_stays
check "no request of a copy is refused" copy_is_one_request
check "unmount" umount_fs
for mode in always:direct never:cached; do
	options=dax=${mode%:*}
	check "mount" mount_fs "$options"
	check "$options: what is in the table" table "${mode#*:}"
	sed 's/^/      /' "$WORK/table"
	check "$options: 10,000 writes ask for no attribute" writes_ask_nothing
	if [ "$mode" = always:direct ]; then
		check "a second ls -lR of 10,000 files" second_listing
		sed -n 's/^[0-9]* requests$/      &/p' "$WORK/out"
		check "$options: requests of a large read" large_read
	fi
	check "unmount" umount_fs
	"$MKFS" -q -f "$IMG"
done
check "mount" mount_fs sync
check "sync: fsync costs no request" no_fsync
check "unmount" umount_fs
finish
