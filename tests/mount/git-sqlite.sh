#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# git-sqlite.sh -- a git repository and SQLite databases live across remounts
#
# What must hold: commits made in three mounts one after the other are all there
# and sound (git fsck --full), and databases in WAL and in rollback mode hold
# every committed row (PRAGMA integrity_check), also when one of the daemons was
# killed after the last commit; and four writers of one database in WAL mode at
# the same time lose no row of each other's.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=3
ROWS=500
COMMITS=20
INSERTS=200

need git sqlite3
setup 512M

repo() {
	git -C "$MNT/repo" -c user.name=daxfs -c user.email=daxfs@example.org \
		-c core.fsync=all -c gc.auto=0 -c maintenance.auto=false -c safe.directory='*' "$@"
}

sql() {
	sqlite3 "$MNT/$1.db" "$2"
}

begin() {
	mkdir "$MNT/repo"
	repo init -q
	same "wal mode" wal "$(sql wal 'PRAGMA journal_mode=WAL;')"
	same "rollback mode" delete "$(sql rollback 'PRAGMA journal_mode=DELETE;')"
	for db in wal rollback; do
		sql "$db" 'CREATE TABLE t(round INTEGER, n INTEGER, text TEXT); CREATE INDEX i ON t(n);'
	done
}

# fill ROUND -- commits and rows that follow from the round's number
fill() {
	for n in $(seq "$COMMITS"); do
		echo "round $1 change $n" >>"$MNT/repo/log"
		seq "$1" "$n" 4000 >"$MNT/repo/file$n"
		repo add -A
		repo commit -q -m "round $1, change $n"
	done
	for db in wal rollback; do
		sql "$db" "PRAGMA synchronous=FULL; WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<$ROWS)
			INSERT INTO t SELECT $1, n, printf('%d-%0100d', $1, n) FROM c;"
		sql "$db" "UPDATE t SET text = text || 'u' WHERE round = $1 AND n % 3 = 0; DELETE FROM t WHERE round = $1 AND n > $ROWS - 10;"
	done
}

repo_holds() {
	repo gc -q
	repo fsck --full --strict
	same "commits" $(($1 * COMMITS)) "$(repo rev-list --count HEAD)"
	same "changed files" '' "$(repo status --porcelain)"
	same "last line" "round $1 change $COMMITS" "$(tail -n 1 "$MNT/repo/log")"
}

database_holds() {
	same "integrity_check" ok "$(sql "$2" 'PRAGMA integrity_check;')"
	same "rows" $(($1 * (ROWS - 10))) "$(sql "$2" 'SELECT count(*) FROM t;')"
	same "wrong rows" 0 "$(sql "$2" "SELECT count(*) FROM t WHERE text <> printf('%d-%0100d', round, n) ||
		CASE WHEN n % 3 = 0 THEN 'u' ELSE '' END;")"
}

holds() {
	check "$2: git" repo_holds "$1"
	check "$2: SQLite, WAL" database_holds "$1" wal
	check "$2: SQLite, rollback journal" database_holds "$1" rollback
}

writer() {
	for n in $(seq "$INSERTS"); do
		echo "INSERT INTO t VALUES($1, $n);"
	done | sqlite3 -cmd '.timeout 60000' "$MNT/shared.db"
}

four_writers() {
	sql shared 'PRAGMA journal_mode=WAL; CREATE TABLE t(writer INTEGER, n INTEGER); CREATE INDEX i ON t(writer, n);'
	pids=
	for w in 1 2 3 4; do
		writer $w &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid"
	done
}

shared_holds() {
	same "integrity_check" ok "$(sql shared 'PRAGMA integrity_check;')"
	same "rows" "$INSERTS|$INSERTS|$INSERTS|$INSERTS" \
		"$(sql shared 'SELECT count(DISTINCT n) FROM t GROUP BY writer;' | paste -sd '|')"
}

clone_holds() {
	git -c safe.directory='*' clone -q --no-local "$MNT/repo" "$MNT/clone"
	git -C "$MNT/clone" -c safe.directory='*' fsck --full --strict
	same "heads" "$(repo rev-parse HEAD)" "$(git -C "$MNT/clone" -c safe.directory='*' rev-parse HEAD)"
}

mount_fs
check "a repository and two databases" begin
for round in $(seq $ROUNDS); do
	check "round $round: $COMMITS commits, $ROWS rows" fill "$round"
	check "round $round: unmount and mount" remount_fs
	holds "$round" "round $round"
done
check "round 4, then the daemon is killed" fill 4
check "mount after the kill" kill_and_mount
holds 4 "after the kill"
check "git clone" clone_holds
check "four writers of one database" four_writers
check "unmount and mount" remount_fs
check "every row of each is there" shared_holds
check "unmount" umount_fs
finish
