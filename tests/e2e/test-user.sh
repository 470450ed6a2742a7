# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything as an ordinary user, through fusermount3.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
before=$(catalog_sum "$store")
become_user
cp "$support/fsops" "$work"
new_diff
check "mount" mount_it || { plan_done; exit; }
equal "the worker is the user" "$pguid" "$(awk '$1 == "Uid:" { print $2 }' "/proc/$(worker_pid)/status")"
equal "without capabilities" 0000000000000000 "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$(worker_pid)/status")"
equal "confined by seccomp" 2 "$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$(worker_pid)/status")"
for option in nosuid nodev noexec default_permissions; do
	check "the mount is $option" eval 'awk -v m="$mnt" "\$2 == m { print \",\" \$4 \",\" }" /proc/self/mounts | grep -q ",$option,"'
done
refuse "nobody else looks inside, root neither" "denied" ls "$mnt"
as "$pguser" sh -c 'cp /bin/true "$1" && chmod 6755 "$1"' - "$mnt/program"
equal "no file is set-user-ID or set-group-ID" 755 "$(as "$pguser" stat -c %a "$mnt/program")"
as "$pguser" rm "$mnt/program"
like_oracle "files are those of the restore" "$oracle" "$mnt" -L pg_wal
check "stat" pbk stat -D "$mnt"
as "$pguser" mkdir "$mnt/ops"
tap_from as "$pguser" "$work/fsops" ops "$mnt/ops"
as "$pguser" rm -rf "$mnt/ops"
check "the server starts" pg_start "$mnt"
check "pgbench" as "$pguser" "$pgbin/pgbench" -h "$sock" -U postgres -c 2 -T 2 -n postgres
rows=$(sql -c 'select count(*) from pgbench_history')
refuse "a busy mount stays" "busy|in use|postgres" unmount_it
check "the server stops" pg_stop "$mnt"
check "unmount" unmount_it
check "remount" mount_it
check "the server starts again" pg_start "$mnt"
equal "rows are there" "$rows" "$(sql -c 'select count(*) from pgbench_history')"
check "the server stops again" pg_stop "$mnt"
worker=$(worker_pid) supervisor=$(supervisor_pid)
check "kill -9 of both processes" kill9 "$worker" "$supervisor"
wait_gone "$worker" "$supervisor"
check "unmount of the dead mount" unmount_it -d "$diff" --force
check "mount after the kill" mount_it
check "unmount" unmount_it
# A user's usual limit of locked memory is less than the buffers of eight threads: most are locked.
ulimit -l 8192
check "mount with eight threads" mount_it --threads=8
locked=$(awk '$1 == "VmLck:" { print $2 }' "/proc/$(worker_pid)/status")
check "buffers are locked as far as the limit goes: $locked kB" [ "$locked" -ge 7000 ]
check "unmount at the end" unmount_it
check "cleanup" pbk cleanup -d "$diff"
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
