# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A local user who can reach the mount floods it, while a server runs on it: he gets nothing
# that the modes keep from him, and the server goes on.  PBKFS_LIMIT_SECONDS makes it last longer.
. "$srcdir/tests/lib-e2e.sh"
fixture
seconds=${PBKFS_LIMIT_SECONDS:-15}
hostile=nobody
cp --remove-destination "$support/flood" "$work" && chmod 0755 "$work/flood" || exit 99

new_diff
check "mount" mount_it || { plan_done; exit; }
check "a server starts" pg_start "$mnt" -c fsync=on || { plan_done; exit; }
sql -c 'create table beside (n int)'
worker=$(worker_pid) supervisor=$(supervisor_pid)

# ---- a mount as it is: closed to others
refuse "others do not list it" "Permission denied" as "$hostile" ls "$mnt/"
refuse "nor what is in it" "Permission denied" as "$hostile" cat "$mnt/PG_VERSION"

# ---- its owner lets everybody in, to one directory
chmod 0711 "$mnt" && mkdir -m 0777 "$mnt/open" || exit 99
status() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$worker/status"; }
as "$hostile" "$work/flood" "$mnt/open" "$seconds" >"$work/flood.out" 2>&1 &
flood=$!
begin=$(date +%s) slowest=0 queries=0 failed=0 most_fds=0 most_memory=0
while kill -0 $flood 2>/dev/null; do
	then=$(date +%s)
	sql -c 'insert into beside values (1)' -c 'checkpoint' >>"$work/sql.out" 2>&1 || failed=$((failed + 1))
	took=$(($(date +%s) - then)) queries=$((queries + 1))
	[ $took -le $slowest ] || slowest=$took
	fds=$(ls "/proc/$worker/fd" | wc -l) memory=$(status VmData)
	[ "$fds" -le $most_fds ] || most_fds=$fds
	[ "${memory:-0}" -le $most_memory ] || most_memory=$memory
done
wait $flood; flooded=$?
equal "no attack got what it must not get" 0 $flooded
[ $flooded -eq 0 ] || show "$work/flood.out"
equal "each attack was made" 14 "$(grep -Ec '^[a-z-]+ [1-9][0-9]*$' "$work/flood.out")"
note "rounds of each: $(tr '\n' ' ' <"$work/flood.out" | cut -c 1-400)"
note "$queries queries with a checkpoint in $(($(date +%s) - begin)) s, the slowest took $slowest s; worker: at most $most_fds descriptors, $most_memory KiB of data"
equal "the server went on beside it" 0 $failed
[ $failed -eq 0 ] || show "$work/sql.out"
equal "with all that it wrote" $queries "$(sql -c 'select count(*) from beside')"
check "no worker was replaced" first_worker
soft_limit() { awk -v key="$1" 'index($0, key) == 1 { sub(key, ""); print $1 }' "/proc/$worker/limits"; }
check "the worker stayed below its limit of descriptors" [ "$most_fds" -lt "$(soft_limit 'Max open files')" ]
check "and of memory" [ "$most_memory" -lt $(($(soft_limit 'Max data size') / 1024)) ]
equal "the log has no error" "" "$(grep ' error: ' "$diff/.pbkfs/pbkfs.log" | head -n 5)"
check "the supervisor lives" kill -0 "$supervisor"

# ---- afterwards
as "$hostile" sh -c 'cd "$1" && rm -rf ./*' - "$mnt/open"
check "the directory can be emptied" rmdir "$mnt/open"
chmod 0700 "$mnt"
check "the server stops" pg_stop "$mnt"
manifest "$mnt" >"$work/then"
check "unmount" unmount_it
check "mount again" mount_it
manifest "$mnt" >"$work/now"
same "everything is there" "$work/then" "$work/now"
check "the server starts again" pg_start "$mnt"
equal "with all that it wrote" $queries "$(sql -c 'select count(*) from beside')"
check "the server stops" pg_stop "$mnt"
check "unmount again" unmount_it
plan_done
