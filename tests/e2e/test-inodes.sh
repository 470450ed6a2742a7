# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Inode numbers, mtimes and ctimes are the same after unmount and mount, compaction
# and with another worker, and no number needs more than 53 bits; those below .pbkfs, too.
. "$srcdir/tests/lib-e2e.sh"
if have_catalogs; then unpack_catalog tablespace; id=TOXC04; else fixture; fi
# Times of what the supervisor writes change with it.
look() {
	find "$mnt" -path "$mnt/.pbkfs" -prune -o -printf '%i %T@ %C@ %P\n' | LC_ALL=C sort -k4
	find -L "$mnt/pg_tblspc" -printf '%i %T@ %C@ pg_tblspc/%P\n' | LC_ALL=C sort -k4
	find "$mnt/.pbkfs" -printf '%i .pbkfs/%P\n' | LC_ALL=C sort -k2
	stat -c '%i %n' "$mnt/.pbkfs" "$mnt/.pbkfs/stat" "$mnt/.pbkfs/worker.pid" "$mnt/.pbkfs/pbkfs.log"
}
forget() { sync -f "$mnt"; echo 2 >/proc/sys/vm/drop_caches; }
another_worker() { worker=$(worker_pid); kill9 "$worker"; wait_gone "$worker"; stat "$mnt/base" >"$work/out"; }

# change DIR: leaves ctimes of files behind and ahead of their mtimes.
change() {
	mkdir "$1" && echo text >"$1/file" && ln -s file "$1/link" &&
	mv "$1/file" "$1/renamed" && ln "$1/renamed" "$1/linked" &&
	mv "$mnt/PG_VERSION" "$1/moved" && cp "$1/moved" "$mnt/PG_VERSION" &&
	echo more >>"$1/moved" && echo x >"$1/one" && ln "$1/one" "$1/two" && rm "$1/one" &&
	echo x >"$1/old" && touch -d '2001-02-03 04:05:06.789 UTC' "$1/old" &&
	echo x >"$1/future" && touch -d '2101-02-03 04:05:06.789 UTC' "$1/future" && mv "$1/future" "$1/ahead" &&
	echo x >"$1/mode" && chmod 0640 "$1/mode" && seq 9999 >"$1/cut" && truncate -s 100 "$1/cut" &&
	seq 9999 >"$1/none" && : >"$1/none" && echo x >"$1/victim" && ln "$1/victim" "$1/left" &&
	echo y >"$1/winner" && mv "$1/winner" "$1/victim" && mkfifo "$1/fifo" && chmod 0700 "$1"
}

# story NAME OPTION...
story() {
	name=$1; shift
	new_diff
	check "$name: mount" mount_it --wal=mount "$@" || return
	check "$name: changes" change "$mnt/made"
	look >"$work/before"
	check "$name: files of .pbkfs are among them" grep -q 'pbkfs/stat' "$work/before"
	equal "$name: no number is beyond 2^53" "" "$(awk '$1 >= 9007199254740992' "$work/before")"
	forget; look >"$work/after"
	same "$name: all are the same when the kernel has forgotten them" "$work/before" "$work/after"
	unmount_it && mount_it --wal=mount "$@" >"$work/out" 2>&1
	look >"$work/after"
	same "$name: and after unmount and mount" "$work/before" "$work/after"
	another_worker; look >"$work/after"
	same "$name: and with another worker" "$work/before" "$work/after"
	check "$name: changes once more" change "$mnt/more"
	look >"$work/before"
	another_worker; look >"$work/after"
	same "$name: and with another worker after changes" "$work/before" "$work/after"
	unmount_it && mount_it --wal=mount "$@" >"$work/out" 2>&1
}
story writethrough --cache=writethrough
check "unmount" unmount_it
story writeback

mkdir "$mnt/many"
(cd "$mnt/many" && seq 1 25000 | sed 's/$/-a-name-that-takes-some-room-in-the-journal/' | xargs touch && ls | xargs rm)
check "changes before compaction" change "$mnt/last"
look >"$work/before"
unmount_it
long=$(stat -c %s "$diff/changes/journal")
mount_it --wal=mount >"$work/out" 2>&1
check "the journal was compacted" [ "$(stat -c %s "$diff/changes/journal")" -lt $((long / 3)) ]
look >"$work/after"
same "all are the same after compaction" "$work/before" "$work/after"
unmount_it && mount_it --wal=mount >"$work/out" 2>&1
look >"$work/after"
same "and at the mount after it" "$work/before" "$work/after"
check "unmount" unmount_it
plan_done
