# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Root promotes into a directory of its own, where the owner may make and remove no name: what is interrupted goes on,
# or is taken back, and what is refused leaves nothing.  And names that are as long as a name can be.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
fixture
check "detach" detach_it --wal=direct || { plan_done; exit; }
# Diff directory and place on one file system, of which the number of files is known.
disk=$work/disk
mkdir "$disk" && mount -t tmpfs -o mode=0755 tmpfs "$disk" || exit 99
place=$disk/place pgdata=$disk/place/pgdata
again() {
	mount -o remount,nr_inodes=100000 "$disk"
	rm -rf "$disk/diff" "$place"
	cp -a --sparse=always "$diff" "$disk/diff" && install -d -m 0755 "$place"
}
# few_files N: so many can be made yet.
few_files() { mount -o remount,nr_inodes=$(($(df --output=iused "$disk" | tail -n 1) + $1)) "$disk"; }
promote_there() { pbkfs promote -d "$disk/diff" --to "$pgdata" "$@"; }
state() { sed -n 's/^step //p' "$disk/diff/.pbkfs-promote" 2>/dev/null; }
mount_there() { pbkfs mount -d "$disk/diff" -D "$mnt" --owner "$pguser" --wait && unmount_it; }
like_there() {
	like_oracle "$1: files are those of the restore" "$oracle" "$pgdata"
	equal "$1: all belongs to the owner" "" "$(find "$pgdata" ! -user "$pguser" -print | head -n 5)"
	equal "$1: nothing else is left" "pgdata" "$(ls -A "$place"; ls -A "$disk/diff")"
}

for how in "" --copy; do
	it="in root's directory${how:+, $how}"
	again
	few_files 12
	refuse "$it: the disk is full" "No space left" promote_there $how
	equal "$it: it is under way" building "$(state)"
	check "$it: it is taken back" pbkfs promote -d "$disk/diff" --abort
	equal "$it: nothing is left of it" "" "$(state; ls -A "$place")"
	mount -o remount,nr_inodes=100000 "$disk"
	check "$it: it can be mounted" mount_there
	few_files 12
	refuse "$it: the disk is full again" "No space left" promote_there $how
	mount -o remount,nr_inodes=100000 "$disk"
	check "$it: the same command ends it" promote_there $how
	like_there "$it"
done

# ---- what is refused leaves nothing there ------------------------------------------------
again
mkdir "$disk/small" && mount -t tmpfs -o size=4m,mode=0755 tmpfs "$disk/small" || exit 99
refuse "too little room" "the copy needs" pbkfs promote --copy -d "$disk/diff" --to "$disk/small/pgdata"
equal "too little room: nothing was made" "" "$(ls -A "$disk/small")"
umount "$disk/small"

# ---- names ------------------------------------------------------------------------------
longest=$(printf '%0255d' 0) long=$(printf '%0224d' 0)
refuse "a name that nothing can be added to" "name of target .* is too long to be promoted to: name one with at most 224 bytes" \
    pbkfs promote -d "$disk/diff" --to "$place/$longest"
equal "it has not begun" "" "$(state; ls -A "$place")"
refuse "the same of WAL" "name of WAL directory .* is too long" promote_there --waldir "$place/$longest"
equal "that has not begun, either" "" "$(state; ls -A "$place")"
# Of an older version.
printf 'pbkfs-promote 1\nstep building\nplace 0 - %s\n' "$place/$longest" >"$disk/diff/.pbkfs-promote"
chown "$pguser" "$disk/diff/.pbkfs-promote"
check "one that has begun is taken back" pbkfs promote -d "$disk/diff" --abort
refuse "a line feed" "line feed" pbkfs promote -d "$disk/diff" --to "$place/a
b"
equal "nothing has begun" "" "$(state; ls -A "$place")"

# ---- a limit of files --------------------------------------------------------------------
refuse "files may not be large" "File too large" sh -c 'ulimit -f 1; exec pbkfs promote --copy -d "$1" --to "$2"' - "$disk/diff" "$pgdata"
equal "in one line" 1 "$(wc -l <"$work/err")"
check "without the limit the same command ends it" promote_there --copy
like_there "without the limit"

again
pgdata=$place/$long
check "the longest name that can be" promote_there
umount "$disk"
plan_done
