# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by lints that read the symbols of the layers' archives with nm.
need nm
layers=$(sed -n 's/^\([a-z]*\):.*/\1/p' "$srcdir/tests/lint/layers.txt")
# archive LAYER: prints "MEMBER SYMBOL" for each symbol that a member defines and "MEMBER ? SYMBOL"
# for each that it needs; MEMBER has neither the ending .o nor automake's prefix.
archive() {
	[ -e "$work/archive.$1" ] || read_archive "$1" >"$work/archive.$1"
	cat "$work/archive.$1"
}
read_archive() {
	nm -A "$builddir/lib$1.a" 2>/dev/null | sed -n 's/@.*//; s/^[^:]*:\(lib[a-z]*_a-\)\{0,1\}\([^:]*\)\.o:/\2 /p' |
	    awk 'NF == 3 && $2 == "U" { print $1, "?", $3 } NF == 4 && $3 ~ /^[TDBRCVW]$/ { print $1, $4 }'
}
# seen LAYER: an archive nm cannot read (missing, or slim LTO objects) proves nothing.
seen() { archive "$1" | grep -qv '?' || { not_ok "$1: nm sees no functions in lib$1.a (built with -flto?)"; false; }; }
