#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare.py -- daxfs through the mount, beside other filesystems: make bench-mounted

All are mounted at the same time, on tmpfs; each measure is taken of one after the other, and all measures
once per round.  Prints the medians with their ratios to daxfs and what the targets are, and writes
compare.csv (a line per figure), compare.txt and compare.svg into --out.

Exit code: 0; 1 a target was missed (with --quick they are printed and forgiven); 2 daxfs failed; 77 nothing
can be measured here.
"""
import argparse
import os
import resource
import shutil
import signal
import sys

import filesystems
import measures
import report
import targets
from material import Material
from stage import Lacking, Stage, Unavailable

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    p = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="everything small, one round; targets are forgiven")
    p.add_argument("--only", action="append", metavar="NAME",
                   help="measures of this name, pattern or group (micro, fio, cpu, macro); may be given again")
    p.add_argument("--fs", default=",".join(filesystems.NAMES), metavar="LIST",
                   help="filesystems, separated by commas: %(default)s")
    p.add_argument("--rounds", type=int, help="5, with --quick 1")
    p.add_argument("--out", default="bench-mounted", help="folder for the results (%(default)s)")
    p.add_argument("--doc", metavar="FILE", help="put the results of this full run into performance.md, plot and "
                   "figures beside it")
    p.add_argument("--dir", default="/dev/shm", help="a tmpfs, for images (%(default)s)")
    p.add_argument("--build", default=os.environ.get("DAXFS_BUILD", "."), help="where daxfs was built (%(default)s)")
    p.add_argument("--list", action="store_true", help="print the names of all measures")
    args = p.parse_args()
    args.source = os.path.abspath(os.environ.get("DAXFS_SRC", HERE + "/../.."))
    args.fs = args.fs.split(",")
    args.rounds = args.rounds or (1 if args.quick else 5)
    check(p, args)
    return args


def check(parser, args):
    for name in args.fs:
        if name not in filesystems.NAMES:
            parser.error(f"there is no filesystem '{name}'")
    for pattern in args.only or []:
        if not measures.chosen([pattern]):
            parser.error(f"there is no measure '{pattern}'")
    if args.doc and (args.quick or args.only or args.fs != list(filesystems.NAMES)):
        parser.error("--doc is for a full run")


def why_nothing(args):
    if os.geteuid():
        return "only root can mount"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    missing = [p for p in ("daxfs", "mkfs.daxfs", measures.CALLS) if not os.path.exists(os.path.join(args.build, p))]
    return f"{missing[0]} is not built in {args.build}" if missing else None


def say(text):
    print(text, file=sys.stderr, flush=True)


# -- mounting all, and unmounting ------------------------------------------------------------

def end(filesystem):
    """Whatever else goes wrong, the next one is to be unmounted, too."""
    try:
        filesystem.stop()
    except (OSError, Unavailable) as e:
        say(f"{filesystem.name}: {e}")


def heed_signals(handler):
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, handler)


def on_signal(number, _):
    """Once: what is cleaned up then is cleaned up to the end."""
    heed_signals(signal.SIG_IGN)
    sys.exit(128 + number)


def start(names, stage, mounted):
    """Mounts what can be; the exception of each other."""
    skipped = {}
    for name in names:
        fs = filesystems.make(name, stage)
        mounted.append(fs)
        try:
            fs.start()
        except (Unavailable, OSError) as e:
            say(f"{name}: skipped: {e}")
            skipped[name] = e
            end(fs)
            mounted.remove(fs)
    return skipped


# -- measuring -----------------------------------------------------------------------------------

def take(measure, fs, tools):
    folder = os.path.join(fs.dir, measure.name)
    os.mkdir(folder)
    try:
        return measure.run(tools, fs, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        fs.settle()


def one_measure(measure, round_number, mounted, tools, results):
    found = []
    for fs in mounted:
        if not measure.is_for(fs) or (measure.name, fs.name) in results.failures:
            continue
        try:
            value = take(measure, fs, tools)
        except (Unavailable, OSError) as e:
            say(f"{measure.name}: {fs.name}: {e}")
            results.failures[measure.name, fs.name] = e
            continue
        results.add(round_number, measure, fs.name, value)
        found.append(f"{fs.name} {report.number(value)}")
    say(f"{round_number}: {measure.name}, {measure.unit}: {', '.join(found)}")


def measure_all(args, chosen, mounted, tools, results):
    for n in range(args.rounds):
        shift = n % len(mounted)
        for m in chosen:
            if m is not measures.IDLE:
                one_measure(m, n + 1, mounted[shift:] + mounted[:shift], tools, results)
    served = [fs for fs in mounted if measures.IDLE.is_for(fs)]
    if measures.IDLE in chosen and served:
        for name, value in measures.measure_idle(tools, served).items():
            results.add(args.rounds, measures.IDLE, name, value)


def is_daxfs(name):
    return name.startswith(filesystems.BASE)


def is_broken(skipped, failures):
    """Something of daxfs did not work, and it is not that this machine lacks what it needs."""
    went_wrong = list(skipped.items()) + [(fs, why) for (_, fs), why in failures.items()]
    return any(is_daxfs(fs) and not isinstance(why, Lacking) for fs, why in went_wrong)


# -- the results -------------------------------------------------------------------------------------

def conclusion(args, chosen, columns, skipped, results):
    """(lines, exit code)"""
    lines = list(report.table(results, chosen, columns))
    lines += [f"{name}: skipped: {why}" for name, why in skipped.items()]
    lines += [f"{measure} of {fs}: not measured: {why}" for (measure, fs), why in results.failures.items()]
    judged, missed = targets.judge(results)
    lines += [""] + judged
    lines.append(f"{missed} missed" + (", forgiven: a quick run says nothing of times" if args.quick else ""))
    return lines, 2 if is_broken(skipped, results.failures) else 1 if missed and not args.quick else 0


def write(args, chosen, columns, results, lines):
    os.makedirs(args.out, exist_ok=True)
    path = os.path.join(args.out, "compare")
    results.write_csv(path + ".csv")
    with open(path + ".txt", "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in lines)
    why = report.write_plot(results, chosen, columns, path + ".svg")
    say(f"results: {path}.csv, {path}.txt" + (f"; no plot: {why}" if why else f", {path}.svg"))


def put_into_document(args, lines):
    head = f"Last full run: {report.origin(args.build, args.rounds)}"
    report.put_between_marks(args.doc, [head, "", "```"] + lines + ["```"])
    for suffix in (".csv", ".svg"):
        made = os.path.join(args.out, "compare" + suffix)
        if os.path.exists(made):
            shutil.copyfile(made, os.path.splitext(args.doc)[0] + suffix)


def compare(args, stage, mounted):
    chosen = measures.chosen(args.only)
    names = list(dict.fromkeys(args.fs + [m.only for m in chosen if m.only and filesystems.BASE in args.fs]))
    skipped = start(names, stage, mounted)
    if not any(is_daxfs(fs.name) for fs in mounted) and any(map(is_daxfs, args.fs)) or not mounted:
        say("skipped: there is nothing to measure")
        return 2 if is_broken(skipped, {}) else 77
    results = report.Results()
    measure_all(args, chosen, mounted, measures.Tools(args, stage, Material(args, stage)), results)
    columns = [fs for fs in mounted if fs.name in args.fs]
    lines, code = conclusion(args, chosen, columns, skipped, results)
    print("\n".join(lines))
    write(args, chosen, columns, results, lines)
    if args.doc:
        put_into_document(args, lines)
    return code


def allow_many_files():
    """passthrough_ll keeps each known file open."""
    for limit in 1 << 20, resource.getrlimit(resource.RLIMIT_NOFILE)[1]:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return
        except ValueError:	# more than the kernel allows anybody
            pass


def main():
    args = arguments()
    if args.list:
        print("\n".join(f"{m.name:<20} {m.group:<6} {m.title}" for m in measures.MEASURES))
        return 0
    why = why_nothing(args)
    if why:
        say(f"skipped: {why}")
        return 77
    heed_signals(on_signal)
    allow_many_files()
    stage, mounted = Stage(args), []
    try:
        return compare(args, stage, mounted)
    finally:
        heed_signals(signal.SIG_IGN)
        for fs in reversed(mounted):
            end(fs)
        stage.close()


sys.exit(main())
