# SPDX-License-Identifier: LGPL-2.1-or-later
# xattr.py -- what the system calls of extended attributes answer, one line a call
#
# Works in the current directory.  The caller compares the lines with those of
# another filesystem.
import errno
import os
import struct

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def say(what, call, *args, **kwargs):
    try:
        answer = call(*args, **kwargs)
    except OSError as e:
        answer = errno.errorcode[e.errno]
    if isinstance(answer, bytes) and len(answer) > 64:
        answer = f"{len(answer)} bytes {sum(answer)}"
    print(f"{what}: {answer}")


def acl(*entries, version=2):
    head = struct.pack("<I", version)
    return head + b"".join(struct.pack("<HHI", t, p, i & 0xFFFFFFFF) for t, p, i in entries)


def mode(path):
    return oct(os.lstat(path).st_mode)


def make():
    open("file", "w").close()
    os.mkdir("dir")
    os.mkfifo("fifo")
    os.symlink("file", "link")
    os.mknod("node", 0o20644, os.makedev(1, 3))


def namespaces():
    names = ["user.a", "user.", "user", "trusted.a", "trusted.", "security.a", "security.",
             "system.a", "system.", "system.posix_acl_other", "system.posix_acl_access.a",
             "other.a", ".", "a", "usera.b", "User.a", "user..", "user.a.b", "btrfs.a"]
    for name in names:
        for path in "file", "dir", "fifo", "link", "node":
            kw = {"follow_symlinks": False}
            say(f"set {name!r} of {path}", os.setxattr, path, name, b"v", **kw)
            say(f"get {name!r} of {path}", os.getxattr, path, name, **kw)
            say(f"remove {name!r} of {path}", os.removexattr, path, name, **kw)
            say(f"remove {name!r} of {path} again", os.removexattr, path, name, **kw)


def flags():
    for flag in os.XATTR_REPLACE, os.XATTR_CREATE, os.XATTR_CREATE, os.XATTR_REPLACE, 4, 3:
        say(f"set with flags {flag}", os.setxattr, "file", "user.flags", bytes([flag]), flag)
    say("get", os.getxattr, "file", "user.flags")
    say("list", lambda: sorted(os.listxattr("file")))
    say("get what is not there", os.getxattr, "file", "user.none")
    say("remove what is not there", os.removexattr, "file", "user.none")


def sizes():
    for size in 0, 1, 4000, 4096, 65535, 65536, 65537:
        say(f"set {size} bytes", os.setxattr, "file", "user.size", b"x" * size)
        say("get", os.getxattr, "file", "user.size")
    for size in 255, 256:
        name = "user." + "n" * (size - 5)
        say(f"set a name of {size}", os.setxattr, "file", name, b"v")
        say("get", os.getxattr, "file", name)
        say("remove", os.removexattr, "file", name)
    say("set a name of 0", os.setxattr, "file", "", b"v")
    say("of nothing", os.setxattr, "absent", "user.a", b"v")
    say("list of nothing", os.listxattr, "absent")


def times():
    for what, call in (("set", lambda: os.setxattr("file", "user.t", b"v")),
                       ("get", lambda: os.getxattr("file", "user.t")),
                       ("remove", lambda: os.removexattr("file", "user.t")),
                       ("ACL", lambda: os.setxattr("file", ACCESS, acl(*NAMED))),
                       ("no ACL", lambda: os.removexattr("file", ACCESS))):
        os.utime("file", (1, 1))
        was = os.stat("file")
        while os.stat("dir").st_ctime_ns <= was.st_ctime_ns + 10_000_000:
            os.chmod("dir", 0o755)
        call()
        now = os.stat("file")
        print(f"{what}: mtime stays {was.st_mtime_ns == now.st_mtime_ns}, "
              f"ctime moves {was.st_ctime_ns != now.st_ctime_ns}")


PLAIN = [(USER_OBJ, 6, -1), (GROUP_OBJ, 5, -1), (OTHER, 4, -1)]
NAMED = [(USER_OBJ, 6, -1), (USER, 7, 5), (GROUP_OBJ, 5, -1), (MASK, 3, -1), (OTHER, 4, -1)]


def acls():
    values = {
        "plain": acl(*PLAIN), "named": acl(*NAMED), "empty": acl(), "no bytes": b"",
        "half a head": b"\2\0", "version 1": acl(*PLAIN, version=1), "cut": acl(*NAMED)[:-3],
        "no mask": acl(*[e for e in NAMED if e[0] != MASK]),
        "mask only": acl(*PLAIN[:2], (MASK, 7, -1), PLAIN[2]),
        "no owner": acl(*PLAIN[1:]), "no other": acl(*PLAIN[:2]), "twice": acl(*PLAIN, *PLAIN),
        "order": acl(*reversed(NAMED)), "two masks": acl(*NAMED[:4], *NAMED[3:]),
        "user twice": acl(NAMED[0], NAMED[1], *NAMED[1:]),
        "ids of the unnamed": acl((USER_OBJ, 6, 9), (GROUP_OBJ, 5, 9), (OTHER, 4, 9)),
        "tag 64": acl(*PLAIN, (64, 1, -1)), "perm 8": acl((USER_OBJ, 8, -1), *PLAIN[1:]),
        "nobody": acl(NAMED[0], (USER, 7, -1), *NAMED[2:]),
    }
    for path in "file", "dir", "fifo", "link":
        for name in ACCESS, DEFAULT:
            for what, value in values.items():
                kw = {"follow_symlinks": False}
                say(f"{path}: {name} {what}", os.setxattr, path, name, value, **kw)
                say("get", os.getxattr, path, name, **kw)
                say("list", lambda p=path: sorted(os.listxattr(p, follow_symlinks=False)))
                print(mode(path))
            for flag in os.XATTR_CREATE, os.XATTR_REPLACE:
                say(f"flags {flag}", os.setxattr, path, name, acl(*NAMED), flag, **kw)
            say("remove", os.removexattr, path, name, **kw)
            say("remove again", os.removexattr, path, name, **kw)
            print(mode(path))


make()
namespaces()
flags()
sizes()
times()
acls()
