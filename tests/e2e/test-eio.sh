# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# I/O errors of the store and of the diff directory: each reaches the program that it concerns, once,
# and the log; once the store or the disk works again, the mount does.
. "$srcdir/tests/lib-e2e.sh"
need strace
fixture
log=$work/pbkfs.log
# When stat has answered, the log has every line that was sent before.
logged() { pbkfs stat -D "$mnt" >/dev/null 2>&1; grep -Eq "$1" "$log" || { tail -n 5 "$log" >&2; return 1; }; }
fresh_log() { : >"$log"; }
is_eio() {
	if timeout 20 "$@" >/dev/null 2>"$work/eio"; then echo "it succeeded" >&2; return 1; fi
	grep -q 'Input/output error' "$work/eio" || { cat "$work/eio" >&2; return 1; }
}

# ---- the store: its files are gone, and back
# The oracle has checksums of whole files, which tell wrong bytes from missing ones.
parts() { for b in "$store/backups/$instance"/*/; do echo "$b"; done; }
vanish() { parts | while read -r b; do mv "$b/database" "$b/away"; done; }
come_back() { parts | while read -r b; do mv "$b/away" "$b/database"; done; }
# eventually COMMAND...: the command succeeds within seconds, whoever has to notice first.
eventually() {
	tries=0
	until timeout 20 "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 60 ] || return 1
		sleep 0.5
	done
}
relations() { (cd "$mnt" && find base -type f -name '[1-9]*[0-9]' -size +40k | sort); }

new_diff
check "mount" mount_it --wal=mount --log-file "$log" || { plan_done; exit; }
relation=$(relations | head -n 1)
before_it=$(relations | sed -n 2p)
cp "$mnt/$before_it" "$work/before_it"
vanish
fresh_log
check "a store whose files are gone gives EIO" is_eio cat "$mnt/$relation"
check "a plain file too" is_eio cat "$mnt/global/pg_filenode.map"
check "the log names the file and the backup" logged "error: .*$relation\"? (of|in) .*backup [0-9A-Z]+"
check "what was read before is there" cmp "$mnt/$before_it" "$work/before_it"
check "names and attributes are there" [ -f "$mnt/$relation" ]
check "new files can be written" dd if=/dev/urandom of="$mnt/written" bs=8192 count=10 conv=fsync status=none
cp "$mnt/written" "$work/written"
come_back
like_oracle "when they are back, all is there" "$oracle" "$mnt" -x written -L pg_wal
check "and what was written" cmp "$mnt/written" "$work/written"
check "unmount" unmount_it

# ---- the store: a file system that dies, and is mounted again
# A mount of ours serves as such a file system: its worker can be killed.
note "a store on a file system that dies"
inner=$work/inner inner_diff=$work/inner.diff
mkdir "$inner"
new_diff "$inner_diff"
real_store=$store
mount_inner() { pbkfs mount -B "$real_store" -I "$instance" -i "$id" -D "$inner" -d "$inner_diff" --wal=mount --wait; }
check "mount of the file system" mount_inner
cp -a "$store" "$inner/store"
chown -R "$pguser:" "$inner/store"
# A new mount, since the kernel would still show what it remembers of the dead one.
check "unmount of the file system" pbkfs unmount -D "$inner"
check "mount of the file system" mount_inner
store=$inner/store
new_diff
fresh_log
check "mount" mount_it --wal=mount --log-file "$log"
supervisor=$(supervisor_pid)
relation=$(relations | head -n 1)
before_it=$(relations | sed -n 2p)
cp "$mnt/$before_it" "$work/before_it"
inner_worker=$(tr -dc 0-9 <"$inner_diff/.pbkfs/worker.pid")
inner_supervisor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$inner_worker/status")
check "the file system dies" kill9 "$inner_supervisor" "$inner_worker"
wait_gone "$inner_supervisor" "$inner_worker"
check "the store gives EIO" is_eio cat "$mnt/$relation"
check "the log names the file and the backup" logged "error: .*$relation\"? (of|in) .*backup [0-9A-Z]+"
check "what was read before is there" cmp "$mnt/$before_it" "$work/before_it"
check "new files can be written" dd if=/dev/urandom of="$mnt/written" bs=8192 count=10 conv=fsync status=none
cp "$mnt/written" "$work/written"
check "stat works" pbkfs stat -D "$mnt"
# A worker that dies meanwhile has a successor, which serves what the diff directory has.
worker=$(worker_pid)
check "kill -9 of the worker meanwhile" kill9 "$worker"
check "what was written is there" cmp "$mnt/written" "$work/written"
check "new files can be written still" dd if=/dev/zero of="$mnt/zeroes" bs=8192 count=10 conv=fsync status=none
check "the store still gives EIO" is_eio cat "$mnt/$relation"
pbkfs unmount -D "$inner" -d "$inner_diff" --force 2>/dev/null
check "the store gives EIO without its file system" is_eio cat "$mnt/$relation"
check "the file system is mounted again" mount_inner
check "then the store can be read again" eventually cat "$mnt/$relation"
check "the log tells that it is back" logged "store .* is back"
like_oracle "all is there" "$oracle" "$mnt" -x written -x zeroes -L pg_wal
check "with what was written" cmp "$mnt/written" "$work/written"
equal "on the same mount" "$supervisor" "$(supervisor_pid)"
check "the worker is confined to the new one" grep -q '^Seccomp:[[:space:]]*2' "/proc/$(worker_pid)/status"
check "unmount" unmount_it
check "unmount of the file system" pbkfs unmount -D "$inner"

# ---- the store: another directory at its place
note "a store that is removed, and put back as a copy"
store=$work/copied/catalog
mkdir "$work/copied"
cp -a "$real_store" "$store"
cp -a "$store" "$work/copied/next"
new_diff
fresh_log
check "mount" mount_it --wal=mount --log-file "$log"
supervisor=$(supervisor_pid)
rm -rf "$store"
check "the store gives EIO" is_eio cat "$mnt/$relation"
# A store with another list, or a link, at this place is not taken.
cp -a "$real_store" "$store"
echo >>"$store/backups/$instance/$id/backup_content.control"
sleep 3
check "another store is not taken for it" is_eio cat "$mnt/$relation"
refuse "nor is it said to be back" "" grep -q "is back" "$log"
rm -rf "$store"
ln -s "$real_store" "$store"
sleep 3
check "a link is not followed" is_eio cat "$mnt/$relation"
refuse "nor taken for it" "" grep -q "is back" "$log"
rm "$store"
mv "$work/copied/next" "$store"
check "the copy can be read" eventually cat "$mnt/$relation"
like_oracle "all of it" "$oracle" "$mnt" -L pg_wal
equal "on the same mount" "$supervisor" "$(supervisor_pid)"
equal "one worker was replaced for it" 1 "$(grep -c 'died: its store was mounted anew' "$log")"
check "unmount" unmount_it
# The owner can write the binding, so a store that only the binding names is looked for with his
# rights.
fresh_log
check "mount by the binding" pbkfs mount -D "$mnt" -d "$diff" --log-file "$log" --wait
cp -a "$store" "$work/copied/next"
rm -rf "$store"
check "the store gives EIO" is_eio cat "$mnt/$relation"
chmod 0700 "$work/copied"
mv "$work/copied/next" "$store"
sleep 3
check "where the owner cannot go, it is not found" is_eio cat "$mnt/$relation"
refuse "nor is it said to be back" "" grep -q "is back" "$log"
chmod 0755 "$work/copied"
check "it can be read where he can" eventually cat "$mnt/$relation"
check "unmount" unmount_it
store=$real_store

# ---- the store: a file system that is detached while it is used
note "umount -l of the store"
inner=$work/tmpfs
mkdir "$inner"
mount -t tmpfs -o mode=0755 tmpfs "$inner"
cp -a "$real_store" "$inner/catalog"
store=$inner/catalog
new_diff
check "mount" mount_it --wal=mount --log-file "$log"
check "umount -l" umount -l "$inner"
# Our descriptors keep it alive.
like_oracle "the store can be read" "$oracle" "$mnt" -L pg_wal
check "unmount" unmount_it
store=$real_store

# ---- errors of single system calls
# strace makes a call fail by giving it an invalid number, for which the filter would kill: these
# mounts have no filter.
unconfined="--wal=mount --sandbox=none --log-file $log"
# inject CALLS FILE...: from now on these calls fail where they concern a FILE.
inject() {
	inject_calls=$1 inject_worker=$(worker_pid); shift
	for inject_file in "$@"; do set -- "$@" -P "$inject_file"; shift; done
	strace -qq -f -o "$work/strace" "$@" -e "trace=$inject_calls" -e "inject=$inject_calls:error=EIO" -p "$inject_worker" &
	strace=$!
	# strace has attached to all threads once it has named each of them.
	inject_n=0
	while cat "/proc/$inject_worker"/task/*/status | grep -q '^TracerPid:[[:space:]]*0$'; do
		inject_n=$((inject_n + 1))
		[ $inject_n -lt 2000 ] || return 1
	done
}
end_inject() { { kill "$strace"; wait "$strace"; true; } 2>/dev/null; }
newest_content() { find "$diff/changes/data" -type f ! -name '*.map' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-; }

note "the diff directory"
new_diff
fresh_log
check "mount" mount_it $unconfined
head -c 81920 /dev/urandom >"$work/a"
head -c 81920 /dev/urandom >"$work/b"
cp "$work/b" "$mnt/b"; sync "$mnt/b"
cp "$work/a" "$mnt/a"; sync "$mnt/a"
content=$(newest_content)
note "fsync"
printf 'changed' | tee "$work/patch" | dd of="$mnt/a" bs=4096 seek=3 conv=notrunc status=none
dd if="$work/patch" of="$work/a" bs=4096 seek=3 conv=notrunc status=none
printf 'changed' | dd of="$mnt/b" bs=4096 seek=3 conv=notrunc status=none
dd if="$work/patch" of="$work/b" bs=4096 seek=3 conv=notrunc status=none
check "fdatasync of one content file fails from now on" inject fsync,fdatasync "$content"
check "fsync of another file is not concerned" sync "$mnt/b"
check "fsync of this file is an I/O error" is_eio sync "$mnt/a"
end_inject
check "which the log tells" logged "error: .*sync .*data/$(basename "$content").*Input/output error"
equal "once" 1 "$(grep -c "error: .*sync " "$log")"
check "the next fsync succeeds" sync "$mnt/a"

note "write"
printf 'again' >"$work/patch"
fresh_log
check "pwrite to the content file fails from now on" inject pwrite64,pwritev "$content"
dd if="$work/patch" of="$mnt/a" bs=4096 seek=5 conv=notrunc status=none 2>"$work/dd"
check "write() is taken" [ "$(grep -vc closing "$work/dd")" -eq 0 ]
check "fsync is an I/O error" is_eio sync "$mnt/a"
check "fsync of another file is not concerned" sync "$mnt/b"
end_inject
check "which the log tells" logged "error: .*data/$(basename "$content").*Input/output error"
check "the next fsync succeeds" sync "$mnt/a"
dd if="$work/patch" of="$mnt/a" bs=4096 seek=5 conv=notrunc,fsync status=none
check "and writing it again" [ $? -eq 0 ]
dd if="$work/patch" of="$work/a" bs=4096 seek=5 conv=notrunc status=none

note "names"
mkdir "$mnt/names"; : >"$mnt/names/there"
fresh_log
check "pwrite to the journal fails from now on" inject pwrite64 "$diff/changes/journal"
check "mkdir is an I/O error" is_eio mkdir "$mnt/names/new"
check "create is an I/O error" is_eio dd if=/dev/null of="$mnt/names/new" status=none
check "rename is an I/O error" is_eio mv "$mnt/names/there" "$mnt/names/moved"
check "unlink is an I/O error" is_eio rm "$mnt/names/there"
end_inject
equal "nothing changed" there "$(ls "$mnt/names")"
check "the log tells" logged "error: .*journal.*Input/output error"
check "names can be changed again" mkdir "$mnt/names/new"

note "read"
check "remount" remount $unconfined
fresh_log
check "pread of the content file fails from now on" inject pread64,preadv "$content"
check "read is an I/O error" is_eio cat "$mnt/a"
check "of this file only" cmp "$mnt/b" "$work/b"
end_inject
check "which the log tells" logged "error: .*data/$(basename "$content").*Input/output error"
check "the next read succeeds" cmp "$mnt/a" "$work/a"
check "names are what they were" [ -d "$mnt/names/new" ]

note "the store"
relation=$(relations | tail -n 1)
fresh_log
# Any member of the chain may hold the first block.
check "pread of a backup's file fails from now on" inject pread64 "$store/backups/$instance"/*/database/"$relation"
check "read is an I/O error" is_eio dd if="$mnt/$relation" of=/dev/null bs=8192 count=1 status=none
check "of this file only" [ "$(cat "$mnt/PG_VERSION")" = "$major" ]
end_inject
check "the log names block, file and backup" logged "error: .*could not read block 0 of \"$relation\" in backup [0-9A-Z]+: Input/output error"
like_oracle "all can be read again" "$oracle" "$mnt" -x a -x b -x names -x written -L pg_wal
equal "the worker is the first one" 1 "$(pbkfs stat -D "$mnt" --format json | grep -c '"replaced": *0,')"
check "unmount" unmount_it
plan_done
