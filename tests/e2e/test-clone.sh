# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A server on the mount cannot reach production: its archive, its slots, its
# publishers and its files are as they were, whatever the clone does.
. "$srcdir/tests/lib-e2e.sh"
pg_any
new_cluster "$work/pgdata" || exit 99
prod=$work/pgdata
mkdir "$work/said"; chown "$pguser:" "$work/said"
cat >>"$prod/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$sock'
port = 5432
wal_level = logical
log_connections = on
archive_mode = on
archive_command = 'echo %f >>"$work/said/archived"'
restore_command = 'echo %f >>"$work/said/restored"; false'
archive_cleanup_command = 'echo %r >>"$work/said/cleaned"'
recovery_end_command = 'echo end >>"$work/said/ended"'
primary_conninfo = 'host=$sock port=5432 user=postgres application_name=standby'
primary_slot_name = 'physical'
external_pid_file = '$work/said/pid'
fsync = off
CONF
start() { as "$pguser" "$pgbin/pg_ctl" -D "$1" -w -t 90 -s -l "$work/said/$2.log" start || { tail -n 20 "$work/said/$2.log"; return 1; }; }
clone() { sql -h "$(clone_socket 5433)" -p 5433 "$@"; }

check "production starts" start "$prod" production || { plan_done; exit; }
sql >/dev/null <<-'SQL' || exit 99
	select pg_create_physical_replication_slot('physical', true);
	create table t as select generate_series(1, 1000) g;
	create publication p for all tables;
	create database subscriber;
	select pg_create_logical_replication_slot('subscribed', 'pgoutput');
SQL
sql -d subscriber -c "create table t (g int)" -c "create subscription s connection 'host=$sock port=5432 user=postgres dbname=postgres application_name=subscriber'
    publication p with (create_slot = false, slot_name = 'subscribed', copy_data = false)" >/dev/null || exit 99
check "production stops for a backup" pg_stop "$prod"
store=$work/made instance=main
make_backup FULL zlib
id=$made
check "production starts again" start "$prod" production
sql -c "do \$\$ begin while (select count(*) from pg_stat_replication) < 1 loop perform pg_sleep(0.05); perform pg_stat_clear_snapshot(); end loop; end \$\$"

# Production would notice these.
connections() { grep -c 'connection received' "$work/said/production.log"; }
slots() { sql -c "select slot_name, slot_type, active_pid from pg_replication_slots order by 1"; }
slots >"$work/slots"
# its own WAL sits still: nothing writes there from here on
sql -c 'checkpoint'
archived() { cat "$work/said/archived" 2>/dev/null | wc -l; }
before=$(archived)
pid=$(cat "$work/said/pid")

story() {	# story OPTION...: a whole life of a clone
	new_diff
	check "$1: mount" mount_it --set port=5433 "$@" || return
	quiet=$(connections)
	check "$1: the clone starts as it is" start "$mnt" clone || return
	check "$1: pgbench fills it" as "$pguser" "$pgbin/pgbench" -h "$(clone_socket 5433)" -p 5433 -U postgres -q -i -s 1 postgres
	check "$1: and runs" as "$pguser" "$pgbin/pgbench" -h "$(clone_socket 5433)" -p 5433 -U postgres -c 2 -t 200 postgres
	check "$1: WAL files are ended" clone -c 'select pg_switch_wal()' -c 'checkpoint' -c 'create table more as select generate_series(1, 100)' -c 'select pg_switch_wal()' -c 'checkpoint'
	equal "$1: no slots" 0 "$(clone -c 'select count(*) from pg_replication_slots')"
	equal "$1: no subscription is at work" 0 "$(clone -c "select count(*) from pg_stat_activity where backend_type like 'logical replication%'")"
	equal "$1: the subscription is there to be looked at" 1 "$(clone -c 'select count(*) from pg_subscription')"
	equal "$1: it says what it is" "pbkfs $id main" "$(clone -c 'show cluster_name')"
	equal "$1: it listens for this machine only" localhost "$(clone -c 'show listen_addresses')"
	check "$1: the clone stops" pg_stop "$mnt"
	equal "$1: nobody connected to production" "$quiet" "$(connections)"
	check "$1: unmount" unmount_it
}
story --wal=mount
new_diff
check "mount as a standby" mount_it --set port=5433 --restore-as-replica || { plan_done; exit; }
check "standby.signal is there" test -f "$mnt/standby.signal"
quiet=$(connections)
check "the standby starts" start "$mnt" clone
equal "it is one" t "$(clone -c 'select pg_is_in_recovery()')"
check "it is promoted" clone -c 'select pg_promote()'
equal "and is none any more" f "$(clone -c 'select pg_is_in_recovery()')"
check "and takes writes" clone -c 'create table made as select 1' -c 'select pg_switch_wal()' -c 'checkpoint'
check "it stops" pg_stop "$mnt"
equal "nobody connected to production then, either" "$quiet" "$(connections)"
check "unmount of the standby" unmount_it

equal "production's archive_command was asked for nothing of the clone's" "$before" "$(archived)"
equal "its pid file is its own" "$pid" "$(cat "$work/said/pid")"
slots >"$work/slots.after"
same "its slots are as before" "$work/slots" "$work/slots.after"
for said in restored cleaned ended; do
	refuse "no command of production's was run: $said" "" test -e "$work/said/$said"
done

# With --keep-settings production's settings hold, so the silence above means something.
new_diff
check "mount with --keep-settings" mount_it --wal=mount --set port=5433 --set max_logical_replication_workers=0 --set external_pid_file=other.pid --keep-settings
cp "$prod/postgresql.auto.conf" "$work/auto.conf"
head -c "$(stat -c %s "$work/auto.conf")" "$mnt/postgresql.auto.conf" >"$work/begin"
same "postgresql.auto.conf is the backup's, and what --set says" "$work/auto.conf" "$work/begin"
equal "which comes last" "external_pid_file = 'other.pid'" "$(tail -n 1 "$mnt/postgresql.auto.conf")"
check "the clone starts" start "$mnt" clone
check "WAL is archived" clone -c 'create table more as select 1' -c 'select pg_switch_wal()' \
    -c "do \$\$ begin while (select archived_count from pg_stat_archiver) = 0 loop perform pg_sleep(0.05); perform pg_stat_clear_snapshot(); end loop; end \$\$"
check "the clone stops" pg_stop "$mnt"
check "unmount" unmount_it
check "now production's archive_command was asked" [ "$(archived)" -gt "$before" ]
check "production stops" pg_stop "$prod"

# ---- settings: given, refused, kept --------------------------------------------
new_diff
cannot_set() { refuse "--set $1" "pbkfs error: --set $1: it takes $2: see pbkfs mount --help\$" mount_it --set "$1"; }
for bad in port=abc port=0 port=65536 port= PORT=5433x; do
	refuse "--set $bad" "--set port=${bad#*=}: it takes a number from 1 to 65535: see pbkfs mount --help\$" mount_it --set "$bad"
done
cannot_set max_connections=0 "a number from 1 to 262143"
cannot_set max_worker_processes=many "a number from 0 to 262143"
cannot_set max_wal_senders=-1 "a number from 0 to 262143"
cannot_set max_prepared_transactions=1e9 "a number from 0 to 262143"
cannot_set max_locks_per_transaction=5 "a number from 10 to 2147483647"
cannot_set hot_standby=maybe "on, off"
cannot_set archive_mode=sometimes "on, off, always"
cannot_set recovery_target_action=stop "pause, promote, shutdown"
for bad in '/tmp,' ',/tmp' '"/tmp' ' '; do
	refuse "--set unix_socket_directories=$bad" "it takes names of directories" mount_it --set "unix_socket_directories=$bad"
done
refuse "--set of an empty name" "takes NAME=VALUE" mount_it --set =1
refuse "--set without a value" "takes NAME=VALUE" mount_it --set port
refuse "--set of a name that is none" "takes NAME=VALUE" mount_it --set 'a b=1'
refuse "--set of two lines" "line feed" mount_it --set "a=1
b=2"
check "a value with quotes" mount_it --set "application_name=it's \\ 'x'" --set port=5433
check "a server takes it" start "$mnt" clone
equal "as it was meant" "it's \\ 'x'" "$(PGAPPNAME='' clone -c "select reset_val from pg_settings where name = 'application_name'")"
check "ALTER SYSTEM still works" clone -c "alter system set work_mem = '5MB'"
check "stop" pg_stop "$mnt"
check "remount with another setting" remount --set work_mem=6MB
check "start" start "$mnt" clone
equal "the last word counts" 6MB "$(clone -c 'show work_mem')"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
refuse "--keep-settings comes too late then" "first mount" mount_it --keep-settings
refuse "--skip-external-dirs, too" "first mount" mount_it --skip-external-dirs

# ---- paths that lead elsewhere ---------------------------------------------------
mkdir -p "$work/etc/conf.d"
mkdir "$prod/conf.d"; chown "$pguser:" "$prod/conf.d"
cat >>"$prod/postgresql.conf" <<CONF
hba_file = '/nowhere/pg_hba.conf'
LOG_DIRECTORY '/var/log/production'	# of production
include_dir 'conf.d'
include '/nowhere/more.conf'
CONF
echo "ssl_cert_file = '/nowhere/server.crt'" >"$prod/conf.d/ssl.conf"
echo "data_directory = '$prod'" >"$prod/conf.d/where.conf"
echo "krb_server_keyfile = '/nowhere/krb'" >"$prod/conf.d/not included"
chown -R "$pguser:" "$prod"
make_backup DELTA zlib "$id"; id=$made
new_diff
check "mount of such a configuration with --keep-settings" mount_it --keep-settings --set ssl_cert_file=/nowhere/else --set unix_socket_directories=/nowhere
cp "$work/err" "$work/warned"
for setting in hba_file log_directory data_directory; do
	check "a warning names $setting" grep -q "warning: the configuration sets $setting to" "$work/warned"
done
check "and how to start all the same" grep -qF "start it with -o \"-c data_directory='$mnt'\"" "$work/warned"
check "a file outside is not looked into" grep -q '"/nowhere/more.conf", which is outside' "$work/warned"
refuse "nothing is said of what is not included" "" grep -q krb_server_keyfile "$work/warned"
refuse "nor of what --set says" "" grep -Eq 'ssl_cert_file|unix_socket_directories' "$work/warned"
check "unmount" unmount_it
new_diff
check "mount as a clone" mount_it --set port=5433
refuse "whose settings leave nothing of it" "" grep -Eq 'data_directory|hba_file to|log_directory|ssl_cert_file|external_pid_file' "$work/err"
check "without the include of what is nowhere" sed -i '/more.conf/d' "$mnt/postgresql.conf"
check "it starts on the mount" start "$mnt" clone
equal "and reads its own files" "$mnt|/proc/self/cwd/pg_hba.pbkfs.conf|log|off|external.pid" \
    "$(clone -c 'show data_directory' -c 'show hba_file' -c 'show log_directory' -c 'show ssl' -c 'show external_pid_file' | paste -sd '|')"
clone -c "select lower(name) from pg_settings where vartype = 'string' and context <> 'internal'" >"$work/names"
check "its settings are listed" grep -q '^hba_file$' "$work/names"
equal "every one that holds text has a row" "" \
    "$(while read -r name; do grep -q "\"$name\"" "$srcdir/lib/pg/outward.c" || echo "$name"; done <"$work/names")"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
for setting in data_directory=/x config_file=/x; do
	refuse "--set $setting" "has no effect" mount_it --set "$setting"
done
refuse "--set of a relative hba_file" "absolute path" mount_it --set hba_file=pg_hba.conf

# ---- a configuration outside of PGDATA, as Debian has it ---------------------------
mv "$prod/postgresql.conf" "$prod/pg_hba.conf" "$prod/pg_ident.conf" "$work/etc"
sed -i -e '/^include/d' -e "s|^hba_file.*|hba_file = '$work/etc/pg_hba.conf'|" "$work/etc/postgresql.conf"
printf "ident_file = '%s'\ndata_directory = '%s'\n" "$work/etc/pg_ident.conf" "$prod" >>"$work/etc/postgresql.conf"
chmod 0755 "$work/etc"; chmod 0644 "$work/etc"/*.conf
make_backup DELTA zlib "$id"; id=$made
new_diff
check "mount without a postgresql.conf" mount_it --set port=5433 --set "unix_socket_directories=$sock"
check "it is said which rules let in" grep -q "production's hba_file is not in the backup: \"pg_hba.conf\" was made" "$work/err"
check "pg_ctl starts it" start "$mnt" clone
equal "on the mount, with its own files" "$mnt|off|/proc/self/cwd/pg_hba.conf|0" \
    "$(clone -c 'show data_directory' -c 'show archive_mode' -c 'show hba_file' -c 'select count(*) from pg_hba_file_rules where error is not null' | paste -sd '|')"
check "stop" pg_stop "$mnt"
: >"$work/pg.log"; chown "$pguser:" "$work/pg.log"
check "with production's configuration, too" as "$pguser" "$pgbin/pg_ctl" -D "$mnt" -w -t 90 -s -l "$work/pg.log" -o "-c config_file='$work/etc/postgresql.conf' -c data_directory='$mnt'" start
equal "nothing of production's is named" "$mnt|/proc/self/cwd/pg_hba.conf|/proc/self/cwd/pg_ident.conf|external.pid|log" \
    "$(clone -c 'show data_directory' -c 'show hba_file' -c 'show ident_file' -c 'show external_pid_file' -c 'show log_directory' | paste -sd '|')"
check "stop" pg_stop "$mnt"
equal "production's pid file is its own" "$pid" "$(cat "$work/said/pid" 2>/dev/null || echo "$pid")"
check "unmount" unmount_it
# ---- preloaded libraries, and what recovery demands --------------------------------
mv "$work/etc"/*.conf "$prod"
sed -i -e '/^hba_file/d' -e '/^ident_file/d' -e '/^data_directory/d' -e '/^[Ll][Oo][Gg]_[Dd][Ii][Rr]/d' -e '/^external_pid/d' "$prod/postgresql.conf"
echo "shared_preload_libraries = 'pg_stat_statements, pg_cron, timescaledb, nobody_knows, pg_wait_sampling'" >>"$prod/postgresql.conf"
chown "$pguser:" "$prod"/*.conf
make_backup DELTA zlib "$id"; id=$made
new_diff
check "mount with libraries that are not there" mount_it --set port=5433
cp "$work/err" "$work/warned"
check "a scheduler is left out" grep -q 'pg_cron is left out of shared_preload_libraries' "$work/warned"
check "what is not known, too" grep -q "nobody_knows is left out of shared_preload_libraries.*--set shared_preload_libraries='pg_stat_statements, timescaledb, nobody_knows'" "$work/warned"
check "what the data needs is named, with the way out" grep -q "timescaledb of shared_preload_libraries is not installed.*--set shared_preload_libraries='pg_stat_statements'" "$work/warned"
check "an observer is left out" grep -q 'pg_wait_sampling is left out of shared_preload_libraries: it is not installed' "$work/warned"
check "unmount" unmount_it
new_diff
check "mount by the way out, with a recovery and too little for it" mount_it --set port=5433 --set shared_preload_libraries=pg_stat_statements --restore-as-replica --set max_connections=5
cp "$work/err" "$work/warned"
refuse "nothing is said of what was chosen" "" grep -q shared_preload_libraries "$work/warned"
check "it is said what recovery needs" grep -q 'max_connections is raised from 5 to 100' "$work/warned"
check "it starts" start "$mnt" clone
equal "with what it needs" "100|pg_stat_statements" "$(clone -c 'show max_connections' -c 'show shared_preload_libraries' | paste -sd '|')"
check "stop" pg_stop "$mnt"
check "a later mount raises, too" remount --set max_connections=6
check "and says it" grep -q 'max_connections is raised from 6 to 100' "$work/err"
check "unmount" unmount_it
new_diff
check "without a recovery" mount_it --set port=5433 --set shared_preload_libraries= --set max_connections=15
check "it starts" start "$mnt" clone
equal "with what was chosen" 15 "$(clone -c 'show max_connections')"
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
plan_done
