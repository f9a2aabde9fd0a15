#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a command on a terminal of its own and answer its questions.

answer.py ANSWERS COMMAND...

A question ends with "> ".  One character of ANSWERS answers each, "^" with the
interrupt key, "_" with Enter alone, "~" with a long line that begins with none
of the answers and has a "y" far behind; when they run out, the input ends.  Prints what the command
printed and exits as it did, or with 99 when it takes longer than 30 seconds.
"""
import os
import pty
import select
import sys
import time

QUESTION = b"> "
LIMIT = 30


def answer(master, char):
    if char is None:
        os.write(master, b"\x04")
    elif char == "^":
        os.write(master, b"\x03")
    elif char == "_":
        os.write(master, b"\n")
    elif char == "~":
        os.write(master, b"x" * 15 + b"y\n")
    else:
        os.write(master, char.encode() + b"\n")


def read(master):
    try:
        return os.read(master, 65536)
    except OSError:
        return b""


def converse(master, answers):
    seen, start = b"", time.monotonic()
    while True:
        if time.monotonic() - start > LIMIT:
            sys.exit(99)
        if not select.select([master], [], [], 1)[0]:
            continue
        part = read(master)
        if not part:
            return seen
        seen += part
        if seen.endswith(QUESTION):
            answer(master, answers.pop(0) if answers else None)


def main():
    answers, command = list(sys.argv[1]), sys.argv[2:]
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    seen = converse(master, answers)
    sys.stdout.write(seen.decode(errors="replace").replace("\r\n", "\n"))
    sys.stdout.flush()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
