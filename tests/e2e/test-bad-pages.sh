# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Damaged pages of a backup: reads of these pages fail with an I/O error, and no others do; one line
# in the log names each page.
. "$srcdir/tests/lib-e2e.sh"
fixture
records() { "$support/badcatalog" records "$1"; }

# ---- which relations, from where
# Prints "BACKUP ALG BLOCKS PATH" of each relation of which a single backup of the chain stores all
# blocks, the largest first.
chain_of() {
	while [ -n "$1" ]; do
		echo "$1"
		set -- "$(sed -n "s/^parent-backup-id *= *'\{0,1\}\([0-9A-Z]*\).*/\1/p" "$store/backups/$instance/$1/backup.control")"
	done
}
chain_of "$id" >"$work/chain"
key() { sed -n "s/.*\"path\":\"\([^\"]*\)\".*\"size\":\"\([-0-9]*\)\".*\"compress_alg\":\"\([a-z0-9]*\)\".*\"n_blocks\":\"\([0-9]*\)\".*/$1 \2 \3 \4 \1/p"; }
while read -r backup; do
	key "$backup" <"$store/backups/$instance/$backup/backup_content.control"
done <"$work/chain" >"$work/stored"
awk -v id="$id" '
    $1 == id { wanted[$5] = $4 }
    $2 > 0 { n[$5]++; line[$5] = $1 " " $3 " " $4 " " $5; blocks[$5] = $4 }
    END { for (p in wanted) if (n[p] == 1 && blocks[p] == wanted[p]) print line[p] }' "$work/stored" |
    sort -k3,3nr -k4,4 >"$work/single"
# Sets $backup, $relation and $stored to the $2nd relation with at least $3 blocks that
# codec $1 (a regular expression) stores.
choose() {
	set -- $(awk -v alg="$1" -v blocks="$3" '$2 ~ alg && $3 >= blocks' "$work/single" | sed -n "$2p")
	[ $# -eq 4 ] || return 1
	backup=$1 relation=$4 stored=$store/backups/$instance/$1/database/$4
}

# ---- how to damage
at() { records "$stored" | awk -v b="$1" '$1 == b { print $2 }'; }
bytes() { records "$stored" | awk -v b="$1" '$1 == b { print $3 }'; }
poke() { printf "$2" | dd of="$stored" bs=1 seek="$1" conv=notrunc status=none; }
le32() { printf '\\%03o\\%03o\\%03o\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
# One bit of the byte at offset $1 changes.
flip() { poke "$1" "$(printf '\\%03o' $(($(od -An -tu1 -j "$1" -N 1 "$stored") ^ 16)))"; }
cut_out() { tail -c "+$(($1 + 1))" "$stored" | head -c "$2"; }
# Records $1 and $1 + 1 change places.
swap_records() {
	swap_at=$(at "$1") swap_a=$(($(bytes "$1") + 8)) swap_b=$(($(bytes $(($1 + 1))) + 8))
	{ cut_out $((swap_at + swap_a)) $swap_b; cut_out "$swap_at" $swap_a; } >"$work/swapped"
	dd if="$work/swapped" of="$stored" bs=64k seek="$swap_at" oflag=seek_bytes conv=notrunc status=none
}

# ---- what came of it
# Prints the blocks of the mounted relation that cannot be read, or differ from the good ones.
read_all() { dd if="$mnt/$relation" of="$work/found" bs=8192 conv=noerror,sync status=noxfer 2>"$work/dd"; }
different() { cmp -l "$work/good/$backup-$(basename "$relation")" "$work/found" | awk '{ print int(($1 - 1) / 8192) }' | uniq | tr '\n' ' '; }
errors() { grep -c 'Input/output error' "$work/dd"; }
log_lines() { grep -c "could not read block $1 of \"$relation\" in backup $backup: " "$diff/.pbkfs/pbkfs.log"; }
# bad_blocks DESCRIPTION "BLOCK ..."
bad_blocks() {
	read_all
	equal "$1: the other blocks are what they were" "$2 " "$(different)"
	equal "$1: these are I/O errors" "$(echo "$2" | wc -w)" "$(errors)"
	for block in $2; do
		equal "$1: one log line for block $block" 1 "$(log_lines "$block")"
	done
}

# Keeps the relations as they are without damage.
keep_good() {
	mkdir -p "$work/good"
	cp "$mnt/$relation" "$work/good/$backup-$(basename "$relation")"
}
new_diff
check "mount" mount_it || { plan_done; exit; }
for n in 1 2 3; do
	check "the fixture has a compressed relation" choose 'zlib|pglz|lz4|zstd' $n 40 && keep_good
done
check "unmount" unmount_it

# ---- records of all kinds of damage in one file
choose 'zlib|pglz|lz4|zstd' 1 40
note "$relation in backup $backup"
records "$stored" >"$work/whole"
swap_records 20
flip $(($(awk '$1 == 3 { print $2 + 8 + int($3 / 2) }' "$work/whole")))
poke "$(awk '$1 == 10 { print $2 }' "$work/whole")" "$(le32 4711)"
poke "$(awk '$1 == 15 { print $2 + 4 }' "$work/whole")" "$(le32 20000)"
poke "$(awk '$1 == 17 { print $2 + 4 }' "$work/whole")" "$(le32 0)"
poke "$(awk '$1 == 30 { print $2 + 4 }' "$work/whole")" "$(le32 $(($(awk '$1 == 30 { print $3 }' "$work/whole") - 7)))"
# ---- a file that ends too early, in the record of block 25
choose 'zlib|pglz|lz4|zstd' 2 40
truncate -s "$(($(at 25) + 20))" "$stored"
# ---- a file that is gone
choose 'zlib|pglz|lz4|zstd' 3 40
rm "$stored"
new_diff
check "mount of a backup with damaged pages" mount_it
choose 'zlib|pglz|lz4|zstd' 1 40
bad_blocks "bits, numbers, lengths, order" "3 10 15 17 20 21 30"
check "reading them again fails again" [ "$(dd if="$mnt/$relation" bs=8192 skip=3 count=1 status=none 2>/dev/null | wc -c)" -eq 0 ]
choose 'zlib|pglz|lz4|zstd' 2 40
read_all
last=$(($(stat -c %s "$mnt/$relation") / 8192 - 1))
equal "a file that was cut: the blocks before it are what they were" "$(seq 25 $last | tr '\n' ' ')" "$(different)"
equal "a file that was cut: one log line for its first block" 1 "$(log_lines 25)"
choose 'zlib|pglz|lz4|zstd' 3 40
read_all
equal "a file that is gone: all of it is an I/O error" $(($(stat -c %s "$mnt/$relation") / 8192)) "$(errors)"
check "a file that is gone: the log says which" grep -q "$relation.* in backup $backup: No such file" "$diff/.pbkfs/pbkfs.log"

# A write of a whole page needs nothing from the backup.
choose 'zlib|pglz|lz4|zstd' 1 40
head -c 8192 /dev/urandom >"$work/page"
check "a damaged block can be written" dd if="$work/page" of="$mnt/$relation" bs=8192 seek=3 conv=notrunc,fsync status=none
dd if="$mnt/$relation" bs=8192 skip=3 count=1 status=none of="$work/page.found"
check "and is whole then" cmp "$work/page" "$work/page.found"
# A write of half a page does: the other half is unknown, and must not become zeroes.
printf half >"$work/half"
dd if="$work/half" of="$mnt/$relation" bs=1 seek=$((10 * 8192 + 100)) conv=notrunc,fsync status=none 2>/dev/null
check "half a damaged block cannot" [ $? -ne 0 ]
check "remount" remount
equal "and has nothing of it" "" "$(dd if="$mnt/$relation" bs=8192 skip=10 count=1 status=none 2>/dev/null | tr -d '\0' | head -c 100)"
check "the other is there" dd if="$mnt/$relation" bs=8192 skip=3 count=1 status=none of="$work/page.found"
check "as it was written" cmp "$work/page" "$work/page.found"

# ---- pages that are stored as they are: only a checksum can find damage in them
# Sets what choose() does to the $1th relation with 6 such pages: their blocks to $raw.
choose_raw() {
	raw_n=0 raw_i=0
	while choose . $((raw_i += 1)) 8; do
		raw=$(records "$stored" | awk '$3 == 8192 && n++ < 6 { print $1 }')
		[ "$(echo $raw | wc -w)" -eq 6 ] && [ $((raw_n += 1)) -eq "$1" ] && return 0
	done
	return 1
}
payload() { cut_out $(($(at "$1") + 8)) 8192; }
put_payload() { dd of="$stored" bs=64k seek=$(($(at "$1") + 8)) oflag=seek_bytes conv=notrunc status=none; }
# verified MODE "BLOCK ..." "BLOCK ...": these blocks differ, and reads of those fail.
verified() {
	new_diff
	check "mount with --verify=$1" mount_it --verify=$1 || return
	read_all
	equal "--verify=$1: the other blocks are what they were" "$2 " "$(different)"
	equal "--verify=$1: these are I/O errors" "$(echo $3 | wc -w)" "$(errors)"
	for block in $3; do
		equal "--verify=$1: one log line for block $block" 1 "$(log_lines "$block")"
	done
	check "unmount" unmount_it
}
# (mkcatalog compresses each page of its own backups)
if [ "$store" != "$work/made" ]; then
	check "unmount" unmount_it
	if check "the fixture has relations with pages that are not compressed" choose_raw 2; then
		other=$stored other_raw=$raw
		# A block of which both have such a page, and five others.
		choose_raw 1
		note "$relation in backup $backup"
		shared=$(for block in $raw; do echo $other_raw | tr ' ' '\n' | grep -x "$block"; done | head -n 1)
		set -- $(for block in $raw; do [ "$block" = "$shared" ] || echo "$block"; done)
		new_diff
		check "mount" mount_it && keep_good && unmount_it
		flip $(($(at "$1") + 8 + 5000))
		payload "$2" >"$work/a"; payload "$3" >"$work/b"
		put_payload "$2" <"$work/b"; put_payload "$3" <"$work/a"
		mine=$stored stored=$other
		payload "$shared" >"$work/a"
		stored=$mine
		put_payload "$shared" <"$work/a"
		harmed=$(printf '%s\n' $1 $2 $3 $shared | sort -n | tr '\n' ' ') harmed=${harmed% }
		summed=$(printf '%s\n' $1 $2 $3 | sort -n | tr '\n' ' ')
		verified off "$harmed" ""
		if grep -qw avx2 /proc/cpuinfo || [ "$(uname -m)" = aarch64 ]; then
			verified auto "$harmed" "$summed"
			check "the log has both checksums" grep -q "block $1 of .*: calculated checksum [0-9]*, expected [0-9]" "$diff/.pbkfs/pbkfs.log"
		else
			verified auto "$harmed" ""
		fi
		verified on "$harmed" "$harmed"
		check "the log has both LSNs" grep -q "block $shared of .*: page_header_map expects LSN .*, found" "$diff/.pbkfs/pbkfs.log"
	fi
	new_diff
	check "mount" mount_it
fi
equal "stat tells the mode" 1 "$(pbkfs stat -D "$mnt" --format json | grep -c '"verify": *"auto"')"
equal "no worker died" 1 "$(pbkfs stat -D "$mnt" --format json | grep -c '"replaced": *0,')"
check "unmount" unmount_it
plan_done
