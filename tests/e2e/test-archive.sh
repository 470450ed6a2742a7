# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The WAL archive at the mount, .pbkfs/wal, and pbkfs archive-get: both give the bytes of the
# archive, in whatever order somebody reads them, and while workers die; a server recovers
# with either of them.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
. "$srcdir/tests/lib-catalogs.sh"
need gzip
. "$srcdir/tests/lib-made.sh"
fixture_archive
shown=$mnt/.pbkfs/wal
before=$(catalog_sum "$store")
cp -a "$store" "$work/kept"
log_says() { cat "$diff/.pbkfs/pbkfs.log" | grep -c -- "$1"; }
# Segments by number, from 1 on; those behind the last, from "end 1" on.
(cd "$archive" && ls | sed -n 's/^\([0-9A-F]*\)\.gz$/\1/p') >"$work/segments"
count=$(wc -l <"$work/segments")
check "there are segments to work with" [ "$count" -ge 13 ]
segment() {
	if [ "$1" = end ]; then segment_after "$(segment "$count")" "$2"; else sed -n "$1p" "$work/segments"; fi
}
# Prints the LSN at which a segment begins, without the "0/".
begin_of() { printf '%X' $((0x${1#????????????????} << 20)); }
same_as_archive() { gzip -dc "$archive/$1.gz" | cmp - "$shown/$1"; }

# ---- the bytes
new_diff
# Shared, as systemd has it: the worker sees what somebody mounts in there later.
mount --bind "$store" "$store" && mount --make-shared "$store"
check "mount" mount_it --wal=direct || { plan_done; exit; }
cp "$work/segments" "$work/expected"
ls "$shown" >"$work/found"
same "every segment is listed under its plain name, and nothing else" "$work/expected" "$work/found"
while read -r f; do check "$f is what the archive has" same_as_archive "$f"; done <"$work/expected"
equal "the directory is the server's user's" "$pguser 500 directory" "$(stat -c '%U %a %F' "$shown")"
equal "segments have their length" 1048576 "$(stat -c '%s' "$shown/$(segment 1)")"
refuse "nobody can make files there" "read-only" touch "$shown/new"
refuse "or cut them" "read-only" truncate -s 0 "$shown/$(segment 1)"
refuse "the server's user cannot write them" "denied" \
    as "$pguser" dd if=/dev/zero of="$shown/$(segment 1)" count=1 conv=notrunc
check "a copy of the server's user can be written" as "$pguser" sh -c \
    "umask 077; cp '$shown/$(segment 1)' '$diff/.pbkfs/copy' && test -w '$diff/.pbkfs/copy' && rm '$diff/.pbkfs/copy'"
refuse "a segment that is missing" "no such file" cat "$shown/$(segment end 99)"
refuse "a backup history is not shown" "no such file" cat "$shown/$(segment 1).00000028.backup"

# ---- a long archive is listed with what it has, not with a dozen requests a file
requests() {
	pbkfs stat -D "$mnt" --format=json | tr -d ' \n' | grep -o '"[a-z]*":{"count":[0-9]*' |
	    awk -F '[":]+' '$2 == "lookup" || $2 == "getattr" { n += $5 } END { print n + 0 }'
}
many=$(wc -l <"$work/expected")
list_before=$(requests)
stat -c %s "$shown"/* >/dev/null
list_cost=$(($(requests) - list_before))
check "all of $many segments are looked at with 2 requests each ($list_cost)" [ $list_cost -gt 0 -a $list_cost -le $((2 * many + 4)) ]

# ---- any order: the kernel's cache is dropped, so that each read comes to the worker
drop() { sync; echo 1 >/proc/sys/vm/drop_caches; }
backwards() {
	for i in $(seq 255 -1 0); do dd if="$shown/$1" of="$work/back" bs=4096 skip="$i" seek="$i" count=1 conv=notrunc 2>/dev/null || return 1; done
	gzip -dc "$archive/$1.gz" | cmp - "$work/back"
}
parallel() {
	readers=
	for f in $(cat "$work/expected"); do
		same_as_archive "$f" & readers="$readers $!"
		tail -c 300000 "$shown/$f" >/dev/null & readers="$readers $!"
	done
	for p in $readers; do wait "$p" || return 1; done
}
drop; check "read backwards" backwards "$(segment 3)"
drop; check "read in parallel, from the beginning and from the end" parallel
equal "no file has a name in the diff directory" "" "$(ls "$diff/changes" | grep walcache)"

# ---- a worker that dies in the middle of a copy
# The reader has half of the segment before the kill and the rest after it.
copy_over_death() {
	exec 5<"$shown/$1"
	dd bs=65536 count=4 <&5 >"$work/copy" 2>/dev/null
	old=$(worker_pid)
	kill9 "$old" && wait_gone "$old"
	drop
	cat <&5 >>"$work/copy"
	status=$?
	exec 5<&-
	[ $status -eq 0 ] && gzip -dc "$archive/$1.gz" | cmp - "$work/copy"
}
for n in 4 8 12; do drop; check "a copy over the worker's death" copy_over_death "$(segment $n)"; done
under_kills() {
	"$support/killer" -n 6 -i 5 -a 60 -e 0 "$diff" >"$work/killer" 2>&1 &
	killer=$!
	while kill -0 "$killer" 2>/dev/null; do
		drop
		parallel || { kill "$killer"; return 1; }
	done
	wait "$killer"
}
check "parallel copies while workers are killed" under_kills
# A worker that is killed while it makes a file leaves such a name.
as "$pguser" sh -c "echo left >'$diff/changes/walcache.0'; echo left >'$diff/changes/walcache.15'"
old=$(worker_pid); kill9 "$old"; wait_gone "$old"; stat "$mnt/PG_VERSION" >/dev/null
equal "the next worker removes what was left over" "" "$(ls "$diff/changes" | grep walcache)"

# ---- the archive goes on
archived() { cp -p "$1" "$archive/.new" && mv "$archive/.new" "$archive/$2"; }
new=$(segment end 1)
refuse "a segment that is not there yet" "no such file" cat "$shown/$new"
# another segment's bytes with this one's place in the first page, as PostgreSQL would have it
gzip -dc "$archive/$(segment "$count").gz" >"$work/seg"
address() { printf "$(printf '\\%03o' $(($2 % 256)) $(($2 / 256 % 256)) $(($2 / 65536 % 256)) $(($2 / 16777216)))" | dd of="$1" bs=1 seek=8 conv=notrunc 2>/dev/null; }
address "$work/seg" $((0x$(begin_of "$new")))
gzip -c "$work/seg" >"$work/seg.gz"
archived "$work/seg.gz" "$new.gz"
check "it appears without a remount" cmp "$work/seg" "$shown/$new"
equal "and in the listing" 1 "$(ls "$shown" | grep -c "$new")"
new=$(segment end 2)
address "$work/seg" $((0x$(begin_of "$new")))
head -c 524288 "$work/seg" >"$work/part" && head -c 524288 /dev/zero >>"$work/part"
archived "$work/part" "$new.partial"
check "a partial segment by its own name" cmp "$work/part" "$shown/$new.partial"
check "and instead of the whole one" cmp "$work/part" "$shown/$new"
equal "it is listed as what it is" "$new.partial" "$(ls "$shown" | grep "$new")"
archived "$work/seg" "$new"
check "the whole one, once it is there" cmp "$work/seg" "$shown/$new"
equal "both are listed" "$new $new.partial" "$(ls "$shown" | grep "$new" | tr '\n' ' ' | sed 's/ $//')"
printf '1\t0/2A80000\tno recovery target specified\n' >"$work/history"
archived "$work/history" 00000002.history
check "a history" cmp "$work/history" "$shown/00000002.history"
printf '1\t0/2A80000\tanother one, which is longer\n' >"$work/history"
archived "$work/history" 00000002.history
check "and another in its place" cmp "$work/history" "$shown/00000002.history"

# ---- what is damaged
damaged() {	# damaged DESCRIPTION SEGMENT LINE
	drop
	refuse "$1: an I/O error" "input/output error" cat "$shown/$2"
	refuse "$1: also when it is asked for again" "input/output error" cat "$shown/$2"
	equal "$1: one line in the log" 1 "$(log_says "could not read WAL file \"$2[.a-z]*\" of instance \"main\": $3")"
	check "$1: the others can be read" same_as_archive "$(segment 2)"
}
cp -p "$archive/$(segment 5).gz" "$work/whole.gz"
head -c 2000 "$work/whole.gz" >"$archive/.new" && mv "$archive/.new" "$archive/$(segment 5).gz"
damaged "cut short" "$(segment 5)" "it is truncated at byte"
archived "$work/whole.gz" "$(segment 5).gz"
check "cut short: it can be read once it is whole again" same_as_archive "$(segment 5)"
cp -p "$archive/$(segment 6).gz" "$archive/$(segment 7).gz"
damaged "another segment's bytes" "$(segment 7)" "expected the page at 0/$(begin_of "$(segment 7)"), found the one at 0/$(begin_of "$(segment 6)")"
head -c 1000 "$work/seg" >"$archive/$(segment end 3)"
damaged "a plain file that is short" "$(segment end 3)" "expected 1048576 bytes, found 1000"
head -c 1048576 /dev/zero >"$archive/$(segment end 4)"
damaged "a plain file of zeroes" "$(segment end 4)" "0000 is no magic number"
ln -s /etc/passwd "$archive/00000003.history"
refuse "a link is not there" "no such file" cat "$shown/00000003.history"
: >"$archive/0001000000000000000000FF"
refuse "a timeline that no nodeid has room for" "no such file" cat "$shown/0001000000000000000000FF"
equal "and is not listed" 0 "$(ls "$shown" | grep -c '^0001000')"
equal "which the log says" 1 "$(log_says "timelines beyond 65535, which are not shown")"
check "the worker is still the one that was started last" kill -0 "$(worker_pid)"

# ---- a directory of many
many=$work/many
mkdir "$many"
seq 0 4095 | while read -r i; do printf '%s/00000005000000%02X00000%03X\n' "$many" $((i / 4096)) $((i % 4096)); done | xargs touch
mount --bind "$many" "$archive"
ls "$many" >"$work/expected"
ls "$shown" >"$work/found"
same "4096 names are listed once each" "$work/expected" "$work/found"
umount "$archive"
check "unmount" unmount_it
umount "$store"
check "cleanup" pbkfs cleanup -d "$diff"
equal "nothing is left in the diff directory" "" "$(ls -A "$diff")"

# ---- no room
rm -rf "$store" && cp -a "$work/kept" "$store"
new_diff
mount -t tmpfs -o "size=3m,mode=700,uid=$pguid,gid=$pggid" tmpfs "$diff"
check "mount with a diff directory that has no room" mount_it --wal=mount --cache=writethrough
head -c 2900k /dev/zero >"$diff/changes/data/ballast" 2>/dev/null
drop
refuse "no room: an I/O error" "input/output error" cat "$shown/$(segment 3)"
equal "no room: one line in the log" 1 "$(log_says "could not decompress it into the diff directory: No space left")"
rm "$diff/changes/data/ballast"
check "room again: it can be read" same_as_archive "$(segment 3)"
check "unmount of that" unmount_it
umount "$diff"

# ---- no archive at all
mv "$store/wal" "$store/wal.away"
new_diff
check "mount without an archive, for a server that has another" mount_it --wal=mount --restore-command="cp /elsewhere/%f %p"
equal "it is an empty directory" ". .." "$(ls -a "$shown" | tr '\n' ' ' | sed 's/ $//')"
mkdir -m 700 "$store/wal" && chown "$pguser:" "$store/wal" && mv "$store/wal.away/main" "$store/wal/main"
check "and has what comes later" same_as_archive "$(segment 1)"
check "unmount of that, too" unmount_it
rmdir "$store/wal.away"

# ---- archive-get
mkdir "$work/get" && chown "$pguser" "$work/get"
chown -R "$pguser:" "$store"
get() { as "$pguser" pbkfs archive-get -B "$store" --instance main "$@"; }
cd "$work/get" || exit 99
check "archive-get to a relative path" get "$(segment 3)" RECOVERYXLOG
gzip -dc "$archive/$(segment 3).gz" >"$work/seg"
check "it is the segment" cmp "$work/seg" RECOVERYXLOG
check "over one that is there, by an absolute path" get "$(segment 4)" "$work/get/RECOVERYXLOG"
gzip -dc "$archive/$(segment 4).gz" >"$work/seg"
check "it is the other segment" cmp "$work/seg" RECOVERYXLOG
cp "$work/seg" "$archive/$(segment 4)"; mv "$archive/$(segment 4).gz" "$work"
check "a plain one" get "$(segment 4)" plain
check "is itself" cmp "$work/seg" plain
mv "$archive/$(segment 4)" "$archive/$(segment 4).partial"
check "a partial one, for want of the whole" get "$(segment 4)" partial
check "is that" cmp "$work/seg" partial
rm "$archive/$(segment 4).partial"; mv "$work/$(segment 4).gz" "$archive"
printf '1\t0/2A80000\tx\n' >"$archive/00000002.history"
check "a history" get 00000002.history RECOVERYHISTORY
check "is what it was" cmp "$archive/00000002.history" RECOVERYHISTORY
rm "$archive/00000002.history" RECOVERYHISTORY plain partial
gone() {	# gone DESCRIPTION PATTERN ARGUMENT...
	gone_desc=$1 gone_pattern=$2; shift 2
	refuse "$gone_desc" "$gone_pattern" get "$@"
	equal "$gone_desc: status and lines" "1 1" "$tap_status $(wc -l <"$work/err")"
}
gone "one that is missing" "\"$(segment end 99)\" is not in the WAL archive of instance \"main\"" "$(segment end 99)" RECOVERYXLOG
gone "what is no WAL file" "is not a name of a WAL file" ../../backups RECOVERYXLOG
gone "an instance that is missing" "instance \"other\" does not exist" --instance other "$(segment 3)" RECOVERYXLOG
gone "a directory that is missing" "could not write \"none/x\"" "$(segment 3)" none/x
head -c 2000 "$archive/$(segment 5).gz" >"$archive/$(segment end 99).gz"
gone "one that is damaged" "could not read WAL file.*truncated" "$(segment end 99)" RECOVERYXLOG
rm "$archive/$(segment end 99).gz"
check "a file that could not be fetched leaves the old one" cmp "$work/seg" RECOVERYXLOG
equal "and nothing else" RECOVERYXLOG "$(ls)"
refuse "a missing argument" "missing argument \"PATH\"" get "$(segment 3)"
equal "is a wrong command line" 2 "$tap_status"
refuse "one too many" "unexpected argument \"c\"" get a b c
cd "$work" || exit 99
rm -rf "$work/get"

# ---- a server recovers
# recovers DESCRIPTION RESTORE-COMMAND
recovers() {
	cat >>"$mnt/postgresql.auto.conf" <<-CONF
		restore_command = '$2'
		recovery_target = 'immediate'
		recovery_target_timeline = 'current'
		recovery_target_action = 'promote'
	CONF
	: >"$mnt/recovery.signal"
	chown "$pguser:" "$mnt/recovery.signal"
	check "$1: the server starts" pg_start "$mnt" || return
	check "$1: recovery ends" recovery_ended
	sql_rows >"$work/rows" 2>&1
	same "$1: rows are those of the restored server" "$oracle_dir/oracle/main.$id.sql.txt" "$work/rows"
	check "$1: the server stops" pg_stop "$mnt"
}
# As pg_probackup 2.7 may have left it: .lz4, .zst and plain; beside them are files that come later
# in the order and are good for nothing.
repack() {
	repack_n=0
	for f in "$archive"/*.gz; do
		s=${f%.gz}
		gzip -dc "$f" >"$work/seg" && rm "$f" || return 1
		case $((repack_n % 3)) in
		0) "$support/mkcatalog" pack lz4 "$work/seg" >"$s.lz4" && echo junk >"$s.zst" ;;
		1) "$support/mkcatalog" pack zst "$work/seg" >"$s.zst" && echo junk >"$s.part" ;;
		2) cat "$work/seg" >"$s" && echo junk >"$s.lz4" && echo junk >"$s.partial.lz4" ;;
		esac || return 1
		repack_n=$((repack_n + 1))
	done
}
cp -a "$archive" "$work/archive.gz"
cp "$work/segments" "$work/expected"
check "the archive as .lz4, .zst and plain files" repack
chown -R "$pguser:" "$archive"
for wal in direct mount; do
	new_diff
	check "mount with --wal=$wal" mount_it --wal=$wal
	ls "$shown" | grep -v partial >"$work/found"
	same "each segment is listed once" "$work/expected" "$work/found"
	recovers "from the mount, --wal=$wal" 'cp ".pbkfs/wal/%f" "%p"'
	check "unmount" unmount_it
done
new_diff
check "mount" mount_it
pbkfs_for_all
recovers "by archive-get" "\"$work/pbkfs\" archive-get -B \"$store\" -I main \"%f\" \"%p\""
check "unmount" unmount_it
rm -rf "$archive" && cp -a "$work/archive.gz" "$archive"

# ---- an ordinary user's mount
become_user
new_diff
check "mount as an ordinary user" mount_it
as "$pguser" cat "$shown/$(segment 3)" >"$work/found"
gzip -dc "$archive/$(segment 3).gz" >"$work/seg"
check "it has the archive as well" cmp "$work/seg" "$work/found"
check "unmount as that user" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
