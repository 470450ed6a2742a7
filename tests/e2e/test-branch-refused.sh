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
refuse "a name of a run's" "branches of pbkfs run are called \"run-...\", choose another" pb branch run-mine
refuse "rename to one" "branches of pbkfs run are called" pb rename --branch a run-mine

# ---- who may stand on a snapshot keeps it --------------------------------------------------------
chmod 0 "$diff/branches/b"
refuse "a branch that cannot be opened: delete" "branch \"b\" is damaged, and may stand on snapshot \"base\": pbkfs delete .* --branch b first" pb delete --snapshot base --recursive
refuse "cleanup" "could not use branch \"b\" of .*, which may be mounted: Permission denied" pbkfs cleanup -d "$diff"
chmod 0700 "$diff/branches/b"
chmod 0 "$diff/layers/base"
refuse "cleanup of a snapshot that cannot be opened" "could not find out whether snapshot \"base\" of .* is protected: Permission denied; --force" pbkfs cleanup -d "$diff"
chmod 0700 "$diff/layers/base"
mv "$diff/branches/b/changes" "$work/changes.kept"
refuse "a branch without changes: delete" "branch \"b\" is damaged, and may stand" pb delete --snapshot base --recursive
mv "$work/changes.kept" "$diff/branches/b/changes"
stands() { pb tree --format json | tr -d '\n ' | grep -q "{\"name\":\"b\",[^}]*\"snapshot\":\"base\""; }
check "b stands on base" stands
exec 9<"$diff/branches/b"; flock 9
mv "$diff/branches/b/changes" "$diff/branches/b/changes.next"
check "and in the middle of a command" stands
mv "$diff/branches/b/changes.next" "$diff/branches/b/changes"
exec 9<&-
seq -f "$diff/branches/x%g" 1100 | xargs mkdir
refuse "more branches than are looked at: delete" "more than 1023 branches, and one .* may stand on snapshot \"base\"" pb delete --snapshot base --recursive
refuse "cleanup with directories of others" "could not use branch \"x[0-9]*\" of .*not a directory of the owner" pbkfs cleanup -d "$diff"
seq -f "$diff/branches/x%g" 1100 | xargs rmdir

# ---- cleanup takes its turn, and nothing that is protected ------------------------------------------
exec 9<"$diff/layers"; flock 9
refuse "cleanup while another command is at work" "another command is at work there, repeat" pbkfs cleanup -d "$diff"
exec 9<&-
for what in "branch a" "snapshot base"; do
	check "protect $what" pb delete --${what% *} ${what#* } --protect
	refuse "cleanup of $what that is protected" "${what% *} \"${what#* }\" of .* is protected: .*--unprotect allows it, or use --force" pbkfs cleanup -d "$diff"
	check "unprotect $what" pb delete --${what% *} ${what#* } --unprotect
done
mkfifo "$diff/layers/base/.pbkfs-protected"
check "a fifo protects, too" pb delete --snapshot base --protect
check "and no longer" pb delete --snapshot base --unprotect
check "it is gone" [ ! -e "$diff/layers/base/.pbkfs-protected" ]
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
refuse "it is not deleted: others may stand on it" "snapshot \"base\" is damaged, and may be what branch \"a\" stands on, .*: delete that first" pb delete --snapshot base
refuse "nor what it may stand on" "snapshot \"base\" is damaged, and may stand on snapshot \"after\": pbkfs delete .*--snapshot base first" pb delete --snapshot after --recursive
refuse "no branch of it" "damaged" pb branch c --from base
equal "nothing is left of that" "" "$(leftovers)"

# ---- what no snapshot could have -------------------------------------------------------------------
rm "$diff/.pbkfs-binding.json"
refuse "what an unfinished cleanup has left: mount" "cleanup of .* is unfinished: repeat" mount_it
refuse "what an unfinished cleanup has left: tree" "cleanup of .* is unfinished: repeat" pb tree
touch "$diff/layers/base/.pbkfs-protected"
refuse "cleanup of what is protected" "snapshot \"base\" of .* is protected" pbkfs cleanup -d "$diff"
check "cleanup by force" pbkfs cleanup -d "$diff" --force
equal "and nothing is left" """" "$(ls -A "$diff")"
check "hydrate a little" mount_it --hydrate --rate 8K
check "unmount that" unmount_it
refuse "an unfinished hydration" "hydration of .* is unfinished" pb snapshot x
check "cleanup again" pbkfs cleanup -d "$diff"
check "mount with --no-wal" mount_it --no-wal
check "unmount it" unmount_it
refuse "changes that are gone" "--no-wal" pb snapshot x
plan_done
