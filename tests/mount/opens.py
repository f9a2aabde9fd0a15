#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""opens.py CASE DIRECTORY -- what holds of open files, whoever opens them

Each case makes what it needs in DIRECTORY, checks it, and says nothing if it holds.
Run as root; what needs an ordinary user is done by user 1001 in a child.
"""
import ctypes
import errno
import mmap
import os
import subprocess
import sys
import threading
import time

BLOCK, MIB = 4096, 1 << 20
USER = 1001
CAPABILITY = b"\x01\x00\x00\x02" + b"\x00\x04\x00\x00" + b"\x00" * 12	# cap_net_bind_service+p
PUNCH = 3	# FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE

libc = ctypes.CDLL(None, use_errno=True)
cases = {}


def case(function):
    cases[function.__name__.replace("_", "-")] = function
    return function


def make(name, content=b"", mode=0o644):
    fd = os.open(name, os.O_CREAT | os.O_RDWR | os.O_TRUNC, mode)
    os.write(fd, content)
    return fd


def content(fd):
    return os.pread(fd, os.fstat(fd).st_size + 1, 0)


def same(what, expected, found):
    if expected != found:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


def drop_caches():
    try:
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3")
    except OSError:
        pass


def free_blocks():
    return os.statvfs(".").f_bfree


def free_space():
    return free_blocks(), os.statvfs(".").f_ffree


def name_it(fd, name):
    """With a directory's descriptor, whichever, it is linkat(2) that follows the link."""
    os.link(f"/proc/self/fd/{fd}", name, src_dir_fd=fd, follow_symlinks=True)


def settles(what, expected, ask):
    """FORGET comes after the call that caused it has returned."""
    for _ in range(200):
        found = ask()
        if found == expected:
            return
        time.sleep(0.02)
    same(what, expected, found)


def as_user(function):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(USER)
            os.setuid(USER)
            function()
            code = 0
        finally:
            os._exit(code)
    same("exit code of the child", 0, os.waitpid(pid, 0)[1])


def fallocate(fd, mode, off, length):
    if libc.fallocate(fd, mode, ctypes.c_long(off), ctypes.c_long(length)):
        raise OSError(ctypes.get_errno(), "fallocate")


# -- files without a name -------------------------------------------------------------


def use_nameless(fd, other):
    """Every call that takes a descriptor, on a file that only descriptors name."""
    drop_caches()
    same("links", 0, os.fstat(fd).st_nlink)
    same("content", b"abc" * 1000, content(fd))
    os.pwrite(fd, b"X", 10000)
    os.fsync(fd)
    os.fdatasync(fd)
    same("after a write", b"abc" * 1000 + b"\0" * 7000 + b"X", content(fd))
    os.ftruncate(fd, 5000)
    same("size", 5000, os.fstat(fd).st_size)
    os.pwrite(fd, b"d" * BLOCK, BLOCK)
    os.posix_fallocate(fd, 0, 8 * BLOCK)
    fallocate(fd, PUNCH, 0, BLOCK)
    same("hole", BLOCK, os.lseek(fd, 0, os.SEEK_DATA))
    same("copied out", 3000, os.copy_file_range(fd, other, 3000, BLOCK, 0))
    same("copied in", 3000, os.copy_file_range(other, fd, 3000, 0, 20000))
    os.setxattr(fd, "user.name", b"value")
    same("attribute", b"value", os.getxattr(fd, "user.name"))
    os.fchmod(fd, 0o600)
    same("mode", 0o100600, os.fstat(fd).st_mode)
    with mmap.mmap(fd, BLOCK) as m:
        m[:5] = b"store"
        m.flush()
    same("stored", b"store", os.pread(fd, 5, 0))
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_TRUNC)
    same("opened again, with O_TRUNC", 0, os.fstat(fd).st_size)
    os.write(again, b"second")
    os.close(fd)
    drop_caches()
    same("through the second", b"second", content(again))
    return again


@case
def unlinked():
    other = make("other")
    before = free_space()
    fd = make("f", b"abc" * 1000)
    os.unlink("f")
    fd = use_nameless(fd, other)
    os.close(make("f", b"another"))
    same("not the one of that name", b"second", content(fd))
    os.unlink("f")
    os.ftruncate(other, 0)
    os.close(other)
    os.close(fd)
    settles("free blocks, and inodes", before, free_space)


@case
def tmpfile():
    other = make("other")
    before = free_space()
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o644)
    os.write(fd, b"abc" * 1000)
    os.close(use_nameless(fd, other))
    os.ftruncate(other, 0)
    os.close(other)
    settles("free blocks, and inodes", before, free_space)
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o644)
    os.write(fd, b"kept")
    name_it(fd, "named")
    os.close(fd)
    drop_caches()
    with open("named", "rb") as f:
        same("with a name now", b"kept", f.read())
    fd = os.open(".", os.O_TMPFILE | os.O_EXCL | os.O_RDWR)
    try:
        name_it(fd, "never")
        raise AssertionError("O_EXCL, and got a name")
    except FileNotFoundError:
        pass


@case
def first_tmpfile():
    """For a mount where nothing was opened yet: then the kernel tells of its end."""
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o644)
    os.write(fd, b"abc" * 1000)
    name_it(fd, "named")
    os.close(fd)
    os.unlink("named")
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o644)
    os.write(fd, b"abc" * 1000)
    os.close(os.open("file", os.O_CREAT | os.O_RDONLY))
    other = os.open("file", os.O_RDWR)
    os.close(use_nameless(fd, other))


# -- how files are opened ----------------------------------------------------------------


@case
def truncating():
    fd = make("f", b"x" * MIB)
    os.setxattr("f", "security.capability", CAPABILITY)
    same("pages of it", b"x" * 10, os.pread(fd, 10, 5000))
    os.utime("f", (1, 1))
    trunc = os.open("f", os.O_RDWR | os.O_TRUNC)
    for reader in fd, trunc, os.open("f", os.O_RDONLY):
        same("size", 0, os.fstat(reader).st_size)
        same("content", b"", os.pread(reader, 10, 5000))
    if "security.capability" in os.listxattr("f"):
        raise AssertionError("the file keeps its capabilities")
    now = time.time()
    same("the time moves", True, abs(os.stat("f").st_mtime - now) < 100)
    os.utime("f", (1, 1))
    os.open("f", os.O_WRONLY | os.O_TRUNC)
    same("the time of an empty file moves", True, abs(os.stat("f").st_mtime - now) < 100)
    os.write(trunc, b"new")
    same("what is written then", b"new", content(fd))
    try:
        os.open("f", os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_RDWR)
        raise AssertionError("O_EXCL opened a file that there was")
    except FileExistsError:
        same("content after O_EXCL", b"new", content(fd))


@case
def set_id_bits():
    for mode, left in (0o6777, 0o777), (0o4755, 0o755), (0o2755, 0o755), (0o2745, 0o745), (0o755, 0o755):
        fd = make("f", b"program")
        os.fchown(fd, USER, USER + 1)
        os.fchmod(fd, mode)
        os.close(fd)
        as_user(lambda: os.open("f", os.O_WRONLY | os.O_TRUNC))
        same(f"{mode:o} after O_TRUNC by its owner", left, os.stat("f").st_mode & 0o7777)
        os.unlink("f")
    os.close(make("f", b"program"))
    os.chmod("f", 0o4755)
    os.open("f", os.O_WRONLY | os.O_TRUNC)
    same("4755 after O_TRUNC by root", 0o4755, os.stat("f").st_mode & 0o7777)


@case
def created_without_permission():
    """Who creates a file may use it as it was opened, whatever its mode says."""
    os.mkdir("d")
    os.chmod("d", 0o777)

    def create():
        fd = os.open("d/f", os.O_CREAT | os.O_RDWR, 0)
        os.write(fd, b"mine")
        same("content", b"mine", content(fd))
        same("mode", 0o100000, os.fstat(fd).st_mode)
        try:
            os.open("d/f", os.O_RDONLY)
            raise AssertionError("opened without permission")
        except PermissionError:
            pass

    as_user(create)
    same("owner", (USER, USER), (os.stat("d/f").st_uid, os.stat("d/f").st_gid))


@case
def at_once():
    """The first opens of a mount, of one file and of several, old and new."""
    errors, threads = [], []
    together = threading.Barrier(24)

    def one(number):
        try:
            together.wait()
            if number % 3 == 2:
                os.write(os.open(f"new{number}", os.O_CREAT | os.O_EXCL | os.O_RDWR), b"new")
            else:
                name = f"old{number % 3 * number}"
                for flags in os.O_RDONLY, os.O_RDWR:
                    fd = os.open(name, flags)
                    same(name, name.encode(), content(fd))
                    os.close(fd)
        except BaseException as e:
            errors.append(e)

    for number in range(24):
        threads.append(threading.Thread(target=one, args=(number,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    for number in range(2, 24, 3):
        same(f"new{number}", b"new", content(os.open(f"new{number}", os.O_RDONLY)))


@case
def old_files():
    """For at-once, before the mount that it is run on."""
    for number in range(24):
        make(f"old{number}", f"old{number}".encode())


@case
def program():
    subprocess.run(["cp", "/bin/true", "true"], check=True)
    drop_caches()
    subprocess.run(["./true"], check=True)
    subprocess.run(["cp", "/bin/sleep", "sleep"], check=True)
    child = subprocess.Popen(["./sleep", "60"])
    try:
        os.unlink("sleep")
        drop_caches()
        os.close(make("sleep", b"other"))
        same("still running", None, child.poll())
    finally:
        child.kill()
        child.wait()


# -- space --------------------------------------------------------------------------------


@case
def claimed():
    """A file that was written and closed claims what it holds, no more."""
    before, held = free_blocks(), 0
    for number in range(30):
        fd = make(f"f{number}")
        for _ in range(number + 1):
            os.write(fd, b"z" * 65536)
        os.close(fd)
        held += os.stat(f"f{number}").st_blocks // 8
    same("blocks in use", held, before - free_blocks())
    for number in range(30):
        os.unlink(f"f{number}")
    settles("free blocks", before, free_blocks)


@case
def full():
    """Until nothing is left but what a node of a map takes; and then each byte is there."""
    for number in range(30):
        fd = make(f"f{number}")
        for _ in range(3):
            os.write(fd, b"z" * 65536)
        os.close(fd)
    fd, size = make("hog"), 0
    try:
        while True:
            size += os.write(fd, b"y" * (BLOCK if free_blocks() < 600 else MIB))
    except OSError as e:
        same("error", errno.ENOSPC, e.errno)
    same("blocks left", True, free_blocks() <= 2)
    drop_caches()
    for at in range(0, size - MIB, 7 * MIB):
        same(f"content at {at}", b"y" * 65536, os.pread(fd, 65536, at))
    for number in range(30):
        same(f"f{number}", b"z" * 3 * 65536, content(os.open(f"f{number}", os.O_RDONLY)))
    os.close(fd)
    os.unlink("hog")
    os.write(make("g"), b"room" * MIB)


@case
def churn():
    """Files come and go while the kernel forgets, which may overtake or follow any request."""
    end = time.monotonic() + float(os.environ.get("CHURN", "2"))
    errors = []

    def live(number):
        try:
            n = 0
            while time.monotonic() < end:
                n += 1
                name, text = f"c{number}", f"{number} {n} ".encode() * (1 + n % 3000)
                fd = os.open(name, os.O_CREAT | os.O_RDWR | os.O_TRUNC)
                os.write(fd, text)
                if n % 2:
                    os.unlink(name)
                if n % 3 == 0:
                    os.fsync(fd)
                os.write(fd, b"end")
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                if n % 5 == 0:
                    with mmap.mmap(fd, 0) as m:
                        m[:1] = text[:1]
                same("content", text + b"end", content(fd))
                os.close(fd)
                if n % 2 == 0:
                    os.unlink(name)
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=live, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        drop_caches()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def main():
    name, directory = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    os.chdir(directory)
    os.umask(0)
    if not name.startswith("first"):
        os.close(make("one"))	# the directory has its block now
    cases[name]()


main()
