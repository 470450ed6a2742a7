# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The supervisor is killed alone: the worker goes on, and the mount can be ended in order.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
supervisor=$(supervisor_pid) worker=$(worker_pid) monitor=$(monitor_pid "$(supervisor_pid)")
stress_prepare
stress_begin 100000 $stress_all
check "kill -9 of the supervisor" kill9 "$supervisor"
check "it ends, and its monitor" wait_gone "$supervisor" "$monitor"
refuse "stat says what to do" "unmount" pbkfs stat -D "$mnt"
refuse "the diff directory cannot be mounted twice" "$worker|worker|in use|locked" \
    pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$work/tmp" -d "$diff" --wait
refuse "nor emptied" "$worker|worker|in use|locked|mounted" pbkfs cleanup -d "$diff"
sleep 2
check "the load goes on" stress_running
stress_end "no wrong byte, no wrong errno"
check "files of the backup are as their copies" same_as_ref
rm -rf "$mnt/stress"
printf 'not synced' >"$mnt/last"
exec 5<"$mnt/last"
refuse "a busy mount stays" "in use" unmount_it
exec 5<&-
check "unmount" unmount_it
check "the worker ends" wait_gone "$worker"
check "mount" mount_it --wal=mount
check "what was not synced is there" grep -q 'not synced' "$mnt/last"
check "files of the backup are as their copies" same_as_ref

# The worker dies later, too: the mount is dead, and stat says so.
supervisor=$(supervisor_pid) worker=$(worker_pid)
check "kill -9 of the supervisor once more" kill9 "$supervisor"
check "kill -9 of its worker" kill9 "$worker"
wait_gone "$supervisor" "$worker"
refuse "the mount gives errors" "not connected|aborted" ls "$mnt/base"
refuse "stat says what to do" "unmount" pbkfs stat -D "$mnt"
check "unmount of the dead mount" unmount_it -d "$diff" --force
check "mount" mount_it --wal=mount
check "files of the backup are as their copies" same_as_ref
check "unmount at the end" unmount_it
plan_done
