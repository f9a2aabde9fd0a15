# SPDX-License-Identifier: LGPL-2.1-or-later
"""material.py -- what macro measures work on: a source tree, a repository, a script; made when first asked for"""
import functools
import glob
import itertools
import os
import tarfile

from stage import run

TREE = "/usr/include"
GIT = ["git", "-c", "safe.directory=*", "-c", "user.name=daxfs", "-c", "user.email=daxfs@example.org",
       "-c", "gc.auto=0", "-c", "maintenance.auto=false"]


def files_of(top):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


class Material:
    def __init__(self, args, stage):
        self.stage, self.source, self.build = stage, args.source, os.path.abspath(args.build)
        self.tree_files = 1000 if args.quick else 20000
        self.rows = 100 if args.quick else 1000

    @functools.cached_property
    def tree(self):
        """Paths, and what they are called in the tarball: as many copies as it takes."""
        files = sorted(files_of(TREE))[:self.tree_files]
        if not files:
            return []
        copies = (f"tree/{i}" for i in itertools.count())
        named = ((path, top + path) for top in copies for path in files)
        return list(itertools.islice(named, self.tree_files))

    def tarball(self, files):
        """Of so many files of the tree."""
        path = self.stage.path(f"tree-{files}.tar")
        if not os.path.exists(path):
            with tarfile.open(path, "w") as tar:
                for path_there, name in self.tree[:files]:
                    tar.add(path_there, name, recursive=False)
        return path

    @functools.cached_property
    def repository(self):
        """Of a quarter of the tree's files."""
        path = self.stage.path("repository")
        tree = self.stage.path("tree")
        os.mkdir(path)
        run("tar", "-xf", self.tarball(self.tree_files), "-C", self.stage.dir)
        run(*GIT, "init", "-q", path)
        for name in [name for _, name in self.tree][::4]:
            os.makedirs(os.path.dirname(f"{path}/{name}"), exist_ok=True)
            os.rename(self.stage.path(name), f"{path}/{name}")
        run("rm", "-rf", tree)
        run(*GIT, "-C", path, "add", "-A")
        run(*GIT, "-C", path, "commit", "-q", "-m", "all of it")
        return path

    @functools.cached_property
    def inserts(self):
        """A script for sqlite3, and the number of transactions in it."""
        path = self.stage.path("inserts.sql")
        with open(path, "w", encoding="ascii") as f:
            f.write("PRAGMA synchronous=FULL;\nCREATE TABLE t(n INTEGER PRIMARY KEY, text TEXT);\n")
            f.writelines(f"INSERT INTO t VALUES({n}, '{n:0100d}');\n" for n in range(self.rows))
        return path, self.rows

    def library(self, folder):
        """A copy of the library's source in a folder, and the flags it takes."""
        parts = ["base"] if self.rows == 100 else ["base", "pm", "disk", "check", "core"]
        run("cp", "-r", self.source + "/src", self.source + "/include", folder)
        sources = [path for part in parts for path in sorted(glob.glob(f"{folder}/src/{part}/*.c"))]
        packages = run("pkg-config", "--cflags", "libpmem", "liburcu", "liburcu-cds", "libisal", "uuid", "libxxhash")
        return sources, f"-std=c11 -D_GNU_SOURCE -Isrc -Iinclude -I'{self.build}' " + packages.strip()
