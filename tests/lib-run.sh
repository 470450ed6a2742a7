# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A server for the length of one command.  After lib-e2e.sh and a fixture; with
# lib-user.sh as well it is an ordinary user's.  Everything here is seen by this story alone: processes,
# mounts, /dev/shm and System V memory, so that whatever a run leaves is found.

TMPDIR=$work/tmp
export TMPDIR
chmod 0755 "$TMPDIR"
runner=
# run OPTION... -- COMMAND...: as whoever the story is about.
run() { $runner pbkfs run -B "$store" -I "$instance" "$@"; }
# The same; what it prints is in $printed and $told, its exit status in $tap_status.
printed=$work/run.printed told=$work/run.told
try() { run "$@" >"$printed" 2>"$told"; tap_status=$?; }
# The story becomes that of an ordinary user who may read the catalog.
run_as_user() {
	become_user
	chown "$pguser" "$TMPDIR"
	PATH=$work:$PATH
	runner="as $pguser"
}
# Processes that are not the story's own, as "pid command".
strangers() {
	for run_p in /proc/[0-9]*; do
		run_pid=${run_p#/proc/}
		[ "$run_pid" != 1 ] && [ "$run_pid" != $$ ] || continue
		run_cmd=$({ tr '\0' ' ' <"$run_p/cmdline"; } 2>/dev/null) && [ -n "$run_cmd" ] || continue
		case $run_cmd in */bin/sh*|sh\ *|timeout*) continue ;; esac
		echo "$run_pid $run_cmd"
	done
}
run_leftovers() {
	ls -A "$TMPDIR"
	ls -A /dev/shm | grep '^PostgreSQL'
	e2e_mounts
	awk 'NR > 1 { print "System V memory " $2 }' /proc/sysvipc/shm
	strangers
}
left_nothing() { equal "$1: nothing is left" "" "$(run_leftovers)"; }
# status DESCRIPTION EXPECTED RUN-ARGUMENT...: tries it.
status() {
	st_desc=$1 st_expected=$2; shift 2
	try "$@"
	equal "$st_desc: exit status" "$st_expected" "$tap_status" || show "$told"
	left_nothing "$st_desc"
}
# The run whose command has written its pid to a pipe: $front, $guardian, $server, $command.
# begin_run OPTION...
begin_run() {
	rm -f "$TMPDIR.ready"; mkfifo -m 0666 "$TMPDIR.ready" || exit 99
	run "$@" -- sh -c 'echo $$ $PPID $(head -n 1 "$PGDATA/postmaster.pid") $(cat "$PGDATA/.pbkfs/worker.pid") >"$0"; exec sleep 1000' "$TMPDIR.ready" \
	    >"$work/run.out" 2>"$work/run.err" &
	front=$!
	read -r command guardian server worker <"$TMPDIR.ready" || exit 99
	front=$(awk '$1 == "PPid:" { print $2 }' "/proc/$guardian/status")
	supervisor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$worker/status")
}
# Ends when all of it has.
wait_run() { wait_gone "$front" "$guardian" "$command" "$server" "$supervisor" "$worker"; }
