#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# suites.sh -- the conformance suites on real device-DAX, in a virtual machine
#
#	suites.sh [SECONDS]	time for each suite (default: 3600)
#
# What must hold: tests/posix and, when PJDFSTEST names a built tree, pjdfstest
# pass on device-DAX as they do on an image.  On request only: an emulated CPU is slow.
# From the environment: DAXFS_BUILD, DAXFS_SRC and DAXFS_SHM as in tests/mount/lib.sh.
set -u
DAXFS_SRC=$(cd "${DAXFS_SRC:-$(dirname "$0")/../..}" && pwd)
DAXFS_BUILD=$(cd "${DAXFS_BUILD:-.}" && pwd)
export DAXFS_SRC DAXFS_BUILD
media=$(mktemp "${DAXFS_SHM:-/dev/shm}/vmXXXXXX")
trap 'rm -f "$media"' EXIT
trap 'exit 130' INT TERM HUP

# On a NVDIMM of its own: the namespace takes a little of it.
in_guest='ndctl create-namespace -f -e namespace0.0 --mode=devdax --map=mem >/dev/null && [ -c /dev/dax0.0 ] && "$@"'

# For pjdfstest, which starts several of these programs for each assertion: on an emulated CPU it takes half as long when
# nothing has to be linked first.
with_static='mkdir /run/static && for program in tail grep awk dd wc cut; do
	ln -s /bin/busybox /run/static/$program || exit
done
PATH=/run/static:$PATH exec "$@"'

# suite COMMAND...: 77 is no failure
suite() {
	: >"$media"
	truncate -s 768M "$media"
	bash "$DAXFS_SRC/contrib/vm/run" -t "$limit" -n "$media" -e DAXFS_SRC="$DAXFS_SRC" -e DAXFS_BUILD="$DAXFS_BUILD" \
		-e DAXFS_DEVICE=/dev/dax0.0 -e POSIX_SECONDS="$limit" -e DAXFS_TIMEOUT="$limit" -e PJDFSTEST="${PJDFSTEST:-}" \
		bash -c "$in_guest" suite "$@" || [ $? = 77 ]
}

limit=${1:-3600}
suite sh "$DAXFS_SRC/tests/posix/run.sh" daxfs
posix=$?
suite bash -c "$with_static" static sh "$DAXFS_SRC/tests/mount/pjdfstest.sh"
pjdfstest=$?
[ $posix = 0 ] && [ $pjdfstest = 0 ]
