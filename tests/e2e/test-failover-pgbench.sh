# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# PostgreSQL on a mount whose workers are killed at random moments: no transaction
# fails, none is lost, none is there twice.
#
# pgbench runs again and again while the killer is at work, each time for a number
# of transactions after which it ends by itself.  Each transaction changes balances
# and notes what it did; among them are some that compare all balances with all
# notes, and divide by zero if they disagree.  pgbench's own log says which ones
# the server confirmed.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
before=$(catalog_sum "$store")
clients=3 per_client=200 run_seconds=120

pgbench_transaction run >"$work/transaction.sql"
cat >"$work/verify.sql" <<'SQL'
select 1 / ((select sum(abalance) from pgbench_accounts) = (select sum(accounts) from start) + (select coalesce(sum(delta), 0) from done)
    and (select sum(bbalance) from pgbench_branches) = (select sum(branches) from start) + (select coalesce(sum(delta), 0) from done))::int;
SQL

# Little memory, so that pages come and go; checkpoints, so that there are fsyncs of everything.
server() {
	pg_start "$mnt" -c fsync=on -c synchronous_commit=on -c full_page_writes=on -c shared_buffers=2MB \
	    -c max_wal_size=32MB -c min_wal_size=32MB -c checkpoint_timeout=30s
}
# one_run NUMBER: fails if it does not end by itself, or if one transaction fails.
one_run() {
	mkdir -p "$work/log/$1"; chown "$pguser" "$work/log/$1"
	as "$pguser" timeout -s KILL $run_seconds "$pgbin/pgbench" -h "$sock" -U postgres -n -c $clients -j 1 -t $per_client \
	    -D run="$1" -D n=0 -f "$work/transaction.sql@40" -f "$work/verify.sql@1" \
	    -l --log-prefix="$work/log/$1/l" postgres >"$work/pgbench.log" 2>&1 </dev/null
}
# Each prints "RUN CLIENT COUNT FIRST LAST" of transactions: those that the clients were told of, and
# those that the server has.
confirmed() {
	for run_log in "$work"/log/*; do
		awk -v run="$(basename "$run_log")" '$4 == 0 { n[$1]++ } END { for (c in n) print run "|" c "|" n[c] "|1|" n[c] }' "$run_log"/*
	done | LC_ALL=C sort
}
there() { sql -c 'select run, client, count(*), min(n), max(n) from done group by run, client' | LC_ALL=C sort; }
same_rows() { confirmed >"$work/confirmed"; there >"$work/there"; same "$1" "$work/confirmed" "$work/there"; }

story() {	# story WAL-MODE KILLS
	wal=$1 n=$2
	new_diff
	rm -rf "$work/log"
	check "mount --wal=$wal" mount_it --wal="$wal" || return
	check "the server starts" server || return
	first_supervisor=$(supervisor_pid)
	sql -c 'create table done (run int, client int, n int, aid int, delta int)' \
	    -c 'create table start as select (select sum(abalance) from pgbench_accounts) as accounts, (select sum(bbalance) from pgbench_branches) as branches' \
	    -c checkpoint
	: >"$work/pg.log"
	killer -n "$n" >"$work/killing" 2>&1 &
	killer_pid=$!
	run=0 failed=0
	while :; do
		# One run more than the killer needs, so that the last one begins under kills, too.
		kill -0 $killer_pid 2>/dev/null && last= || last=yes
		run=$((run + 1))
		one_run $run || { failed=1; break; }
		[ -z "$last" ] || break
	done
	wait $killer_pid
	equal "WAL $wal: $n kills, each with a successor that serves" 0 $?
	show_killer
	log_gaps
	equal "WAL $wal: all of $run runs of pgbench end by themselves and without an error" 0 $failed || { show "$work/pgbench.log"; show "$work/pg.log"; }
	note "$(confirmed | awk -F'|' '{ n += $3 } END { print n + 0 }') transactions were confirmed"
	equal "WAL $wal: the server's log has no error" "" "$(grep -E 'ERROR|FATAL|PANIC|could not|invalid' "$work/pg.log")"
	equal "WAL $wal: all workers died by kills" "$n" "$(deaths)"
	check "WAL $wal: the log tells of kills only" log_is_quiet
	equal "WAL $wal: the supervisor is the first one" "$first_supervisor" "$(supervisor_pid)"
	same_rows "WAL $wal: exactly the confirmed transactions are there"
	check "WAL $wal: balances and notes agree" sql -f "$work/verify.sql"
	check "WAL $wal: pg_amcheck finds nothing" as "$pguser" "$pgbin/pg_amcheck" --all --install-missing -h "$sock" -U postgres
	check "WAL $wal: the server stops" pg_stop "$mnt"
	check "WAL $wal: remount" remount --wal="$wal"
	check "WAL $wal: checksums" as "$pguser" "$pgbin/pg_checksums" --check -D "$mnt"
	check "WAL $wal: the server starts on it" server
	same_rows "WAL $wal: the same transactions are there after a remount"
	check "WAL $wal: balances and notes still agree" sql -f "$work/verify.sql"
	check "WAL $wal: the server stops again" pg_stop "$mnt"
	check "WAL $wal: unmount" unmount_it
}
story mount $((kills - kills / 4))
story direct $((kills / 4))
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
