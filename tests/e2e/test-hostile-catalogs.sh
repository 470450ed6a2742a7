# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Catalogs that somebody forged, or that a crash left: pbkfs refuses each with one line, or loses no
# more than the damaged file; in bounded time and memory.
. "$srcdir/tests/lib-e2e.sh"
store=$work/catalog
mkdir "$store"
"$support/badcatalog" make "$store" >"$work/cases" || { not_ok "the catalogs are made"; plan_done; exit; }
chown -R "$pguser:" "$store"
note "$(wc -l <"$work/cases") catalogs"

# The limit of each process's address space: far more than any catalog may need.
as_max=$((1024 * 1024 * 1024))
bounded() { prlimit --as=$as_max pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait --wal=mount --timeout 20 "$@"; }
now_ms() { date +%s%3N; }
# Processes of pbkfs in this namespace.
processes() { for p in /proc/[0-9]*; do case $(cat "$p/comm" 2>/dev/null) in pbkfs*) echo "${p#/proc/}" ;; esac; done; }
leftover() {
	for p in $(processes); do wait_gone "$p"; done
	! is_mounted "$mnt"
}
# One line, "pbkfs error: ...", without control characters.
one_clean_line() {
	tr -cd '[:print:]\n' <"$1" >&2
	[ "$(wc -l <"$1")" -eq 1 ] && grep -q '^pbkfs error: ' "$1" && ! LC_ALL=C grep -q '[[:cntrl:]]' "$1"
}
whole() { [ "$(cat "$mnt/PG_VERSION")" = 15 ] && [ "$(stat -c %s "$mnt/base/5/1")" -ge 16384 ] && head -c 16384 "$mnt/base/5/1" >/dev/null; }
is_eio() {
	if timeout 10 head -c 16384 "$1" >/dev/null 2>"$work/cat"; then echo "it can be read" >&2; return 1; fi
	grep -q 'Input/output error' "$work/cat" || { cat "$work/cat" >&2; return 1; }
}
rest_is_whole() {
	[ "$1" = PG_VERSION ] || [ "$(cat "$mnt/PG_VERSION")" = 15 ] || return 1
	[ "$1" = base/5/1 ] || cat "$mnt/base/5/1" >/dev/null
}
logged() { grep -Eq "error: .*$1\".* in backup $id: " "$diff/.pbkfs/pbkfs.log" || { cat "$diff/.pbkfs/pbkfs.log" >&2; return 1; }; }

refused() {
	refuse "$instance: refused, \"$1\"" "$1" bounded || { unmount_it 2>/dev/null; return 1; }
	check "$instance: in one clean line" one_clean_line "$work/err"
}
unreadable() {
	check "$instance: mounted" bounded || return 1
	check "$instance: $1 is an I/O error" is_eio "$mnt/$1"
	check "$instance: the rest is there" rest_is_whole "$1"
	check "$instance: the log names backup and file" logged "$1"
	check "$instance: no worker died of it" first_worker
	check "$instance: unmount" unmount_it
}
mounted() {
	check "$instance: mounted" bounded || return 1
	check "$instance: all is there" whole
	check "$instance: unmount" unmount_it
}
either() {
	if tap_run bounded; then
		check "$instance: mounted, and all is there" whole
		check "$instance: unmount" unmount_it
	else
		check "$instance: refused in one clean line" one_clean_line "$work/err"
	fi
}
slowest=0 quickest=100000
run_case() {
	instance=$1 id=$2
	new_diff
	began=$(now_ms)
	"$3" "$4"
	check "$instance: nothing is left" leftover
	took=$(($(now_ms) - began))
	[ $took -le $slowest ] || { slowest=$took slowest_case=$instance; }
	[ "$3" != mounted ] || [ $took -ge $quickest ] || quickest=$took
}
while read -r case_instance case_id verdict rest; do
	run_case "$case_instance" "$case_id" "$verdict" "$rest"
done <"$work/cases"
# Good catalogs give the measure, since other work may slow this machine.
note "the slowest was $slowest_case: $slowest ms; the quickest that is mounted: $quickest ms"
check "none took longer than 5 seconds and ten good ones" [ $slowest -lt $((5000 + 10 * quickest)) ]

# ---- large ones, made and measured one by one
files=${PBKFS_WIDE_FILES:-1000000}
"$support/badcatalog" wide "$store" "$files" >"$work/wide"
chown -R "$pguser:" "$store"
instance=good-wide id=T00001
new_diff
began=$(now_ms)
check "$files files: mounted" bounded --timeout 60
took=$(($(now_ms) - began))
note "$files files: mounted after $took ms, worker with $(awk '/^VmRSS/ { print $2 }' "/proc/$(worker_pid)/status") KiB"
check "$files files: in bounded time" [ $took -lt $((20000 + 10 * quickest)) ]
check "$files files: all is there" whole
equal "$files files: each is listed" $((files + 1)) "$(find "$mnt/base/5" -type f | wc -l)"
check "$files files: unmount" unmount_it
new_diff
# 100 MiB are too little for a million of them.
[ "$files" -lt 1000000 ] || refuse "$files files: too little memory is named" "out of memory.*more than the 100 MiB" \
    prlimit --as=$((100 * 1024 * 1024)) pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait --wal=mount --timeout 60
[ "$files" -lt 1000000 ] || refuse "$files files: and so it is by verify" "out of memory.*more than the 100 MiB" \
    prlimit --as=$((100 * 1024 * 1024)) pbkfs verify -B "$store" -I "$instance" -i "$id"
rm -rf "$store/backups/good-wide"

"$support/badcatalog" deep "$store" 64 >"$work/deep"
chown -R "$pguser:" "$store"
run_case good-deep T00064 mounted ""

# ---- claims: blocks that are listed and not there cost nothing
"$support/badcatalog" thicket "$store" 200000 >"$work/thicket"
chown -R "$pguser:" "$store"
run_case bad-thicket T00001 refused "directories that it does not list"
refuse "thicket: verify" "directories that it does not list" \
    prlimit --as=$as_max pbkfs verify -B "$store" -I bad-thicket -i T00001
rm -rf "$store/backups/bad-thicket"

"$support/badcatalog" claims "$store" >"$work/claims"
chown -R "$pguser:" "$store"
instance=bad-claims id=T00001
truncate -s 8796093022208 "$work/probe" 2>/dev/null && huge=yes || huge=no
rm -f "$work/probe"
peak() { awk '/^VmHWM/ { print $2 }' "/proc/$(worker_pid)/status"; }
new_diff
check "claims: mounted" mount_it --wal=mount
was=$(peak)
# A write of a whole block in the middle needs nothing of the store.
write_block() { dd if=/dev/urandom of="$mnt/$1" bs=8192 count=1 seek="$2" conv=notrunc,fsync status=none; }
if [ $huge = yes ]; then
	check "claims: a block of 8 TB is written" write_block plain 536870912
	check "claims: and is there" eval 'dd if="$mnt/plain" bs=8192 count=1 skip=536870912 status=none | grep -q .'
fi
check "claims: a block of 512 GiB is written" write_block base/5/77 33554432
# Writes of both ends between two syncs: pbkfs does not write the hole between them.
both_ends() {
	dd if=/dev/urandom of="$mnt/base/5/77" bs=8192 count=1 seek=1 conv=notrunc status=none &&
	    write_block base/5/77 67108800
}
check "claims: both ends of it are written" both_ends
check "claims: two blocks of 512 GiB are read" whole
note "claims: the worker has $(peak) KiB at most, before $was; the diff directory $(du -sk "$diff" | cut -f 1) KiB"
check "claims: the worker takes less than 20 MiB for them" [ "$(peak)" -lt $((was + 20480)) ]
check "claims: and the diff directory less than 20 MiB" [ "$(du -sk --exclude=reserve "$diff" | cut -f 1)" -lt 20480 ]
check "claims: all else is there" whole
check "claims: unmount" unmount_it

plan_done
