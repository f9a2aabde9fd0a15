# SPDX-License-Identifier: LGPL-2.1-or-later
"""report.py -- durability.csv and price.csv as tables and as a plot"""
import collections
import datetime
import os
import re
import subprocess

# promised: what is acknowledged survives on daxfs
Mode = collections.namedtuple("Mode", "name text promised")
MODES = (
    Mode("fsync", "write, fsync", True),
    Mode("fdatasync", "write, fdatasync", True),
    Mode("o-sync", "write with O_SYNC", True),
    Mode("o-dsync", "write with O_DSYNC", True),
    Mode("append", "append, fsync", True),
    Mode("ten-lines", "ten writes of 64 bytes, fsync", True),
    Mode("rename", "write new file, fsync, rename over", True),
    Mode("create", "create", True),
    Mode("create-fsync", "create, write, fsync", True),
    Mode("create-fsync-dir", "the same, fsync of the directory", True),
    Mode("unlink", "unlink", True),
    Mode("link", "link", True),
    Mode("mkdir", "mkdir", True),
    Mode("truncate", "truncate", True),
    Mode("fallocate", "fallocate, write, fsync", True),
    Mode("msync", "store to a mapping, msync", True),
    Mode("sqlite-wal", "SQLite commit, write-ahead log", True),
    Mode("sqlite-rollback", "SQLite commit, rollback journal", True),
    Mode("git", "git commit, core.fsync=all", True),
    Mode("sync", "write, sync", True),
    Mode("syncfs", "write, syncfs", True),
    Mode("ten-lines-sync", "ten writes of 64 bytes, sync", True),
    Mode("no-sync", "write", True),
    Mode("mmap", "store to a mapping", False),
)
TARGETS = ("ext4", "daxfs", "daxfs-flush", "daxfs-cached")
TITLES = {"ext4": "ext4-dax", "daxfs": "daxfs", "daxfs-flush": "daxfs, flush=3600",
          "daxfs-cached": "daxfs, dax=never"}
VERDICTS = ("kept", "lost", "corrupt", "leaked")
COLOURS = {"kept": "#4a9", "lost": "#eb5", "corrupt": "#d44", "leaked": "#83a"}


def is_program(mode):
    return mode == "git" or mode.startswith("sqlite")


def is_possible(mode, target):
    """
    The guest's kernel refuses shared mappings of files that bypass the page cache; and only
    writes below a block can wait for fsync.
    """
    if target == "daxfs-flush":
        return mode == "ten-lines"
    return target != "daxfs" or mode not in ("msync", "mmap")


def ops_of(mode):
    return 24 if is_program(mode) else 120


def tally(rows, field):
    sums = collections.defaultdict(collections.Counter)
    for r in rows:
        sums[r["mode"], r["target"]][r[field]] += 1
    return sums


def is_broken(mode, verdicts, fsck):
    """
    Where nothing is promised, what was stored may be lost or torn, as on any filesystem; foreign bytes and a filesystem
    that fsck finds fault with are never allowed.
    """
    if verdicts["leaked"] or set(fsck) - {"clean"}:
        return True
    return mode.promised and bool(verdicts["lost"] + verdicts["corrupt"])


def broken_promises(rows):
    """Cells in which daxfs did not keep what it promises."""
    verdicts, fsck = tally(rows, "verdict"), tally(rows, "fsck")
    return [f"{target} {m.name}: {cell(verdicts[m.name, target])}" for m in MODES for target in TARGETS[1:]
            if is_broken(m, verdicts[m.name, target], fsck[m.name, target])]


# -- tables ----------------------------------------------------------------------

def cell(counter, words=VERDICTS):
    return ", ".join(f"{counter[w]} {w}" for w in words if counter[w]) or "-"


def table(sums, words, promise):
    last = " daxfs promises |" if promise else ""
    yield "| acknowledged after | " + " | ".join(TITLES[t] for t in TARGETS) + " |" + last
    yield "|---" * (len(TARGETS) + 1 + promise) + "|"
    for m in MODES:
        if any(sums[m.name, t] for t in TARGETS):
            cells = " | ".join(cell(sums[m.name, t], words) for t in TARGETS)
            yield f"| {m.text} | {cells} |" + (f" {'yes' if m.promised else 'no'} |" if promise else "")


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()[0]


def versions(args):
    with open(os.path.join(args.build, "vm/version"), encoding="ascii") as f:
        kernel = " ".join(f.read().split()[:2])
    programs = ", ".join([first_line("qemu-system-x86_64", "--version"), first_line("git", "--version"),
                          "SQLite " + first_line("sqlite3", "--version").split()[0]])
    return f"{programs}; guest {kernel}"


def origin(args, rows):
    cuts = len({(r["mode"], r["target"], r["seed"], r["cut"]) for r in rows})
    seeds = ", ".join(sorted({r["seed"] for r in rows}, key=int))
    yield (f"{datetime.date.today()}: {cuts} power cuts, {len(rows)} images, seeds {seeds}, of each cut images with "
           f"eviction {args.evict.replace('+', ', ')} %. {versions(args)}.")


def price_table(prices):
    if not prices:
        yield "Not measured yet."
        return
    yield "| call | filesystem | time, us | lines made durable | of these by CLWB | fences |"
    yield "|---|---|---|---|---|---|"
    text = {m.name: m.text for m in MODES}
    for m in MODES:
        for r in prices:
            if r["mode"] == m.name:
                size = ", file of 1 GiB" if int(r["megabytes"]) > 1024 else ""
                yield (f"| {text[m.name]}{size} | {TITLES[r['target']]} | {r['us']} | {r['lines']} | {r['clwb']} | "
                       f"{r['fences']} |")


def put_between_marks(path, sections):
    """Replaces what stands between <!-- name --> and <!-- end --> in a document."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for name, lines in sections.items():
        new = f"<!-- {name} -->\n" + "".join(line + "\n" for line in lines) + "<!-- end -->"
        text = re.sub(rf"<!-- {name} -->.*?<!-- end -->", lambda _, new=new: new, text, flags=re.S)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


# -- plot -------------------------------------------------------------------------

def bar(x, y, counter):
    total = sum(counter.values())
    for v in VERDICTS:
        if counter[v]:
            width = 160 * counter[v] / total
            yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="12" fill="{COLOURS[v]}"/>'
            x += width


def plot(sums):
    modes = [m for m in MODES if any(sums[m.name, t] for t in TARGETS)]
    bottom = 40 + len(modes) * 18
    yield '<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->'
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{250 + 180 * len(TARGETS)}" height="{bottom + 20}" '
           'font-family="sans-serif" font-size="11">')
    for i, target in enumerate(TARGETS):
        yield f'<text x="{250 + i * 180}" y="16">{TITLES[target]}</text>'
    for n, m in enumerate(modes):
        yield f'<text x="4" y="{34 + n * 18}">{m.text}</text>'
        for i, target in enumerate(TARGETS):
            yield from bar(250 + i * 180, 24 + n * 18, sums[m.name, target])
    for i, v in enumerate(VERDICTS):
        yield (f'<rect x="{250 + i * 90}" y="{bottom - 10}" width="12" height="12" fill="{COLOURS[v]}"/>'
               f'<text x="{266 + i * 90}" y="{bottom}">{v}</text>')
    yield "</svg>"


def write(args, rows, prices):
    """durability.svg, and the tables in durability.md when it is there."""
    sums = tally(rows, "verdict")
    with open(os.path.join(args.out, "durability.svg"), "w", encoding="ascii") as f:
        f.writelines(line + "\n" for line in plot(sums))
    document = os.path.join(args.out, "durability.md")
    if os.path.exists(document):
        put_between_marks(document, {
            "origin": origin(args, rows),
            "verdicts": table(sums, VERDICTS, True),
            "flight": table(tally(rows, "flight"), ("absent", "whole", "torn"), False),
            "price": price_table(prices),
        })
