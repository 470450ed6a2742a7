# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A mount with few descriptors and little memory serves many files and clients.
# PBKFS_LIMIT_SECONDS makes it last longer.
. "$srcdir/tests/lib-e2e.sh"
fixture
seconds=${PBKFS_LIMIT_SECONDS:-20}
clients=64
per_client=32	# 2048 open files

now() { date +%s; }
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
descriptors() { ls "/proc/$1/fd" | wc -l; }

# ---- descriptors
note "RLIMIT_NOFILE 256"
new_diff
limited() { prlimit --nofile=256:256 pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait --wal=mount "$@"; }
check "mount" limited || { plan_done; exit; }
worker=$(worker_pid) supervisor=$(supervisor_pid)
equal "the worker has that limit" 256 "$(awk '/^Max open files/ { print $4 }' "/proc/$worker/limits")"
manifest "$mnt" >"$work/then"
check "the fixture has more files than that" [ "$(wc -l <"$work/then")" -gt 600 ]

# 2000 files are written and not synced.
mkdir "$mnt/many"
write_many() {
	i=0
	while [ $i -lt 2000 ]; do
		i=$((i + 1))
		echo "$i $1" >"$mnt/many/$i" || return 1
	done
}
wrong_of_many() {
	i=0 wrong=0
	while [ $i -lt 2000 ]; do
		i=$((i + 1))
		read -r line <"$mnt/many/$i" && [ "$line" = "$i $1" ] || wrong=$((wrong + 1))
	done
	echo $wrong
}
check "2000 files are written" write_many first
check "and synced" sync "$mnt"/many/*
equal "all of them are what was written" 0 "$(wrong_of_many first)"
# Prints the first bytes of each relation of the backup.
write_relations() {
	find "$mnt/base" -type f -name '[1-9]*[0-9]' -size +0 | head -n 200 >"$work/relations"
	while read -r relation; do
		dd if="$relation" bs=4096 count=1 status=none 2>/dev/null | dd of="$relation" conv=notrunc status=none || return 1
	done <"$work/relations"
}
check "200 relations of the backup are written" write_relations

# ---- 2048 open files, 64 clients
# A client holds its share of the files open all the time, and reads and writes them.
find "$mnt/base" "$mnt/global" "$mnt/many" -type f | sort | head -n $((clients * per_client)) >"$work/files"
equal "there are enough files to open" $((clients * per_client)) "$(wc -l <"$work/files")"
split -l $per_client -a 3 "$work/files" "$work/share."
mkdir "$mnt/clients"
cat >"$work/client" <<-'SH'
	# tail holds files open.
	tail -q -n 0 -f $(cat "$1") >/dev/null 2>&1 &
	opener=$!
	own=$2/clients/$(basename "$1")
	while [ ! -e "$3" ]; do
		cat $(cat "$1") >/dev/null || exit 1
		head -c 20000 /dev/zero >"$own" && echo $$ >>"$own" || exit 1
		[ "$(tail -c +20001 "$own")" = $$ ] || exit 1
		mv "$own" "$own.x" && rm "$own.x" || exit 1
	done
	kill $opener; wait $opener || true
SH
note "$clients clients with $per_client files each for $seconds seconds"
set --
for share in "$work"/share.*; do
	sh "$work/client" "$share" "$mnt" "$work/stop" >"$work/client.out" 2>&1 &
	set -- "$@" $!
done
equal "that many clients" $clients $#
# Counting begins when each client has its files open.  (One process looks, since it has to get its
# turn among that many clients.)
open_now() {
	set --
	for p in /proc/[0-9]*; do
		read -r comm <"$p/comm" && [ "$comm" = tail ] && set -- "$@" "$p/fd"
	done 2>/dev/null
	[ $# -eq 0 ] || find "$@" -lname "$mnt/*" 2>/dev/null | wc -l
}
begin=$(now) open_files=0
until [ "${open_files:-0}" -ge $((clients * per_client)) ] || [ $(($(now) - begin)) -gt 60 ]; do open_files=$(open_now); done
check "all files are open at once" [ "${open_files:-0}" -ge $((clients * per_client)) ]
# The first third of the time warms up; after it neither descriptors nor memory may grow.
begin=$(now) warm_worker= max_fds=0
while [ $(($(now) - begin)) -lt "$seconds" ] || [ -z "$warm_worker" ]; do
	fds=$(descriptors "$worker")
	[ "$fds" -le $max_fds ] || max_fds=$fds
	if [ -z "$warm_worker" ] && [ $(($(now) - begin)) -ge $((seconds / 3)) ]; then
		warm_worker=$(rss "$worker") warm_supervisor=$(rss "$supervisor")
	fi
	pbkfs stat -D "$mnt" >/dev/null || { not_ok "stat answers among the clients"; break; }
done
: "${warm_worker:=0}" "${warm_supervisor:=0}"
end_worker=$(rss "$worker") end_supervisor=$(rss "$supervisor")
: >"$work/stop"
failed=0
for client in "$@"; do wait "$client" || failed=$((failed + 1)); done
equal "no client met an error" 0 $failed
[ $failed -eq 0 ] || show "$work/client.out"
note "worker: $warm_worker KiB after $((seconds / 3)) s, $end_worker KiB at the end; supervisor: $warm_supervisor and $end_supervisor KiB; at most $max_fds descriptors"
check "the worker did not grow" [ "$end_worker" -le $((warm_worker + warm_worker / 10 + 2048)) ]
check "nor did the supervisor" [ "$end_supervisor" -le $((warm_supervisor + 512)) ]
check "descriptors stayed below the limit" [ "$max_fds" -lt 256 ]
check "no worker was replaced" first_worker
equal "the log has no error" 0 "$(grep -c ' error: ' "$diff/.pbkfs/pbkfs.log")"
rm -r "$mnt/clients"
equal "all of the 2000 files are what was written" 0 "$(wrong_of_many first)"
check "unmount" unmount_it
check "mount with the same limit" limited
equal "they are there after a remount" 0 "$(wrong_of_many first)"
rm -r "$mnt/many"
manifest "$mnt" >"$work/now"
same "and so is everything else" "$work/then" "$work/now"
check "unmount again" unmount_it

# ---- memory for block maps
note "--cache-size"
new_diff
# The limit is far less than the maps of all relations take.
size=32768
check "mount" mount_it --wal=mount --cache-size $size
equal "stat tells the limit" $size "$(stat_number block_maps bytes_max)"
find "$mnt/base" -type f -name '[1-9]*[0-9]' | sort >"$work/relations"
split -l 60 "$work/relations" "$work/relations."
most=0
for relations in "$work"/relations.*; do
	xargs cat <"$relations" >/dev/null
	bytes=$(stat_number block_maps bytes)
	[ "$bytes" -le $most ] || most=$bytes
done
note "$(wc -l <"$work/relations") relations: at most $most bytes of maps, $(stat_number block_maps builds) built, $(stat_number block_maps evictions) dropped"
check "maps never took more" [ $most -le $size ]
check "because some were dropped" [ "$(stat_number block_maps evictions)" -gt 0 ]
like_oracle "and all was read right" "$oracle" "$mnt" -L pg_wal
check "unmount" unmount_it
plan_done
