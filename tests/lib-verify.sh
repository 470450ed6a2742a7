# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced after lib-e2e.sh by the stories of "pbkfs verify": how its answer is read.

records() { "$support/badcatalog" records "$1"; }
verify() { chown -hR "$(stat -c %u:%g "$store")" "$store/backups" "$store/wal" 2>/dev/null; pbkfs verify -B "$store" -I "$instance" -i "$id" "$@"; }
# A field of the last line: files, pages, bytes, faults.
figure() { grep -o "[0-9]* $1" "$work/out" | cut -d ' ' -f 1; }
chain_of() {
	while [ -n "$1" ]; do
		echo "$1"
		set -- "$(sed -n "s/^parent-backup-id *= *'\{0,1\}\([0-9A-Z]*\).*/\1/p" "$store/backups/$instance/$1/backup.control")"
	done
}
# Files that the chain of backup $1 stores, as its lists say.
stored_files() {
	for stored_id in $(chain_of "$1"); do
		grep -v '"size":"\(0\|-1\)"' "$store/backups/$instance/$stored_id/backup_content.control"
	done | wc -l
}
clean() {
	check "$1: verified" verify || return
	equal "$1: all files were read" "$(stored_files "$id")" "$(figure files)"
	check "$1: nothing is told" [ ! -s "$work/err" ]
}

# ---- how to damage: the file is $harmed, and whole again afterwards
harm() { harmed=$store/backups/$instance/$1; rm -rf "$work/whole"; cp -a "$harmed" "$work/whole"; }
heal() { rm -rf "$harmed"; cp -a "$work/whole" "$harmed"; }
poke() { printf "$2" | dd of="$harmed" bs=1 seek="$1" conv=notrunc status=none; }
flip() { poke "$1" "$(printf '\\%03o' $(($(od -An -tu1 -j "$1" -N 1 "$harmed") ^ 16)))"; }
at() { records "$work/whole" | awk -v b="$1" '$1 == b { print $2 }'; }
# found DESCRIPTION PATTERN [LINES]: the fault is found, in one line, and is the only one.
found() {
	found_lines=${3:-1}
	if refuse "$1: found" "^pbkfs error: .*$2" verify; then
		equal "$1: in $found_lines line" "$found_lines" "$(wc -l <"$work/err")"
		equal "$1: counted" "$found_lines" "$(figure faults)"
		equal "$1: the status is 1" 1 "$tap_status"
	fi
	heal
}
