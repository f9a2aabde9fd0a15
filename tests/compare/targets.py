# SPDX-License-Identifier: LGPL-2.1-or-later
"""targets.py -- what a full run must show, judged a line each

passthrough is libfuse's example with cache=never, as daxfs has no cache of the kernel's in between either;
for the tree of files the faster of its two ways counts.  Nobody checks permissions there, so names are judged
beside passthrough-checked, too, where the kernel does, as it does for daxfs.
"""
import operator
from dataclasses import dataclass
from typing import Callable

import filesystems

LESS, MORE = "<=", ">="
COMPARE = {LESS: operator.le, MORE: operator.ge}


@dataclass
class Target:
    text: str
    figure: Callable	# (median of (measure, filesystem)); KeyError: was not measured
    sign: str
    limit: float
    unit: str


def most(name, limit, unit="us"):
    return Target(name, lambda m: m(name), LESS, limit, unit)


def least(name, limit, unit):
    return Target(name, lambda m: m(name), MORE, limit, unit)


def times(name, other, limit):
    """At most so many times what another filesystem takes."""
    return Target(f"{name} / {other}'s", lambda m: m(name) / m(name, other), LESS, limit, "x")


def ahead(name, other, limit):
    return Target(f"{other}'s {name} / daxfs's", lambda m: m(name, other) / m(name), MORE, limit, "x")


def scales(name, two, limit):
    """So much more is done by two threads than by one."""
    return Target(f"{name} / {two}", lambda m: m(name) / m(two), MORE, limit, "x")


def best_passthrough(m):
    """Of half the tree: it keeps each file open, and without CAP_SYS_RESOURCE may not open as many as the tree has."""
    return min(m("untar-half", "passthrough"), m("untar-half", "passthrough-cached")) / m("untar-half")


TARGETS = {
    "input and output": [
        most("pread4k", 4.6), most("pwrite4k", 4.6),
        times("pread4k", "passthrough", 0.25), times("pwrite4k", "passthrough", 0.25),
        most("fdatasync4k", 7), most("append4k", 8),
        *[scales(name, name + two, 1.7) for name in ("pread4k", "pwrite4k") for two in ("-2", "-2-shared")],
        Target("fdatasync-sync: no request", lambda m: m("fdatasync-sync", filesystems.SYNC), LESS, 1, "us")],
    "names": [
        most("create", 13), most("rename", 7), most("unlink", 7.5), most("stat", 1.2), most("open", 10),
        times("create", "ext4", 1.7), times("unlink", "ext4", 2),
        *[ahead(name, way, 5) for way in ("passthrough", "passthrough-checked") for name in filesystems.ON_NAMES]],
    "throughput": [
        least("pwrite1m", 6, "GB/s"), least("pread1m", 5, "GB/s"),
        *[Target(f"{name}-2 / {name}", lambda m, name=name: m(name + "-2") / m(name), MORE, 1.6, "x")
          for name in ("pwrite1m", "pread1m")],
        least("fio-read", 450, "kIOPS"), least("fio-write", 450, "kIOPS")],
    "a tree of files": [
        times("untar", "ext4", 2.5), ahead("untar", "fuse2fs", 3),
        Target("best passthrough's untar-half / daxfs's", best_passthrough, MORE, 3, "x")],
    "fsync": [
        Target("flush=: 10 lines - clean", lambda m: m("fsync-flush", filesystems.FLUSH) -
               m("fsync-flush-clean", filesystems.FLUSH), LESS, 5, "us"),
        Target("flush=: clean / pread4k: a round trip", lambda m: m("fsync-flush-clean", filesystems.FLUSH) /
               m("pread4k"), LESS, 1.1, "x"),
        Target("fsync of a clean file: no request", lambda m: m("fsync"), LESS, 1, "us")],
    "CPU": [most("cpu-read", 2.5), most("idle", 0.05, "%")],
}


def judge(results):
    """(lines, how many failed)"""
    failed, lines, left_out = 0, [f"{'target':<58} {'measured':>10}  {'limit':<14}"], []
    medians = results.median
    for item, targets in TARGETS.items():
        for t in targets:
            try:
                figure = t.figure(lambda name, fs=filesystems.BASE: medians[name, fs])
            except KeyError:
                left_out.append(t.text)
                continue
            passes = COMPARE[t.sign](figure, t.limit)
            failed += not passes
            limit = f"{t.sign} {t.limit:g} {t.unit}"
            lines.append(f"{item + ': ' + t.text:<58} {figure:>10.2f}  {limit:<14} {'PASS' if passes else 'FAIL'}")
    if left_out:
        lines.append("not measured: " + ", ".join(left_out))
    return lines, failed
