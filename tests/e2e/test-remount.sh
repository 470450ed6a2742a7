# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes that were made on the mount are there after unmount and mount.
. "$srcdir/tests/lib-e2e.sh"
fixture
before=$(catalog_sum "$store")
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
like_oracle "a fresh mount is the backup" "$oracle" "$mnt"
check "unmount of an untouched mount" unmount_it
check "mount again" mount_it --wal=mount
like_oracle "an untouched mount is still the backup" "$oracle" "$mnt"

# One change of every kind, to files and directories of the backup and new ones.
db=$(cd "$mnt/base" && ls | sort -n | tail -n 1)
set -- $(find "$mnt/base/$db" -type f -size +15k | sort | head -n 8)
check "there are relations to work with" [ $# -eq 8 ]
truncate -s 8192 "$1"
truncate -s +40000 "$1"
printf abc | dd of="$2" bs=1 seek=8190 conv=notrunc status=none
fallocate -p -o 8192 -l 4000 "$3"
fallocate -l 1000000 "$4"
mv "$5" "$mnt/moved"
ln "$6" "$mnt/linked"
rm "$7"
mv "$8" "$2.other"
chmod 0640 "$3"
chown daemon:daemon "$4"
touch -d '2001-02-03 04:05:06.789 UTC' "$3"
mkdir -m 0750 "$mnt/new dir"
printf 'content\n' >"$mnt/new dir/öther file"
ln -s 'some where' "$mnt/new dir/link"
mv "$mnt/base/1" "$mnt/base/renamed"
mkdir "$mnt/base/1"
printf x >"$mnt/base/1/PG_VERSION"
rm -rf "$mnt/pg_multixact"
mkdir "$mnt/gone"; rmdir "$mnt/gone"

attributes() { (cd "$mnt" && find . -path ./.pbkfs -prune -o -printf '%y %m %u %g %s %n %T@ %p -> %l\n' | LC_ALL=C sort -k8); }
# without link counts of directories, and without times that a listing changes
attributes | sed 's/^\(d [0-9]* [^ ]* [^ ]*\) [0-9]* [0-9]*/\1/' >"$work/attributes"
manifest "$mnt" >"$work/changed"
for round in 1 2; do
	check "unmount, round $round" unmount_it
	check "mount, round $round" mount_it --wal=mount
	manifest "$mnt" >"$work/after"
	same "names, modes and content, round $round" "$work/changed" "$work/after"
	attributes | sed 's/^\(d [0-9]* [^ ]* [^ ]*\) [0-9]* [0-9]*/\1/' >"$work/attributes.after"
	same "owners, links and times, round $round" "$work/attributes" "$work/attributes.after"
done
equal "a link is one file with two names" "$(stat -c %i "$6")" "$(stat -c %i "$mnt/linked")"
printf more >>"$mnt/linked"
check "a write by one name is seen by the other" cmp "$6" "$mnt/linked"

# A removed name may be made again; the new file has nothing of the old content.
: >"$7"
equal "a new file under a removed name is empty" 0 "$(stat -c %s "$7")"
truncate -s 16384 "$7"
check "and reads as zeroes when it grows" cmp -n 16384 "$7" /dev/zero
check "remount" remount --wal=mount
check "and still does after a remount" cmp -n 16384 "$7" /dev/zero
manifest "$mnt" >"$work/changed"
check "unmount at the end" unmount_it

# Older versions had no changes/; a crash may have interrupted the move into it.
moved_by() { manifest "$mnt" >"$work/after"; same "$1: all changes are there" "$work/changed" "$work/after"
	equal "$1: all lies in changes/" ". .. .pbkfs .pbkfs-binding.json .pbkfs-lock changes" "$(ls -a "$diff" | xargs)"; }
mv "$diff/changes"/* "$diff" && rmdir "$diff/changes"
printf 'pbkfs-cut 1\nby a test\n' >"$diff/.pbkfs-dirty-cut"; chown "$pguser:" "$diff/.pbkfs-dirty-cut"
mount_it --wal=mount 2>"$work/said"
moved_by "an older diff directory"
check "also what it says of the last mount" grep -q "cut off: by a test" "$work/said"
check "unmount of it" unmount_it
mv "$diff/changes/journal" "$diff"
check "one that was moved in part mounts" mount_it --wal=mount
moved_by "a move that a crash ended"
check "unmount of that" unmount_it
cp -p "$diff/changes/journal" "$diff"
refuse "two journals are one too many" "could not move.*journal.*exists" mount_it --wal=mount
rm "$diff/journal"
mv "$diff/changes/data" "$work/data"; install -d -o "$pguser" -m 0700 "$diff/changes/data"
refuse "data that was taken away is missed" \
    "content that was written to \"[^\"]*\", \"data/[0-9a-f]{16}\", is missing from the diff directory, and that of [0-9]+ other files: put it back" mount_it --wal=mount
equal "in one line" 1 "$(wc -l <"$work/err")"
rm -r "$diff/changes/data"; mv "$work/data" "$diff/changes/data"
check "and is there when it is put back: mount" mount_it --wal=mount
moved_by "data that was away"
check "unmount of that, too" unmount_it

# Of a file that was made on the mount nothing else would be left than its name.
printf kept >"$work/kept"
mount_it --wal=mount; cp "$work/kept" "$mnt/new dir/kept"; check "unmount of a mount with a new file" unmount_it
made=$(grep -lx kept "$diff/changes/data"/*)
mv "$made" "$work/made.content"
refuse "the content of a new file is missed" \
    "content that was written to \"new dir/kept\", \"data/[0-9a-f]{16}\", is missing from the diff directory: put it back" mount_it --wal=mount
mv "$work/made.content" "$made"

# Damage to what was synced is no torn tail, in the middle of the journal or anywhere.
journal=$diff/changes/journal
cp -p "$journal" "$work/journal"
size=$(stat -c %s "$journal")
for at in 40 $((size / 2)) $((size - 200)); do
	printf '\377\377\377' | dd of="$journal" bs=1 seek="$at" conv=notrunc status=none
	refuse "damage at byte $at of $size refuses the mount" \
	    "\"journal\" in the diff directory is damaged at byte [0-9]+, of [0-9]+ that were synced: put back a copy of it, or pbkfs cleanup" mount_it --wal=mount
	equal "in one line, too" 1 "$(wc -l <"$work/err")"
	equal "and leaves it as it is" "$size" "$(stat -c %s "$journal")"
	cp -p "$work/journal" "$journal"
done
truncate -s $((size / 2)) "$journal"
refuse "a part of a journal refuses the mount" "\"journal\" in the diff directory (ends|is damaged) at byte" mount_it --wal=mount
cp -p "$work/journal" "$journal"
truncate -s +100 "$journal"
check "a torn tail does not: mount" mount_it --wal=mount
check "all is there" cmp "$work/kept" "$mnt/new dir/kept"
rm "$mnt/new dir/kept"
moved_by "damage that is mended"
check "unmount of what was mended" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"

new_diff "$work/other"
diff=$work/other
check "another diff directory mounts" mount_it --wal=mount
like_oracle "and knows nothing of the first" "$oracle" "$mnt"
check "unmount of the second" unmount_it
plan_done
