# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Snapshots and branches of an ordinary user; others get at nothing, and what the owner plants leads root nowhere.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-branch.sh"
fixture
become_user
pbkfs_root() { command pbkfs "$@"; }
pb() { pb_command=$1; shift; pbk "$pb_command" -d "$diff" "$@"; }
unmount_branch() { pbk unmount -D "$(at "$1")"; }
own_places() { for p in "$@"; do mkdir -p "$(at $p)"; chown "$pguser" "$(at $p)"; done; }
own_places a b c

new_diff
check "mount" mount_it
as "$pguser" sh -c "echo base >'$mnt/state'"
walk trunk "$work/base.state"
check "unmount" unmount_it
check "snapshot" pb snapshot base
check "branch a" pb branch a
check "branch b" pb branch b
for x in a b; do
	check "mount $x" mount_branch $x
	like_state "$x begins as the snapshot" $x "$work/base.state"
	as "$pguser" sh -c "echo $x >'$(at $x)/state'"
done
equal "a is a's" a "$(as "$pguser" cat "$(at a)/state")"
equal "b is b's" b "$(as "$pguser" cat "$(at b)/state")"
check "list names both" pbk list
check "with their snapshot" eval '[ "$(grep -c "snapshot base" "$work/out")" = 2 ]'
check "branch c" pb branch c
check "mount c" mount_branch c
as "$pguser" sh -c "echo c >'$(at c)/state'"
check "a snapshot of one that is mounted" pb snapshot of-c --branch c
equal "it goes on" c "$(as "$pguser" cat "$(at c)/state")"
refuse "not for others" "Permission denied" as nobody "$work/pbkfs" snapshot -D "$(at c)" of-nobody
check "root may" pbkfs_root snapshot -D "$(at c)" of-root
equal "the snapshots are the owner's" "" "$(find "$diff" ! -user "$pguser" -print)"
equal "and it goes on" c "$(as "$pguser" cat "$(at c)/state")"
as "$pguser" sh -c "echo changed >'$(at c)/state'"
check "a mounted one is reset" pb reset --branch c
equal "and is as in its snapshot" c "$(as "$pguser" cat "$(at c)/state")"
check "another one by root" pbkfs_root reset -D "$(at c)" --to base
like_state "and is as in that" c "$work/base.state"
check "unmount c" unmount_branch c
check "unmount a" unmount_branch a
check "unmount b" pb unmount --branch b
check "reset a" pb reset --branch a
check "mount a again" mount_branch a
like_state "a is as the snapshot again" a "$work/base.state"
check "unmount a again" unmount_branch a
chmod 0755 "$work"
refuse "not another user: tree" "Permission denied|belongs to user $pguser" as nobody "$work/pbkfs" tree -d "$diff"
refuse "not another user: snapshot" "Permission denied|belongs to user $pguser" as nobody "$work/pbkfs" snapshot -d "$diff" x
refuse "not another user: delete" "Permission denied|belongs to user $pguser" as nobody "$work/pbkfs" delete -d "$diff" --branch a

# ---- root acts as the owner, and goes nowhere that he plants --------------------------------------
root() { root_command=$1; shift; pbkfs_root "$root_command" -d "$diff" "$@"; }
mkdir "$work/roots" "$work/roots/a" "$work/roots/base"
echo kept >"$work/roots/kept"; echo kept >"$work/roots/a/kept"; echo kept >"$work/roots/base/seal"
before=$("$support/manifest" "$work/roots")
untouched() { [ "$before" = "$("$support/manifest" "$work/roots")" ]; }
check "root looks" root tree
check "root makes a snapshot" root snapshot roots --branch a
equal "which is the owner's" "$pguser" "$(stat -c %U "$diff/layers/roots" "$diff/layers/roots/seal" "$diff/branches/a/changes" | sort -u)"
check "root makes a branch" root branch r
equal "which is the owner's, too" "" "$(find "$diff" ! -user "$pguser" -print)"
for what in layers branches; do
	mv "$diff/$what" "$work/$what.kept"
	ln -s "$work/roots" "$diff/$what"; chown -h "$pguser" "$diff/$what"
	for command in "snapshot x --branch a" "branch x" "reset --branch a" "delete --branch a" "delete --snapshot base" "rename --branch a x"; do
		refuse "a link as $what: $command" "" root $command
	done
	refuse "a link as $what: mount" "" root mount --branch a -D "$mnt"
	rm "$diff/$what"; mkfifo "$diff/$what"; chown "$pguser" "$diff/$what"
	refuse "a fifo as $what" "" root branch x
	refuse "a fifo as $what: mount" "" root mount --branch a -D "$mnt"
	rm "$diff/$what"; mv "$work/$what.kept" "$diff/$what"
done
mv "$diff/branches/a" "$work/a.kept"
ln -s "$work/roots/a" "$diff/branches/a"
refuse "a link as a branch: reset" "" root reset --branch a
refuse "a link as a branch: delete" "" root delete --branch a
refuse "a link as a branch: mount" "" root mount --branch a -D "$mnt"
check "tree leaves it out" root tree
rm "$diff/branches/a"; mv "$work/a.kept" "$diff/branches/a"
mv "$diff/branches/a/changes" "$work/changes.kept"
ln -s "$work/roots" "$diff/branches/a/changes"; chown -h "$pguser" "$diff/branches/a/changes"
refuse "a link as changes: snapshot" "" root snapshot x --branch a
refuse "a link as changes: mount" "" root mount --branch a -D "$mnt"
rm "$diff/branches/a/changes"; mv "$work/changes.kept" "$diff/branches/a/changes"
ln -s "$work/roots/kept" "$diff/branches/.new"; ln -s "$work/roots" "$diff/branches/.gone-1"; chown -h "$pguser" "$diff/branches/.new"
check "links where a command puts something" root branch s
equal "are removed, not followed" "" "$(leftovers)"
mv "$diff/layers/base/seal" "$work/seal.kept"; mkfifo "$diff/layers/base/seal"; chown "$pguser" "$diff/layers/base/seal"
check "a fifo as a seal: tree" root tree
refuse "a fifo as a seal: mount" "base" root mount --branch b -D "$mnt"
rm "$diff/layers/base/seal"; mv "$work/seal.kept" "$diff/layers/base/seal"
cp -a "$diff/layers/roots" "$work/roots.kept"; rm -rf "$diff/layers/base.kept"; mv "$diff/layers/base" "$work/base.kept"
cp -a "$work/roots.kept" "$diff/layers/base"
refuse "another snapshot under its name" "base" root mount --branch b -D "$mnt"
rm -rf "$diff/layers/base"; mv "$work/base.kept" "$diff/layers/base"
check "nothing of root's was touched" untouched
check "all is as it was" root mount --branch b -D "$mnt" --wait
equal "b is b's still" b "$(cat "$mnt/state")"
check "unmount" pbkfs_root unmount -D "$mnt"
plan_done
