# SPDX-License-Identifier: LGPL-2.1-or-later
"""price.py -- what a call costs: its time, and its events as the power-cut model counts them

Each kind of filesystem works through all modes twice: without the model, for the
time, and with it, for the events.  The time is that of an emulated CPU: it compares
filesystems, and says nothing about hardware.
"""
import argparse
import csv
import os
import re

from machine import Machine, NoVerdict
import report

FIELDS = "target mode megabytes us lines clwb fences".split()
OPS = 64
# The file of ten-lines, in blocks of 4 KiB: 1 GiB.
LARGE, LARGE_MEGABYTES = 1 << 18, 1280


def machine_for(args, target, large):
    call = argparse.Namespace(build=args.build, work=args.work, target=target, mode="fsync", ops=OPS, seed=1,
                              blocks=LARGE if large else 64, flush="on")
    return Machine(call, LARGE_MEGABYTES if large else 64)


def times(machine, modes):
    """Nanoseconds by mode."""
    media = machine.copy()
    code, output = machine.boot(["time"] + modes, [media], 1200)
    os.unlink(media)
    found = dict(re.findall(r"^TIME (\S+) (\d+)", output, re.M))
    if code or set(found) != set(modes):
        raise NoVerdict(f"exit code {code}: {output[-400:]}")
    return found


def events(machine, modes):
    """
    Counters by mode: the model logs them in the order of the modes.  Fences are SFENCE and MFENCE that had something to
    wait for; a locked instruction drains, too, but is not there for that.
    """
    log, output = machine.with_model(["time"] + modes, ["fence=strict"])
    counts = [dict(w.split("=") for w in words if "=" in w) for words in log if words[:2] == ["count", "mark"]]
    if len(counts) != len(modes):
        raise NoVerdict(output[-400:])
    return dict(zip(modes, counts))


def prices(args, target, modes, large):
    machine = machine_for(args, target, large)
    ns, count = times(machine, modes), events(machine, modes)
    for mode in modes:
        per_call = [f"{int(count[mode][k]) / OPS:.1f}" for k in ("drained", "flushes", "fences")]
        yield [target, mode, machine.megabytes, f"{int(ns[mode]) / 1000:.0f}"] + per_call


def batches(args):
    """(target, modes, in the large file): what is measured between the same two boots."""
    for target in args.targets.split(","):
        modes = [m for m in args.modes.split(",") if report.is_possible(m, target) and not report.is_program(m)]
        yield target, modes, False
        if "ten-lines" in modes:
            yield target, ["ten-lines"], True


def measured(path):
    """(target, mode, in the large file) of the rows that are there; begins the file when it is not."""
    if not os.path.exists(path):
        with open(path, "w", newline="", encoding="ascii") as f:
            csv.writer(f).writerow(FIELDS)
    with open(path, newline="", encoding="ascii") as f:
        return {(r["target"], r["mode"], int(r["megabytes"]) == LARGE_MEGABYTES) for r in csv.DictReader(f)}


def measure(args, path):
    """Adds to path a row per target and mode, those of a batch as soon as it is done."""
    done = measured(path)
    for target, modes, large in batches(args):
        modes = [m for m in modes if (target, m, large) not in done]
        if not modes:
            continue
        rows = list(prices(args, target, modes, large))
        with open(path, "a", newline="", encoding="ascii") as f:
            csv.writer(f).writerows(rows)
        print(f"{target}: price of {len(rows)} calls", flush=True)
