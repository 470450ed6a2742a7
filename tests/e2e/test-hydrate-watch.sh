# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Who waits for hydration is told the truth: that it is over, that the mount has ended, and that it has not stopped.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
fixture
# begin_watch OPTION...: in the background, with what it says in $work/watch.
begin_watch() {
	pbkfs hydrate -D "$mnt" --rate 8K "$@" >"$work/watch" 2>&1 &
	watcher=$!
	for bw in $(seq 100); do ! grep -q 'are to be copied' "$work/watch" || return 0; sleep 0.1; done
	false
}
# ends_with STATUS: waits for it.
ends_with() {
	for ew in $(seq 100); do kill -0 $watcher 2>/dev/null || break; sleep 0.1; done
	kill $watcher 2>/dev/null
	wait $watcher
	[ $? -eq "$1" ]
}

# ---- the mount ends ---------------------------------------------------------------
for option in --watch --wait; do
	new_diff
	check "mount" mount_it --wal=mount
	check "hydrate $option begins" begin_watch $option
	check "unmount meanwhile" unmount_it
	check "$option ends with the mount" ends_with 1
	check "and says so" said 'the supervisor of .* has ended: the mount was unmounted, or it was killed' "$work/watch"
	check "in no other words" eval '! grep -i -E "broken pipe|does not answer|reset" "$work/watch"'
done

new_diff
check "mount for a supervisor to be killed" mount_it --wal=mount
check "hydrate --watch begins" begin_watch --watch
supervisor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$(worker_pid)/status")
check "kill -9 of the supervisor" kill9 "$supervisor"
check "--watch ends with it" ends_with 1
check "and says so, too" said 'has ended: the mount was unmounted, or it was killed' "$work/watch"
refuse "the next command finds nobody" "supervisor .* is gone" hydrate_it
check "unmount what is left" unmount_it

# ---- a store that does not answer: what is being read does not end --------------------
real=$store store=$work/at
mkdir -m 0755 "$store"
"$builddir/tests/bench/passthrough" -u "$pguid:$pggid" "$real" "$store" & server=$!
until is_mounted "$store"; do kill -0 "$server" || exit 99; done
new_diff
check "mount of a store that will not answer" mount_it --wal=mount
kill -USR1 "$server"
check "hydrate" hydrate_it
refuse "--stop says that it is not stopped" "was told to stop, and has not within 10 seconds" hydrate_it --stop
equal "and stat agrees" copying "$(hydrate_state)"
kill -USR2 "$server"
check "--stop again, now that the store answers" hydrate_it --stop
check "it is stopped, and says so" said 'is stopped; what is copied stays' "$work/out"
equal "and stat agrees again" off "$(hydrate_state)"

# ---- a worker that dies when it was told to stop ------------------------------------
orders() { grep -c 'hydration was told to stop' "$diff/.pbkfs/pbkfs.log"; }
check "hydrate again" hydrate_it --rate 8K
check "it is under way" until_state copying
worker=$(worker_pid) earlier=$(orders)
kill -STOP "$worker"
pbkfs hydrate -D "$mnt" --stop >"$work/watch" 2>&1 &
watcher=$!
until [ "$(orders)" -gt "$earlier" ]; do kill -0 $watcher || break; sleep 0.1; done
check "kill -9 of a worker that was told" kill9 "$worker"
check "--stop ends: the next one does not copy" ends_with 0
check "it says so" said 'is stopped; what is copied stays' "$work/watch"
equal "and so does stat" off "$(hydrate_state)"

# ---- a terminal of 80 columns has room for what is asked for most -----------------------
check "hydrate on a terminal" begin_watch --watch
"$support/terminal" -r 24 -c 80 "$work/shown" pbkfs hydrate -D "$mnt" --watch 2>"$work/err" <<'DO'
see left
type \003
DO
check "the bar has the time left" grep -qE '%, [0-9.]+ MB/s, left [0-9]+[mh] [0-9][0-9][ms], [0-9]+ of' "$work/shown"
check "which Ctrl-C ends, not the copy" said 'goes on in the background' "$work/shown"
kill $watcher; wait $watcher

# ---- the end is told when it comes, not at the next second ---------------------------
check "hydrate on, slowly" begin_watch --wait
check "another command lifts the limit" hydrate_it --wait
check "both end" ends_with 0
check "and say that it is detached" said 'is detached: it needs no store any more' "$work/watch"
check "unmount at last" unmount_it
plan_done
