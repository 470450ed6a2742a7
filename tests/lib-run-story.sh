# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Root's runs and an ordinary user's have this in common; after lib-run.sh.

# ---- output and status are the command's ---------------------------------------------
status "a query" 0 -- psql -XAtc 'select 40 + 2'
equal "a query: standard output is the command's and nothing else" 42 "$(cat "$printed")"
check "a query: progress is on standard error" said "PostgreSQL $major is ready" "$told"
status "quiet" 0 --quiet -- psql -XAtc 'select 1'
equal "quiet: nothing is told" "" "$(cat "$told")"
status "a dump" 0 -q -i "$id" -- pg_dump -Fc -t pgbench_branches postgres
check "a dump: it can be read" sh -c 'pg_restore -l "$1" | grep -q "TABLE DATA public pgbench_branches"' - "$printed"
status "its own status" 7 -q -- sh -c 'exit 7'
# Whether it can be run is known before anything is made: the status is its, and nothing else is told.
mkdir -p "$work/commands/closed" "$work/commands/open/a-directory"
printf '#!/bin/sh\necho it was run\n' | tee "$work/commands/closed/story" >"$work/commands/open/story"
chmod 0644 "$work/commands/closed/story"; chmod 0755 "$work/commands/open/story"
story_path=$PATH
# at_once STATUS PATTERN WORD...
at_once() {
	at_once_status=$1 at_once_pattern=$2; shift 2
	status "a command that is none, $*" "$at_once_status" -- "$@"
	equal "a command that is none, $*: the only line" 1 "$(wc -l <"$told")"
	check "a command that is none, $*: names it" said "^pbkfs error: $at_once_pattern" "$told" || show "$told"
}
at_once 127 'there is no program "no-such-command" in the PATH$' no-such-command
at_once 127 'could not run "./no-such-command": No such' ./no-such-command
at_once 127 'could not run "/etc/passwd/x": No such' /etc/passwd/x
at_once 127 'there is no program "" in the PATH$' ''
at_once 126 'could not run "/etc/passwd": Permission denied$' /etc/passwd
PATH=$PATH:$work/commands/closed
at_once 126 'could not run "story": Permission denied$' story
PATH=$story_path:$work/commands/open
at_once 126 'could not run "a-directory": Permission denied$' a-directory
PATH=$story_path:$work/commands/closed:$work/commands/open
status "a command behind one that may not be run" 0 -q -- story
equal "a command behind one that may not be run: it was run" "it was run" "$(cat "$printed")"
PATH=$story_path
status "a program that the server alone brings" 0 -q -- pg_controldata --version
status "a program that another server may bring" 0 -q --bindir "$pgbin" -- pg_controldata --version
status "a command that a signal ends" 143 -q -- sh -c 'kill -TERM $$'
status "options of the command are its own" 0 -q -- echo --help -q
equal "options of the command are its own: as they stand" "--help -q" "$(cat "$printed")"
echo "from standard input" >"$work/in"
try -q -- cat <"$work/in"
equal "standard input is the command's" "from standard input" "$(cat "$printed")"

# ---- failures of ours ------------------------------------------------------------------
status "a wrong option" 125 --no-such-option -- true
status "no instance of that name" 125 -I nosuch -- true
check "no instance of that name: says so" said "nosuch" "$told"
status "no backup of that name" 125 -i NOSUCH -- true
check "no backup of that name: says which there are" said "choose from" "$told"
$runner pbkfs run -B "$store" -- true >"$printed" 2>"$told"; tap_status=$?
equal "without an instance" 125 "$tap_status"
try </dev/null
equal "without a command, and no terminal: status" 125 "$tap_status"
check "without a command, and no terminal: says so" said "command is missing" "$told"
status "a directory that is not there" 125 --workdir "$work/nosuch" -- true
check "a directory that is not there: names the option" said "workdir" "$told"
status "no programs there" 125 --bindir "$work" -- true
check "no programs there: names the option" said "bindir" "$told"
status "what a run decides itself" 125 --set port=5433 -- true
check "what a run decides itself: names the option" said "listen" "$told"
status "a server that would end" 125 --recovery-target=immediate --recovery-target-action=shutdown -- true

# ---- the server ----------------------------------------------------------------------
status "environment" 0 -q -- sh -c 'printf "%s\n" "$PGUSER" "$PGPORT" "${PGHOSTADDR-}${PGSERVICE-}${PGSSLMODE-}"; stat -c "%a %U" "$PGHOST"; psql -XAtd postgres -c "select current_setting(\$\$data_directory\$\$) = \$\$$PGDATA\$\$, application_name from pg_stat_activity where pid = pg_backend_pid()" -c "show listen_addresses" -c "show autovacuum" -c "show huge_pages"'
equal "environment: as it has to be" "postgres|5432||700 $pguser|t,pbkfs||off|off|" "$(tr '|\n' ',|' <"$printed")"
PGSERVICE=production PGHOSTADDR=192.0.2.1 PGSSLMODE=require PGAPPNAME=production
export PGSERVICE PGHOSTADDR PGSSLMODE PGAPPNAME
status "an environment that leads to production" 0 -q -- psql -XAtd postgres -c 'show application_name'
equal "an environment that leads to production: has our name" pbkfs "$(cat "$printed")"
unset PGSERVICE PGHOSTADDR PGSSLMODE PGAPPNAME
status "a setting of the caller's" 0 -q --set work_mem=7MB --set autovacuum=on -- psql -XAtd postgres -c 'show work_mem' -c 'show autovacuum'
equal "a setting of the caller's: it counts" "7MB on" "$(tr '\n' ' ' <"$printed" | sed 's/ $//')"
status "parallel workers" 0 -q --set min_parallel_table_scan_size=0 --set parallel_setup_cost=0 --set parallel_tuple_cost=0 -- psql -XAtd postgres -c 'explain (analyze, costs off, timing off, summary off) select count(*) from pgbench_accounts'
check "parallel workers: there were some" said "Workers Launched: [1-9]" "$printed"
status "a background process of the command" 0 -q -- sh -c 'sleep 1000 & :'

# ---- listening ------------------------------------------------------------------------
status "over the network" 2 --listen 127.0.0.1 -- sh -c 'psql -XAtd postgres -c "alter role postgres password \$\$secret\$\$" && PGPASSWORD=secret psql -XAtd postgres -h 127.0.0.1 -c "select 1"; psql -wXAtd postgres -h 127.0.0.1 -c "select 2"'
equal "over the network: by password" "ALTER ROLE 1" "$(tr '\n' ' ' <"$printed" | sed 's/ $//')"
check "over the network: the port is told" said "listening at 127.0.0.1, port [0-9]" "$told"

# ---- changes that are kept ---------------------------------------------------------------
new_diff
status "a diff directory that is kept" 0 -q -d "$diff" -- psql -XAtqd postgres -c 'create table kept as select 1 as one'
status "a diff directory that is kept: the next run" 0 -q -d "$diff" -- psql -XAtd postgres -c 'select one from kept'
equal "a diff directory that is kept: has the change" 1 "$(cat "$printed")"

# ---- signals --------------------------------------------------------------------------------
begin_run
kill -TERM "$front"
wait "$front" 2>/dev/null; wait_run
left_nothing "SIGTERM"
for signal in INT TERM HUP QUIT; do
	begin_run
	kill -$signal "$front"
	check "SIG$signal ends all" wait_run
	left_nothing "SIG$signal"
done
for victim in front guardian server worker supervisor command; do
	begin_run
	eval "kill9 \$$victim"
	# a server goes on without its supervisor, and with another worker; so does the command without its server
	case $victim in worker|supervisor|server) kill -TERM "$command" ;; esac
	check "kill -9 of the $victim: all end" wait_run
	left_nothing "kill -9 of the $victim"
done
begin_run
kill9 "$front" "$guardian"
check "kill -9 of both at once: server and mount end" wait_gone "$server" "$supervisor" "$worker"
equal "kill -9 of both at once: nothing is mounted" "" "$(e2e_mounts)"
wait_gone "$command"
status "the next run takes away what they have left" 0 -- true
check "the next run takes away what they have left: says so" said "its run was killed" "$told"

# ---- a directory that is moved -----------------------------------------------------------------
status "the run's directory is moved" 0 -- sh -c 'mv "${PGDATA%/mnt}" "$0"' "$TMPDIR/elsewhere"
check "the run's directory is moved: it is followed, and says so" said "warning: \"$TMPDIR/pbkfs-run\.[^\"]*\" was moved to \"$TMPDIR/elsewhere\": it is removed there" "$told"
$runner mkdir "$TMPDIR/parent"
try --workdir "$TMPDIR/parent" -- sh -c 'mv "$0" "$1"' "$TMPDIR/parent" "$TMPDIR/moved"
equal "a directory above it is moved: exit status" 0 "$tap_status"
check "a directory above it is moved: nothing is left in that" rmdir "$TMPDIR/moved"
left_nothing "a directory above it is moved"
try -- sh -c 'mv "${PGDATA%/mnt}" "$0"; mkdir -p "$PGDATA"; echo >"$PGDATA/file"' "$TMPDIR/elsewhere"
equal "a stranger's takes its name: exit status" 0 "$tap_status"
check "a stranger's takes its name: that is left alone" rm -r "$TMPDIR"/pbkfs-run.*/mnt/file
rm -r "$TMPDIR"/pbkfs-run.*
left_nothing "a stranger's takes its name"
