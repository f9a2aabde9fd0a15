#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# cli.sh -- fsck.daxfs as people and programs run it
#
# What must hold: exit codes are those of fsck(8); what cannot be checked is
# refused with one clear sentence on standard error and nothing else; without
# something to repair, and with -n, not one byte of the image changes; what was
# repaired is clean the next time and can be mounted.

set -eu
# shellcheck source-path=SCRIPTDIR source=../mount/lib.sh
. "$(dirname "$0")/../mount/lib.sh"

FSCK=$DAXFS_BUILD/fsck.daxfs
ANSWER=$DAXFS_SRC/tests/fsck/answer.py
SUPERBLOCK=$DAXFS_SRC/tests/mount/superblock.py

# -- runs ----------------------------------------------------------------------

# run CODE COMMAND... -- inside check: output in WORK/stdout and WORK/stderr
run() {
	want=$1
	shift
	code=0
	timeout 60 "$@" </dev/null >"$WORK/stdout" 2>"$WORK/stderr" || code=$?
	cat "$WORK/stdout" "$WORK/stderr"
	same "exit code" "$want" "$code"
}

# untouched COMMAND... -- inside check: the image is what it was before
untouched() {
	before=$(image_sum)
	"$@"
	same "the image" "$before" "$(image_sum)"
}

# says PATTERN -- inside check, after run
says() {
	grep -q -e "$1" "$WORK/stdout"
}

# refused CODE PATTERN COMMAND... -- one sentence on standard error, nothing else
refused() {
	pattern=$2
	want=$1
	shift 2
	run "$want" "$@"
	same "lines on standard error" 1 "$(wc -l <"$WORK/stderr")"
	same "standard output" '' "$(cat "$WORK/stdout")"
	grep -qi -e "$pattern" "$WORK/stderr"
}

# bad CODE PATTERN COMMAND... -- a check named after the command
bad() {
	check "$(echo "$*" | sed "s|$DAXFS_BUILD/||g; s|$IMG|IMG|g; s|$MNT|DIR|g; s|$WORK/||g; s|^[0-9]* .* fsck|fsck|") -> $1" \
		refused "$@"
	sed 's/^/        /' "$WORK/stderr"
}

# -- images ----------------------------------------------------------------------

# number OFFSET -- 64 bits of the image
number() {
	od -An -v -t u8 -j "$1" -N 8 "$IMG" | tr -d ' '
}

# flip OFFSET -- all bits of a byte of the image
flip() {
	byte=$(od -An -v -t u1 -j "$1" -N 1 "$IMG" | tr -d ' ')
	# shellcheck disable=SC2059 # an octal number
	printf "$(printf '\\%03o' $((255 - byte)))" | dd of="$IMG" bs=1 seek="$1" conv=notrunc status=none
}

# flip_owner -- of the first file: something that -p must leave alone
flip_owner() {
	flip $(($(number 888) * 4096 + 2 * 256 + 24))
}

# fresh -- a filesystem with a file in it, unmounted cleanly
fresh() {
	"$MKFS" -q -f -s 32M "$IMG"
	mount_fs
	seq 5000 >"$MNT/file"
	mkdir "$MNT/directory"
	umount_fs
}

usable() {
	mount_fs
	seq 5000 | cmp - "$MNT/file"
	touch "$MNT/directory/new"
	umount_fs
}

# repaired -- inside check: clean, and in working order
repaired() {
	run 0 "$FSCK" -n "$IMG"
	says ': clean, '
	usable
	run 0 "$FSCK" -n "$IMG"
}

# -- what holds ---------------------------------------------------------------------

help_text() {
	run 0 "$FSCK" "$1"
	[ -s "$WORK/stdout" ] && [ ! -s "$WORK/stderr" ]
}

clean() {
	untouched run 0 "$FSCK" "$@" "$IMG"
	says "^$IMG: clean, [0-9]*/[0-9]* inodes, [0-9]*/[0-9]* blocks\$"
}

clean_on_terminal() {
	untouched run 0 "$ANSWER" '' "$FSCK" "$@" "$IMG"
	says ': clean, '
}

verbose() {
	clean -n -v
	[ "$(wc -l <"$WORK/stdout")" -gt 2 ]
}

clean_images() {
	for option in -n -p -a -y; do
		check "clean, $option" clean $option
		check "clean, -f $option" clean -f $option
	done
	check "clean, without an option, on a terminal" clean_on_terminal
	check "clean, -f, on a terminal" clean_on_terminal -f
	check "clean, -n -v" verbose
}

# Nobody need ask for a check after a crash.
killed() {
	mount_fs
	exec 8>"$MNT/orphan"
	rm "$MNT/orphan"
	pid=$(daemons)
	kill -9 "$pid"
	gone "$pid"
	exec 8>&-
	patient_umount "$MNT"
	for option in -n -p -y; do
		untouched run 0 "$FSCK" "$option" "$IMG"
		says ': clean, '
	done
	usable
}

larger_device() {
	truncate -s +1M "$IMG"
	untouched run 0 "$FSCK" -n "$IMG"
	says ': clean, '
	truncate -s 32M "$IMG"
}

# An older, larger filesystem's copy at the end of the device is not this one's.
older_copy() {
	truncate -s 64M "$IMG"
	"$MKFS" -q -f "$IMG"
	tail -c 4096 "$IMG" >"$WORK/copy"
	fresh
	same "its old place" 0 "$(number $((64 * 1048576 - 4096)))"
	dd if="$WORK/copy" of="$IMG" bs=4096 seek=16383 conv=notrunc status=none
	"$SUPERBLOCK" "$IMG" primary damage
	run 1 "$FSCK" -p "$IMG"
	run 0 "$FSCK" -n "$IMG"
	says '/8192 blocks$'
	usable
	truncate -s 32M "$IMG"
}

# -- damage -------------------------------------------------------------------------

look_only() {
	untouched run 4 "$FSCK" -n "$IMG"
	says 'inode 2'
	says 'ERRORS ARE LEFT'
}

preen_stops() {
	untouched run 4 "$FSCK" "$1" "$IMG"
	says 'inode 2'
	says 'fsck.daxfs -y'
}

refuse_repair() {
	untouched run 4 "$ANSWER" nnnnnnnn "$FSCK" "$IMG"
	says 'inode 2'
	says '?'
}

cancel() {
	untouched run 32 "$ANSWER" '^' "$FSCK" "$IMG"
}

no_input() {
	untouched run 4 "$ANSWER" '' "$FSCK" "$IMG"
}

# What may lose something takes Enter for no ...
enter_is_no() {
	untouched run 4 "$ANSWER" ________ "$FSCK" "$IMG"
	says '<y/N/a>'
}

# ... and anything else for yes.
enter_is_yes() {
	"$SUPERBLOCK" "$IMG" copy damage
	run 1 "$ANSWER" _ "$FSCK" "$IMG"
	says '<Y/n/a>'
	repaired
}

long_answer() {
	untouched run 4 "$ANSWER" ~~~ "$FSCK" "$IMG"
	same "times that it is asked" 4 "$(grep -o '<y/N/a>' "$WORK/stdout" | wc -l)"
}

repair_with() {
	run 1 "$@"
	says 'inode 2'
	repaired
}

preen_copy() {
	"$SUPERBLOCK" "$IMG" copy damage
	untouched run 4 "$FSCK" -n "$IMG"
	run 1 "$FSCK" "$1" "$IMG"
	says 'superblock'
	repaired
}

preen_primary() {
	"$SUPERBLOCK" "$IMG" primary damage
	untouched run 4 "$FSCK" -n "$IMG"
	run 1 "$FSCK" "$1" "$IMG"
	says 'superblock'
	repaired
}

damaged_images() {
	flip_owner
	check "damaged inode, -n" look_only
	check "damaged inode, -p" preen_stops -p
	check "damaged inode, -a" preen_stops -a
	check "damaged inode, all questions answered no" refuse_repair
	check "damaged inode, the end of input at the first question" no_input
	check "damaged inode, Enter" enter_is_no
	check "damaged inode, a long answer" long_answer
	check "damaged inode, interrupted at the first question" cancel
	check "damaged inode, -y" repair_with "$FSCK" -y "$IMG"
	flip_owner
	check "damaged inode, questions answered yes" repair_with "$ANSWER" yyyyyyyy "$FSCK" "$IMG"
	flip_owner
	check "damaged inode, the first question answered with all" repair_with "$ANSWER" a "$FSCK" "$IMG"
	check "damaged copy of the superblock, Enter" enter_is_yes
	for option in -p -a -y; do
		check "damaged copy of the superblock, $option" preen_copy $option
		check "damaged superblock, $option" preen_primary $option
	done
}

# -- programs -------------------------------------------------------------------------

progress_lines() {
	# shellcheck disable=SC2016 # the inner shell's
	run 0 sh -c '"$1" -n -C 9 "$2" 9>"$3"' sh "$FSCK" "$IMG" "$WORK/progress"
	[ -s "$WORK/progress" ]
	denies grep -qvE "^[1-9][0-9]* [0-9]+ [0-9]+ $IMG\$" "$WORK/progress"
}

progress_bar() {
	run 0 "$FSCK" -n -C 0 "$IMG"
	grep -q '%' "$WORK/stdout"
}

# through_fsck OPTION CODE -- as fsck(8) and the boot scripts do; it says nothing
# and succeeds when it finds no checker, so the last line tells
through_fsck() {
	run "$2" env PATH="$WORK:$PATH" fsck -t fuse.daxfs "$1" "$IMG"
	says "^$IMG: .* inodes, .* blocks\$"
}

other_programs() {
	check "-C FD" progress_lines
	check "-C 0" progress_bar
	if ! command -v fsck >/dev/null; then
		skip "fsck -t fuse.daxfs: fsck is not installed"
		return
	fi
	ln -s "$FSCK" "$WORK/fsck.fuse.daxfs"
	check "fsck -t fuse.daxfs -a" through_fsck -a 0
	check "fsck -t fuse.daxfs -n" through_fsck -n 0
	"$SUPERBLOCK" "$IMG" copy damage
	check "fsck -t fuse.daxfs -n, damaged" through_fsck -n 4
	check "fsck -t fuse.daxfs -a, damaged" through_fsck -a 1
	check "fsck -t fuse.daxfs -y, repaired" through_fsck -y 0
}

# -- refusals ---------------------------------------------------------------------------

mounted() {
	mount_fs
	for option in -n -p -y; do
		bad 8 "mounted on $MNT" "$FSCK" "$option" "$IMG"
	done
	check "the mounted filesystem is in working order" ls "$MNT/file"
	umount_fs
}

both_superblocks() {
	"$SUPERBLOCK" "$IMG" primary "$1"
	"$SUPERBLOCK" "$IMG" copy "$1"
}

features() {
	both_superblocks version=2
	bad 8 'newer\|version' "$FSCK" -n "$IMG"
	bad 8 'newer\|version' "$FSCK" -y "$IMG"
	fresh
	both_superblocks incompat=1
	bad 8 feature "$FSCK" -n "$IMG"
	bad 8 feature "$FSCK" -y "$IMG"
	fresh
	both_superblocks ro_compat=1
	check "unknown ro_compat feature, -n" untouched run 0 "$FSCK" -n "$IMG"
	bad 8 feature "$FSCK" -p "$IMG"
	bad 8 feature "$FSCK" -y "$IMG"
	fresh
}

no_filesystem() {
	truncate -s 32M "$WORK/zero"
	bad 8 'no daxfs\|not a daxfs' "$FSCK" -n "$WORK/zero"
	bad 8 'no daxfs\|not a daxfs' "$FSCK" -y "$WORK/zero"
	seq 3000000 >"$WORK/text"
	bad 8 'no daxfs\|not a daxfs' "$FSCK" -n "$WORK/text"
	: >"$WORK/empty"
	bad 8 . "$FSCK" -n "$WORK/empty"
	bad 8 'No such file' "$FSCK" -n "$WORK/absent"
	bad 8 . "$FSCK" -n "$WORK"
	bad 8 . "$FSCK" -n /dev/null
}

cut_short() {
	cp "$IMG" "$WORK/short"
	truncate -s 20M "$WORK/short"
	bad 8 '33554432.*20971520\|20971520.*33554432\|32.*20\|20.*32\|8192.*5120\|5120.*8192' "$FSCK" -n "$WORK/short"
	bad 8 . "$FSCK" -y "$WORK/short"
}

bad_usage() {
	bad 16 'no device' "$FSCK"
	bad 16 'no device' "$FSCK" -n
	bad 16 'more than one' "$FSCK" -n "$IMG" "$IMG"
	bad 16 'option' "$FSCK" -Z "$IMG"
	bad 16 'option' "$FSCK" --bogus "$IMG"
	bad 16 'only one' "$FSCK" -n -y "$IMG"
	bad 16 'only one' "$FSCK" -p -n "$IMG"
	bad 16 'descriptor' "$FSCK" -n -C x "$IMG"
	bad 16 'descriptor' "$FSCK" -n -C 99 "$IMG"
	bad 8 'terminal' "$FSCK" "$IMG"
}

refusals() {
	before=$(image_sum)
	bad_usage
	no_filesystem
	cut_short
	check "the image after all that" same "the image" "$before" "$(image_sum)"
	mounted
	features
}

need python3
setup 32M
fresh
for option in -h --help -V --version; do
	check "$option" help_text $option
done
clean_images
check "after a kill -9 of the daemon" killed
check "a device that is larger than the filesystem" larger_device
check "a device with the copy of an older, larger filesystem" older_copy
damaged_images
other_programs
refusals
finish
