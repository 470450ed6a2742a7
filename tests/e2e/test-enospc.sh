# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A full disk under the diff directory: which calls fail at once, which ones at fsync, and how
# PostgreSQL fares.
. "$srcdir/tests/lib-e2e.sh"
fixture
before=$(catalog_sum "$store")

# Puts the diff directory on a file system of size $1, beside a file that can fill it.
small=$work/small
mkdir "$small"
small_diff() {
	umount "$small" 2>/dev/null
	mount -t tmpfs -o "size=$1,mode=0755" tmpfs "$small" || exit 99
	diff=$small/diff
	new_diff
}
free_space() { rm -f "$small/filler"; }
# Fills the file system up to $1 KiB.
fill_disk() {
	dd if=/dev/zero of="$small/filler" bs=1M status=none 2>/dev/null
	truncate -s "-$((${1:-0} * 1024))" "$small/filler"
}
is_full() { [ "$(stat -f -c %a "$small")" -eq 0 ]; }
nospace="no space left"

# The first mount says what it needs, where that is, and what is there.
refused() {
	refuse "a first mount without $1" "$2: no space left on device: the file system of diff directory \"$diff\" has [0-9.]+[KM]? and [0-9]+ files free" mount_it
	equal "which is all that is said" 1 "$(wc -l <"$work/err")"
	refuse "nothing is mounted" "" is_mounted "$mnt"
	equal "nothing is left" "" "$(ls -A "$diff")"
}
small_diff 200k
refused space "could not copy [0-9.]+[KM] of WAL into the diff directory"
small_diff 50M,nr_inodes=8
refused inodes "could not (prepare the mount|copy [0-9.]+[KM] of WAL into the diff directory)"
size() { stat -c %s "$mnt/$1"; }
# Prints names and attributes of the files that the story makes, not of those of the backup, nor
# of those below .pbkfs.
state() { (cd "$mnt/ops" && find . -printf '%P %y %m %n %s %l\n' | LC_ALL=C sort); }

# Uses up the space that the journal has allocated ahead: makes directories until one of them
# finds no room, and changes modes until that fails, too.
use_up_journal() {
	(cd "$mnt/ops" && seq -f d%g 1 4000 | xargs mkdir) 2>"$work/mkdir"
	# the shorter record of a mode may still fit
	(cd "$mnt/ops" && chmod 0711 d[0-9]*) 2>"$work/chmod"
	grep -qi "$nospace" "$work/mkdir" && grep -qi "$nospace" "$work/chmod"
}

for cache in writeback writethrough; do
	note "--cache=$cache"
	small_diff 24m
	# The log is on another file system, so that it can tell what happened.
	rm -f "$work/log"
	check "mount" mount_it --wal=mount --cache=$cache --log-file "$work/log" || continue
	mkdir "$mnt/ops" "$mnt/ops/dir" "$mnt/ops/empty"
	printf 'content\n' >"$mnt/ops/file"
	printf 'other\n' >"$mnt/ops/other"
	: >"$mnt/ops/new"
	ln -s target "$mnt/ops/link"
	head -c 65536 /dev/urandom >"$mnt/ops/kept"
	sync "$mnt/ops/file" "$mnt/ops/other" "$mnt/ops/new" "$mnt/ops/kept"
	relation=$(cd "$mnt" && find base -type f -name '[1-9]*[0-9]' -size +300k | sort | head -n 1)
	cp "$mnt/$relation" "$work/relation"
	cp "$mnt/ops/kept" "$work/kept"

	fill_disk
	check "the disk is full" is_full
	refuse "fallocate fails at once" "$nospace" fallocate -l 1M "$mnt/ops/new"
	equal "and leaves the length alone" 0 "$(size ops/new)"
	refuse "so does fallocate in the middle of what is there" "$nospace" \
	    fallocate -o 32768 -l 1M "$mnt/ops/kept"
	equal "and leaves that length alone" 65536 "$(size ops/kept)"
	refuse "posix_fallocate of a file of the backup fails at once" "$nospace" \
	    fallocate -o "$(size "$relation")" -l 1M "$mnt/$relation"
	equal "and leaves the backup's length alone" "$(stat -c %s "$work/relation")" "$(size "$relation")"

	check "a namespace operation fails in the end" use_up_journal
	state >"$work/then"
	refuse "mkdir fails" "$nospace" mkdir "$mnt/ops/one-more"
	refuse "create fails" "$nospace" dd if=/dev/null of="$mnt/ops/created" status=none
	refuse "symlink fails" "$nospace" ln -s target "$mnt/ops/link2"
	refuse "link fails" "$nospace" ln "$mnt/ops/file" "$mnt/ops/hard"
	refuse "rename fails" "$nospace" mv "$mnt/ops/file" "$mnt/ops/renamed"
	refuse "rename over another fails" "$nospace" mv "$mnt/ops/file" "$mnt/ops/other"
	refuse "rename of a directory fails" "$nospace" mv "$mnt/ops/dir" "$mnt/ops/dir2"
	refuse "chmod fails" "$nospace" chmod 0600 "$mnt/ops/dir"
	state >"$work/now"
	same "and none of them changes anything" "$work/then" "$work/now"

	# More than any reserve holds.
	if [ $cache = writeback ]; then
		# close() may tell it too: the kernel writes out then.
		dd if=/dev/urandom of="$mnt/ops/new" bs=1M count=12 conv=notrunc status=none 2>"$work/dd"
		check "a plain write is taken" [ "$(grep -vc closing "$work/dd")" -eq 0 ]
		refuse "fsync tells that it found no room" "$nospace" sync "$mnt/ops/new"
		check "once" sync "$mnt/ops/new"
	else
		refuse "a plain write fails at write()" "$nospace" dd if=/dev/urandom of="$mnt/ops/new" bs=1M count=12 conv=notrunc status=none
		check "fsync has nothing more to tell" sync "$mnt/ops/new"
	fi
	check "the log tells" grep -qi "$nospace" "$work/log"
	check "what was there stays readable" cmp "$mnt/ops/kept" "$work/kept"
	check "stat works" pbkfs stat -D "$mnt"
	check "the worker is the first one" grep -q '"generation": *1,' "$diff/.pbkfs/stat"

	free_space
	check "with space, a write succeeds on the same mount" dd if=/dev/urandom of="$mnt/ops/other" bs=1M count=2 conv=fsync status=none
	check "mkdir too" mkdir "$mnt/ops/after"
	check "rename too" mv "$mnt/ops/file" "$mnt/ops/renamed"
	check "fallocate too" fallocate -l 1M "$mnt/ops/new"
	cp "$mnt/ops/other" "$work/other"
	rm "$mnt/ops/new"
	state >"$work/then"
	check "remount" remount --wal=mount --cache=$cache --log-file "$work/log"
	state >"$work/now"
	same "what was told is what is there" "$work/then" "$work/now"
	check "with the content that was written last" cmp "$mnt/ops/other" "$work/other"
	check "and that of before" cmp "$mnt/ops/kept" "$work/kept"
	check "the backup's file was not touched" cmp "$mnt/$relation" "$work/relation"
	check "unmount" unmount_it
done

# Writes that the kernel accepted while there was space find room after the disk got full.
note "what the kernel still holds"
small_diff 24m
check "mount" mount_it --wal=mount
head -c 1048576 /dev/urandom >"$work/held"
: >"$mnt/held"
sync "$mnt/held"
# Every close() writes out, so the writer has to keep it open until the disk is
# full: it waits for the end of its input.
mkfifo "$work/pipe"
dd if="$work/pipe" of="$mnt/held" bs=64k iflag=fullblock conv=notrunc status=none 2>"$work/dd" &
exec 5>"$work/pipe"
cat "$work/held" >&5
n=0
until [ "$(size held)" -eq 1048576 ] || [ $n -gt 1000 ]; do n=$((n + 1)); done
fill_disk
exec 5>&-
wait $!
check "finds room when the disk is full" sync "$mnt/held"
free_space
check "remount" remount --wal=mount
check "and is all there" cmp "$mnt/held" "$work/held"
check "unmount" unmount_it

# ---- PostgreSQL while the disk fills
# The backup's settings may be those of a cluster that was made for tests.
safe="-c fsync=on -c full_page_writes=on -c synchronous_commit=on -c max_wal_size=8MB -c min_wal_size=2MB"
inserts() {
	n=$1
	while [ "$n" -le "$2" ]; do
		echo "insert into acked select $n, string_agg(md5(random()::text), '') from generate_series(1, 200) returning g;"
		[ $((n % 500)) -ne 0 ] || echo 'checkpoint;'
		n=$((n + 1))
	done
}
inserts 1 20000 >"$work/inserts.sql"
# The table has every number whose commit the server confirmed.
lost() {
	sql -c 'select g from acked' | LC_ALL=C sort >"$work/in.table"
	LC_ALL=C sort -u "$work/acked" | LC_ALL=C comm -23 - "$work/in.table" | wc -l
}
# The server has ended, one way or another.
end_server() {
	pg_stop "$mnt" immediate 2>/dev/null
	for p in $(pg_pids); do kill9 "$p"; wait_gone "$p"; done 2>/dev/null
	rm -f "$mnt/postmaster.pid"
}

for wal in mount direct; do
	note "PostgreSQL, --wal=$wal"
	small_diff 96m
	check "mount" mount_it --wal=$wal || continue
	check "the server starts" pg_start "$mnt" $safe || { unmount_it; continue; }
	sql -c 'create table acked (g int, t text)' -c 'alter table acked alter t set storage external' -c checkpoint
	: >"$work/acked"
	fill_disk 16384
	sql -f "$work/inserts.sql" >"$work/acked" 2>"$work/sql.err"
	equal "the disk gets full before the inserts end" 1 "$([ "$(wc -l <"$work/acked")" -lt 20000 ] && echo 1)"
	note "$(wc -l <"$work/acked") rows were committed; then: $(head -n 1 "$work/sql.err" | cut -c1-150)"
	check "some were" [ "$(wc -l <"$work/acked")" -gt 100 ]
	# Once more against the wall: a server that is up must not forget anything, nor
	# may one that is not lose anything by trying to start.
	sql -c "insert into acked select -1, repeat('x', 100)" >/dev/null 2>&1
	sql -c checkpoint >/dev/null 2>&1
	end_server
	pg_start "$mnt" $safe >"$work/start.full" 2>&1
	end_server	# what a server leaves that could not start, too
	check "the mount is alive" [ -s "$mnt/PG_VERSION" ]

	free_space
	rm -f "$mnt/postmaster.pid"
	check "with space the server starts on the same mount" pg_start "$mnt" $safe || continue
	equal "no committed row is lost" 0 "$(lost)"
	check "all of the table can be read" sql -c 'select sum(length(t)) from acked'
	check "and rows can be written" sql -c "insert into acked select -2, repeat('x', 100)" -c checkpoint
	check "stop" pg_stop "$mnt"
	check "remount" remount --wal=$wal
	check "the server starts after a remount" pg_start "$mnt" $safe
	equal "no committed row is lost there either" 0 "$(lost)"
	check "all of the table can be read there too" sql -c 'select sum(length(t)) from acked'
	check "stop once more" pg_stop "$mnt"
	check "unmount" unmount_it
done
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
