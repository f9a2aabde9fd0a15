#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# remembered.sh [SECONDS] -- what the kernel remembers without end is what there is
#
# What must hold, in direct mode and through the page cache: processes that create,
# rename and remove in one directory, while others list it for SECONDS (default 5),
# find there exactly what they have in it; whatever is done to files, their
# attributes are shown as the daemon has them.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_EACH=${1:-5}

attributes() {
	mkdir "$MNT/attributes"
	python3 "$DAXFS_SRC/tests/mount/attributes.py" "$MNT/attributes"
}

listings() {
	mkdir "$MNT/listings"
	python3 "$DAXFS_SRC/tests/mount/listings.py" "$MNT/listings" "$SECONDS_EACH"
}

need python3
setup 64M
for dax in always never; do
	check "mount" mount_fs "dax=$dax"
	check "dax=$dax: listings while others list" listings
	check "dax=$dax: attributes after each kind of change" attributes
	check "unmount" umount_fs
	"$MKFS" -q -f "$IMG"
done
finish
