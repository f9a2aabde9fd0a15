# SPDX-License-Identifier: LGPL-2.1-or-later
"""machine.py -- the virtual machine under test: its NVDIMM, its boots, its power cuts

The NVDIMM is prepared once per kind of filesystem.  Work goes on in a copy of
it, with the power-cut model; the images that cuts leave are judged many at a time,
each as an NVDIMM of its own in one boot without the model.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PER_BOOT = 60   # images that are judged in one boot


class NoVerdict(Exception):
    """What happened says nothing about the filesystem."""


class Machine:
    """args: build, work, target, mode, blocks, ops, seed, flush; megabytes of the NVDIMM."""

    def __init__(self, args, megabytes=64):
        self.args = args
        self.megabytes = megabytes
        self.work = os.path.abspath(args.work)
        self.build = os.path.abspath(args.build)
        os.makedirs(self.work, exist_ok=True)
        self.model = os.path.join(self.build, "tests/power/model.so")

    def boot(self, action, media, seconds=600, plugin=None):
        """Runs guest.sh with the words of action; its exit code and output."""
        command = ["bash", TOP + "/contrib/vm/run", "-g", self.build + "/vm", "-t", str(seconds)]
        settings = {"DAXFS_BUILD": self.build, "TARGET": self.args.target, "MODE": self.args.mode,
                    "BLOCKS": self.args.blocks, "OPS": self.args.ops, "SEED": self.args.seed,
                    "FLUSH": self.args.flush}
        for name, value in settings.items():
            command += ["-e", f"{name}={value}"]
        for path in media:
            command += ["-n", path]
        if plugin:
            command += ["-q", "-plugin", "-q", ",".join([f"file={self.model}"] + plugin)]
        done = subprocess.run(command + ["bash", HERE + "/guest.sh"] + action, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode == 77:
            sys.exit(77)
        return done.returncode, done.stdout.decode(errors="replace")

    def base(self):
        """The prepared NVDIMM of the target's kind; made once."""
        kind = self.args.target.split("-", maxsplit=1)[0]
        path = os.path.join(self.work, f"base-{kind}-{self.megabytes}")
        if not os.path.exists(path):
            with open(path + ".new", "wb") as f:
                f.truncate(self.megabytes << 20)
            code, output = self.boot(["prepare"], [path + ".new"])
            if code:
                os.unlink(path + ".new")
                raise NoVerdict("prepare: " + output[-400:])
            os.rename(path + ".new", path)
        return path

    def copy(self):
        path = os.path.join(self.work, "nv")
        subprocess.check_call(["cp", "--sparse=always", self.base(), path])
        return path

    def read_log(self, output):
        try:
            with open(os.path.join(self.work, "log"), encoding="ascii") as f:
                return [line.split() for line in f]
        except OSError as why:
            raise NoVerdict(f"the model left no log: {output[-400:]}") from why

    def with_model(self, action, options=(), seconds=1200):
        """Works on a copy of the base; the model's log, as lists of words, and the output."""
        media = self.copy()
        log = os.path.join(self.work, "log")
        if os.path.exists(log):
            os.unlink(log)
        _, output = self.boot(action, [media], seconds, [f"nv={media}", f"log={log}", *options])
        os.unlink(media)
        return self.read_log(output), output

    def image(self, cut, rate):
        return os.path.join(self.work, f"image.{cut}.e{rate}.nv0")

    def judge(self, images):
        """(cut, rate, acknowledged) of images; a dictionary of what was found for each, in order."""
        for first in range(0, len(images), PER_BOOT):
            some = images[first:first + PER_BOOT]
            media = [self.image(cut, rate) for cut, rate, _ in some]
            code, output = self.boot(["check"] + [str(acked) for _, _, acked in some], media, 300 + 30 * len(some))
            for path in media:
                os.unlink(path)
            parts = re.split(r"^IMAGE \d+\r?$", output, flags=re.M)[1:]
            if code or len(parts) != len(some):
                raise NoVerdict(f"judged {len(parts)} of {len(some)}, exit code {code}: {output[-400:]}")
            yield from map(found_in, parts)

    def clean(self):
        for name in os.listdir(self.work):
            if name.startswith("image."):
                os.unlink(os.path.join(self.work, name))


def found_in(output):
    """What guest.sh said of one image."""
    fsck = re.search(r"^FSCK (\w+)", output, re.M)
    if not fsck:
        raise NoVerdict("an image without a verdict: " + output[-400:])
    found = dict(re.findall(r"(\w+)=(\w+)", "".join(re.findall(r"^CHECK.*", output, re.M))), fsck=fsck[1])
    if fsck[1] == "clean" and "kept" not in found:
        raise NoVerdict("the judge could not tell: " + output[-400:])
    return found
