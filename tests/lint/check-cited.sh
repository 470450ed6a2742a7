# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The tree has everything that comments of src/ and lib/ and the documents name: a file, by its path
# or the end of that; a section of a document (doc/catalog.md, "Page streams"); a function() and
# a struct, by their names.
. "$srcdir/tests/tap.sh"
(cd "$srcdir" && find src lib tests doc m4 -type f && ls README ./*.*) | sed 's|^\./||' >"$work/tree"
# Headers that come from elsewhere: the kernel's, the C library's, PostgreSQL's.
foreign='^((linux|sys|access|catalog|commands|common|storage)/[a-z_]+[.]h|pg_config[.]h|pg_lzcompress[.]c)$'
# Functions of others that nothing here calls.
uncalled='^(fuse_reply_|pthread_(cancel|exit))'

comments() { awk -v top="$srcdir/" -f "$srcdir/tests/lint/comments.awk" "$@"; }
# Reads comments; prints "FILE:LINE: NAME" for each file that they name.
cited() {
	awk '{
	    where = $1; rest = substr($0, length(where) + 1)
	    while (match(rest, /[A-Za-z0-9_.\/-]*[A-Za-z_]\.(c|h|md|sh|awk|ac|am|txt|8)($|[^A-Za-z0-9_*])/)) {
		    name = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
		    sub(/[^A-Za-z0-9_]$/, "", name); sub(/^srcdir\//, "", name)
		    print where, name
	    } }'
}
# The same for sections: "FILE:LINE: DOCUMENT: SECTION".
cited_sections() {
	awk '{
	    where = $1; rest = substr($0, length(where) + 1)
	    while (match(rest, /doc\/[a-z]+\.md, "[^"]*"( and "[^"]*")*/)) {
		    n = split(substr(rest, RSTART, RLENGTH), part, "\""); rest = substr(rest, RSTART + RLENGTH)
		    sub(/, $/, "", part[1])
		    for (i = 2; i <= n; i += 2)
			    if (part[i] != "") print where, part[1] ": " part[i]
	    } }'
}
# The same for functions: "FILE:LINE: NAME".
cited_functions() {
	awk '{
	    where = $1; rest = substr($0, length(where) + 1)
	    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*\(\)/)) {
		    print where, substr(rest, RSTART, RLENGTH - 2)
		    rest = substr(rest, RSTART + RLENGTH)
	    } }'
}
# The same for structs, `struct NAME`.
cited_structs() {
	awk '{
	    where = $1; rest = substr($0, length(where) + 1)
	    while (match(rest, /`struct [a-z_]+`/)) {
		    print where, substr(rest, RSTART + 8, RLENGTH - 9)
		    rest = substr(rest, RSTART + RLENGTH)
	    } }'
}
# Of what these have printed, what is not there.
without_file() {
	awk -v foreign="$foreign" -v tree="$work/tree" '
	    BEGIN { while ((getline path <tree) > 0)
		        for (there[path]; sub(/^[^\/]*\//, "", path);) there[path] }
	    !($2 in there) && $2 !~ foreign'
}
without_section() {
	while read -r where doc section; do
		grep -qx "##* $section" "$srcdir/${doc%:}" 2>/dev/null || echo "$where $doc $section"
	done
}

without_function() {
	awk -v uncalled="$uncalled" -v names="$work/functions" '
	    BEGIN { while ((getline name <names) > 0) there[name] }
	    !($2 in there) && $2 !~ uncalled'
}
without_struct() {
	awk -v names="$work/structs" '
	    BEGIN { while ((getline name <names) > 0) there[name] }
	    !($2 in there)'
}

sources=$(find "$srcdir/src" "$srcdir/lib" -name '*.[ch]' | sort)
# Whatever stands before a parenthesis in code: functions, macros, members that are called.
cat $sources "$srcdir"/tests/*/*.[ch] "$srcdir/doc/completion/pbkfs" | grep -vE '^[[:space:]]*/?\*' |
    grep -oE '[A-Za-z_][A-Za-z0-9_]*\)?\(' | tr -d '()' | sort -u >"$work/functions"
cat $sources | grep -vE '^[[:space:]]*/?\*' | grep -oE 'struct [a-z_]+' | sed 's/struct //' | sort -u >"$work/structs"
{
	comments $sources
	for doc in "$srcdir/README" "$srcdir"/*.md "$srcdir"/doc/*.md; do
		awk -v name="${doc#"$srcdir/"}" '{ print name ":" FNR ": " $0 }' "$doc"
	done
} >"$work/text"
cited <"$work/text" | grep -vE '(NAME|MODULE)[.]' >"$work/cited"	# which stand for others
cited_sections <"$work/text" >"$work/sections"
cited_functions <"$work/text" >"$work/called"
cited_structs <"$work/text" >"$work/structures"
check "files are cited" [ "$(wc -l <"$work/cited")" -gt 200 ]
check "sections are cited" [ "$(wc -l <"$work/sections")" -gt 5 ]
check "functions are cited" [ "$(wc -l <"$work/called")" -gt 300 ]
equal "each file is there" "" "$(without_file <"$work/cited")"
equal "each section is there" "" "$(without_section <"$work/sections")"
equal "each function is there" "" "$(without_function <"$work/called")"
equal "each struct is there" "" "$(without_struct <"$work/structures")"

# The test of this test.
cat >"$work/a.c" <<'.'
/*
 * As GONE.md, gone.c, cow/cow.h and linux/fuse.h have it: doc/catalog.md, "Page
 * streams" and "Nowhere".  cow_read() calls is_gone(), which has no `struct cow`, but `struct lost`.
 */
char *s = "other.c";
.
comments "$work/a.c" >"$work/text"
equal "files that are not there are found" "GONE.md gone.c " "$(cited <"$work/text" | without_file | cut -d ' ' -f 2 | tr '\n' ' ')"
equal "a section that is not there is found" "$work/a.c:1: doc/catalog.md: Nowhere" \
    "$(cited_sections <"$work/text" | without_section)"
equal "a function that is not there is found" "$work/a.c:1: is_gone" \
    "$(cited_functions <"$work/text" | without_function)"
equal "a struct that is not there is found" "$work/a.c:1: lost" "$(cited_structs <"$work/text" | without_struct)"
plan_done
