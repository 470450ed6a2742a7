# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The examples of pbkfs run in the manual, as they stand there: names of places and of the
# moment are replaced, and nothing else.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-run.sh"
need script
fixture_archive

# example N [SED-EXPRESSION...]: the text of the Nth display of EXAMPLES.
example() {
	example_n=$1; shift
	awk -v n="$example_n" '/^\.Sh EXAMPLES/ { on = 1 } on && /^\.Bd/ { k++; next } k == n && /^\.Ed/ { exit } k == n' "$srcdir/doc/pbkfs.8" |
	    sed -e 's|\\e$|\\|' -e "s|-B /backup|-B $store|; s|/srv/pbkfs/kept|$work/kept|; s|SOMEID|$id|" \
	    -e 's/\bshop\b\([^.]\|$\)/postgres\1/g; s/\borders\b/t_grow/g' "$@"
}
# shown N DESCRIPTION SED-EXPRESSION...: runs it; its output is in $printed.
shown() {
	shown_n=$1 shown_desc=$2; shift 2
	example "$shown_n" "$@" >"$work/example"
	check "$shown_desc: it is pbkfs run" said "^pbkfs run " "$work/example"
	(cd "$work" && sh -e ./example) >"$printed" 2>"$told"
	equal "$shown_desc: status" 0 $? || show "$told"
	left_nothing "$shown_desc"
}
label=$(sed '/^#/d; s/ .*//; q' "$oracle_dir/pitr.txt")
moment=$(moment "$label" 2)
shown 1 "a table out of a backup" -e 's/| psql.*/| cat/'
check "a table out of a backup: its rows are there" said "^COPY public.t_grow" "$printed"
shown 2 "before the accident" -e "s|--at '[^']*'|--at '$moment'|" -e 's/count(\*)/$$rows $$ || count(*)/'
equal "before the accident: as it was then" "rows $(moment "$label" 6 | cut -d ' ' -f 1)" "$(grep -o 'rows .*' "$printed")"
shown 3 "a dump"
check "a dump: it can be read" sh -c 'pg_restore -l "$1" | grep -q "TABLE DATA public t_grow"' - "$work/shop.dump"
example 4 >"$work/example"
(printf 'select 40 + 2;\n\\q\n'; sleep 30) | script -qec "$(cat "$work/example")" /dev/null >"$printed" 2>&1
check "on a terminal" said "^ +42" "$printed"
left_nothing "on a terminal"
shown 5 "changes are kept"
equal "changes are kept: the second command sees them" 0 "$(sed -n "s/^ *\([0-9][0-9]*\)$/\1/p" "$printed")"
check "changes are kept: and they are in the diff directory" [ -s "$work/kept/.pbkfs-binding.json" ]
plan_done
