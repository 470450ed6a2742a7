# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Processes of a mount are killed at random moments of a snapshot: it is made or it is not, and what the mount shows is the
# same.  PBKFS_ROUNDS rounds for each kind of process (8).  Where the worker lives, the mount is served.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-$((120 + 30 * ${PBKFS_ROUNDS:-8}))}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-branch.sh"
fixture
chance_begin
rounds=${PBKFS_ROUNDS:-8}
new_diff
check "mount" mount_it --wal=direct || { plan_done; exit; }
as "$pguser" dd if=/dev/urandom of="$diff/changes/pg_wal/much" bs=1M count=30 2>/dev/null
chmod 0600 "$mnt/pg_wal/much"
# The processes of the mount: workers, and who freezes, come and go.
processes() {
	for pr_p in /proc/[0-9]*; do
		case $(tr '\0' '\n' <"$pr_p/cmdline" 2>/dev/null | head -n 1) in "pbkfs: $1: $mnt") echo "${pr_p#/proc/}" ;; esac
	done
}
pause() { awk -v us="$1" 'BEGIN { printf "%.6f", us / 1e6 }' | xargs sleep; }
# snapshot_killed ROUND VICTIM: sets $made.
snapshot_killed() {
	name=s$1
	dd if=/dev/urandom of="$mnt/round" bs=8192 count=50 2>/dev/null && walk trunk "$work/round.state" || return 1
	pb snapshot "$name" >"$work/told" 2>&1 & asker=$!
	# Each second time while it freezes, which takes a moment because of its WAL.
	if [ $(($1 % 2)) -eq 0 ]; then
		until pgrep -f "^pbkfs: freezing: $mnt" >/dev/null || ! kill -0 "$asker" 2>/dev/null; do :; done
		next 20000
	else
		next 60000
	fi
	pause "$n"
	for victim in $(processes "$2"); do kill9 "$victim"; victims=$((victims + 1)); done 2>/dev/null
	made=no
	! wait "$asker" || made=yes
}
victims=0
round=0
for who in worker freezing supervisor; do
	i=0 served=0 done_anyway=0
	while [ $i -lt "$rounds" ]; do
		i=$((i + 1)) round=$((round + 1))
		snapshot_killed $round $who || { not_ok "round $round"; break; }
		# A supervisor that was killed leaves its worker, or nobody.
		if [ $who = supervisor ] && ls "$mnt" >/dev/null 2>&1; then served=$((served + 1)); fi
		if [ $who = supervisor ]; then
			unmount_it >/dev/null 2>&1 || unmount_it -d "$diff" --force >/dev/null 2>&1
			pb tree >"$work/tree" 2>&1 || { not_ok "tree in round $round"; show "$work/tree" 20; break; }
			mount_it >"$work/out" 2>&1 || { not_ok "mount in round $round"; show "$work/out" 20; break; }
		else
			pb tree >"$work/tree" 2>&1
		fi
		like_state "$who killed, snapshot $name made: $made" trunk "$work/round.state"
		there=no
		! [ -e "$diff/layers/$name" ] || there=yes
		[ $there = no ] || done_anyway=$((done_anyway + 1))
		if [ $made = yes ]; then equal "it is there, as the command has said" yes $there; fi
		[ $who = supervisor ] || equal "nobody else was told that it is" $made $there
		[ $there = no ] && continue
		pb branch $name --from $name >"$work/out" 2>&1 && mount_branch $name >"$work/out" 2>&1 || { not_ok "branch of $name"; show "$work/out" 20; break; }
		like_state "a branch of it has the state of then" $name "$work/round.state"
		unmount_branch $name
	done
	note "$who: $i snapshots, $done_anyway were made, $served times served without a supervisor"
done
check "some were killed" [ $victims -gt 0 ]
note "$victims were killed"
check "unmount" unmount_it
equal "nothing is left of what was not finished" "" "$(leftovers)"
plan_done
