#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""File handles of a tree, as a file server keeps them.

    handle.py make DIR            a tree of files, directories and links
    handle.py take DIR STATE      the handle of everything in DIR
    handle.py replace DIR STATE   remove it, make as much again, and more until its numbers are all used again
    handle.py check DIR STATE     each handle opens what it was taken of
    handle.py stale DIR STATE     each handle is ESTALE

What must hold is said by handle.sh.  A handle is opened with O_PATH, which is all that
a symbolic link can be opened with, and once more to be read.
"""
import ctypes
import errno
import os
import pickle
import shutil
import stat
import sys

AT_FDCWD = -100
MAX_HANDLE = 128
MANY = 20000
O_PATH = 0o10000000
libc = ctypes.CDLL(None, use_errno=True)


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * MAX_HANDLE)]


def called(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result


def handle_of(path):
    h, mount = Handle(bytes=MAX_HANDLE), ctypes.c_int()
    called(libc.name_to_handle_at(AT_FDCWD, path.encode(), ctypes.byref(h), ctypes.byref(mount), 0), path)
    return bytes(h)


def open_handle(top, handle, flags):
    h = Handle.from_buffer_copy(handle)
    return called(libc.open_by_handle_at(top, ctypes.byref(h), flags), "open_by_handle_at")


def make(top):
    for a in range(5):
        for b in range(5):
            folder = f"{top}/tree/{a}/{b}"
            os.makedirs(folder)
            for n in range(4):
                with open(f"{folder}/file{n}", "w") as f:
                    f.write(f"{a}/{b}/{n}\n" * 1000)
            os.symlink(f"target {a} {b}", f"{folder}/link")
            os.mkfifo(f"{folder}/fifo")
    os.link(f"{top}/tree/0/0/file0", f"{top}/tree/second-name")


def everything(top):
    for folder, folders, files in os.walk(f"{top}/tree"):
        for name in folders + files:
            yield f"{folder}/{name}"


def describe(path, fd=None):
    """All that tells one inode from another; the content through @fd if there is one."""
    st = os.lstat(path) if fd is None else os.fstat(fd)
    what = [st.st_ino, st.st_mode, st.st_nlink, st.st_size, st.st_mtime_ns]
    via = path if fd is None else f"/proc/self/fd/{fd}"
    if stat.S_ISREG(st.st_mode):
        with open(via, "rb") as f:
            what.append(f.read())
    elif stat.S_ISDIR(st.st_mode):
        what.append(sorted(os.listdir(via)))
        what.append(os.stat(via + "/..").st_ino)
    return what


def take(top, state):
    taken = [(handle_of(path), describe(path)) for path in everything(top)]
    assert len(taken) > 150
    with open(state, "wb") as f:
        pickle.dump(taken, f)


def each(state):
    with open(state, "rb") as f:
        yield from pickle.load(f)


def numbers_in_use(top):
    return {os.lstat(path).st_ino for path in everything(top)} | {os.lstat(f"{top}/tree").st_ino}


def replace(top, state):
    """How soon a number is given out again is the allocator's affair: who creates by then, on which CPU."""
    shutil.rmtree(f"{top}/tree")
    make(top)
    os.mkdir(f"{top}/tree/more")
    missing = {what[0] for _, what in each(state)} - numbers_in_use(top)
    for n in range(MANY):
        if not missing:
            break
        path = f"{top}/tree/more/{n}"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        missing.discard(os.lstat(path).st_ino)


def check(top, state):
    mount = os.open(top, os.O_RDONLY)
    for handle, what in each(state):
        fd = open_handle(mount, handle, O_PATH)
        found = describe(None, fd)
        assert found == what, f"{found[:5]}, expected {what[:5]}"
        os.close(fd)


def stale(top, state):
    mount = os.open(top, os.O_RDONLY)
    numbers = numbers_in_use(top)
    for handle, what in each(state):
        assert what[0] in numbers, f"number {what[0]} was not used again"
        try:
            fd = open_handle(mount, handle, O_PATH)
            raise AssertionError(f"inode {what[0]} opened as {os.fstat(fd)}")
        except OSError as e:
            assert e.errno == errno.ESTALE, e


{"make": make, "take": take, "replace": replace, "check": check, "stale": stale}[sys.argv[1]](*sys.argv[2:])
