# A mount that was told to go while it is in use goes as soon as it is free.
. "$srcdir/tests/lib-e2e.sh"
fixture
new_diff
log=$diff/.pbkfs/pbkfs.log
check "mount" mount_it || { plan_done; exit; }
supervisor=$(supervisor_pid) worker=$(worker_pid)
mkfifo "$work/end"
(cd "$mnt" && exec 5<PG_VERSION && echo >"$work/end" && exec sleep 1000) & user=$!
read -r _ <"$work/end"
tail -n +1 -f --pid="$supervisor" "$log" 2>/dev/null | grep -m 1 -q 'stays mounted' & waiting=$!
kill "$supervisor"
check "the log says that it waits" wait "$waiting"
check "and for whom" grep -Eq "stays mounted: .*\(pid $user\)" "$log"
pbkfs stat -D "$mnt" >"$work/text" 2>&1
check "stat says it" grep -Eq "^LEAVING .*\(pid $user\)" "$work/text"
pbkfs stat -D "$mnt" --format=json >"$work/json" 2>&1
check "and as JSON" grep -Eq '"leaving": ?true' "$work/json"
check "new opens are served" cat "$mnt/PG_VERSION"
refuse "unmount says who is in the way" "in use by .*pid $user" unmount_it
kill -INT "$supervisor"
kill "$user"
check "it goes when it is free" wait_gone "$supervisor" "$worker"
refuse "nothing is mounted" "" is_mounted "$mnt"
check "in order" grep -q 'unmounted "' "$log"
check "mount again" mount_it
check "unmount" unmount_it
plan_done
