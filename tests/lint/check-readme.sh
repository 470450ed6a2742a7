# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# README is short, and what it sends its reader to is there and is installed.
. "$srcdir/tests/tap.sh"
readme=$srcdir/README
check "README has at most 120 lines" [ "$(wc -l <"$readme")" -le 120 ]
equal "none has more than 80 columns" "" "$(awk 'length > 80' "$readme")"
for command in demo check; do
	check "it has ./bootstrap $command" grep -q "^    ./bootstrap $command " "$readme"
	check "and that is one" grep -q "^$command) " "$srcdir/bootstrap"
done

# A list of Makefile.am, a word on a line.
list() {
	sed -e :a -e '/\\$/{N;s/\\\n//;ta' -e '}' "$srcdir/Makefile.am" | sed -n "s/^$1 *= *//p" | tr -s '[:blank:]' '\n'
}
{ list dist_doc_DATA; list dist_man_MANS; list EXTRA_DIST | grep 'md$'; } | grep -v '^README$' | sort >"$work/installed"
sed -n 's/^    \(doc\/[a-z.0-9]*\|[A-Z]*\.md\)  .*/\1/p' "$readme" | sort >"$work/listed"
(cd "$srcdir" && ls doc/*.md doc/*.8 ./*.md) | sed 's|^\./||' | sort >"$work/there"
same "all documents are installed" "$work/there" "$work/installed"
same "and README lists them" "$work/installed" "$work/listed"

# doc/support.md says by which test it is known.
# doc/performance.md says which row of the benchmark prints a number.
grep -o '`[a-z0-9]*/test-[a-z0-9-]*`' "$srcdir/doc/support.md" | tr -d '`' >"$work/tests"
check "programs are named" [ -s "$work/tests" ]
while read -r name; do
	check "$name is a test" grep -qE "tests/$name([^a-z0-9-]|\$)" "$srcdir/Makefile.am"
done <"$work/tests"
sh "$srcdir/tests/bench/bench.sh" --list | sort >"$work/rows"
sed -n 's/^| .* | `"\{0,1\}\([a-z_ ]*\)"\{0,1\}` |$/\1/p' "$srcdir/doc/performance.md" | tr ' ' '\n' | sort -u >"$work/measured"
same "each row of the benchmark has its numbers" "$work/rows" "$work/measured"
plan_done
