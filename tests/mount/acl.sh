#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# acl.sh -- POSIX ACLs and extended attributes, side by side with ext4
#
# What must hold: whoever works with ACLs, attributes and capabilities sees on
# daxfs what he sees on ext4: who may do what, what is inherited under which
# umask, which mode a file has, what copies carry along, which error a system
# call gives.  Each scenario runs on both and has to say the same, word for
# word.  All of it is there after unmounting, and after the daemon was killed.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need getfacl setfacl getfattr setfattr setcap getcap rsync tar setpriv python3 mkfs.ext4 losetup
setup 256M

EXT=$WORK/mnt-ext4

# -- words that scenarios are made of --------------------------------------------

# try COMMAND... -- its words and whether it worked
try() {
	if "$@" 2>&1; then echo "worked: $*"; else echo "failed: $*"; fi
}

# as USER COMMAND... -- of that user and the group of the same number
as() {
	user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
}

# as_member USER GROUP COMMAND...
as_member() {
	user=$1 group=$2
	shift 2
	setpriv --reuid "$user" --regid "$user" --groups "$group" "$@"
}

# show FILE... -- modes and ACLs
show() {
	stat -c '%A %u:%g %n' "$@"
	getfacl -nc "$@"
}

# reads USER FILE, writes USER FILE
reads() { try as "$1" cat "$2"; }
writes() { try as "$1" sh -c "echo $1 >>$2"; }

# -- who may do what -----------------------------------------------------------------

named_users() {
	echo text >f
	chmod 600 f
	setfacl -m u:1001:r,u:1002:rw f
	show f
	for user in 1001 1002 1003; do reads $user f; writes $user f; done
	setfacl -m m::r f
	show f
	writes 1002 f
	setfacl -x u:1002 f
	reads 1002 f
	setfacl -b f
	show f
	reads 1001 f
}

named_groups() {
	echo text >f
	chown 1001:2000 f
	setfacl -m u::rw,g::r,g:3000:rw,g:4000:-,o::rw f
	show f
	try as_member 1002 2000 cat f
	try as_member 1002 2000 sh -c 'echo x >>f'
	try as_member 1002 3000 sh -c 'echo x >>f'
	try as_member 1002 4000 cat f
	try as_member 1001 4000 cat f
	writes 1005 f
	setfacl -m u:1005:- f
	reads 1005 f
}

directories() {
	mkdir d
	echo text >d/f
	chmod 700 d
	setfacl -m u:1001:x,u:1002:rx,u:1003:rwx d
	for user in 1001 1002 1003 1004; do
		try as $user cat d/f
		try as $user ls d
		try as $user touch d/new$user
	done
	try as 1003 rm d/f
	chmod 710 d
	show d
	try as 1003 ls d
	try as 1003 ls d/new1003
}

whose_acl() {
	touch f
	chown 1001 f
	try as 1001 setfacl -m u:1002:rw f
	try as 1002 setfacl -m u:1003:rw f
	try as 1002 getfacl -nc f
	try as 1002 chmod 777 f
	try as 1002 setfacl -b f
	ln -s f link
	mkfifo fifo
	mkdir d
	try setfacl -m u:1001:rw link
	try setfacl -m u:1001:rw fifo
	try setfacl -d -m u:1001:rw f
	try setfacl -d -m u:1001:rw d
	show f fifo d
}

# -- ACL and mode -----------------------------------------------------------------------

mode_and_mask() {
	touch f
	setfacl -m u:1001:rwx,g:2000:x f
	for mode in 640 4711 000 2777 606; do
		chmod $mode f
		show f
	done
	setfacl -m m::rx f
	show f
	setfacl --set u::rwx,g::-,o::x f
	show f
	getfattr -d -m - f
	setfacl -m u:1001:rwx f
	chown 1001:2000 f
	show f
	chmod g-w,u+s f
	try as 1002 sh -c 'echo x >>f'
	try as 1001 sh -c 'echo x >>f'
	show f
}

setgid_and_groups() {
	for f in kept lost; do
		echo text >$f
		chown 1001:2000 $f
		chmod 2775 $f
	done
	as_member 1001 2000 setfacl -m u:1002:r kept
	as 1001 setfacl -m u:1002:r lost
	show kept lost
	as 1001 setfacl -m u:1002:rw kept
	show kept
	mkdir d
	chown 1001:2000 d
	chmod 2770 d
	as 1001 setfacl -d -m u:1002:r d
	show d
	as 1001 setfacl -m g::r d
	show d
}

# -- inheritance -------------------------------------------------------------------------

# Files that no program of the shell makes: by O_TMPFILE, and with an odd mode.
make_unusual() {
	python3 -c "
import os
for mask in '0', '022', '077', '0777':
    os.umask(int(mask, 8))
    fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o666)
    os.link(f'/proc/self/fd/{fd}', 'tmp' + mask, src_dir_fd=fd, follow_symlinks=True)
    os.close(os.open('open' + mask, os.O_CREAT | os.O_EXCL, 0o5751))"
}

make_all() {
	make_unusual
	for mask in 0 022 077 0777; do
		umask $mask
		touch file$mask
		mkdir dir$mask
		mkfifo fifo$mask
		mknod node$mask c 1 3
		ln -s x link$mask
		umask 022
		show file$mask dir$mask fifo$mask node$mask tmp$mask open$mask
	done
	stat -c '%A %n' link*
}

inherit() {
	mkdir d
	setfacl "$@" d
	cd d
	make_all
	mkdir -p dir022/deep/deeper
	touch dir022/deep/deeper/f
	show dir022/deep dir022/deep/deeper dir022/deep/deeper/f
	cp /etc/hostname plain
	install -m 751 /etc/hostname installed
	show plain installed
}

no_default() { inherit -m u:1001:rwx; }
small_default() { inherit -d -m u::rwx,g::rx,o::-; }
large_default() { inherit -d -m u::rwx,u:1001:rwx,g::rx,g:2000:w,o::r; }
masked_default() { inherit -d -m u:1001:rwx,m::rx; }
setgid_default() { mkdir s && chown :3000 s && chmod 2775 s && cd s && inherit -d -m g:2000:rwx; }

users_inherit() {
	mkdir d
	chmod 777 d
	setfacl -d -m u:1002:rw,o::- d
	umask 077
	as 1001 touch d/f
	writes 1002 d/f
	reads 1003 d/f
	as 1001 mkdir d/sub
	try as 1002 touch d/sub/x
	umask 022
	show d/f d/sub
}

# -- copies ---------------------------------------------------------------------------------

tree() {
	mkdir -p "$1/sub/empty"
	echo one >"$1/one"
	echo two >"$1/sub/two"
	mkfifo "$1/fifo"
	ln -s one "$1/link"
	setfacl -m u:1001:rw,g:2000:x "$1/one" "$1/fifo"
	setfacl -d -m u:1002:rwx "$1/sub"
	echo three >"$1/sub/three"
	setfattr -n user.colour -v blue "$1/one"
	setfattr -n user.empty "$1/sub"
	setfattr -n trusted.t -v secret "$1/sub/two"
	setfattr -n security.s -v label "$1/link" -h
	setcap cap_net_raw+ep "$1/sub/three"
	chown -h 1001:2000 "$1/link"
	chmod 4750 "$1/sub/two"
}

describe() {
	(
		cd "$1"
		find . -print0 | sort -z | xargs -0 stat -c '%A %u:%g %n'
		find . ! -type l -print0 | sort -z | xargs -0 getfacl -n
		getfattr -R -h -d -m - . | sort
		getcap -r . | sort
	)
}

as_before() {
	describe "$1" >"$WORK/copy"
	diff -u "$WORK/original" "$WORK/copy" && echo "$2: the same"
}

# copied -- five ways on the same filesystem, then by way of the other one
copied() {
	other=$1
	tree t
	describe t | tee "$WORK/original"
	cp -a t cp
	as_before cp "cp -a"
	rsync -aAX t/ rsync
	as_before rsync "rsync -AX"
	tar -C t --acls --xattrs --xattrs-include='*' -cf t.tar .
	mkdir tar
	tar -C tar --acls --xattrs --xattrs-include='*' -xpf t.tar
	as_before tar "tar --acls --xattrs"
	mkdir restored
	cp -r --preserve=mode,ownership,links,xattr t/. restored
	(cd t && getfacl -nR .) >acls
	(cd restored && setfacl -bR . && setfacl --restore=../acls)
	as_before restored "setfacl --restore"
	cp -a t "$other/there"
	as_before "$other/there" "cp -a to the other filesystem"
	rsync -aAX "$other/there/" back
	as_before back "rsync -AX back again"
	rm -rf "$other/there"
}

# -- attributes ---------------------------------------------------------------------------------

capabilities() {
	cp /bin/true f
	setcap cap_net_raw,cap_chown+ep f
	getcap f
	mv f g
	getcap g
	echo more >>g
	echo "after a write: $(getcap g)"
	setcap cap_net_raw+ep g
	python3 -c "
import mmap, os
fd = os.open('g', os.O_RDWR | os.O_DIRECT)
os.write(fd, mmap.mmap(-1, 4096))"
	echo "after a direct write: $(getcap g)"
	setcap cap_net_raw+ep g
	truncate -s 100 g
	echo "after truncate: $(getcap g)"
	setcap cap_net_raw+ep g
	chown 1001 g
	echo "after chown: $(getcap g)"
	setcap cap_net_raw+ep g
	chmod 700 g
	echo "after chmod: $(getcap g)"
	setcap -r g
	echo "removed: $(getcap g)"
	try as 1001 setcap cap_net_raw+ep g
}

# setid_goes COMMAND... -- by the owner, who is not privileged
setid_goes() {
	head -c 100000 /dev/zero >f
	chown 1001:1001 f
	for mode in 6755 2745; do
		chmod $mode f
		as 1001 "$@"
		echo "$mode after $*: $(stat -c %a f)"
	done
	"$@"
	echo "$mode after $* by root: $(stat -c %a f)"
}

setid_bits() {
	chmod 777 .
	setid_goes sh -c 'echo x >>f'
	setid_goes sh -c 'echo x >f'
	setid_goes truncate -s 10 f
	setid_goes fallocate -l 200000 f
	setid_goes fallocate -p -l 4096 f
	setid_goes python3 -c "
import os
fd = os.open('f', os.O_RDWR)
os.copy_file_range(fd, fd, 4096, 0, 8192)"
}

direct_setid_bits() { setid_bits; }
direct_capabilities() { capabilities; }

names_by_user() {
	touch f
	chmod 666 f
	setfattr -n user.u -v 1 f
	setfattr -n trusted.t -v 2 f
	setfattr -n security.s -v 3 f
	setfacl -m u:1001:rw f
	for user in 0 1001; do
		try as $user getfattr -d -m - f
		try as $user getfattr -n trusted.t f
		try as $user getfattr -n security.s f
		try as $user setfattr -n user.by$user -v 1 f
		try as $user setfattr -n trusted.by$user -v 1 f
		try as $user setfattr -n security.by$user -v 1 f
	done
	getfattr -d -m - f
}

errors() {
	python3 "$DAXFS_SRC/tests/mount/xattr.py"
}

# -- the comparison --------------------------------------------------------------------------------

# on FILESYSTEM SCENARIO -- in a directory of its own
on() {
	umask 022
	mkdir "$1/$2"
	cd "$1/$2"
	other=$MNT
	[ "$1" != "$MNT" ] || other=$EXT
	"$2" "$other" 2>&1
}

# both SCENARIO -- inside check: what it says on daxfs is what it says on ext4
both() {
	(on "$MNT" "$1") >"$WORK/daxfs.$1" || echo "exit code $?" >>"$WORK/daxfs.$1"
	(on "$EXT" "$1") >"$WORK/ext4.$1" || echo "exit code $?" >>"$WORK/ext4.$1"
	[ -s "$WORK/ext4.$1" ]
	if grep -n '^exit code\|^Traceback' "$WORK/ext4.$1"; then return 1; fi
	diff -u "$WORK/ext4.$1" "$WORK/daxfs.$1"
}

mount_ext4() {
	chmod 711 "$WORK"
	truncate -s 256M "$WORK/ext4.img"
	mkfs.ext4 -q -b 4096 -O ea_inode "$WORK/ext4.img" || return 1
	mkdir "$EXT"
	mount -o loop "$WORK/ext4.img" "$EXT"
}

# The whole tree, users' files and copies included, as it was.
survives() {
	describe "$MNT" >"$WORK/before"
	"$1"
	describe "$MNT" >"$WORK/after"
	[ "$(wc -l <"$WORK/before")" -gt 100 ]
	cmp "$WORK/before" "$WORK/after"
}

# 511 entries are a page, which is what the kernel's FUSE carries.
largest_acl() {
	touch "$MNT/large"
	{ printf '%s\n' u::rw g::r o::r; seq -f 'u:%.0f:r' 10001 10507; } >"$WORK/acl"
	setfacl -M "$WORK/acl" "$MNT/large"
	same "entries" 511 "$(getfacl -nc "$MNT/large" | grep -c :)"
	denies setfacl -m u:20000:r "$MNT/large"
	same "entries" 511 "$(getfacl -nc "$MNT/large" | grep -c :)"
}

mount_ext4 >"$WORK/out" 2>&1 || skip_all "no ext4 to compare with: $(tail -n 1 "$WORK/out")"
mount_fs
for scenario in named_users named_groups directories whose_acl mode_and_mask setgid_and_groups \
	no_default small_default large_default masked_default setgid_default users_inherit \
	copied capabilities setid_bits names_by_user errors; do
	check "$(echo $scenario | tr _ ' '), as on ext4" both $scenario
done
remount_fs dax=always
for scenario in direct_capabilities direct_setid_bits; do
	check "$(echo $scenario | tr _ ' '), as on ext4" both $scenario
done
check "an ACL of a page" largest_acl
check "all of it after a remount" survives remount_fs
check "all of it after the daemon was killed" survives kill_and_mount
umount_fs
finish
