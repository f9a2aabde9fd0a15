# SPDX-License-Identifier: LGPL-2.1-or-later
"""report.py -- what was measured: figures of all rounds as CSV, medians as a table and as a plot"""
import collections
import csv
import datetime
import os
import platform
import re
import statistics
import subprocess

import filesystems
from stage import Unavailable, run

DASH = "-"


class Results:
    def __init__(self):
        self.samples = []	# (round, measure, filesystem's name, value)
        self.failures = {}	# (measure's name, filesystem's name): why

    def add(self, round_number, measure, fs_name, value):
        self.samples.append((round_number, measure, fs_name, value))

    @property
    def median(self):
        series = collections.defaultdict(list)
        for _, measure, fs, value in self.samples:
            series[measure.name, fs].append(value)
        return {key: statistics.median(values) for key, values in series.items()}

    def write_csv(self, path):
        with open(path, "w", newline="", encoding="ascii") as f:
            out = csv.writer(f)
            out.writerow(["round", "measure", "filesystem", "unit", "value"])
            out.writerows([n, m.name, fs, m.unit, f"{value:.6g}"] for n, m, fs, value in self.samples)


# -- the table ---------------------------------------------------------------------------

def number(value):
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def advantage(measure, value, base):
    """How many times as good daxfs is; None: no sense in it."""
    if not value or not base:
        return None
    return base / value if measure.more_is_better else value / base


def cell(measure, value, base, is_base):
    if value is None:
        return DASH
    times = None if is_base else advantage(measure, value, base)
    return number(value) + ("" if times is None else f" x{number(times)}")


def base_of(columns):
    return next((fs.name for fs in columns if fs.name.startswith(filesystems.BASE)), None)


def only_cell(measure, median, name, columns):
    """Its one figure, in the first column when the filesystem has none."""
    place = measure.only if measure.only in [fs.name for fs in columns] else columns[0].name
    value = median.get((measure.name, measure.only))
    return DASH if name != place or value is None else number(value)


def table(results, measures, columns):
    """Lines; columns are filesystems."""
    median, base = results.median, base_of(columns)
    yield f"{'':<50}{'unit':<6}" + "".join(f"{fs.title:>17}" for fs in columns)
    for m in measures:
        if m.only:
            row = [only_cell(m, median, fs.name, columns) for fs in columns]
        else:
            row = [cell(m, median.get((m.name, fs.name)), median.get((m.name, base)), fs.name == base)
                   for fs in columns]
        if any(c != DASH for c in row):
            yield f"{m.title:<50}{m.unit:<6}" + "".join(f"{c:>17}" for c in row)
    yield "x N: daxfs is N times as fast. us: time per call, of all threads together."


# -- the plot ----------------------------------------------------------------------------

def is_plotted(measure):
    return measure.group in ("fio", "macro") or (measure.group == "micro" and re.fullmatch(r"[a-z0-9]+(-dirty)?",
                                                                                         measure.name))


def plot_rows(results, measures, columns):
    median, base = results.median, base_of(columns)
    for m in filter(is_plotted, measures):
        times = [advantage(m, median.get((m.name, fs.name)), median.get((m.name, base))) for fs in columns]
        if any(times):
            yield [m.name] + ["?" if t is None else f"{t:.4g}" for t in times]


def plot_script(rows, columns, path):
    yield f"set terminal svg noenhanced size {200 + 90 * len(rows)},600 font 'sans-serif,12' background '#ffffff'"
    yield f"set output '{path}'; set arrow from graph 0, first 1 to graph 1, first 1 nohead front"
    yield "set style data histograms; set style fill solid; set datafile missing '?'"
    yield "set logscale y; set ylabel 'times as slow as daxfs'; set grid ytics"
    yield "set xtics rotate by -40; set key outside top horizontal"
    yield "$figures << END"
    yield from (" ".join(row) for row in rows)
    yield "END"
    series = (f"$figures using {i + 2}:xtic(1) title '{fs.title}'" for i, fs in enumerate(columns)
              if fs.name != base_of(columns))
    yield "plot " + ", ".join(series)


def write_plot(results, measures, columns, path):
    """Why there is none, or None."""
    rows = list(plot_rows(results, measures, columns))
    if not rows or len(columns) == 1:
        return "nothing to compare"
    script = "\n".join(plot_script(rows, columns, path)) + "\n"
    try:
        done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "gnuplot is not installed"
    return done.stderr.strip() or None if done.returncode else None


# -- the machine --------------------------------------------------------------------------

def words(*command):
    """The first line that a program prints of itself, on either output."""
    try:
        return run("sh", "-c", '"$@" 2>&1', "sh", *command).splitlines()[0].strip()
    except (Unavailable, IndexError):
        return f"no {command[0]}"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}, {system}"


def versions(build):
    return ", ".join([words(os.path.join(build, "daxfs"), "--version"),
                      "libfuse " + words("pkg-config", "--modversion", "fuse3"), words("fuse2fs", "-V"),
                      words("mkfs.xfs", "-V"), words("fio", "--version"), words("git", "--version"),
                      "SQLite " + words("sqlite3", "--version").split()[0], words("cc", "--version")])


def origin(build, rounds):
    return (f"{datetime.date.today()}, {machine()}. Medians of {rounds} rounds. {versions(build)}.")


# -- the document ----------------------------------------------------------------------------

def put_between_marks(path, lines):
    """Replaces what stands between <!-- mounted --> and <!-- end of mounted --> in a document."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    new = "<!-- mounted -->\n" + "".join(line + "\n" for line in lines) + "<!-- end of mounted -->"
    text, count = re.subn(r"<!-- mounted -->.*?<!-- end of mounted -->", lambda _: new, text, flags=re.S)
    if count != 1:
        raise Unavailable(f"{path} has no place for it")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
