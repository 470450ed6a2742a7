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
first=$(sed '/^#/d; s/ .*//; q' "$oracle_dir/pitr.txt")
for label in $(sed '/^#/d; s/ .*//' "$oracle_dir/pitr.txt"); do
	equal "--at $label: rows as they were then, and it may write" "$(moment "$label" 6) f" "$(counts_of --at "$(moment "$label" 2)")" || show "$told"
	left_nothing "--at $label"
done
check "progress has a position" said "recovering: [0-9A-F]+" "$told"
equal "by LSN, from the first backup" "$(moment "$first" 6) f" "$(counts_of -i "$full_id" --recovery-target-lsn="$(moment "$first" 3)")"
try -q -i "$full_id" --recovery-target-name="$(moment "$first" 5)" --recovery-target-action=pause -- psql -XAtqd postgres -c "$query" -c 'select pg_is_in_recovery()'
equal "pause: the server is at the target" "$(moment "$first" 6) t" "$(tr '|\n' '  ' <"$printed" | sed 's/ $//')"
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
plan_done
