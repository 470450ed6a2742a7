# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Instant restore as a whole: a server that works on a mount is on a plain data directory a moment later, and
# every commit that was acknowledged is there.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
no_unlogged=yes
fixture
new_diff
new_place
# Clients that work until the server stops; how much was acknowledged is in $acked.
work_begin() {
	as "$pguser" "$pgbin/pgbench" -h "$sock" -U postgres -n -c 4 -T 300 -D n=0 -f "$work/script" postgres >"$work/pgbench.log" 2>&1 &
	clients=$!
}
work_end() {
	wait $clients
	n=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$work/pgbench.log")
	acked=$((acked + ${n:-0}))
}
balance() { sql -c 'select sum(bbalance) from pgbench_branches where bid = 1'; }
rows() { sql -c 'select count(*) from done'; }
until_rows() { for r in $(seq 600); do [ "$(rows)" -lt "$1" ] || return 0; sleep 0.05; done; false; }
acked=0
pgbench_transaction >"$work/script"

check "mount --hydrate" mount_it --hydrate --rate 20M
check "the server starts on the mount" pg_start "$mnt"
sql -c 'create table done (id serial, client int, n int, aid int, delta int)'
before=$(balance)
work_begin
refuse "not while it needs the catalog, or a server runs" "still needs the catalog|a server runs" pbkfs promote -D "$mnt" --to "$pgdata"
check "hydrate, with pgbench" hydrate_it --rate 1000M --wait
refuse "not while a server runs" "a server runs in .*stop it" pbkfs promote -D "$mnt" --to "$pgdata"
check "pgbench has committed" until_rows 100
# As long as stop and start take, at the same place.
from=$(now)
check "stop" pg_stop "$mnt"
check "start" pg_start "$mnt"
plain=$(($(now) - from))
work_end
work_begin
check "pgbench works again" until_rows $((acked + 100))
from=$(now)
check "the server stops" pg_stop "$mnt"
check "promote" pbkfs promote -D "$mnt" --to "$pgdata"
check "the server starts on the plain directory" pg_start "$pgdata"
switch=$(($(now) - from))
work_end
note "the switch took $switch ms; stop and start alone $plain ms"
check "no more than 3 s beyond stop and start" [ $((switch - plain)) -le 3000 ]
found=$(rows)
check "every commit that was acknowledged is there ($acked of $found)" [ "$found" -ge "$acked" ]
equal "and none is there in part" "$(balance)" "$(sql -c "select $before + sum(delta) from done")"
work_begin
check "pgbench works on it" until_rows $((found + 100))
check "pg_amcheck" amcheck
check "the server stops at last" pg_stop "$pgdata"
work_end
as "$pguser" "$pgbin/pg_checksums" -c -D "$pgdata" >"$work/sums" 2>&1 || true
check "checksums are right, where there are some" said "Bad checksums: *0|not enabled" "$work/sums"
equal "nothing is left of the diff directory" "" "$(ls -A "$diff")"
plan_done
