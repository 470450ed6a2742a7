# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs prove --plan as root.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
. "$srcdir/tests/lib-run.sh"
. "$srcdir/tests/lib-prove-plan-story.sh"
plan_of "root as owner" 2 --owner root

# ---- a server that is not installed -----------------------------------------------------------------
hidden=no
for dir in /usr/lib/postgresql /usr/pgsql-*; do
	[ ! -d "$dir" ] || { mount -t tmpfs -o mode=755 tmpfs "$dir" && hidden=yes; }
done
# Where it is in the PATH, or pg_config knows it, it cannot be hidden.
if [ "$hidden" = yes ] && ! pg_bindir "$major" >/dev/null; then
	plan_of "no server" 2 --report "$work/reports/r.json"
	says "no server: with its package" "server +unknown .*PostgreSQL $major is not installed: the package is [^ ,]*$major"
	says "no server: the catalog is looked at all the same" "recovery +ok"
	check "no server: JSON says so" said '"server_installed": *false' "$work/reports/r.json"
fi
plan_done
