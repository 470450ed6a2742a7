# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Chains that an interrupted "pg_probackup merge" has left behind, in each state that its steps pass
# through: mount refuses them and names the way out; with --force it shows the state of one
# time, or refuses and names the cause.
. "$srcdir/tests/lib-e2e.sh"
pg_any
instance=main store=$work/made
new_cluster "$work/pgdata" && pg_start "$work/pgdata" -c fsync=off || exit 99
sql -c 'create table t as select g, md5(g::text) from generate_series(1, 3000) g' || exit 99
pg_stop "$work/pgdata"
# backup VARIABLE MODE [PARENT]: makes one, and keeps the manifest that it has to show.
backup() { make_backup "$2" zlib "${3:-}"; eval "$1=$made"; listed_manifest "$made" >"$work/expected.$made"; }
change() {
	pg_start "$work/pgdata" -c fsync=off && sql -c "update t set md5 = 'changed' where g % 50 = $1" \
	    -c "create table t_$1 as select $1" && pg_stop "$work/pgdata" || exit 99
}
backup full FULL
change 1; backup first DELTA "$full"
change 2; backup target DELTA "$first"
# Out of FULL and target the merge makes a FULL of the target's time.
backup merged FULL
mv "$store/backups/main/$merged" "$work/merged"
change 3; backup child DELTA "$target"
cp -a "$store" "$work/whole"
dir=$store/backups/main

reset() { rm -rf "$store"; cp -a "$work/whole" "$store"; }
# status STATUS ID...
status() { st=$1; shift; for b in "$@"; do sed -i "s/^status = .*/status = $st/" "$dir/$b/backup.control"; done; }
merging() { status MERGING "$full" "$first" "$target"; echo "merge-dest-id = '$target'" >>"$dir/$full/backup.control"; }
# take NAME...: moves these from the merge's result into the FULL.
take() { for n in "$@"; do rm -rf "${dir:?}/$full/$n"; cp -a "$work/merged/$n" "$dir/$full/$n"; done; }
new_control() { take backup.control; echo "merge-dest-id = '$target'" >>"$dir/$full/backup.control"; status "$1" "$full"; }
mounts() { new_diff; mount_it --wal=mount "$@"; }
# right STATE ID OF: with --force, ID shows what backup OF was.
right() {
	id=$2
	refuse "$1: $2 is refused" "pg_probackup merge" mounts
	check "$1: $2 is mounted with --force" mounts --force || return
	like_oracle "$1: $2 is of one time" "$work/expected.$3" "$mnt"
	check "$1: $2 is unmounted" unmount_it
}
# wrong STATE ID PATTERN: mount refuses even with --force, and says why.
wrong() {
	id=$2
	refuse "$1: $2 is refused" "" mounts
	refuse "$1: $2 is refused with --force, too" "$3" mounts --force || { unmount_it 2>/dev/null; true; }
}

reset; merging
for id in "$full" "$first" "$target" "$child"; do right "nothing was done yet" "$id" "$id"; done
equal "show says what finishes it" 4 "$(pbkfs show -B "$store" | grep -c 'no mount: .*"pg_probackup merge"')"

# A relation that changed: as the merge makes it, and of the same length.
rel=$(sed -n 's/^{"path":"\(base[^"]*\)", "size":"[1-9].*"is_datafile":"1".*"n_blocks":"[0-9]*".*/\1/p' "$dir/$target/backup_content.control" |
    while read -r path; do cmp -s "$dir/$full/database/$path" "$work/merged/database/$path" || echo "$path"; done | head -n 1)
take "database/$rel"
for id in "$full" "$first" "$target" "$child"; do wrong "one file was replaced" "$id" "\"$rel\" in backup $full: .*interrupted merge"; done
reset; merging
dd if=/dev/zero of="$dir/$full/database/$rel" bs=1 seek=50 count=8 conv=notrunc status=none
wrong "one of the same length" "$target" "\"$rel\" in backup $full: .*interrupted merge"
reset; merging; rm "$dir/$full/database/$rel"
wrong "one is gone" "$target" "$rel.*$full"
reset; merging; take page_header_map
wrong "the page headers were replaced" "$target" "\"base/.*$full"
take database
wrong "all files were replaced" "$target" "$full"
take backup_content.control
wrong "the list was replaced" "$target" "file list of backup \"$full\" does not match"

for state in MERGING MERGED; do
	reset; merging; take database page_header_map backup_content.control; new_control $state
	right "$state, all is replaced" "$full" "$target"
	right "$state, all is replaced" "$target" "$target"
	right "$state, all is replaced" "$child" "$child"
	wrong "$state, all is replaced" "$first" "\"$full\" has status $state and is of a later time than \"$first\""
done
status DELETING "$first"
right "a member is to be deleted" "$target" "$target"
find "$dir/$first/database" -type f -name '[1-9]*' -delete
wrong "a member is being deleted" "$target" "\"database/base/.*$first"
right "a member is being deleted" "$full" "$target"
rm -rf "${dir:?}/$first"
wrong "a member is gone" "$target" "\"$first\".*is missing.*\"pg_probackup merge -i $full\""
right "a member is gone" "$full" "$target"
rm -rf "${dir:?}/$target"
wrong "the target is gone" "$child" "\"$target\".*is missing.*\"pg_probackup merge -i $full\""
check "show says it, too" sh -c 'pbkfs show -B "$1" | grep -q "no mount: .*pg_probackup merge -i $2"' - "$store" "$full"
right "the target is gone" "$full" "$target"
mv "$dir/$full" "$dir/$target"
right "renamed" "$target" "$target"
right "renamed" "$child" "$child"
plan_done
