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
refuse "to no snapshot" "there is no snapshot of that name" pb reset --to none
like_state "which changes nothing" trunk "$work/one.state"
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
plan_done
