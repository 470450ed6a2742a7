# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A comment of src/ and lib/ says who does what: none begins with "What".  Each file begins with a
# note that says what it is for: a comment of lines of its own, before any code.
. "$srcdir/tests/tap.sh"

# Comments that begin so.
begins_with_what() { awk -v top="$srcdir/" -f "$srcdir/tests/lint/comments.awk" "$@" | grep -E '^[^ ]* What( |$)'; }
# Files without a note.  SPDX is none, nor is one line about what follows.
without_note() {
	awk -v top="$srcdir/" '
	    function out() { if (name != "" && !found) print name }
	    FNR == 1 { out(); name = FILENAME; found = over = inside = 0
		       if (index(name, top) == 1) name = substr(name, length(top) + 1) }
	    over { next }
	    inside { if (/\*\//) inside = 0; next }
	    /^\/\*$/ { found = over = 1; next }
	    /^\/\*/ { if (!/\*\//) inside = 1; next }
	    /^[[:space:]]*$/ || /^#/ || /^\/\// { next }
	    { over = 1 }
	    END { out() }' "$@"
}
sources=$(find "$srcdir/src" "$srcdir/lib" -name '*.[ch]' | sort)
equal "no comment begins with \"What\"" "" "$(begins_with_what $sources)"
equal "each file begins with a note" "" "$(without_note $sources)"

# The test of this test.
printf '#include "a.h"\n\n/* What one is. */\nint a;	/* what, Whatever */\n/*\n * What two is.\n */\n' >"$work/bad.c"
printf '/* SPDX-License-Identifier: X */\n/*\n * A note.  What follows is code.\n */\n#include "a.h"\nint a;	/* "What" */\n' >"$work/good.c"
equal "two are found" 2 "$(begins_with_what "$work/bad.c" "$work/good.c" | wc -l)"
equal "one has no note" "$work/bad.c" "$(without_note "$work/good.c" "$work/bad.c")"
plan_done
