#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""campaign.py -- cut the power at random moments, boot what is left, judge it

A run boots the machine with the power-cut model, works, and is cut at random
points: just behind an acknowledgement, or with --jitter every second time
somewhere inside what comes next.  Each cut leaves one image per eviction rate.
Each image is booted without the model: recovered, judged by what the workload
knows, checked by fsck.  One line per image, a summary, and CSV.

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
import sys
import time

from machine import Machine, NoVerdict

FIELDS = "target mode seed cut events evict acked verdict kept lost corrupt leaked flight fsck".split()


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.environ.get("DAXFS_BUILD", "."))
    p.add_argument("--work", required=True, help="folder for images; a tmpfs is best")
    p.add_argument("--target", required=True, choices=("ext4", "daxfs", "daxfs-flush", "daxfs-cached", "device"))
    p.add_argument("--mode", required=True, help="of load.c, or a program of programs.sh")
    p.add_argument("--blocks", type=int, default=48)
    p.add_argument("--ops", type=int, default=120)
    p.add_argument("--cuts", type=int, default=3)
    p.add_argument("--evict", default="0+50+100")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--unit", default="ack", choices=("event", "fence", "ack"))
    p.add_argument("--span", help="FIRST:LAST of the unit, where cuts may fall (default: all acknowledgements)")
    p.add_argument("--jitter", type=int, default=0, help="every second cut falls up to so many events later")
    p.add_argument("--fence", default="all", choices=("all", "strict"))
    p.add_argument("--flush", default="on", choices=("on", "off"), help="off: daxfs's fsync that flushes nothing")
    p.add_argument("--expect", default="kept", choices=("kept", "lost", "any"))
    p.add_argument("--csv", help="append the results there")
    return p.parse_args()


def verdict(found):
    """In one word; what cannot be mounted or is not clean is corrupt."""
    if found["fsck"] != "clean" or found["corrupt"] != "0":
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


def model_options(args, machine):
    cuts = "+".join(map(str, cut_points(args)))
    return [f"out={machine.work}/image", f"evict={args.evict}", f"seed={args.seed}", f"unit={args.unit}",
            f"jitter={args.jitter}", f"fence={args.fence}", "cuts=" + cuts]


def campaign(args, machine):
    log, output = machine.with_model(["run"], model_options(args, machine))
    cuts = list(cuts_of(log))
    planned = len(cut_points(args))
    if len(cuts) < planned:
        raise NoVerdict(f"{len(cuts)} of {planned} cuts: {output[-400:]}")
    events = {cut: n for cut, n, _ in cuts}
    images = [(cut, rate, acked) for cut, _, acked in cuts for rate in args.evict.split("+")]
    for (cut, rate, acked), found in zip(images, machine.judge(images)):
        row = {"target": args.target, "mode": args.mode, "seed": args.seed, "cut": cut, "events": events[cut],
               "evict": rate, "acked": acked, "verdict": verdict(found)}
        yield dict(row, **{k: found[k] for k in FIELDS if k in found})


def save(path, rows):
    new = not os.path.exists(path)
    with open(path, "a", newline="", encoding="ascii") as f:
        out = csv.DictWriter(f, FIELDS)
        if new:
            out.writeheader()
        out.writerows(rows)


def as_expected(seen, expect):
    if expect == "kept":
        return seen == {"kept"}
    return expect == "any" or bool(seen & {"lost", "corrupt"})


def main():
    args = arguments()
    start = time.monotonic()
    machine = Machine(args)
    rows = []
    try:
        for row in campaign(args, machine):
            print(" ".join(f"{k}={row.get(k, '')}" for k in FIELDS), flush=True)
            rows.append(row)
    except NoVerdict as why:
        print(f"no verdict: {why}")
        sys.exit(3)
    finally:
        machine.clean()
    if args.csv:
        save(args.csv, rows)
    seen = {r["verdict"] for r in rows}
    print(f"{args.target} {args.mode}: {len(rows)} images, " +
          ", ".join(f"{sum(r['verdict'] == v for r in rows)} {v}" for v in sorted(seen)) +
          f", {time.monotonic() - start:.0f} s")
    sys.exit(0 if as_expected(seen, args.expect) else 1)


if __name__ == "__main__":
    main()
