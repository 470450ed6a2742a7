# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Rows about memory and disk space.

# memory: after everything was read once.
row_memory() {
	side_fresh root || return 1
	row memory "worker's RSS, relations all read" MiB lower "fresh mount"
	row memory_supervisor "supervisor's RSS then" MiB lower "fresh mount"
	ioload warm "$(side_dir root)/base" "$(side_dir root)/global"
	memory_blocks=$(find "$work/cluster/base" "$work/cluster/global" -type f -printf '%s\n' | awk '{ n += int($1 / 8192) } END { print n }')
	sample memory worker "$(calc "$(rss_kb "$(side_worker root)") / 1024")" &&
	sample memory_supervisor supervisor "$(calc "$(rss_kb "$(side_supervisor root)") / 1024")" || return 1
	target memory worker = '<=' "$(calc "64 + 5 * $memory_blocks / 1048576")"
	note_row memory "limit: 64 MiB and 5 bytes for each of $memory_blocks blocks"
}

# Prints the memory of supervisor and worker that no other process shares.
private_kb() {
	awk '/^Private_(Clean|Dirty):/ { n += $2 } END { print n }' "/proc/$(side_worker $1)/smaps_rollup" \
	    "/proc/$(side_supervisor $1)/smaps_rollup"
}
row_many_mounts() {
	fixture_catalog || return 1
	row many_mounts "private memory of each of 20 mounts" MiB lower "one relation read through each"
	for many_n in $(seq 20); do
		side_mount many$many_n && ioload seq "$(side_dir many$many_n)/$(fixture_path u1)" >/dev/null || return 1
	done
	for many_n in $(seq 20); do
		sample many_mounts pbkfs "$(calc "$(private_kb many$many_n) / 1024")" || return 1
	done
	for many_n in $(seq 20); do side_drop many$many_n; done
	target many_mounts pbkfs = '<=' 20
}

# 1 TiB of relations, of which the backup has a few pages.
row_mapped() {
	row mapped "worker's RSS, a block of each segment of 1 TiB read" MiB lower "fresh mount"
	mapped_id=$("$tools/sparsecat" "$work/sparse" 1024) && chown -R "$pguser:" "$work/sparse" || return 1
	new_diff "$(side_diff mapped)"; mkdir -p "$(side_dir mapped)"
	"$work/bin/pbkfs" mount -B "$work/sparse" -I s -i "$mapped_id" -D "$(side_dir mapped)" -d "$(side_diff mapped)" --wait >"$work/out" 2>&1 || return 1
	for mapped_file in "$(side_dir mapped)"/base/1/*; do ioload random 1 "$mapped_file" || return 1; done >/dev/null
	sample mapped worker "$(calc "$(rss_kb "$(side_worker mapped)") / 1024")" || return 1
	target mapped worker = '<=' 512
	side_drop mapped
}

# The reserve is room that is given back at unmount, and holds nothing.
diff_bytes() { du -s -B1 --exclude=pg_wal --exclude=.pbkfs --exclude=reserve "$(side_diff $1)" | cut -f 1; }
# Compares with another, untouched mount of the backup.
row_diff_size() {
	side_fresh root && side_mount clean || return 1
	row diff_size "diff directory after TPC-B, without WAL" MB lower "fresh mount"
	side_up root || return 1
	as "$pguser" "$pgbin/pgbench" -h "$sock" -p "$(side_port root)" -U postgres -n -c 4 -j 2 -T "$BENCH_DIFF_SECONDS" postgres >"$work/out" 2>&1 || return 1
	settle root; server_down root; sync
	set -- $("$work/bin/blockdiff" "$(side_dir clean)" "$(side_dir root)") $(diff_bytes root)
	sample diff_size pbkfs "$(calc "$3 / 1e6")" &&
	sample diff_size changed "$(calc "($1 * 8192 + $2) / 1e6")" || return 1
	target diff_size pbkfs changed '<=' 1.10
	note_row diff_size "$1 blocks of old files changed, new files of $2 bytes; pgbench $BENCH_DIFF_SECONDS s"
	side_drop clean
}

row_hint_bits() {
	side_fresh root || return 1
	row hint_bits "diff after a scan that only sets hint bits" MB lower "fresh mount (stretch target)"
	side_up root || return 1
	settle root; hint_before=$(diff_bytes root)
	on root -c "select count(*) from hints" >/dev/null && settle root || return 1
	hint_table=$(stat -c %s "$work/cluster/$(fixture_path hints)")
	sample hint_bits pbkfs "$(calc "($(diff_bytes root) - $hint_before) / 1e6")" &&
	sample hint_bits table "$(calc "$hint_table / 1e6")" || return 1
	target hint_bits pbkfs table '<=' 0.0625
}
