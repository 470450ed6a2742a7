# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# No two files of a folder need one another, directly or through others: what is below can
# be read, tested and changed without what is above.  Where that does not hold yet, the
# number of files stands in circles.txt, and must shrink.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/lib-objects.sh"

# Reads what archive() prints; prints the files that need themselves through others.
in_circles() {
	awk '$2 != "?" { of[$2] = $1; file[$1]; next } { from[NR] = $1; name[NR] = $3 }
	    END {
		for (i in from)
			if (name[i] in of && of[name[i]] != from[i]) needs[from[i], of[name[i]]]
		for (via in file)
			for (a in file)
				if ((a, via) in needs)
					for (b in file)
						if ((via, b) in needs) needs[a, b]
		for (a in file)
			if ((a, a) in needs) print a
	    }' | sort
}

for layer in $layers; do
	seen "$layer" || continue
	allowed=$(sed -n "s/^$layer: *//p" "$srcdir/tests/lint/circles.txt")
	archive "$layer" | in_circles >"$work/circle"
	n=$(wc -l <"$work/circle")
	if [ "$n" -eq "${allowed:-0}" ]; then ok "$layer: $n files in circles"
	elif [ "$n" -lt "${allowed:-0}" ]; then not_ok "$layer: $n files in circles: say so in circles.txt"
	else not_ok "$layer: $n files in circles, not ${allowed:-0}"; show "$work/circle"
	fi
done

# The test of this test: d needs a, a needs b and c, which need one another.
printf '%s\n' 'a a_x' 'a ? b_x' 'a ? c_x' 'b b_x' 'b ? c_x' 'c c_x' 'c ? b_x' 'c ? c_x' 'd d_x' 'd ? a_x' 'd ? read' >"$work/made"
equal "a circle is found, and who needs it is not in it" "b c" \
    "$(in_circles <"$work/made" | tr '\n' ' ' | sed 's/ $//')"
equal "without it there is none" "" "$(grep -v '^c ? b_x' "$work/made" | in_circles)"
plan_done
