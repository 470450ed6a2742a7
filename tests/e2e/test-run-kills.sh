# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Kills and signals at random moments of a run, from its first instant on: whatever they hit, nothing is
# left.  PBKFS_ROUNDS rounds (10; make check-long: 100); PBKFS_SEED repeats one that failed.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-$((60 + 20 * ${PBKFS_ROUNDS:-10}))}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-run.sh"
fixture
chance_begin
# All processes of the run, its server and its mount.
processes() { strangers | awk '$2 !~ /^(awk|tr|script|sleep)$/ && !/pidwait|awk/ { print $1 }'; }
round=0
while [ $round -lt "${PBKFS_ROUNDS:-10}" ]; do
	round=$((round + 1))
	run -q -- psql -XAtqd postgres -c 'create table r as select generate_series(1, 100000) g' -c 'select pg_sleep(1)' >"$work/run.out" 2>&1 &
	front=$!
	next 1500; moment=$n
	sleep "$(awk "BEGIN { print $moment / 1000 }")"
	set -- $(processes)
	next 6
	case $n in
	0) what=TERM; kill -TERM "$(pgrep -o -x pbkfs)" ;;
	1) what=INT; kill -INT "$(pgrep -o -x pbkfs)" ;;
	*)	what="kill of nobody"
		if [ $# -gt 0 ]; then
			next $#; shift $n
			what="kill -9 of $(tr '\0' ' ' <"/proc/$1/cmdline" | cut -c 1-60)"
			kill -9 "$1"
		fi ;;
	esac 2>/dev/null
	wait $front 2>/dev/null
	# a killed front has a guardian that works on
	for p in $(processes); do "$support/pidwait" "$p" 30; done
	equal "round $round, $what after $moment ms: nothing is left" "" "$(run_leftovers)" || note "PBKFS_SEED=$seed"
done
plan_done
