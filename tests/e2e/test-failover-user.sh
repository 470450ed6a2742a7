# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Workers of an ordinary user's mount, made through fusermount3, are killed at random moments under
# his load: nobody notices, and nothing needs root.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
. "$srcdir/tests/lib-user.sh"
fixture
[ "$kills" -ge 50 ] || kills=50
before=$(catalog_sum "$store")
become_user
cp "$support/stress" "$work"
chmod 0755 "$work/stress"
load_user=$pguser stress=$work/stress
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
supervisor=$(supervisor_pid)
equal "the supervisor is the user's" "$pguid" "$(awk '$1 == "Uid:" { print $2 }' "/proc/$supervisor/status")"
kill_under_load
equal "the worker is confined as the first was" 2 "$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$(worker_pid)/status")"
equal "and has no capabilities" 0000000000000000 "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$(worker_pid)/status")"
check "files of the backup are as their copies" same_as_ref
run_load rm -rf "$mnt/stress"
check "stat" pbk stat -D "$mnt"
check "remount" remount --wal=mount
check "they still are after a remount" same_as_ref
check "unmount" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
