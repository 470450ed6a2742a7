# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Snapshots of a mount under all kinds of load: nobody notices that its worker is replaced each time.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
snapshots=${PBKFS_SNAPSHOTS:-20}
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
supervisor=$(supervisor_pid)
generation() { pbkfs stat -D "$mnt" --format json | sed -n 's/.*"generation": *\([0-9]*\).*/\1/p' | head -n 1; }
stress_prepare
stress_begin 100000 $stress_all
i=0
while [ $i -lt "$snapshots" ]; do
	i=$((i + 1))
	check "snapshot $i" pbkfs snapshot -d "$diff" "s$i" || break
	sed 's/.*: /# /' "$work/out"
done
stress_end "no wrong byte, no wrong errno"
equal "each of them is there" "$snapshots" "$(ls "$diff/layers" | wc -l)"
check "the log tells of nothing else" log_is_quiet
equal "nobody died" 0 "$(deaths)"
equal "the supervisor is the first one" "$supervisor" "$(supervisor_pid)"
check "files of the backup are as their copies" same_as_ref
check "remount" remount --wal=mount
check "they still are after a remount" same_as_ref
check "unmount" unmount_it
plan_done
