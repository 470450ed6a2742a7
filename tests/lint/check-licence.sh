# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Every file of ours says under which licence it is, and whose it is (https://spdx.org,
# https://reuse.software).  Seeds of fuzzing are data, and README and COPYING say it in words.
. "$srcdir/tests/tap.sh"

# files DIRECTORY: ours, by name.  The folders are listed, since a build or a tarball has generated
# files beside them.
files() {
	(cd "$1" && find .ci doc lib m4 src tests -path tests/fuzz/corpus -prune -o -type f \
	    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.awk' -o -name '*.m4' -o -name '*.md' \
	    -o -name '*.8' -o -name '*.in' -o -path .ci/run -o -path 'doc/completion/*' \) -print
	 ls -- bootstrap configure.ac Makefile.am *.md) 2>/dev/null
}
# lacking DIRECTORY PATTERN: which of its files do not have it among their first five lines.
lacking() {
	files "$1" | (cd "$1" && tr '\n' '\0' | xargs -0 awk -v pattern="$2" 'BEGIN {
	    for (i = 1; i < ARGC; i++) {
		    found = 0
		    for (n = 0; n < 5 && (getline line <ARGV[i]) > 0; n++)
			    if (line ~ pattern) found = 1
		    close(ARGV[i])
		    if (!found) print ARGV[i]
	    } }')
}
licence='SPDX-License-Identifier: GPL-3[.]0-or-later'
owner='SPDX-FileCopyrightText: 2[0-9]* '
check "there are files" test "$(files "$srcdir" | wc -l)" -gt 400
equal "each names its licence" "" "$(lacking "$srcdir" "$licence")"
equal "each names whose it is" "" "$(lacking "$srcdir" "$owner")"
check "the licence is in COPYING" grep -q 'GNU GENERAL PUBLIC LICENSE' "$srcdir/COPYING"

# The test of this test.
mkdir -p "$work/tree/lib/base"
printf '/* SPDX-FileCopyrightText: 2026 nobody */\n/* SPDX-License-Identifier: GPL-3.0-or-later */\n' >"$work/tree/lib/base/good.c"
printf '\n\n\n\n\n/* SPDX-FileCopyrightText: 2026 nobody */\n/* SPDX-License-Identifier: MIT */\n' >"$work/tree/lib/base/bad.c"
: >"$work/tree/bootstrap"
equal "files without a licence are found" "bootstrap lib/base/bad.c" "$(lacking "$work/tree" "$licence" | sort | xargs)"
equal "files without an owner are found" "bootstrap lib/base/bad.c" "$(lacking "$work/tree" "$owner" | sort | xargs)"
plan_done
