# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Rows that write much: new relations, and changes of old ones.

bulk_targets() {
	target $1 root pass '>=' 0.90
	target $1 root native '>=' 0.60
}
bulk_row() {
	row $1 "$2" ms lower "page cache warm, checkpoint and sync before"
	rounds $1 $3 native pass root || return 1
	bulk_targets $1
}
bulk_begin() {
	side_up native pass root || return 1
	for bulk_side in native pass root; do ioload warm "$(side_dir $bulk_side)/base"; done
}
copy_ms() {
	on $1 -c "drop table if exists copied" -c "create table copied (like big)" && settle $1 &&
	sql_ms $1 "copy copied from '$work/side/big.copy'" && on $1 -c "drop table copied"
}
copy_again() { copy_ms $1 >/dev/null; }
ctas_ms() { settle $1 && sql_ms $1 "create table made as select * from big" && on $1 -c "drop table made"; }
index_build_ms() { settle $1 && sql_ms $1 "create index made on big (b)" && on $1 -c "drop index made"; }
vacuum_full_ms() { settle $1 && sql_ms $1 "vacuum full v$round"; }

row_bulk() {
	bulk_begin || return 1
	bulk_row copy "COPY into a new table" copy_ms &&
	worker_cost copy root $(($(stat -c %s "$work/cluster/$(fixture_path big)") / 8192)) copy_again root
	bulk_row ctas "CREATE TABLE AS" ctas_ms
	bulk_row create_index "CREATE INDEX" index_build_ms
	bulk_row vacuum_full "VACUUM FULL" vacuum_full_ms
}

restore_ms() {
	on $1 -c "drop database if exists r" && on $1 -c "create database r" && settle $1 || return 1
	restore_s=$(seconds as "$pguser" "$pgbin/pg_restore" -h "$sock" -p "$(side_port $1)" -U postgres -j 2 -d r "$work/side/big.dump") || return 1
	calc "$restore_s * 1000"
}
row_pg_restore() {
	bulk_begin || return 1
	bulk_row pg_restore "pg_restore -j2" restore_ms
}

# Table u1 in round 1, and so on: the first time finds pages that only the backup
# has, the second time those that are in the diff directory.
update_ms() { settle $1 && sql_ms $1 "update u$round set n = n + 1"; }
row_update() {
	bulk_begin || return 1
	bulk_row update_first "UPDATE of every row, first time" update_ms
	bulk_row update_second "UPDATE of every row, second time" update_ms
}
