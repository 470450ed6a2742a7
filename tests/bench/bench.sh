#!/bin/sh
# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The benchmark: pbkfs against a restored copy of the same backup, and against
# a FUSE file system that does no work of its own, on the same machine, in
# alternation.
#
#	bench.sh [ROW...]	all rows, or those named; bench.sh --list
#
# BENCH_SCALE	size of the data, 1 unless told (0.1 to try things out)
# BENCH_ROUNDS	how often each side of a comparison is measured (3)
# BENCH_SECONDS	length of a pgbench run (8)
# BENCH_DIFF_SECONDS	length of the run of row diff_size (20)
# BENCH_LONG	yes: 10^6 files, long runs
# BENCH_CODECS	the codecs of the catalogs (all); BENCH_CODEC: of all other rows
# PG_PROBACKUP	the program to compare restore with (none)
# BENCH_DIR	where to work, on the file system that is to be measured (/tmp)
#
# Results go to bench/out/ of the build directory: table.txt, readme.md (the targets
# as doc/performance.md quotes them), results.json, plot.svg, and samples.tsv with every
# single measurement.
#
# As the end-to-end tests do, it runs in mount, process and IPC namespaces of
# its own: whatever happens, nothing of it is left.
bench=$srcdir/tests/bench
: "${BENCH_LONG:=no}"
if [ "$BENCH_LONG" = yes ]; then
	: "${BENCH_SCALE:=4}" "${BENCH_SECONDS:=60}" "${BENCH_ROUNDS:=5}" "${BENCH_DIFF_SECONDS:=600}" "${PBKFS_E2E_TIMEOUT:=36000}"
else
	: "${BENCH_SCALE:=1}" "${BENCH_SECONDS:=8}" "${BENCH_ROUNDS:=3}" "${BENCH_DIFF_SECONDS:=20}" "${PBKFS_E2E_TIMEOUT:=3600}"
fi
: "${BENCH_CODECS:=none pglz zlib lz4 zstd}" "${BENCH_CODEC:=zlib}" "${TMPDIR:=${BENCH_DIR:-/tmp}}"
export BENCH_LONG BENCH_SCALE BENCH_SECONDS BENCH_ROUNDS BENCH_DIFF_SECONDS BENCH_CODECS BENCH_CODEC TMPDIR PBKFS_E2E_TIMEOUT
# These make tests strict, and would slow a benchmark.
unset MALLOC_CHECK_ MALLOC_PERTURB_

all_rows="pgbench_select tpcb count_scan seqread randread bulk pg_restore update
	first_start first_row mount_ready memory mapped depth many_mounts diff_size hint_bits restore hydrate_load hydrate
	hydrated_read promote layers freeze"
if [ "${1:-}" = --list ]; then printf '%s\n' $all_rows; exit; fi

. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
for bench_part in results sides fixture cost rows-server rows-read rows-bulk rows-mount rows-restore rows-hydrate rows-layers rows-size; do
	. "$bench/$bench_part.sh"
done

need pgbench
need psql
pg_any
bench_began=$(date +%s)
results_begin
for bench_row in ${*:-$all_rows}; do
	command -v "row_$bench_row" >/dev/null || { echo "bench.sh: no row \"$bench_row\"" >&2; continue; }
	progress "$bench_row"
	"row_$bench_row" || cannot "$bench_row" "the measurement failed; see above"
	servers_down
	results_write
done
progress "done after $(($(date +%s) - bench_began)) s"
results_end
