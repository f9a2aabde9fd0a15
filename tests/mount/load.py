#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""load.py DIRECTORY SECONDS [signals] -- processes that keep a filesystem busy until it goes away

Each works below the directory: creates, writes, syncs, reads back, renames,
lists and removes.  They end after SECONDS, or when their connection to the
filesystem is gone; with "signals" a timer interrupts their system calls all the
time, and one of them is killed and replaced every now and then.

What must hold: what was read is what was written, no other error comes, and nobody
hangs.  Exit code 0 if so, 1 with a message if not.
"""
import errno
import os
import signal
import sys
import time

PROCESSES = 4
GONE = (errno.ENOTCONN, errno.ECONNABORTED, errno.ECANCELED)
TICK = 0.0007


def read_all(fd, size):
    """A read that meets an error half way is short; the next one has the error."""
    data = b""
    while len(data) < size:
        more = os.pread(fd, size - len(data), len(data))
        assert more, "shorter than what was written"
        data += more
    return data


def one_file(name, n):
    data = (b"%d " % n) * 3000
    fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        assert os.pwrite(fd, data, 0) == len(data)
        os.fsync(fd)
        assert read_all(fd, len(data)) == data, "not what was written"
    finally:
        os.close(fd)


def one_round(n):
    one_file("file", n)
    os.rename("file", "renamed")
    os.mkdir("dir")
    assert sorted(os.listdir(".")) == ["dir", "renamed"]
    os.link("renamed", "dir/link")
    os.unlink("renamed")
    os.unlink("dir/link")
    os.rmdir("dir")


def clean():
    for name in ("file", "renamed", "dir/link"):
        try:
            os.unlink(name)
        except (FileNotFoundError, NotADirectoryError):
            pass
    if os.path.isdir("dir"):
        os.rmdir("dir")


def tick_all_the_time():
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)


def work(name, until, signals):
    """Never returns.  A process that was killed may have left something behind."""
    try:
        os.makedirs(name, exist_ok=True)
        os.chdir(name)
        clean()
        if signals:
            tick_all_the_time()
        n = 0
        while time.monotonic() < until:
            one_round(n)
            n += 1
    except OSError as e:
        if e.errno not in GONE:
            print(f"{name}: {e}", flush=True)
            os._exit(1)
    except AssertionError as e:
        print(f"{name}: {e}", flush=True)
        os._exit(1)
    os._exit(0)


def start(name, until, signals):
    pid = os.fork()
    if pid == 0:
        work(name, until, signals)
    return pid


def ended_well(pid, killed=False):
    """Who was to be killed may have been, or may just have ended by itself."""
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code == 0 or (killed and code == -signal.SIGKILL)


def kill_now_and_then(workers, until):
    """
    The one that is killed is replaced: its successor works in the same directory.
    Return: whether none of them had failed before.
    """
    turn, well = 0, True
    while time.monotonic() < until - 0.5:
        time.sleep(0.05)
        pid, name = workers[turn % len(workers)]
        os.kill(pid, signal.SIGKILL)
        well &= ended_well(pid, True)
        workers[turn % len(workers)] = (start(name, until, True), name)
        turn += 1
    return well


def main():
    os.chdir(sys.argv[1])
    if not os.path.ismount("."):
        sys.exit(f"{sys.argv[1]} is not a mount point")
    until = time.monotonic() + float(sys.argv[2])
    signals = sys.argv[3:] == ["signals"]
    workers = []
    for i in range(PROCESSES):
        workers.append((start(f"worker{i}", until, signals), f"worker{i}"))
    well = not signals or kill_now_and_then(workers, until)
    well &= all([ended_well(pid) for pid, _ in workers])
    sys.exit(0 if well else 1)


main()
