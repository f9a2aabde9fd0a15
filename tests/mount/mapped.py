#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stores through a mapping, and what a crash of the daemon leaves of them.

    mapped.py store FILE    stores and syncs in turn, says "ready", and waits with the mapping open
    mapped.py check FILE    is the last synced round in every page of FILE?

What must hold: each fsync, fdatasync or msync makes durable what was stored since the
one before, also in pages that were dirty and clean again in between.  Nothing is unmapped
or closed before the crash, which would write back by itself.
"""
import mmap
import os
import signal
import struct
import sys

PAGE = mmap.PAGESIZE
PAGES = 16
ROUNDS = 12


def record(number, round_):
    return struct.pack("<QQ", number, round_) * (PAGE // 16)


def ways(fd, m):
    return lambda: os.fsync(fd), lambda: os.fdatasync(fd), m.flush


def store(path):
    fd = os.open(path, os.O_RDWR)
    os.ftruncate(fd, PAGES * PAGE)
    m = mmap.mmap(fd, PAGES * PAGE, mmap.MAP_SHARED)
    for round_ in range(ROUNDS):
        for number in range(PAGES):
            m[number * PAGE : (number + 1) * PAGE] = record(number, round_)
        ways(fd, m)[round_ % 3]()
    # One page by one way, after all were clean.
    for number, way in enumerate(ways(fd, m)):
        m[number * PAGE : (number + 1) * PAGE] = record(number, ROUNDS)
        way()
    print("ready", flush=True)
    signal.pause()


def check(path):
    with open(path, "rb") as f:
        data = f.read()
    assert len(data) == PAGES * PAGE, len(data)
    for number in range(PAGES):
        want = ROUNDS if number < 3 else ROUNDS - 1
        got = data[number * PAGE : (number + 1) * PAGE]
        assert got == record(number, want), f"page {number}: round {struct.unpack_from('<QQ', got)}, expected {want}"


{"store": store, "check": check}[sys.argv[1]](sys.argv[2])
