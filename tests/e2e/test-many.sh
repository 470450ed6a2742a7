# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Any local user may have very many mounts, namespaces, root directories and open files: no
# command waits until all of it was looked at.  PBKFS_MANY is how many mounts and processes.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
fuse_for_all
pbkfs_for_all
PATH=$work:$PATH
log=$diff/.pbkfs/pbkfs.log
set -- ${PBKFS_MANY:-20000 150}
mounts=$1 processes=$2
cp --remove-destination "$support/many" "$work" && chmod 0755 "$work/many" || exit 99
mkfifo "$work/until" "$work/ready"
mkdir -m 0777 "$work/theirs"; chmod 0777 "$work/theirs"
chown -R "$pguser:" "${store%/*}" && chmod -R u+rX "${store%/*}"
chown "$pguser" "$mnt" "$work"
who=root
run() { if [ "$who" = root ]; then "$@"; else as "$pguser" "$@"; fi; }
# gather ROOTS|NAMESPACES|FILES [MOUNTS PROCESSES]: descriptor 5 ends it.
gather() {
	[ "$1" != namespaces ] || set -- "$1" "$mounts" $((processes / 4))
	as nobody "$work/many" "$work/theirs" "${2:-$mounts}" "${3:-$processes}" "$1" <"$work/until" >"$work/ready" & many=$!
	exec 5>"$work/until"
	read -r word <"$work/ready"
	[ "$word" = ready ]
}
scatter() { exec 5>&-; wait "$many"; }
# The milliseconds that a command takes, in $took.
clock() { began=$(date +%s%N); "$@"; clocked=$?; took=$((($(date +%s%N) - began) / 1000000)); return $clocked; }
begin() {
	new_diff
	run pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait >"$work/out" 2>&1 || { show "$work/out"; return 1; }
	worker=$(worker_pid) supervisor=$(supervisor_pid)
}
hold() {
	rm -f "$work/held"
	run sh -c 'exec 5<"$0/PG_VERSION"; echo $$; exec sleep 1000' "$mnt" >"$work/held" &
	until [ -s "$work/held" ]; do kill -0 $! || return 1; done
	read -r user <"$work/held"
	until [ "$(cat "/proc/$user/comm")" = sleep ]; do kill -0 "$user" || return 1; done
}
# in_time WHAT LIMIT COMMAND...: takes at most so many ms more than with nobody around.
in_time() {
	in_time_what=$1 in_time_limit=$2; shift 2
	check "$in_time_what" clock "$@"
	check "$in_time_what: in time ($took ms)" [ "$took" -lt "$in_time_limit" ]
}

commands() {
	check "$who, $1: mount" begin || return
	in_time "$who, $1: list" 6500 run sh -c 'pbkfs list >/dev/shm/list'
	check "$who, $1: shows the mount" said "^$mnt  *mounted .* $diff " /dev/shm/list
	in_time "$who, $1: stat" 2000 run pbkfs stat -D "$mnt"
	check "$who, $1: a client" hold
	clock refuse "$who, $1: unmount of what is in use" "in use by sleep \(pid $user\)" run pbkfs unmount -D "$mnt"
	check "$who, $1: in time ($took ms)" [ "$took" -lt 5500 ]
	kill "$user"; wait_gone "$user"
	in_time "$who, $1: unmount" 5000 run pbkfs unmount -D "$mnt"
	check "$who, $1: both processes have ended" ended
	check "$who, $1: in order" said 'unmounted "' "$log"
	refuse "$who, $1: nothing was cut" "" said 'cut off' "$log"
	check "$who, $1: mount for a mount point that goes" begin
	run fusermount3 -u "$mnt"
	in_time "$who, $1: mount at once" 8000 run pbkfs mount -D "$mnt" -d "$diff" --wait
	in_time "$who, $1: unmount --force -d" 8000 run pbkfs unmount --force -d "$diff"
}
# Namespaces of the host's own are looked at first, whatever others have.
held() {
	check "$1: mount" begin || return
	mkfifo "$work/in"
	unshare -m --propagation private sh -c 'cd /; echo $$ >"$0"; exec sleep 1000' "$work/in" 5>&- &
	read -r holder <"$work/in"; rm "$work/in"
	until [ "$(cat "/proc/$holder/comm")" = sleep ]; do kill -0 "$holder" || break; done
	clock refuse "$1: unmount of what a service holds" "other mount namespaces hold the mount: sleep \(pid $holder\)" pbkfs unmount -D "$mnt"
	check "$1: in time ($took ms)" [ "$took" -lt 12000 ]
	in_time "$1: its end by force" 20000 pbkfs unmount --force -d "$diff"
	check "$1: both processes have ended" ended
	check "$1: in order" said 'unmounted "' "$log"
	kill "$holder"
}
for who in root user; do
	for how in roots namespaces; do
		check "$who: many with $how of their own" gather $how
		commands "$how"
		[ "$who" != root ] || held "$how"
		scatter
	done
	rm -f /dev/shm/list
done
who=root
check "many with open files" gather files 900 "$processes"
commands files
scatter
plan_done
