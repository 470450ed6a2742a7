# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs run up to a moment: --at takes the backup for it, the command may write there, and with
# --recovery-target-action=pause finds the server at the target.  Tablespaces and external directories are there.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-run.sh"
fixture_archive
query='select (select count(*) from t_grow), (select count(*) from marks), (select count(*) from pgbench_history), (select sum(abalance) from pgbench_accounts)'
counts_of() { run "$@" -- psql -XAtqd postgres -c "$query" -c 'create table written as select 1' -c 'select pg_is_in_recovery()' >"$printed" 2>"$told" && tr '|\n' '  ' <"$printed" | sed 's/ $//'; }
# at LABEL OPTION...: the rows are those that were there then, and the server may write.
at() { at_label=$1; shift; equal "$*: rows as they were then, and it may write" "$(moment "$at_label" 6) f" "$(counts_of "$@")" || show "$told"; left_nothing "$*"; }
for label in after0 after2 late2; do at $label --at "$(moment $label 2)"; done
check "progress has a position" said "recovering: [0-9A-F]+" "$told"
equal "by LSN, from the first backup" "$(moment after0 6) f" "$(counts_of -i "$full_id" --recovery-target-lsn="$(moment after0 3)")"
# Every other kind of target.
at after1 -i "$full_id" --recovery-target-xid="$(moment after1 4)" --recovery-target-timeline=1
left=$(counts_of -i "$full_id" --recovery-target-xid="$(moment after1 4)" --recovery-target-inclusive=false) || show "$told"
check "by transaction, without it: just that is not there" sh -c '[ $(($1 + $2)) -lt $(($5 + $6)) ] && [ "$3 $4" = "$7 $8" ]' - \
    $(echo "$left" | cut -d ' ' -f 1-4) $(moment after1 6) || note "found $left"
# rows_in FILE: its t_grow, marks and pgbench_history.
rows_in() { awk -F '|' '$1 == "postgres" && $2 ~ /^(t_grow|marks|pgbench_history)$/ { n[$2] = $3 } END { print n["t_grow"], n["marks"], n["pgbench_history"] }' "$1"; }
equal "immediate: the end of the backup" "$(rows_in "$oracle_dir/oracle/main.$full_id.sql.txt") f" "$(counts_of -i "$full_id" --recovery-target=immediate | awk '{ print $1, $2, $3, $5 }')" || show "$told"
equal "latest: the end of the archive" "$(rows_in "$oracle_dir/oracle/main.$id.latest.sql.txt") f" "$(counts_of --recovery-target=latest --recovery-target-timeline=current | awk '{ print $1, $2, $3, $5 }')" || show "$told"
left_nothing "other targets"
status "a timeline that is not there" 125 --recovery-target=latest --recovery-target-timeline=7 -- true
check "a timeline that is not there: is named" said "timeline.* 7" "$told"
try -q -i "$full_id" --recovery-target-name="$(moment after0 5)" --recovery-target-action=pause -- psql -XAtqd postgres -c "$query" -c 'select pg_is_in_recovery()'
equal "pause: the server is at the target" "$(moment after0 6) t" "$(tr '|\n' '  ' <"$printed" | sed 's/ $//')"
left_nothing "pause"
try -q -R -- psql -XAtqd postgres -c 'select pg_is_in_recovery()'
equal "a standby takes queries" t "$(cat "$printed")"
left_nothing "a standby"
status "a time before every backup" 125 --at '2001-01-01 00:00:00+00' -- true
check "a time before every backup: says so" said "ends before the recovery target" "$told"
status "a time behind the archive" 125 --at '2037-01-01 00:00:00+00' -- true
check "a time behind the archive: the server's word is told" said "recovery ended before configured recovery target" "$told"
equal "a time behind the archive: once" 1 "$(grep -c "recovery ended before configured recovery target" "$told")"
check "a time behind the archive: how far it goes, and the way out" said "its last transaction was at 20[0-9-]+ .*; choose an earlier target, or none" "$told"
equal "a server that fails says nothing else" "" "$(grep '^pbkfs: server:' "$told")"
status "--at and a backup" 125 --at '2037-01-01 00:00:00+00' -i "$full_id" -- true

fixture_tablespace
status "tablespaces" 0 -q -- psql -XAtqd postgres -c 'select count(*) from ts_a' -c '\c db_ts' -c 'select count(*) > 0 from in_ts'
check "tablespaces: their rows are there" said "^t$" "$printed"
try -q -- sh -c 'ls "$PGDATA/.pbkfs-external"'
equal "external directories are there" "1 2" "$(tr '\n' ' ' <"$printed" | sed 's/ $//')"

# ---- what recovery demands: no less than production had ----------------------------------------
# Only the control file says what that was: production's postgresql.conf has the defaults.
pg_any
store=$work/greedy instance=main archive=$work/greedy/wal/main
mkdir -p "$archive"; chown "$pguser:" "$archive"; chmod 0755 "$store"
new_cluster "$work/pgdata" && echo "archive_command = 'cp \"%p\" \"$archive/%f\"'" >>"$work/pgdata/postgresql.conf"
had='max_connections=150 max_worker_processes=20 max_wal_senders=15 max_prepared_transactions=7 max_locks_per_transaction=100'
greedy_start() { pg_start "$work/pgdata" -c fsync=off -c archive_mode=on $(echo "$had" | sed 's/[a-z_]*=/-c &/g'); }
greedy_start && sql -c 'create table t as select 1 as a' && made_backup FULL zlib '' --archive && greedy_start &&
    sql -c 'insert into t values (2)' -c 'select pg_switch_wal()' >"$work/out" && pg_stop "$work/pgdata" || exit 99
# shown_settings OPTION...: those that the server has.
shown_settings() {
	run --recovery-target=latest "$@" -- psql -XAtqd postgres -c "select string_agg(name || '=' || setting, ' ' order by case name when 'max_connections' then 1 when 'max_worker_processes' then 2 when 'max_wal_senders' then 3 when 'max_prepared_transactions' then 4 else 5 end) from pg_settings
	    where name in ('max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions', 'max_locks_per_transaction')" -c 'select sum(a) from t' >"$printed" 2>"$told"
	tr '\n' ' ' <"$printed"
}
equal "minima: as production had them" "$had 3 " "$(shown_settings)" || show "$told"
lower='--set max_connections=20 --set max_worker_processes=2 --set max_wal_senders=1 --set max_prepared_transactions=0 --set max_locks_per_transaction=10'
for more in "" -R --keep-settings; do
	equal "minima, --set less${more:+, $more}: they are kept" "$had 3 " "$(shown_settings $lower $more)" || show "$told"
	for setting in $had; do
		check "minima, --set less${more:+, $more}: it is said of ${setting%=*}" said "^pbkfs warning: ${setting%=*} is raised from [0-9]+ to ${setting#*=}: recovery refuses less" "$told"
	done
done
equal "minima, --set more: counts" "$(echo "$had" | sed 's/=150/=200/') 3 " "$(shown_settings --set max_connections=200)" || show "$told"
left_nothing "minima"
plan_done
