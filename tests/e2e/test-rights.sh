# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The rights of the supervisor and its monitor, phase by phase, as root and as an ordinary user; and
# the end of a mount whose monitor is killed or stopped.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
before=$(catalog_sum "$store")
log=$diff/.pbkfs/pbkfs.log
none=0000000000000000

value() { awk -v k="$1:" '$1 == k { $1 = ""; sub(/^ /, ""); print }' "/proc/$2/status" | tr '\t' ' '; }
# opens PID WHAT: how many of its descriptors lead there.
opens() { find "/proc/$1/fd" -lname "$2" | wc -l; }
# ours SET: prints the part of the set that this process has.
ours() { printf "%016x" $((0x$1 & 0x$(value CapPrm $$))); }
# filtered WHO PID
filtered() { equal "$1: no_new_privs" 1 "$(value NoNewPrivs "$2")"; equal "$1: its calls are filtered" 2 "$(value Seccomp "$2")"; }
# caps WHO PID SET BOUNDING
caps() {
	for set in CapEff CapPrm; do equal "$1: $set" "$3" "$(value $set "$2")"; done
	equal "$1: CapInh" $none "$(value CapInh "$2")"
	equal "$1: CapAmb" $none "$(value CapAmb "$2")"
	[ "$4" = any ] || equal "$1: CapBnd" "$4" "$(value CapBnd "$2")"
}
# serving WHEN: looks at the rights while a mount serves; $ids, $bounding, $monitor_caps and
# $monitor_filtered have the expected ones.
serving() {
	supervisor=$(supervisor_pid) monitor=$(monitor_pid "$(supervisor_pid)") worker=$(worker_pid)
	check "$1: there is one monitor" [ "$(echo "$monitor" | wc -w)" = 1 ]
	caps "$1, supervisor" "$supervisor" $none "$bounding"
	filtered "$1, supervisor" "$supervisor"
	equal "$1: real, effective, saved and file system ids" "$ids" "$(value Uid "$supervisor")"
	equal "$1: no groups of root's" "$groups" "$(value Groups "$supervisor" | sed "s/ *$//")"
	equal "$1: the store is closed to it" 0 "$(opens "$supervisor" "$store*")"
	equal "$1: it dumps no core" "0 0" "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$supervisor/limits")"
	equal "$1: CapPrm of the monitor" "$monitor_caps" "$(value CapPrm "$monitor")"
	[ "$bounding" = any ] || equal "$1: CapBnd of the monitor" "$monitor_caps" "$(value CapBnd "$monitor")"
	equal "$1: the monitor's calls are filtered, where that is possible" "$monitor_filtered" "$(value NoNewPrivs "$monitor") $(value Seccomp "$monitor")"
	equal "$1: the monitor has no connection" 0 "$(opens "$monitor" /dev/fuse)"
	equal "$1: no lock" 0 "$(opens "$monitor" "$diff/.pbkfs-lock")"
	equal "$1: no shared memory" 0 "$(opens "$monitor" '/memfd*')"
	check "$1: nor is it mapped" eval '! grep -q memfd "/proc/$monitor/maps"'
	equal "$1: what it starts is the supervisor's child" "$supervisor" "$(value PPid "$worker")"
}
kill_worker() {
	old=$(worker_pid)
	kill9 "$old" && wait_gone "$old" || return 1
	until [ "$(worker_pid)" != "$old" ] && [ -r "/proc/$(worker_pid)/status" ] && run_user cat "$mnt/PG_VERSION"; do kill -0 "$supervisor" || return 1; done
}
# life WHO: a mount from the first worker to its end.
life() {
	new_diff
	check "$1: mount" mount_it --pid-file="$work/pid" || return
	serving "$1"
	check "$1: a worker is replaced" kill_worker
	serving "$1, after that"
	run_user pbkfs stat -D "$mnt" >"$work/text" 2>&1
	check "$1: stat works" grep -q "$mnt" "$work/text"
	check "$1: SIGTERM ends it" kill "$supervisor"
	check "$1: all of its processes end" wait_gone "$supervisor" "$monitor" "$worker" "$(worker_pid 2>/dev/null || echo "$worker")"
	check "$1: in order" grep -q 'unmounted "' "$log"
	refuse "$1: the pid file is gone" "" test -e "$work/pid"
	check "$1: no file of the store's locks is left" eval '! find "$store" -name "backup*.pid*" | grep -q .'
}
# without_monitor WHO: kills the monitor, then the worker.
without_monitor() {
	check "$1: mount" mount_it || return
	supervisor=$(supervisor_pid) monitor=$(monitor_pid "$(supervisor_pid)") worker=$(worker_pid)
	check "$1: kill -9 of the monitor" kill9 "$monitor"
	check "$1: the log says what that means" eval 'until grep -q "monitor, process $monitor, has ended" "$log"; do kill -0 "$supervisor" || break; done; kill -0 "$supervisor"'
	check "$1: the mount goes on" run_user cat "$mnt/PG_VERSION"
	check "$1: a command unmounts it" unmount_it
	check "$1: and all end" wait_gone "$supervisor" "$worker"
	check "$1: in order" grep -q 'unmounted "' "$log"
	check "$1: mount again" mount_it || return
	supervisor=$(supervisor_pid) monitor=$(monitor_pid "$(supervisor_pid)") worker=$(worker_pid)
	check "$1: both are killed" kill9 "$monitor" "$worker"
	check "$1: the supervisor ends" wait_gone "$supervisor"
	check "$1: the dead mount is unmounted" unmount_it -d "$diff" --force
	check "$1: and mounted again" mount_it
	check "$1: unmount" unmount_it
}

run_user() { "$@"; }
ids="0 $pguid 0 $pguid" groups="" bounding=$none
# CAP_DAC_OVERRIDE, DAC_READ_SEARCH, KILL, SETGID, SETUID, SETPCAP, IPC_LOCK, SYS_PTRACE, SYS_ADMIN
monitor_caps=$(ours 002841e6) monitor_filtered="1 2"
life root
without_monitor root

# ---- while the mount is made: a backup is locked, so it waits
# With CHOWN, FOWNER and SYS_RESOURCE.
begin_caps=$(ours 012841ef)
new_diff
held=$store/backups/$instance/$id/backup.pid
echo $$ >"$held"
chown --reference="$store/backups/$instance/$id" "$held"
mount_it --pid-file="$work/pid" >"$work/text" 2>&1 & command=$!
until grep -q locked "$work/text"; do kill -0 $command || break; done
supervisor=$(cat "$work/pid")
equal "while the mount is made: CapPrm" $begin_caps "$(value CapPrm "$supervisor")"
equal "while the mount is made: CapBnd" $begin_caps "$(value CapBnd "$supervisor")"
filtered "while the mount is made" "$supervisor"
equal "there is no monitor yet" "" "$(monitor_pid "$supervisor")"
rm "$held"
check "then it is mounted" wait $command
serving "root, once more"

# ---- a monitor that is stopped is as good as dead, after a while
kill -STOP "$monitor"
kill9 "$worker"
check "a stopped monitor does not keep the supervisor" wait_gone "$supervisor"
check "it is ended" wait_gone "$monitor"
check "what is left can be unmounted" unmount_it -d "$diff" --force
check "and be mounted" mount_it
check "and unmounted" unmount_it

# ---- as an ordinary user, who unmounts by fusermount3
become_user
rm -f "$work/pid"
before=$(catalog_sum "$store")
run_user() { as "$pguser" "$@"; }
ids="$pguid $pguid $pguid $pguid" bounding=any groups=$(id -G "$pguser" | tr ' ' '\n' | sort -n | tr '\n' ' ' | sed 's/ *$//')
monitor_caps=$none monitor_filtered="0 0"
life user
without_monitor user
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
