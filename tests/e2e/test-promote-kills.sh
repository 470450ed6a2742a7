# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A promotion that is killed at a random moment: no mount takes the diff directory, and the same command
# ends it, or it is taken back and begun anew.  PBKFS_ROUNDS rounds (10; make check-long: 100); PBKFS_SEED
# repeats one that failed.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-$((60 + 20 * ${PBKFS_ROUNDS:-10}))}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
fixture
chance_begin
promote_processes() { pgrep -x pbkfs; }
state() { sed -n 's/^step //p' "$diff/.pbkfs-promote" 2>/dev/null; }

check "detach" detach_it --wal=direct || { plan_done; exit; }
cp -a --sparse=always "$diff" "$work/detached"
again() { rm -rf "$diff"; cp -a "$work/detached" "$diff"; new_place; }
again
from=$(now)
check "a whole one" promote_it
took=$(($(now) - from))
like_promoted "a whole one"

round=0 killed=0 building=0
while [ $round -lt "${PBKFS_ROUNDS:-10}" ]; do
	round=$((round + 1))
	again
	nice -n 19 "$(command -v pbkfs)" promote -d "$diff" --to "$pgdata" >"$work/killed.out" 2>&1 &
	front=$!
	next $((took * 3 / 2)); moment=$n
	sleep "$(awk "BEGIN { print $moment / 1000 }")"
	set -- $(promote_processes)
	next $(($# + 1))
	# One of them, or all.
	if [ $n -lt $# ]; then shift $n; set -- $1; fi
	what="kill of $# processes after $moment of $took ms"
	[ $# -eq 0 ] || kill -9 "$@" 2>/dev/null
	wait $front 2>/dev/null
	for p in $(promote_processes); do "$support/pidwait" "$p" 30; done
	step=$(state)
	it="round $round, $what, ${step:-no step}"
	if [ -n "$step" ]; then
		killed=$((killed + 1))
		refuse "$it: no mount takes it" "promotion of .* is unfinished" pbkfs mount -d "$diff" -D "$mnt" || note "PBKFS_SEED=$seed"
		refuse "$it: nothing cleans it up" "promotion of .* is unfinished" pbkfs cleanup -d "$diff"
	fi
	if [ "$step" = building ] && [ $((building = building + 1)) -gt 0 ] && [ $((building % 2)) -eq 0 ]; then
		check "$it: it is taken back" pbkfs promote -d "$diff" --abort
		equal "$it: nothing is left of it" "" "$(ls -A "$place" | grep pbkfs; state)"
	elif [ "$step" = switching ] || [ "$step" = emptying ]; then
		refuse "$it: nothing is taken back" "cannot be taken back" pbkfs promote -d "$diff" --abort
	fi
	if [ -n "$(ls -A "$diff")" ]; then
		check "$it: the same command ends it" promote_it || note "PBKFS_SEED=$seed"
	fi
	like_promoted "$it"
done
check "some were killed on the way ($killed of $round)" [ $killed -ge $((round / 5)) ]
plan_done
