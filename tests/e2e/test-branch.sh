# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A clone is prepared once, and frozen; branches of it work side by side and are set back, and nobody sees anybody else's
# changes.  PBKFS_BRANCHES of them (3; make check-long: 50), one of which is set back PBKFS_ROUNDS times (3; make check-long: 100).
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-600}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-branch.sh"
no_unlogged=yes
fixture
before=$(catalog_sum "$store")

# ---- the clone that all begin with --------------------------------------------------------
new_diff
check "mount" mount_it
check "a server prepares it" start_branch trunk
check "a table" sql -c "create table done (client int, n int, aid int, delta int)"
check "what is masked" sql -c "update pgbench_accounts set filler = 'masked' where aid <= 1000"
sql_rows >"$work/rows"
sum=$(sql -c 'select sum(bbalance) from pgbench_branches where bid = 1')
check "it stops" stop_branch trunk
walk trunk "$work/base.state"
check "unmount" unmount_branch trunk
check "snapshot" pb snapshot base --message "after masking"
cat "$work/out" | sed 's/^/# /'
refuse "the same name again" "has a snapshot \"base\" already" pb snapshot base
check "tree" pb tree
sed 's/^/# /' "$work/out"

# ---- the diff directory goes on above it ----------------------------------------------------
check "mount again" mount_branch trunk
like_state "what was frozen is there, byte for byte" trunk "$work/base.state"
check "unmount again" unmount_branch trunk

# ---- branches side by side -------------------------------------------------------------------
all="a b c"
for x in $(seq 4 "${PBKFS_BRANCHES:-3}"); do all="$all x$x"; done
for b in $all; do check "branch $b" pb branch $b; done
for b in $all; do
	check "mount $b" mount_branch $b
	like_state "$b begins as what was frozen" $b "$work/base.state"
done
# Private memory of the processes of a mounted branch, in KiB.
private_kib() {
	pk_worker=$(tr -dc 0-9 <"$diff/branches/$1/.pbkfs/worker.pid")
	pk_supervisor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pk_worker/status")
	for pk in $pk_worker $pk_supervisor $(cat "/proc/$pk_supervisor/task/$pk_supervisor/children"); do
		[ $pk = $pk_worker ] && [ -n "${pk_seen:-}" ] || awk '/^Private_(Clean|Dirty)/ { n += $2 } END { print n + 0 }' "/proc/$pk/smaps_rollup"
		[ $pk != $pk_worker ] || pk_seen=yes
	done | awk '{ n += $1 } END { print n }'
	pk_seen=
}
kib=$(private_kib c)
check "a mounted branch takes less than 20 MiB of memory ($kib KiB)" [ "$kib" -lt 20480 ]
check "tree names where they are" pb tree
sed 's/^/# /' "$work/out"
check "stat names branch and snapshot" pbkfs stat -D "$(at a)"
cp "$work/out" "$work/stat"
check "the branch" said '^branch +a$' "$work/stat"
check "the snapshot" said '^snapshot +base, 1 below' "$work/stat"
check "list names it" pbkfs list
check "the snapshot, in list" eval 'grep "$(at a)" "$work/out" | grep -q "snapshot base"'
check "list --format json" eval 'pbkfs list --format json | tr -d "\n " | grep -q "\"branch\":\"b\",\"snapshot\":\"base\""'
pgbench_transaction >"$work/transaction"
for b in $all; do check "a server on $b" start_branch $b -c shared_buffers=16MB -c max_connections=20; done
for b in $all; do
	as "$pguser" "$pgbin/pgbench" -h /dev/shm/sock-$b -U postgres -n -D n=0 -f "$work/transaction" -c 2 -t 100 postgres >"$work/pgbench-$b.log" 2>&1 &
done
wait
for b in $all; do
	equal "200 transactions in $b" 200 "$(on $b sql -c 'select count(*) from done')"
	equal "the sums of $b agree" "$sum" "$(on $b sql -c 'select (select sum(bbalance) from pgbench_branches where bid = 1) - (select sum(delta) from done)')"
	check "pg_amcheck of $b" on $b amcheck
done
check "the diff directory is mounted beside them" mount_branch trunk
like_state "and has nothing of theirs" trunk "$work/base.state"
for b in $all; do check "stop $b" stop_branch $b; check "unmount $b" unmount_branch $b; done
for b in $all; do case $b in x*) check "delete $b" pb delete --branch $b ;; esac; done
check "unmount the diff directory" unmount_branch trunk

# ---- back ----------------------------------------------------------------------------------------
for round in $(seq "${PBKFS_ROUNDS:-3}"); do
	check "reset a ($round)" pb reset --branch a
	check "mount a ($round)" mount_branch a
	like_state "a is what was frozen again ($round)" a "$work/base.state"
	check "a server on a ($round)" start_branch a
	equal "the rows are those of the snapshot ($round)" "$(cat "$work/rows")" "$(on a sql_rows)"
	check "something changes in a ($round)" on a sql -c "update pgbench_accounts set abalance = $round" -c "vacuum full pgbench_accounts"
	check "stop a ($round)" stop_branch a
	check "unmount a ($round)" unmount_branch a
done

# ---- a command on a branch of its own -------------------------------------------------------------
# A branch of the user's that is called so is no run's, not even where a command has left it unfinished.
check "another branch" pb branch mine
mv "$diff/branches/mine" "$diff/branches/run-mine"
as "$pguser" mkdir "$diff/branches/run-mine/changes.next"
check "run" pbkfs run --from "$diff@base" -- psql -XAtq -d postgres -c "insert into done values (1, 1, 1, 1)" -c "select count(*) from done"
equal "sees the snapshot, and what it does" 1 "$(cat "$work/out")"
refuse "a command that fails" "" pbkfs run --from "$diff@base" -- false
equal "no branch is left of either, and the user's is kept" "a b c run-mine" "$(ls "$diff/branches" | paste -sd' ')"
check "delete that" pb delete --branch run-mine
refuse "run of no snapshot" "has no snapshot \"x\"" pbkfs run --from "$diff@x" -- true
refuse "run of a backup, too" "--from cannot be combined with --pbk-store" pbkfs run --from "$diff@base" -B "$store" -- true
refuse "run of what is none" "--from takes DIFF@SNAPSHOT" pbkfs run --from "$diff" -- true

# ---- snapshots of a branch, one upon another ---------------------------------------------------
check "mount b again" mount_branch b
walk b "$work/b.state"
check "unmount b" unmount_branch b
check "snapshot of b" pb snapshot b1 --branch b
check "a branch of that" pb branch b-1 --from b1
check "mount it" mount_branch b-1
like_state "it begins as b was" b-1 "$work/b.state"
check "it can be written" as "$pguser" sh -c "echo x >'$(at b-1)/new' && rm '$(at b-1)/PG_VERSION' && mv '$(at b-1)/global' '$(at b-1)/global2'"
check "unmount it" unmount_branch b-1
check "snapshot of it" pb snapshot b2 --branch b-1
check "reset b to what it was" pb reset --branch b --to b1
check "mount b" mount_branch b
like_state "b is what it was" b "$work/b.state"
check "unmount b for good" unmount_branch b
check "and to the first one" pb reset --branch b --to base
check "mount b there" mount_branch b
like_state "it is what was frozen first" b "$work/base.state"
check "unmount b there" unmount_branch b
check "rename a snapshot" pb rename --snapshot b1 first-of-b
check "rename a branch" pb rename --branch b-1 second
check "tree of all" pb tree
sed 's/^/# /' "$work/out"
check "mount what was renamed" mount_branch second
equal "it is what it was" x "$(cat "$(at second)/new")"
check "unmount what was renamed" unmount_branch second
check "tree as JSON" eval 'pb tree --format json | tr -d "\n " | grep -q "{\"name\":\"b2\",\"damaged\":false,\"id\":\"[0-9a-f]*\",\"snapshot\":\"first-of-b\""'
check "protect" pb delete --snapshot b2 --protect
refuse "what is protected" "is protected: .*--unprotect" pb delete --snapshot first-of-b --recursive
check "unprotect" pb delete --snapshot b2 --unprotect
refuse "what others stand on" "is what others stand on .snapshot b2, branch second." pb delete --snapshot first-of-b
check "delete it with these" pb delete --snapshot first-of-b --recursive
equal "which are listed before" "branch second, snapshot b2, snapshot first-of-b" "$(sed -n 's/^to be deleted: //p' "$work/out" | tr -d '"' | paste -sd, | sed 's/,/, /g')"
check "delete a branch" pb delete --branch c
equal "what is left" "a b" "$(ls "$diff/branches" | paste -sd' ')"
equal "and of snapshots" base "$(ls "$diff/layers")"
refuse "what the diff directory itself stands on" "itself stands on snapshot" pb delete --snapshot base --recursive
check "mount a to be in the way" mount_branch a
refuse "no cleanup while a branch is mounted" "branches/a.* is mounted at .*unmount it first" pbkfs cleanup -d "$diff"
check "unmount a for good" unmount_branch a
# ---- what it takes -----------------------------------------------------------------------------------
# median COMMAND...: of five, in milliseconds; each gets a number.
median() { for m_n in 1 2 3 4 5; do m_from=$(now); "$@" $m_n >"$work/m.out" 2>&1 || echo 99999; echo $(($(now) - m_from)); done | sort -n | sed -n 3p; }
timed_branch() { pb branch t$1; }
timed_snapshot() { pb snapshot s$1 --branch t1; }
timed_reset() { pb reset --branch t$1; }
for c in branch snapshot reset; do
	took=$(median timed_$c)
	note "$c takes $took ms"
	check "$c takes less than a second ($took ms)" [ "$took" -lt 1000 ]
done
equal "nothing is left of what was thrown away" "" "$(leftovers)"
check "cleanup of all" pbkfs cleanup -d "$diff"
equal "nothing is left" "" "$(ls -A "$diff")"
equal "no record of root's either" "" "$(ls "$statedir")"
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
