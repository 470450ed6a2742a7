# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The diff directory belongs to a user who wants more: pbkfs refuses by name or puts aside what he
# plants there, never follows it, and signals nobody for it.
. "$srcdir/tests/lib-e2e.sh"
fixture
other=nobody

# ---- files and processes that he must not reach
guarded=$work/guarded
mkdir -m 0755 "$guarded" "$guarded/dir"
printf 'precious\n' >"$guarded/file"
chmod 0600 "$guarded/file"
printf 'precious\n' >"$guarded/dir/file"
# One is a file of the user's own: he would gain by what root writes to it.
printf 'precious\n' >"$guarded/his"
chown "$pguser:" "$guarded/his"
guarded_sum() { "$support/manifest" "$guarded"; find "$guarded" -printf '%P %U %G %m\n' | LC_ALL=C sort; }
guarded_sum >"$work/guarded.then"
untouched() { guarded_sum >"$work/guarded.now"; diff -u "$work/guarded.then" "$work/guarded.now" >&2; }
# SIGUSR1 and SIGTERM end it.
sleep 1000 &
victim=$!
nobody_signalled() { kill -0 "$victim"; }
# bounded COMMAND...: it ends within a limit of time, whatever lies there.
bounded() { timeout -k 1 20 "$@"; }
mount_bounded() { bounded pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait --timeout 15 "$@"; }
kill_mount() {
	killed_worker=$(worker_pid) killed_supervisor=$(supervisor_pid)
	kill9 "$killed_worker" "$killed_supervisor" && wait_gone "$killed_worker" "$killed_supervisor"
}

# A diff directory with changes in it, to be made anew for each story.
new_diff
check "mount" mount_it --wal=direct || { plan_done; exit; }
printf 'mine\n' >"$mnt/mine"; sync "$mnt/mine"
check "unmount" unmount_it
cp -a "$diff" "$work/diff.good"
good_diff() { rm -rf "$diff"; cp -a "$work/diff.good" "$diff"; }

# ---- planted before a mount
# plant NAME COMMAND...: as the user, in place of what is there.  The command's
# last argument is the name.
plant() {
	plant_name=$1; shift
	rm -rf "${diff:?}/$plant_name"
	as "$pguser" "$@" "$diff/$plant_name"
}
# planted VERDICT NAME WHAT COMMAND...
planted() {
	verdict=$1 name=$2 what=$3; shift 3
	good_diff
	plant "$name" "$@"
	case $verdict in
	refused)
		refuse "$what at $name is refused by name" "$(basename "$name" | sed 's/\./\\./g')" mount_bounded || unmount_it -d "$diff" 2>/dev/null ;;
	aside)
		check "$what at $name is put aside" mount_bounded
		check "$what at $name: the mount has its changes" [ "$(cat "$mnt/mine")" = mine ]
		check "$what at $name: unmount" bounded pbkfs unmount -D "$mnt"
		# The binding is not written anew, so that name stays as it is.
		[ "$name" = .pbkfs-binding.json.tmp ] ||
		    check "$what at $name: nothing of it is left" [ ! -L "$diff/$name" ] ;;
	esac
	check "$what at $name: nothing outside is touched" untouched
	check "$what at $name: no mount is left" eval '! is_mounted "$mnt"'
	bounded pbkfs cleanup -d "$diff" --force >"$work/out" 2>&1
	check "$what at $name: nor by cleanup" untouched
}
for name in changes/journal .pbkfs/pbkfs.log .pbkfs-binding.json .pbkfs-lock; do
	planted refused $name "a link to a file" ln -s "$guarded/file"
	planted refused $name "a link to nothing" ln -s "$guarded/nothing"
	planted refused $name "a fifo" mkfifo
	planted refused $name "a directory" mkdir
done
for name in .pbkfs changes changes/data; do
	planted refused $name "a link to a directory" ln -s "$guarded/dir"
	planted refused $name "a link to nothing" ln -s "$guarded/nothing"
	planted refused $name "a fifo" mkfifo
done
# pbkfs replaces these by rename.
for name in .pbkfs/stat .pbkfs/worker.pid .pbkfs/stat.tmp .pbkfs/worker.pid.tmp .pbkfs-binding.json.tmp; do
	planted aside $name "a link to a file" ln -s "$guarded/file"
	planted aside $name "a link to nothing" ln -s "$guarded/nothing"
done
# Hard links: the kernel lets the user make them to his own files.
for name in .pbkfs-lock .pbkfs/pbkfs.log; do
	planted refused $name "a hard link" ln "$guarded/his"
done 2>/dev/null

# pg_wal is PostgreSQL's, who follows links of his own: we must not.
good_diff
plant changes/pg_wal ln -s "$guarded/dir"
if mount_bounded >"$work/out" 2>"$work/pg_wal"; then
	ok "a link at pg_wal is the user's own business"
	check "unmount with a link at pg_wal" unmount_it
else
	check "a link at pg_wal is refused by name" grep -q pg_wal "$work/pg_wal" || show "$work/pg_wal"
fi
check "a link at pg_wal: nothing outside is touched" untouched
new_diff
as "$pguser" ln -s "$guarded/dir" "$diff/pg_wal"
as "$pguser" ln -s "$guarded/dir" "$diff/pg_wal.tmp"
refuse "links at pg_wal make no diff directory" "neither empty nor" mount_bounded --wal=direct
check "links at pg_wal: nothing outside is touched" untouched

note "content files"
good_diff
content=$(find "$diff/changes/data" -type f ! -name '*.map' -size +0 | head -n 1)
plant "changes/data/$(basename "$content")" ln -s "$guarded/file"
check "mount with a link in data" mount_bounded
check "its content is not shown" eval '! grep -q precious "$mnt/mine"'
printf 'mine' | dd of="$mnt/mine" conv=notrunc,fsync status=none 2>/dev/null
check "unmount with a link in data" unmount_it
check "a link in data: nothing outside is touched" untouched

note "the files that the caller names"
good_diff
theirs=$work/theirs
mkdir -m 0755 "$theirs"; chown "$pguser:" "$theirs"
for option in log pid; do
	for target in file nothing his; do
		rm -f "$theirs/$option"
		as "$pguser" ln -s "$guarded/$target" "$theirs/$option"
		refuse "a link at --$option-file is refused by name" "$option file.*$theirs/$option" mount_bounded --$option-file "$theirs/$option"
	done
	rm -f "$theirs/$option"
	as "$pguser" ln "$guarded/his" "$theirs/$option" 2>/dev/null || ln "$guarded/his" "$theirs/$option"
	refuse "a hard link at --$option-file is refused by name" "$option file.*$theirs/$option" mount_bounded --$option-file "$theirs/$option"
	rm -f "$theirs/$option"
	as "$pguser" mkfifo "$theirs/$option"
	refuse "a fifo at --$option-file is refused by name" "$option file.*$theirs/$option" mount_bounded --$option-file "$theirs/$option"
	check "nothing outside is touched" untouched
	check "no mount is left" eval '! is_mounted "$mnt"'
done

# ---- planted while it is mounted
note "while it is mounted"
good_diff
check "mount" mount_bounded
for name in .pbkfs/stat .pbkfs/worker.pid; do
	plant $name ln -s "$guarded/file"
done
check "stat" bounded pbkfs stat -D "$mnt"
check "stat follows no link" untouched
plant .pbkfs/worker.pid dd status=none if=/dev/null of=/dev/null 2>/dev/null
for name in .pbkfs/worker.pid; do
	rm -f "$diff/$name"
	printf '%s\n' "$victim" >"$diff/$name"; chown "$pguser:" "$diff/$name"
done
check "stat with a forged worker.pid" bounded pbkfs stat -D "$mnt"
check "signals nobody" nobody_signalled
plant .pbkfs ln -s "$guarded/dir"
bounded pbkfs stat -D "$mnt" >"$work/out" 2>&1
check "a link at .pbkfs is not followed" untouched
check "and unmount works" bounded pbkfs unmount -D "$mnt" -d "$diff"
check "nobody was signalled" nobody_signalled
check "nothing outside is touched" untouched

note "a replaced lock"
good_diff
check "mount" mount_bounded
supervisor=$(supervisor_pid) worker=$(worker_pid)
cp "$diff/.pbkfs-lock" "$work/lock"
rm "$diff/.pbkfs-lock"
cp "$work/lock" "$diff/.pbkfs-lock"; chown "$pguser:" "$diff/.pbkfs-lock"; chmod 0600 "$diff/.pbkfs-lock"
mkdir "$work/mnt2"
refuse "a second mount is refused although the lock was replaced" "in use|lock" \
    bounded pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$work/mnt2" -d "$diff" --wait ||
    pbkfs unmount -D "$work/mnt2" 2>/dev/null
refuse "so is cleanup" "in use|mounted|lock" bounded pbkfs cleanup -d "$diff"
check "the mount is alive" [ "$(cat "$mnt/mine")" = mine ]
bounded pbkfs stat -D "$mnt" >"$work/out" 2>&1
check "the supervisor is alive" kill -0 "$supervisor"
# The lock tells nothing about the mount any more; it can still be ended as any mount.
bounded pbkfs unmount -D "$mnt" -d "$diff" >"$work/out" 2>&1 || kill "$supervisor"
wait_gone "$supervisor" "$worker"
check "it is unmounted" eval '! is_mounted "$mnt"'

note "a replaced lock, and the supervisor dead"
good_diff
check "mount" mount_bounded
supervisor=$(supervisor_pid) worker=$(worker_pid)
kill9 "$supervisor"; wait_gone "$supervisor"
rm "$diff/.pbkfs-lock"
cp "$work/lock" "$diff/.pbkfs-lock"; chown "$pguser:" "$diff/.pbkfs-lock"; chmod 0600 "$diff/.pbkfs-lock"
refuse "a second mount is refused by the worker's own lock" "in use|lock" \
    bounded pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$work/mnt2" -d "$diff" --wait ||
    pbkfs unmount -D "$work/mnt2" 2>/dev/null
check "unmount" umount "$mnt"
wait_gone "$worker"

note "a lock that names another mountpoint"
mkdir -p "$work/elsewhere"
mount -t tmpfs tmpfs "$work/elsewhere"
# lie MOUNTPOINT: as the user, in the same file.
lie() { as "$pguser" sh -c 'printf "pbkfs-lock 1 %s\n" "$2" >"$1/.pbkfs-lock"' - "$diff" "$1"; }
for named in "$work/elsewhere" "$work/nowhere"; do
	good_diff
	check "mount" mount_bounded
	supervisor=$(supervisor_pid) worker=$(worker_pid)
	lie "$named"
	refuse "cleanup knows where it is mounted" "is mounted at \"$mnt\"" bounded pbkfs cleanup -d "$diff"
	check "unmount -d unmounts it" bounded pbkfs unmount -d "$diff"
	check "it is unmounted" eval '! is_mounted "$mnt"'
	check "both processes end" ended
	check "mount" mount_bounded
	supervisor=$(supervisor_pid) worker=$(worker_pid)
	lie "$named"
	kill9 "$supervisor" "$worker"; wait_gone "$supervisor" "$worker"
	check "unmount -d of a dead mount unmounts it" bounded pbkfs unmount --force -d "$diff"
	check "it is unmounted" eval '! is_mounted "$mnt"'
	check "mount" mount_bounded
	lie "$named"
	check "cleanup --force ends it" bounded pbkfs cleanup --force -d "$diff"
	check "it is unmounted" eval '! is_mounted "$mnt"'
	check "another mount is left alone" is_mounted "$work/elsewhere"
done
good_diff
lie "$work/elsewhere"
refuse "where it is not mounted another mount is not taken for it" "its lock file names .*elsewhere.* another file system" bounded pbkfs unmount -d "$diff"
umount "$work/elsewhere"
good_diff
refuse "unmount -d of what is not mounted" "\"$diff\" is not mounted$" bounded pbkfs unmount -d "$diff"
mkdir "$work/never"
refuse "unmount -d of what never was" "never\" is not mounted: it has no \"\.pbkfs-lock\"" bounded pbkfs unmount -d "$work/never"
refuse "unmount -d of what is not there" "never/x.*No such file" bounded pbkfs unmount -d "$work/never/x"

note "a lock and a pid that were forged"
good_diff
check "mount" mount_bounded
check "kill -9 of supervisor and worker" kill_mount
for name in .pbkfs/worker.pid .pbkfs/stat; do rm -f "$diff/$name"; echo "$victim" >"$diff/$name"; done
sed "s/^\(pbkfs-lock 1 \).*/\1\/proc/" "$work/lock" >"$diff/.pbkfs-lock"
chown -R "$pguser:" "$diff"
bounded pbkfs stat -D "$mnt" >"$work/out" 2>&1
check "stat of a dead mount signals nobody" nobody_signalled
check "unmount of a dead mount" bounded pbkfs unmount -D "$mnt" -d "$diff" --force
check "a forged mountpoint is left alone" [ -d /proc/self ]
check "unmount signals nobody" nobody_signalled
check "mount again" mount_bounded
check "unmount again" unmount_it

note "a binding that was forged"
good_diff
sed "s|\"store\": *\"[^\"]*\"|\"store\": \"$guarded\"|" "$work/diff.good/.pbkfs-binding.json" >"$diff/.pbkfs-binding.json"
refuse "another store is refused by name" "guarded" bounded pbkfs mount -D "$mnt" -d "$diff" --wait
sed "s|\"instance\": *\"[^\"]*\"|\"instance\": \"../../..\"|" "$work/diff.good/.pbkfs-binding.json" >"$diff/.pbkfs-binding.json"
refuse "an instance that is a path is refused" . bounded pbkfs mount -B "$store" -D "$mnt" -d "$diff" --wait
head -c 1000000 /dev/zero | tr '\0' '[' >"$diff/.pbkfs-binding.json"
refuse "a binding of a million brackets is refused by name" "pbkfs-binding" bounded pbkfs mount -B "$store" -D "$mnt" -d "$diff" --wait
check "forged bindings: nothing outside is touched" untouched

# ---- in the way of those who remove it
note "a directory that is hard to remove"
# deep NAME: 3000 directories, each in the one before.
nested() { for nested_i in $(seq 1500); do printf d/; done; }
deep() { as "$pguser" sh -c 'mkdir -p "$1/$2" "$1.lower/$2" && mv "$1.lower" "$1/$2"' - "$1" "$(nested)"; }
rights() { as "$pguser" sh -c 'mkdir -p "$1/a/b" && : >"$1/a/b/c" && chmod 0500 "$1/a/b" && chmod 0 "$1/a" && chmod 0400 "$1"' - "$1"; }
pbkfs_for_all
for whose in root "$pguser"; do
	good_diff
	as "$pguser" ln -s "$guarded/dir" "$diff/changes/data/link"
	check "3000 directories" deep "$diff/changes/deep"
	check "some without rights" rights "$diff/changes/data/closed"
	check "cleanup by $whose removes them" eval "(ulimit -n 64; as $whose $work/pbkfs cleanup -d $diff)"
	equal "by $whose: nothing is left" "" "$(ls -A "$diff")"
	check "by $whose: nothing outside is touched" untouched
done
good_diff
rm "$diff/.pbkfs-binding.json"
check "3000 directories, and no binding" deep "$diff/changes/deep"
check "a mount removes them" mount_bounded
check "unmount" unmount_it
check "nothing of them is left" [ ! -e "$diff/changes/deep" ]

# ---- whose directory
note "whose directory it is"
good_diff
chown "$other" "$diff"
refuse "another user's directory is refused by name" "belongs to user.*" mount_bounded --owner "$pguser"
chown "$pguser:" "$diff"
for mode in 0720 0702 0777; do
	chmod $mode "$diff"
	refuse "mode $mode is refused" "written by others" mount_bounded
done
chmod 0700 "$diff"
chmod 0777 "$diff/.pbkfs"
refuse "mode 0777 of .pbkfs is refused by name" "\.pbkfs" mount_bounded
good_diff
chmod 0666 "$diff/.pbkfs-lock"
refuse "mode 0666 of the lock is refused by name" "\.pbkfs-lock" mount_bounded
good_diff
chown "$other" "$diff/.pbkfs-lock"
refuse "a lock of another user's is refused by name" "\.pbkfs-lock" mount_bounded
good_diff
ln -s "$diff" "$work/diff.link"
real_diff=$diff diff=$work/diff.link
if mount_bounded >"$work/out" 2>"$work/err"; then
	# The caller named this link himself, so the mount is made where it leads.
	equal "a diff directory named by a link" "$real_diff" "$(pbkfs stat -D "$mnt" --format json | sed -n 's/.*"diff_dir": "\(.*\)".*/\1/p')"
	unmount_it
else
	check "a diff directory named by a link is refused" grep -q 'link' "$work/err"
fi
diff=$real_diff

note "other users"
check "mount" mount_bounded
refuse "another user cannot mount its diff directory" . as $other pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$work/mnt2" -d "$diff"
refuse "nor unmount it" . as $other pbkfs unmount -D "$mnt" -d "$diff" --force
refuse "nor clean it up" . as $other pbkfs cleanup -d "$diff" --force
refuse "nor see its statistics" . as $other pbkfs stat -D "$mnt"
refuse "nor look inside" "denied" as $other ls "$mnt"
check "the mount is alive" [ "$(cat "$mnt/mine")" = mine ]
check "unmount" unmount_it

# ---- where root is led
note "the way to a directory"
rm -rf "$work/third"
mkdir -m 0755 "$work/third"; chown "$other:" "$work/third"
mkdir "$work/third/mnt"; mkdir -m 0700 "$work/third/diff"; chown "$pguser:" "$work/third/diff"
at() { bounded pbkfs mount -B "$store" -I "$instance" -i "$id" --owner "$pguser" --wait --timeout 15 "$@"; }
good_diff
refuse "a mountpoint that a third user can replace" "could replace.*third" at -D "$work/third/mnt" -d "$diff"
refuse "such a diff directory" "could replace.*third" at -D "$mnt" -d "$work/third/diff"
refuse "and one that is to be made" "could replace.*third" at -D "$mnt" -d "$work/third/new"
check "which is not there then" [ ! -e "$work/third/new" ]
cp -a "$store" "$work/third/store"; chown -R root: "$work/third/store"
refuse "such a store" "could replace.*third" bounded pbkfs mount -B "$work/third/store" -I "$instance" -i "$id" --owner "$pguser" -D "$mnt" -d "$diff" --wait
mkdir "$work/third/sub"
for option in log pid; do
	refuse "such a --$option-file" "could replace.*third" at -D "$mnt" -d "$diff" --$option-file "$work/third/sub/file"
	check "which is not made" [ ! -e "$work/third/sub/file" ]
done
as "$other" ln -s "$mnt" "$work/third/link"
for what in "-D $work/third/link -d $diff" "-D $mnt -d $work/third/link/x"; do
	# shellcheck disable=SC2086
	refuse "a link of a third user's is not followed: $what" "symbolic link that others" at $what
done
chmod 0777 "$work/third"; chown root: "$work/third"
refuse "nor is a way that all can write gone" "written by others" at -D "$work/third/mnt" -d "$diff"
refuse "by cleanup neither" "written by others" bounded pbkfs cleanup -d "$work/third/diff" --force
chmod 1777 "$work/third"
check "a sticky directory of root's is one" at -D "$work/third/mnt" -d "$diff"
check "unmount" bounded pbkfs unmount -D "$work/third/mnt"
check "nothing outside is touched" untouched
check "no mount is left" [ -z "$(e2e_mounts)" ]
rm -rf "$work/third"

note "a mount that its owner moves, by a directory on the way to it"
moved=$work/moved; mkdir -m 0755 "$moved"
move() {
	rm -rf "${moved:?}/b"; mkdir -p "$moved/a/mnt"; chown -R "$pguser:" "$moved"
	good_diff
	at -D "$moved/a/mnt" -d "$diff" && supervisor=$(supervisor_pid) worker=$(worker_pid) && as "$pguser" mv "$moved/a" "$moved/b"
}
for force in "" --force; do
	check "mount, and move" move
	# shellcheck disable=SC2086
	check "unmount $force -d finds it" bounded pbkfs unmount $force -d "$diff"
	check "nothing is mounted" [ -z "$(e2e_mounts)" ] || umount -l "$moved/b/mnt"
	check "both processes end" ended
done

# ---- between a check and a use
note "races"
good_diff
cat >"$work/swap" <<-'SH'
	cd "$1" || exit
	ln -s "$2/dir" .pbkfs/link.d; ln -s "$2/file" .pbkfs/link.f
	while :; do
		mv -T data data.x; ln -s "$2/dir" data; mv -T data data.l; mv -T data.x data
		ln -sf "$2/file" .pbkfs/stat; ln -sf "$2/file" .pbkfs/stat.tmp; ln -sf "$2/nothing" .pbkfs/worker.pid
		mv -T .pbkfs pbkfs.x; ln -s "$2/dir" .pbkfs; rm -f .pbkfs; mv -T pbkfs.x .pbkfs
		mv -T journal journal.x; ln -s "$2/file" journal; rm -f journal; mv -T journal.x journal
		rm -f data.l
		# Long enough for some mounts to get far.
		seq 3000000
	done 2>/dev/null
SH
as "$pguser" sh "$work/swap" "$diff" "$guarded" >/dev/null 2>&1 &
swapper=$!
n=0 mounts=0
while [ $n -lt "${PBKFS_RACES:-40}" ]; do
	n=$((n + 1))
	if mount_bounded >"$work/out" 2>&1; then
		mounts=$((mounts + 1))
		pbkfs stat -D "$mnt" >"$work/out" 2>&1
		bounded pbkfs unmount -D "$mnt" >"$work/out" 2>&1 || kill -9 $(supervisor_pid) $(worker_pid) 2>/dev/null
		is_mounted "$mnt" && umount -l "$mnt"
	fi
done
{ kill "$swapper"; wait "$swapper"; } 2>/dev/null
note "$mounts of $n mounts succeeded meanwhile"
check "nothing outside is touched, whatever is swapped when" untouched
check "nobody was signalled" nobody_signalled
kill "$victim"
plan_done
