# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Rows in which a server works on data that is in memory already.

pgbench_tps() {
	tps_side=$1; shift
	as "$pguser" "$pgbin/pgbench" -h "$sock" -p "$(side_port $tps_side)" -U postgres -n -c 4 -j 2 \
	    -T "$BENCH_SECONDS" "$@" postgres 2>"$work/err" | sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}
warm_tps() {
	ioload warm "$(side_dir $1)/base"
	settle $1
	pgbench_tps "$@"
}
select_tps() { warm_tps $1 -S; }

row_pgbench_select() {
	row pgbench_select "pgbench -S -c4" tps higher "page cache warm, shared_buffers smaller"
	side_up native root user || return 1
	# Many short runs in turn: the speed of a shared machine changes by a fifth within seconds.
	(BENCH_ROUNDS=$((BENCH_ROUNDS * 5)) BENCH_SECONDS=$(((BENCH_SECONDS + 3) / 4))
	rounds pgbench_select select_tps native root user) || return 1
	target pgbench_select root native '>=' 0.95
	target pgbench_select user native '>=' 0.95
}

row_tpcb() {
	row tpcb "pgbench TPC-B -c4, fsync on" tps higher "page cache warm, checkpoint and sync before"
	side_up native root user walmount passwal || return 1
	rounds tpcb warm_tps native root user walmount passwal || return 1
	side_drop passwal
	target tpcb root native '>=' 0.95
	target tpcb user native '>=' 0.95
	target tpcb walmount native '>=' 0.75
	note_row tpcb "passwal: a copy with its WAL seen through a FUSE file system that does no work of its own: what there is for walmount to reach"
}

# repeat_ms SIDE QUERY [SETTING...]: once to bring all into memory, then the median
# of five.
repeat_ms() {
	repeat_side=$1 repeat_query=$2; shift 2
	set -- "$@" "$repeat_query" "$repeat_query" "$repeat_query" "$repeat_query" "$repeat_query" "$repeat_query"
	sql_times $repeat_side "$@" | tail -n 5 | sort -n | sed -n 3p
}
count_ms() { repeat_ms $1 "select count(*) from big"; }
index_ms() {
	repeat_ms $1 "select sum(length(b)) from big where a between '0' and '3'" \
	    "set enable_seqscan = off" "set enable_bitmapscan = off"
}

# pass shows what of a difference is FUSE's.
row_count_scan() {
	row count "count(*)" ms lower "after a first read"
	row index_scan "index scan, random heap pages" ms lower "after a first read"
	side_up native pass root || return 1
	rounds count count_ms native pass root
	target count root native '>=' 0.95
	rounds index_scan index_ms native pass root
	target index_scan root native '>=' 0.95
}
