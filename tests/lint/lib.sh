# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# lib.sh -- what the lint checks share; sourced, not run.
#
# From the environment: DAXFS_SRC, the top of the source (default: $srcdir, else
# found from the script's place), and DAXFS_BUILD, where the programs are built
# (default: the current directory; only options.sh runs them).
#
# A check prints what it found and exits 0, 1 on a breach, 77 when it lacks a tool.

LINT_DIR=$(cd "$(dirname "$0")" && pwd)
DAXFS_BUILD=$(cd "${DAXFS_BUILD:-.}" && pwd)
cd "${DAXFS_SRC:-${srcdir:-$LINT_DIR/../..}}"
BREACHES=$(mktemp)
trap 'rm -f "$BREACHES"' EXIT
trap 'exit 130' INT TERM HUP

skip() {
	echo "skipped: $*"
	exit 77
}

need() {
	for tool; do
		command -v "$tool" >/dev/null 2>&1 || skip "$tool is not installed"
	done
}

# breach TEXT... -- or, without arguments, each line of standard input
breach() {
	if [ $# -gt 0 ]; then echo "$*"; else cat; fi >>"$BREACHES"
}

# finish RULE -- says what was broken, or that nothing was
finish() {
	if [ -s "$BREACHES" ]; then
		echo "$1; broken by:"
		sed 's/^/  /' "$BREACHES"
		exit 1
	fi
	echo "$1: yes"
}

# sources [PATTERN...] -- our own files with such names, as git or the tree has them
sources() {
	find include src tests man contrib doc .ci ./*.* Makefile.am -type f \
		! -path '*/__pycache__/*' ! -path '*/.deps/*' 2>/dev/null |
		sed 's|^\./||' | grep -E "${1:-.}" | sort -u
}
