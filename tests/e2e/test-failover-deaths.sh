# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Workers that die as soon as they start: the supervisor detaches the mount, nothing hangs, and the
# diff directory has everything.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
[ -f "$inject" ] || skip_all "there is no inject.so"
fixture
new_diff
printf 'live' >"$work/switch"; truncate -s 4096 "$work/switch"
check "mount" mount_injected "switch=$work/switch" --wal=mount || { plan_done; exit; }
supervisor=$(supervisor_pid)
stress_prepare
mkdir "$mnt/durable" "$work/durable"
stress_begin 3 -l "$work/state" durable=2
wait $stress_pid
stress_end "what was fsynced is noted"
printf 'read by a process' >"$mnt/open"
exec 5<"$mnt/open"
(dd if=/dev/zero of="$mnt/unsynced" bs=1M count=8 status=none; echo >"$work/written") 2>/dev/null
: >"$mnt/under way"
printf 'die!' | dd of="$work/switch" conv=notrunc status=none
kill9 "$(worker_pid)"
check "the supervisor gives up" wait_gone "$supervisor"
check "and says why" grep -q 'die as soon as they start' "$log"
check "how the last one died, too" grep -q 'die as soon as they start, the last one: ended by signal 4' "$log"
refuse "the mount is not there any more" "" is_mounted "$mnt"
refuse "an open file of it gives an error" "." timeout 20 cat <&5
check "ls of the mountpoint does not hang" timeout 20 ls "$mnt"
equal "and finds the directory below" "" "$(cat "$work/out")"
refuse "stat does not hang either" "not mounted|no mount|nothing is mounted" timeout 20 pbkfs stat -D "$mnt"
exec 5<&-
printf 'live' | dd of="$work/switch" conv=notrunc status=none
check "the diff directory mounts again" mount_it --wal=mount
stress_begin 1 -l "$work/state" verify=2
wait $stress_pid
stress_end "what was fsynced is there"
check "a name of the last moment is there" [ -e "$mnt/under way" ]
check "unmount" unmount_it
plan_done
