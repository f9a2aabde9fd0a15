#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a command that unmounts, and say at once what the device looks like.

released.py IMAGE COMMAND...

Prints "free clean" when, as the command returned, nobody had the image open for
changes and it was marked as cleanly unmounted; else "held" or "dirty" in their
place.  Exits as the command does.
"""
import fcntl
import os
import subprocess
import sys

STATE = 512
CLEAN = 2


def main():
    fd = os.open(sys.argv[1], os.O_RDONLY)
    code = subprocess.call(sys.argv[2:])
    clean = os.pread(fd, 1, STATE)[0] == CLEAN
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except BlockingIOError:
        free = False
    print("free" if free else "held", "clean" if clean else "dirty")
    return code


sys.exit(main())
