# SPDX-License-Identifier: LGPL-2.1-or-later
"""filesystems.py -- the filesystems that are compared, each mounted on a folder of the stage

start() raises Unavailable with the reason when there is something that it lacks; stop() may be called in
any state, and leaves neither mount, nor daemon, nor loop device.
"""
import math
import os
import resource
import shutil
import subprocess
import time

from stage import Missing, Unavailable, is_mounted, last_line, run, unmount

EXAMPLE = "/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c"
TICKS = os.sysconf("SC_CLK_TCK")


class Filesystem:
    wanted = None	# measures taken of it, by name; None: all

    def __init__(self, name, title, stage):
        self.name, self.title, self.stage = name, title, stage
        self.dir = stage.path(name)
        self.most_files = math.inf	# that may be known to it at a time

    def start(self):
        os.mkdir(self.dir)
        self.mount()

    def stop(self):
        unmount(self.dir)

    def settle(self):
        """What was written is not to be written back while another is measured."""
        run("sync", "-f", self.dir)


class Tmpfs(Filesystem):
    def mount(self):
        run("mount", "-t", "tmpfs", "-o", f"size={self.stage.image_bytes}", "daxfs-bench", self.dir)


class OnLoop(Filesystem):
    """A filesystem of the kernel, on a loop device over a file on tmpfs."""
    FORMAT = {"ext4": ["mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"],
              "xfs": ["mkfs.xfs", "-q", "-f", "-K"]}
    loop = None

    def mount(self):
        image = self.stage.image(self.name + ".img")
        run(*self.FORMAT[self.name], image)
        self.loop = run("losetup", "--find", "--show", image).strip()
        run("mount", "-t", self.name, self.loop, self.dir)

    def stop(self):
        super().stop()
        if self.loop:
            subprocess.run(["losetup", "--detach", self.loop], check=False)


class Served(Filesystem):
    """A filesystem with a daemon, which stays in the foreground: a child of ours."""
    daemon = None

    def mount(self):
        command = self.command()
        with open(self.stage.path(self.name + ".log"), "w", encoding="utf-8") as log:
            try:
                self.daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                               cwd="/", start_new_session=True)
            except FileNotFoundError as e:
                raise Missing(f"{command[0]} is not installed") from e
        self.wait_for_mount(log.name)

    def wait_for_mount(self, log):
        for _ in range(3000):
            if is_mounted(self.dir):
                return
            if self.daemon.poll() is not None:
                break
            time.sleep(0.01)
        with open(log, encoding="utf-8", errors="replace") as f:
            raise Unavailable(f"it does not mount: {last_line(f.read())}")

    def stop(self):
        super().stop()
        if not self.daemon:
            return
        for end in (lambda: None, self.daemon.terminate, self.daemon.kill):
            end()
            try:
                self.daemon.wait(5)
                break
            except subprocess.TimeoutExpired:
                continue
        unmount(self.dir)

    def cpu_us(self):
        """CPU time of the daemon so far."""
        with open(f"/proc/{self.daemon.pid}/stat", encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1e6 / TICKS


class Daxfs(Served):
    def __init__(self, name, title, stage, options, size=None):
        super().__init__(name, title, stage)
        self.options, self.size = options, size

    def command(self):
        if "io_uring=on" in self.options:
            self.stage.switch_uring_on()
        image = self.stage.image(self.name + ".img", self.size)
        run(os.path.join(self.stage.build, "mkfs.daxfs"), "-q", "-f", image)
        return [os.path.join(self.stage.build, "daxfs"), image, self.dir, "-f", "-o", self.options]


class Passthrough(Served):
    """libfuse's example, on a tmpfs."""

    def __init__(self, name, title, stage, options, wanted=None):
        super().__init__(name, title, stage)
        self.options, self.wanted = options, wanted
        self.below = Tmpfs(name + ".below", "", stage)
        self.most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]	# it keeps each open

    def program(self):
        path = self.stage.path("passthrough_ll")
        if not os.path.exists(EXAMPLE):
            raise Unavailable(f"there is no {EXAMPLE}")
        if not os.path.exists(path):
            flags = run("pkg-config", "--cflags", "--libs", "fuse3").split()
            run("cc", "-O2", EXAMPLE, "-o", path, *flags)
        return path

    def command(self):
        program = self.program()
        self.below.start()
        return [program, "-f", "-o", f"source={self.below.dir},allow_other,{self.options}", self.dir]

    def stop(self):
        super().stop()
        self.below.stop()


class Fuse2fs(Served):
    def command(self):
        if not shutil.which("fuse2fs"):
            raise Missing("fuse2fs is not installed")
        image = self.stage.image(self.name + ".img")
        run(*OnLoop.FORMAT["ext4"], image)
        return ["fuse2fs", "-f", image, self.dir, "-o", "rw,allow_other"]


BASE = "daxfs"
SYNC, FLUSH = "daxfs-sync", "daxfs-flush"	# no columns of their own
NAMES = (BASE, "daxfs-classic", "daxfs-cached", "passthrough", "passthrough-checked", "passthrough-cached", "fuse2fs",
         "ext4", "xfs", "tmpfs")
ON_NAMES = ("create", "stat", "open", "rename", "unlink")	# what is measured of names, and judged


def make(name, stage):
    if name == BASE:
        return Daxfs(name, "daxfs, io_uring", stage, "io_uring=on,dax=always")
    if name == "daxfs-classic":
        return Daxfs(name, "daxfs, /dev/fuse", stage, "io_uring=off,dax=always")
    if name == "daxfs-cached":
        return Daxfs(name, "daxfs, cached", stage, "io_uring=on,dax=never")
    if name == SYNC:
        return Daxfs(name, "daxfs -o sync", stage, "io_uring=on,dax=always,sync", 64 << 20)
    if name == FLUSH:
        return Daxfs(name, "daxfs -o flush", stage, "io_uring=on,dax=always,flush=3600",
                     (64 if stage.quick else 1280) << 20)
    if name == "passthrough":
        return Passthrough(name, "passthrough_ll", stage, "cache=never")
    if name == "passthrough-checked":
        return Passthrough(name, "ll, permissions", stage, "cache=never,default_permissions", ON_NAMES)
    if name == "passthrough-cached":
        return Passthrough(name, "ll, cache=auto", stage, "cache=auto")
    if name == "fuse2fs":
        return Fuse2fs(name, "fuse2fs", stage)
    if name == "tmpfs":
        return Tmpfs(name, "tmpfs", stage)
    return OnLoop(name, name + " on loop", stage)
