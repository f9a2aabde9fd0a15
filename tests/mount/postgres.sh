#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# postgres.sh [SECONDS] -- PostgreSQL lives on daxfs and survives crashes
#
# What must hold: initdb and pgbench (SECONDS, default 5; the long form is 60)
# run on a mount; after a crash of the server, and after one of the daemon below
# it, the server recovers every transaction that pgbench was told is committed,
# and the sums that each transaction keeps equal are equal.

set -eu
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_EACH=${1:-5}
CLIENTS=4
PG=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)

[ -x "$PG/initdb" ] && [ -x "$PG/pgbench" ] || skip_all "PostgreSQL's server is not installed"
id postgres >/dev/null 2>&1 || skip_all "there is no user postgres"
need runuser
setup 1G
chmod 755 "$WORK"
mkdir -m 777 "$WORK/run"
DATA=$MNT/data

# pg PROGRAM ARGUMENT... -- the server refuses to be root
pg() {
	program=$1
	shift
	(cd / && runuser -u postgres -- "$PG/$program" "$@")
}

sql() {
	pg psql -h "$WORK/run" -d postgres -Atqc "$1"
}

start() {
	pg pg_ctl -D "$DATA" -w -t 60 -l "$WORK/run/log" -o "-k $WORK/run -c listen_addresses=" start || {
		tail -n 20 "$WORK/run/log"
		return 1
	}
}

begin() {
	mkdir "$DATA"
	chown postgres "$DATA"
	pg initdb -D "$DATA" -U postgres -A trust
	start
	pg pgbench -h "$WORK/run" -q -i -s 2 postgres
}

# bench [OPTION...] -- one line of log for each transaction that is committed
bench() {
	pg pgbench -h "$WORK/run" -n -c $CLIENTS -j 2 -T "$SECONDS_EACH" -l --log-prefix="$WORK/run/tx" "$@" postgres
}

committed() {
	cat "$WORK"/run/tx.* | wc -l
}

holds() {
	rows=$(sql 'SELECT count(*) FROM pgbench_history')
	[ "$rows" -ge "$(committed)" ] || {
		echo "pgbench was told of $(committed) transactions, and $rows are there"
		return 1
	}
	same "sums" t "$(sql 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
		AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)
		AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)')"
	sql 'CREATE EXTENSION IF NOT EXISTS amcheck; SELECT bt_index_check(oid, true) FROM pg_class
		WHERE relkind = '"'i'"' AND relname LIKE '"'pgbench%'"';' >"$WORK/amcheck"
}

crash_server() {
	bench &
	sleep $((SECONDS_EACH / 2 + 1))
	pg pg_ctl -D "$DATA" -m immediate stop
	wait $! || true		# its server went away
}

server_pid() {
	head -n 1 "$DATA/postmaster.pid"
}

crash_daemon() {
	bench &
	sleep $((SECONDS_EACH / 2 + 1))
	server=$(server_pid) daemon=$(daemons)
	kill -9 "$daemon"
	gone "$daemon"
	# The server and its children; with its files gone it may have given up by itself.
	pids=$(pgrep -g "$server") || true
	kill -9 -- "-$server" || true
	wait $! || true
	# shellcheck disable=SC2086 # a list of numbers
	gone $pids
	patient_umount "$MNT"
	mount_fs
	# What a zombie, which init has yet to collect, would keep the server from starting with.
	rm -f "$DATA/postmaster.pid" "$WORK"/run/.s.PGSQL.*
}

# Ends as the test did, whether or not there is a server to end.
end_server() {
	code=$?
	set +e
	pid=$(server_pid 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null && gone "$pid"
	(exit $code)
	clean_up
}

trap end_server EXIT
mount_fs
check "initdb, and a database" begin
check "pgbench, $CLIENTS clients, $SECONDS_EACH s" bench
check "every transaction is there" holds
check "the server crashes in the middle" crash_server
check "it recovers" start
check "every transaction is there" holds
check "the daemon is killed in the middle; mount" crash_daemon
check "the server recovers" start
check "every transaction is there" holds
check "the server ends" pg pg_ctl -D "$DATA" -m fast -w stop
check "unmount" umount_fs
echo "      $(committed) transactions"
finish
