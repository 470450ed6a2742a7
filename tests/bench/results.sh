# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Keeps measurements in tables of lines, which report.awk evaluates.
#
#	rows.tsv	row, title, unit, higher|lower (is better), caches before
#	samples.tsv	row, side, value; the nth of a side is its round n
#	targets.tsv	row, side, base, operator, limit
#	notes.tsv	row, text
# A target with operator >= bounds the performance of side relative to base:
# the quotient of the values, turned over where lower is better.  With <= it
# bounds side/base as it stands.  Base "=" compares the value itself.

out=$builddir/bench/out
raw=$work/raw

progress() { echo "--- $(($(date +%s) - bench_began)) s: $*" >&2; }
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$raw/rows.tsv"; }
target() { printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$raw/targets.tsv"; }
note_row() { printf '%s\t%s\n' "$@" >>"$raw/notes.tsv"; }
# A row that cannot be measured says why.
cannot() { note_row "$1" "not measured: $2"; echo "bench.sh: $1: $2" >&2; }
# sample ROW SIDE VALUE
sample() {
	case $3 in
	''|*[!0-9.]*) cannot "$1" "$2 gave \"$3\""; return 1 ;;
	esac
	printf '%s\t%s\t%s\n' "$@" >>"$raw/samples.tsv"
}
calc() { awk "BEGIN { printf \"%.6g\", $1 }"; }
# scaled N: N at the scale that is asked for, at least 1.
scaled() { awk "BEGIN { n = int($1 * $BENCH_SCALE); print n < 1 ? 1 : n }"; }
now() { date +%s.%N; }
# seconds COMMAND...: prints how long it takes; its output is in $work/out.
seconds() {
	seconds_t0=$(now)
	"$@" >"$work/out" 2>&1 || { tail -n 5 "$work/out" >&2; return 1; }
	calc "$(now) - $seconds_t0"
}
# The words after the first N, followed by the first N.
rotated() {
	rotated_n=$1; shift
	while [ $rotated_n -gt 0 ]; do
		rotated_word=$1; shift
		set -- "$@" "$rotated_word"
		rotated_n=$((rotated_n - 1))
	done
	echo "$@"
}
# rounds ROW COMMAND SIDE...: alternates between the sides, each round begins
# with another one; COMMAND SIDE prints a value.  $round counts.
rounds() {
	rounds_row=$1 rounds_command=$2; shift 2
	round=1
	while [ $round -le "$BENCH_ROUNDS" ]; do
		for side in $(rotated $(((round - 1) % $#)) "$@"); do
			sample "$rounds_row" "$side" "$("$rounds_command" "$side")" || return 1
		done
		round=$((round + 1))
	done
}

machine() {
	printf 'date\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
	printf 'pbkfs\t%s\n' "$(pbkfs --version | head -n 1)"
	printf 'PostgreSQL\t%s\n' "$("$pgbin/postgres" --version | awk "{ print \$3 }")"
	printf 'kernel\t%s\n' "$(uname -r)"
	printf 'processor\t%s x %s\n' "$(nproc)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	printf 'memory\t%s MiB\n' "$(awk '/^MemTotal/ { printf "%d", $2 / 1024 }' /proc/meminfo)"
	printf 'file system\t%s\n' "$(df --output=fstype "$work" | tail -n 1)"
	printf 'load before\t%s\n' "$(cut -d ' ' -f 1 /proc/loadavg)"
	printf 'settings\tscale %s, %s rounds, pgbench %s s, codec %s\n' "$BENCH_SCALE" \
	    "$BENCH_ROUNDS" "$BENCH_SECONDS" "$BENCH_CODEC"
}
results_begin() {
	mkdir -p "$raw" "$out"
	for results_file in rows samples targets notes; do : >"$raw/$results_file.tsv"; done
	machine >"$raw/machine.tsv"
	results_load=$(cut -d ' ' -f 1 /proc/loadavg)
	[ "$(calc "$results_load < 1")" = 1 ] ||
	    note_row machine "it was busy already (load $results_load): no verdict here counts for much"
	case $(stat -f -c %T "$work") in
	tmpfs) note_row machine "the working directory is in memory: nothing here is ever cold; set BENCH_DIR" ;;
	esac
}
report() { awk -v raw="$raw" -v format="$1" -f "$bench/report.awk" </dev/null; }
# After each row: what ends the benchmark early does not take its results away.
results_write() {
	report text >"$out/table.txt"
	report readme >"$out/readme.md"
	report json >"$out/results.json"
	report plot | awk -f "$bench/plot.awk" >"$out/plot.svg"
	cp "$raw/samples.tsv" "$out/samples.tsv"
}
results_end() {
	printf 'load after\t%s\n' "$(cut -d ' ' -f 1 /proc/loadavg)" >>"$raw/machine.tsv"
	printf 'duration\t%s s\n' "$(($(date +%s) - bench_began))" >>"$raw/machine.tsv"
	results_write
	cat "$out/table.txt"
}
