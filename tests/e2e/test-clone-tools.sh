# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A mount behaves as a data directory for programs that walk or copy it: they never meet what pbkfs
# adds, which only its name reaches, and they copy tablespaces whole.
. "$srcdir/tests/lib-e2e.sh"
pg_any
store=$work/made instance=main
new_cluster "$work/pgdata" && pg_start "$work/pgdata" -c fsync=off || exit 99
install -d -o "$pguser" -m 0700 "$work/space" "$work/copies"
sql -c "create tablespace space location '$work/space'" -c 'create table t tablespace space as select g, md5(g::text) from generate_series(1, 3000) g' >/dev/null || exit 99
ts=$(sql -c "select oid from pg_tablespace where spcname = 'space'")
pg_stop "$work/pgdata"
make_backup FULL zlib; id=$made
# An archive that costs something to walk.
mkdir -p "$store/wal/main"
for i in $(seq 1 300); do printf x >"$store/wal/main/$(printf '0000000100000001%08X' "$i")"; done
new_diff
check "mount" mount_it --wal=direct || { plan_done; exit; }
version=$(basename "$work"/space/PG_*)
equal "nothing of pbkfs's is listed" "" "$(ls -A "$mnt" | grep pbkfs)"
equal "nor met by find" "" "$(find "$mnt" -name '*pbkfs*')"
check "but there by name" test -f "$mnt/.pbkfs/stat" -a -d "$mnt/.pbkfs/wal" -a -d "$mnt/.pbkfs-tblspc/$ts"
equal "the link of a tablespace is absolute" "$mnt/.pbkfs-tblspc/$ts" "$(readlink "$mnt/pg_tblspc/$ts")"
# Prints the number of LOOKUPs in the archive: those who walk ask for none of its files.
requests() {
	pbkfs stat -D "$mnt" --format=json | tr -d ' \n' | grep -o '"[a-z]*":{"count":[0-9]*' |
	    awk -F '[":]+' '$2 == "lookup" || $2 == "getattr" { n += $5 } END { print n + 0 }'
}
entries=$(find "$mnt" "$mnt/.pbkfs-tblspc" | wc -l)
first=$(requests)
check "the server starts" pg_start "$mnt"
cost=$(($(requests) - first))
check "its first fsync pass met no archive: $cost requests for $entries files" [ "$cost" -lt $((2 * entries + 200)) ]
rows=$(sql -c 'select count(*), sum(hashtext(t::text)) from t')
check "rows are changed" sql -c 'update t set g = g + 1 where g % 2 = 0' -c 'checkpoint'
rows=$(sql -c 'select count(*), sum(hashtext(t::text)) from t')
base() { as "$pguser" "$pgbin/pg_basebackup" -h "$sock" -U postgres -c fast -D "$@"; }
# A server on a copy, beside the clone.
copy_has() {	# copy_has DESCRIPTION DIR LOCATION-OF-THE-TABLESPACE
	equal "$1: nothing of pbkfs's" "" "$(find "$2" -name '*pbkfs*')"
	: >"$work/copy.log"; chown "$pguser" "$work/copy.log"
	check "$1: a server starts on it" as "$pguser" "$pgbin/pg_ctl" -D "$2" -w -t 90 -s -l "$work/copy.log" \
	    -o "-c listen_addresses= -c unix_socket_directories=$sock -c port=5499 -c archive_mode=off" start || { cat "$work/copy.log"; return; }
	equal "$1: the link leads to the copy" "$3" "$(readlink "$2/pg_tblspc/$ts")"
	equal "$1: the rows" "$rows" "$(sql -p 5499 -c 'select count(*), sum(hashtext(t::text)) from t')"
	check "$1: it stops" pg_stop "$2"
}
refuse "pg_basebackup beside the clone, without a mapping, as of any server" "exists but is not empty" base "$work/copies/same"
check "pg_basebackup with --tablespace-mapping" base "$work/copies/plain" --tablespace-mapping="$mnt/.pbkfs-tblspc/$ts=$work/copies/space"
copy_has "the plain copy" "$work/copies/plain" "$work/copies/space"
check "pg_basebackup -Ft" base "$work/copies/tar" -Ft
check "has the tablespace in a file of its own" sh -c "tar tf '$work/copies/tar/$ts.tar' | grep -q '$version/'"
refuse "and nothing of pbkfs's in the other" "" sh -c "tar tf '$work/copies/tar/base.tar' | grep -q pbkfs"
as "$pguser" mkdir -m 0700 "$work/copies/untarred" "$work/copies/untarred.space"
as "$pguser" tar xf "$work/copies/tar/base.tar" -C "$work/copies/untarred"
as "$pguser" tar xf "$work/copies/tar/pg_wal.tar" -C "$work/copies/untarred/pg_wal"
as "$pguser" tar xf "$work/copies/tar/$ts.tar" -C "$work/copies/untarred.space"
sed -i "s|^$ts .*|$ts $work/copies/untarred.space|" "$work/copies/untarred/tablespace_map"
copy_has "the copy by tar" "$work/copies/untarred" "$work/copies/untarred.space"
check "the clone stops" pg_stop "$mnt"
check "pg_checksums" as "$pguser" "$pgbin/pg_checksums" -D "$mnt" --check
as "$pguser" "$pgbin/pg_checksums" -D "$mnt" --check -v >"$work/checked" 2>&1
check "looked into the tablespace" grep -q "pg_tblspc/$ts/" "$work/checked"
for tool in "cp -a" "rsync"; do
	case $tool in
	cp*) check "cp -a" cp -a "$mnt" "$work/copies/cp" ;;
	rsync) command -v rsync >/dev/null || continue; check "rsync -a" rsync -a "$mnt/" "$work/copies/rsync" ;;
	esac
done
equal "what cp -a made has nothing of pbkfs's" "" "$(find "$work/copies/cp" -name '*pbkfs*')"

# pg_rewind: the clone went on after the first copy was taken.
check "pg_rewind of a copy to the clone" as "$pguser" "$pgbin/pg_rewind" -D "$work/copies/plain" --source-pgdata="$mnt" --dry-run
equal "met nothing of pbkfs's" "" "$(find "$work/copies/plain" -name '*pbkfs*')"

# pg_upgrade finds a tablespace at its location; it cannot go from a version to the same one.
as "$pguser" "$pgbin/initdb" -D "$work/copies/next" -N -k -A trust -U postgres --locale=C.UTF-8 -E UTF8 --wal-segsize=1 >/dev/null
cd "$work/copies" || exit 99
as "$pguser" "$pgbin/pg_upgrade" --check -b "$pgbin" -B "$pgbin" -d "$mnt" -D "$work/copies/next" -U postgres -s "$sock" >"$work/upgrade" 2>&1
check "pg_upgrade --check finds the tablespace" grep -q "^using tablespaces" "$work/upgrade" || cat "$work/upgrade"
cd "$work" || exit 99
check "unmount" unmount_it

# With --wal=mount all of a data directory is in the mount, wherever that is seen: links are relative.
new_diff
check "mount with --wal=mount" mount_it --wal=mount
equal "links are relative" "../.pbkfs-tblspc/$ts" "$(readlink "$mnt/pg_tblspc/$ts")"
equal "where they lead is listed, and nothing else of pbkfs's" ".pbkfs-tblspc" "$(ls -A "$mnt" | grep pbkfs)"
check "cp -a" cp -a "$mnt" "$work/copies/whole"
check "copies the tablespace, too" test -d "$work/copies/whole/pg_tblspc/$ts/$version"
check "the server starts" pg_start "$mnt"
check "pg_basebackup -Ft has it" base "$work/copies/tar2" -Ft
check "among the others" sh -c "tar tf '$work/copies/tar2/base.tar' | grep -q '.pbkfs-tblspc/$ts/$version/'"
refuse "a plain one is refused, or is whole" "unsafe path name" sh -c "setpriv --reuid=$pguid --regid=$pggid --init-groups '$pgbin/pg_basebackup' -h '$sock' -U postgres -c fast -D '$work/copies/plain2' && test ! -d '$work/copies/plain2/pg_tblspc/$ts/$version'"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
plan_done
