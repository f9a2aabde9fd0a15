#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmlinux.py VMLINUZ OUT -- the ELF kernel that a compressed one carries

QEMU boots it directly (PVH), which saves the seconds that an emulated CPU
needs to decompress it.  A kernel whose compression is not known is copied as
it is: it boots too, later.
"""
import lzma
import sys
import zlib

FORMATS = (
    (b"\xfd7zXZ\0", lambda data: lzma.LZMADecompressor().decompress(data)),
    (b"\x1f\x8b\x08", lambda data: zlib.decompressobj(31).decompress(data)),
)


def candidates(image):
    for magic, decompress in FORMATS:
        at = image.find(magic)
        while at >= 0:
            yield image[at:], decompress
            at = image.find(magic, at + 1)


def kernel_in(image):
    for data, decompress in candidates(image):
        try:
            kernel = decompress(data)
        except (lzma.LZMAError, zlib.error):
            continue
        if kernel.startswith(b"\x7fELF"):
            return kernel
    return image


def main():
    source, target = sys.argv[1:]
    with open(source, "rb") as f:
        kernel = kernel_in(f.read())
    with open(target, "wb") as f:
        f.write(kernel)


main()
