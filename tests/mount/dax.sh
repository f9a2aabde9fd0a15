#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# dax.sh -- the DAX attribute and the dax= options
#
# What must hold: chattr, lsattr and xfs_io show and change one attribute, which
# only the owner may; new files and directories have that of their directory; it
# stays with the inode, across mounts too; other attributes are refused.  Which
# files have pages in the kernel's cache tells what each dax= does.  Direct files
# are written by several at a time, without a call's bytes among another's.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

WRITERS=$DAXFS_BUILD/tests/mount/writers

[ -x "$WRITERS" ] || skip_all "$WRITERS is not built; set DAXFS_BUILD"
need python3 chattr lsattr fincore setpriv
setup 64M
chmod 711 "$WORK"

# attribute FILE -- "x" or nothing
attribute() {
	lsattr -d "$1" | cut -d ' ' -f 1 | tr -d -
}

# has FILE..., has_not FILE... -- inside check
has() {
	for file; do same "$file" x "$(attribute "$file")"; done
}

has_not() {
	for file; do same "$file" '' "$(attribute "$file")"; done
}

changed_at() {
	stat -c %z "$1"
}

# -- who has it -------------------------------------------------------------------

shown() {
	touch "$MNT/file"
	has_not "$MNT/file" "$MNT"
	before=$(changed_at "$MNT/file")
	sleep 0.02
	chattr +x "$MNT/file"
	has "$MNT/file"
	[ "$before" != "$(changed_at "$MNT/file")" ] || { echo "ctime stays"; return 1; }
	chattr -x "$MNT/file"
	has_not "$MNT/file"
}

# The other interface, FS_IOC_FSSETXATTR.
through_xfs_io() {
	xfs_io -c 'chattr +x' "$MNT/file"
	has "$MNT/file"
	same lsattr x "$(xfs_io -c lsattr "$MNT/file" | cut -d ' ' -f 1 | tr -d -)"
	xfs_io -c 'chattr -x' "$MNT/file"
	has_not "$MNT/file"
}

refused() {
	for letter in i a A d S; do
		denies chattr "+$letter" "$MNT/file"
	done 2>"$WORK/stderr"
	same "sentences" 5 "$(grep -c 'Operation not supported' "$WORK/stderr")"
	denies setpriv --reuid 1001 --clear-groups chattr +x "$MNT/file" 2>"$WORK/stderr"
	grep -q 'not permitted' "$WORK/stderr"
	has_not "$MNT/file"
	chown 1001 "$MNT/file"
	chmod 755 "$MNT"
	setpriv --reuid 1001 --clear-groups chattr +x "$MNT/file"
	has "$MNT/file"
}

inherited() {
	mkdir "$MNT/plain" "$MNT/direct"
	touch "$MNT/plain/before" "$MNT/direct/before"
	chattr +x "$MNT/direct"
	for dir in plain direct; do
		touch "$MNT/$dir/file"
		mkdir -p "$MNT/$dir/sub/deep"
		cp /etc/passwd "$MNT/$dir/sub/deep/copy"
		python3 -c "
import os, sys
fd = os.open(sys.argv[1], os.O_TMPFILE | os.O_RDWR)
os.link(f'/proc/self/fd/{fd}', sys.argv[1] + '/tmpfile', src_dir_fd=fd, follow_symlinks=True)" "$MNT/$dir"
	done
	in_direct='file tmpfile sub sub/deep sub/deep/copy'
	for name in $in_direct; do
		has_not "$MNT/plain/$name"
		has "$MNT/direct/$name"
	done
	has_not "$MNT/direct/before" "$MNT/plain/before"
	chattr -x "$MNT/direct"
	for name in $in_direct; do has "$MNT/direct/$name"; done
	touch "$MNT/direct/after"
	has_not "$MNT/direct/after"
	has "$MNT/direct/sub"
}

stays() {
	ln "$MNT/direct/file" "$MNT/plain/link"
	mv "$MNT/direct/tmpfile" "$MNT/plain/moved"
	mv "$MNT/plain/file" "$MNT/direct/sub/moved"
	has "$MNT/plain/link" "$MNT/plain/moved"
	has_not "$MNT/direct/sub/moved"
	find "$MNT" -exec lsattr -d {} + >"$WORK/before"
	remount_fs "$1"
	find "$MNT" -exec lsattr -d {} + | diff "$WORK/before" -
	[ "$(grep -c -- 'x-* /' "$WORK/before")" -gt 5 ]
}

read_only() {
	mount -i -o remount,ro "$MNT"
	denies chattr +x "$MNT/plain/before"
	mount -i -o remount,rw "$MNT"
	has_not "$MNT/plain/before"
}

# -- what it does ------------------------------------------------------------------

# cached FILE -- bytes of it that the kernel holds after it was read and written
cached() {
	dd if=/dev/zero of="$1" bs=64k count=4 conv=notrunc status=none
	cat "$1" >/dev/null
	fincore -nbo RES "$1"
}

# keeps BYTES BYTES -- in the page cache, of a file without and one with the attribute
keeps() {
	touch "$MNT/without" "$MNT/with"
	chattr -x "$MNT/without"
	chattr +x "$MNT/with"
	same "without the attribute" "$1" "$(cached "$MNT/without" | tr -d ' ')"
	same "with it" "$2" "$(cached "$MNT/with" | tr -d ' ')"
	rm "$MNT/without" "$MNT/with"
}

# statx FILE -- its words stx_attributes and stx_attributes_mask, only the bit for DAX of each
statx() {
	python3 - "$1" <<-'PYTHON'
		import ctypes, os, struct, sys
		libc, buf = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(256)
		if libc.statx(-100, sys.argv[1].encode(), 0, 0xfff, buf):
		    raise OSError(ctypes.get_errno(), sys.argv[1])
		print(*(struct.unpack_from("=Q", buf, at)[0] >> 21 & 1 for at in (8, 56)))
	PYTHON
}

# As doc/posix.md has it: the kernel says that it knows, and "no", whatever is true.
statx_does_not_tell() {
	touch "$MNT/without" "$MNT/with"
	chattr +x "$MNT/with"
	for file in without with; do
		exec 7<"$MNT/$file"
		same "statx of $file" '0 1' "$(statx "$MNT/$file")"
		exec 7<&-
	done
	has "$MNT/with"
	rm "$MNT/without" "$MNT/with"
}

# The attribute counts from the next open on; nobody's view of the content is older.
at_the_next_open() {
	printf 'old content' >"$MNT/switch"
	exec 7<"$MNT/switch"
	same "through the cache" 'old content' "$(head -c 11 <&7)"
	chattr +x "$MNT/switch"
	printf NEW | dd of="$MNT/switch" conv=notrunc status=none
	exec 8<"$MNT/switch"
	same "direct" 'NEW content' "$(cat <&8)"
	same "opened before" 'NEW content' "$(cat /proc/self/fd/7)"
	exec 7<&- 8<&-
	same "pages" 0 "$(cached "$MNT/switch" | tr -d ' ')"
}

programs_run() {
	cp /bin/true "$MNT/true"
	chattr "$1" "$MNT/true"
	"$MNT/true"
	rm "$MNT/true"
}

# Once with a new file, then with one that is there.  Older kernels let one write at a time.
several_write() {
	if is_kernel 6.9; then
		"$WRITERS" held "$1" || [ $? = 77 ]
		"$WRITERS" held "$1" || [ $? = 77 ]
	fi
	"$WRITERS" mix "$1" 300
	rm "$1"
}

several_write_by_attribute() {
	mkdir "$MNT/dir"
	chattr +x "$MNT/dir"
	several_write "$MNT/dir/written"
	rmdir "$MNT/dir"
}

mount_fs
check "shown and changed" shown
if command -v xfs_io >/dev/null; then
	check "by xfs_io, too" through_xfs_io
else
	skip "xfs_io is not installed"
fi
check "other attributes, other users" refused
check "inherited from the directory" inherited
check "it stays across links, renames and mounts" stays rw
check "a read-only mount" read_only
check "dax=inode: in the page cache without it" keeps 262144 0
check "dax=inode: it counts from the next open on" at_the_next_open
check "dax=inode: statx does not tell" statx_does_not_tell
check "dax=inode: several write a file that has it" several_write_by_attribute
remount_fs dax=always
check "dax=always: several write a file" several_write "$MNT/written"
check "dax=always: statx does not tell" statx_does_not_tell
check "dax=always: nothing in the page cache" keeps 0 0
remount_fs dax=never
check "dax=never: statx does not tell" statx_does_not_tell
check "dax=never: all in the page cache" keeps 262144 262144
for flag in +x -x; do
	check "a program runs, chattr $flag" programs_run $flag
done
umount_fs
finish
