# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Workers are killed at random moments under load: nobody notices.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
before=$(catalog_sum "$store")
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
supervisor=$(supervisor_pid)
kill_under_load
check "files of the backup are as their copies" same_as_ref
rm -rf "$mnt/stress"
check "stat" pbkfs stat -D "$mnt" --format json
# stat has the last 32 deaths: generation, time, reason and gap of each.
told() { tr -d '\n ' <"$work/stat" | grep -o '{"generation":[0-9]*,"time":"[^"]*","reason":"endedbysignal9[^"]*","gap_ms":[0-9.]*}'; }
cp "$work/out" "$work/stat"
equal "stat tells of each of the last ones" $((kills < 32 ? kills : 32)) "$(told | wc -l)"
equal "the last one was that generation" "\"generation\":$kills" "$(told | tail -n 1 | grep -o '"generation":[0-9]*')"
check "and its gap was measured" eval 'told | tail -n 1 | grep -q "\"gap_ms\":[0-9.]*[1-9]"'
check "remount" remount --wal=mount
check "they still are after a remount" same_as_ref
check "unmount" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
