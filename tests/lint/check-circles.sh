# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# No two files of a folder need one another, directly or through others: what is below can
# be read, tested and changed without what is above.
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
	equal "$layer: no files in circles" "" "$(archive "$layer" | in_circles)"
done

# The test of this test: d needs a, a needs b and c, which need one another.
printf '%s\n' 'a a_x' 'a ? b_x' 'a ? c_x' 'b b_x' 'b ? c_x' 'c c_x' 'c ? b_x' 'c ? c_x' 'd d_x' 'd ? a_x' 'd ? read' >"$work/made"
equal "a circle is found, and who needs it is not in it" "b c" \
    "$(in_circles <"$work/made" | tr '\n' ' ' | sed 's/ $//')"
equal "without it there is none" "" "$(grep -v '^c ? b_x' "$work/made" | in_circles)"
plan_done
