# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Real schedulers and preloaded libraries: a clone runs none of production's jobs, starts without
# the libraries that are not installed, and keeps those that only observe.
. "$srcdir/tests/lib-e2e.sh"
pg_any
libdir=$(as "$pguser" "$pgbin/pg_config" --pkglibdir 2>/dev/null || echo "${pgbin%/bin}/lib")
for lib in auto_explain pg_stat_statements; do
	[ -e "$libdir/$lib.so" ] || skip_all "$lib of PostgreSQL $major is not installed (postgresql-contrib)"
done
[ -e "$libdir/pg_cron.so" ] ||
    skip_all "pg_cron of PostgreSQL $major is not installed: package postgresql-$major-cron (Debian) or pg_cron_$major (PGDG)"
new_cluster "$work/pgdata" || exit 99
prod=$work/pgdata store=$work/made instance=main
cat >>"$prod/postgresql.conf" <<CONF
shared_preload_libraries = 'pg_stat_statements, pg_cron, auto_explain'
cron.use_background_workers = on
max_worker_processes = 20
auto_explain.log_min_duration = 0
unix_socket_directories = '$sock'
listen_addresses = ''
fsync = off
CONF
start() { : >"$work/pg.log"; chown "$pguser:" "$work/pg.log"; as "$pguser" "$pgbin/pg_ctl" -D "$1" -w -t 90 -s -l "$work/pg.log" start || { tail -n 20 "$work/pg.log"; return 1; }; }
# Waits until a query is true: each look takes as long as a query does.
until_true() { sql -c "do \$\$ begin while not ($1) loop perform pg_sleep(0.05); perform pg_stat_clear_snapshot(); commit; end loop; end \$\$"; }
launchers() { sql -c "select count(*) from pg_stat_activity where backend_type like 'pg_cron%'"; }
ran() { sql -c 'select count(*) from ran'; }
preloaded() { sql -c 'show shared_preload_libraries'; }

check "production starts" start "$prod" || { plan_done; exit; }
sql >"$work/out" 2>&1 <<-'SQL' || { cat "$work/out"; exit 99; }
	create extension pg_cron;
	create extension pg_stat_statements;
	create table ran (at timestamptz default now());
	select cron.schedule('boot', '@reboot', 'insert into ran default values');
	select cron.schedule('minute', '* * * * *', 'insert into ran default values');
SQL
check "production stops" pg_stop "$prod"
check "and starts" start "$prod" || { plan_done; exit; }
check "its job runs at the start" until_true "(select count(*) from ran) > 0"
check "production stops for a backup" pg_stop "$prod"
make_backup FULL zlib; id=$made

new_diff
check "mount" mount_it --set port=5432 --set listen_addresses= --set "unix_socket_directories=$sock"
check "the scheduler is left out, which is said" grep -q 'warning: pg_cron is left out of shared_preload_libraries' "$work/err"
refuse "and nothing else" "" grep -Eq '(auto_explain|pg_stat_statements).* is (left out|not installed)' "$work/err"
check "the clone starts" start "$mnt"
equal "with what observes" "pg_stat_statements, auto_explain" "$(preloaded)"
check "which is at work" sql -c 'select count(*) from pg_stat_statements' -c "set auto_explain.log_min_duration = 0"
before=$(ran)
equal "no scheduler runs" 0 "$(launchers)"
equal "though its jobs are there to be looked at" 2 "$(sql -c 'select count(*) from cron.job')"
check "the clone stops" pg_stop "$mnt"
check "unmount" unmount_it

# With --keep-settings the jobs do run, so the silence above means something.
new_diff
check "mount with --keep-settings" mount_it --keep-settings
check "the clone starts" start "$mnt"
check "production's job runs" until_true "(select count(*) from ran) > $before"
check "the clone stops" pg_stop "$mnt"
check "unmount" unmount_it

# Another host, where production's libraries are not installed: for this story alone.
cp -a "$libdir" "$work/lib"
rm "$work/lib/pg_cron.so" "$work/lib/auto_explain.so"
mount --bind "$work/lib" "$libdir"
new_diff
check "mount where they are not installed" mount_it --set port=5432 --set listen_addresses= --set "unix_socket_directories=$sock"
check "the observer that is missing is named" grep -q 'warning: auto_explain is left out of shared_preload_libraries: it is not installed' "$work/err"
check "the clone starts" start "$mnt"
equal "with what is there" pg_stat_statements "$(preloaded)"
equal "and its data" "$before" "$(ran)"
check "the clone stops" pg_stop "$mnt"
check "unmount" unmount_it
# A look for a library needs a path to it, which exists under Landlock but not in a tree of files.
mount_without() { "$support/without" landlock pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait "$@"; }
new_diff
check "mount without Landlock" mount_without --set port=5432 --set listen_addresses= --set "unix_socket_directories=$sock"
refuse "does not find out what is missing" "" grep -q 'is not installed' "$work/err"
equal "so it is not left out" "pg_stat_statements, auto_explain" "$(sed -n "s/^shared_preload_libraries = '\(.*\)'/\1/p" "$mnt/postgresql.auto.conf" | tail -n 1)"
check "unmount" unmount_it
new_diff
check "mount with --keep-settings there" mount_it --keep-settings
check "what is missing is named, with the way out" grep -q "pg_cron, auto_explain of shared_preload_libraries is not installed in \"$libdir\": the server will not start.*--set shared_preload_libraries='pg_stat_statements'" "$work/err"
refuse "as it says, the clone does not start" "" start "$mnt"
check "the way out" remount --set shared_preload_libraries=pg_stat_statements
check "with which it starts" start "$mnt"
check "the clone stops" pg_stop "$mnt"
check "unmount" unmount_it
umount "$libdir"

# Settings of roles and databases preload libraries, too; they stand in no file.
check "production starts" start "$prod"
check "a role preloads a library" sql -c "alter role postgres set session_preload_libraries = 'auto_explain'" -c "create role other superuser login"
check "production stops" pg_stop "$prod"
make_backup DELTA zlib "$id"; id=$made
mount --bind "$work/lib" "$libdir"
new_diff
check "mount" mount_it --set port=5432 --set listen_addresses= --set "unix_socket_directories=$sock"
check "the clone starts" start "$mnt"
refuse "the role cannot connect" 'could not access file "auto_explain"' sql -c 'select 1'
equal "but as the manual says" 1 "$(PGOPTIONS='-c session_preload_libraries=' sql -c 'select 1')"
check "the clone stops" pg_stop "$mnt"
check "unmount" unmount_it
umount "$libdir"
plan_done
