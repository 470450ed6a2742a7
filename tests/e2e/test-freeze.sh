# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Processes of a mount stand still under load for longer than a worker may hang, as at suspend, in a
# frozen cgroup or by SIGSTOP: nothing fails, and the supervisor kills nobody for it.
# PBKFS_FREEZE: how many seconds each stands still (make check-long).
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
new_diff
seconds=${PBKFS_FREEZE:-12}	# FAILOVER_HANG_SECONDS and some
check "mount" mount_it --wal=mount || { plan_done; exit; }
supervisor=$(supervisor_pid) worker=$(worker_pid)

# A cgroup that can be frozen: version 1, or 2 where that is mounted.
freezer=
for place in /sys/fs/cgroup/freezer /sys/fs/cgroup /sys/fs/cgroup/unified; do
	[ -f "$place/cgroup.procs" ] && mkdir "$place/pbkfs-test-$$" 2>/dev/null || continue
	if [ -f "$place/pbkfs-test-$$/freezer.state" ] || [ -f "$place/pbkfs-test-$$/cgroup.freeze" ]; then
		freezer=$place/pbkfs-test-$$
		break
	fi
	rmdir "$place/pbkfs-test-$$"
done
freeze() { if [ -f "$freezer/freezer.state" ]; then echo FROZEN >"$freezer/freezer.state"; else echo 1 >"$freezer/cgroup.freeze"; fi; }
thaw() { if [ -f "$freezer/freezer.state" ]; then echo THAWED >"$freezer/freezer.state"; else echo 0 >"$freezer/cgroup.freeze"; fi; }
leave_freezer() {
	[ -n "$freezer" ] || return 0
	thaw
	for p in $(cat "$freezer/cgroup.procs"); do echo "$p" >"${freezer%/*}/cgroup.procs"; done
	rmdir "$freezer"
	freezer=
} 2>/dev/null
trap 'leave_freezer; e2e_cleanup' EXIT

frozen() { freeze; sleep "$seconds"; thaw; }
stopped() { kill -STOP "$@"; sleep "$seconds"; kill -CONT "$@" 2>/dev/null; }
# The process that wakes up second finds the other one long awake.
worker_last() { kill -STOP "$supervisor" "$worker"; sleep "$seconds"; kill -CONT "$supervisor"; sleep 4; kill -CONT "$worker"; }
supervisor_last() { kill -STOP "$supervisor" "$worker"; sleep "$seconds"; kill -CONT "$worker"; sleep 4; kill -CONT "$supervisor"; }
# still DESCRIPTION DEATHS COMMAND...
still() {
	what=$1 expected=$(($(deaths) + $2)); shift 2
	stress_prepare
	stress_begin 100000 $stress_all
	sleep 1	# its calls are under way
	"$@"
	sleep 2	# a wrong judgement would come within this time
	check "$what: the load goes on" stress_running
	stress_end "$what: no wrong byte, no wrong errno"
	equal "$what: no needless kill" "$expected" "$(deaths)"
	run_load rm -rf "$mnt/stress"
}
if [ -n "$freezer" ]; then
	for p in "$supervisor" "$worker"; do echo "$p" >"$freezer/cgroup.procs"; done
	still "frozen cgroup" 0 frozen
	leave_freezer
fi
still "supervisor stopped" 0 stopped "$supervisor"
still "both stopped, the worker wakes last" 0 worker_last
still "both stopped, the supervisor wakes last" 0 supervisor_last
# A stopped worker alone is replaced: its users would wait for ever.
still "worker stopped" 1 stopped "$worker"
equal "the supervisor is the first one" "$supervisor" "$(supervisor_pid)"
check "files of the backup are as their copies" same_as_ref
check "unmount" unmount_it
plan_done
