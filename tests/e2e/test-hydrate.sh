# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A backup becomes a diff directory that needs no catalog, while a server works on it.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
fixture
before=$(catalog_sum "$store")

# plain_cost TITLE FILE: no block of it is the chain's, for each the worker reads twice, now and then a
# message, too, and nobody else wakes.
worker_reads() { awk '$1 == "syscr:" { print $2 }' "/proc/$(worker_pid)/io"; }
wakeups() { cat "/proc/$(supervisor_pid)/status" "/proc/$(monitor_pid "$(supervisor_pid)")/status" | awk '$1 == "voluntary_ctxt_switches:" { n += $2 } END { print n }'; }
own_blocks() { pbkfs stat -D "$mnt" --format json | tr -d '\n ' | sed -n 's/.*"diff":\([0-9]*\),"zero".*/\1/p'; }
plain_cost() {
	cost_blocks=$(($(stat -c %s "$2") / 8192)) cost_own=$(own_blocks) cost_reads=$(worker_reads) cost_wakes=$(wakeups)
	dd if="$2" of=/dev/null bs=8k iflag=direct status=none
	cost_wakes=$(($(wakeups) - cost_wakes)) cost_reads=$(($(worker_reads) - cost_reads)) cost_own=$(($(own_blocks) - cost_own))
	note "$cost_reads calls for $cost_blocks blocks, $cost_own of the diff directory; $cost_wakes wakeups of others"
	check "$1" [ "$cost_blocks" -ge 100 -a "$cost_own" -eq "$cost_blocks" -a "$cost_reads" -le $((2 * cost_blocks + 20)) ]
	check "and wakes the worker alone" [ "$cost_wakes" -le 20 ]
}

# ---- without a server: all is as restore gives it, byte for byte -----------------
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
inodes >"$work/inodes"
refuse "nothing is hydrated that is no mount" "mount" pbkfs hydrate -D "$work/tmp"
refuse "a rate is a size" "rate" hydrate_it --rate fast
refuse "of a block at least" "at least 8K" hydrate_it --rate 50
refuse "--stop stands alone" "stop" hydrate_it --stop --wait
equal "nothing is copied without being asked for" off "$(hydrate_state)"
check "hydrate at a rate that would take an hour" hydrate_it --rate 8K
check "hydrate says what it needs, and waits: another rate counts at once" timeout 60 pbkfs hydrate -D "$mnt" --rate 100M --wait
check "how much has to be copied, and how much room there is" said 'are to be copied, .* may be used' "$work/out"
check "stat says that it needs no store" eval 'pbkfs stat -D "$mnt" >"$work/stat.txt" && grep -q "^DETACHED" "$work/stat.txt"'
check "and so does list" eval 'pbkfs list >"$work/list.txt" && grep -q detached "$work/list.txt"'
check "and the binding" bound_detached
equal "the store's locks are given back" off "$(lock_state)"
equal "no lock file names a process" 0 "$(store_locks)"
like_oracle "the mount is the backup still" "$oracle" "$mnt"
check "again is no fault" hydrate_it --wait
hide_store
like_oracle "and without the catalog" "$oracle" "$mnt"
worker=$(worker_pid)
check "kill -9 of the worker" kill9 "$worker"
like_oracle "the next worker needs no catalog" "$oracle" "$mnt"
check "unmount" unmount_it
check "mount without a catalog, of which nothing is named" mount_detached
like_oracle "it is the backup" "$oracle" "$mnt"
inodes >"$work/inodes.after"
same "names, links and inode numbers are what they were" "$work/inodes" "$work/inodes.after"
check "no store is mentioned as locked" [ "$(lock_state)" = off ]
check "unmount again" unmount_it
check "a mount that names the catalog goes on without it" mount_it
check "and says that it needs none" said "is detached and needs no store: -B can be left out" "$work/err"
check "unmount, once more" unmount_it
mkdir "$work/other"
refuse "another catalog is refused" "detached from store \"$store\" and needs none: leave out -B \"$work/other\"" \
    pbkfs mount -B "$work/other" -D "$mnt" -d "$diff"
equal "in one line" 1 "$(grep -c '^pbkfs error: ' "$work/err")"
refuse "also one that is not there" "leave out -B \"$work/none\"" pbkfs mount -B "$work/none" -D "$mnt" -d "$diff"
show_store
refuse "also where both are there" "leave out -B \"$work/other\"" pbkfs mount -B "$work/other" -D "$mnt" -d "$diff"
check "the catalog itself may be named" mount_it
check "unmount, a last time" unmount_it

# ---- what is not detached needs the catalog -------------------------------------
new_diff
check "mount once" mount_it
check "unmount it" unmount_it
hide_store
refuse "without it there is no mount" "could not use store \"$store\": " mount_it
equal "in one line, too" 1 "$(grep -c '^pbkfs error: ' "$work/err")"
show_store

# ---- while PostgreSQL works ----------------------------------------------------
new_diff
check "mount --hydrate" mount_it --hydrate --rate 1M
check "the server starts" pg_start "$mnt"
check "it is under way" until_state copying
check "stop" hydrate_it --stop
equal "it stops" off "$(hydrate_state)"
some=$(hydrate_figure blocks_done)
check "unmount and mount with the wish: --rate goes into the binding" eval 'hydrate_it --rate 2M/s && pg_stop "$mnt" && unmount_it && mount_it'
check "it goes on by itself" until_state copying
check "from where it was" [ "$(hydrate_figure blocks_done)" -ge "${some:-0}" ]
check "the server starts again" pg_start "$mnt"
sql -c 'create table done (id serial, client int, n int, aid int, delta int)'
pgbench_transaction >"$work/script"
as "$pguser" "$pgbin/pgbench" -h "$sock" -U postgres -n -c 2 -T 6 -D n=0 -f "$work/script" postgres >"$work/pgbench.log" 2>&1 &
bench=$!
check "hydrate at full speed, with pgbench" hydrate_it --watch
wait "$bench"; equal "pgbench has no error" 0 $?
rows=$(sql -c 'select count(*) from done')
check "rows were committed" [ "$rows" -gt 0 ]
check "pg_amcheck" amcheck
check "the server stops" pg_stop "$mnt"
manifest "$mnt" >"$work/changed"
check "unmount of the detached" unmount_it
hide_store
check "mount it without the catalog" mount_detached
manifest "$mnt" >"$work/after"
same "all is as it was" "$work/changed" "$work/after"
check "the server starts without the catalog" pg_start "$mnt"
equal "every commit is there" "$rows" "$(sql -c 'select count(*) from done')"
check "pg_amcheck without the catalog" amcheck
check "pgbench without the catalog" as "$pguser" "$pgbin/pgbench" -h "$sock" -U postgres -n -c 2 -T 1 postgres
check "the server stops again" pg_stop "$mnt"
check "the last unmount" unmount_it
show_store

# ---- what a server does in memory comes first, too, though nothing of it arrives at the mount -------
new_diff
check "mount for a server that has all in memory" mount_it --wal=mount
set -- $(find "$mnt/base" -type f -printf '%s %p\n' | sort -n | tail -n 2 | cut -d ' ' -f 2)
hydrated=$1 own=$2 created=$mnt/created
check "a relation is written, all of it, and a new file" eval 'install -m 0644 "$own" "$work/own" &&
    as "$pguser" dd if="$work/own" of="$own" bs=1M conv=notrunc,fsync status=none && as "$pguser" dd if="$work/own" of="$created" bs=1M conv=fsync status=none'
plain_cost "a block of the one costs what plain FUSE costs: the request is read, and the block" "$own"
plain_cost "and so does one of the other" "$created"
rm "$created"
check "it starts" pg_start "$mnt"
sql -c checkpoint
busy=
for n in $(seq "$(nproc)"); do sh -c 'while :; do :; done' & busy="$busy $!"; done
check "hydrate while others use the processors" hydrate_it
sleep 1
equal "a second is not enough: the copy has a tenth of the time" copying "$(hydrate_state)"
kill $busy
check "with nobody else it ends" hydrate_it --wait
# A file that is complete costs what one of a plain FUSE file system costs.
builds=$(stat_number block_maps builds)
find "$mnt/base" -type f -size +8k >"$work/files"
check "files are read again" eval 'while read -r f; do dd if="$f" of=/dev/null iflag=direct bs=64k status=none || exit 1; done <"$work/files"'
equal "no block map is made for that" "$builds" "$(stat_number block_maps builds)"
equal "nor kept" 0 "$(stat_number block_maps bytes)"
plain_cost "a block costs what one costs that was written" "$hydrated"
check "the server stops at last" pg_stop "$mnt"
check "and it is unmounted" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
