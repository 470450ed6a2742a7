# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A mount that was told to end while it is in use ends as soon as it is free: in the background, at
# a console, and an ordinary user's.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
log=$diff/.pbkfs/pbkfs.log
mkfifo "$work/end"
load_user=
run_user() { if [ -n "$load_user" ]; then as "$load_user" "$@"; else "$@"; fi; }
begin() { mount_it; }
ask() { kill "$supervisor"; }
ask_again() { kill -INT "$supervisor"; }
command_ends() { :; }

# leaves WHO
leaves() {
	who=$1
	new_diff
	check "$who: mount" begin || return
	supervisor=$(supervisor_pid) worker=$(worker_pid)
	run_user sh -c "cd '$mnt' && exec 5<PG_VERSION && echo \$\$ && exec sleep 1000" >"$work/end" &
	read -r user <"$work/end"
	tail -n +1 -f --pid="$supervisor" "$log" 2>/dev/null | grep -m 1 -q 'stays mounted' & waiting=$!
	ask
	check "$who: the log says that it waits" wait "$waiting"
	check "$who: and for whom" grep -Eq "stays mounted: .*\(pid $user\)" "$log"
	run_user pbkfs stat -D "$mnt" >"$work/text" 2>&1
	check "$who: stat says it" grep -Eq "^LEAVING .*\(pid $user\)" "$work/text"
	run_user pbkfs stat -D "$mnt" --format=json >"$work/json" 2>&1
	check "$who: and as JSON" grep -Eq '"leaving": ?true' "$work/json"
	run_user pbkfs list >"$work/text" 2>&1
	check "$who: list says it" grep -Eq "^$mnt +leaving " "$work/text"
	run_user pbkfs list --format=json | "$support/jsonflat" >"$work/json" 2>&1
	check "$who: and as JSON" grep -Eq '\.state leaving$' "$work/json"
	check "$who: new opens are served" run_user cat "$mnt/PG_VERSION"
	refuse "$who: unmount says who is in the way" "in use by .*pid $user" unmount_it
	ask_again
	kill "$user"
	check "$who: it goes when it is free" wait_gone "$supervisor" "$worker"
	check "$who: the command ends in order" command_ends
	refuse "$who: nothing is mounted" "" is_mounted "$mnt"
	check "$who: in order" grep -q 'unmounted "' "$log"
	check "$who: mount again" mount_it
	check "$who: unmount" unmount_it
}
leaves background

begin() {
	pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --console >"$work/console" 2>&1 & console=$!
	until is_mounted "$mnt" && [ -s "$mnt/PG_VERSION" ] 2>/dev/null; do kill -0 $console || return 1; done
}
ask() { kill "$console"; }
ask_again() { kill -INT "$console"; }
command_ends() { wait "$console"; }
leaves console

become_user
PATH=$work:$PATH
load_user=$pguser
begin() { mount_it; }
ask() { kill "$supervisor"; }
ask_again() { kill -INT "$supervisor"; }
command_ends() { :; }
leaves user
plan_done
