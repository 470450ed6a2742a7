# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a driver of Automake with its arguments, and adds to the result file that it writes how long the
# test took, in seconds: by the clock, and of processors (of all processes that were waited for).
# tests/slowest.sh prints both.  No test is to begin with signals ignored, as "nohup make check &" has it: a shell
# cannot take that back.
trs=$(printf '%s\n' "$@" | sed -n '/^--trs-file$/{n;p;q;}')
if env --default-signal=HUP,INT,QUIT true 2>/dev/null; then set -- env --default-signal=HUP,INT,QUIT "$@"; fi
read -r begin _ </proc/uptime
"$@"
status=$?
read -r end _ </proc/uptime
times >"$trs.times"
awk -v begin="$begin" -v end="$end" '
	NR == 2 { split($0, t, /[ms ]+/); printf ":test-time: %.2f %.2f\n", end - begin, 60 * (t[1] + t[3]) + t[2] + t[4] }
	' "$trs.times" >>"$trs"
rm -f "$trs.times"
exit $status
