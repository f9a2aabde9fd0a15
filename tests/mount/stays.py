#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""stays.py DIRECTORY -- over io_uring, requests neither move their client nor wait for the CPU

What must hold: with a free CPU, a client that reads one block after the other stays
where it is.  The daemon's threads get the CPU soon beside programs that compute, on every
CPU or only on the client's.
"""
import ctypes
import multiprocessing
import os
import statistics
import sys
import time

BLOCK, BLOCKS = 4096, 64
READS, TRIES = 1000, 15
MOVES = 0.1		# of a client's calls; 0.5 to 0.9 where every reply drives it away
SECONDS = 7		# for as many reads beside others: 7 ms each; 34 ms or more when they are always waited for

getcpu = ctypes.CDLL(None).sched_getcpu


def read_on(fd, count):
    """(calls after which the CPU was another one, seconds)"""
    moved, last, start = 0, getcpu(), time.monotonic()
    for i in range(count):
        os.pread(fd, BLOCK, i % BLOCKS * BLOCK)
        now = getcpu()
        moved += now != last
        last = now
    return moved, time.monotonic() - start


def usual_moves(fd):
    return statistics.median(read_on(fd, READS)[0] for _ in range(TRIES)) / READS


def compute():
    while True:
        pass


def beside(fd, pinned):
    """Seconds beside computing programs, one for each CPU, or one on the CPU of the only client."""
    cpus = os.sched_getaffinity(0)
    if pinned:
        os.sched_setaffinity(0, [min(cpus)])
    others = [multiprocessing.Process(target=compute, daemon=True) for _ in ([0] if pinned else cpus)]
    for p in others:
        p.start()
    time.sleep(0.1)
    seconds = read_on(fd, READS)[1]
    for p in others:
        p.kill()
        p.join()
    os.sched_setaffinity(0, cpus)
    return seconds


def main():
    fd = os.open(os.path.join(sys.argv[1], "stays"), os.O_CREAT | os.O_RDWR, 0o600)
    os.write(fd, b"x" * BLOCK * BLOCKS)
    moves, idle = usual_moves(fd), read_on(fd, READS)[1]
    busy, pinned = beside(fd, False), beside(fd, True)
    print(f"moved {moves:.3f} of the calls; {READS} reads: {idle:.3f} s, {busy:.3f} s on a busy machine, "
          f"{pinned:.3f} s on a busy CPU")
    if moves > MOVES or max(busy, pinned) > SECONDS:
        sys.exit(1)


main()
