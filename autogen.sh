#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# autogen.sh -- make ./configure from configure.ac
set -e
cd "$(dirname "$0")"
for tool in autoconf automake pkg-config; do
	command -v "$tool" >/dev/null || {
		echo "autogen.sh: $tool is missing: apt-get install autoconf automake pkg-config" >&2
		exit 1
	}
done
exec autoreconf --install --warnings=all,no-portability
