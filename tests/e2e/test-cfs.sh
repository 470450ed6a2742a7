# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Tablespaces that Postgres Pro compresses (CFS): restore, mount, and hydrate with promote give what is stored, byte
# for byte, over a chain in which some of it has changed.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
pg_any
store=$work/store instance=main
mkdir "$store"; chmod 0755 "$store"
new_cluster "$work/pgdata"
install -d -o "$pguser" -m 0700 "$work/space"
check "a cluster" pg_start "$work/pgdata" -c fsync=off || { plan_done; exit; }
sql -c "create tablespace packed location '$work/space'" || exit 99
oid=$(sql -c "select oid from pg_tablespace where spcname = 'packed'")
pg_stop "$work/pgdata"
dir=$(echo "$work"/space/PG_*); dir=$dir/16000
mkdir "$dir"; echo zlib >"${dir%/*}/pg_compression"
random() { head -c "$1" /dev/urandom >"$dir/$2"; }
# pg_probackup's restore writes what is stored: a map of chunks (NUMBER.cfm) without the zeros at its end.
expected=$work/expected
mkdir "$expected"
# map NUMBER LENGTH: so many bytes, and zeros behind them.
map() { head -c "$2" /dev/urandom | tr '\000' '\001' >"$expected/$1.cfm"; { cat "$expected/$1.cfm"; head -c 4000 /dev/zero; } >"$dir/$1.cfm"; }
# A relation in two segments, one that stays, an empty one, one without chunks yet, and one that comes later.
random 100001 50000; map 50000 3000; random 777 50000.1; map 50000.1 50
random 40000 50001; map 50001 900
: >"$dir/50002"; map 50002 0
random 8192 50003_fsm
chown -R "$pguser:" "$work/space"
make_backup FULL zlib
random 123457 50000; map 50000 3300
random 5000 50004; map 50004 10
chown -R "$pguser:" "$work/space"
make_backup DELTA zstd; id=$made
list=$store/backups/main/$id/backup_content.control
check "it is listed as Postgres Pro's are" grep -q "/50000\",.*\"is_datafile\":\"1\", \"is_cfs\":\"1\"" "$list"
check "some of it is the parent's" grep -q '/50001", "size":"-1"' "$list"
check "also a map, which is stored without the zeros at its end" grep -q '/50001.cfm", "size":"-1".*"full_size":"4900"' "$list"

for f in "$dir"/*; do case $f in *.cfm) ;; *) cp "$f" "$expected" ;; esac; done
cp "${dir%/*}/pg_compression" "$work/mark"
same_packed() { diff -r "$expected" "$1/${dir##*/}" >"$work/differs" 2>&1 && cmp "$work/mark" "$1/pg_compression" || { show "$work/differs"; false; }; }
equal "there are files to compare" 11 "$(ls "$expected" | wc -l)"

install -d -o "$pguser" -m 0700 "$work/there"
check "verify" pbkfs verify -B "$store" -I main -i "$id"
check "restore" pbkfs restore -B "$store" -I main -i "$id" --to "$work/there/pgdata" -T "$work/space=$work/there/space" --no-sync
check "restore: all is there, byte for byte" same_packed "$work/there/space/${dir#"$work"/space/}/.."
check "restore over it writes nothing else" pbkfs restore -B "$store" -I main -i "$id" --to "$work/there/pgdata" -T "$work/space=$work/there/space" --no-sync --incremental
check "and it is as it was" same_packed "$work/there/space/${dir#"$work"/space/}/.."
new_diff
check "mount" mount_it --wal=mount
check "mount: all is there" same_packed "$(dirname "$(find "$mnt/pg_tblspc/$oid/" -name pg_compression)")"
check "hydrate" hydrate_it --wait
check "hydrated: all is there" same_packed "$(dirname "$(find "$mnt/pg_tblspc/$oid/" -name pg_compression)")"
check "unmount" unmount_it
hide_store
new_place
check "promote" promote_it -T "$oid=$place/space"
check "promoted: all is there" same_packed "$(dirname "$(find "$pgdata/pg_tblspc/$oid/" -name pg_compression)")"
show_store
# A stored file that is not what the list says is found.
harmed=$(find "$store/backups/main" -name 50001 -size +0)
printf X | dd of="$harmed" bs=1 seek=100 conv=notrunc status=none
rm -rf "$work/there"; install -d -o "$pguser" -m 0700 "$work/there"
refuse "a damaged file is found" "its crc should be" pbkfs restore -B "$store" -I main -i "$id" --to "$work/there/pgdata" -T "$work/space=$work/there/space" --no-sync
plan_done
