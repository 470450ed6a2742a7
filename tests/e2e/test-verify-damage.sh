# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs verify finds each kind of damage, and names it in one line, once.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-verify.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"

# A relation of the FULL with compressed pages, and one of the DELTA with pages stored as they are.
unpack_catalog stream-mixed
id=TOXCRK full_id=TOXCR8
list=$store/backups/$instance/$full_id/backup_content.control
largest() {
	sed -n 's/.*"path":"\(base[^"]*\)".*"size":"\([1-9][0-9]*\)".*"is_datafile":"1".*/\2 \1/p' \
	    "$store/backups/$instance/$1/backup_content.control" | sort -n | tail -n 1 | cut -d ' ' -f 2
}
packed_path=$(largest $full_id) raw_path=$(largest $id)
raw_blocks=$(records "$store/backups/$instance/$id/database/$raw_path" | awk '$3 == 8192 && n++ < 2 { print $1 }')
equal "the DELTA has pages that are not compressed" 2 "$(echo $raw_blocks | wc -w)"
note "raw $raw_path, packed $packed_path"
in_full="in backup $full_id" in_raw="in backup $id"
harm $full_id/database/$packed_path; flip $(($(at 0) + 8 + 30))
found "a bit of a compressed page" "\"$packed_path\" $in_full: block 0: "
harm $id/database/$raw_path; set -- $raw_blocks
flip $(($(at $1) + 8 + 4000))
found "a bit of a page" "\"$raw_path\" $in_raw: block $1: calculated checksum [0-9]+, expected [0-9]+"
harm $id/database/$raw_path
poke "$(at $1)" '\377'
found "the number of a block" "\"$raw_path\" $in_raw: block $1: expected its record .* found block"
harm $id/database/$raw_path
poke $(($(at $1) + 5)) '\037'
found "the length of a record" "\"$raw_path\" $in_raw: block $1: expected its record of 8192 bytes"
harm $id/database/$raw_path
for block in $raw_blocks; do
	tail -c +$(($(at "$block") + 9)) "$work/whole" | head -c 8192 >"$work/page.$block"
done
dd if="$work/page.$1" of="$harmed" bs=8192 seek=$(($(at $2) + 8)) oflag=seek_bytes conv=notrunc status=none
dd if="$work/page.$2" of="$harmed" bs=8192 seek=$(($(at $1) + 8)) oflag=seek_bytes conv=notrunc status=none
found "pages that changed places" "\"$raw_path\" $in_raw: block $1: calculated checksum" 2
harm $id/database/$raw_path
truncate -s $(($(stat -c %s "$harmed") - 5000)) "$harmed"
found "a file that was cut" "\"$raw_path\" $in_raw: expected [0-9]+ bytes, found [0-9]+"
harm $id/database/$raw_path
echo more >>"$harmed"
found "a file that is longer" "\"$raw_path\" $in_raw: expected [0-9]+ bytes, found [0-9]+"
harm $id/database/$raw_path
rm "$harmed"
found "a file that is gone" "\"$raw_path\" $in_raw: could not open it: No such file"
harm $id/database/$raw_path
rm "$harmed"; ln -s /etc/passwd "$harmed"
found "a file that is a link" "\"$raw_path\" $in_raw: could not open it"
harm $id/database/$raw_path
rm "$harmed"; mkfifo "$harmed"
found "a file that is a pipe" "\"$raw_path\" $in_raw: could not open it: it is not a plain file"

# 200 damaged pages in one file: 100 lines, and how many more there are.
many=$(for path in $(sed -n 's/.*"path":"\(base[^"]*\)".*"n_headers":"[2-9][0-9][0-9]".*/\1/p' "$list"); do echo "$path"; done | head -n 1)
harm $full_id/database/$many
for offset in $(records "$work/whole" | awk 'NR <= 150 { print $2 }'); do poke "$offset" '\377\377'; done
refuse "150 damaged pages: found" "\"$many\" $in_full: 50 more faults" verify
equal "150 damaged pages: 100 lines and one" 101 "$(wc -l <"$work/err")"
equal "150 damaged pages: all are counted" 150 "$(figure faults)"
heal

harm $full_id/database/PG_VERSION; flip 0
found "a bit of a plain file" "\"PG_VERSION\" $in_full: its crc should be [0-9]+, found [0-9]+"
harm $id/database/global/pg_control; flip 40
found "a bit of pg_control" "\"global/pg_control\" in backup $id: its crc should be"
harm $id/database/global/pg_control; flip 5000
found "a bit behind what pg_control's crc covers" "\"global/pg_control\" in backup $id: its crc should be"
harm $full_id/page_header_map; flip $(($(stat -c %s "$harmed") / 2))
found "a bit of the header map" "$in_full: .*page headers"
harm $full_id/page_header_map; rm "$harmed"
found "no header map" "\"page_header_map\" $in_full: could not open it"
harm $full_id/backup_content.control; flip 12
found "a bit of a list" "the file list of backup \"$full_id\" does not match its content-crc"
harm $id/backup_content.control; sed -i '$d' "$harmed"
found "a line of a list" "the file list of backup \"$id\" does not match its content-crc"
harm $full_id; rm -r "$harmed"
refuse "no FULL" "backup \"$full_id\" .*is missing" verify
equal "no FULL: the status is 1" 1 "$tap_status"
heal
harm $full_id/backup.control; sed -i 's/^status = .*/status = CORRUPT/' "$harmed"
check "another status is no fault" verify
check "but told" grep -q "^pbkfs warning: backup \"$full_id\" has status CORRUPT" "$work/err"
heal

# ---- WAL in the backup
segment=$(ls "$store/backups/$instance/$id/database/pg_wal" | head -n 1)
harm $id/database/pg_wal/$segment; rm "$harmed"
found "a stored segment is gone" "\"pg_wal/$segment\" in backup $id: could not open it"
harm $id/database/pg_wal/$segment; flip 100000
found "a bit of a stored segment" "\"pg_wal/$segment\" in backup $id: its crc"
harm $id
sed -i '/^content-crc/d' "$harmed/backup.control"
sed -i "/$segment/d" "$harmed/backup_content.control"
found "a segment that is not listed" "\"pg_wal/$segment\" in backup $id: it is missing, and WAL from start-lsn"
# The list has the checksum of the damaged file: only the file's own content shows the damage.
harm $id
sed -i '/^content-crc/d' "$harmed/backup.control"
printf '\7' | dd of="$harmed/database/pg_wal/$segment" bs=1 seek=9 conv=notrunc status=none
tap_run verify
crc=$(sed -n 's/.*its crc should be [0-9]*, found \([0-9]*\).*/\1/p' "$work/err")
sed -i "/$segment/s/\"crc\":\"[0-9]*\"/\"crc\":\"$crc\"/" "$harmed/backup_content.control"
found "a segment of another place" "\"pg_wal/$segment\" in backup $id: expected the page at"

# ---- WAL in the archive
unpack_catalog archive-page
id=TOXCRE
archive() { harmed=$store/wal/$instance/$1; rm -rf "$work/whole"; cp -a "$harmed" "$work/whole"; }
segment=000000010000000000000020
archive $segment.gz; rm "$harmed"
found "a segment is not in the archive" "\"archive/$segment\" in backup $id: it is missing in the archive"
# (A bit in the middle may mean nothing: codes that no byte uses.)
archive $segment.gz; flip $(($(stat -c %s "$harmed") - 6))
found "a bit of an archived segment" "\"archive/$segment.gz\" in backup $id: it does not decompress"
archive $segment.gz; echo more >>"$harmed"
found "an archived segment and more" "\"archive/$segment.gz\" in backup $id: something follows its end"
archive $segment.gz; truncate -s $(($(stat -c %s "$harmed") / 2)) "$harmed"
found "a segment that was cut" "\"archive/$segment.gz\" in backup $id: it does not decompress: it is truncated"
archive $segment.gz; gzip -dc "$work/whole" | head -c 500000 | gzip >"$harmed"
found "half a segment" "\"archive/$segment.gz\" in backup $id: it does not decompress: it ends at byte 500000 of 1048576"
archive $segment.gz; { gzip -dc "$work/whole"; echo more; } | gzip >"$harmed"
found "more than a segment" "\"archive/$segment.gz\" in backup $id: it does not decompress: it does not end at byte 1048576"
for format in lz4 zst; do
	packed="\"archive/$segment.$format\" in backup $id"
	archive $segment.gz; gzip -dc "$harmed" >"$work/plain"; rm "$harmed"; harmed=${harmed%.gz}.$format
	"$support/mkcatalog" pack $format "$work/plain" >"$harmed"; cp "$harmed" "$work/packed"
	check "a segment as .$format" verify
	flip $(($(stat -c %s "$harmed") - 1))
	found "with another checksum" "$packed: it does not decompress: .*checksum"
	cp "$work/packed" "$harmed"; echo more >>"$harmed"
	found "and something behind it" "$packed: something follows its end"
	head -c $(($(stat -c %s "$work/packed") / 2)) "$work/packed" >"$harmed"
	found "or cut" "$packed: it does not decompress: it is truncated"
	rm "$harmed"; cp "$work/whole" "$store/wal/$instance/$segment.gz"
done
archive $segment.gz; cp "$store/wal/$instance/000000010000000000000021.gz" "$harmed"
found "another segment" "\"archive/$segment.gz\" in backup $id: expected the page at"
archive $segment.gz; gzip -d "$harmed"
check "a plain segment" verify
truncate -s 1000 "${harmed%.gz}"
found "a plain segment that was cut" "\"archive/$segment\" in backup $id: expected 1048576 bytes, found 1000"
rm "${harmed%.gz}"
check "all is whole again" verify
plan_done
