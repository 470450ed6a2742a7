# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Tablespaces and external directories on the mount: links lead to directories that the mount itself
# serves, with page-level copy-on-write behind them, and DDL works.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
fixture_tablespace
before=$(catalog_sum "$store")
ts=$(tablespace_map | sed -n 's|^\([0-9]*\) .*ts_fast$|\1|p')
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }

# Seen through a bind mount, as a container would see it, the links still hold.
mkdir "$work/elsewhere"
mount --bind "$mnt" "$work/elsewhere"
manifest "$work/elsewhere" >"$work/bound"
manifest "$mnt" >"$work/direct"
same "the same at another place" "$work/direct" "$work/bound"
check "and there are files behind the links" grep -q "^f .* pg_tblspc/$ts/" "$work/bound"
umount "$work/elsewhere"

check "external directories can be written" sh -c "echo more >>'$mnt/.pbkfs-external/1/a.conf' && rm '$mnt/.pbkfs-external/2/a.conf'"
refuse "what pbkfs says of itself cannot" "denied|not permitted|read-only" rmdir "$mnt/.pbkfs"
refuse "nor the storage of tablespaces be renamed" "not permitted" mv "$mnt/.pbkfs-tblspc" "$mnt/other"
ln -s "$work/elsewhere" "$mnt/outward"
refuse "a link cannot be moved to where a tablespace is" "not permitted" mv "$mnt/outward" "$mnt/pg_tblspc/77777"
refuse "nor get a second name there" "not permitted" ln -P "$mnt/outward" "$mnt/pg_tblspc/77777"
check "it can be moved elsewhere" mv "$mnt/outward" "$mnt/inward"
rm "$mnt/inward"

check "the server starts" pg_start "$mnt" -c allow_in_place_tablespaces=on
db() { sql -d db_ts "$@"; }
spaces="select count(*), string_agg(spcname, ',' order by spcname) from pg_tablespace where spcname !~ '^pg_'"
equal "it knows its tablespaces" 2 "$(sql -c "$spaces" | cut -d '|' -f 1)"
equal "and where they are: beneath the mount" "../.pbkfs-tblspc/$ts" "$(sql -c "select pg_tablespace_location($ts)")"
name=$(sql -c "select spcname from pg_tablespace where oid = $ts")
db -c 'select count(*) from in_ts' >"$work/count"
check "rows are added" db -c "insert into in_ts select * from in_ts"
equal "all of them are there" "$((2 * $(cat "$work/count")))" "$(db -c 'select count(*) from in_ts')"
check "a new table in a tablespace" db -c "create table made tablespace $name as select g, repeat('x', 100) t from generate_series(1, 5000) g"
check "a table moves out" db -c 'alter table in_ts set tablespace pg_default'
check "and back in" db -c "alter table in_ts set tablespace $name"
check "an index moves in" db -c 'create index made_g on made (g)' -c "alter index made_g set tablespace $name"

# One of our own, outside; one in place.
mkdir -m 0700 "$work/own"; chown "$pguser:" "$work/own"
check "CREATE TABLESPACE outside of the mount" sql -c "create tablespace own location '$work/own'"
check "a table in it" sql -c 'create table in_own tablespace own as select generate_series(1, 1000) g'
check "CREATE TABLESPACE in place" sql -c "create tablespace placed location ''"
check "a table in that" sql -c 'create table in_place tablespace placed as select generate_series(1, 1000) g'

check "checkpoint and stop" pg_stop "$mnt"
check "remount" remount --wal=mount
check "start again" pg_start "$mnt" -c allow_in_place_tablespaces=on
equal "what moved is there" "$((2 * $(cat "$work/count")))|5000" "$(db -c 'select (select count(*) from in_ts), (select count(*) from made)')"
equal "what is outside and in place, too" "1000|1000" "$(sql -c 'select (select count(*) from in_own), (select count(*) from in_place)')"
equal "external directories are as they were left" "more, gone" \
    "$(tail -n 1 "$mnt/.pbkfs-external/1/a.conf"), $(test -e "$mnt/.pbkfs-external/2/a.conf" || echo gone)"
check "DROP TABLESPACE of our own" sql -c 'drop table in_own, in_place' -c 'drop tablespace own' -c 'drop tablespace placed'
equal "the directory outside had nothing of it" "" "$(find "$work/own" ! -type d)"
check "what is in one of the backup's is dropped" sql -c 'alter database db_ts set tablespace pg_default' -c 'drop table if exists made'
for d in $(sql -c "select datname from pg_database where datallowconn"); do
	for r in $(sql -d "$d" -c "select oid::regclass from pg_class where reltablespace = $ts and relkind in ('r', 'm')"); do
		sql -d "$d" -c "alter table $r set tablespace pg_default" || sql -d "$d" -c "alter materialized view $r set tablespace pg_default"
	done
	for r in $(sql -d "$d" -c "select oid::regclass from pg_class where reltablespace = $ts and relkind = 'i'"); do
		sql -d "$d" -c "alter index $r set tablespace pg_default"
	done
done
check "DROP TABLESPACE of the backup's" sql -c "drop tablespace $name"
refuse "its link is gone" "" test -L "$mnt/pg_tblspc/$ts"
check "stop" pg_stop "$mnt"
check "checksums" as "$pguser" "$pgbin/pg_checksums" -D "$mnt" --check
check "remount" remount --wal=mount
refuse "the link is still gone" "" test -L "$mnt/pg_tblspc/$ts"
check "unmount" unmount_it

# ---- real copies: -T, --external-mapping, and nothing of external directories -------
fast=$(tablespace_map | sed -n "s/^$ts //p")
ext=$(external_dirs | grep 'ext1$')
new=$work/new=place
esc=$(printf %s "$new" | sed 's/=/\\=/')
install -d -o "$pguser" -m 0700 "$work/owned" "$new"
new_diff
check "mount with -T and --external-mapping" mount_it --wal=mount -T "$fast=$esc" --external-mapping "$ext=$work/owned/ext"
equal "the link leads to the copy" "$new" "$(readlink "$mnt/pg_tblspc/$ts")"
like_oracle "which is what a restore would have made" "$oracle.manifest" "$mnt"
"$support/manifest" "$work/owned/ext" >"$work/found.manifest"
same "the external directory is a copy, too" "$oracle.ext1.manifest" "$work/found.manifest"
equal "and not shown any more" "1" "$(ls "$mnt/.pbkfs-external")"
refuse "nor is the tablespace at its place" "" test -e "$mnt/.pbkfs-tblspc/$ts"
equal "copies are the server's" "" "$(find "$new" "$work/owned/ext" ! -user "$pguser")"
check "the server starts" pg_start "$mnt"
check "and writes to the copy" db -c 'insert into in_ts select * from in_ts'
rows=$(db -c 'select count(*) from in_ts')
check "stop" pg_stop "$mnt"
refuse "a later mount cannot map" "first mount" remount -T "$fast=$work/another"
check "mount again, without a word of it" mount_it --wal=mount
check "start again" pg_start "$mnt"
equal "what was written is there" "$rows" "$(db -c 'select count(*) from in_ts')"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
check "cleanup" pbkfs cleanup -d "$diff"
check "names what it leaves alone" grep -qF "\"$new\" is left alone: it has the copy of \"$fast\"" "$work/out"
check "and does" [ -d "$new"/PG_${major}_* ]
equal "the diff directory is empty" "" "$(ls -A "$diff")"
cannot "an unknown tablespace" "no tablespace at \"/nowhere\", only: .*ts_slow space" -T "/nowhere=$work/owned/x"
refuse "whose directory was not kept" "" test -e "$work/owned/x"
cannot "an unknown external directory" "no external directory \"/nowhere\", only: .*ext0" --external-mapping "/nowhere=$work/owned/x"
cannot "a directory that is not empty" "is not empty" -T "$fast=$esc"
cannot "one that is somebody else's" "has to belong to" -T "$fast=$work/elsewhere"
cannot "one within the mount" "mountpoint" -T "$fast=$mnt/base"
cannot "one within the store" "store" -T "$fast=$store/x"
cannot "no mapping at all" "takes OLD=NEW" -T "$fast"
cannot "one directory for two" "mapped twice" -T "$fast=$work/owned/x" --external-mapping "$ext=$work/owned/x"
# A path that a third user can change is refused: he could change it after any check.
install -d -o 4711 -m 0755 "$work/third"; install -d -o "$pguser" -m 0700 "$work/third/place"
cannot "a way that a third user can change" "user 4711 could replace" -T "$fast=$work/third/place"
cannot "such a way to one that is to be made" "user 4711 could replace" -T "$fast=$work/third/new"
refuse "which is not made" "" test -e "$work/third/new"
setpriv --reuid=4711 --clear-groups ln -s "$work/owned" "$work/third/link"
cannot "a link of his on the way" "symbolic link that others" --external-mapping "$ext=$work/third/link/x"
chown root: "$work/third"; chmod 0777 "$work/third"
cannot "a way that all can change" "can be written by others" -T "$fast=$work/third/place"
chmod 1777 "$work/third"
new_diff
check "a sticky directory of root's is none" mount_it -T "$fast=$work/third/place"
check "unmount" unmount_it
new_diff
check "mount without external directories" mount_it --skip-external-dirs
refuse "there are none" "" test -e "$mnt/.pbkfs-external"
check "remount" remount
refuse "there still are none" "" test -e "$mnt/.pbkfs-external"
check "unmount" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
