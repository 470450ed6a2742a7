# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Faults that other programs for this job have, or had: pbkfs has none of them.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-made.sh"
fixture TOXCRN
before=$(catalog_sum "$store")
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
size() { stat -c %s "$mnt/$1"; }
files_of() { awk '$1 == "f"' "$1"; }
db=$(cd "$mnt/base" && ls | sort -n | tail -n 1)

# ---- wrong data
# Paths that are shorter in this backup than in the FULL, with the right size.
shrunk() {
	{ files_of "$full_oracle"; echo; files_of "$oracle"; } | awk '
	    !NF { second = 1; next }
	    { size = $3; sub(/^[^ ]* [^ ]* [^ ]* [^ ]* /, "") }
	    !second { full[$0] = size; next }
	    size < full[$0] { print size, $0 }'
}
shrunk | grep ' base/' >"$work/shrunk"
check "the fixture has relations that shrank" [ -s "$work/shrunk" ]
while read -r want path; do
	equal "relation length is this backup's, not the chain's maximum: $path" "$want" "$(size "$path")"
done <"$work/shrunk"

cut -d' ' -f5- "$full_oracle" | LC_ALL=C sort >"$work/then"
cut -d' ' -f5- "$oracle" | LC_ALL=C sort >"$work/now"
LC_ALL=C comm -23 "$work/then" "$work/now" | grep base/ >"$work/dropped"
check "the fixture has relations that were dropped" [ -s "$work/dropped" ]
found=
while read -r path; do [ ! -e "$mnt/$path" ] || found="$found $path"; done <"$work/dropped"
equal "dropped relations are not resurrected" "" "$found"

files_of "$oracle" | grep '_init$' | sort >"$work/init"
manifest "$mnt" | grep '_init$' | sort >"$work/init.found"
check "the fixture has unlogged relations" [ -s "$work/init" ]
same "_init forks of unlogged tables are there" "$work/init" "$work/init.found"

(cd "$mnt" && ls -A | grep -vx .pbkfs | LC_ALL=C sort) >"$work/root"
cut -d' ' -f5- "$oracle" | grep -v / | grep -vx recovery.signal | LC_ALL=C sort >"$work/root.oracle"
same "own metadata is not among PGDATA's files" "$work/root.oracle" "$work/root"
equal "the mode of the root lets a server start" 700 "$(stat -c %a "$mnt")"

head -c 40960 /dev/urandom >"$mnt/base/$db/900001"
sync "$mnt/base/$db/900001"
equal "a new relfilenode is not empty" 40960 "$(size "base/$db/900001")"
cp "$mnt/base/$db/900001" "$work/900001"

relation=base/$(cd "$mnt/base" && find "$db" -type f -name '[1-9]*[0-9]' -size +40k | head -n 1)
truncate -s 8192 "$mnt/$relation"
truncate -s 40960 "$mnt/$relation"
zeroes() { tail -c +8193 "$mnt/$relation" | cmp -n 32768 - /dev/zero; }
check "truncation is applied to the backup's blocks" zeroes

fallocate -l 81920 "$mnt/allocated"
equal "fallocate is no no-op" 81920 "$(size allocated)"
printf 'data' | dd of="$mnt/allocated" bs=4096 seek=1 conv=notrunc status=none
fallocate -p -o 4096 -l 4096 "$mnt/allocated"
check "nor is PUNCH_HOLE" cmp -n 81920 "$mnt/allocated" /dev/zero

check "EXCHANGE, rename, unlink and rmdir as POSIX has them" [ -x "$support/fsops" ]
mkdir "$mnt/ops"
for fault in "rename over directories" "rmdir of a directory whose entries" "rmdir while its files" \
    "read and write an unlinked open file" statfs "utimens, and" chown "symlink and" "link and"; do
	tap_from "$support/fsops" ops "$mnt/ops" -m "$fault"
done
rm -rf "$mnt/ops"

# The same with directories of the backup in place of new ones.
mkdir "$mnt/dir"; : >"$mnt/dir/f"
refuse "rename over a non-empty directory of the backup" "not empty" mv -T "$mnt/dir" "$mnt/base/1"
check "leaves its content" [ -s "$mnt/base/1/PG_VERSION" ]
rm "$mnt/base/1"/*
check "rmdir of a backup's directory whose entries were deleted" rmdir "$mnt/base/1"

# ---- a length or a name that is in memory only
check "remount" remount --wal=mount
equal "lengths survive a remount" "40960 40960 81920" "$(size "base/$db/900001") $(size "$relation") $(size allocated)"
check "so does content" cmp "$work/900001" "$mnt/base/$db/900001"
check "so do truncated blocks" zeroes
check "removed directories stay removed" [ ! -e "$mnt/base/1" ]
truncate -s 100000 "$mnt/base/$db/900001"
sync "$mnt/base/$db/900001"
worker=$(worker_pid) supervisor=$(supervisor_pid)
check "kill -9 of worker and supervisor" kill9 "$worker" "$supervisor"
wait_gone "$worker" "$supervisor"
check "mount again" recover_mount --wal=mount
equal "a length that was synced survives kill -9" 100000 "$(size "base/$db/900001")"

# ---- files of the diff directory
equal "diff files are for their owner only" "" "$(find "$diff" -mindepth 1 ! -type l -perm /077 -print | head -n 5)"
equal "and belong to the server's user" "" "$(find "$diff" ! -user "$pguser" -print | head -n 5)"

# ---- the mounted backup is locked against pg_probackup delete and merge
for backup in "$id" "$full_id"; do
	lock=$store/backups/$instance/$backup/backup_ro.pid
	check "a mounted backup is locked against delete: $backup" [ -s "$lock" ]
	for pid in $(cat "$lock" 2>/dev/null); do
		check "by a living process" kill -0 "$pid"
	done
done
check "unmount" unmount_it
equal "the lock is gone, and the catalog as it was" "$before" "$(catalog_sum "$store")"

# ---- pids in files
# A signal would end this process.
sleep 300 &
victim=$!
check "mount for pids" mount_it --wal=mount
worker=$(worker_pid) supervisor=$(supervisor_pid)
rm -f "$diff/.pbkfs/worker.pid"; echo "$victim" >"$diff/.pbkfs/worker.pid"; chown "$pguser:" "$diff/.pbkfs/worker.pid"
check "stat works, whatever the pid file says" pbkfs stat -D "$mnt"
check "unmount too" unmount_it
echo "$victim" >"$diff/.pbkfs/worker.pid"
echo "$victim" >"$diff/.pbkfs-lock"
chown -R "$pguser:" "$diff"
pbkfs stat -D "$mnt" >/dev/null 2>&1
pbkfs unmount -D "$mnt" -d "$diff" --force >/dev/null 2>&1
pbkfs cleanup -d "$diff" --force >"$work/out" 2>&1
check "no process was signalled because a file names its pid" kill -0 "$victim"

# ---- the lock is a lock, not a file
new_diff
check "mount for the lock" mount_it
worker=$(worker_pid) supervisor=$(supervisor_pid)
kill9 "$worker" "$supervisor"; wait_gone "$worker" "$supervisor"
unmount_it -d "$diff" --force
echo "$victim" >"$diff/.pbkfs-lock"
check "a lock file left behind that names a living process locks nothing" mount_it
check "unmount for the lock" unmount_it
kill "$victim"

# ---- cleanup
printf 'precious\n' >"$work/precious"
chown "$pguser:" "$work/precious"
for name in .pbkfs-lock .pbkfs-dirty .pbkfs-binding.json journal .pbkfs data changes changes/journal; do
	rm -rf "${diff:?}/$name.away"
	mv "$diff/$name" "$diff/$name.away" 2>/dev/null
	ln -s "$work/precious" "$diff/$name"
	pbkfs cleanup -d "$diff" >"$work/out" 2>&1
	pbkfs cleanup -d "$diff" --force >"$work/out" 2>&1
	equal "cleanup does not follow a symlink: $name" precious "$(cat "$work/precious")"
	new_diff; mount_it >/dev/null 2>&1; unmount_it >/dev/null 2>&1
done
mkdir "$work/precious.d"; printf 'precious\n' >"$work/precious.d/f"; chown -R "$pguser:" "$work/precious.d"
ln -s "$work/precious.d" "$diff/changes/data/linked"
check "cleanup removes a link in data" pbkfs cleanup -d "$diff"
check "but not what it points to" [ -s "$work/precious.d/f" ]
ln -s "$work/precious.d" "$work/link.d"
refuse "cleanup of a directory that is no diff directory" . pbkfs cleanup -d "$work/precious.d"
refuse "also with --force" . pbkfs cleanup -d "$work/precious.d" --force
refuse "and by a link" . pbkfs cleanup -d "$work/link.d" --force
check "leaves what is in it" [ -s "$work/precious.d/f" ]

# ---- names
new_diff
refuse "an id in another spelling is not found" . mount_it -i NOSUCHID
lower=$(echo "$id" | tr A-Z a-z) upper=$id
id=$lower
check "a lower-case backup id" mount_it
id=$upper
check "unmount of a lower-case id" unmount_it
mnt="$work/a mount point"; mkdir "$mnt"
check "a mountpoint with a space" mount_it
check "stays mounted" [ -s "$mnt/PG_VERSION" ]
check "and is unmounted" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"

# ---- tablespaces
rm -rf "$work/pgdata"
unlogged= mnt=$work/mnt
fixture_tablespace
new_diff
check "mount of a backup with tablespaces" mount_it
check "tablespace_map is hidden: production's tablespaces are out of reach" [ ! -e "$mnt/tablespace_map" ]
check "tablespaces do not stop the server" pg_start "$mnt" -c allow_in_place_tablespaces=on
equal "rows of a table in a tablespace" "$(sed -n 's/^postgres|ts_a|\([0-9]*\)|.*/\1/p' "$oracle.sql.txt")" "$(sql -c 'select count(*) from ts_a')"
check "stop" pg_stop "$mnt"
check "unmount with tablespaces" unmount_it
plan_done
