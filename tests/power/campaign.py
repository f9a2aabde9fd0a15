#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""campaign.py -- cut the power at random moments, boot what is left, judge it

A run boots the machine with the power-cut model, works, and is cut at random
points of its own; each cut leaves one image per eviction rate.  Each image is
booted without the model: recovered, judged by load check, checked by fsck.  One
line per image, a summary, and CSV.

Exit code: 0 when every image was as --expect says (kept: nothing that was
acknowledged is lost, corrupt or foreign; lost: something is lost or
corrupt), 1 when not, 3 when there is no verdict (no cut, a machine that hung, or
a model that saw flushes it could not understand), 77 without QEMU.
"""
import argparse
import csv
import os
import random
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
FIELDS = ("target mode seed cut events evict acked verdict kept lost corrupt leaked flight fsck").split()


class NoVerdict(Exception):
    """What happened says nothing about the filesystem."""


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.environ.get("DAXFS_BUILD", "."))
    p.add_argument("--work", required=True, help="folder for images; a tmpfs is best")
    p.add_argument("--target", required=True, choices=("ext4", "daxfs", "daxfs-cached", "device"))
    p.add_argument("--mode", required=True, help="of load.c")
    p.add_argument("--blocks", type=int, default=48)
    p.add_argument("--ops", type=int, default=120)
    p.add_argument("--cuts", type=int, default=3)
    p.add_argument("--evict", default="0+50+100")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--unit", default="ack", choices=("event", "fence", "ack"))
    p.add_argument("--span", help="FIRST:LAST of the unit, where cuts may fall (default: all acknowledgements)")
    p.add_argument("--fence", default="all", choices=("all", "strict"))
    p.add_argument("--flush", default="on", choices=("on", "off"), help="off: daxfs's fsync that flushes nothing")
    p.add_argument("--expect", default="kept", choices=("kept", "lost", "any"))
    p.add_argument("--csv", help="append the results there")
    return p.parse_args()


class Machine:
    """The virtual machine, and the images it works on."""

    def __init__(self, args):
        self.args = args
        self.work = os.path.abspath(args.work)
        self.build = os.path.abspath(args.build)
        os.makedirs(self.work, exist_ok=True)
        self.model = os.path.join(self.build, "tests/power/model.so")

    def boot(self, action, media, settings, plugin=None):
        """Runs guest.sh ACTION; its exit code and output."""
        command = ["bash", TOP + "/contrib/vm/run", "-g", self.build + "/vm", "-t", "240"]
        settings = dict(settings, DAXFS_BUILD=self.build, TARGET=self.args.target, MODE=self.args.mode,
                        BLOCKS=self.args.blocks, OPS=self.args.ops, SEED=self.args.seed,
                        FLUSH=self.args.flush)
        for name, value in settings.items():
            command += ["-e", f"{name}={value}"]
        for path in media:
            command += ["-n", path]
        if plugin:
            command += ["-q", "-plugin", "-q", plugin]
        done = subprocess.run(command + ["bash", HERE + "/guest.sh", action], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode == 77:
            sys.exit(77)
        return done.returncode, done.stdout.decode(errors="replace")

    def base(self):
        """Images with a namespace, and a filesystem of the target's kind; made once per target."""
        name = os.path.join(self.work, "base-" + self.args.target.split("-", maxsplit=1)[0])
        media = [name + ".nv0", name + ".nv1"]
        if not all(os.path.exists(m) for m in media):
            for m in media:
                with open(m, "wb") as f:
                    f.truncate(128 << 20)
            code, output = self.boot("prepare", media, {})
            if code:
                for m in media:
                    os.unlink(m)
                raise NoVerdict("prepare: " + output[-400:])
        return media

    def run(self, cuts):
        """Works on copies of the base until the last cut; the model's log, as lines of words."""
        media = []
        for i, base in enumerate(self.base()):
            media.append(os.path.join(self.work, f"nv{i}"))
            subprocess.check_call(["cp", "--sparse=always", base, media[-1]])
        log = os.path.join(self.work, "log")
        options = [f"file={self.model}"] + [f"nv={m}" for m in media] + [
            f"out={self.work}/image", f"log={log}", f"evict={self.args.evict}", f"seed={self.args.seed}",
            f"unit={self.args.unit}", f"fence={self.args.fence}", "cuts=" + "+".join(map(str, cuts))]
        _, output = self.boot("run", media, {}, ",".join(options))
        for m in media:
            os.unlink(m)
        try:
            with open(log, encoding="ascii") as f:
                return [line.split() for line in f], output
        except OSError as why:
            raise NoVerdict(f"the model left no log: {output[-400:]}") from why

    def check(self, cut, rate, acked):
        """Boots an image; the judge's verdict and what fsck says."""
        media = [os.path.join(self.work, f"image.{cut}.e{rate}.nv{i}") for i in range(2)]
        code, output = self.boot("check", media, {"ACKED": acked})
        for m in media:
            os.unlink(m)
        found = dict(re.findall(r"(\w+)=(\w+)", "".join(re.findall(r"^CHECK.*", output, re.M))))
        fsck = re.search(r"^FSCK (\w+)", output, re.M)
        if "kept" not in found or not fsck:
            raise NoVerdict(f"check of cut {cut}, evict {rate}, exit code {code}: {output[-400:]}")
        return found, fsck[1]


def judge(found, fsck):
    if fsck != "clean" or found["corrupt"] != "0":
        return "corrupt"
    if found["leaked"] != "0":
        return "leaked"
    return "lost" if found["lost"] != "0" else "kept"


def cut_points(args):
    first, last = map(int, args.span.split(":")) if args.span else (1, args.ops)
    span = range(first, last + 1)
    return sorted(random.Random(args.seed).sample(span, min(args.cuts, len(span))))


def cuts_of(log):
    """(number, events, acknowledged) of each cut; the model must have understood everything."""
    acked = 0
    for words in log:
        if words[0] == "ack":
            acked = int(words[1])
        elif words[0] == "cut":
            yield int(words[1]), words[3].split("=")[1], acked
        elif words[0] == "count":
            blind = [w for w in words if re.fullmatch(r"(unsupported|untranslated)=[1-9]\d*", w)]
            if blind:
                raise NoVerdict("the model was blind: " + " ".join(blind))


def campaign(args):
    machine = Machine(args)
    log, output = machine.run(cut_points(args))
    cuts = list(cuts_of(log))
    if not cuts:
        raise NoVerdict("no cut: " + output[-400:])
    for cut, events, acked in cuts:
        for rate in args.evict.split("+"):
            found, fsck = machine.check(cut, rate, acked)
            row = {"target": args.target, "mode": args.mode, "seed": args.seed, "cut": cut, "events": events,
                   "evict": rate, "fsck": fsck, "verdict": judge(found, fsck)}
            yield dict(row, **{k: found[k] for k in FIELDS if k in found})


def save(path, rows):
    new = not os.path.exists(path)
    with open(path, "a", newline="", encoding="ascii") as f:
        out = csv.DictWriter(f, FIELDS)
        if new:
            out.writeheader()
        out.writerows(rows)


def main():
    args = arguments()
    start = time.monotonic()
    rows = []
    try:
        for row in campaign(args):
            print(" ".join(f"{k}={row[k]}" for k in FIELDS), flush=True)
            rows.append(row)
    except NoVerdict as why:
        print(f"no verdict: {why}")
        sys.exit(3)
    finally:
        if args.csv and rows:
            save(args.csv, rows)
        for name in os.listdir(args.work):
            if name.startswith("image."):
                os.unlink(os.path.join(args.work, name))
    seen = {r["verdict"] for r in rows}
    print(f"{args.target} {args.mode}: {len(rows)} images, " +
          ", ".join(f"{sum(r['verdict'] == v for r in rows)} {v}" for v in sorted(seen)) +
          f", {time.monotonic() - start:.0f} s")
    as_expected = {"kept": seen == {"kept"},
                   "lost": bool(seen & {"lost", "corrupt"}), "any": True}
    sys.exit(0 if as_expected[args.expect] else 1)


if __name__ == "__main__":
    main()
