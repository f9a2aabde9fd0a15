#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# seam.sh -- every store to media goes through src/pm
#
# What must hold, outside src/pm: no call of libpmem, no cache-flushing or
# non-temporal intrinsic, no msync, no memcpy or assignment to an address made
# from a region's base, and no cast that takes const away from media.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

# outside TEXT PATTERN -- lines of code, comments left out
outside() {
	sources '^(src|include)/.*\.[ch]$' | grep -v '^src/pm/' |
		xargs grep -nE "$2" | grep -vE ':[[:space:]]*(/?\*|//)' | sed "s/\$/	($1)/" | breach
}

outside "libpmem" '\bpmem_[a-z_]+[[:space:]]*\('
outside "flush or non-temporal store" '\b(_mm_(clflush|clflushopt|clwb|sfence|stream)[a-z0-9_]*|__builtin_ia32_[a-z0-9_]*|__builtin_nontemporal_store)\b'
outside "msync" '\bmsync[[:space:]]*\('
outside "copy to a region's base" '\b(memcpy|memmove|memset|strcpy|strncpy|snprintf)[[:space:]]*\([^,]*->base\b'
outside "copy to a block's address" '\b(memcpy|memmove|memset)[[:space:]]*\([[:space:]]*disk_ptr[[:space:]]*\('
outside "store to a region's base" '->base[[:space:]]*(\[[^]]*\]|\+[^;=]*\))[[:space:]]*([-+|&^]|<<|>>)?=[^=]'
outside "store to a block's address" '\*[[:space:]]*\([^()]*\*\)[[:space:]]*disk_ptr[[:space:]]*\([^;]*\)[[:space:]]*=[^=]'
finish "no store to media outside src/pm"
