# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A clone replays or runs CREATE TABLESPACE beside the production server that has the tablespace:
# production's files stay as they were, and the clone has its rows.
. "$srcdir/tests/lib-e2e.sh"
pg_any
new_cluster "$work/pgdata" || exit 99
prod=$work/pgdata store=$work/made instance=main
archive=$store/wal/main
mkdir -p "$archive" "$work/said"; chown -R "$pguser:" "$work/said"; chmod 0755 "$store" "$store/wal"; chown "$pguser:" "$archive"
install -d -o "$pguser" -m 0750 "$work/fast" "$work/deep" "$work/own"
cat >>"$prod/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$sock'
port = 5432
archive_mode = on
archive_command = 'cp %p "$archive/%f"'
wal_level = replica
autovacuum = off
CONF
start() { as "$pguser" "$pgbin/pg_ctl" -D "$1" -w -t 90 -s -l "$work/said/$2.log" start || { tail -n 20 "$work/said/$2.log"; return 1; }; }
clone() { sql -h "$(clone_socket 5433)" -p 5433 "$@"; }
# Prints a checksum of names, types, modes and contents of production's tablespaces.
files() { for d in fast deep; do "$support/manifest" "$work/$d" || ls -la "$work/$d.away"; done; }
archived() { wal=$(sql -c 'select pg_walfile_name(pg_switch_wal())'); sql -c "do \$\$ begin while (select coalesce(last_archived_wal, '') < '$wal' from pg_stat_archiver) loop perform pg_sleep(0.05); perform pg_stat_clear_snapshot(); end loop; end \$\$"; }

check "production starts" start "$prod" production || { plan_done; exit; }
check "production stops for a backup" pg_stop "$prod"
make_backup FULL zlib; first=$made
check "production starts again" start "$prod" production
check "it makes tablespaces, tables and a database in them" sql -c "create tablespace fast location '$work/fast'" -c "create tablespace deep location '$work/deep'" \
    -c 'create table t tablespace fast as select g, 1 v from generate_series(1, 2000) g' -c 'create database d tablespace deep'
check "rows there" sql -d d -c 'create table td as select generate_series(1, 500) g'
oid=$(sql -c "select oid from pg_tablespace where spcname = 'fast'") deep=$(sql -c "select oid from pg_tablespace where spcname = 'deep'")
sql -c "select pg_create_restore_point('here')" >/dev/null
check "and goes on" sql -c 'update t set v = 2' -c 'delete from t where g > 1000' -c 'vacuum t' -c 'insert into t select g, 3 from generate_series(3001, 3028) g' -c 'checkpoint'
archived
files >"$work/before"
rows=$(sql -c 'select count(*), sum(v) from t')
untouched() {
	files >"$work/after"
	same "$1: production's files are as they were" "$work/before" "$work/after"
	equal "$1: and its rows" "$rows" "$(sql -c 'select count(*), sum(v) from t')"
}
# story NAME OPTION...: a recovery to the restore point.
story() {
	desc=$1; shift
	new_diff
	check "$desc: mount" mount_it --set port=5433 --recovery-target-name=here --recovery-target-action=promote "$@" || return
	check "$desc: the clone recovers" start "$mnt" clone || return
	clone -c "do \$\$ begin while pg_is_in_recovery() loop perform pg_sleep(0.05); end loop; end \$\$"
	equal "$desc: it has the rows of the moment" "2000|2000" "$(clone -c 'select count(*), sum(v) from t')"
	equal "$desc: in another database, too" 500 "$(clone -d d -c 'select count(*) from td')"
	# The kernel remembers the empty directory that the server has read before.
	equal "$desc: the tablespaces are listed" "$oid $deep" "$(ls "$mnt/pg_tblspc" | xargs)"
	equal "$desc: by the server, too" 2 "$(clone -c "select count(*) from pg_ls_dir('pg_tblspc')")"
	case $(readlink -f "$mnt/pg_tblspc/$oid") in "$mnt"/.pbkfs-tblspc/*) ok "$desc: the link leads to the mount" ;; *) not_ok "$desc: the link leads to the mount" ;; esac
	check "$desc: the log says so" grep -q "tablespace $oid, which WAL at .* makes at \"$work/fast\", is kept by the mount" "$diff/.pbkfs/pbkfs.log"
	check "$desc: it can be written" clone -c 'update t set v = 9' -c 'vacuum full t' -c 'checkpoint'
}
id=$first
story "--wal=direct" --wal=direct
equal "the link is as PostgreSQL wants it" "$mnt/.pbkfs-tblspc/$oid" "$(clone -c "select pg_tablespace_location($oid)")"
check "a worker that is killed is replaced" kill9 "$(worker_pid)"
check "CREATE DATABASE there" clone -c 'create database e tablespace fast'
check "ALTER DATABASE SET TABLESPACE" clone -c 'alter database d set tablespace fast'
check "DROP TABLESPACE" clone -c 'drop tablespace deep'
refuse "its link is gone" "" test -L "$mnt/pg_tblspc/$deep"
# The running clone's own.
check "CREATE TABLESPACE of the clone's" clone -c "create tablespace own location '$work/own'"
own=$(clone -c "select oid from pg_tablespace where spcname = 'own'")
check "a table in it" clone -c 'create table in_own tablespace own as select generate_series(1, 100) g' -c checkpoint
equal "what it holds is in the mount" "$mnt/.pbkfs-tblspc/$own" "$(readlink "$mnt/pg_tblspc/$own")"
equal "and nothing of it at the place that was named" "" "$(find "$work/own" -type f)"
equal "where the server made an empty directory, and closed the place to others" "700 1" "$(stat -c %a "$work/own") $(find "$work/own" -mindepth 1 -type d | wc -l)"
check "which the log says" grep -q "tablespace $own, which the server makes at \"$work/own\", is kept by the mount" "$diff/.pbkfs/pbkfs.log"
check "the clone crashes" pg_stop "$mnt" immediate
check "and replays its own" start "$mnt" clone
equal "with its rows" 100 "$(clone -c 'select count(*) from in_own')"
check "stop" pg_stop "$mnt"
check "remount" remount
check "start again" start "$mnt" clone
equal "what was made and moved is there" "2000|18000|100" "$(clone -c 'select count(*), sum(v), (select count(*) from in_own) from t')"
equal "in the other database, too" 500 "$(clone -d d -c 'select count(*) from td')"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
untouched "--wal=direct"

# WAL that does not pass through the mount keeps its locations.
new_diff
chmod 0750 "$work/fast"
check "--restore-command: mount" mount_it --set port=5433 --recovery-target-name=here --recovery-target-action=promote --restore-command="cp $archive/%f %p"
check "--restore-command: the clone recovers" start "$mnt" clone
clone -c "do \$\$ begin while pg_is_in_recovery() loop perform pg_sleep(0.05); end loop; end \$\$"
equal "--restore-command: which has closed the tablespace's place to others" 700 "$(stat -c %a "$work/fast")"
check "--restore-command: stop" pg_stop "$mnt"
check "--restore-command: unmount" unmount_it
untouched "--restore-command"

gzip "$archive"/0000*
story "--wal=mount, compressed segments" --wal=mount
check "stop" pg_stop "$mnt"
equal "its link is relative" "../.pbkfs-tblspc/$oid" "$(readlink "$mnt/pg_tblspc/$oid")"
check "unmount" unmount_it
untouched "--wal=mount"

# Another host: the locations are not there.
mv "$work/fast" "$work/fast.away"; mv "$work/deep" "$work/deep.away"
story "another host"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
refuse "nothing was made at the location" "" test -e "$work/fast"
mv "$work/fast.away" "$work/fast"; mv "$work/deep.away" "$work/deep"
untouched "another host"

# -T makes a real copy of it elsewhere, as of a tablespace that the backup has.
install -d -o "$pguser" -m 0700 "$work/mapped"
new_diff
refuse "-T of what neither backup nor WAL has" "no tablespace at" mount_it -T "$work/nowhere=$work/mapped"
new_diff
check "-T: mount" mount_it --set port=5433 --recovery-target-name=here --recovery-target-action=promote -T "$work/fast=$work/mapped"
check "-T: the clone recovers" start "$mnt" clone
equal "-T: the rows" 2000 "$(clone -c 'select count(*) from t')"
equal "-T: the link leads there" "$work/mapped" "$(readlink "$mnt/pg_tblspc/$oid")"
check "-T: and the files are there" test -n "$(find "$work/mapped" -type f)"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
untouched "-T"

# WAL that archive-get brings is as harmless as what the mount serves.
pbkfs_for_all
get="$work/pbkfs archive-get -B $store -I $instance %f %p"
for wal in mount direct; do
	story "archive-get, --wal=$wal" --wal=$wal --restore-command="$get"
	check "stop" pg_stop "$mnt"
	wal_name=$(cd "$archive" && ls | grep -v '[.]history' | sed 's/[.]gz$//' | sort | head -n 1)
	refuse "of another catalog it is refused" "gets WAL from its mount alone.*cp .pbkfs/wal/%f" sh -c 'cd "$1" && "$2" archive-get -B "$3" -I other "$4" pg_wal/RECOVERYXLOG' - "$mnt" "$work/pbkfs" "$store" "$wal_name"
	refuse "from outside, too" "gets WAL from its mount alone|is pg_wal of a mount" "$work/pbkfs" archive-get -B "$store" -I other "$wal_name" "$(readlink -f "$mnt/pg_wal")/RECOVERYXLOG"
	check "unmount" unmount_it
	untouched "archive-get, --wal=$wal"
done

# A standby that follows the archive.
new_diff
check "standby: mount" mount_it --set port=5433 --set hot_standby=on --restore-as-replica
check "standby: start" start "$mnt" clone
clone -c "do \$\$ begin while (select count(*) from pg_tablespace where spcname = 'fast') = 0 loop perform pg_sleep(0.05); end loop; end \$\$"
install -d -o "$pguser" -m 0750 "$work/later"
check "production makes another one" sql -c "create tablespace later location '$work/later'" -c 'create table tl tablespace later as select generate_series(1, 77) g'
archived
"$support/manifest" "$work/later" >"$work/later.before"
# (A query that waits would delay replay, which would cancel it.)
i=0; until [ "$(clone -c "select to_regclass('tl') is not null")" = t ] || [ $((i += 1)) -gt 300 ]; do sleep 0.1; done
equal "standby: it follows" 77 "$(clone -c 'select count(*) from tl')"
check "standby: stop" pg_stop "$mnt"
check "unmount" unmount_it
"$support/manifest" "$work/later" >"$work/later.after"
same "production's new tablespace is as it was" "$work/later.before" "$work/later.after"
untouched "standby"

# The backup's own WAL has the record: it was taken while the tablespace was made.
check "production stops" pg_stop "$prod"
cp "$prod/global/pg_control" "$work/control"
check "production starts" start "$prod" production
install -d -o "$pguser" -m 0750 "$work/streamed"
check "a tablespace right before the end" sql -c "create tablespace streamed location '$work/streamed'" -c 'create table ts tablespace streamed as select generate_series(1, 33) g' -c 'select txid_current()'
so=$(sql -c "select oid from pg_tablespace where spcname = 'streamed'")
pg_stop "$prod" immediate
cp -a "$prod" "$work/taken"
cp "$work/control" "$work/taken/global/pg_control"
rm "$work/taken/pg_tblspc/$so" "$work/taken/postmaster.pid"
id=$("$support/mkcatalog" backup --catalog "$store" --instance main --pgdata "$work/taken" --mode FULL --compress zlib --stream) || exit 99
"$support/manifest" "$work/streamed" >"$work/streamed.before"
stamp=$(stat -c '%a %Z' "$work/streamed")
for wal in direct mount; do
	new_diff
	check "own WAL, --wal=$wal: mount" mount_it --wal=$wal --set port=5433 --recovery-target=latest --recovery-target-action=promote --restore-command=false
	check "own WAL, --wal=$wal: WAL of others is warned of" grep -q "warning: WAL that --restore-command brings" "$work/err"
	check "own WAL, --wal=$wal: start" start "$mnt" clone
	equal "own WAL, --wal=$wal: the rows" 33 "$(clone -c 'select count(*) from ts')"
	check "own WAL, --wal=$wal: stop" pg_stop "$mnt"
	check "own WAL, --wal=$wal: unmount" unmount_it
	"$support/manifest" "$work/streamed" >"$work/streamed.after"
	same "own WAL, --wal=$wal: production's files are as they were" "$work/streamed.before" "$work/streamed.after"
	equal "own WAL, --wal=$wal: nobody went there" "$stamp" "$(stat -c '%a %Z' "$work/streamed")"
done

# Only with --keep-settings the clone uses production's location, and mount says so.
new_diff
check "--keep-settings: mount" mount_it --wal=mount --set port=5433 --set archive_mode=off --recovery-target=latest --recovery-target-action=promote --restore-command=false --keep-settings
check "with a warning" grep -q "warning: .*tablespaces.*--keep-settings" "$work/err"
check "--keep-settings: remount" remount --wal=mount --set archive_command=false
check "--keep-settings: start" start "$mnt" clone
equal "--keep-settings: the link leads to production's" "$work/streamed" "$(readlink "$mnt/pg_tblspc/$so")"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
plan_done
