#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""listings.py DIRECTORY SECONDS -- list a directory while others change it and list it

Each changer has names of its own in one directory; after each change it lists the directory.
What must hold: it finds each of its names once, and no other of them; nor does it find a name
that it knows to be absent, or miss one by itself; names that stay are always there.
The readers list all the time, often only a part.
"""
import os
import random
import sys
import time

CHANGERS, READERS = 3, 2
NAMES, STAYING = 40, 300	# together more than one reply holds


class Changer:
    def __init__(self, top, number):
        self.dir, self.other = f"{top}/shared", f"{top}/other"
        self.prefix = f"changer{number}."
        self.names = [f"{self.prefix}{i}" for i in range(NAMES)]
        self.mine = set()
        self.random = random.Random(number)

    def add(self, name):
        assert not os.path.exists(f"{self.dir}/{name}"), f"{name} is there before it was made"
        if self.random.random() < 0.5:
            os.close(os.open(f"{self.dir}/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        else:
            os.mkdir(f"{self.dir}/{name}")
        self.mine.add(name)

    def remove(self, name):
        path = f"{self.dir}/{name}"
        if os.path.isdir(path):
            os.rmdir(path)
        else:
            os.unlink(path)
        self.mine.remove(name)

    def rename(self, name):
        new = self.random.choice(self.names)
        if new in self.mine:	# to another directory, and back
            os.rename(f"{self.dir}/{name}", f"{self.other}/{name}")
            os.rename(f"{self.other}/{name}", f"{self.dir}/{name}")
            return
        os.rename(f"{self.dir}/{name}", f"{self.dir}/{new}")
        self.mine.remove(name)
        self.mine.add(new)

    def change(self):
        name = self.random.choice(self.names)
        if name not in self.mine:
            self.add(name)
        elif self.random.random() < 0.5:
            self.remove(name)
        else:
            self.rename(name)

    def check(self):
        listed = os.listdir(self.dir)
        found = sorted(name for name in listed if name.startswith(self.prefix))
        assert found == sorted(self.mine), f"listed, or not listed: {set(found) ^ self.mine or found}"
        staying = [name for name in listed if name.startswith("stays")]
        assert len(staying) == len(set(staying)) == STAYING, f"{len(staying)} of {STAYING} that stay"
        for name in self.mine:
            assert os.path.exists(f"{self.dir}/{name}"), f"{name} is listed, but not found"


def change(top, number, until):
    changer = Changer(top, number)
    while time.monotonic() < until:
        changer.change()
        changer.check()


def read(top, number, until):
    count = 0
    while time.monotonic() < until:
        with os.scandir(f"{top}/shared") as entries:
            for i, _ in enumerate(entries):
                if count % 3 and i == 37 * (number + 1):
                    break
        count += 1


def start(work, *args):
    pid = os.fork()
    if pid:
        return pid
    try:
        work(*args)
    except (AssertionError, OSError) as e:
        print(f"{work.__name__} {args[1]}: {e}", flush=True)
        os._exit(1)
    os._exit(0)


def main():
    top, until = sys.argv[1], time.monotonic() + float(sys.argv[2])
    os.mkdir(f"{top}/shared")
    os.mkdir(f"{top}/other")
    for i in range(STAYING):
        os.close(os.open(f"{top}/shared/stays{i}", os.O_CREAT | os.O_WRONLY))
    pids = [start(change, top, i, until) for i in range(CHANGERS)]
    pids += [start(read, top, i, until) for i in range(READERS)]
    sys.exit(any([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]))


main()
