# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A comment says who does what: none begins with "What".  Each file begins with a note that says
# what it is for: a comment of lines of its own, before any code.
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
# The same for scripts: comments that begin so, and files whose first comment after SPDX is not of
# lines of its own.
script_begins_with_what() { grep -nE '(^|[[:space:]])# What( |$)' "$@" /dev/null; }
script_without_note() {
	awk 'FNR == 1 { if (NR > 1 && !found) print name; name = FILENAME; found = over = 0 }
	    over || /^#!/ || /^# SPDX-/ { next }
	    { over = 1; found = /^# [^ ]/ }
	    END { if (!found) print name }' "$@"
}
sources=$(find "$srcdir/src" "$srcdir/lib" "$srcdir/tests" -name '*.[ch]' | sort)
equal "no comment begins with \"What\"" "" "$(begins_with_what $sources)"
equal "each file begins with a note" "" "$(without_note $sources)"
scripts=$(find "$srcdir/tests" -name '*.sh' | sort; echo "$srcdir/bootstrap")
equal "no comment of a script begins with \"What\"" "" "$(script_begins_with_what $scripts)"
equal "each script begins with a note" "" "$(script_without_note $scripts)"

# The test of this test.
printf '#include "a.h"\n\n/* What one is. */\nint a;	/* what, Whatever */\n/*\n * What two is.\n */\n' >"$work/bad.c"
printf '/* SPDX-License-Identifier: X */\n/*\n * A note.  What follows is code.\n */\n#include "a.h"\nint a;	/* "What" */\n' >"$work/good.c"
equal "two are found" 2 "$(begins_with_what "$work/bad.c" "$work/good.c" | wc -l)"
equal "one has no note" "$work/bad.c" "$(without_note "$work/good.c" "$work/bad.c")"
printf '#!/bin/sh\n# SPDX-License-Identifier: X\n# A note.\n: # Whatever\n' >"$work/good.sh"
printf '#!/bin/sh\n# SPDX-License-Identifier: X\n: # %s\n' 'What' >"$work/bad.sh"
equal "one script begins a comment so" "$work/bad.sh:3:: # What" "$(script_begins_with_what "$work/good.sh" "$work/bad.sh")"
equal "one script has no note" "$work/bad.sh" "$(script_without_note "$work/good.sh" "$work/bad.sh")"
plan_done
