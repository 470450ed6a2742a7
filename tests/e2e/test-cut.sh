# A mount that is cut off is not taken for one that was unmounted: umount -f, and an
# abort through fusectl, while somebody holds what was not written back, and idle.
. "$srcdir/tests/lib-e2e.sh"
need fusermount3
fixture
log=$diff/.pbkfs/pbkfs.log
mkdir "$work/ctl" && mount -t fusectl fusectl "$work/ctl" || skip_all "fusectl cannot be mounted"
device_minor() { awk -v m="$mnt" '$5 == m { sub(/.*:/, "", $3); print $3 }' /proc/self/mountinfo | tail -n 1; }
begin() { new_diff; mount_it >"$work/out" 2>&1 || { show "$work/out"; return 1; }; supervisor=$(supervisor_pid) worker=$(worker_pid); }
# Holds a file with changes that were not written back, until let_go.
hold() { exec 5<>"$mnt/PG_VERSION.new"; head -c 300000 /dev/zero >&5; }
let_go() { exec 5>&-; } 2>/dev/null
ended() { wait_gone "$supervisor" "$worker"; }
force() { umount -f "$mnt" 2>/dev/null; :; }
force_lazy() { umount -f -l "$mnt"; }
abort_it() { echo 1 >"$work/ctl/$(device_minor)/abort"; }
plain() { umount "$mnt"; }
lazy() { umount -l "$mnt"; }
ours() { unmount_it; }
said() { grep -Eq "$1" "$2"; }

# cut HOW WHAT-IT-SAYS hold|idle
cut() {
	begin || { not_ok "mount for $1"; return; }
	[ "$3" = idle ] || hold
	$1
	check "$1 ($3): the processes end" ended
	let_go
	check "$1 ($3): the log says what cut it" said "cut off: .*$2" "$log"
	refuse "$1 ($3): nothing says unmounted" "" grep -q 'INFO.*unmounted "\|: unmounted "' "$log"
	if is_mounted "$mnt"; then not_ok "$1 ($3): the dead mount is detached"; umount -l "$mnt"; else ok "$1 ($3): the dead mount is detached"; fi
	mount_it >"$work/out" 2>"$work/err"
	check "$1 ($3): the next mount says so" said "cut off: .*$2" "$work/err"
	unmount_it
	mount_it >"$work/out" 2>"$work/err"
	refuse "$1 ($3): and only the next" "" grep -q 'cut off' "$work/err"
	unmount_it
}
cut force 'umount -f' hold
cut force 'umount -f' idle
cut force_lazy 'umount -f' hold
cut abort_it 'aborted' hold
cut abort_it 'aborted' idle

# clean HOW hold|idle
clean() {
	begin || { not_ok "mount for $1"; return; }
	[ "$2" = idle ] || hold
	$1
	let_go
	check "$1 ($2): the processes end" ended
	check "$1 ($2): it is clean" said 'unmounted "' "$log"
	refuse "$1 ($2): nothing was cut" "" grep -q 'cut off' "$log"
	mount_it >"$work/out" 2>"$work/err"
	[ "$2" = idle ] || equal "$1 ($2): nothing is lost" 300000 "$(stat -c %s "$mnt/PG_VERSION.new")"
	unmount_it
}
clean plain idle
clean ours idle
clean lazy hold

# With --perf-unsafe a cut is what a crash is.
new_diff
mount_it --perf-unsafe >"$work/out" 2>&1
supervisor=$(supervisor_pid) worker=$(worker_pid)
hold; sync -f "$mnt"; force; let_go
check "perf-unsafe: the processes end" ended
refuse "perf-unsafe: the next mount refuses" "did not end cleanly" mount_it
plan_done
