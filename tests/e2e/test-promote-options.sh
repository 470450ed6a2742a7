# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Where a promotion puts things: tablespaces and external directories by their mappings, a copy that a full disk
# interrupts and that goes on, or is taken back.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-hydrate.sh"
. "$srcdir/tests/lib-promote.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"
at_mnt=$mnt
# small_place SIZE: a file system of the server's user, of that size.
small_place() {
	umount "$work/small" 2>/dev/null
	mkdir -p "$work/small" && mount -t tmpfs -o "mode=0700,uid=$pguid,size=$1" tmpfs "$work/small"
}

# ---- mappings ---------------------------------------------------------------------------
unpack_catalog tablespace
catalog_oracle=$catalogs/tablespace.oracle/oracle
id=$(ls "$store/backups/main" | grep -v '\.conf$' | sort | tail -n 1)
oids=$(cut -d ' ' -f 1 "$store/backups/main/$id/database/tablespace_map")
exts=$(ls "$catalog_oracle/main.$id".ext*.manifest | sed 's/.*ext\([0-9]*\)\.manifest/\1/')
check "detach a backup with tablespaces" detach_it --wal=mount
new_place
# Each file system is asked for what goes there.
small_place 64k
oid=${oids%%[!0-9]*}
refuse "a copy of a tablespace for which there is too little space" \
    "the copy needs .*, and the file system \"$work/small\" of tablespace \"$work/small/space\" has .* left" \
    promote_it --copy -T "$oid=$work/small/space"
equal "nothing was made" "" "$(ls -A "$place")$(ls -A "$work/small")"
umount "$work/small"
mount -t tmpfs -o mode=0755,size=64k tmpfs "$work/small"; mkdir -m 0755 "$work/small/space"
refuse "the same, in a directory of root's" "has .* left" promote_it --copy -T "$oid=$work/small/space"
equal "it is root's still" "root 755" "$(stat -c '%U %a' "$work/small/space")"
umount "$work/small"
# OLD is what production called it, or its number.
old_path() { sed -n "s/^$1 //p" "$store/backups/main/$id/database/tablespace_map"; }
first=${oids%%[!0-9]*}
old_externals=$(sed -n 's/^external-dirs *= *//p' "$store/backups/main/$id/backup.control" | tr -d "'" | tr : '\n' | LC_ALL=C sort)
hide_store
refuse "a path that no tablespace had" "no tablespace \"/no/such\" .*these, by OID and path: .*$first .\"/" promote_it -T "/no/such=$place/x"
refuse "nor an external directory" "no external directory \"/no/such\"; .*these, by number and path: 1 .\"/" promote_it --external-mapping "/no/such=$place/x"
show_store
refuse "one that is named twice" "tablespace \"$first\" is mapped twice" \
    promote_it -T "$first=$place/x" -T "$(old_path $first)=$place/y"
set --
for oid in $oids; do
	[ $oid = $first ] && set -- "$@" -T "$oid=$place/space-$oid" || set -- "$@" -T "$(old_path $oid)=$place/space-$oid"
done
for n in $exts; do
	[ $n = 0 ] && old=$((n + 1)) || old=$(echo "$old_externals" | sed -n "$((n + 1))p")
	set -- "$@" --external-mapping "$old=$place/outside-$((n + 1))"
done
check "there are tablespaces and external directories ($# words)" [ $# -ge 8 ]
hide_store
check "-T and --external-mapping" promote_it "$@"
show_store
like_oracle "files are those of the restore" "$catalog_oracle/main.$id.manifest" "$pgdata"
for oid in $oids; do
	equal "tablespace $oid is where -T says" "$place/space-$oid" "$(readlink "$pgdata/pg_tblspc/$oid")"
done
for n in $exts; do
	"$support/manifest" "$place/outside-$((n + 1))" >"$work/found.manifest"
	same "external directory $((n + 1)) is where its mapping says" "$catalog_oracle/main.$id.ext$n.manifest" "$work/found.manifest"
done
equal "nothing is where it would go without them" "" "$(ls "$place" | grep '^pgdata-')"
check "nothing else is left" nothing_else
it="with mappings" major=15 mnt=$pgdata
catalog_rows
mnt=$at_mnt
rm -rf "$work/tablespace"

# ---- a copy and a disk that gets full --------------------------------------------------------
fixture
check "detach" detach_it --wal=mount
small_place 4m
refuse "a copy for which there is too little space" "the copy needs .*, and the file system \"$work/small\" of target .* has 4.* left" \
    pbkfs promote -d "$diff" --to "$work/small/pgdata" --copy
equal "nothing was made there" "" "$(ls -A "$work/small")"
check "it is bound as before" bound_detached
size=$(du -sk "$diff/changes" | cut -f 1)
check "and can be mounted" mount_detached
as "$pguser" dd if=/dev/urandom of="$mnt/pg_wal/much" bs=1M count=20 status=none
check "and unmounted" unmount_it
# The data directory has room, WAL has not.
small_place 4m
new_place
refuse "a copy of WAL for which there is too little space" \
    "the copy needs .*, and the file system \"$work/small\" of WAL directory \"$work/small/wal\" has 4.* left" \
    promote_it --copy --waldir "$work/small/wal"
equal "nothing was made there, either" "" "$(ls -A "$place")$(ls -A "$work/small")"
# Both have room, but not together.
small_place $((size + 10 * 1024))k
refuse "both, for which there is too little space together" "the copy needs .*, and the file system \"$work/small\"" \
    pbkfs promote -d "$diff" --to "$work/small/pgdata" --copy --waldir "$work/small/wal"
# Who promises space takes it back: there are not so many inodes.
small_place 512m,nr_inodes=3
refuse "WAL that finds a full disk" "pg_wal.*No space left" promote_it --copy --waldir "$work/small/wal"
refuse "no mount takes what is unfinished" "promotion of .* is unfinished" mount_detached
check "list -d" pbkfs list -d "$diff"
cp "$work/out" "$work/listed"
check "list shows it" said "promoting .*$diff" "$work/listed"
check "and how to go on" said "pbkfs promote -d \"$diff\" --to \"$pgdata\".* finishes it; --abort takes it back" "$work/listed"
check "list --format json" pbkfs list -d "$diff" --format json
cp "$work/out" "$work/listed.json"
check "the same in JSON" said '"state": *"promoting"' "$work/listed.json"
check "with what it becomes" said "\"target\": *\"$pgdata\"" "$work/listed.json"
refuse "other directories are refused" "had other directories" promote_it --copy
check "it is taken back" pbkfs promote -d "$diff" --abort
equal "nothing is left of it" "" "$(ls -A "$place")$(ls -A "$work/small")"
check "list -d again" pbkfs list -d "$diff"
equal "list shows it no more" "no mounts" "$(cat "$work/out")"
check "then it is mounted" mount_detached
rm "$mnt/pg_wal/much"
like_oracle "and is the backup" "$oracle" "$mnt"
# A file that is mostly holes, with two names.
as "$pguser" sh -c 'truncate -s 3M "$1/thin"; echo x >>"$1/thin"; ln "$1/thin" "$1/thin2"' - "$mnt/pg_wal"
thin=$(sha256sum <"$mnt/pg_wal/thin")
check "it is unmounted" unmount_it
refuse "again, WAL has too little space" "pg_wal.*No space left" promote_it --copy --waldir "$work/small/wal"
mount -o remount,size=512m,nr_inodes=10000 "$work/small"
check "with space, the same command ends it" promote_it --copy --waldir "$work/small/wal"
equal "a file with two names has them there, too" "2 $work/small/wal/thin2" \
    "$(stat -c %h "$work/small/wal/thin") $(find "$work/small/wal" -samefile "$work/small/wal/thin" ! -path "$work/small/wal/thin")"
equal "it has what it had" "$thin" "$(sha256sum <"$work/small/wal/thin")"
check "and its holes" [ "$(stat -c %b "$work/small/wal/thin")" -le 64 ]
equal "what helped to link it is gone" "" "$(find "$pgdata" "$work/small/wal" -name "*pbkfs*")"
rm "$work/small/wal/thin" "$work/small/wal/thin2"
like_oracle "files are those of the restore" "$oracle" "$pgdata" -L pg_wal
equal "pg_wal is a link" "$work/small/wal" "$(readlink "$pgdata/pg_wal")"
check "nothing else is left, after a copy" nothing_else
check "the server starts on the copy" pg_start "$pgdata"
check "and stops" pg_stop "$pgdata"
plan_done
