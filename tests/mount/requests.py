#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""requests.py DIRECTORY DAXFSCTL direct|cached -- count the requests that programs cause

Each case does one thing REPEAT times, the kernel knowing what it knows after
the first time, and compares the requests that reach the daemon with the
table: a name, and how many requests of each kind one repetition may send.

What must hold: none sends more, and none less, for then the table has to follow.  A case that lives on
cached pages is tried again: the kernel may take those back at any moment, and some do so without need (DAMON's
reclaim).

What a table with fewer requests would take is not the daemon's to give.  The
kernel (6.18) asks for a directory's attributes after each change in it, since
its permissions are checked with them; it looks up a name that is to be new
(O_EXCL, mkdir, link, the target of a rename) even if it knows that it is absent;
it asks for security.capability before it truncates a file, and before the first
cached write after its attributes came.
"""
import fcntl
import json
import mmap
import os
import stat
import struct
import subprocess
import sys
import time

REPEAT = 40
SETTLE = 0.05	# RELEASE and FORGET come after the call that causes them has returned
SLACK = 12	# in all repetitions together: others on the machine look at mounts now and then
TRIES = 3	# where the answer is in pages: the kernel may take such pages back at any time
IOC_STAT, STAT_SIZE, REQUESTS = 0x8440DA02, 1088, 448
BLOCK, MIB, ENTRIES = 4096, 1 << 20, 1000
CREATE = os.O_CREAT | os.O_EXCL | os.O_RDWR

cases = []


def case(name, expected, cached=None, tries=1):
    """@expected of a mount with dax=always; @cached with dax=never, if that differs; the best of @tries."""

    def add(prepare):
        cases.append((name, expected, expected if cached is None else cached, tries, prepare))
        return prepare

    return add


class Counter:
    """The daemon's counters.  Reading them is an ioctl, which is taken off."""

    def __init__(self, directory, daxfsctl):
        command = [daxfsctl, "stat", "--json", directory]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        self.names = list(json.loads(text)["requests"])
        self.fd = os.open(directory, os.O_RDONLY)

    def read(self):
        time.sleep(SETTLE)
        answer = bytearray(STAT_SIZE)
        fcntl.ioctl(self.fd, IOC_STAT, answer)
        return dict(zip(self.names, struct.unpack_from(f"{len(self.names)}Q", answer, REQUESTS)))

    def cost(self, op):
        before = self.read()
        for i in range(REPEAT):
            op(i)
        after = self.read()
        return {k: after[k] - before[k] - (k == "ioctl") for k in self.names if after[k] != before[k]}


def make(name, size=0):
    fd = os.open(name, CREATE, 0o644)
    os.write(fd, b"x" * size)
    return fd


def make_many(count, size=0):
    for i in range(count):
        os.close(make(f"f{i}", size))


def aligned(size):
    buf = mmap.mmap(-1, size)
    buf.write(b"y" * size)
    return buf


# -- names and attributes ------------------------------------------------------------


@case("stat of a known name", "")
def stat_known(_):
    os.close(make("f"))
    return lambda i: os.stat("f")


@case("stat of a name that is known to be absent", "")
def stat_absent(_):
    return lambda i: os.path.exists("absent")


@case("stat of another absent name", "lookup 1")
def stat_new_absent(_):
    return lambda i: os.path.exists(f"absent{i}")


@case("access", "")
def access(_):
    os.close(make("f"))
    return lambda i: os.access("f", os.R_OK | os.W_OK)


@case("chmod", "setattr 1")
def chmod(_):
    os.close(make("f"))
    return lambda i: os.chmod("f", 0o600 + i)


@case("utimens", "setattr 1")
def utimens(_):
    os.close(make("f"))
    return lambda i: os.utime("f", (i, i))


@case("create with O_EXCL, and close", "create 1, getattr 1, lookup 1, release 1", cached="getattr 1, lookup 1, mknod 1")
def create(_):
    return lambda i: os.close(os.open(f"f{i}", CREATE))


@case("create of a name that is known to be absent, and close", "create 1, getattr 1, release 1",
      cached="getattr 1, mknod 1")
def create_known(_):
    for i in range(REPEAT):
        os.path.exists(f"f{i}")
    return lambda i: os.close(os.open(f"f{i}", os.O_CREAT | os.O_WRONLY))


@case("mknod", "getattr 1, lookup 1, mknod 1")
def mknod(_):
    return lambda i: os.mknod(f"f{i}", stat.S_IFIFO)


@case("mkdir", "getattr 1, lookup 1, mkdir 1")
def mkdir(_):
    return lambda i: os.mkdir(f"d{i}")


@case("rmdir", "forget 1, getattr 1, rmdir 1")
def rmdir(_):
    for i in range(REPEAT):
        os.mkdir(f"d{i}")
    return lambda i: os.rmdir(f"d{i}")


@case("symlink", "getattr 1, lookup 1, symlink 1")
def symlink(_):
    return lambda i: os.symlink("target", f"s{i}")


@case("readlink of a known link", "", tries=TRIES)
def readlink(_):
    os.symlink("target", "s")
    os.readlink("s")
    return lambda i: os.readlink("s")


@case("link", "getattr 1, link 1, lookup 1")
def link(_):
    os.close(make("f"))
    return lambda i: os.link("f", f"l{i}")


@case("rename", "getattr 1, lookup 1, rename 1")
def rename(_):
    make_many(REPEAT)
    return lambda i: os.rename(f"f{i}", f"g{i}")


@case("rename over another", "forget 1, getattr 1, lookup 1, rename 1")
def rename_over(_):
    make_many(2 * REPEAT)
    return lambda i: os.rename(f"f{i}", f"f{REPEAT + i}")


@case("unlink", "forget 1, getattr 1, unlink 1")
def unlink(_):
    make_many(REPEAT)
    return lambda i: os.unlink(f"f{i}")


@case("create, write 4 KiB, close, unlink",
      "create 1, forget 1, getattr 2, lookup 1, release 1, unlink 1, write 1",
      cached="forget 1, getattr 2, getxattr 1, lookup 1, mknod 1, unlink 1, write 1")
def life(_):
    def op(i):
        os.close(make(f"f{i}", BLOCK))
        os.unlink(f"f{i}")
    return op


# -- regular files ----------------------------------------------------------------------


@case("open and close", "open 1, release 1", cached="")
def open_close(_):
    os.close(make("f"))
    return lambda i: os.close(os.open("f", os.O_RDWR))


@case("open with O_TRUNC, and close", "getxattr 1, open 1, release 1", cached="getxattr 1, setattr 1")
def open_trunc(_):
    os.close(make("f", 10))
    return lambda i: os.close(os.open("f", os.O_RDWR | os.O_TRUNC))


@case("pread of 4 KiB", "read 1", cached="", tries=TRIES)
def pread(_):
    fd = make("f", REPEAT * BLOCK)
    os.pread(fd, REPEAT * BLOCK, 0)
    return lambda i: os.pread(fd, BLOCK, i * BLOCK)


@case("pwrite of 4 KiB", "write 1")
def pwrite(_):
    fd = make("f", REPEAT * BLOCK)
    return lambda i: os.pwrite(fd, b"z" * BLOCK, i * BLOCK)


@case("pwrite of 1 MiB, of whole pages", "write 1")
def pwrite_large(_):
    fd = make("f", MIB)
    data = aligned(MIB)
    return lambda i: os.pwrite(fd, data, 0)


@case("pwrite of 4 KiB to a file with O_DIRECT", "write 1")
def pwrite_direct(_):
    os.close(make("f", REPEAT * BLOCK))
    fd = os.open("f", os.O_RDWR | os.O_DIRECT)
    buf = aligned(BLOCK)
    return lambda i: os.pwrite(fd, buf, i * BLOCK)


@case("append of 100 bytes", "write 1")
def append(_):
    os.close(make("f"))
    fd = os.open("f", os.O_WRONLY | os.O_APPEND)
    return lambda i: os.write(fd, b"a" * 100)


@case("append and fsync", "write 1")
def append_fsync(_):
    os.close(make("f"))
    fd = os.open("f", os.O_WRONLY | os.O_APPEND)

    def op(_):
        os.write(fd, b"a" * 100)
        os.fsync(fd)
    return op


@case("pwrite and fdatasync", "write 1")
def pwrite_fdatasync(_):
    fd = make("f", BLOCK)

    def op(_):
        os.pwrite(fd, b"z" * BLOCK, 0)
        os.fdatasync(fd)
    return op


@case("pwrite and fstat", "getattr 1, write 1", cached="getattr 1, getxattr 1, write 1")
def pwrite_fstat(_):
    fd = make("f", BLOCK)

    def op(_):
        os.pwrite(fd, b"z" * BLOCK, 0)
        os.fstat(fd)
    return op


@case("fsync of a directory", "")
def fsync_directory(_):
    fd = os.open(".", os.O_RDONLY)
    os.fsync(fd)
    return lambda i: os.fsync(fd)


@case("ftruncate", "getxattr 1, setattr 1")
def ftruncate(_):
    fd = make("f")
    return lambda i: os.ftruncate(fd, i * 100)


@case("fallocate", "fallocate 1")
def fallocate(_):
    fd = make("f")
    return lambda i: os.posix_fallocate(fd, i * BLOCK, BLOCK)


@case("copy_file_range of 1 MiB", "copy_file_range 1")
def copy_range(_):
    src, dst = make("src", MIB), make("dst")
    os.copy_file_range(src, dst, MIB, 0, 0)
    return lambda i: os.copy_file_range(src, dst, MIB, 0, 0)


@case("copy_file_range of 5 MiB", "copy_file_range 3")
def copy_long_range(_):
    src, dst = make("src", 5 << 20), make("dst")

    def op(_):
        at = 0
        while at < 5 << 20:
            at += os.copy_file_range(src, dst, (5 << 20) - at, at, at)
    op(0)
    return op


@case("lock and unlock of a region", "")
def lock(_):
    fd = make("f")

    def op(_):
        fcntl.lockf(fd, fcntl.LOCK_EX)
        fcntl.lockf(fd, fcntl.LOCK_UN)
    return op


@case("statfs", "statfs 1")
def statfs(_):
    return lambda i: os.statvfs(".")


@case("getxattr", "getxattr 1")
def getxattr(_):
    os.close(make("f"))
    os.setxattr("f", "user.name", b"value")
    return lambda i: os.getxattr("f", "user.name")


# -- directories --------------------------------------------------------------------------


@case("listing of 1,000 entries", "", tries=TRIES)
def listing(_):
    make_many(ENTRIES)
    os.listdir(".")
    os.listdir(".")
    return lambda i: os.listdir(".")


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@case("ls -l of 1,000 entries", "getxattr 1", tries=TRIES)
def ls(_):
    make_many(ENTRIES)
    run("ls", "-l")
    run("ls", "-l")
    return lambda i: run("ls", "-l")


@case("cp of 10,000 bytes", "copy_file_range 1, create 1, getattr 1, getxattr 1, lookup 2, open 1, release 2",
      cached="copy_file_range 1, getattr 1, getxattr 1, lookup 2, mknod 1")
def cp(_):
    os.close(make("f", 10000))
    with open("f", "rb") as f:
        f.read()
    return lambda i: run("cp", "f", f"copy{i}")


@case("find of 1,000 entries", "statfs 1", tries=TRIES)
def find(_):
    make_many(ENTRIES)
    run("find", ".", "-type", "f")
    run("find", ".", "-type", "f")
    return lambda i: run("find", ".", "-type", "f")


# -- judging ------------------------------------------------------------------------------


def allowed(text):
    return {kind: int(n) for kind, n in (item.split() for item in text.split(", ") if item)}


def differences(found, expected):
    """What differs by more than chance.  Also a fall does: the table is out of date."""
    return [k for k in found.keys() | expected.keys() if abs(found.get(k, 0) - expected.get(k, 0) * REPEAT) > SLACK]


def judge(name, expected, found):
    if not differences(found, allowed(expected)):
        return f"ok    {name}: {expected or 'none'}"
    text = ", ".join(f"{kind} {n / REPEAT:.2f}" for kind, n in sorted(found.items()) if n)
    return f"FAIL  {name}: {text or 'none'}; the table says: {expected or 'none'}"


def run_case(directory, counter, name, expected, tries, prepare):
    for attempt in range(tries):
        os.mkdir(f"{directory}.{attempt}")
        os.chdir(f"{directory}.{attempt}")
        found = counter.cost(prepare(counter))
        if not differences(found, allowed(expected)):
            break
    return judge(name, expected, found)


def main():
    top, daxfsctl, mode = sys.argv[1:]
    counter = Counter(top, daxfsctl)
    failed = False
    for number, (name, direct, cached, tries, prepare) in enumerate(cases):
        line = run_case(f"{top}/{number}", counter, name, direct if mode == "direct" else cached, tries, prepare)
        failed |= line.startswith("FAIL")
        print(line, flush=True)
    sys.exit(1 if failed else 0)


main()
