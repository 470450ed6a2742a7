# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Commands talk to the process that listens at a supervisor's socket, and signal no other: neither
# the holder of a lock that an attacker's file system names, nor another daemon of root's, nor
# a process that has got the pid of one that ended.
. "$srcdir/tests/lib-e2e.sh"
fixture
sockets=$support/sockets
cp "$(command -v pbkfs)" "$work/pbkfs"; chmod 0755 "$work/pbkfs"
cp "$sockets" "$work/sockets"; chmod 0755 "$work/sockets"
bounded() { timeout -k 1 45 "$@"; }
# $1 ends by any signal.
victim() { sleep 1000 & victim=$!; }
unharmed() { kill -0 "$victim" && [ "$(awk '$1 == "State:" { print $2 }' "/proc/$victim/status")" = S ]; }
begin() {
	new_diff
	pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --owner "$pguser" --wait "$@" >"$work/out" 2>&1 || { show "$work/out"; return 1; }
	worker=$(worker_pid) supervisor=$(supervisor_pid)
}
# Prints the path of the socket at which the supervisor of $diff listens.
place() { echo "/run/pbkfs/$(stat -c %Hd:%Ld-%i "$diff")"; }
# who_has INODE: prints the processes that have this socket open.
who_has() { for p in /proc/[0-9]*; do ls -l "$p/fd" 2>/dev/null | grep -qF "socket:[$1]" && echo "${p#/proc/}"; done; }
# listen OPTION...: $listener is the process that listens, $work/heard has its output.
listen() {
	: >"$work/heard"
	"$sockets" listen "$@" >"$work/heard" & listener_job=$!
	until said '^listening' "$work/heard"; do kill -0 "$listener_job" 2>/dev/null || said '^listening' "$work/heard" || exit 99; done
	listener=$(awk '$1 == "listening" { print $2 }' "$work/heard")
}
unvisited() { ! said connected "$work/heard"; }

# ---- where it is, and for whom
check "mount" begin || { plan_done; exit; }
path=$(place)
equal "root and the owner have one each, in a directory of root's" "srw------- root|srw------- $pguser|drwxr-xr-x root" \
    "$(stat -c '%A %U' "$path")|$(stat -c '%A %U' "$path.owner")|$(stat -c '%A %U' /run/pbkfs)"
equal "beside it is recorded for what" "$diff|$mnt" "$(readlink "$path.diff")|$(readlink "$path.mnt")"
check "there is none in the diff directory" [ ! -e "$diff/.pbkfs/socket" ]
inode=$(awk -v p="$path" '$8 ~ p "$" || index($8, "/proc/self/fd/") == 1 { print $7 }' /proc/net/unix | head -n 1)
equal "no child has it: not the worker, nor the lock holder" "$supervisor" "$(who_has "$inode" | tr '\n' ' ' | sed 's/ $//')"
check "stat" pbkfs stat -D "$mnt"
check "has figures" said "^supervisor  *pid $supervisor$" "$work/out"
rm "$diff/.pbkfs/stat"
check "stat writes no file" pbkfs stat -D "$mnt" --format json
check "as the file is not needed" [ ! -e "$diff/.pbkfs/stat" ]
kill -USR1 "$supervisor"
check "SIGUSR1 still writes it" eval 'until [ -s "$diff/.pbkfs/stat" ]; do kill -0 "$supervisor" || break; done; [ -s "$diff/.pbkfs/stat" ]'
check "the owner may ask" as "$pguser" "$work/pbkfs" stat -D "$mnt"
cat "$mnt/PG_VERSION" >/dev/null
check "counters from zero" pbkfs stat -D "$mnt" --counters-reset --format json
"$support/jsonflat" <"$work/out" | grep '^operations\..*\.count ' >"$work/counts"
check "are zero" sh -c 'awk "{ n += \$2 } END { exit n > 2 }" "$1"' - "$work/counts"
refuse "others may not ask" "could not open its diff directory: Permission denied" as nobody "$work/pbkfs" stat -D "$mnt"
check "unmount" unmount_it
equal "its names are gone" "" "$(ls /run/pbkfs)"

# ---- by force
begin; exec 5<"$mnt/PG_VERSION"
check "unmount --force of a mount in use" unmount_it --force
check "without a word" [ ! -s "$work/err" ]
check "ends both processes" ended
exec 5<&-
begin
check "cleanup --force" pbkfs cleanup -d "$diff" --force
check "ends both" ended

# ---- the owner sends a descriptor that takes an hour to close
begin
as "$pguser" "$work/sockets" linger "$(place).owner" >"$work/lingers" & lingers=$!
until [ -s "$work/lingers" ]; do kill -0 "$lingers" || exit 99; done
equal "the kernel does not let him" refused "$(cat "$work/lingers")"
check "stat" bounded pbkfs stat -D "$mnt"
check "unmount" bounded pbkfs unmount -D "$mnt"
check "ends both" ended
kill "$lingers"

# ---- a stopped supervisor: the kernel knows it all the same
begin; kill -STOP "$supervisor"
refuse "stat of a stopped supervisor ends in time" "supervisor .*pid $supervisor\) does not answer" bounded pbkfs stat -D "$mnt"
check "unmount --force" bounded pbkfs unmount --force -D "$mnt"
check "kills it, and its worker ends" ended
begin; kill -STOP "$supervisor"; exec 5<"$mnt/PG_VERSION"
check "cleanup --force of one in use" bounded pbkfs cleanup --force -d "$diff"
check "gets rid of both" ended
exec 5<&-
begin; kill -STOP "$supervisor"
tells_servers=$(cat /proc/$supervisor/fdinfo/* 2>/dev/null | grep '^fuse_connection:')
bounded "$sockets" old pbkfs unmount --force -D "$mnt" >"$work/forced" 2>&1
check "the mount is detached" eval '! is_mounted "$mnt"'
# Before Linux 6.17 the kernel does not say either who serves a connection.
if [ -n "$tells_servers" ]; then
	check "before Linux 6.5 it is known by the connection that it serves" [ ! -e "/proc/$supervisor" ]
	check "which needs no word" [ ! -s "$work/forced" ]
else
	check "before Linux 6.5 it is not killed by its number" kill -0 "$supervisor"
	check "it is said" said "the mount is detached, but its processes are left to end by themselves: .*before Linux 6\.5" "$work/forced"
	kill -CONT "$supervisor"
fi
check "and all ends" ended
begin
check "where it answers, no pidfd is needed" bounded "$sockets" old pbkfs unmount --force -D "$mnt"
check "to end it" ended

# ---- nobody listens: an older supervisor, or a name that was taken away
begin; mv "$(place)" "$work/taken"
refuse "stat without a socket" "could not ask who serves .*nobody listens at its socket: an older pbkfs may have" bounded pbkfs stat -D "$mnt"
check "unmount does not need it" unmount_it
check "and waits for the end" [ ! -e "/proc/$supervisor" ]
begin; rm "$(place)"; exec 5<"$mnt/PG_VERSION"
check "unmount --force without it" bounded pbkfs unmount --force -D "$mnt"
cp "$work/err" "$work/warned"
[ -n "$tells_servers" ] || check "detaches and says so" said "the mount is detached, but its processes are left to end by themselves: nobody listens" "$work/warned"
check "ends its connection, and so its processes" ended
exec 5<&-

# ---- a file system that lies about locks
note "a file system of the attacker's"
mkdir -m 0755 "$work/fs" "$work/at"; chown "$pguser:" "$work/fs"
victim
"$builddir/tests/bench/passthrough" -l "$victim" -u "$pguid:$pggid" "$work/fs" "$work/at" & liar=$!
until is_mounted "$work/at"; do kill -0 "$liar" || exit 99; done
real_diff=$diff diff=$work/at/diff
check "mount on it" begin
check "where the victim holds the lock" "$support/fcntl-owner" "$diff/.pbkfs-lock" "$victim"
check "stat" bounded pbkfs stat -D "$mnt"
check "asks the supervisor" said "^supervisor  *pid $supervisor$" "$work/out"
check "and signals nobody" unharmed
check "list" bounded pbkfs list
check "names the supervisor" eval 'pbkfs list --format json | "$support/jsonflat" | grep -q "supervisor_pid $supervisor$"'
kill9 "$supervisor" "$worker"; ended
refuse "stat of a dead mount" "could not ask who serves" bounded pbkfs stat -D "$mnt"
check "signals nobody" unharmed
bounded pbkfs unmount --force -D "$mnt" >"$work/out" 2>&1
check "unmount --force only detaches" eval '! is_mounted "$mnt" && unharmed'
bounded pbkfs cleanup --force -d "$diff" >"$work/out" 2>"$work/err"
check "cleanup --force signals nobody" unharmed
check "mount once more" begin
kill -STOP "$supervisor"
bounded pbkfs unmount --force -D "$mnt" >"$work/out" 2>&1
check "unmount --force kills who listens" wait_gone "$supervisor"
check "and not the victim" unharmed
umount -l "$work/at"; wait "$liar"
diff=$real_diff

# ---- who else may listen there
note "another one listens"
mkdir -m 0755 "$work/daemon"
# alone: the worker has the lock, and nobody listens at the supervisor's socket.
alone() { begin && kill9 "$supervisor" && wait_gone "$supervisor"; }
# not_believed WHAT PATTERN: stat does not believe the listener, and its message matches.
not_believed() {
	refuse "$1: stat does not believe it" "$2" bounded pbkfs stat -D "$mnt"
	bounded pbkfs list >"$work/out" 2>&1
	bounded pbkfs unmount --force -D "$mnt" >"$work/out" 2>&1
	check "$1: the mount is detached" eval '! is_mounted "$mnt"'
	alone
	bounded pbkfs cleanup --force -d "$diff" >"$work/out" 2>&1
	check "$1: nobody is ended" kill -0 "$listener"
	kill "$listener"; wait "$listener_job" 2>/dev/null
	wait_gone "$worker"
}
not_visited() {
	not_believed "$1" "its worker .* goes on alone|does not belong to its owner"
	check "$1: nobody comes there" unvisited
}
alone; listen "$work/daemon/socket"
ln -s "$work/daemon/socket" "$diff/.pbkfs/socket"
not_visited "a link to another daemon of root's"
alone; listen "$work/daemon/socket"
ln "$work/daemon/socket" "$diff/.pbkfs/socket"
not_visited "a second name of it"
alone; listen "$work/daemon/socket"
mv "$work/daemon/socket" "$diff/.pbkfs/socket"
not_visited "its socket, moved there"
alone; listen -u "$(id -u nobody)" -o "$(id -u nobody)" "$diff/.pbkfs/socket"
not_visited "a socket of another user's"
alone; listen "$work/daemon/socket"
ln -sf "$work/daemon/socket" "$(place)"
not_visited "a link in the directory of root's"
rm -f "$(place)"
# The socket's name belongs to the owner, and another user listens there.
alone; listen -o "$pguid" "$diff/.pbkfs/socket"
not_believed "root listens at the owner's" "its worker .* goes on alone|does not belong to its owner"
alone; listen -o "$pguid" -u "$(id -u nobody)" "$diff/.pbkfs/socket"
not_believed "another user listens at the owner's" "its worker .* goes on alone|does not belong to its owner"

# An answer in a file that could change is not read.
printf '{"mountpoint": "secret"}' >"$work/report"
alone; listen -R "$work/report" -m "$mnt" "$(place)"
check "who listens answers" bounded pbkfs stat -D "$mnt"
check "and is shown" said "^mountpoint  *secret$" "$work/out"
kill "$listener"; wait "$listener_job" 2>/dev/null
listen -R "$work/report" -m "$work" "$(place)"
refuse "one that serves another mount is not asked" "serves another mount" bounded pbkfs stat -D "$mnt"
kill "$listener"; wait "$listener_job" 2>/dev/null
listen -r "$work/report" -m "$mnt" "$(place)"
refuse "a report that could change" "does not answer as it should" bounded pbkfs stat -D "$mnt"
check "is not shown" eval '! grep secret "$work/out" "$work/err"'
kill "$listener"; wait "$listener_job" 2>/dev/null
unmount_it >"$work/out" 2>&1

# ---- names that supervisors left
note "names that nobody listens at"
unmount_it >"$work/out" 2>&1; rm -f /run/pbkfs/*
live_diff=$diff live_mnt=$mnt
check "a mount that stays" begin
live=$(place) live_supervisor=$supervisor live_worker=$worker
diff=$work/second mnt=$work/mnt.second; mkdir "$mnt"
check "one whose processes are killed" begin
left=$(place)
kill9 "$supervisor" "$worker"; ended
check "leaves its name" [ -S "$left" ]
umount -l "$mnt"
touch /run/pbkfs/1:2-3 /run/pbkfs/other; ln "$left" /run/pbkfs/strange
diff=$work/third
check "the next mount of root's" begin
check "takes it away, with what was beside it" eval '! ls -d "$left"* 2>/dev/null'
check "and not the name where one listens" [ -S "$live" ]
check "nor what is no name of ours, or no socket" ls /run/pbkfs/1:2-3 /run/pbkfs/other /run/pbkfs/strange
check "unmount" unmount_it
check "only root's own could change who does it" [ "$(stat -c '%U %a' /run/pbkfs/.lock)" = "root 600" ]
diff=$live_diff mnt=$live_mnt supervisor=$live_supervisor worker=$live_worker
check "who listened was not disturbed" pbkfs stat -D "$mnt"
# Its owner can make one where he may make names on the same file system.
ln "$live" /run/pbkfs/second
check "nor by a second name of the socket" pbkfs stat -D "$mnt"
rm /run/pbkfs/second
check "and ends in order" unmount_it
# told WHAT COMMAND: the command spoils the directory of sockets, and the mount says so.
told() {
	what=$1; shift
	"$@"
	begin
	check "$what: told by name" said 'could not listen at a socket in "/run/pbkfs": it and "/run" have to be directories of root' "$work/out"
	check "$what: unmount" unmount_it
}
told "writable by others" chmod 0777 /run/pbkfs; chmod 0755 /run/pbkfs
told "another user's" chown nobody /run/pbkfs; chown root /run/pbkfs
rm -f /run/pbkfs/1:2-3 /run/pbkfs/other /run/pbkfs/strange

# ---- a pid that another process has by now
note "a pid that was used before"
alone; listen -f "$(place)"
wait "$listener_job"
# The next process gets it.
recycle() {
	for try in 1 2 3 4 5 6 7 8 9; do
		echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
		sleep 1000 & recycled=$!
		[ "$recycled" -ne "$1" ] || return 0
		kill "$recycled"
	done
	return 1
}
check "it is used again" recycle "$listener"
victim=$recycled
refuse "stat" "" bounded pbkfs stat -D "$mnt"
bounded pbkfs unmount --force -D "$mnt" >"$work/out" 2>&1
check "unmount --force ends nobody" unharmed

# ---- a flood
note "a flood by the owner"
rm -f "$(place)"; pbkfs unmount --force -D "$mnt" >"$work/out" 2>&1
check "mount" begin
cp "$sockets" "$work/sockets"; chmod 0755 "$work/sockets"
fds=$(ls "/proc/$supervisor/fd" | wc -l)
lines=$(wc -l <"$diff/.pbkfs/pbkfs.log")
as "$pguser" "$work/sockets" flood "$(place).owner" 6 >"$work/flooded" 2>&1 & flood=$!
manifest "$mnt/base" >"$work/before"
reads=0
while kill -0 "$flood" 2>/dev/null; do
	manifest "$mnt/base" >"$work/during" && reads=$((reads + 1))
	[ $reads -ne 1 ] || check "root's stat meanwhile" bounded pbkfs stat -D "$mnt"
done
wait "$flood"; flood_status=$?
check "it was one: $(cat "$work/flooded")" [ $flood_status -eq 0 ]
same "files are read meanwhile: $reads times" "$work/before" "$work/during"
check "stat" bounded pbkfs stat -D "$mnt"
equal "the same worker serves" "$worker" "$(worker_pid)"
# The supervisor closes connections of the flood once it finds that they have ended.
few_fds() { for try in $(seq 1000); do [ "$(ls "/proc/$supervisor/fd" | wc -l)" -gt "$fds" ] || return 0; pbkfs stat -D "$mnt" >/dev/null; done; return 1; }
check "no descriptor is left" few_fds
check "the log has few lines of it" [ $(($(wc -l <"$diff/.pbkfs/pbkfs.log") - lines)) -lt 60 ]
check "unmount" unmount_it
plan_done
