#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""System calls that shell tools do not make, in the directory given.

What must hold: each does what its man page says.  Prints the name of each check
before it runs; the first that fails ends the program with a traceback.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import stat
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
NOREPLACE, EXCHANGE = 1, 2
AT_FDCWD = -100
MIB = 1 << 20
FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR, FS_XFLAG_DAX = 0x801C581F, 0x401C5820, 0x8000


def fails(code, function, *args):
    try:
        function(*args)
    except OSError as e:
        assert e.errno == code, f"{e}, expected {errno.errorcode[code]}"
    else:
        raise AssertionError(f"succeeded, expected {errno.errorcode[code]}")


def call(function, *args):
    if function(*args) < 0:
        raise OSError(ctypes.get_errno(), function.__name__)


def fallocate(fd, mode, offset, length):
    call(libc.fallocate, fd, mode, ctypes.c_long(offset), ctypes.c_long(length))


def renameat2(old, new, flags):
    call(libc.renameat2, AT_FDCWD, old.encode(), AT_FDCWD, new.encode(), flags)


def create(name, data=b""):
    with open(name, "wb") as f:
        f.write(data)
    return os.open(name, os.O_RDWR)


def check_sync_flags():
    for flag in (os.O_SYNC, os.O_DSYNC, os.O_APPEND | os.O_SYNC):
        fd = os.open("sync", os.O_CREAT | os.O_TRUNC | os.O_RDWR | flag)
        assert os.write(fd, b"x" * 100) == 100 and os.write(fd, b"y" * 5000) == 5000
        os.fsync(fd)
        os.fdatasync(fd)
        assert os.pread(fd, 6000, 0) == b"x" * 100 + b"y" * 5000
        os.close(fd)
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


def check_fallocate():
    fd = create("falloc")
    fallocate(fd, 0, 0, MIB)
    assert os.fstat(fd).st_size == MIB and os.fstat(fd).st_blocks >= 2 * 1024
    assert os.pread(fd, MIB, 0) == bytes(MIB)
    fallocate(fd, KEEP_SIZE, MIB, MIB)
    assert os.fstat(fd).st_size == MIB
    fails(errno.EINVAL, fallocate, fd, 0, 0, 0)
    fails(errno.EOPNOTSUPP, fallocate, fd, 8, 0, 4096)
    fails(errno.ENOSPC, fallocate, fd, 0, 0, 1 << 50)
    assert os.fstat(fd).st_size == MIB
    os.close(fd)


def check_punch():
    fd = create("punch", b"a" * MIB)
    before = os.fstat(fd).st_blocks
    fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 65536 + 100, 131072)
    assert os.fstat(fd).st_size == MIB and os.fstat(fd).st_blocks < before
    want = b"a" * 65636 + bytes(131072) + b"a" * (MIB - 65636 - 131072)
    assert os.pread(fd, MIB, 0) == want
    fallocate(fd, ZERO_RANGE, MIB - 10, 20)
    assert os.fstat(fd).st_size == MIB + 10
    assert os.pread(fd, 30, MIB - 20) == b"a" * 10 + bytes(20)
    os.close(fd)


def check_seek():
    fd = create("seek")
    os.ftruncate(fd, MIB)
    fails(errno.ENXIO, os.lseek, fd, 0, os.SEEK_DATA)
    assert os.lseek(fd, 0, os.SEEK_HOLE) == 0
    os.pwrite(fd, b"data", 262144)
    assert os.lseek(fd, 0, os.SEEK_DATA) == 262144
    assert os.lseek(fd, 262144, os.SEEK_HOLE) == 262144 + 4096
    fails(errno.ENXIO, os.lseek, fd, MIB, os.SEEK_HOLE)
    os.close(fd)


def check_append():
    one = os.open("append", os.O_CREAT | os.O_RDWR | os.O_APPEND)
    two = os.open("append", os.O_RDWR | os.O_APPEND)
    for i in range(100):
        os.write(one if i % 2 else two, b"%4d" % i)
    assert os.pread(one, 1000, 0) == b"".join(b"%4d" % i for i in range(100))
    os.close(one)
    os.close(two)


def check_mmap():
    fd = create("mmap", bytes(3 * 4096))
    shared = mmap.mmap(fd, 3 * 4096)
    shared[5000:5005] = b"hello"
    shared.flush()
    assert os.pread(fd, 5, 5000) == b"hello"
    os.pwrite(fd, b"world", 9000)
    assert shared[9000:9005] == b"world"
    shared.close()
    os.close(fd)


def check_tmpfile():
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR)
    os.write(fd, b"without a name")
    assert os.fstat(fd).st_nlink == 0
    os.link(f"/proc/self/fd/{fd}", "named", src_dir_fd=0, follow_symlinks=True)
    with open("named", "rb") as f:
        assert f.read() == b"without a name"
    os.close(fd)


def check_rename():
    for name in ("a", "b"):
        os.close(create(name, name.encode()))
    fails(errno.EEXIST, renameat2, "a", "b", NOREPLACE)
    renameat2("a", "b", EXCHANGE)
    with open("a", "rb") as f:
        assert f.read() == b"b"
    renameat2("a", "c", NOREPLACE)
    assert not os.path.exists("a")
    fails(errno.ENOENT, renameat2, "a", "b", EXCHANGE)
    os.makedirs("d/e")
    fails(errno.EINVAL, os.rename, "d", "d/e/f")
    fails(errno.ENOTEMPTY, os.rmdir, "d")


def check_names():
    os.close(create("n" * 255))
    fails(errno.ENAMETOOLONG, create, "n" * 256)
    os.symlink("s" * 4095, "link")
    assert os.readlink("link") == "s" * 4095
    os.link("n" * 255, "hard")
    assert os.stat("hard").st_nlink == 2
    assert os.statvfs(".").f_namemax == 255


def check_special():
    os.mkfifo("fifo", 0o600)
    os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    st = os.lstat("null")
    assert stat.S_ISCHR(st.st_mode) and st.st_rdev == os.makedev(1, 3)
    assert stat.S_ISFIFO(os.lstat("fifo").st_mode)
    with open("null", "wb") as f:
        f.write(b"gone")


def check_xattr():
    os.close(create("xattr"))
    os.setxattr("xattr", "user.one", b"1" * 1000)
    os.setxattr("xattr", "trusted.two", b"")
    fails(errno.EEXIST, os.setxattr, "xattr", "user.one", b"", os.XATTR_CREATE)
    fails(errno.ENODATA, os.setxattr, "xattr", "user.x", b"", os.XATTR_REPLACE)
    assert sorted(os.listxattr("xattr")) == ["trusted.two", "user.one"]
    os.removexattr("xattr", "user.one")
    fails(errno.ENODATA, os.getxattr, "xattr", "user.one")


def check_dax_attribute():
    fd = create("dax", b"d" * 5000)
    flags = bytearray(28)
    fcntl.ioctl(fd, FS_IOC_FSGETXATTR, flags)
    was = struct.unpack_from("I", flags)[0]
    struct.pack_into("I", flags, 0, was | FS_XFLAG_DAX)
    fcntl.ioctl(fd, FS_IOC_FSSETXATTR, flags)
    os.close(fd)
    fd = os.open("dax", os.O_RDWR)
    fcntl.ioctl(fd, FS_IOC_FSGETXATTR, flags)
    assert struct.unpack_from("I", flags)[0] & FS_XFLAG_DAX
    assert os.pread(fd, 6000, 0) == b"d" * 5000
    os.close(fd)


def check_times():
    os.close(create("times"))
    os.utime("times", ns=(1_000_000_001, -1_000_000_001))
    st = os.stat("times")
    assert (st.st_atime_ns, st.st_mtime_ns) == (1_000_000_001, -1_000_000_001)


def check_modes():
    fd = create("modes", b"x")
    os.fchmod(fd, 0o6755)
    os.fchown(fd, 1234, 4321)
    st = os.fstat(fd)
    assert (st.st_uid, st.st_gid, st.st_mode & 0o777) == (1234, 4321, 0o755)
    os.close(fd)
    os.mkdir("setgid")
    os.chown("setgid", 0, 4321)
    os.chmod("setgid", 0o2775)
    os.mkdir("setgid/sub")
    st = os.stat("setgid/sub")
    assert st.st_gid == 4321 and st.st_mode & stat.S_ISGID


def check_locks():
    fd = create("locks")
    other = os.open("locks", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    fails(errno.EWOULDBLOCK, fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(fd, fcntl.LOCK_UN)
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(fd)
    os.close(other)


def main():
    os.chdir(sys.argv[1])
    for name, function in list(globals().items()):
        if name.startswith("check_"):
            print(name, flush=True)
            function()


main()
