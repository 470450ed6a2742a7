# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Every source is in a list of Makefile.am: a file that is in none is missing from the tarball.
. "$srcdir/tests/tap.sh"
cd "$srcdir" || exit 99
for f in lib/*/*.[ch] src/*/*.[ch] tests/*/*.[ch] tests/*/*.sh tests/*/*.awk tests/*.sh; do
	grep -Eq "(^|[[:space:]])${f%.c}(\.c)?([[:space:]]|\$)" Makefile.am || echo "$f"
done >"$work/unlisted"
equal "each source is in Makefile.am" "" "$(cat "$work/unlisted")"
plan_done
