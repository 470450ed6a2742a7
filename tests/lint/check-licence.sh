# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Every file of ours says under which licence it is, and whose it is (https://spdx.org,
# https://reuse.software).  Seeds of fuzzing are data, and README and COPYING say it in words.
. "$srcdir/tests/tap.sh"

files() {
	(cd "$srcdir" && find . -name .git -prune -o -name build -prune -o -name build-aux -prune \
	    -o -name autom4te.cache -prune -o -path ./tests/fuzz/corpus -prune -o -type f \
	    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.awk' -o -name '*.m4' -o -name '*.md' \
	    -o -name '*.8' -o -name '*.in' -o -name configure.ac -o -name Makefile.am -o -name bootstrap \) \
	    ! -name aclocal.m4 ! -name Makefile.in ! -name config.h.in -print)
}
# lacking PATTERN: which of them do not have it among their first five lines.
lacking() {
	(cd "$srcdir" && files | while IFS= read -r f; do
		head -n 5 "$f" | grep -q "$1" || echo "$f"
	done)
}
check "there are files" test "$(files | wc -l)" -gt 400
equal "each names its licence" "" "$(lacking 'SPDX-License-Identifier: GPL-3\.0-or-later')"
equal "each names whose it is" "" "$(lacking 'SPDX-FileCopyrightText: 2[0-9]* ')"
check "the licence is in COPYING" grep -q 'GNU GENERAL PUBLIC LICENSE' "$srcdir/COPYING"
plan_done
