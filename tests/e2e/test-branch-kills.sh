# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Commands about snapshots and branches that are killed at a random moment: the state is that before or that after, the
# next command says which, and nothing is left over.  PBKFS_ROUNDS rounds (10; make check-long: 100); PBKFS_SEED
# repeats one that failed.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-$((60 + 30 * ${PBKFS_ROUNDS:-10}))}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-branch.sh"
fixture
chance_begin
processes() { pgrep -x pbkfs; }
snapshots() { ls "$diff/layers" 2>/dev/null | paste -sd' '; }
branches() { ls "$diff/branches" 2>/dev/null | paste -sd' '; }

new_diff
check "mount" mount_it --wal=direct
as "$pguser" sh -c "echo base >'$mnt/state'"
check "unmount" unmount_it
check "snapshot" pb snapshot base
check "a branch" pb branch b
check "mount b" mount_branch b
as "$pguser" sh -c "echo b >'$(at b)/state'; rm -r '$(at b)/base/1'; mv '$(at b)/global' '$(at b)/elsewhere'"
walk b "$work/b.state"
check "unmount b" unmount_branch b
check "mount the diff directory" mount_branch trunk
walk trunk "$work/base.state"
check "unmount the diff directory" unmount_branch trunk
cp -a --sparse=always "$diff" "$work/all"

from=$(now)
check "a whole one" pb branch whole
took=$(($(now) - from))
[ $took -lt 600 ] || took=600
note "a command takes about $took ms"

# begin COMMAND: what it is called with.
begin() {
	case $1 in
	snapshot) pb snapshot next --branch b ;;
	branch) pb branch c --from base ;;
	reset) pb reset --branch b ;;
	delete) pb delete --branch b ;;
	remove) pb delete --snapshot other ;;
	rename) pb rename --branch b d ;;
	esac
}
# Which state there is, by what there is.
state_of() {
	case $1 in
	snapshot) [ "$(snapshots)" = "base next other" ] && echo new || echo old ;;
	branch) [ "$(branches)" = "b c" ] && echo new || echo old ;;
	delete) [ "$(branches)" = "" ] && echo new || echo old ;;
	remove) [ "$(snapshots)" = "base" ] && echo new || echo old ;;
	rename) [ "$(branches)" = "d" ] && echo new || echo old ;;
	reset) echo either ;;
	esac
}
# Each branch that is there has one of the states that it can have.
holds() {
	for holds_b in $(branches); do
		check "$it: mount $holds_b" mount_branch $holds_b || note "PBKFS_SEED=$seed"
		walk $holds_b "$work/found.state"
		case $holds_b in
		c) same "$it: c is as the snapshot" "$work/base.state" "$work/found.state" ;;
		*) if [ $command != reset ]; then
			same "$it: $holds_b is as it was" "$work/b.state" "$work/found.state"
		   elif cmp -s "$work/base.state" "$work/found.state"; then
			ok "$it: $holds_b is as the snapshot"
		   else
			same "$it: $holds_b is as it was, or as the snapshot" "$work/b.state" "$work/found.state"
		   fi ;;
		esac
		check "$it: unmount $holds_b" unmount_branch $holds_b
	done
}

round=0 killed=0 done=0
while [ $round -lt "${PBKFS_ROUNDS:-10}" ]; do
	round=$((round + 1))
	for command in snapshot branch reset delete remove rename; do
		rm -rf "$diff"; cp -a "$work/all" "$diff"
		cp -a "$diff/layers/base" "$work/spare" 2>/dev/null; rm -rf "$work/spare"
		pb branch tmp --from base >/dev/null && pb snapshot other --branch tmp >/dev/null && pb delete --branch tmp >/dev/null
		leftovers >/dev/null
		next $((took * 3 / 2)); moment=$n
		delay=$(printf '0.%03d' $moment)
		begin $command >"$work/killed.out" 2>&1 &
		front=$!
		sleep $delay
		set -- $(processes)
		next $(($# + 1))
		if [ $n -lt $# ]; then shift $n; set -- $1; fi
		it="round $round, kill of $# processes of $command after $moment ms"
		if [ $# -gt 0 ] && kill -9 "$@" 2>/dev/null; then killed=$((killed + 1)); fi
		wait $front 2>/dev/null
		for p in $(processes); do "$support/pidwait" "$p" 30; done
		# Another command says to which state it came, a mount among them.
		next 2
		if [ $n -eq 1 ] || [ ! -d "$diff/branches/b" ]; then
			check "$it: tree" pb tree || note "PBKFS_SEED=$seed"
		else
			check "$it: mount" mount_branch b || note "PBKFS_SEED=$seed"
			check "$it: unmount" unmount_branch b
		fi
		it="$it, $(state_of $command)"
		[ "$(state_of $command)" = old ] || done=$((done + 1))
		holds
		# The next command that changes anything removes what is left over.
		check "$it: the next command" pb branch last --from base
		equal "$it: nothing is left over" "" "$(leftovers)"
	done
done
check "some were killed on the way ($killed, $done done)" [ $killed -gt 0 ]
plan_done
