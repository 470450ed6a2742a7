# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Snapshots and branches of a diff directory that needs no catalog, and branches of older snapshots while the diff
# directory is mounted.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
. "$srcdir/tests/lib-branch.sh"
fixture
check "detach" detach_it --wal=mount
hide_store
check "snapshot" pb snapshot base
check "branch" pb branch a
check "mount it without the catalog" mount_branch a
like_oracle "files are those of the restore" "$oracle" "$(at a)"
check "a server starts on it" start_branch a
check "pg_amcheck" on a amcheck
check "and stops" stop_branch a
check "unmount" unmount_branch a
check "reset" pb reset --branch a
check "mount it again" mount_branch a
like_oracle "files are those of the restore again" "$oracle" "$(at a)"
check "unmount it again" unmount_branch a
show_store

# ---- beside a diff directory that is mounted ---------------------------------------------------
check "mount the diff directory" mount_branch trunk
as "$pguser" sh -c "echo later >'$mnt/state'"
check "a branch meanwhile" pb branch b
check "is mounted beside it" mount_branch b
equal "and has nothing of it" "" "$(cat "$(at b)/state" 2>/dev/null)"
check "kill -9 of its worker" kill9 "$(tr -dc 0-9 <"$diff/branches/b/.pbkfs/worker.pid")"
equal "is nothing to the diff directory" later "$(cat "$mnt/state")"
like_oracle "nor to what the branch shows" "$oracle" "$(at b)"
check "unmount both" eval 'unmount_branch b && unmount_branch trunk'
check "snapshot of the diff directory" pb snapshot later
check "which a branch begins with" pb branch c
check "by itself" pb branch d --from base
check "mount c" mount_branch c
check "mount d" mount_branch d
equal "c has it" later "$(cat "$(at c)/state")"
refuse "d has not" "" [ -e "$(at d)/state" ]
check "unmount c and d" eval 'unmount_branch c && unmount_branch d'
check "delete the older one with what stands on it is refused" eval '! pb delete --snapshot base --recursive'
plan_done
