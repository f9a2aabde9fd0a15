#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""attributes.py DIRECTORY -- are attributes that the kernel remembers those that the daemon has?

After each kind of change, of all files below DIRECTORY: what stat(2) shows, which may come from
the kernel's memory, against what comes when the kernel has to ask (AT_STATX_FORCE_SYNC).  Set-id bits, which the
kernel honours from memory when a program is run, have to be gone in both.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import stat
import struct
import sys
import time

FORCE, NOFOLLOW, BASIC = 0x2000, 0x100, 0x7ff
AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
SETFLAGS, FSSETXATTR, DAX_FLAG, XFLAG_DAX = 0x40086602, 0x401C5820, 0x02000000, 0x8000
USER, BLOCK, NOBODY_ID = 12345, 4096, 0xFFFFFFFF
TICK = 0.012	# times move with the kernel's clock tick

libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
cases = []


def case(name, user=0):
    """The function does it, as @user."""

    def add(do):
        cases.append((name, user, do))
        return do

    return add


def is_kernel(*version):
    """Or a later one."""
    return tuple(int(n) for n in os.uname().release.split(".")[:2]) >= version


def called(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def statx(path, flags):
    buf = ctypes.create_string_buffer(256)
    if libc.statx(AT_FDCWD, path.encode(), flags | NOFOLLOW, BASIC, buf) < 0:
        return {"error": ctypes.get_errno()}
    _, _, _, nlink, uid, gid, mode, _, ino, size, blocks, _ = struct.unpack_from("IIQIIIHHQQQQ", buf)
    times = struct.unpack_from("qIi" * 4, buf, 64)
    return {"nlink": nlink, "uid": uid, "gid": gid, "mode": oct(mode), "ino": ino, "size": size, "blocks": blocks,
            "atime": times[0:2], "ctime": times[6:8], "mtime": times[9:11]}


def all_paths():
    return ["."] + [os.path.join(top, name) for top, dirs, files in os.walk(".") for name in dirs + files]


def stale(paths):
    """What differs, a line each."""
    for path in paths:
        shown, real = statx(path, 0), statx(path, FORCE)
        for k in real:
            if shown.get(k) != real[k]:
                yield f"{path}: {k} is {real[k]}, and shown as {shown.get(k)}"


def become(user):
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def run_as(user, do):
    """In a child.  Return: whether it could be done."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    try:
        become(user)
        do()
        os._exit(0)
    except Exception as e:
        print(f"{type(e).__name__}: {e}", flush=True)
        os._exit(1)


def try_case(name, user, do):
    """Return: whether it was done and all is shown as it is.  Listing comes last: it brings attributes anew."""
    for path in all_paths():
        statx(path, FORCE)
    known = all_paths()
    time.sleep(TICK)
    wrong = [] if run_as(user, do) else ["failed"]
    wrong += list(stale(known))
    wrong += list(stale(all_paths()))
    for line in wrong:
        print(f"FAIL  {name}: {line}", flush=True)
    return not wrong


# -- what is done ------------------------------------------------------------------------


def make(path, mode=0o644, size=10000):
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    os.write(fd, b"y" * size)
    os.close(fd)
    os.chmod(path, mode)


def write(path, size=5000, offset=0, flags=0):
    fd = os.open(path, os.O_WRONLY | flags)
    os.pwrite(fd, b"x" * size, offset)
    os.close(fd)


def read(path):
    fd = os.open(path, os.O_RDONLY)
    os.read(fd, 10)
    os.close(fd)


def fallocate(path, mode, offset, length):
    fd = os.open(path, os.O_WRONLY)
    called(libc.fallocate(fd, mode, offset, length))
    os.close(fd)


def copy(src, dst):
    os.copy_file_range(os.open(src, os.O_RDONLY), os.open(dst, os.O_WRONLY), 9000, 0, 0)


def rename2(src, dst, flags):
    called(libc.renameat2(AT_FDCWD, src.encode(), AT_FDCWD, dst.encode(), flags))


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


MINIMAL = acl((1, 6, NOBODY_ID), (4, 4, NOBODY_ID), (0x20, 4, NOBODY_ID))
EXTENDED = acl((1, 6, NOBODY_ID), (2, 7, USER), (4, 4, NOBODY_ID), (0x10, 7, NOBODY_ID), (0x20, 0, NOBODY_ID))
CAPABILITY = struct.pack("<5I", 0x02000001, 0x400, 0, 0, 0)

case("write")(lambda: write("f"))
case("write behind the end")(lambda: write("f", 100, 50000))
case("append")(lambda: write("f", 1, 0, os.O_APPEND))
case("write with O_SYNC")(lambda: write("f", 1, 0, os.O_SYNC))
case("fallocate that keeps the size")(lambda: fallocate("f", KEEP_SIZE, 0, 1 << 20))
case("hole")(lambda: fallocate("f", PUNCH_HOLE | KEEP_SIZE, 0, 2 * BLOCK))
case("zero range")(lambda: fallocate("f", ZERO_RANGE, 0, 2 * BLOCK))
case("copy_file_range")(lambda: copy("g", "u"))
case("truncate")(lambda: os.truncate("f", 5))
case("utimens")(lambda: os.utime("g", (1, 2)))
case("fsync")(lambda: os.fsync(os.open("g", os.O_RDWR)))
case("chmod")(lambda: os.chmod("g", 0o6755))
case("chown")(lambda: os.chown("g", USER, USER))
case("user attribute")(lambda: os.setxattr("g", "user.name", b"v" * 30000))
case("user attribute removed")(lambda: os.removexattr("g", "user.name"))
case("access ACL")(lambda: os.setxattr("g", "system.posix_acl_access", EXTENDED))
case("chmod of a file with an ACL")(lambda: os.chmod("g", 0o600))
case("access ACL that is a mode")(lambda: os.setxattr("g", "system.posix_acl_access", MINIMAL))
case("default ACL")(lambda: os.setxattr("d1", "system.posix_acl_default", EXTENDED))
case("create below a default ACL")(lambda: make("d1/inherits"))
case("capability")(lambda: os.setxattr("u", "security.capability", CAPABILITY))
case("write to a file with a capability", USER)(lambda: write("u"))
case("chattr +x")(lambda: fcntl.ioctl(os.open("g", os.O_RDONLY), SETFLAGS, struct.pack("l", DAX_FLAG)))
case("chattr -x")(lambda: fcntl.ioctl(os.open("g", os.O_RDONLY), SETFLAGS, struct.pack("l", 0)))
case("FSSETXATTR")(lambda: fcntl.ioctl(os.open("g", os.O_RDONLY), FSSETXATTR, struct.pack("5I8x", XFLAG_DAX, 0, 0, 0, 0)))
case("create")(lambda: make("d1/a"))
case("mkdir")(lambda: os.mkdir("d1/dir"))
case("symlink")(lambda: os.symlink("target", "d1/symlink"))
case("readlink")(lambda: os.readlink("d1/symlink"))
case("mkfifo")(lambda: os.mkfifo("d1/fifo"))
case("link")(lambda: os.link("d1/a", "d2/b"))
case("second link")(lambda: os.link("d2/b", "d2/c"))
case("rename to the same file")(lambda: os.rename("d2/b", "d2/c"))
case("unlink of one of several links")(lambda: os.unlink("d1/a"))
case("rename over one of several links")(lambda: os.rename("f", "d2/b"))
case("rename of a directory")(lambda: os.rename("d1/dir", "d2/dir"))
case("exchange of a directory and a file")(lambda: rename2("d2/dir", "d1/fifo", EXCHANGE))
case("rename with a whiteout")(lambda: rename2("d2/c", "d1/c", WHITEOUT))
case("rename that must not replace")(lambda: rename2("d1/c", "d2/e", NOREPLACE))
case("rmdir")(lambda: os.rmdir("d1/fifo"))
case("listing")(lambda: os.listdir("d1"))


@case("read after a write")
def read_after_write():
    write("g")
    read("g")


@case("copy_file_range from a file that was changed")
def copy_from_changed():
    write("g")
    time.sleep(TICK)
    copy("g", "u")


@case("reading and changing a mapping")
def mapping():
    fd = os.open("g", os.O_RDWR)
    try:
        with mmap.mmap(fd, BLOCK) as m:
            m[0:5] = bytes(reversed(m[0:5]))
            m.flush()
    except OSError as e:
        if e.errno != errno.ENODEV or is_kernel(6, 6):
            raise
        print("skip  reading and changing a mapping: this kernel maps no files that are accessed directly")
    os.close(fd)


@case("a file without a name that gets one")
def nameless():
    fd = os.open("d1", os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, b"a" * 5000)
    called(libc.linkat(AT_FDCWD, f"/proc/self/fd/{fd}".encode(), AT_FDCWD, b"d1/named", AT_SYMLINK_FOLLOW))


@case("appending until there is no room")
def fill():
    fd = os.open("g", os.O_WRONLY | os.O_APPEND)
    try:
        while os.write(fd, b"f" * (1 << 20)):
            pass
    except OSError as e:
        assert e.errno == errno.ENOSPC


SETID = {
    "write": lambda path: write(path),
    "append": lambda path: write(path, 1, 0, os.O_APPEND),
    "open with O_TRUNC": lambda path: os.open(path, os.O_WRONLY | os.O_TRUNC),
    "truncate": lambda path: os.truncate(path, 5),
    "fallocate": lambda path: fallocate(path, 0, 0, 200000),
    "hole": lambda path: fallocate(path, PUNCH_HOLE | KEEP_SIZE, 0, BLOCK),
    "copy_file_range": lambda path: copy("f2", path),
}


def try_setid(name, do):
    make("setid", 0o6777)
    done = try_case(f"{name} to a set-id file", USER, lambda: do("setid"))
    gone = not os.stat("setid").st_mode & (stat.S_ISUID | stat.S_ISGID)
    if not gone:
        print(f"FAIL  {name}: the set-id bits stay", flush=True)
    os.unlink("setid")
    return done and gone


def main():
    os.chdir(sys.argv[1])
    os.chmod(".", 0o777)
    os.mkdir("d1")
    os.mkdir("d2")
    for name in ("f", "f2", "g", "u"):
        make(name, 0o666)
    results = [try_setid(name, do) for name, do in SETID.items()]
    results += [try_case(*c) for c in cases]
    sys.exit(0 if all(results) else 1)


main()
