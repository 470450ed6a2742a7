# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# kill -9 of PostgreSQL, of the worker, of the supervisor, and of all three: after recovery the
# table has exactly the committed rows.  Whoever can go on after a kill, goes on.
. "$srcdir/tests/lib-e2e.sh"
fixture
before=$(catalog_sum "$store")

# Each client counts its transactions, and writes the count in the same
# transaction as the rest.  pgbench's log says which ones the server confirmed.
pgbench_transaction >"$work/transaction.sql"
clients=3

server() { pg_start "$mnt" -c fsync=on -c synchronous_commit=on -c full_page_writes=on; }
load() {
	rm -rf "$work/log"; mkdir "$work/log"; chown "$pguser" "$work/log"
	as "$pguser" "$pgbin/pgbench" -h "$sock" -U postgres -n -c $clients -j 1 -T 60 -D n=0 -f "$work/transaction.sql" \
	    -l --log-prefix="$work/log/l" postgres >"$work/pgbench.log" 2>&1 &
	load_pid=$!
}
# Waits until the clients have committed $1 transactions in all.
committed() { sql -c "set statement_timeout = '40s'" -c "do \$\$ begin while (select count(*) from done) < $1 loop perform pg_sleep(0.02); end loop; end \$\$"; }
# Compares the table with pgbench's log.  Of each client, the transaction that
# was under way at the kill may have been committed or not.
exact_rows() {
	sql -c 'select client, count(*), min(n), max(n) from done group by client order by client' >"$work/found"
	cat "$work"/log/* | awk -v clients=$clients '{ n[$1]++ } END { for (c = 0; c < clients; c++) print c "|" n[c] + 0 }' >"$work/confirmed"
	tr '\n' ' ' <"$work/confirmed" | sed 's/^/# confirmed: /; s/$/\n/'
	join -t '|' "$work/confirmed" "$work/found" | awk -F'|' -v clients=$clients '
		$3 == $5 && $4 == 1 && ($3 == $2 || $3 == $2 + 1) { good++ } END { exit good != clients }'
}
balanced() {
	[ "$(sql -c 'select (select sum(abalance) from pgbench_accounts) - (select coalesce(sum(delta), 0) from done)')" = "$accounts" ] &&
	[ "$(sql -c 'select (select sum(bbalance) from pgbench_branches) - (select coalesce(sum(delta), 0) from done)')" = "$branches" ]
}
# crash NAME EFFECT COMMAND...: the command kills under load, and PostgreSQL is
# killed at the latest after it; then all that was committed must be there.
# EFFECT: "stays" if the mount stays; "goes-on" if the server must not notice either; "is-alone" if the
# server must not notice, but the mount has to be made anew; "ends" if everything is dead.
crash() {
	crash_name=$1 effect=$2; shift 2
	check "$crash_name: the server starts" server || return
	sql -c 'set client_min_messages = warning' -c 'drop table if exists done' -c 'create table done (client int, n int, aid int, delta int)'
	accounts=$(sql -c 'select sum(abalance) from pgbench_accounts')
	branches=$(sql -c 'select sum(bbalance) from pgbench_branches')
	sql -c checkpoint
	load
	check "$crash_name: pgbench runs" committed 600
	worker=$(worker_pid) supervisor=$(supervisor_pid)
	check "$crash_name: kill -9" "$@"
	case $effect in goes-on|is-alone) check "$crash_name: pgbench goes on" committed 1500 ;; esac
	kill9 $(pg_pids) 2>/dev/null
	wait $load_pid
	case $effect in is-alone|ends)
		check "$crash_name: mounts again" recover_mount --wal=$wal
		check "$crash_name: worker and supervisor have ended" wait_gone "$worker" "$supervisor" ;;
	esac
	check "$crash_name: recovery" server || { note "log of pbkfs:"; show "$diff/.pbkfs/pbkfs.log"; return; }
	check "$crash_name: exactly the committed rows" exact_rows || show "$work/found"
	check "$crash_name: balances agree" balanced
	check "$crash_name: pg_amcheck finds nothing" as "$pguser" "$pgbin/pg_amcheck" --all --install-missing -h "$sock" -U postgres
	check "$crash_name: the server stops" pg_stop "$mnt"
}
# Kills the processes without telling them to end.
kill_server() { kill9 $(pg_pids); }
# Ten workers, one after the other, each after it has served for a while (the supervisor does not
# replace workers for ever that die as soon as they start).
kill_workers() {
	for round in 1 2 3 4 5 6 7 8 9 10; do
		old=$(worker_pid)
		kill9 "$old" && wait_gone "$old" && committed $((600 + 60 * round)) || return 1
	done
	[ "$(worker_pid)" != "$worker" ]
}
kill_supervisor() { kill9 "$supervisor"; }
kill_all() { kill9 $(pg_pids) "$worker" "$supervisor"; }

story() {	# story WAL-MODE
	wal=$1
	new_diff
	check "mount --wal=$wal" mount_it --wal=$wal || return
	check "first recovery" server
	sql -c 'select 1' >/dev/null
	pg_stop "$mnt"
	crash "PostgreSQL, WAL $wal" stays kill_server
	crash "workers, WAL $wal" goes-on kill_workers
	crash "supervisor, WAL $wal" is-alone kill_supervisor
	crash "all three, WAL $wal" ends kill_all
	check "unmount" unmount_it
	check "mount after all that" mount_it --wal=$wal
	check "checksums after all that" as "$pguser" "$pgbin/pg_checksums" --check -D "$mnt"
	check "unmount for good" unmount_it
}
story direct
story mount
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
