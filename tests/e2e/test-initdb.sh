# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A cluster that initdb makes inside the mount, and pgbench on it.
. "$srcdir/tests/lib-e2e.sh"
fixture
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
cluster=$mnt/newcluster
check "initdb" new_cluster "$cluster"
check "start" pg_start "$cluster" || { plan_done; exit; }
check "pgbench -i" pgbench_init -s 2
check "pgbench" as "$pguser" "$pgbin/pgbench" -h "$sock" -U postgres -c 2 -T 3 -n postgres
sql_rows >"$work/rows"
check "stop" pg_stop "$cluster"
check "checksums" as "$pguser" "$pgbin/pg_checksums" --check -D "$cluster"
manifest "$cluster" >"$work/before"
check "remount" remount --wal=mount
manifest "$cluster" >"$work/after"
same "the cluster is as it was" "$work/before" "$work/after"
check "start after the remount" pg_start "$cluster"
sql_rows >"$work/rows.after"
same "so are its rows" "$work/rows" "$work/rows.after"
check "stop after the remount" pg_stop "$cluster"
check "rm -r of the cluster" rm -r "$cluster"
check "unmount" unmount_it
plan_done
