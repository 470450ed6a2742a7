# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The story of test-crowd.sh: $crowd_user is who mounts, $door prints where he may connect.
cp "$support/sockets" "$work/sockets"; chmod 0755 "$work/sockets"
bounded() { timeout -k 1 45 "$@"; }
begin() {
	new_diff
	if [ "$crowd_user" = root ]; then mount_it --owner "$pguser"; else mount_it; fi >"$work/out" 2>&1 || { show "$work/out"; return 1; }
	worker=$(worker_pid) supervisor=$(supervisor_pid)
}
# crowd: $crowd is the process whose threads connect for ever.
crowd() {
	: >"$work/crowded"
	setpriv --reuid="$pguser" --regid="$pggid" --clear-groups "$work/sockets" crowd "$(door)" 1500 >"$work/crowded" & crowd=$!
	until said crowded "$work/crowded"; do kill -0 "$crowd" || return 1; done
}
leave() { kill9 "$crowd"; wait "$crowd" 2>/dev/null; }
# within SECONDS COMMAND...: succeeds, and in that time.
within() {
	within=$1 began=$(date +%s); shift
	bounded "$@" || return 1
	[ $(($(date +%s) - began)) -le "$within" ]
}

check "mount" begin || { plan_done; exit; }
check "1500 threads of the owner connect" crowd
check "root's stat" within 4 pbkfs stat -D "$mnt"
check "has figures" said "^supervisor  *pid $supervisor$" "$work/out"
kill -STOP "$worker"
check "root's unmount --force with a stopped worker" within 20 pbkfs unmount --force -D "$mnt"
check "has ended both when it returns" [ ! -e "/proc/$supervisor" -a ! -e "/proc/$worker" ]
leave
for command in "unmount --force -D $mnt" "unmount --force -d $diff" "cleanup --force -d $diff"; do
	begin; crowd; kill -STOP "$worker" "$supervisor"
	# shellcheck disable=SC2086
	check "both stopped: root's $command" within 40 pbkfs $command
	check "has ended both when it returns" [ ! -e "/proc/$supervisor" -a ! -e "/proc/$worker" ]
	leave
done
begin; crowd
check "root's unmount" within 15 pbkfs unmount -D "$mnt"
check "has ended both when it returns" [ ! -e "/proc/$supervisor" -a ! -e "/proc/$worker" ]
leave
plan_done
