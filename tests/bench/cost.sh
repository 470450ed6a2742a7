# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Counts processor time and system calls that a block costs the processes of a mount.

cpu_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
# run_ns PID...: prints how long all threads of these have run so far, in nanoseconds.
run_ns() { for run_pid in "$@"; do cat "/proc/$run_pid/task/"*/schedstat; done | awk '{ n += $1 } END { printf "%.0f", n }'; }
both_ticks() { calc "$(cpu_ticks $1) + $(cpu_ticks $2)"; }
# count_calls PID COMMAND...: leaves in $work/strace what PID called meanwhile.
count_calls() {
	calls_pid=$1; shift
	strace -c -f -U calls,name -o "$work/strace" -p "$calls_pid" 2>"$work/strace.err" &
	calls_strace=$!
	until grep -q attached "$work/strace.err"; do kill -0 $calls_strace 2>/dev/null || return 1; sleep 0.05; done
	"$@"
	kill -INT $calls_strace
	wait $calls_strace || :	# ended by our signal
	[ -s "$work/strace" ]
}
# Prints the counts for each of N blocks.
calls_per() {
	awk -v n="$1" '
	    $1 ~ /^[0-9]+$/ { c[$2] = $1 }
	    $1 ~ /^[0-9]+$/ && $2 != "total" && $1 >= n / 100 { list = list sprintf(", %s %.3f", $2, $1 / n) }
	    END {
		own = c["total"] - c["read"] - c["writev"]
		printf "%.3f system calls per block, %.3f beyond read and writev of /dev/fuse", c["total"] / n, own / n
		if (list != "") printf " (%s)", substr(list, 3)
	    }' "$work/strace"
}
# worker_cost ROW SIDE N COMMAND...: the command uses N blocks.  The kernel
# counts processor time in ticks, so it runs several times; and once more
# under strace, which slows it.
worker_cost() {
	cost_row=$1 cost_side=$2 cost_n=$3; shift 3
	cost_worker=$(side_worker $cost_side) cost_supervisor=$(side_supervisor $cost_side)
	cost_ticks=$(both_ticks $cost_worker $cost_supervisor)
	for cost_turn in 1 2 3 4; do "$@" || return 1; done
	cost_ticks=$(calc "$(both_ticks $cost_worker $cost_supervisor) - $cost_ticks")
	note_row $cost_row "$(calc "$cost_ticks * 1000000 / $(getconf CLK_TCK) / 4 / $cost_n") microseconds of processor time of worker and supervisor per block"
	if ! command -v strace >/dev/null; then
		note_row $cost_row "system calls not counted: strace is not installed"
	elif count_calls $cost_worker "$@"; then
		note_row $cost_row "$(calls_per $cost_n)"
	else
		note_row $cost_row "system calls not counted: strace could not attach"
	fi
}
