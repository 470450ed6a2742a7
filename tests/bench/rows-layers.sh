# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Rows about frozen layers, below FUSE: what they cost reads and writes, and a freeze.

layercost() { TMPDIR=$work "$tools/layercost" "$@"; }

# The sides are called by the number of layers; all is in the page cache.
row_layers() {
	row layers_seq "processor time, sequential read of 8 KiB, a quarter changed in N layers" us lower "all in memory"
	row layers_random "the same, random read" us lower "all in memory"
	row layers_write "the same, random write" us lower "all in memory"
	layercost io "$(calc "4 * $BENCH_ROUNDS + 1")" >"$work/layers" || return 1
	while read -r layers_row layers_n layers_us; do
		sample "layers_$layers_row" "$layers_n" "$layers_us" || return 1
	done <"$work/layers"
	for layers_row in seq random write; do
		for layers_n in 1 20; do target layers_$layers_row $layers_n 0 '<=' 1.05; done
	done
}

row_freeze() {
	row freeze "freeze of 5000 content files" ms lower "all durable"
	for freeze_round in $(seq "$BENCH_ROUNDS"); do
		sample freeze layers "$(layercost freeze 5000)" || return 1
	done
	target freeze layers = '<=' 50
}
