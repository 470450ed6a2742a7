# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The story of test-mute.sh and test-mute-user.sh; $mute_user mounts.
pbkfs_for_all
command_of() { if [ "$mute_user" = root ]; then "$@"; else as "$mute_user" "$@"; fi; }
# in_time SECONDS COMMAND...
in_time() { in_time=$1; shift; command_of timeout -s KILL "$in_time" "$work/pbkfs" "$@"; }
mkdir -m 0755 "$work/fs" "$work/at"; chown "$pguser:" "$work/fs"
"$builddir/tests/bench/passthrough" -u "$pguid:$pggid" "$work/fs" "$work/at" & server=$!
until is_mounted "$work/at"; do kill -0 "$server" || exit 99; done
diff=$work/at/diff
mute() { kill -USR1 "$server"; }
speak() { kill -USR2 "$server"; }
begin() {
	new_diff
	command_of "$work/pbkfs" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait >"$work/out" 2>&1 || { show "$work/out"; return 1; }
	worker=$(worker_pid) supervisor=$(supervisor_pid)
	command_of sh -c 'echo changed >"$1/changed"' - "$mnt"
}
# by_force COMMAND...: ends both, or what of them is in the file system already, where no signal reaches
# it, ends once there are answers, and that is said; nothing of root's is left for them.
waits_in_kernel() { [ ! -e "/proc/$1" ] || awk '$1 == "State:" { exit $2 != "D" && $2 != "Z" }' "/proc/$1/status"; }
by_force() {
	if timeout -s KILL 45 "$work/pbkfs" "$@"; then [ ! -e "/proc/$worker" ] && [ ! -e "/proc/$supervisor" ]; else
		said "is unmounted, but its diff directory .* does not answer|do not end" "$work/.err" && waits_in_kernel "$supervisor" && waits_in_kernel "$worker"
	fi && [ "$(ls /run/pbkfs)" = "" ]
}
end_of_both() { wait_gone "$supervisor" "$worker"; }

check "mount" begin || { plan_done; exit; }
mute
# Root finds the supervisor by its record, and that answers without the directory.
if [ "$mute_user" = root ]; then
	check "stat" in_time 12 stat -D "$mnt"
else
	refuse "stat" "diff directory does not answer" in_time 12 stat -D "$mnt"
fi
check "list" in_time 12 list
cp "$work/out" "$work/all"
# Root's supervisors listen where it does answer.
if [ "$mute_user" = root ]; then state=mounted; else state=unknown; fi
check "shows what is known without it: $state" grep -Eq "^$mnt  *$state .* $diff " "$work/all"
refuse "cleanup" "$diff\" did not answer within 10 seconds: nothing was removed" in_time 20 cleanup -d "$diff"
check "the mount is there" is_mounted "$mnt"
refuse "unmount" "is unmounted, but its diff directory .* does not answer" in_time 30 unmount -D "$mnt"
check "unmounts" eval '! is_mounted "$mnt"'
speak
check "both processes end once there are answers" end_of_both
check "in order: mount" command_of "$work/pbkfs" mount -D "$mnt" -d "$diff" -B "$store" -I "$instance" -i "$id" --wait
equal "what was written is there" changed "$(command_of cat "$mnt/changed")"
worker=$(worker_pid) supervisor=$(supervisor_pid)

for name in "-D $mnt" "-d $diff" "-D $mnt -d $diff"; do
	mute
	# shellcheck disable=SC2086
	if [ "$mute_user" = root ]; then
		check "unmount --force $name ends the supervisor" by_force unmount --force $name
	else
		refuse "unmount --force $name" "is unmounted, but its diff directory .* does not answer" in_time 45 unmount --force $name
	fi
	check "unmounts" eval '! is_mounted "$mnt"'
	speak
	check "both processes end" end_of_both
	check "mount again" begin
done
mute
check "root's unmount --force ends the supervisor" by_force unmount --force -D "$mnt"
speak; end_of_both
check "mount again" begin
if [ "$mute_user" = root ]; then
	mute; umount -l "$mnt"
	check "unmount --force of what is mounted no more ends it" by_force unmount --force -d "$diff"
	speak; end_of_both
	check "mount again" begin
fi
mute
refuse "cleanup --force" "did not answer within 10 seconds: nothing was removed" in_time 60 cleanup --force -d "$diff"
check "unmounts" eval '! is_mounted "$mnt"'
speak
check "both processes end" end_of_both
check "cleanup --force with answers" in_time 30 cleanup --force -d "$diff"
plan_done
