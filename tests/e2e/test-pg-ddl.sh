# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# PostgreSQL creates and drops databases, rewrites and truncates relations, and makes temporary
# files; then the stopped clone is sound, and its dump equals that of a restored copy.
. "$srcdir/tests/lib-e2e.sh"
fixture
before=$(catalog_sum "$store")
new_diff
# The restored copy: cp takes it from a mount that nobody has written to.
check "mount" mount_it --wal=mount || { plan_done; exit; }
check "copy the mount to a plain directory" cp -a "$mnt" "$work/restored"
rm -rf "$work/restored/.pbkfs"
check "unmount" unmount_it

dump() { as "$pguser" "$pgbin/pg_dumpall" -h "$sock" -U postgres "$@"; }
dump_of() {	# dump_of DIR FILE
	pg_start "$1" && dump >"$2" && pg_stop "$1"
}
new_diff
check "mount for the server" mount_it
check "pg_dump of the mount" dump_of "$mnt" "$work/mount.sql"
check "pg_dump of the copy" dump_of "$work/restored" "$work/restored.sql"
sed -i '/^\\\(un\)\{0,1\}restrict /d' "$work/mount.sql" "$work/restored.sql"
same "the dumps are equal" "$work/restored.sql" "$work/mount.sql"

# The same statements on the mount and on the copy.
statements() {
	sql -c 'create database d1' &&
	sql -d d1 -c 'create table t as select g, md5(g::text) m from generate_series(1, 20000) g; create index on t (m)' &&
	sql -c 'create database d2 template d1 strategy file_copy' &&
	sql -c 'drop database d1' &&
	sql -c 'alter database d2 rename to d3' &&
	sql -d d3 -c 'vacuum full t' -c 'cluster t using t_m_idx' -c 'reindex table t' &&
	sql -d d3 -c 'create table shrinks as select g, repeat($$y$$, 200) from generate_series(1, 20000) g' \
	    -c 'delete from shrinks where g > 50' -c 'vacuum shrinks' -c 'insert into shrinks select g, $$again$$ from generate_series(1, 5000) g' &&
	sql -d d3 -c 'create table cut as select g from generate_series(1, 50000) g' -c 'truncate cut' \
	    -c 'insert into cut values (1), (2)' &&
	sql -d d3 -c 'begin; truncate t; insert into t values (1, $$rolled back$$); rollback' &&
	sql -d d3 -c 'create unlogged table u as select g, md5(g::text) from generate_series(1, 20000) g' -c 'create index on u (g)' &&
	sql -d d3 -c 'create table copied (a int, b text)' \
	    -c "copy copied from program 'seq 1 400000 | sed \"s/\$/	some text that makes the row longer/\"'" &&
	sql -d d3 -c 'create table big (g int, t text)' -c 'alter table big alter t set storage external' \
	    -c 'insert into big select g, repeat(md5(g::text), 3000) from generate_series(1, 60) g' &&
	sql -d d3 -c 'vacuum full pg_class' -c 'reindex system d3' &&
	sql -c 'vacuum full' -c 'update pgbench_accounts set abalance = aid % 7 where aid % 10 = 0' -c 'vacuum analyze' &&
	sql -c 'checkpoint'
}
# Sorts and hashes that do not fit into memory leave no file behind.
spill() {
	sql -d d3 -c "set work_mem = '64kB'" -c 'select count(*) from (select a, b from copied order by b, a desc offset 1) s' \
	    -c 'create temp table tt as select a from copied' -c 'select count(distinct a) from tt' \
	    -c 'select count(*) from copied c join tt using (a)'
}
check "restart the server on the mount" pg_start "$mnt" || { plan_done; exit; }
check "DDL, rewrites, COPY" statements
check "queries that spill to disk" spill
equal "temporary files are gone" "" "$(find "$mnt/base" -path '*pgsql_tmp/*')"
equal "the unlogged table has its rows" 20000 "$(sql -d d3 -c 'select count(*) from u')"
amcheck() { as "$pguser" "$pgbin/pg_amcheck" --all --install-missing --heapallindexed -h "$sock" -U postgres; }
check "pg_amcheck finds nothing" amcheck
check "stop" pg_stop "$mnt"
check "no file of the dropped database is left" [ -z "$(find "$mnt/base" -mindepth 1 -maxdepth 1 -type d -empty ! -name pgsql_tmp)" ]
check "pg_checksums --check of the stopped clone" as "$pguser" "$pgbin/pg_checksums" --check -D "$mnt"

check "remount" remount
check "pg_checksums --check after a remount" as "$pguser" "$pgbin/pg_checksums" --check -D "$mnt"
check "restart after the remount" pg_start "$mnt"
check "pg_amcheck finds nothing after a remount" amcheck
equal "the unlogged table kept its rows over a clean stop" 20000 "$(sql -d d3 -c 'select count(*) from u')"
sql -d d3 -c 'drop extension if exists amcheck' && sql -c 'drop extension if exists amcheck'
dump >"$work/mount.sql"
check "an immediate stop" pg_stop "$mnt" immediate
check "recovery" pg_start "$mnt"
equal "the unlogged table is empty after a crash" 0 "$(sql -d d3 -c 'select count(*) from u')"
check "stop after recovery" pg_stop "$mnt"
check "unmount" unmount_it

check "the same on the copy" pg_start "$work/restored"
check "DDL on the copy" statements
check "amcheck on the copy, for the same objects" amcheck
sql -d d3 -c 'drop extension if exists amcheck' && sql -c 'drop extension if exists amcheck'
dump >"$work/restored.sql"
pg_stop "$work/restored"
sed -i '/^\\\(un\)\{0,1\}restrict /d' "$work/mount.sql" "$work/restored.sql"
same "both dump the same" "$work/restored.sql" "$work/mount.sql"
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
