# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# --db-include and --db-exclude: the files of other databases are empty, and pbkfs does not read them
# in the store; a server starts and recovers; the databases can be dropped.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-600}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-made.sh"
fixture_tablespace
# db_ts has most of its files in a tablespace
ts=$(database_oid db_ts) new=$(database_oid db_new) first=$(database_oid postgres)
before=$(catalog_sum "$store")
empty=$(: | sha256sum | cut -d' ' -f1)
# without OID...: makes of the restore's manifest one in which the files of these databases are empty.
without() {
	cp "$oracle.manifest" "$work/without"
	for w_oid in "$@"; do
		sed -i -e "s#^\(f [0-7]* \)[0-9]* [0-9a-f]* \(base/$w_oid/.*\)#\10 $empty \2#" \
		    -e "s#^\(f [0-7]* \)[0-9]* [0-9a-f]* \(pg_tblspc/[0-9]*/[^/]*/$w_oid/.*\)#\10 $empty \2#" "$work/without"
	done
	echo "$work/without"
}
# dropped NAME: takes its rows and its name out of the rows of the restore.
dropped() { grep -v "^$1|\||$1\$" "$oracle.sql.txt" >"$work/expected"; sql_rows >"$work/found" 2>&1; }

# ---- the store lacks the files that are left out: pbkfs does not miss them -----------
mkdir "$work/kept"
find "$store" -path "*/database/base/$ts" -prune -print -o -path "*/database/pg_tblspc/*/$ts" -prune -print >"$work/dirs"
check "db_ts has files in a tablespace" grep -q pg_tblspc "$work/dirs"
take_away() { i=0; while read -r dir; do i=$((i + 1)); mv "$dir" "$work/kept/$i"; done <"$work/dirs"; }
bring_back() { i=0; while read -r dir; do i=$((i + 1)); mv "$work/kept/$i" "$dir"; done <"$work/dirs"; }
take_away
new_diff
check "all but db_ts: mount" mount_it --db-exclude db_ts --wal=mount
cp "$work/err" "$work/said"
check "it says how the server is reached" grep -q "psql -h '$mnt/pg_stat_tmp' -p [0-9]* -U postgres\$" "$work/said"
check "it says what is left out" grep -q '^pbkfs: left out: database "db_ts", whose files are empty' "$work/said"
like_oracle "all but db_ts: files" "$(without $ts)" "$mnt"
check "all but db_ts: the server starts" pg_start "$mnt"
refuse "nobody connects to db_ts" "FATAL" sql -d db_ts -c 'select 1'
check "it can be dropped" sql -c 'drop database db_ts'
dropped db_ts
same "the rows of the others are right" "$work/expected" "$work/found"
check "the name can be used again" sql -c 'create database db_ts'
check "and the server is well" sql -d db_ts -c 'create table t as select 1'
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
check "remount" mount_it
equal "nothing is said again" 0 "$(grep -c 'left out' "$work/err")"
check "start" pg_start "$mnt"
equal "the new one is there" 1 "$(sql -d db_ts -c 'select count(*) from t')"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it

# ---- a later mount shows the same ----------------------------------------------------
check "the same choice may be named again" mount_it --db-exclude db_ts --db-exclude db_ts
check "unmount" unmount_it
made='was made with --db-exclude "db_ts", and'
refuse "another database is refused" "$made --db-exclude \"db_new\" asks for others" mount_it --db-exclude db_ts --db-exclude db_new
refuse "another kind is" "$made --db-include \"db_ts\" asks for others" mount_it --db-include db_ts
equal "the binding has a version of its own" 2 "$(sed -n 's/.*"version": *\([0-9]*\),.*/\1/p' "$diff/.pbkfs-binding.json" | head -n 1)"
bring_back
new_diff
check "all: mount" mount_it
equal "such a binding is as ever" 1 "$(sed -n 's/.*"version": *\([0-9]*\),.*/\1/p' "$diff/.pbkfs-binding.json" | head -n 1)"
check "unmount" unmount_it
refuse "a part of what was made with all is refused" "was made with all databases, and --db-exclude \"db_ts\"" mount_it --db-exclude db_ts

# ---- one alone, with its tablespace ----------------------------------------------------
new_diff
check "db_ts alone: mount" mount_it --db-include=db_ts --wal=mount
cp "$work/err" "$work/said"
check "it names a database that is there" grep -q "psql -h '$mnt/pg_stat_tmp' -p [0-9]* -U postgres -d 'db_ts'\$" "$work/said"
check "it says what is left out" grep -q 'left out: databases "postgres", "db_new"' "$work/said"
like_oracle "db_ts alone: files" "$(without $first $new)" "$mnt"
check "db_ts alone: the server starts" pg_start "$mnt"
equal "rows" "$(grep '^db_ts|in_ts' "$oracle.sql.txt" | tr '\n' ' ')" "$(sql -d db_ts -c "select format('db_ts|in_ts|%s|%s', count(*), sum(hashtext(t::text))) from in_ts t" -c "select format('db_ts|in_ts0|%s|%s', count(*), sum(hashtext(t::text))) from in_ts0 t" | tr '\n' ' ')"
refuse "postgres is a database like others" "FATAL" sql -c 'select 1'
check "a template is whole" sql -d template1 -c 'select 1'
check "postgres can be dropped" sql -d db_ts -c 'drop database postgres'
check "stop" pg_stop "$mnt"
check "unmount" unmount_it

# ---- real copies of tablespaces have the same part -------------------------------------
location=$(tablespace_map | sed -n 's/^[0-9]* //p' | head -n 1)
mkdir -m 0700 "$work/copy"; chown "$pguser:" "$work/copy"
new_diff
check "all but postgres: mount" mount_it --db-exclude postgres
check "it names one that is always there" grep -q "psql -h '$mnt/pg_stat_tmp' -p [0-9]* -U postgres -d 'template1'\$" "$work/err"
check "unmount" unmount_it
new_diff
check "a real copy: mount" mount_it --db-exclude db_ts -T "$location=$work/copy"
equal "files of db_ts in it are empty" "" "$(find "$work/copy" -path "*/$ts/*" -type f -size +0)"
check "unmount" unmount_it
rm -rf "$work/copy"

# ---- refused before there is a mount ---------------------------------------------------
cannot "an unknown database" "backup \"$id\" has no database \"nosuch\": choose from \"postgres\", \"db_ts\", \"db_new\"" --db-include nosuch
cannot "a template" '"template1" is never left out' --db-exclude template1
cannot "both kinds" "cannot be combined" --db-include db_ts --db-exclude db_new
cannot "no name" "cannot be" --db-include ''
cannot "all of them" "all databases of backup" --db-include db_ts --db-include db_new --db-include postgres
mv "$store/backups/main/$id/database/database_map" "$work/map"
cannot "no map" "has no database_map, so nobody knows its databases" --db-exclude db_ts
new_diff
check "which matters to nobody else" mount_it
check "unmount" unmount_it
echo nonsense >"$store/backups/main/$id/database/database_map"
cannot "a damaged map" 'line 1: "nonsense" is not an OID and a name' --db-exclude db_ts
rm "$store/backups/main/$id/database/database_map"; mkfifo "$store/backups/main/$id/database/database_map"
cannot "a map that is no file" "is not a plain file" --db-exclude db_ts
rm "$store/backups/main/$id/database/database_map"
mv "$work/map" "$store/backups/main/$id/database/database_map"
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"

# ---- recovery from the archive goes over databases that are not there -------------------
fixture_archive
last_id=$id id=$full_id
new_diff
check "recovery: mount" mount_it --db-include postgres --recovery-target=latest --recovery-target-action=promote
check "recovery: start" pg_start "$mnt"
check "recovery: it ends" recovery_ended
grep '^postgres|' "$oracle_dir/oracle/main.$last_id.latest.sql.txt" >"$work/expected"
for db in $(sql -c "select datname from pg_database where datname like 'db%'"); do sql -c "drop database $db"; done
sql_rows 2>&1 | grep '^postgres|' >"$work/found"
same "recovery: rows" "$work/expected" "$work/found"
check "recovery: stop" pg_stop "$mnt"
check "unmount" unmount_it
plan_done
