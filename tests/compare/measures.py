# SPDX-License-Identifier: LGPL-2.1-or-later
"""measures.py -- what is measured of each filesystem, and how

A measure has a folder of its own on the filesystem, which is removed after it.
"""
import fnmatch
import json
import os
import time
from dataclasses import dataclass
from typing import Callable

import filesystems
from material import GIT
from stage import Unavailable, run

CALLS = "tests/compare/calls"


@dataclass
class Measure:
    name: str
    title: str
    group: str		# micro, fio, cpu or macro
    unit: str
    run: Callable	# (tools, filesystem, folder): the figure
    only: str = ""	# the one filesystem that it is for

    @property
    def more_is_better(self):
        return self.unit in ("GB/s", "kIOPS")

    def is_for(self, fs):
        if self.group == "cpu" and not isinstance(fs, filesystems.Served):
            return False
        if fs.wanted and self.name not in fs.wanted:
            return False
        return fs.name == self.only if self.only else fs.name not in (filesystems.SYNC, filesystems.FLUSH)


class Tools:
    """How long and how much; where things are."""

    def __init__(self, args, stage, material):
        self.build, self.stage, self.material = os.path.abspath(args.build), stage, material
        self.quick = args.quick

    def pick(self, full, quick):
        return quick if self.quick else full

    def calls(self, folder, kind, *options):
        """What tests/compare/calls says."""
        program = os.path.join(self.build, CALLS)
        return json.loads(run(program, *self.pick(["-s", "0.5"], ["-q", "-s", "0.05"]), *options, kind, folder))


# -- micro ---------------------------------------------------------------------------

def micro(kind, title, threads=1, shared=False, unit="us"):
    name = kind + (f"-{threads}" if threads > 1 else "") + ("-shared" if shared else "")
    if threads > 1:
        title += f", {threads} threads" + (" on one file" if shared else "")

    def measure(tools, _, folder):
        size = tools.pick("1024", "32") if kind == "fsync-dirty" else tools.pick("64", "8")
        options = ["-t", str(threads), "-m", size] + (["-S"] if shared else [])
        us = tools.calls(folder, kind, *options)["us"]
        return (1 << 20) / us / 1e3 if unit == "GB/s" else us
    return Measure(name, title, "micro", unit, measure)


def with_threads(kind, title, unit="us"):
    yield micro(kind, title, unit=unit)
    yield micro(kind, title, 2, unit=unit)
    yield micro(kind, title, 2, shared=True, unit=unit)
    yield micro(kind, title, 4, unit=unit)


def names_with_threads(kind, title):
    for threads in (1, 2, 4):
        yield micro(kind, title, threads)


def clean_fsync(tools, _, folder):
    return tools.calls(folder, "fsync", "-m", "8")["us"]


def wake(tools, _, folder):
    return tools.calls(folder, "wake")["us"]


def flush_fsync(tools, _, folder):
    """The lines wait for fsync; by default daxfs leaves none."""
    return tools.calls(folder, "fsync-dirty", "-m", tools.pick("1024", "32"))["us"]


# -- fio -----------------------------------------------------------------------------

def fio(direction):
    def measure(tools, _, folder):
        out = run("fio", "--name=random", f"--directory={folder}", f"--rw=rand{direction}", "--bs=4k", "--direct=1",
                  "--ioengine=libaio", "--iodepth=16", "--numjobs=2", f"--size={tools.pick('256m', '16m')}",
                  "--time_based", f"--runtime={tools.pick(5, 1)}", "--group_reporting", "--output-format=json",
                  cwd=tools.stage.dir)
        return json.loads(out[out.index("{"):])["jobs"][0][direction]["iops"] / 1000
    return Measure(f"fio-{direction}", f"fio 4 KiB random {direction}, depth 16, 2 jobs", "fio", "kIOPS", measure)


# -- the daemon's CPU time -------------------------------------------------------------

def cpu_of_reads(tools, fs, folder):
    """The file is there when the daemon's clock is read first."""
    tools.calls(folder, "pread4k", "-m", "8", "-s", "0")
    before = fs.cpu_us()
    calls = tools.calls(folder, "pread4k", "-m", "8", "-s", tools.pick("2", "0.3"))["calls"]
    return (fs.cpu_us() - before) / calls


IDLE = Measure("idle", "daemon's CPU when idle", "cpu", "%", None)


def measure_idle(tools, mounted):
    """Per cent of a CPU by filesystem, all at the same time."""
    seconds = tools.pick(60, 2)
    time.sleep(tools.pick(10, 1))	# what is flushed in the background, flushed it shall be
    before = {fs: fs.cpu_us() for fs in mounted}
    start = time.monotonic()
    time.sleep(seconds)
    return {fs.name: (fs.cpu_us() - before[fs]) / (time.monotonic() - start) / 1e4 for fs in mounted}


# -- macro -----------------------------------------------------------------------------

def seconds_of(*commands, **options):
    start = time.monotonic()
    for command in commands:
        run(*command, **options)
    return time.monotonic() - start


def untar(part):
    """Of the tree's files."""
    def measure(tools, fs, folder):
        files = int(tools.material.tree_files * part)
        if files * 1.2 > fs.most_files:	# directories, and what else it knows
            raise Unavailable(f"it keeps {files} files open, and may open {fs.most_files}")
        return seconds_of(["tar", "-xf", tools.material.tarball(files), "-C", folder], ["rm", "-rf", folder + "/tree"])
    return measure


def git(tools, _, folder):
    clone = folder + "/clone"
    return seconds_of([*GIT, "clone", "-q", "--no-hardlinks", tools.material.repository, clone],
                      [*GIT, "-C", clone, "status", "--porcelain"])


def sqlite(tools, _, folder):
    script, inserts = tools.material.inserts
    with open(script, encoding="ascii") as f:
        return seconds_of(["sqlite3", folder + "/db"], stdin=f) / inserts * 1e6


def compile_library(tools, _, folder):
    """daxfs's library, from a copy of its source, by two compilers at a time."""
    sources, flags = tools.material.library(folder)
    if not sources:
        raise Unavailable("there is no source")
    command = "printf '%s\\0' \"$@\" | xargs -0 -P 2 -n 4 cc -c -O1 " + flags + " && ar rc lib.a *.o"
    return seconds_of(["sh", "-c", command, "sh", *sources], cwd=folder)


MEASURES = [
    Measure("wake", "two processes wake each other on a CPU", "micro", "us", wake, only="tmpfs"),
    *with_threads("pread4k", "4 KiB pread, random"),
    *with_threads("pwrite4k", "4 KiB pwrite, random"),
    micro("fdatasync4k", "4 KiB pwrite and fdatasync"),
    Measure("fdatasync-sync", "fdatasync with -o sync", "micro", "us", clean_fsync, only=filesystems.SYNC),
    micro("append4k", "4 KiB append and fsync"),
    micro("fsync", "fsync of a clean file"),
    micro("fsync-dirty", "fsync of 1 GiB with 10 dirty lines"),
    Measure("fsync-flush-clean", "fsync of a clean file, -o flush=SECONDS", "micro", "us", clean_fsync,
            only=filesystems.FLUSH),
    Measure("fsync-flush", "of 1 GiB with 10 dirty lines, -o flush=SECONDS", "micro", "us", flush_fsync, only=filesystems.FLUSH),
    *with_threads("pread1m", "1 MiB pread", unit="GB/s"),
    *with_threads("pwrite1m", "1 MiB pwrite", unit="GB/s"),
    *names_with_threads("create", "create and close"),
    *names_with_threads("stat", "stat of a cached name"),
    *names_with_threads("open", "open and close"),
    micro("readdir", "list 1,000 entries"),
    *names_with_threads("rename", "rename"),
    *names_with_threads("unlink", "unlink"),
    fio("read"),
    fio("write"),
    Measure("cpu-read", "daemon's CPU per 4 KiB pread", "cpu", "us", cpu_of_reads),
    IDLE,
    Measure("untar", "untar a source tree, and rm", "macro", "s", untar(1)),
    Measure("untar-half", "  of half as many files", "macro", "s", untar(1 / 2)),
    Measure("git", "git clone and status", "macro", "s", git),
    Measure("sqlite", "SQLite, a transaction per insert", "macro", "us", sqlite),
    *[Measure(m.name, m.title, "macro", m.unit, m.run) for m in (
        micro("varmail", "mail server (varmail), a round", 2),
        micro("fileserver", "file server (fileserver), a round", 2))],
    Measure("compile", "compile libdaxfs", "macro", "s", compile_library),
]


def chosen(patterns):
    """Measures whose name or group a pattern matches; all without patterns."""
    return [m for m in MEASURES if not patterns or any(
        fnmatch.fnmatch(m.name, p) or m.group == p for p in patterns)]
