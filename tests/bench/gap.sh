# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# How long a mount has no worker after a kill, of several programs in turn:
#
#	make bench-gap [GAP_PROGRAMS="PROGRAM..."]
#
# Without programs it is the built one.  Each of GAP_ROUNDS (3) rounds mounts with every
# program and kills the worker GAP_KILLS (20) times, with nobody at the mount: what is
# measured is the start of a worker.  Prints the middle one of the rounds' medians, and how
# much longer it is than that of the first program.
. "$srcdir/tests/lib-e2e.sh"
kills=${GAP_KILLS:-20} rounds=${GAP_ROUNDS:-3}
fixture
[ $# -gt 0 ] || set -- "$(command -v pbkfs)"

one_round() {
	new_diff
	"$1" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait >/dev/null 2>&1 || exit 1
	"$support/killer" -n "$kills" -e 0 "$diff" || exit 1
	"$1" unmount -D "$mnt" || exit 1
}
r=0
while [ $r -lt "$rounds" ]; do
	r=$((r + 1)) n=0
	for p in "$@"; do
		n=$((n + 1))
		one_round "$p" | sed -n 's/.*median \([0-9.]*\) ms.*/\1/p' >>"$work/gap.$n"
	done
done
n=0
for p in "$@"; do
	n=$((n + 1))
	median=$(sort -n "$work/gap.$n" | sed -n "$((rounds / 2 + 1))p")
	[ $n -gt 1 ] || first=$median
	echo "$p: median $median ms over $((kills * rounds)) kills," \
	    "$(awk -v a="$median" -v b="$first" 'BEGIN { printf "%+.1f", a - b }') ms"
done
