# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The next mount rewrites a journal most of whose records are out of date; the tree stays the same.
. "$srcdir/tests/lib-e2e.sh"
fixture
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }

# Every kind of record: renamed and removed names of the backup, links, truncation.
db=$(cd "$mnt/base" && ls | sort -n | tail -n 1)
set -- $(find "$mnt/base/$db" -type f -size +15k | sort | head -n 6)
truncate -s 8192 "$1"
printf abc | dd of="$2" bs=1 seek=8190 conv=notrunc status=none
truncate -s 0 "$3"
printf fresh >"$3"
mv "$4" "$mnt/moved"
ln "$5" "$mnt/linked"
rm "$6"
mv "$mnt/base/1" "$mnt/base/renamed"
mkdir "$mnt/base/1"
printf x >"$mnt/base/1/PG_VERSION"
ln -s 'some where' "$mnt/link"
touch -d '2001-02-03 04:05:06.789 UTC' "$5"
rm -rf "$mnt/pg_multixact"
mkdir "$mnt/many"
(cd "$mnt/many" && seq 1 25000 | sed 's/$/-a-name-that-takes-some-room-in-the-journal/' | xargs touch && ls | xargs rm)
attributes() { (cd "$mnt" && find . -path ./.pbkfs -prune -o ! -type d -printf '%y %m %u %g %s %n %T@ %p -> %l\n' | LC_ALL=C sort -k8); }
attributes >"$work/attributes"
manifest "$mnt" >"$work/before"
check "unmount" unmount_it
long=$(stat -c %s "$diff/changes/journal")
check "the journal is long" [ "$long" -gt 4194304 ]
for round in 1 2; do
	check "mount, round $round" mount_it --wal=mount
	short=$(stat -c %s "$diff/changes/journal")
	check "the journal is short, round $round" [ "$short" -lt 100000 ]
	manifest "$mnt" >"$work/after"
	same "names, modes and content, round $round" "$work/before" "$work/after"
	attributes >"$work/attributes.after"
	same "owners, links and times, round $round" "$work/attributes" "$work/attributes.after"
	check "a new name goes on from there, round $round" mkdir "$mnt/round$round"
	rmdir "$mnt/round$round"
	kill9 "$(worker_pid)"
	manifest "$mnt" >"$work/after"
	same "and the next worker agrees, round $round" "$work/before" "$work/after"
	check "unmount, round $round" unmount_it
done
plan_done
