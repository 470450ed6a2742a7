# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs run where its place has no room, at whatever stage that is noticed, or is of an unusual kind; with an unusual
# umask, in a directory that is gone, and within another run.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-run.sh"
fixture
# Beside the work directory: what lies in that is looked at for what a run has left.
place=/dev/shm/place
mkdir $place
disk() { mount -t tmpfs -o "mode=755,$1" tmpfs "$place" || exit 99; }
# full DESCRIPTION: of the run before, which had no room.
full() {
	equal "$1: one line says so" 1 "$(grep -c '^pbkfs error: ' "$told")" || show "$told"
	check "$1: it is why" said '^pbkfs error: .*No space left on device' "$told" || show "$told"
	equal "$1: nothing else is told" "" "$(grep -v '^pbkfs error: \|^pbkfs: server: ' "$told")"
}

# ---- a full disk -------------------------------------------------------------------------
# From a place where not even a directory can be made to one where the server starts.
failed=0 size=4
while :; do
	disk "size=${size}k"
	try -q --workdir "$place" -- true
	equal "$size KiB: nothing is left" "" "$(ls -A "$place")$(run_leftovers)"
	umount "$place"
	[ "$tap_status" != 0 ] || break
	equal "$size KiB: status" 125 "$tap_status"
	full "$size KiB"
	failed=$((failed + 1)) size=$((size * 2))
	[ $size -le 65536 ] || break
done
check "too small a place was tried, and one that was large enough" test $failed -ge 5 -a "$tap_status" -eq 0
for inodes in 2 5 9 12; do
	disk "nr_inodes=$inodes"
	try -q --workdir "$place" -- true
	equal "$inodes inodes: status" 125 "$tap_status"
	full "$inodes inodes"
	equal "$inodes inodes: nothing is left" "" "$(ls -A "$place")$(run_leftovers)"
	umount "$place"
done

# ---- places of other kinds ---------------------------------------------------------------------
disk ro
status "a file system that is read-only" 125 --workdir "$place" -- true
check "a file system that is read-only: says so" said 'could not make a directory in ".*/place": Read-only file system; --workdir' "$told"
umount "$place"
disk noexec,nodev,nosuid
status "noexec" 0 -q --workdir "$place" -- psql -XAtqd postgres -c 'select 1'
umount "$place"
# ---- the caller's ways ------------------------------------------------------------------------------
mkdir "$work/gone"
(cd "$work/gone" && rmdir ../gone && try -q -- psql -XAtqd postgres -c 'select 42'; [ "$(cat "$printed")" = 42 ])
equal "a directory that is gone" 0 $?
umask=$(umask)
for mask in 000 077 777; do
	umask $mask
	status "umask $mask" 0 -q -- sh -c 'umask; psql -XAtqd postgres -c "create table t as select 1"; find "${PGDATA%/*}" -xdev -perm /022 ! -type l ! -type s; find "$PGDATA" -perm /022 ! -type l ! -type s'
	umask "$umask"
	equal "umask $mask: it is the command's, and nobody else can write" "0$mask" "$(cat "$printed")"
done
status "a run in a run" 7 -q -- sh -c 'pbkfs run -q -B "$0" -I "$1" -- sh -c "psql -XAtqd postgres -c \"show data_directory\"; echo \$PGDATA"; echo "$PGDATA"; psql -XAtqd postgres -c "select current_setting(\$\$data_directory\$\$)"; exit 7' "$store" "$instance"
equal "a run in a run: each has its own server" "1 1 2 2" "$(awk '!n[$0] { n[$0] = ++k } { printf "%s%s", s, n[$0]; s = " " }' "$printed")"

run_as_user
mkdir "$work/closed" /dev/shm/mnt; chown "$pguser" /dev/shm/mnt
mnt=/dev/shm/mnt
new_diff
check "a file system of FUSE: mounted" mount_it
before=$(strangers)
try -q --workdir $mnt -- true
equal "a file system of FUSE, which fusermount3 cannot enter: one line says so" "125 1 " "$tap_status $(grep -c '^pbkfs error: .*fusermount3: .*Permission denied' "$told") $(sed 1d "$told")" || show "$told"
equal "a file system of FUSE: nothing is left there" "$before" "$(as "$pguser" ls -A $mnt | grep pbkfs-run; strangers)"
unmount_it
status "a user in a directory that he cannot write to" 125 --workdir "$work/closed" -- true
check "a user in a directory that he cannot write to: says so" said 'could not make a directory in ".*/closed": Permission denied; --workdir' "$told"
plan_done
