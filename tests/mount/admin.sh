#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# admin.sh -- what an administrator does with a filesystem that is in use
#
# What must hold: what is in use cannot be unmounted, but by umount -l, which
# ends with the last user; fsck, mkfs and mount may follow an unmount at once;
# the mount flags are enforced, also after a remount; fstab, systemd's generator
# of units, fsck(8), df, stat and findmnt deal with it as with any other.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

FSCK=$DAXFS_BUILD/fsck.daxfs
GENERATOR=/usr/lib/systemd/system-generators/systemd-fstab-generator

need setpriv findmnt python3
setup 64M
chmod 711 "$WORK"
ln -s "$DAXFS" "$WORK/mount.fuse.daxfs"

# -- unmounting ------------------------------------------------------------------

# is_busy WHAT
is_busy() {
	denies umount "$MNT" 2>"$WORK/stderr"
	grep -q busy "$WORK/stderr"
	is_mounted || { echo "$1: unmounted"; return 1; }
}

busy() {
	mount_fs
	mkdir -p "$MNT/dir" "$WORK/mnt.inner"
	exec 7>"$MNT/file"
	is_busy "open for writing"
	exec 7<"$MNT/file"
	is_busy "open for reading"
	exec 7<"$MNT/dir"
	is_busy "an open directory"
	exec 7<&-
	(cd "$MNT/dir" && is_busy "a working directory")
	cp /bin/sleep "$MNT/sleep"
	"$MNT/sleep" 60 &
	sleep 0.1
	is_busy "a running program"
	kill $!
	wait $! || true
	mount -t tmpfs tmpfs "$MNT/dir"
	is_busy "a mount in it"
	umount "$MNT/dir"
	umount_fs
}

# The mount has gone from the tree; whoever has a file open goes on, and ends it.
lazily() {
	mount_fs
	seq 1000 >"$MNT/file"
	pid=$(daemons)
	exec 7<>"$MNT/file" 8<"$MNT"
	umount -l "$MNT"
	denies is_mounted
	denies test -e "$MNT/file"
	same "lines" 1000 "$(wc -l </proc/self/fd/7)"
	seq 2000 >&7
	mkdir /proc/self/fd/8/new
	denies exited "$pid"
	code=0
	"$FSCK" -n "$IMG" || code=$?
	same "fsck of what is in use" 8 "$code"
	exec 7>&- 8<&-
	gone "$pid"
	mount_fs
	same was_clean true "$(fs_json was_clean)"
	seq 2000 | cmp - "$MNT/file"
	test -d "$MNT/new"
	umount_fs
}

# at_once COMMAND... -- after an unmount that has much to finish
at_once() {
	for _ in 1 2; do
		mount_fs
		head -c 8000000 /dev/zero >"$MNT/data"
		patient_umount "$MNT"
		"$@"
	done
}

mounts_again() {
	mount_fs
	same was_clean true "$(fs_json was_clean)"
	umount "$MNT"
	"$FSCK" -n "$IMG"
}

unmounting() {
	check "busy" busy
	check "umount -l" lazily
	check "fsck at once after umount" at_once "$FSCK" -f -n "$IMG"
	check "mkfs at once after umount" at_once "$MKFS" -q -f "$IMG"
	check "mount at once after umount, and fsck after that" at_once mounts_again
	! is_mounted || umount_fs
}

# -- flags -------------------------------------------------------------------------

other() {
	setpriv --reuid 1001 --regid 1001 --clear-groups "$@"
}

stage_flags() {
	mount_fs
	cp "$(command -v id)" "$MNT/id"
	chmod 4755 "$MNT/id"
	mknod "$MNT/null" c 1 3
	chmod 666 "$MNT/null"
	chmod 755 "$MNT"
	umount_fs
}

# allowed -- what the flags would forbid
allowed() {
	"$MNT/id" -u >/dev/null
	same "effective user" 0 "$(other "$MNT/id" -u)"
	echo gone >"$MNT/null"
	same "bytes read" 0 "$(wc -c <"$MNT/null")"
}

forbidden() {
	denies "$MNT/id" 2>"$WORK/stderr"
	grep -q 'Permission denied' "$WORK/stderr"
	denies sh -c "cat '$MNT/null'" 2>"$WORK/stderr"
	grep -q 'Permission denied' "$WORK/stderr"
	mount -i -o remount,exec "$MNT"
	same "effective user" 1001 "$(other "$MNT/id" -u)"
}

from_mount() {
	mount_fs
	allowed
	remount_fs nosuid,nodev,noexec
	forbidden
}

# remounting OPTION,...
remounting() {
	"$WORK/mount.fuse.daxfs" "$IMG" "$MNT" -o "remount,$1"
}

from_remount() {
	remount_fs
	remounting nosuid,nodev,noexec
	forbidden
	remounting suid,dev,exec
	allowed
	umount_fs
}

# Nobody may be writing; then all is durable, of files that are open too.
to_read_only() {
	mount_fs flush=86400
	seq 5000 >"$MNT/read"
	exec 7>>"$MNT/written"
	denies remounting ro 2>"$WORK/stderr"
	grep -q busy "$WORK/stderr"
	echo "still writable" >&7
	exec 7>&- 8<"$MNT/read"
	printf XX | dd of="$MNT/read" conv=notrunc status=none
	[ "$(fs_json dirty_inodes)" != 0 ]
	remounting ro
	same "dirty inodes" 0 "$(fs_json dirty_inodes)"
	denies touch "$MNT/new" 2>"$WORK/stderr"
	same "text" XX "$(head -c 2 <&8)"
	exec 8<&-
	remounting rw
	touch "$MNT/new"
	umount_fs
}

flags() {
	check "a set-user-ID program, a device node" stage_flags
	check "nosuid, nodev, noexec" from_mount
	check "by remount" from_remount
	check "remount,ro" to_read_only
}

# -- tables and tools ------------------------------------------------------------------

write_fstab() {
	printf '%s %s fuse.daxfs dax=always,noatime,nosuid,nofail 0 2\n' "$IMG" "$MNT" >"$WORK/fstab"
	findmnt --verify --tab-file "$WORK/fstab" 2>&1 | grep -q ' 0 errors'
}

by_fstab() {
	mount -T "$WORK/fstab" "$MNT"
	same "from fstab" "$IMG fuse.daxfs" "$(findmnt -no SOURCE,FSTYPE "$MNT" | tr -s ' ')"
	same dax always "$(fs_json dax)"
	findmnt -no OPTIONS "$MNT" | grep noatime | grep -q nosuid
	umount_fs
	mount -a -T "$WORK/fstab"
	mount -a -T "$WORK/fstab"
	same "mounts" 1 "$(grep -c " $MNT " /proc/self/mounts)"
	umount_fs
}

# setting NAME -- in the unit
setting() {
	sed -n "s/^$1=//p" "$WORK"/units/*.mount
}

by_systemd() {
	mkdir "$WORK/units" "$WORK/early" "$WORK/late"
	SYSTEMD_FSTAB=$WORK/fstab "$GENERATOR" "$WORK/units" "$WORK/early" "$WORK/late"
	systemd-analyze verify "$WORK"/units/*.mount
	same What "$IMG" "$(setting What)"
	# As systemd runs it.
	mount "$(setting What)" "$(setting Where)" -t "$(setting Type)" -o "$(setting Options)"
	same dax always "$(fs_json dax)"
	umount_fs
}

by_fsck() {
	mkdir "$WORK/bin"
	ln -s "$FSCK" "$WORK/bin/fsck.fuse.daxfs"
	PATH=$WORK/bin:$PATH fsck -T -t fuse.daxfs "$IMG" -- -n >"$WORK/fsck"
	grep -q clean "$WORK/fsck"
	PATH=$WORK/bin:$PATH fsck -T -t fuse.daxfs -a "$IMG"
}

# What df, stat and findmnt say is what daxfsctl says.
figures() {
	"$MKFS" -q -f -L 'a label' "$IMG"
	mount_fs
	head -c 5000000 /dev/zero >"$MNT/used"
	"$CTL" sync "$MNT"
	total=$(($(fs_json blocks) * 4))
	same "df" "$IMG fuse.daxfs $total $MNT" "$(df -k --output=source,fstype,size,target "$MNT" | tail -n 1 | tr -s ' ')"
	same "df, available" "$(($(fs_json bfree) * 4))" "$(df -k --output=avail "$MNT" | tail -n 1 | tr -d ' ')"
	same "stat -f" "4096 $(fs_json blocks) $(fs_json bfree) 255" "$(stat -f -c '%S %b %f %l' "$MNT")"
	same "df, inodes" "$(fs_json inodes)" "$(df --output=iused "$MNT" | tail -n 1 | tr -d ' ')"
	same "findmnt" "$MNT $IMG fuse.daxfs" "$(findmnt -no TARGET,SOURCE,FSTYPE -T "$MNT/used" | tr -s ' ')"
	! command -v xfs_io >/dev/null || same label 'label = "a label"' "$(xfs_io -r -c label "$MNT")"
	same "stat's device" "$(findmnt -no MAJ:MIN "$MNT" | tr -d ' ')" "$(stat -c %Hd:%Ld "$MNT/used")"
	umount_fs
}

tables() {
	check "fstab" write_fstab
	if link_helper; then
		check "mount and mount -a by fstab" by_fstab
		if [ -x $GENERATOR ] && command -v systemd-analyze >/dev/null; then
			check "systemd's unit of it" by_systemd
		else
			skip "systemd has no generator of units here"
		fi
	else
		skip "/sbin/mount.fuse.daxfs is another one or cannot be made"
	fi
	check "fsck(8)" by_fsck
	check "df, stat -f, findmnt" figures
}

unmounting
flags
tables
finish
