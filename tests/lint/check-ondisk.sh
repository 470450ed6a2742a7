# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Each name that pbkfs gives on disk is defined once, in lib/base/ondisk.h: elsewhere no text
# spells one.  (The words among them, "data" or "stat", mean other things, too.)
. "$srcdir/tests/tap.sh"

names() { sed -n 's/^#define ONDISK_[A-Z_]*[ \t]*"\([^"]*\)".*/\1/p' "$srcdir/lib/base/ondisk.h"; }
# spelled NAME: where else a text of the program begins with it, in whatever company.
spelled() {
	(cd "$srcdir" && find src lib -name '*.[ch]' ! -path lib/base/ondisk.h -exec awk -v name="\"$1" '
	    {
		line = $0
		gsub(/\/\*.*\*\//, "", line)
		if (line ~ /^[ \t]*\*/ || (at = index(line, name)) == 0) next
		# A character more, and it is another name.
		if (substr(line, at + length(name), 1) ~ /["\/*%.-]/) print FILENAME ": " $0
	    }' {} +)
}
check "there are names" test "$(names | wc -l)" -gt 10
equal "none twice" "" "$(names | sort | uniq -d)"
for name in $(names | grep '[.]' && echo journal); do
	equal "$name stands in one place" "" "$(spelled "$name")"
done
printf 'mkdirat(fd, ".pbkfs/x");\n' >"$work/bad.c"
equal "the lint finds one" 1 "$(srcdir=$work; mkdir -p "$work/src" "$work/lib"; mv "$work/bad.c" "$work/src"; spelled .pbkfs | wc -l)"
plan_done
