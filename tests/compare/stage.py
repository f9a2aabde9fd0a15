# SPDX-License-Identifier: LGPL-2.1-or-later
"""stage.py -- what a run needs and leaves nothing of: a folder on tmpfs, programs with time limits, a switch"""
import os
import shutil
import subprocess
import tempfile
import time

URING_SWITCH = "/sys/module/fuse/parameters/enable_uring"
MEMORY_LEFT = 1 << 30	# for everything that is not an image


class Unavailable(Exception):
    """Why something cannot be measured here."""


class Lacking(Unavailable):
    """It is this machine that lacks something."""


class Missing(Lacking):
    """A program that is not installed."""


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no message"


def run(*command, timeout=900, **options):
    """Standard output of a command; Unavailable with its last words when it fails."""
    try:
        done = subprocess.run(command, stdin=options.pop("stdin", subprocess.DEVNULL), capture_output=True, text=True,
                              errors="replace", timeout=timeout, check=False, **options)
    except FileNotFoundError as e:
        raise Missing(f"{command[0]} is not installed") from e
    except subprocess.TimeoutExpired as e:
        raise Unavailable(f"{command[0]} took more than {timeout} s") from e
    if done.returncode:
        raise Unavailable(f"{os.path.basename(command[0])}: {last_line(done.stderr or done.stdout)}")
    return done.stdout


def memory_available():
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith("MemAvailable:"))


def is_mounted(path):
    shown = path.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")
    with open("/proc/self/mounts", encoding="utf-8") as f:
        return any(line.split(" ")[1] == shown for line in f)


def unmount(path):
    """Somebody may just be looking at all mounts: try for 5 seconds, then detach it."""
    for _ in range(50):
        if not is_mounted(path):
            return
        if not subprocess.run(["umount", path], capture_output=True, check=False).returncode:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "-l", path], check=False)


class Stage:
    """The folder of a run; the kernel's switch for FUSE over io_uring is on until close()."""

    def __init__(self, args):
        self.build = os.path.abspath(args.build)
        self.quick = args.quick
        self.image_bytes = (512 if args.quick else 2048) << 20
        self.dir = tempfile.mkdtemp(prefix="daxfs-bench.", dir=os.path.realpath(args.dir))
        self.switch_was = None

    def path(self, name):
        return os.path.join(self.dir, name)

    def image(self, name, size=None):
        """A file with all its memory: first touches are not what is to be measured."""
        size = size or self.image_bytes
        if memory_available() < size + MEMORY_LEFT:
            raise Lacking(f"not enough memory for {size >> 20} MiB more")
        with open(self.path(name), "wb") as f:
            try:
                os.posix_fallocate(f.fileno(), 0, size)
            except OSError as e:
                raise Lacking(f"no room for {size >> 20} MiB: {e.strerror}") from e
        return f.name

    def switch_uring_on(self):
        try:
            with open(URING_SWITCH, "r+", encoding="ascii") as f:
                was = f.read().strip()
                f.write("Y")
        except OSError as e:
            raise Lacking("this kernel has no FUSE over io_uring") from e
        self.switch_was = self.switch_was or was

    def close(self):
        if self.switch_was:
            with open(URING_SWITCH, "w", encoding="ascii") as f:
                f.write(self.switch_was)
        shutil.rmtree(self.dir, ignore_errors=True)
