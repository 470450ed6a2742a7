# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Two programs compared, for example before and after a change:
#
#	make bench-pair BENCH_PROGRAMS="NEW OLD" [BENCH_ROWS="ROW..."]
#
# Both mount the same backup, and each round measures every row with one and at once with the other,
# in alternating order, so that both meet the same noise of the machine.  Prints for each row the
# median time of each and the median of the rounds' ratios NEW/OLD, with the two between which the
# middle half of them lies; and the same ratio for the processor time of the mounts' processes,
# which depends less on what else runs.  A ratio whose range includes 1 shows no difference.
#
# BENCH_ROUNDS	how many rounds (15)
# BENCH_SCALE	size of the data (0.5: a relation of 45 MB)
# BENCH_SECONDS	length of a pgbench run (4)
# BENCH_CODEC, BENCH_DIR	as in bench.sh
: "${BENCH_ROUNDS:=15}" "${BENCH_SCALE:=0.5}" "${BENCH_SECONDS:=4}" "${BENCH_CODEC:=zlib}" \
    "${TMPDIR:=${BENCH_DIR:-/tmp}}" "${PBKFS_E2E_TIMEOUT:=3600}"
export BENCH_ROUNDS BENCH_SCALE BENCH_SECONDS BENCH_CODEC TMPDIR PBKFS_E2E_TIMEOUT
export BENCH_CODECS="$BENCH_CODEC"
bench=$srcdir/tests/bench
unset MALLOC_CHECK_ MALLOC_PERTURB_	# they slow the programs
# "mount" is first: it makes the mounts that the others use, without what the last round wrote.
quick_rows="mount read random first again scatter commit append own"
[ $# -eq 2 ] || { echo "usage: make bench-pair BENCH_PROGRAMS=\"NEW OLD\" [BENCH_ROWS=\"$quick_rows tpcb\"]" >&2; exit 2; }

. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
for bench_part in results sides fixture cost rows-server; do . "$bench/$bench_part.sh"; done
need pgbench
need psql
pg_any
bench_began=$(date +%s) bench_row=pair
mkdir -p "$raw"
cp "$1" "$work/bin/new" && cp "$2" "$work/bin/old" || exit 1
# The two programs are the sides.
pbk() { pair_program=$1; shift; "$work/bin/$pair_program" "$@"; }
side_port() { case $1 in new) echo 5501 ;; *) echo 5502 ;; esac; }
big() { echo "$(side_dir $1)/$pair_path"; }
evicted() { ioload evict "$(big $1)" >/dev/null; }

# Each prints the time of one thing on one side: microseconds, a block or whatever it is.
pair_mount()   { side_drop $1; pair_s=$(seconds side_mount $1) && calc "$pair_s * 1e6"; }
pair_read()    { evicted $1; ioload seq "$(big $1)" | awk '{ print 8192 / $1 }'; }
pair_random()  { evicted $1; ioload random 2000 "$(big $1)"; }
pair_first()   { ioload write "$(big $1)"; }
pair_again()   { ioload write "$(big $1)"; }
pair_scatter() { ioload scatter 2000 "$(big $1)"; }
pair_commit()  { ioload commit 500 "$(big $1)"; }
pair_append()  { ioload append 4000 "$(side_dir $1)/base/appended.$round"; }
pair_own()     { pair_read $1; }
pair_tpcb()    { pair_tps=$(warm_tps $1) && calc "1e6 / $pair_tps"; }
title() {
	case $1 in
	mount) echo "mount until it serves" ;;
	read) echo "read of the backup's blocks in order, a block" ;;
	random) echo "the same in random order, a block" ;;
	first) echo "first write of the backup's blocks in order, a block" ;;
	again) echo "second write of the same blocks, a block" ;;
	scatter) echo "the same in random order, a block" ;;
	commit) echo "the same, each block synced alone" ;;
	append) echo "blocks of a new file, a block" ;;
	own) echo "read of blocks of the diff directory, a block" ;;
	tpcb) echo "pgbench TPC-B -c4, a transaction" ;;
	esac
}

# measure ROW SIDE: adds "ROUND SIDE MICROSECONDS CPU-NANOSECONDS" to the row's samples.
measure() {
	[ $1 != mount ] || { pair_us=$(pair_mount $2) && echo "$round $2 $pair_us 0" >>"$work/pair.$1"; return; }
	pair_servers=$(side_servers $2) && pair_ns=$(run_ns $pair_servers) && pair_us=$("pair_$1" $2) &&
	echo "$round $2 $pair_us $(calc "$(run_ns $pair_servers) - $pair_ns")" >>"$work/pair.$1"
}
report_pair() {
	awk -v title="$(title $1)" '
	    function sort_up(a, n,   i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && a[j] < a[j - 1]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
	    }
	    function at(a, n, part) { return a[int((n - 1) * part + 1.5)] }
	    function ratio(a, n) {
		if (n == 0) return "-"
		sort_up(a, n)
		return sprintf("%.3f (%.3f to %.3f)", at(a, n, 0.5), at(a, n, 0.25), at(a, n, 0.75))
	    }
	    { us[$1, $2] = $3; ns[$1, $2] = $4; if ($1 > rounds) rounds = $1 }
	    END {
		for (r = 1; r <= rounds; r++) {
			if (!((r, "new") in us) || !((r, "old") in us)) continue
			n++; new[n] = us[r, "new"]; old[n] = us[r, "old"]; time[n] = new[n] / old[n]
			if (ns[r, "old"] > 0) cpu[++m] = ns[r, "new"] / ns[r, "old"]
		}
		sort_up(new, n); sort_up(old, n)
		printf "%-53s %10.1f %10.1f us   %-25s %s\n", title, at(new, n, 0.5), at(old, n, 0.5), ratio(time, n), ratio(cpu, m)
	    }' "$work/pair.$1"
}

fixture_rounds=$BENCH_ROUNDS BENCH_ROUNDS=0	# no tables for the rounds of bench.sh
fixture_catalog || exit 1
BENCH_ROUNDS=$fixture_rounds
pair_path=$(fixture_path big)
pair_rows=" ${BENCH_ROWS:-$quick_rows} "
for round in $(seq "$BENCH_ROUNDS"); do
	progress "round $round"
	for bench_row in $quick_rows tpcb; do
		case $bench_row$pair_rows in mount*|*" $bench_row "*) ;; *) continue ;; esac
		for pair_side in $(rotated $((round % 2)) new old); do
			[ $bench_row != tpcb ] || side_up $pair_side || exit 1
			measure $bench_row $pair_side || { echo "bench-pair: $bench_row failed with $pair_side" >&2; exit 1; }
		done
	done
	servers_down
done
printf '%-53s %10s %10s      %-25s %s\n' "medians of $BENCH_ROUNDS rounds, middle half of the ratios" new old "new/old" "its mounts' processor time"
for bench_row in $quick_rows tpcb; do [ ! -s "$work/pair.$bench_row" ] || report_pair $bench_row; done
