#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Change a field of a superblock and make its checksum right again.

superblock.py IMAGE primary|copy FIELD=NUMBER|damage

"damage" flips a byte and leaves the checksum wrong.
"""
import struct
import sys

BLOCK = 4096
SEALED = 512
CSUM = 8
FIELDS = {"version": (12, "<I"), "compat": (24, "<Q"), "ro_compat": (32, "<Q"),
          "incompat": (40, "<Q"), "nr_blocks": (128, "<Q"), "nr_lanes": (152, "<I")}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def change(block, what):
    if what == "damage":
        block[100] ^= 0xFF
        return
    name, value = what.split("=")
    offset, form = FIELDS[name]
    struct.pack_into(form, block, offset, int(value, 0))
    struct.pack_into("<I", block, CSUM, 0)
    struct.pack_into("<I", block, CSUM, crc32c(block[:SEALED]))


def main():
    path, which, what = sys.argv[1:]
    with open(path, "r+b") as image:
        image.seek(0 if which == "primary" else -BLOCK, 0 if which == "primary" else 2)
        start = image.tell()
        block = bytearray(image.read(BLOCK))
        change(block, what)
        image.seek(start)
        image.write(block)


main()
