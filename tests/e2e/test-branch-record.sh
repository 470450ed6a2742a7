# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Root mounts for a user who may not read the catalog: what root has decided for the diff directory counts for the branches
# that root makes in it, and for none that the user has made.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-branch.sh"
fixture
pbkfs_for_all
chmod 0755 "$work"
chown -R root: "$store"; chmod 0700 "$store"
records() { ls "$statedir" | wc -l; }
own() { own_command=$1; shift; as "$pguser" "$work/pbkfs" "$own_command" -d "$diff" "$@"; }

new_diff
check "mount for who may not read the catalog" mount_it --owner "$pguser"
check "unmount" unmount_it
equal "root has a record" 1 "$(records)"
check "snapshot" pb snapshot base
check "a branch that root makes" pb branch a
equal "has a record, too" 2 "$(records)"
check "it is mounted without a word about the backup" mount_branch a --owner "$pguser"
check "and unmounted" unmount_branch a
check "the owner makes one" own branch own
equal "of which root has no record" 2 "$(records)"
refuse "so it is not mounted without one" "name it with -B, -I and -i" mount_branch own --owner "$pguser"
check "it is, with the backup named" mount_branch own --owner "$pguser" -B "$store" -I "$instance" -i "$id"
check "it is unmounted" unmount_branch own
refuse "another backup is not what it is a branch of" "belongs to backup" mount_branch own --owner "$pguser" -B "$store" -I "$instance" -i "$full_id"
check "rename" pb rename --branch a z
check "the record goes with the name" mount_branch z --owner "$pguser"
check "unmount what was renamed" unmount_branch z
check "reset" pb reset --branch z
check "the record stays" mount_branch z --owner "$pguser"
check "unmount it again" unmount_branch z
before=$(records)
check "delete" pb delete --branch z
equal "the record goes with the branch" $((before - 1)) "$(records)"
sed -i "s/\"instance\": *\"$instance\"/\"instance\": \"other\"/" "$diff/.pbkfs-binding.json"
check "a branch of what the owner has changed" pb branch forged
refuse "shows nothing by itself" "name it with -B, -I and -i" mount_branch forged --owner "$pguser"
check "cleanup" pbkfs cleanup -d "$diff"
equal "takes all records" 0 "$(records)"
plan_done
