# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A mount in a cgroup with little memory serves all reads and writes, and the log says when it
# reached the limit.  (The server and its users are outside of the cgroup.)
. "$srcdir/tests/lib-e2e.sh"

limit=67108864
# make_group DIR LIMIT-FILE SWAP-FILE SWAP: sets $group.
make_group() {
	mkdir "$1" 2>/dev/null || return 1
	group=$1
	# Without swap, since swapped memory would not count.
	if echo $limit >"$1/$2"; then echo "$4" >"$1/$3"; return 0; fi 2>/dev/null
	rmdir "$1"; group=
	return 1
}
v1=/sys/fs/cgroup/memory v2=/sys/fs/cgroup name=pbkfs-test-$(date +%s%N) group=
# Sets $oom as well, the file in which kills are counted.
find_group() {
	if [ -e $v1/memory.limit_in_bytes ]; then
		oom=memory.oom_control
		make_group "$v1/$name" memory.limit_in_bytes memory.memsw.limit_in_bytes $limit
	else
		oom=memory.events
		echo +memory >$v2/cgroup.subtree_control
		make_group "$v2/$name" memory.max memory.swap.max 0
	fi 2>/dev/null
}
remove_group() {
	story_status=$?
	[ $$ -ne 1 ] || kill -9 -1 2>/dev/null
	tries=0
	until [ ! -d "$group" ] || rmdir "$group" || [ $((tries += 1)) -gt 200 ]; do :; done 2>/dev/null
	(exit $story_status)
	e2e_cleanup
}
trap remove_group EXIT
find_group || skip_all "no cgroup with a memory limit can be made"
inside() { sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" "$@"; }
oom_kills() { awk '$1 == "oom_kill" { print $2 }' "$group/$oom"; }
deaths() { grep -c ' died: ' "$diff/.pbkfs/pbkfs.log"; }
mount_inside() { inside pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait --wal=mount "$@"; }
replaced() { pbkfs stat -D "$mnt" --format json | tr -d '\n ' | sed -n 's/.*"replaced":\([0-9]*\).*/\1/p'; }
forget() { sync -f "$mnt"; echo 3 >/proc/sys/vm/drop_caches; }

fixture
new_diff
check "mount in a cgroup of 64 MiB" mount_inside || { rmdir "$group"; plan_done; exit; }
supervisor=$(supervisor_pid)
check "the worker is in it" grep -q "$name" "/proc/$(worker_pid)/cgroup"
equal "the default of --cache-size fits it" $((limit / 4)) "$(stat_number block_maps bytes_max)"
for round in 1 2 3; do
	forget
	like_oracle "all is read right, round $round" "$oracle" "$mnt" -L pg_wal
done
check "more than the limit is written" dd if=/dev/urandom of="$mnt/written" bs=1M count=96 conv=fsync status=none
sum=$(sha256sum <"$mnt/written")
forget
equal "and read again" "$sum" "$(sha256sum <"$mnt/written")"
note "$(deaths) workers died, $(oom_kills) by the limit"
equal "nobody had to die for that" 0 "$(deaths)"

# Others in the group, whom the kernel spares, take memory until it kills a worker.
mount -t tmpfs tmpfs "$work/tmp"
squeeze() {
	inside sh -c '
		echo -1000 >/proc/self/oom_score_adj
		while [ "$(awk "\$1 == \"oom_kill\" { print \$2 }" "$1")" -eq 0 ]; do
			head -c 262144 /dev/zero >>"$2/hog" || exit 1
			[ "$(stat -c %s "$2/hog")" -lt 134217728 ] || exit 1
		done' sh "$group/$oom" "$work/tmp"
	squeezed=$?
	umount "$work/tmp"
	return $squeezed
}
worker=$(worker_pid)
check "the limit is reached" squeeze
check "a worker was ended for it" wait_gone "$worker"
forget
like_oracle "the next one reads all right" "$oracle" "$mnt" -L pg_wal -x written
equal "and what was written" "$sum" "$(sha256sum <"$mnt/written")"
check "the log says why" grep -q 'died: the kernel ended it: its cgroup has reached its memory limit of 64 MiB: raise it, or' "$diff/.pbkfs/pbkfs.log"
check "each death has that reason" [ "$(deaths)" -eq "$(grep -c 'memory limit of 64 MiB' "$diff/.pbkfs/pbkfs.log")" ]
equal "stat counts them" "$(deaths)" "$(replaced)"
check "they are few" [ "$(deaths)" -le 10 ]
note "$(deaths) workers died"
equal "the supervisor is the one of the beginning" "$supervisor" "$(supervisor_pid)"

# A server beside the group, whose mount is in it.
died=$(deaths)
check "PostgreSQL starts" pg_start "$mnt" && {
	check "writes" sql -c "create table t_limit as select g, repeat(md5(g::text), 10) from generate_series(1, 100000) g" -c checkpoint
	echo 3 >/proc/sys/vm/drop_caches
	equal "and reads" 5000050000 "$(sql -c "select sum(g) from t_limit")"
	check "and stops" pg_stop "$mnt"
}
equal "nobody had to die for that either" "$died" "$(deaths)"
check "unmount" unmount_it
check "the supervisor ends" wait_gone "$supervisor"
check "mount with --cache-size" mount_inside --cache-size 32M
equal "which stays as it was given" $((32 << 20)) "$(stat_number block_maps bytes_max)"
supervisor=$(supervisor_pid)
check "unmount again" unmount_it
check "the supervisor ends again" wait_gone "$supervisor"
check "nobody is left in the cgroup" rmdir "$group"
plan_done
