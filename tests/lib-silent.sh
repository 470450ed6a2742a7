# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The story of test-silent.sh; $silent_user is who mounts and unmounts.
pbkfs_for_all
command_of() { if [ "$silent_user" = root ]; then "$@"; else as "$silent_user" "$@"; fi; }
# until_second SECONDS: unmount, with Ctrl-C then.
until_second() { command_of timeout -s INT "$1" "$work/pbkfs" unmount -D "$mnt"; }
begin() {
	new_diff
	command_of "$work/pbkfs" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait >"$work/out" 2>&1 || { show "$work/out"; return 1; }
	worker=$(worker_pid) supervisor=$(supervisor_pid)
	kill -STOP "$supervisor"
}
end() { kill9 "$supervisor" "$worker"; wait_gone "$supervisor" "$worker"; ! is_mounted "$mnt" || umount -l "$mnt"; }

check "mount" begin || { plan_done; exit; }
refuse "Ctrl-C in the first second" '^pbkfs error: interrupted; "'"$mnt"'" may' until_second 0.5
equal "in one line" 1 "$(wc -l <"$work/err")"
refuse "Ctrl-C in the fifth" '^pbkfs error: interrupted; "'"$mnt"'" is unmounted' until_second 4.7
check "after it was said for whom it waits" said "waiting for its supervisor \(pid $supervisor\), which does not answer" "$work/err"
check "it is unmounted" eval '! is_mounted "$mnt"'
end; check "mount" begin
began=$(date +%s)
refuse "unmount gives up" "its supervisor \(pid $supervisor\) does not answer: pbkfs unmount --force" command_of timeout 30 "$work/pbkfs" unmount -D "$mnt"
took=$(($(date +%s) - began))
check "after ten seconds: $took" [ "$took" -ge 9 -a "$took" -le 12 ]
check "force ends it" command_of timeout 30 "$work/pbkfs" unmount --force -d "$diff"
check "and its worker" [ ! -e "/proc/$supervisor" -a ! -e "/proc/$worker" ]
plan_done
