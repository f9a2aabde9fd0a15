# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# programs.sh -- real programs as workloads: SQLite and git; sourced by guest.sh
#
# Operation i of SQLite inserts row i, of git commits file i; each is acknowledged
# when the program has come back.  The judge is the program's own check first,
# then a count: what was acknowledged must be there, at most one more may be.
# As for load.c: $load, $MODE, $OPS, and $ACKED when judging.

# Three kilobytes that tell their row.
row="replace(hex(zeroblob(300)),'00','row '||i||', ')"
git_settings=(-c core.fsync=all -c core.fsyncMethod=fsync -c gc.auto=0 -c init.defaultBranch=main
	-c user.name=power -c user.email=power@localhost)

is_program() {
	case $MODE in sqlite-* | git) true ;; *) false ;; esac
}

# verdict KEPT LOST CORRUPT LEAKED FLIGHT
verdict() {
	echo "CHECK acked=$ACKED kept=$1 lost=$2 corrupt=$3 leaked=$4 flight=$5"
}

# counted THERE: so many operations are there, counted from the first
counted() {
	if [ "$1" -gt $((ACKED + 1)) ]; then
		verdict "$ACKED" 0 1 0 torn
	elif [ "$1" -gt "$ACKED" ]; then
		verdict "$ACKED" 0 0 0 whole
	else
		verdict "$1" $((ACKED - $1)) 0 0 absent
	fi
}

# -- SQLite ---------------------------------------------------------------------------

# Exclusive locking: the log's index lies in memory, for files of direct mode cannot be mapped by every kernel.
sqlite_settings() {
	[ "$MODE" != sqlite-wal ] || echo "PRAGMA locking_mode=exclusive; PRAGMA journal_mode=wal;"
	echo "PRAGMA synchronous=full;"
}

sqlite_script() {
	sqlite_settings
	echo "CREATE TABLE t(i INTEGER PRIMARY KEY, body TEXT);"
	echo ".shell sync"
	echo ".shell $load mark arm"
	for i in $(seq "$OPS"); do
		echo "INSERT INTO t SELECT i, $row FROM (SELECT $i AS i);"
		echo ".shell $load mark ack $i"
	done
	echo ".shell $load mark cut"
}

run_sqlite() {
	mkdir -p "$1" && sqlite_script | sqlite3 -batch -bail "$1/db" >/dev/null
}

# Rows must be the first ones, without a gap, each whole.
check_sqlite() {
	result=$( (sqlite_settings
		echo "PRAGMA integrity_check; SELECT 'rows', count(*), coalesce(max(i), 0), coalesce(sum(body = $row), 0) FROM t;") |
		sqlite3 -batch -bail "$1/db" 2>&1)
	echo "$result"
	IFS='|' read -r _ rows last good <<<"$(grep '^rows|' <<<"$result")"
	if ! grep -qx ok <<<"$result" || [ -z "${good:-}" ] || [ "$rows $last" != "$good $good" ]; then
		verdict 0 0 1 0 torn
	else
		counted "$rows"
	fi
}

# -- git ------------------------------------------------------------------------------

# in_git DIR ARGUMENT...
in_git() {
	dir=$1
	shift
	GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null git -C "$dir" "${git_settings[@]}" "$@"
}

run_git() {
	mkdir -p "$1"
	in_git "$1" init -q && in_git "$1" commit -q --allow-empty -m base || return
	sync
	"$load" mark arm
	for i in $(seq "$OPS"); do
		seq "$i" $((i + 500)) >"$1/$i"
		in_git "$1" add "$i" && in_git "$1" commit -q -m "$i" || return
		"$load" mark ack "$i"
	done
	"$load" mark cut
}

# content_of N: the files of N commits, as cat-file puts them
content_of() {
	for i in $(seq "$1"); do
		echo
		seq "$i" $((i + 500))
		echo
	done
}

# Every object whole, and every commit with the content of its file.
git_is_sound() {
	in_git "$1" fsck --full --strict --no-dangling --no-progress &&
		seq -f 'HEAD:%g' "$2" | in_git "$1" cat-file --batch= | cmp - <(content_of "$2")
}

check_git() {
	commits=$(in_git "$1" rev-list --count HEAD) || { verdict 0 0 1 0 torn; return; }
	if git_is_sound "$1" $((commits - 1)); then
		counted $((commits - 1))
	else
		verdict 0 0 1 0 torn
	fi
}

# program run|check DIR
program() {
	"$1_${MODE%%-*}" "$2"
}
