# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Two more fixtures, after lib-e2e.sh: a catalog with its WAL archive, and one with
# tablespaces and external directories.  Each is a real one where there are catalogs and
# a server for it; else one that mkcatalog makes from a small cluster, with the same kinds
# of backups and of change, under the same names.

have_15() { have_catalogs && pgbin=$(pg_bindir 15) && major=15; }
# Waits until the clock has reached the next second.
next_second() { ns_now=$(date +%s); while [ "$(date +%s)" = "$ns_now" ]; do sleep 0.05; done; }
# The running cluster archives its WAL, if the story has an archive.
made_start() { pg_start "$work/pgdata" -c fsync=off -c autovacuum=off ${archive:+-c archive_mode=on}; }
# made_backup MODE CODEC PARENT [OPTION...]: of the running server, with its database_map.
made_backup() {
	sql -c "select format('{\"dbOid\":\"%s\", \"datname\":\"%s\"}', oid, datname) from pg_database where not datistemplate order by oid" >"$work/database_map"
	pg_stop "$work/pgdata" || exit 99
	make_backup "$@" --database-map "$work/database_map"
}
made_sql() { sql "$@" >"$work/out" 2>&1 || { show "$work/out"; exit 99; }; }

# ---- the WAL archive --------------------------------------------------------------

# Sets $store, $instance, $major, $pgbin, $archive; $full_id, $middle_id and $id, whose WAL
# is in the archive, which goes on behind the last; and $oracle_dir with
#	pitr.txt		moments between and behind them: see moment()
#	oracle/main.ID.sql.txt	rows at the end of the backup
#	oracle/main.ID.TAG.sql.txt	rows at a moment: latest, or pitr-KIND-LABEL
#	oracle/main.ID.none.generated.txt	what a restore without a target writes
fixture_archive() {
	if have_15; then
		unpack_catalog archive-page
		full_id=TOXCR8 middle_id=TOXCRE id=TOXCRK
		oracle_dir=$catalogs/archive-page.oracle
		archive=$store/wal/main
	else
		make_archive
	fi
}
# moment LABEL FIELD: its time (2), LSN (3), last xid (4), restore point (5), counts (6).
moment() { awk -F ' [|] ' -v label="$1" -v field="$2" '$1 == label { print $field }' "$oracle_dir/pitr.txt"; }
counts() { sql -c 'select (select count(*) from t_grow), (select count(*) from marks), (select count(*) from pgbench_history), (select sum(abalance) from pgbench_accounts)' | tr '|' ' '; }
# Names of segments of 1 MiB and of timeline 1: by LSN, and the one that many behind another.
segment_of() { printf '00000001%08X%08X' $((0x${1%/*})) $((0x${1#*/} >> 20)); }
segment_after() { printf '%s%08X' "${1%????????}" $((0x${1#????????????????} + $2)); }
control_value() { sed -n "s/^$2 = *'\{0,1\}\([^']*\).*/\1/p" "$store/backups/$instance/$1/backup.control"; }

# made_step: changes rows, which make about a segment of WAL.
made_step() {
	made_n=$((made_n + 1))
	made_sql -c "update pgbench_accounts set abalance = abalance + $made_n where aid < 8000" \
	    -c "insert into t_grow select g, md5(g::text) from generate_series(1, 100 * $made_n) g" \
	    -c "insert into pgbench_history select 1, 1, g, $made_n, now() from generate_series(1, 20) g"
}
# made_moment LABEL: notes the present moment, and waits until its second is over.
made_moment() {
	made_step
	made_xid=$(sql -c "insert into marks values ('$1') returning pg_current_xact_id()") || exit 99
	made_lsn=$(sql -c "select pg_current_wal_insert_lsn()")
	made_sql -c "select pg_create_restore_point('rp_$1')"
	sql_rows >"$work/moment.$1" 2>&1
	next_second
	printf '%s | %s | %s | %s | rp_%s | %s\n' "$1" "$(date -u '+%F %T+00')" "$made_lsn" "$made_xid" "$1" "$(counts)" >>"$oracle_dir/pitr.txt"
	next_second
	made_sql -c 'select pg_switch_wal()'
}
made_archived() {	# made_archived MODE CODEC PARENT
	made_step
	sql_rows >"$work/moment.backup" 2>&1
	made_backup "$@" --archive
	mv "$work/moment.backup" "$oracle_dir/oracle/main.$made.sql.txt"
	made_start || exit 99
}
make_archive() {
	pg_any
	store=$work/made.archive instance=main archive=$work/made.archive/wal/main oracle_dir=$work/made.archive.oracle made_n=0
	mkdir -p "$archive" "$oracle_dir/oracle"; chmod 0755 "$store"; chmod 0700 "$store/wal"; chown "$pguser:" "$store/wal" "$archive"
	new_cluster "$work/pgdata" && echo "archive_command = 'cp \"%p\" \"$archive/%f\"'" >>"$work/pgdata/postgresql.conf" && made_start || exit 99
	pgbench_init -s 1
	made_sql -c 'create database db_old' -c 'create table t_grow (g int, t text)' -c 'create table marks (label text)'
	made_sql -d db_old -c 'create table o as select generate_series(1, 500) g'
	made_archived FULL zlib ''; full_id=$made
	made_moment after0
	made_archived PAGE zlib "$full_id"; middle_id=$made
	made_moment after1
	made_archived PAGE none "$middle_id"; id=$made
	for made_label in after2 late1 late2; do made_moment $made_label; done
	# recovery reaches a time only with a commit that is younger
	made_step; made_sql -c 'select pg_switch_wal()'
	sql_rows >"$work/moment.latest" 2>&1
	pg_stop "$work/pgdata"
	rm -r "$work/pgdata"
	# as archive-push --compress leaves it, and without the segments before the FULL's
	made_first=$(segment_of "$(control_value "$full_id" start-lsn)")
	for made_f in "$archive"/*; do
		if expr "${made_f##*/}" '<' "$made_first" >/dev/null; then rm "$made_f"; else gzip "$made_f"; fi
	done
	echo "CHECKPOINT TIME: then" >"$archive/$made_first.00000028.backup"
	cp "$work/moment.after0" "$oracle_dir/oracle/main.$full_id.pitr-time-after0.sql.txt"
	for made_tag in name-after2 time-after2 time-late1 time-late2 xid-late1; do
		cp "$work/moment.${made_tag#*-}" "$oracle_dir/oracle/main.$id.pitr-$made_tag.sql.txt"
	done
	cp "$work/moment.latest" "$oracle_dir/oracle/main.$id.latest.sql.txt"
	cat >"$oracle_dir/oracle/main.$id.none.generated.txt" <<-'TEXT'
		=== recovery.signal
		=== postgresql.auto.conf
		recovery_target_timeline = 'current'
		recovery_target_action = 'pause'
	TEXT
}

# ---- tablespaces and external directories -------------------------------------------

# Sets $store, $instance, $id, $major, $pgbin, and $oracle: manifests $oracle.manifest,
# $oracle.ext0.manifest and $oracle.ext1.manifest, rows $oracle.sql.txt.  Database
# db_ts lies in the first tablespace with tables in_ts and in_ts0; there are db_new, and
# ts_a of postgres in a tablespace.
fixture_tablespace() {
	if have_15; then
		unpack_catalog tablespace
		id=TOXC04
		oracle=$catalogs/tablespace.oracle/oracle/main.$id
	else
		make_tablespace
	fi
}
tablespace_map() { cat "$store/backups/$instance/$id/database/tablespace_map"; }
database_oid() { sed -n "s/^{\"dbOid\":\"\([0-9]*\)\", *\"datname\":\"$1\"}\$/\1/p" "$store/backups/$instance/$id/database/database_map"; }
external_dirs() { control_value "$id" external-dirs | tr : '\n'; }

make_tablespace() {
	pg_any
	store=$work/made.tablespace instance=main oracle=$work/made.tablespace.oracle archive=
	made_place=$work/production
	mkdir -p "$made_place/ext0" "$made_place/ext1/sub"
	install -d -o "$pguser" -m 0700 "$made_place/ts_fast" "$made_place/ts_slow space"
	for made_n in 0 1; do echo "of $made_n" >"$made_place/ext$made_n/a.conf"; : >"$made_place/ext$made_n/empty"; done
	new_cluster "$work/pgdata" && made_start || exit 99
	made_sql -c "create tablespace ts_fast location '$made_place/ts_fast'" -c "create tablespace ts_slow location '$made_place/ts_slow space'" \
	    -c 'create database db_ts tablespace ts_fast' -c 'create database db_new' \
	    -c "create table ts_a tablespace ts_fast as select g, repeat('x', 60) t from generate_series(1, 7000) g" \
	    -c 'create index ts_a_g on ts_a (g) tablespace ts_slow'
	made_sql -d db_ts -c 'create table in_ts as select g, md5(g::text) t from generate_series(1, 1500) g' -c 'create table in_ts0 as select g from generate_series(1, 6000) g'
	made_backup FULL zlib '' --external "$made_place/ext1" --external "$made_place/ext0"
	made_start || exit 99
	made_sql -c 'insert into ts_a select g from generate_series(1, 402) g' -c 'create table moved as select g from generate_series(1, 300) g' -c 'alter table moved set tablespace ts_slow'
	made_sql -d db_ts -c 'insert into in_ts select g from generate_series(1, 500) g' -c 'update in_ts0 set g = g + 1 where g % 100 = 0'
	made_sql -d db_new -c 'create table n1 as select g from generate_series(1, 2500) g'
	rm "$made_place/ext0/empty"; echo more >>"$made_place/ext1/a.conf"; echo 7 >"$made_place/ext1/sub/16384"
	sql_rows >"$oracle.sql.txt" 2>&1
	made_backup DELTA none "$made" --external "$made_place/ext1" --external "$made_place/ext0"
	id=$made
	listed_manifest "$id" >"$oracle.manifest"
	for made_n in 0 1; do "$support/manifest" "$made_place/ext$made_n" >"$oracle.ext$made_n.manifest"; done
	rm -r "$work/pgdata"
}
