# Inode numbers and mtimes are the same after unmount and mount and with another worker,
# and no number needs more than 53 bits; those below .pbkfs, too.
. "$srcdir/tests/lib-e2e.sh"
fixture
new_diff
check "mount" mount_it --wal=mount || { plan_done; exit; }
mkdir "$mnt/made" && echo text >"$mnt/made/file" && ln -s file "$mnt/made/link"
mv "$mnt/made/file" "$mnt/made/renamed" && ln "$mnt/made/renamed" "$mnt/made/linked"
mv "$mnt/PG_VERSION" "$mnt/made/moved" && cp "$mnt/made/moved" "$mnt/PG_VERSION"
# Times of what the supervisor writes change with it.
look() {
	find "$mnt" -path "$mnt/.pbkfs" -prune -o -printf '%i %T@ %P\n' | LC_ALL=C sort -k3
	find "$mnt/.pbkfs" -printf '%i .pbkfs/%P\n' | LC_ALL=C sort -k2
	stat -c '%i %n' "$mnt/.pbkfs" "$mnt/.pbkfs/stat" "$mnt/.pbkfs/worker.pid" "$mnt/.pbkfs/pbkfs.log"
}
look >"$work/before"
check "files of .pbkfs are among them" grep -q 'pbkfs/stat' "$work/before"
equal "no number is beyond 2^53" "" "$(awk '$1 >= 9007199254740992' "$work/before")"
unmount_it && mount_it --wal=mount >"$work/out" 2>&1
look >"$work/after"
same "all are the same after unmount and mount" "$work/before" "$work/after"
worker=$(worker_pid); kill9 "$worker"; wait_gone "$worker"
stat "$mnt/base" >"$work/out"
look >"$work/after"
same "and with another worker" "$work/before" "$work/after"
check "unmount" unmount_it
plan_done
