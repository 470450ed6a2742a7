# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs prove where something hangs, or this machine lacks a library; several instances and backups at
# once; its priority, and its jobs.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-900}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-run.sh"
status_of() {
	so_desc=$1 so_expected=$2; shift 2
	pbkfs prove -B "$store" "$@" >"$printed" 2>"$told"; tap_status=$?
	equal "$so_desc: exit status" "$so_expected" "$tap_status" || { show "$printed"; show "$told"; }
	left_nothing "$so_desc"
}
row() { check "$1" said "^$2" "$printed" || show "$printed"; }

# ---- what does not get on ------------------------------------------------------------------------
fixture_archive
echo 'select pg_sleep(1000)' >"$work/slow.sql"
status_of "a query that waits for ever" 1 -i "$id" --stall-timeout 8 --sql "$work/slow.sql"
row "a query that waits for ever: is named" "main +$id +sql +failed .*slow.sql: did not get on for 8 seconds \(--stall-timeout\)"
status_of "a recovery that waits" 1 -i "$full_id" --stall-timeout 8 --set 'recovery_end_command=sleep 1000'
row "a recovery that waits: is noticed" "main +$full_id +server +failed .*the server does not get on: .* for 8 seconds"
# A standby that gets no WAL does not become consistent, and asks for it for ever.
pbkfs run -B "$store" -I main -i "$full_id" -R --restore-command false --stall-timeout 8 -- true >"$printed" 2>"$told"
equal "a standby that never becomes consistent: exit status" 125 "$?"
check "a standby that never becomes consistent: the WAL file that it waits for is named" said "error: the server does not get on: it waits at WAL file \"[0-9A-F]{24}\" for 8 seconds" "$told" || show "$told"
left_nothing "a standby that never becomes consistent"

# ---- what production says of damage, and of its users' sessions, does not count ---------------------------
pg_any
store=$work/covered instance=main
new_cluster "$work/pgdata" && as "$pguser" "$pgbin/pg_checksums" -d -D "$work/pgdata" >/dev/null && pg_start "$work/pgdata" -c fsync=off || exit 99
sql -c 'create table t as select g from generate_series(1, 20000) g' -c 'alter role all set zero_damaged_pages = on' -c 'alter database postgres set zero_damaged_pages = on' \
    -c 'alter role all set default_transaction_read_only = on' -c "alter role all set statement_timeout = '1s'" || exit 99
t_file=$(sql -c "select pg_relation_filepath('t')")
pg_stop "$work/pgdata"
echo 'zero_damaged_pages = on' >>"$work/pgdata/postgresql.conf"
make_backup FULL none; whole=$made
printf 'damaged damaged damaged' | dd of="$work/pgdata/$t_file" bs=1 seek=$((8192 * 3)) conv=notrunc status=none
make_backup FULL none; covered=$made
printf "select pg_sleep(2);\n" >"$work/two.sql"
status_of "sessions that are read-only, and have two seconds less than they need" 0 -i "$whole" --sql "$work/two.sql"
status_of "a page that production would show as empty" 1 -i "$covered" --dump
row "a page that production would show as empty: amcheck finds it" "main +$covered +amcheck +failed .*invalid page"
row "a page that production would show as empty: so does a dump" "main +$covered +dump +failed .*invalid page"
status_of "it is asked for" 0 -i "$covered" --dump --set zero_damaged_pages=on

# ---- what pg_upgrade, an interrupted command, and settings of production leave ---------------------------
pg_any
store=$work/upgraded instance=main
new_cluster "$work/pgdata" && pg_start "$work/pgdata" -c fsync=off || exit 99
sql -c 'create table t (g int primary key)' -c 'create schema tools' -c "create extension amcheck schema tools version '1.2'" -c 'create database halfway' -c 'create database shut allow_connections false' || exit 99
sql -c "update pg_database set datconnlimit = -2 where datname = 'halfway'" -c 'alter database template1 set statement_timeout = 1' -c 'alter role postgres set statement_timeout = 1' || exit 99
pg_stop "$work/pgdata"
make_backup FULL none
status_of "an old amcheck, a database that is half dropped, one that is shut" 0 -i "$made"
row "a database that is half dropped: is named" "main +$made +connect +ok .*DROP DATABASE did not end with, the first is \"halfway\""
row "an old amcheck: is updated in the clone" "main +$made +amcheck +ok"

# Its own operators, and triggers that refuse every command, fire always, and are to be there afterwards.
pg_start "$work/pgdata" -c fsync=off || exit 99
PGOPTIONS='-c statement_timeout=0' sql -c 'alter role postgres reset all' || exit 99
sql -c 'create database bare' -c 'create function tools.never(name, name) returns bool language sql as '"'select false'" \
    -c 'create operator tools.= (leftarg = name, rightarg = name, function = tools.never)' -c 'alter database postgres set search_path = tools, pg_catalog' || exit 99
for database in postgres bare; do
	sql -d "$database" -c "create function public.refuse() returns event_trigger language plpgsql as 'begin raise exception ''no command here''; end'" \
	    -c 'create event trigger usually on ddl_command_start execute function public.refuse()' -c 'create event trigger always on ddl_command_end execute function public.refuse()' \
	    -c 'alter event trigger always enable always' || exit 99
done
pg_stop "$work/pgdata"
make_backup FULL none
printf "set search_path = pg_catalog;\nselect evtenabled = case evtname when 'always' then 'A' else 'O' end from pg_event_trigger;\n" >"$work/triggers.sql"
status_of "triggers that refuse every command" 0 -i "$made" --sql "$work/triggers.sql"
row "triggers that refuse every command: amcheck is made and updated all the same" "main +$made +amcheck +ok"
row "triggers that refuse every command: they are as they were" "main +$made +sql +ok"

# ---- libraries that are not here ---------------------------------------------------------------------
pg_any
store=$work/lacking instance=first
new_cluster "$work/pgdata" && pg_start "$work/pgdata" -c fsync=off || exit 99
sql -c 'create table t as select g from generate_series(1, 100) g' || exit 99
pg_stop "$work/pgdata"
make_backup FULL zlib; first=$made
pg_start "$work/pgdata" -c fsync=off || exit 99
foreign="set prolang = (select oid from pg_language where lanname = 'c'), probin = '\$libdir/pbkfs_no_such_library'"
sql -c "create function missing() returns timestamptz language internal as 'now'" -c "update pg_proc $foreign where proname = 'missing'" || exit 99
pg_stop "$work/pgdata"
instance=second; make_backup FULL zlib; second=$made
pg_start "$work/pgdata" -c fsync=off || exit 99
sql -c "create function cmp(int, int) returns int language internal immutable as 'btint4cmp'" -c "create operator class lacking for type int using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 cmp(int, int)" \
    -c 'create index t_lacking on t (g lacking)' -c "update pg_proc $foreign where proname = 'cmp'" || exit 99
pg_stop "$work/pgdata"
instance=third; make_backup FULL zlib; third=$made
# A session of this database loads a library.
pg_start "$work/pgdata" -c fsync=off || exit 99
sql -c 'create database closed' -c "alter database closed set session_preload_libraries = 'pbkfs_no_such_library'" || exit 99
pg_stop "$work/pgdata"
instance=fourth; make_backup FULL zlib; fourth=$made

printf 'select missing();\n' >"$work/calls.sql"
status_of "a function of a library that is not here" 0 -I second
row "a function of a library that is not here: is said" "second +$second +connect +ok .*not installed here: 1, the first is .*pbkfs_no_such_library"
row "a function of a library that is not here: the schema can be dumped" "second +$second +schema +ok"
check "a function of a library that is not here: a warning has the database" said 'warning: database "postgres": library ".libdir/pbkfs_no_such_library"' "$told"
status_of "it is called" 2 -I second --sql "$work/calls.sql"
row "it is called: this machine lacks it" "second +$second +sql +unknown .*calls.sql: library \"(.libdir/)?pbkfs_no_such_library\" is not installed here.*install"
status_of "an index needs it" 2 -I third
row "an index needs it: this machine lacks it" "third +$third +amcheck +unknown .*pbkfs_no_such_library"
status_of "a session needs it" 2 -I fourth
row "a session needs it: this machine lacks it" "fourth +$fourth +connect +unknown .*closed: library \"pbkfs_no_such_library\""

# ---- several instances, and all backups ----------------------------------------------------------------
status_of "failures go on" 1 -i all --max-age 3650d --sql "$work/slow.sql" --timeout 15 -I second -I first
equal "failures go on: in the order of the command line" "second first" "$(awk 'NR > 1 { print $1 }' "$printed" | uniq | tr '\n' ' ' | sed 's/ $//')"
status_of "what could not be judged counts" 2 -I first -I third -I second
status_of "an instance that is none" 2 -I nosuch -I first -I second
equal "an instance that is none: the first line says so, before anything is started, and which there are" \
    'pbkfs warning: nothing to prove: instance "nosuch" does not exist in "'"$store"'": choose from "first", "fourth", "second", "third"' "$(head -n 1 "$told")"
row "an instance that is none: the others are proven" "first +$first +schema +ok"
status_of "a failure counts more" 1 -I third -I first --timeout 15 --sql "$work/slow.sql"
status_of "a backup that is named: its instance is found" 0 -i "$first"
equal "a backup that is named: and no other" "first $first" "$(awk 'NR > 1 { print $1, $2 }' "$printed" | uniq)"
status_of "a backup that no instance has" 2 -i NOSUCH
check "a backup that no instance has: says so" said 'no instance has a backup "NOSUCH"' "$told"

# ---- backups that nobody can use ----------------------------------------------------------------------------
# In the order of time: one that works, one without its parent, one that failed, one that runs.
instance=fifth
make_backup FULL none; works=$made
make_backup FULL none; gone=$made
make_backup DELTA none "$gone"; lost=$made
make_backup FULL none; failed=$made
make_backup FULL none; runs=$made
rm -r "${store:?}/backups/fifth/${gone:?}"
sed -i 's/^status = .*/status = ERROR/' "$store/backups/fifth/$failed/backup.control"
sed -i 's/^status = .*/status = RUNNING/' "$store/backups/fifth/$runs/backup.control"
status_of "newer ones are of no use" 1 -I fifth
row "newer ones are of no use: the one that lost its parent is named" "fifth +$lost +verify +failed .*$gone"
row "newer ones are of no use: and the one that failed" "fifth +$failed +verify +failed .*ERROR"
row "newer ones are of no use: the one that works is proven" "fifth +$works +server +ok"
refuse "newer ones are of no use: one that runs is not looked at" "" said "$runs" "$printed"
sed -i 's/^status = .*/status = OK/' "$store/backups/fifth/$runs/backup.control"
status_of "all: an older one is of no use" 1 -I fifth -i all
row "all: an older one is of no use: it is named" "fifth +$lost +verify +failed"
refuse "all: an older one is of no use: one that failed is history" "" said "fifth +$failed" "$printed"
status_of "older ones do not count for the newest" 2 -I fifth	# for its libraries
refuse "older ones do not count for the newest: they are not told" "" said "fifth +($lost|$failed)" "$printed"
rm -r "${store:?}/backups/fifth"

# ---- priority and jobs -----------------------------------------------------------------------------------
# nice values of psql, the server and the worker
cat >"$work/nice.sql" <<'SQL'
\! nice_of() { cut -d ' ' -f 19 "/proc/$1/stat"; }; echo "$(nice_of $PPID) $(nice_of "$(head -n 1 "$PGDATA/postmaster.pid")") $(nice_of "$(cat "$PGDATA/.pbkfs/worker.pid")") $(ionice -p "$(head -n 1 "$PGDATA/postmaster.pid")")" >"$TMPDIR/nice"
SQL
nice_is() {
	equal "$1" "$2" "$(cat "$TMPDIR/nice")"; rm -f "$TMPDIR/nice"
}
for given in "" 5 19 0; do
	case $given in
	"") want="10 10 10 best-effort: prio 7" ;;
	5) want="5 5 5 best-effort: prio 7" ;;
	19) want="19 19 19 idle" ;;
	0) own=$(nice) want="$own $own $own none: prio 0" ;;
	esac
	chmod 1777 "$TMPDIR"
	pbkfs prove -B "$store" -I first ${given:+--nice "$given"} --sql "$work/nice.sql" >"$printed" 2>"$told"
	nice_is "--nice ${given:-by default}: of psql, server and worker" "$want"
done
for given in -1 20 x 1x; do status_of "a nice value that is none, $given" 2 -I first --nice "$given"; done
# A kernel that weighs sessions: each of the server's, a backend's, the mount's and a client's has the value; the caller's has not.
if [ -e /proc/self/autogroup ]; then
	install -d -o "$pguser" "$work/theirs"
	sed "s|FILE|$work/theirs/sessions|" >"$work/sessions.sql" <<'SQL'
select pg_backend_pid() as backend \gset
\setenv BACKEND :backend
\! for p in $PPID $BACKEND $(head -n 1 "$PGDATA/postmaster.pid") $(cat "$PGDATA/.pbkfs/worker.pid"); do until grep -q " nice 10$" "/proc/$p/autogroup"; do sleep 0.1; done; echo lowered; done >"FILE"
SQL
	before=$(cat /proc/self/autogroup)
	status_of "sessions, too" 0 -I first --sql "$work/sessions.sql" --timeout 60
	equal "sessions, too: psql's, its backend's, the server's and the mount's" "lowered lowered lowered lowered " "$(tr '\n' ' ' <"$work/theirs/sessions")"
	equal "sessions, too: the caller's is what it was" "$before" "$(cat /proc/self/autogroup)"
fi
# Programs of which pg_amcheck writes down its arguments.
mkdir "$work/bin"; ln -s "$pgbin"/* "$work/bin"; rm -f "$work/bin/pg_amcheck"
printf '#!/bin/sh\necho "$@" >"%s"\nexec "%s" "$@"\n' "$TMPDIR/arguments" "$pgbin/pg_amcheck" >"$work/bin/pg_amcheck"; chmod a+rx "$work/bin/pg_amcheck"
pbkfs prove -B "$store" -I first -j 3 --bindir "$work/bin" >"$printed" 2>"$told"
check "--jobs: pg_amcheck has them" said "[-]-jobs 3" "$TMPDIR/arguments" || show "$told"
rm -f "$TMPDIR/arguments"
left_nothing "--jobs"
plan_done
