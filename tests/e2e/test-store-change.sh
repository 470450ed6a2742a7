# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A chain changes under a mount, since somebody ignores the lock: reads of data that was not read
# yet fail with an I/O error, which the log explains, and never give other data.
. "$srcdir/tests/lib-e2e.sh"
fixture
backups=$store/backups/$instance control=$store/backups/$instance/$full_id/backup.control
before=$(catalog_sum "$store")
new_diff
check "mount" mount_it --wal=mount --store-lock=no || { plan_done; exit; }
log=$diff/.pbkfs/pbkfs.log

# Files of which the FULL alone has the data; the story reads each of them once.
awk '$1 == "f" && $3 >= 8192 { print substr($0, index($0, $5)) }' "$full_oracle" >"$work/in.full"
while read -r f; do
	[ ! -f "$backups/$id/database/$f" ] || continue
	[ -f "$backups/$full_id/database/$f" ] && [ -f "$mnt/$f" ] && echo "$f"
done <"$work/in.full" >"$work/files"
check "there are enough files" [ "$(wc -l <"$work/files")" -gt 30 ]
next() { taken=$((taken + 1)); file=$(sed -n "${taken}p" "$work/files"); }
taken=0
good() { next; check "$1" cat "$mnt/$file"; }
bad() { next; refuse "$1" "Input/output error" cat "$mnt/$file"; }
told() { check "the log says so: $1" grep -q "backup $full_id was changed under the mount: .*$1" "$log"; }
changed() { pbkfs stat -D "$mnt" --format=json | sed -n 's/.*"store_changed": \([a-z]*\).*/\1/p'; }

good "a file can be read"
equal "nothing has changed" false "$(changed)"
next; kept=$file
cat "$mnt/$kept" >"$work/kept"
cp -p "$control" "$work/control"

note "validate writes the control file anew"
sed 's/^status = OK/status = DONE/' "$work/control" >"$control.tmp" && mv "$control.tmp" "$control"
good "which is no change"
cp -p "$work/control" "$control"
good "nor is the way back"

for status in MERGING MERGED DELETING; do
	note "somebody says $status"
	sed "s/^status = OK/status = $status/" "$work/control" >"$control.tmp" && mv "$control.tmp" "$control"
	bad "what was not read yet is an I/O error"
	check "what was read is still there" cmp "$work/kept" "$mnt/$kept"
	equal "stat says so" true "$(changed)"
	check "in words, too" sh -c "pbkfs stat -D '$mnt' | grep -q 'CHANGED under the mount'"
	[ $status != MERGING ] || told "its status is MERGING"
	cp -p "$work/control" "$control"
	good "and all is well when that is over"
	equal "which stat says, too" false "$(changed)"
done

note "another list"
cp -p "$backups/$full_id/backup_content.control" "$work/list"
tail -n +2 "$work/list" >"$backups/$full_id/backup_content.control"
bad "is an I/O error"
cp -p "$work/list" "$backups/$full_id/backup_content.control"
good "until it is the old one again"

note "a file is replaced by one of the same length"
next; replaced=$file
cp -p "$backups/$full_id/database/$replaced" "$work/original"
tr '\000-\377' '\001-\377\000' <"$work/original" >"$work/other"
cp "$work/other" "$backups/$full_id/database/$replaced"
refuse "which is not served" "Input/output error" cat "$mnt/$replaced"
good "others are"
cp -p "$work/original" "$backups/$full_id/database/$replaced"
check "the old one is, when it is back" sh -c "cat '$mnt/$replaced' >/dev/null"

note "one of the same length that looks older is not found out"
older=$(cd "$backups/$full_id/database" && for f in base/*/PG_VERSION; do [ -e "$backups/$id/database/$f" ] || { echo "$f"; break; }; done)
plain=$backups/$full_id/database/$older
cp -p "$plain" "$work/original"
tr 0-9 1-90 <"$work/original" >"$plain"; touch -d '2001-01-01' "$plain"
check "it is served" cmp "$plain" "$mnt/$older"
refuse "which verify finds" "$older|damaged|crc" pbkfs verify -B "$store" -I "$instance" -i "$id"
cp -p "$work/original" "$plain"

note "a new worker knows as much"
kill9 "$(worker_pid)"
good "a file can be read"
sed 's/^status = OK/status = MERGING/' "$work/control" >"$control.tmp" && mv "$control.tmp" "$control"
bad "and not when somebody merges"

note "the backup is deleted"
mv "$backups/$full_id" "$work/away"
bad "what was not read is an I/O error"
mv "$work/away" "$backups/$full_id"
cp -p "$work/control" "$control"
good "and is there again with the backup"
check "unmount" unmount_it
equal "the catalog is as before" "$before" "$(catalog_sum "$store")"
plan_done
