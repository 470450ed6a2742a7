# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Makefile.am lists every file of the tree: the tarball lacks a file that it does not list.
. "$srcdir/tests/tap.sh"
cd "$srcdir" || exit 99
tr -s '[:space:]' '\n' <Makefile.am | sort -u >"$work/words"
# Prints the files of standard input that it does not list, by name or as a program.
unlisted() {
	awk -v words="$work/words" '
	    BEGIN { while ((getline word <words) > 0) there[word] }
	    { program = $0; sub(/[.]c$/, "", program) }
	    !($0 in there) && !(program in there)'
}
ls -d lib/*/*.[ch] src/*/*.[ch] tests/*/*.[ch] tests/*/*.sh tests/*/*.awk tests/*.sh | unlisted >"$work/unlisted"
equal "each source is in Makefile.am" "" "$(cat "$work/unlisted")"

# The same for whatever else git has, but for what automake takes by itself.
if [ -e .git ] && command -v git >/dev/null; then
	git -c safe.directory='*' ls-files >"$work/tracked"
	check "git has files" test "$(wc -l <"$work/tracked")" -gt 400
	grep -vxE 'm4/.*|tests/fuzz/corpus/.*|tests/env[.]sh[.]in|configure[.]ac|Makefile[.]am|[.]gitignore' "$work/tracked" |
	    unlisted >"$work/unlisted"
	equal "so is all else that git has" "" "$(cat "$work/unlisted")"
fi
plan_done
