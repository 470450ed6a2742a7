# PostgreSQL never notices that workers die: no transaction fails, and there
# are exactly the rows that were committed.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
before=$(catalog_sum "$store")
clients=4
cat >"$work/transaction.sql" <<'SQL'
\set n :n + 1
\set aid random(1, 100000)
\set delta random(-5000, 5000)
begin;
update pgbench_accounts set abalance = abalance + :delta where aid = :aid;
update pgbench_branches set bbalance = bbalance + :delta where bid = 1;
insert into done (client, n, aid, delta) values (:client_id, :n, :aid, :delta);
select n as last from done where client = :client_id and n = :n \gset
\if :last <> :n
	select 1 / 0;
\endif
commit;
SQL
# Tables come and go, and what a client reads is what it wrote.
cat >"$work/tables.sql" <<'SQL'
drop table if exists t:client_id;
create table t:client_id as select g, md5(g::text) as m from generate_series(1, 2000) g;
create index on t:client_id (m);
update t:client_id set m = md5(m) where g % 7 = 0;
vacuum t:client_id;
select count(*) as good from t:client_id where m = case when g % 7 = 0 then md5(md5(g::text)) else md5(g::text) end \gset
\if :good <> 2000
	select 1 / 0;
\endif
truncate t:client_id;
SQL
story() {	# story WAL-MODE
	new_diff
	check "mount --wal=$1" mount_it --wal=$1 || return
	check "the server starts" pg_start "$mnt" -c fsync=on -c shared_buffers=2MB -c bgwriter_delay=10ms -c checkpoint_timeout=30s -c max_wal_size=32MB || return
	sql -c 'drop table if exists done' -c 'create table done (client int, n int, aid int, delta int)' 2>/dev/null
	accounts=$(sql -c 'select sum(abalance) from pgbench_accounts')
	branches=$(sql -c 'select sum(bbalance) from pgbench_branches')
	rm -rf "$work/log"; mkdir "$work/log"; chown "$pguser" "$work/log"
	as "$pguser" "$pgbin/pgbench" -h "$sock" -U postgres -n -c $clients -j 1 -T 100000 -D n=0 -D last=0 -f "$work/transaction.sql" \
	    -l --log-prefix="$work/log/l" postgres >"$work/pgbench.log" 2>&1 &
	load_pid=$!
	as "$pguser" "$pgbin/pgbench" -h "$sock" -U postgres -n -c 2 -j 1 -T 100000 -D good=0 -f "$work/tables.sql" postgres >"$work/tables.log" 2>&1 &
	tables_pid=$!
	check "WAL $1: $kills kills" killer -n "$kills"
	show_killer
	check "WAL $1: both loads still run" kill -TERM $load_pid $tables_pid
	wait $load_pid $tables_pid
	refuse "WAL $1: no client failed" "never" grep -iE 'error|abort|fatal' "$work/pgbench.log" "$work/tables.log"
	refuse "WAL $1: nor did the server" "never" grep -E 'PANIC|FATAL|could not|Input/output' "$work/pg.log"
	sql -c 'select client, count(*), min(n), max(n) from done group by client order by client' >"$work/found"
	cat "$work"/log/* | awk -v clients=$clients '{ n[$1]++ } END { for (c = 0; c < clients; c++) print c "|" n[c] + 0 }' >"$work/confirmed"
	tr '\n' ' ' <"$work/confirmed" | sed 's/^/# confirmed: /; s/$/\n/'
	equal "WAL $1: exactly the committed rows" $clients "$(join -t '|' "$work/confirmed" "$work/found" |
	    awk -F'|' '$3 == $5 && $4 == 1 && ($3 == $2 || $3 == $2 + 1) { good++ } END { print good + 0 }')"
	equal "WAL $1: balances of accounts agree" "$accounts" "$(sql -c 'select (select sum(abalance) from pgbench_accounts) - (select coalesce(sum(delta), 0) from done)')"
	equal "WAL $1: balances of branches agree" "$branches" "$(sql -c 'select (select sum(bbalance) from pgbench_branches) - (select coalesce(sum(delta), 0) from done)')"
	check "WAL $1: pg_amcheck finds nothing" as "$pguser" "$pgbin/pg_amcheck" --all --install-missing -h "$sock" -U postgres
	check "WAL $1: the server stops" pg_stop "$mnt"
	log_gaps
	check "WAL $1: the log tells of kills only" log_is_quiet
	check "WAL $1: checksums" as "$pguser" "$pgbin/pg_checksums" --check -D "$mnt"
	check "WAL $1: unmount" unmount_it
}
story direct
story mount
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
