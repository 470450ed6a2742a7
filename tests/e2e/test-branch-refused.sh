# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Commands about snapshots and branches that are refused, each in one line that says the way out; and nothing changes.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
. "$srcdir/tests/lib-branch.sh"
fixture
new_place

# ---- the command line -----------------------------------------------------------------------
new_diff
refuse "neither diff directory nor mountpoint" "--diff-dir or --mnt-path is required" pbkfs snapshot x
refuse "a branch of a mountpoint" "--branch needs --diff-dir" pbkfs snapshot -D "$mnt" --branch a x
refuse "no name" "missing argument" pb snapshot
refuse "a name with a slash" "a name has up to 63 letters" pb snapshot ../x
refuse "a name that begins with a dot" "begins with none of" pb branch .new
refuse "a name that is too long" "a name has up to 63" pb snapshot "$(printf '%064d' 0)"
refuse "a branch that cannot be" "a name has up to 63" pb mount -D "$mnt" --branch a/b
refuse "both" "one of --branch and --snapshot" pb delete --branch a --snapshot b
refuse "neither" "one of --branch and --snapshot" pb rename x
refuse "options that exclude one another" "exclude one another" pb delete --branch a --protect --recursive
refuse "unmount of a branch of nothing" "--branch needs --diff-dir" pbkfs unmount -D "$mnt" --branch a
refuse "a message that is too long" "more than 1000 bytes" pb snapshot x --message "$(printf '%01001d' 0)"

# ---- no diff directory, or none with snapshots ---------------------------------------------------
refuse "an empty one" "is empty: nothing is to be frozen" pb snapshot x
touch "$diff/foreign"
refuse "somebody else's" "it holds \"foreign\"" pb snapshot x
rm "$diff/foreign"
refuse "one that is not there" "could not open diff directory" pbkfs tree -d "$work/nowhere"
check "mount" mount_it
pg_start "$mnt" || exit 99
refuse "a server is named" "a server runs on it, postgres \(pid [0-9]+\): stop it first" pb snapshot x
pg_stop "$mnt"
refuse "a branch without a snapshot" "has no snapshots: pbkfs snapshot -d" pb branch a
refuse "reset while it is mounted, without a snapshot" "it has no snapshots" pb reset
check "it is mounted all the same" is_mounted "$mnt"
check "tree without snapshots" pb tree
check "unmount" unmount_it
refuse "reset without a snapshot" "has no snapshots" pb reset
refuse "mount of a branch that is not there" "there is no branch \"a\": pbkfs branch" pb mount -D "$mnt" --branch a
equal "which makes none" "" "$(ls "$diff" | grep -E 'layers|branches')"

# ---- with a snapshot -----------------------------------------------------------------------------
check "snapshot" pb snapshot base
check "branch" pb branch a
refuse "a name that is taken" "has a snapshot \"base\" already" pb snapshot base
refuse "a branch that is there" "has a branch \"a\" already" pb branch a
refuse "a branch of no snapshot" "has no snapshot \"x\": pbkfs tree" pb branch b --from x
refuse "reset to no snapshot" "has no snapshot \"x\": pbkfs tree" pb reset --branch a --to x
refuse "reset of no branch" "has no branch \"x\": pbkfs tree" pb reset --branch x
refuse "delete no branch" "has no branch \"x\"" pb delete --branch x
refuse "delete no snapshot" "has no snapshot \"x\"" pb delete --snapshot x
refuse "protect no snapshot" "has no snapshot \"x\"" pb delete --snapshot x --protect
refuse "rename no snapshot" "has no snapshot \"x\"" pb rename --snapshot x y
check "another branch" pb branch b
refuse "rename to a name that is taken" "has a branch \"b\" already" pb rename --branch a b
refuse "a snapshot that is stood on" "is what others stand on|itself stands on" pb delete --snapshot base
refuse "a branch as a diff directory" "is a branch itself" pbkfs snapshot -d "$diff/branches/a" x
refuse "cleanup of a branch" "is branch \"a\" of a diff directory: pbkfs delete" pbkfs cleanup -d "$diff/branches/a"
check "mount a" mount_branch a
refuse "a branch that is mounted: reset to no snapshot" 'there is no snapshot "x": pbkfs tree shows' pb reset --branch a --to x
refuse "a branch that is mounted: delete" "is mounted at" pb delete --branch a
refuse "a branch that is mounted: rename" "is mounted at" pb rename --branch a c
refuse "a second mount of it" "is in use: process .* has it mounted" pb mount -D "$work/place" --branch a
refuse "hydrate it" "has snapshots below it" pbkfs hydrate -D "$(at a)"
check "unmount a" pb unmount --branch a
refuse "--hydrate" "has snapshots below it, and --hydrate" mount_branch a --hydrate
refuse "--no-wal" "--no-wal cannot be combined with snapshots" mount_branch a --no-wal
refuse "promote" "has snapshots below it" pbkfs promote -d "$diff" --to "$pgdata"
refuse "promote of a branch" "has snapshots below it" pbkfs promote -d "$diff/branches/a" --to "$pgdata"
refuse "another backup" "belongs to backup" mount_branch a -B "$store" -I "$instance" -i "$full_id"

# ---- a mount that was cut off ------------------------------------------------------------------------
check "mount the diff directory" mount_branch trunk
as "$pguser" sh -c "echo x >'$mnt/new'"
worker=$(worker_pid) supervisor=$(supervisor_pid)
check "kill all of its processes" kill9 "$(monitor_pid "$supervisor")" "$supervisor" "$worker"
ended
check "take the dead mount away" unmount_it --force
refuse "it is not at rest" "did not end in order: mount and unmount it" pb snapshot x
check "mount it" mount_branch trunk
check "unmount it" unmount_branch trunk
check "then it can be frozen" pb snapshot after

branch_sum() { (cd "$diff/branches/$1/changes/data" && find . -type f -exec sha256sum {} + | sort); }
# ---- a branch elsewhere, layers that are missing or damaged --------------------------------------------
cp -a "$diff/branches/a" "$work/alone"
refuse "a branch elsewhere" "is branch \"a\" over snapshot \"base\", which is not there" pbkfs mount -d "$work/alone" -D "$mnt"
mv "$diff/layers/base" "$work/base"
refuse "a snapshot that is gone" "base" mount_branch a
refuse "which tree says" "" eval 'pb tree | grep -v "^?" | grep -q "branch a"'
mv "$work/base" "$diff/layers/base"
check "it is there again" mount_branch a
check "and unmounted" unmount_branch a
mv "$diff/branches/a/changes/journal" "$work/journal"
before=$(branch_sum a)
refuse "a branch without its journal" "branch \"a\" does not say on which snapshot it stands: put back a copy" mount_branch a
equal "what it has changed stays" "$before" "$(branch_sum a)"
mv "$work/journal" "$diff/branches/a/changes/journal"
check "it is whole again" mount_branch a
check "and unmounted again" unmount_branch a
file=$(find "$diff/layers/base/data" -type f ! -name '*.map' -size +0 | head -n 1)
cp -p "$file" "$work/kept"
truncate -s +8192 "$file"
refuse "a content file of another length" "base" mount_branch a
cp -p "$work/kept" "$file"
rm "$file"
refuse "a content file that is gone" "base" mount_branch a
cp -p "$work/kept" "$file"
printf x | dd of="$diff/layers/base/seal" bs=1 seek=20 conv=notrunc 2>/dev/null
refuse "a seal that is damaged" "base" mount_branch a
check "tree says so" pb tree
check "by name" grep -q "base .*DAMAGED" "$work/out"
refuse "no branch of it" "damaged" pb branch c --from base
equal "nothing is left of that" "" "$(leftovers)"

# ---- what no snapshot could have -------------------------------------------------------------------
rm "$diff/.pbkfs-binding.json"
refuse "what an unfinished cleanup has left: mount" "cleanup of .* is unfinished: repeat" mount_it
refuse "what an unfinished cleanup has left: tree" "cleanup of .* is unfinished: repeat" pb tree
check "cleanup" pbkfs cleanup -d "$diff"
equal "and nothing is left" "" "$(ls -A "$diff")"
check "hydrate a little" mount_it --hydrate --rate 8K
check "unmount that" unmount_it
refuse "an unfinished hydration" "hydration of .* is unfinished" pb snapshot x
check "cleanup again" pbkfs cleanup -d "$diff"
check "mount with --no-wal" mount_it --no-wal
check "unmount it" unmount_it
refuse "changes that are gone" "--no-wal" pb snapshot x
plan_done
