# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A mount goes back to a snapshot where it is: it is another connection, and nothing that the kernel knew of the old state is seen
# in the new one.  What is in use stays as it is, and its users are named.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-branch.sh"
. "$srcdir/tests/lib-failover.sh"
fixture
new_diff
check "mount" mount_it --set port=7001 || { plan_done; exit; }
supervisor=$(supervisor_pid)
# Another connection has another number.
connection() { stat -c %d "$mnt"; awk -v m="$mnt" '$5 == m { print $1 }' /proc/self/mountinfo; }
refuse "no snapshot" "it has no snapshots" pb reset
check "the mount is there all the same" ls "$mnt/base"
mkdir "$mnt/kept"
echo one >"$mnt/kept/file"
check "a snapshot" pb snapshot one
walk trunk "$work/one.state"
echo two >"$mnt/kept/file"
check "another" pb snapshot two
walk trunk "$work/two.state"

# ---- busy -----------------------------------------------------------------------------------
exec 8>"$mnt/kept/held"
refuse "busy" "it is in use by sh \(pid $$\)" pb reset
echo more >&8
equal "what is in use goes on" more "$(cat "$mnt/kept/held")"
exec 8>&-
check "a server" start_branch trunk
refuse "a server is named" "it is in use by postgres" pb reset
check "it stops" stop_branch trunk

# ---- back ---------------------------------------------------------------------------------------
# Pages, sizes, names, and a name that is not there: all in the kernel's caches.
for round in 1 2 3; do
	echo "a longer text of round $round" >"$mnt/kept/file"
	mv "$mnt/kept" "$mnt/moved"
	rm -r "$mnt/global"
	walk trunk "$work/changed.state"
	check "back ($round)" pb reset
	sed 's/.*: /# /' "$work/out"
	like_state "all is as in the snapshot ($round)" trunk "$work/two.state"
done
equal "the supervisor is the same" "$supervisor" "$(supervisor_pid)"
equal "stat names the snapshot" two "$(pbkfs stat -D "$mnt" --format json | sed -n 's/.*"snapshot": *"\([^"]*\)".*/\1/p')"
check "further back" pb reset --to one
like_state "all is as in the first one" trunk "$work/one.state"
# ---- to what cannot be stood on: before anything is done --------------------------------------------
echo more >"$mnt/kept/more"
walk trunk "$work/more.state"
connection=$(connection)
worker=$(worker_pid)
refuse "to no snapshot" 'there is no snapshot "none": pbkfs tree shows' pb reset --to none
equal "in one line" 1 "$(wc -l <"$work/err")"
mv "$diff/layers/two/seal" "$work/seal"
refuse "to a damaged one" 'could not stand on snapshot "two": .*no seal.*pbkfs tree shows' pb reset --to two
equal "in one line" 1 "$(wc -l <"$work/err")"
mv "$work/seal" "$diff/layers/two/seal"
mv "$diff/layers/one" "$work/one"
refuse "to one above a missing one" 'could not stand on snapshot "two": .*layer "one", which is missing' pb reset --to two
refuse "to the one below, which is missing" 'there is no snapshot "one": pbkfs tree shows' pb reset
mv "$work/one" "$diff/layers/one"
equal "the mount is the same" "$connection" "$(connection)"
equal "its worker, too" "$worker" "$(worker_pid)"
like_state "and what it shows" trunk "$work/more.state"
check "back all the same" pb reset
like_state "to the one below" trunk "$work/one.state"

# ---- what an earlier reset threw away is still there --------------------------------------------------
# waste FILES: takes a moment to remove.
waste() {
	mkdir -p "$diff/changes.old/data" && (cd "$diff/changes.old/data" && seq "$1" | xargs touch) &&
	    chown -R --reference="$diff/changes" "$diff/changes.old"
}
# The program that is there once the mount is gone.
stepper() { ! mountpoint -q "$mnt" && pgrep -f "^pbkfs: freezing: $mnt"; }
echo lost >"$mnt/kept/file"
waste 30000
pb reset >"$work/told" 2>&1 & asker=$!
until victim=$(stepper) || ! kill -0 "$asker" 2>/dev/null; do :; done
check "who resets is killed" kill9 "$victim"
check "it is reset all the same" wait "$asker"
like_state "indeed" trunk "$work/one.state"
# More than a pipe takes, by a scan for what a snapshot is called.
mkdir "$diff/layers/none"
for i in 1 2 3; do (cd "$diff/layers/" && seq "$i"000 "$i"999 | sed 's/$/-of-those-directories-that-are-no-snapshot/' | xargs mkdir); done
echo lost >"$mnt/kept/file"
began=$(date +%s)
check "a reset among much that is no snapshot" pb reset
check "at once" [ $(($(date +%s) - began)) -lt 40 ]
like_state "indeed" trunk "$work/one.state"
rmdir "$diff/layers/"*none "$diff/layers/"*no-snapshot
check "a server starts" start_branch trunk
equal "with the settings of the mount" 7001 "$(sql -p 7001 -c 'show port')"
check "it stops" stop_branch trunk

# ---- it can be killed, and unmounted, like any other ------------------------------------------------
worker=$(worker_pid)
kill9 "$worker"
echo after >"$mnt/kept/after"
equal "a worker that is killed is replaced" after "$(cat "$mnt/kept/after")"
check "a snapshot of it" pb snapshot three
check "unmount" unmount_it
check "the supervisor ends" wait_gone "$supervisor"
equal "nothing is left of what was thrown away" "" "$(leftovers)"
check "mount again" mount_it
check "as it was" [ "$(cat "$mnt/kept/after")" = after ]
check "unmount again" unmount_it

# ---- a step that never comes to its end ----------------------------------------------------------------
check "mount once more" mount_it
supervisor=$(supervisor_pid)
waste 60000
pb reset >"$work/told" 2>&1 & asker=$!
n=0
while kill -0 "$asker" 2>/dev/null; do
	for victim in $(stepper); do kill9 "$victim" && n=$((n + 1)); done 2>/dev/null
done
refuse "the command ends" "" wait "$asker"
check "after some tries" [ "$n" -ge 5 ]
check "and says why" grep -q "could not tell what has become of the diff directory" "$work/told"
check "the supervisor ends" wait_gone "$supervisor"
check "nothing is mounted" eval '! mountpoint -q "$mnt"'
check "mount for the last time" mount_it
check "it has what it had" [ "$(cat "$mnt/kept/after")" = after ]
check "unmount it" unmount_it
plan_done
