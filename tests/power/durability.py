#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""durability.py -- what survives a power cut on ext4-dax and on daxfs

Runs a campaign for each way of working on each target, once per seed, and adds
to --out: durability.csv, a row per image; from it durability.svg, and the
tables of durability.md between the marks that stand there.  With --price also
price.csv: time, flushed lines and fences of each call.  What these two hold
already is not done again, so a run may be broken off and gone on with.

Exit code: 0, 1 when daxfs did not keep what it promises, 3 when a campaign gave
no verdict, 77 without QEMU.
"""
import argparse
import csv
import os
import subprocess
import sys

import price
import report

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True)
    p.add_argument("--work", default="/dev/shm/daxfs-durability", help="folder for images; a tmpfs is best")
    p.add_argument("--build", default=os.environ.get("DAXFS_BUILD", "."))
    p.add_argument("--cuts", type=int, default=10, help="for each seed")
    p.add_argument("--seeds", default="1,2")
    p.add_argument("--evict", default="0+50+100")
    p.add_argument("--modes", default=",".join(m.name for m in report.MODES))
    p.add_argument("--targets", default=",".join(report.TARGETS))
    p.add_argument("--price", action="store_true", help="measure what the calls cost, too")
    p.add_argument("--report", action="store_true", help="only write the tables and the plot anew")
    return p.parse_args()


def campaigns(args):
    """(seed, mode, target), the whole table first for one seed, then for the next."""
    for seed in args.seeds.split(","):
        for mode in args.modes.split(","):
            for target in args.targets.split(","):
                if report.is_possible(mode, target):
                    yield seed, mode, target


def read_rows(path):
    if not os.path.exists(path):
        return []
    with open(path, newline="", encoding="ascii") as f:
        return list(csv.DictReader(f))


def run_campaigns(args, path):
    """How many gave no verdict."""
    done = {(r["seed"], r["mode"], r["target"]) for r in read_rows(path)}
    failures = 0
    for seed, mode, target in campaigns(args):
        if (seed, mode, target) in done:
            continue
        code = subprocess.call([
            sys.executable, "-B", HERE + "/campaign.py", "--build", args.build, "--work", args.work,
            "--target", target, "--mode", mode, "--ops", str(report.ops_of(mode)), "--seed", seed,
            "--cuts", str(args.cuts), "--jitter", "400", "--evict", args.evict, "--expect", "any", "--csv", path])
        if code == 77:
            sys.exit(77)
        if code:
            failures += 1
            print(f"{target} {mode}, seed {seed}: no verdict", flush=True)
    return failures


def main():
    args = arguments()
    os.makedirs(args.out, exist_ok=True)
    path = os.path.join(args.out, "durability.csv")
    prices = os.path.join(args.out, "price.csv")
    failures = 0
    if not args.report:
        if args.price:
            price.measure(args, prices)
        failures = run_campaigns(args, path)
    rows = read_rows(path)
    report.write(args, rows, read_rows(prices))
    broken = report.broken_promises(rows)
    for line in broken:
        print("promise not kept:", line)
    sys.exit(1 if broken or not rows else 3 if failures else 0)


if __name__ == "__main__":
    main()
