# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# doc/security.md: each paragraph says how it is known, and the tests that it names are there.
. "$srcdir/tests/tap.sh"
doc=$srcdir/doc/security.md

# One line for each paragraph or item of a list; tables and headings claim nothing by themselves.
awk '
    function out() { if (text != "") print text; text = "" }
    /^$/ || /^#/ || /^\|/ || /^<!--.*-->$/ { out(); next }
    /^\* / || /^[0-9]+\. / { out() }
    { text = text == "" ? $0 : text " " $0 }
    END { out() }' "$doc" >"$work/paragraphs"
check "there are paragraphs" [ "$(wc -l <"$work/paragraphs")" -gt 50 ]
mark=' \{0,1\}\[[a-z0-9/, -]*\]'
grep -v "$mark\$" "$work/paragraphs" >"$work/unmarked"
equal "each of them ends with a mark" "" "$(cut -c1-100 "$work/unmarked")"

grep -o "$mark" "$work/paragraphs" | tr -d ' []' | tr , '\n' | sort -u >"$work/marks"
# Every test of make check, by the name that it has here.
sed -e :a -e '/\\$/{N;s/\\\n//;ta' -e '}' "$srcdir/Makefile.am" |
    sed -n 's/^\(unit_tests\|component_programs\|sandbox_programs\|component_tests\|lint_tests\|fuzz_programs\|fuzz_tests\|waiting_tests\|e2e_tests\) *+\{0,1\}= *//p' |
    tr -s '[:blank:]' '\n' | sed -n -e 's|\.sh$||' -e 's|^tests/\(lint/.*\)|\1|p' -e 's|^tests/\(fuzz/\)fuzz-|\1|p' \
	-e 's|^tests/\(fuzz/replay-corpus\)$|\1|p' -e 's|^tests/\([a-z0-9]*/\)test-|\1|p' | sort -u >"$work/tests"
check "there are tests" [ "$(wc -l <"$work/tests")" -gt 100 ]
printf 'assumed\nwhy\n' | sort -m - "$work/tests" >"$work/known"
equal "each test that is named is one of make check" "" "$(sort "$work/known" | comm -23 "$work/marks" - | tr '\n' ' ')"
plan_done
