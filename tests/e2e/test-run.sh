# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs run as root: output and status are the command's, the server is reached by
# nobody else, and nothing is left.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-run.sh"
fixture
before=$(catalog_sum "$store")
. "$srcdir/tests/lib-run-story.sh"

# ---- root's -----------------------------------------------------------------------
status "another owner" 0 --owner nobody -- sh -c 'stat -c %U "$PGHOST"; ps -o user= -p $(head -n 1 "$PGDATA/postmaster.pid")'
equal "another owner: socket and server are his" "nobody nobody" "$(tr '\n' ' ' <"$printed" | sed 's/ $//')"
status "root as owner" 125 --owner root -- true
check "root as owner: PostgreSQL refuses that, and so do we" said "refuses to run as root" "$told"
# The reader of a pipe waits for the command, and not for the end of the run.
{ exec pbkfs run -B "$store" -I "$instance" -q -- sh -c 'echo done; exec >&-; while [ ! -e "$0" ]; do sleep 0.05; done' "$work/seen" 2>"$told"; } | { cat >"$printed"; : >"$work/seen"; }
equal "who reads the output waits for the command alone" "done" "$(cat "$printed")"
rm -f "$work/seen"
left_nothing "a pipe"
equal "the catalog is as it was" "$before" "$(catalog_sum "$store")"
plan_done
