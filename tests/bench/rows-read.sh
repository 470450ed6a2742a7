# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Rows that read a relation for the first time.

# evict PATH...: out of the page cache, and what would not go is told.
evict() {
	evict_left=$(ioload evict "$@")
	[ "$evict_left" -lt 1000000 ] || note_row "$bench_row" "$evict_left bytes could not be dropped from the page cache"
}
codec_speed() { "$work/bin/codecspeed" "$1" "$(full_file $1 "$(fixture_path big)")"; }

# As many threads as pbkfs has work at once as there are processors.
cores=$(nproc)
threads=$(awk "BEGIN { print $cores < 4 ? $cores : 4 }")

# Each prints MB/s of codec $1.
seq_pbkfs() {
	side_drop reader
	evict "$store/backups/$1"
	side_mount reader $1
	ioload seq "$(side_dir reader)/$(fixture_path big)" | cut -d ' ' -f 1
}
# The same, and the microseconds of processor time of reader and FUSE per block.
seq_pass() {
	evict "$work/copy/pass/$(fixture_path big)" "$(side_dir pass)/$(fixture_path big)"
	pass_ns=$(run_ns $pass_server)
	ioload seq "$(side_dir pass)/$(fixture_path big)" | {
		read -r pass_speed pass_us
		echo "$pass_speed $(calc "$pass_us + ($(run_ns $pass_server) - $pass_ns) / 1000 / $big_blocks")"
	}
}
# One row: pbkfs, the two limits, the smaller of them; and what processors can
# do that have nothing to do but the codec's work and that of a pass-through.
seq_row() {
	seq_name=seqread_$1
	row $seq_name "first sequential read, $1" MB/s higher "store and copy evicted"
	for seq_round in $(seq "$BENCH_ROUNDS"); do
		seq_a=$(seq_pbkfs $1) seq_b=$(seq_pass) seq_c=$(codec_speed $1 | cut -d ' ' -f 1)
		sample $seq_name pbkfs "$seq_a" && sample $seq_name pass "${seq_b% *}" &&
		    sample $seq_name codec "$(calc "$threads * $seq_c")" &&
		    sample $seq_name limit "$(calc "${seq_b% *} < $threads * $seq_c ? ${seq_b% *} : $threads * $seq_c")" &&
		    sample $seq_name processors "$(calc "$cores * 8192 / (8192 / $seq_c + ${seq_b#* })")" || return 1
	done
	target $seq_name pbkfs limit '>=' 0.80
	target $seq_name pbkfs processors '>=' 0.80
	read_cost $seq_name seq
}

# Measures what a block of the relation costs the worker, with the store in memory.
read_cost() {
	cost_file=$(side_dir reader)/$(fixture_path big)
	case $2 in
	seq) worker_cost $1 reader $big_blocks cost_load seq ;;
	random) worker_cost $1 reader $random_n cost_load random $random_n ;;
	esac
}
cost_load() {
	ioload evict "$cost_file" >/dev/null
	ioload "$@" "$cost_file" >/dev/null
}

row_seqread() {
	side pass || return 1
	pass_server=$(side_servers pass)
	big_blocks=$(($(stat -c %s "$work/cluster/$(fixture_path big)") / 8192))
	for read_codec in $BENCH_CODECS; do seq_row $read_codec || return 1; done
	note_row seqread_$BENCH_CODEC "codec: $threads x one thread ($cores processors)"
	note_row seqread_$BENCH_CODEC "processors: $cores that do the codec's work and what reading a block through a pass-through costs, and never wait"
	side_drop reader
}

# The store is in memory; one block before builds the block map.
random_n=$(scaled 4000)
random_us() {
	random_file=$(side_dir $1)/$(fixture_path big)
	ioload evict "$random_file" >/dev/null
	ioload random 1 "$random_file" >/dev/null
	ioload random $random_n "$random_file"
}
random_first() {
	side_drop reader
	side_mount reader $BENCH_CODEC
	ioload random 1 "$(side_dir reader)/$(fixture_path big)"
}

row_randread() {
	side native || return 1
	row randread "first random 8 KiB read" us lower "store in memory, block map built"
	ioload warm "$store/backups/$BENCH_CODEC"
	is_mounted "$(side_dir memory)" || pass_mount memory "$(side_dir native)" -m || return 1
	note_row randread "the first block of a relation of $(stat -c %s "$work/cluster/$(fixture_path big)") bytes, its map included: $(random_first) us"
	for random_round in $(seq "$BENCH_ROUNDS"); do
		random_a=$(random_us reader) random_b=$(random_us memory)
		random_c=$(codec_speed $BENCH_CODEC | cut -d ' ' -f 2)
		sample randread pbkfs "$random_a" && sample randread memory "$random_b" && sample randread page "$random_c" &&
		    sample randread limit "$(calc "1.3 * $random_b + $random_c")" || return 1
	done
	target randread pbkfs limit '<=' 1.00
	note_row randread "limit: 1.3 x the same from memory through FUSE (memory) + one page's decompression (page)"
	read_cost randread random
	side_unmount memory
	side_drop reader
}
