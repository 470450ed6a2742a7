# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs run in places of all kinds: names that lists take apart or that are too long for a socket,
# directories that others can write, leftovers that are and are not ours; with few descriptors or
# none, at addresses that are not ours, with the mount held elsewhere.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-run.sh"
fixture
home=$TMPDIR

# ---- names ---------------------------------------------------------------------------------
# in_place DESCRIPTION DIRECTORY: a run there works, and leaves nothing, in the place of its socket either.
in_place() {
	mkdir -p "$2"
	[ -z "$runner" ] || chown "$pguser" "$2"
	TMPDIR=$2
	status "$1" 0 -- sh -c 'psql -XAtd postgres -c "select 40 + 2" && echo "${PGHOST%/socket}"'
	equal "$1: the server is reached" 42 "$(head -n 1 "$printed")"
	check "$1: the socket's directory is gone" [ ! -e "$(tail -n 1 "$printed")" ]
	TMPDIR=$home
}
long=$work/$(printf %0120d 0)
places() {
	in_place "$1, blanks and quotes" "$work/a \"b\" 'c' \\d %e"
	in_place "$1, a comma" "$work/a, b"
	in_place "$1, longer than a socket's name can be" "$long"
}
places root

# ---- leftovers -------------------------------------------------------------------------------
# killed DIRECTORY: a run there of which every process is killed at once.
killed() {
	TMPDIR=$1
	begin_run
	kill -STOP "$guardian" "$front"
	socket=$(tr '\0' '\n' <"/proc/$server/cmdline" | sed -n 's|^unix_socket_directories="\(.*\)/socket"$|\1|p')
	kill9 "$front" "$guardian" "$supervisor" "$worker" "$server" "$command"
	wait_gone "$front" "$guardian" "$supervisor" "$worker" "$server" "$command"
}
leftovers() {
	killed "$home"
	check "$1, killed at once: something is left" [ -n "$(ls -A "$home")" ]
	status "$1, killed at once: the next run takes it away" 0 -q -- true
	killed "$long"
	check "$1, killed at once with a socket elsewhere: it is left" [ -d "$socket" ]
	status "$1, killed at once with a socket elsewhere: the next run takes it away" 0 -q -- true
	check "$1, killed at once with a socket elsewhere: there, too" [ ! -e "$socket" ]
	TMPDIR=$long
	begin_run
	socket=$(tr '\0' '\n' <"/proc/$server/cmdline" | sed -n 's|^unix_socket_directories="\(.*\)/socket"$|\1|p')
	run -q -- true >"$printed" 2>"$told"
	equal "$1, a run at the same time: nothing is told" "" "$(cat "$told")"
	check "$1, a run at the same time: the other one's socket is still there" [ -S "$socket/socket/.s.PGSQL.5432" ]
	kill -TERM "$front"; wait_run
	TMPDIR=$home
	left_nothing "$1, both have ended"
}
leftovers root
# Names of the same form: another's, a link, a file, a mount; and one that somebody makes just now.
mkdir -m 0711 "$home/pbkfs-run.other" "$home/pbkfs-run.mount"; chown nobody "$home/pbkfs-run.other"
mkdir -m 0700 "$home/pbkfs-run.young" "$home/pbkfs-run.link.to"; ln -s pbkfs-run.link.to "$home/pbkfs-run.link"; : >"$home/pbkfs-run.file"
mount -t tmpfs -o mode=711 tmpfs "$home/pbkfs-run.mount"
: >"$home/pbkfs-run.mount/pg_hba.conf"
before=$(ls -A "$home")
try -q -- true
equal "names that are not ours: stay" "$before" "$(ls -A "$home")"
check "names that are not ours: the mount keeps its files" [ -e "$home/pbkfs-run.mount/pg_hba.conf" ]
umount "$home/pbkfs-run.mount"
rm -rf "$home"/pbkfs-run.*

# ---- who else can write there ----------------------------------------------------------------------
mkdir "$work/open" "$work/his"; chmod 0777 "$work/open"; chown nobody "$work/his"
for dir in open his; do
	status "root in a directory that others can change ($dir)" 125 --workdir "$work/$dir" -- true
	check "root in a directory that others can change ($dir): says so" said "could not use .*$dir.*workdir" "$told"
	equal "root in a directory that others can change ($dir): made nothing" "" "$(ls -A "$work/$dir")"
done

# ---- descriptors, environment ---------------------------------------------------------------------------
pbkfs run -B "$store" -I "$instance" -- sh -c 'psql -XAtd postgres -c "select 42" >"$0"' "$printed" <&- >&- 2>&-
equal "no standard descriptors: status" 0 $?
equal "no standard descriptors: the command runs" 42 "$(cat "$printed")"
(ulimit -n 64; try -q -- psql -XAtd postgres -c 'select 42')
cat "$told" >>"$printed"
check "64 descriptors: do, or are told to be too few" said "^42$|needs [0-9]* file descriptors" "$printed"
env -i PATH="$PATH" TMPDIR="$home" pbkfs run -q -B "$store" -I "$instance" -- psql -XAtd postgres -c 'select 42' >"$printed" 2>&1
equal "an empty environment" 42 "$(cat "$printed")"
left_nothing "descriptors and environment"
(trap '' HUP; exec pbkfs run -q -B "$store" -I "$instance" -- sh -c 'kill -HUP $$ $PPID; echo alive') >"$printed" 2>&1
equal "nohup: the run and its command do not mind SIGHUP" alive "$(cat "$printed")"
left_nothing nohup

# ---- the network --------------------------------------------------------------------------------------------
for listen in 192.0.2.77 192.0.2.77:5999 :5999 127.0.0.1,::1:5999; do
	status "--listen $listen" 125 --listen "$listen" -- true
	check "--listen $listen: the option is named, before anything is mounted" [ "$(wc -l <"$told")" -eq 1 -a -n "$(grep -e --listen "$told")" ]
done
status "--listen at the port of the socket" 0 -q --listen 127.0.0.1:5432 -- sh -c 'echo $PGPORT'
equal "--listen at the port of the socket: is that port" 5432 "$(cat "$printed")"
begin_run --listen 127.0.0.1:5999
try --listen 127.0.0.1:5999 -- true
check "a port in use: is told, before anything is mounted" [ "$(wc -l <"$told")" -eq 1 -a -n "$(grep 5999.*already "$told")" ]
kill -TERM "$front"; wait_run

# ---- who holds on ------------------------------------------------------------------------------------------------
status "a command that becomes a daemon and ignores SIGTERM" 0 -q -- sh -c '(trap "" TERM HUP; cd "$PGDATA"; setsid sleep 1000 &)'
begin_run
mkfifo "$work/held"
unshare -m --propagation private sh -c 'echo >"$0"; exec sleep 1000' "$work/held" &
holder=$!
read -r line <"$work/held"
kill -TERM "$front"
check "another mount namespace holds the mount: all end" wait_run
kill9 "$holder"; wait_gone "$holder"
left_nothing "another mount namespace holds the mount"

# ---- what others do to a run -----------------------------------------------------------------------------------
# The server's user fills all that is his beside the mount, and may do so by the server.
status "directories and links where the server's socket and memory lie" 0 -q -- psql -qd postgres -c "copy (select 1) to program 'for d in socket shm; do mkdir -p ../\$d/a/b; ln -s /etc/passwd ../\$d/a/l; mkfifo ../\$d/f; chmod 0 ../\$d/a/b; done; cat >/dev/null'"
equal "directories and links where the server's socket and memory lie: nothing is told" "" "$(cat "$told")"
for who in guardian server supervisor worker command; do
	begin_run -q
	eval "kill -STOP \$$who"
	kill -TERM "$front"
	check "the $who is stopped: all end" wait_run
	left_nothing "the $who is stopped"
done
(ulimit -f 0; try -q -- true 2>/dev/null; exit $tap_status)
equal "no file may grow: status" 125 $?
left_nothing "no file may grow"

# ---- a terminal that goes away tells the session's first process, which may be the run --------------------------
need script
rm -f "$TMPDIR.ready"; mkfifo "$TMPDIR.ready"
cat >"$work/session" <<'SH'
echo $$ $PPID $(head -n 1 "$PGDATA/postmaster.pid") >"$0"; exec sleep 1000
SH
script -qec "exec pbkfs run -B $store -I $instance -- sh -c '. $work/session' $TMPDIR.ready" /dev/null </dev/null >"$printed" 2>&1 &
terminal=$!
read -r command guardian server <"$TMPDIR.ready"
front=$(awk '$1 == "PPid:" { print $2 }' "/proc/$guardian/status")
kill9 "$terminal"
check "a terminal that goes away: all end" wait_gone "$front" "$guardian" "$command" "$server"
left_nothing "a terminal that goes away"

# ---- the supervisor's first instants -----------------------------------------------------------------------------
# Whom a supervisor leaves is the guardian's child only when the supervisor is gone for good.
for delay in 0 1 2 3 4 5 6 7; do
	run -q -- true >"$printed" 2>"$told" &
	front=$!
	until victim=$(strangers | sed -n 's/^\([0-9]*\) pbkfs: supervisor: .*/\1/p') && [ -n "$victim" ]; do :; done
	sleep 0.0$delay
	kill -9 $victim 2>/dev/null
	wait $front
	left_nothing "kill -9 of the supervisor after ${delay}0 ms"
done

# ---- an ordinary user ----------------------------------------------------------------------------------------
run_as_user
status "a user in a directory that all can write" 125 --workdir "$work/open" -- true
check "a user in a directory that all can write: says so" said "open.*written by others.*workdir" "$told"
(ulimit -n 64; try -- true)
check "64 descriptors: a user is told that they are not enough" said "needs [0-9]* file descriptors.*ulimit" "$told"
places "a user"
leftovers "a user"
plan_done
