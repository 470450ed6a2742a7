# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The prefix of a function, and of whatever else others can see, is the name of its file.
# The folder's name may stand before it, or, for what FOLDER/FOLDER.h offers to others, in
# its place.  Further prefixes stand in prefixes.txt.
. "$srcdir/tests/tap.sh"
. "$srcdir/tests/lib-objects.sh"

# strangers LAYER: reads what archive() prints; prints "FILE SYMBOL" for what has no such name.
strangers() {
	for dir in "$srcdir/lib/$1" "$srcdir/src/$1"; do [ -d "$dir" ] && break; done
	awk -v layer="$1" '
	    FILENAME == ARGV[1] {
		if (index($0, layer "/") == 1) {
			split(substr($0, length(layer) + 2), word, /:? +/)
			for (i = 2; i in word; i++) extra[word[1]] = extra[word[1]] " " word[i]
		}
		next
	    }
	    FILENAME == ARGV[2] { for (; match($0, /[a-z_0-9]+\(/); $0 = substr($0, RSTART + RLENGTH))
		    offered[substr($0, RSTART, RLENGTH - 1)]; next }
	    $2 == "?" || index($2, $1) == 1 || index($2, layer "_" $1) == 1 || ($2 in offered && index($2, layer "_") == 1) { next }
	    { n = split(extra[$1], prefix, " ")
	      for (i = 1; i <= n; i++) if (index($2, prefix[i]) == 1) next
	      print $1, $2 }' "$srcdir/tests/lint/prefixes.txt" \
	    "$([ -f "$dir/$1.h" ] && echo "$dir/$1.h" || echo /dev/null)" -
}

for layer in $layers; do
	seen "$layer" || continue
	equal "$layer: names begin with those of their files" "" "$(archive "$layer" | strangers "$layer")"
done
while IFS=' :' read -r file prefixes; do
	case $file in ''|'#'*) continue ;; esac
	for prefix in $prefixes; do
		check "${file} still has names with $prefix" eval \
		    'archive "${file%/*}" | grep -q "^${file#*/} $prefix"'
	done
done <"$srcdir/tests/lint/prefixes.txt"

# The test of this test.
printf '%s\n' 'names cow_create' 'names names_x' 'names cow_secret' 'names ? other_x' 'names find_x' >"$work/made"
equal "names of other files are found" "names cow_secret names find_x" \
    "$(strangers cow <"$work/made" | tr '\n' ' ' | sed 's/ $//')"
plan_done
