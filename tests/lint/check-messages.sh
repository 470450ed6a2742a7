# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Messages of all programs, and of what they read, are in PostgreSQL's wording: lower case, no full stop, and who
# failed is the subject: "could not open ...", not "... cannot be opened".
. "$srcdir/tests/tap.sh"
# Prints "FILE:LINE: TEXT" of each message, its literals put together.
messages() {
	awk -v top="$srcdir/" '
	    function name() { return index(FILENAME, top) == 1 ? substr(FILENAME, length(top) + 1) : FILENAME }
	    function out() { if (text != "") print where ": " text; text = ""; inside = 0 }
	    FNR == 1 { out() }
	    { rest = $0 }
	    !inside && match(rest, /(cli_(error|usage|warn|note)|log_(error|warn|info)|(archive_|store_)?complain|state_(fail|warn|note)|spawn_kill|client_refuse|report_(failed|warn|note|advice)|verify_fault(_line)?|explain|EXPLAIN_PATH|REFUSE|FAULT|doubt|disbelieve|nobody_ended|remark|snprintf)\(/) {
		    inside = 1; where = name() ":" FNR; rest = substr(rest, RSTART + RLENGTH)
	    }
	    inside {
		    while (match(rest, /"([^"\\]|\\.)*"/)) {
			    if (text != "" && substr(rest, 1, RSTART - 1) ~ /[^ \t]/) break
			    text = text substr(rest, RSTART + 1, RLENGTH - 2); rest = substr(rest, RSTART + RLENGTH)
		    }
		    if (rest ~ /[^ \t]/ && (text != "" || rest ~ /;/)) out()
	    }
	    END { out() }' "$@"
}
begins='^[^ ]*: [A-Z][a-z]*([ ,:]|$)'
ends='\.$'
passive='(cannot|could not) be [a-z]+( at)?( \(%s\))?(:|$)'
of() { grep -E "$1" "$work/messages"; }

messages "$srcdir"/src/*/*.c "$srcdir"/lib/*/*.c | grep -vE '^[^ ]*: (%[^ ]*|[^a-zA-Z]*)$' >"$work/messages"
check "there are messages" [ "$(wc -l <"$work/messages")" -gt 100 ]
equal "none begins in upper case" "" "$(of "$begins")"
equal "none ends with a full stop" "" "$(of "$ends")"
equal "none says that something cannot be done, but who could not do it" "" "$(of "$passive")"

# The test of this test.
cat >"$work/bad.c" <<'.'
	return cli_error("Could not open \"%s\"", name);
	cli_warn("could not open \"%s\": it is"
	    " gone.", name);
	doubt(c, "its lock file cannot be used", rc);
	cli_error("\"%s\" could not be opened: %s", name, why);
	cli_error("%s", why); x("Not one.");
	cli_error("\"%s\" cannot be the name of an instance", name);
.
messages "$work/bad.c" >"$work/messages"
equal "upper case is found" "$work/bad.c:1: Could not open \\\"%s\\\"" "$(of "$begins")"
equal "a full stop is found" "$work/bad.c:2: could not open \\\"%s\\\": it is gone." "$(of "$ends")"
equal "the passive voice is found" "$work/bad.c:4: its lock file cannot be used,$work/bad.c:5: \\\"%s\\\" could not be opened: %s," \
    "$(of "$passive" | tr '\n' ',')"
plan_done
