#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# media-stores.sh -- no store to media outside src/pm
#
# What a grep can see: copying or setting where a pointer into the region is the
# destination, assigning through a structure on media, and libpmem's own calls.
bad=0
media='disk_ptr\(|(->|\.)base([^a-z_]|$)|->slot([^a-z_]|$)|(->|\.)super([^a-z_(]|$)|disk\.copy'
files=$(find src -name '*.[ch]' ! -path 'src/pm/*')
look() {
	hits=$(grep -nE -e "$1" $files /dev/null)
	[ -z "$hits" ] || { echo "$hits"; bad=1; }
}
look "(memcpy|memset|memmove|strcpy|strncpy|snprintf)\((\([^)]*\))?[[:space:]]*[^,]*($media)[^,]*,"
look '->slot->[a-z_.]+ = |(->|\.)super->[a-z_.]+ = '
look '(^|[^a-z_])(pmem_(memcpy|memset|memmove|persist|flush|drain|msync)|_mm_(stream|clwb|clflush|sfence))'
exit $bad
