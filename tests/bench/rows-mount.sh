# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Rows about the time until something can be used, and about many files.

# start_ms DIR LOG: from the start of the server until it says that it is
# ready, which its log tells in milliseconds.
start_ms() {
	start_t0=$(now)
	server_start "$1" 5506 "$2" || return 1
	awk -v t0="$start_t0" '/ready to accept connections/ { printf "%.0f\n", ($1 - t0) * 1000; exit }' "$2"
}
stop_now() { as "$pguser" "$pgbin/pg_ctl" -D "$1" -w -s -m immediate stop; }

# A cluster with N more relation files; nothing refers to them.
start_cluster() {
	fixture_initdb "$work/many" && as "$pguser" mkdir "$work/many/base/90000" || return 1
	as "$pguser" /bin/sh -c 'cd "$1" && i=0 && while [ $i -lt "$2" ]; do : >"$((90001 + i))"; i=$((i + 1)); done' \
	    sh "$work/many/base/90000" "$1" || return 1
	server_start "$work/many" 5506 "$work/log/many" && as "$pguser" "$pgbin/pg_ctl" -D "$work/many" -w -s stop
}
# A backup of a running server needs recovery at its first start, and then the
# server opens and fsyncs every file.  Ours was stopped, so it is first started
# and killed, and the mount made again.
start_prepare() {
	mkcat many FULL "$BENCH_CODEC" "$work/many" >/dev/null && chown -R "$pguser:" "$store" || return 1
	restored "$work/copy/many" many || return 1
	side_drop starter
	side_mount starter many || return 1
	for start_dir in "$work/copy/many" "$(side_dir starter)"; do
		start_ms "$start_dir" "$work/log/many" >/dev/null && stop_now "$start_dir" || return 1
	done
	cp -a "$work/copy/many" "$work/copy/many.again"
	side_unmount starter
	cp -a "$(side_diff starter)" "$work/copy/many.diff"
}
start_native() {
	rm -rf "$work/copy/many"; cp -a "$work/copy/many.again" "$work/copy/many"; sync
	start_ms "$work/copy/many" "$work/log/many" && as "$pguser" "$pgbin/pg_ctl" -D "$work/copy/many" -w -s stop
}
start_mount() {
	rm -rf "$(side_diff starter)"; cp -a "$work/copy/many.diff" "$(side_diff starter)"; sync
	side_mount starter many &&
	start_ms "$(side_dir starter)" "$work/log/many" && as "$pguser" "$pgbin/pg_ctl" -D "$(side_dir starter)" -w -s stop
	side_unmount starter
}
start_either() { start_$1; }
start_row() {
	row first_start_$1 "first start with recovery, $1 more files" ms lower "fresh mount, fresh copy"
	start_cluster $1 && start_prepare || return 1
	rounds first_start_$1 start_either native mount || return 1
	target first_start_$1 mount native '<=' 1.20
	rm -rf "$work/many" "$work/copy/many" "$work/copy/many.again" "$work/copy/many.diff" "$store/backups/many" "$store/wal/many"
	side_drop starter
}
row_first_start() {
	start_counts="1000 10000"
	[ "$BENCH_LONG" != yes ] || start_counts="$start_counts 100000"
	for start_n in $start_counts; do start_row $start_n || return 1; done
	[ "$BENCH_LONG" = yes ] || note_row first_start_10000 "100000 files: in the long form"
}

# From typing to the first row: a copy with pg_ctl start and psql, and pbkfs run.  The end of the server does not
# count.
first_native() {
	first_t0=$(now)
	server_start "$work/copy/many" 5506 "$work/log/many" &&
	first_psql 5506 && first_took=$(calc "$(now) - $first_t0") || return 1
	as "$pguser" "$pgbin/pg_ctl" -D "$work/copy/many" -w -s stop
	echo "$first_took"
}
first_psql() { "$pgbin/psql" -XAtq -h "$sock" -p "$1" -U postgres -d postgres -c 'select 1' >/dev/null; }
# The command tells the time at which it has its row.
first_run() {
	first_t0=$(now)
	first_end=$("$work/bin/pbkfs" run -q -B "$store" -I many --workdir "$work" -- sh -c 'psql -XAtqd postgres -c "select 1" >/dev/null && date +%s.%N') || return 1
	calc "$first_end - $first_t0"
}
first_either() { first_$1; }
row_first_row() {
	first_files=$(scaled 100000)
	row first_row "to the first row, $first_files files" s lower "server stopped in order; lists cached"
	start_cluster "$first_files" && mkcat many FULL "$BENCH_CODEC" "$work/many" >/dev/null && chown -R "$pguser:" "$store" &&
	restored "$work/copy/many" many || return 1
	rounds first_row first_either native run || return 1
	# The promise is a difference; a ratio of two short times says little.
	first_more=$(awk -F '\t' '$1 == "first_row" { if ($2 == "run") r[++n] = $3; else c[++m] = $3 }
	    END { for (i = 1; i <= n; i++) d[i] = r[i] - c[i]
	        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (d[j] < d[i]) { x = d[i]; d[i] = d[j]; d[j] = x }
	        printf "%.2f", d[int((n + 1) / 2)] < 0 ? 0 : d[int((n + 1) / 2)] }' "$raw/samples.tsv")
	row first_row_more "the same, more than on a copy" s lower "median of the differences"
	sample first_row_more run "$first_more" && target first_row_more run = '<=' 1
	rm -rf "$work/many" "$work/copy/many" "$store/backups/many" "$store/wal/many"
}

rss_kb() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"; }
ready_once() {
	side_drop scale
	new_diff "$(side_diff scale)"
	mkdir -p "$(side_dir scale)"
	ready_s=$(seconds "$work/bin/pbkfs" mount -B "$work/scale" -I s -i "$ready_id" -D "$(side_dir scale)" -d "$(side_diff scale)" --wait) || return 1
	sample mount_ready_$1 pbkfs "$ready_s" &&
	sample ready_rss_$1 worker "$(calc "$(rss_kb "$(side_worker scale)") / 1024")" &&
	sample ready_rss_$1 supervisor "$(calc "$(rss_kb "$(side_supervisor scale)") / 1024")"
}
ready_row() {
	row mount_ready_$1 "mount until ready, $1 files x 21 backups" s lower "lists cached"
	row ready_rss_$1 "RSS after that, $1 files" MiB lower "right after the mount"
	rm -rf "$work/scale"
	ready_id=$("$support/mkcatalog" scale --catalog "$work/scale" --instance s --files $1 --increments 20 --compress zstd | tail -n 1) &&
	chown -R "$pguser:" "$work/scale" || return 1
	ioload warm "$work/scale"
	for ready_round in $(seq "$BENCH_ROUNDS"); do ready_once $1 || return 1; done
	[ $1 != 100000 ] || target mount_ready_$1 pbkfs = '<=' 1
	side_drop scale
	rm -rf "$work/scale"
}
row_mount_ready() {
	ready_counts="10000 100000"
	[ "$BENCH_LONG" != yes ] || ready_counts="$ready_counts 1000000"
	for ready_n in $ready_counts; do ready_row $ready_n || return 1; done
	[ "$BENCH_LONG" = yes ] || note_row mount_ready_100000 "1000000 files: in the long form"
}

# A relation of which each backup of a chain has some pages, the newest ones in
# turn: mounted at the first and at the last of 40 increments.
depth_increments=40
depth_catalog() {
	fixture_initdb "$work/deep" && as "$pguser" mkdir "$work/deep/base/90000" &&
	fixture_catalog || return 1
	depth_file=$work/deep/base/90000/90001
	as "$pguser" cp "$work/cluster/$(fixture_path u1)" "$depth_file" || return 1
	mkcat deep FULL "$BENCH_CODEC" "$work/deep" --incremental-by content >/dev/null || return 1
	for depth_k in $(seq $depth_increments); do
		ioload poke "$depth_file" $depth_k $depth_increments
		depth_id=$(mkcat deep DELTA "$BENCH_CODEC" "$work/deep" --incremental-by content) || return 1
		[ $depth_k -gt 1 ] || depth_first=$depth_id
	done
	chown -R "$pguser:" "$store"
}
depth_file() { echo "$(side_dir depth$1)/base/90000/90001"; }
depth_seq() { ioload_seq "$(depth_file $1)"; }
depth_random() { ioload_random 3000 "$(depth_file $1)"; }
row_depth() {
	row depth_seq "sequential read, chain of 1 and of 40" MB/s higher "store in memory, map built"
	row depth_random "random read, chain of 1 and of 40" us lower "store in memory, map built"
	depth_catalog && side_mount depth1 deep "$depth_first" --verify=off && side_mount depth40 deep "$depth_id" --verify=off || return 1
	note_row depth_seq "--verify=off: what the pages were changed in has no place in their checksums"
	for depth_side in 1 40; do ioload warm "$(depth_file $depth_side)"; done
	(BENCH_ROUNDS=$((BENCH_ROUNDS * 5))	# each takes a moment only
	rounds depth_random depth_random 1 40 && rounds depth_seq depth_seq 1 40) || return 1
	target depth_random 40 1 '>=' 0.90
	target depth_seq 40 1 '>=' 0.90
	side_drop depth1; side_drop depth40
}
