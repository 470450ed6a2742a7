# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Prints which tests took longest, from what tests/timed.sh wrote: slowest.sh BUILD-DIRECTORY [FILE].
# With a file, only of those that ended after it was written.
cd "${1:-.}" && find . -name '*.trs' ${2:+-newer "$2"} -exec grep -H '^:test-time: ' {} + |
	sed 's|^\./\(.*\)\.trs:[^ ]* \([^ ]*\) \([^ ]*\)$|\2 \3 \1|' | sort -rn | awk '
	NR == 1 { printf "%10s %10s\n", "seconds", "of CPU" }
	NR <= 25 { printf "%10.1f %10.1f  %s\n", $1, $2, $3 }
	{ seconds += $1; cpu += $2 }
	END { if (NR > 0) printf "%10.1f %10.1f  all %d\n", seconds, cpu, NR }'
