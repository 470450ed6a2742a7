# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# "make check-fuzz" runs this: every fuzz target under libFuzzer for FUZZ_SECONDS
# (600), as many at a time as FUZZ_JOBS (the number of processors), in a build of its
# own with clang; programs of the usual build make the seeds.  srcdir and builddir come
# from tests/env.sh; arguments choose targets ("codec journal").  Exit status 1 if
# anything was found: the inputs are in fuzz/findings then.
set -u
. "${builddir:=$(pwd)}/tests/env.sh"
seconds=${FUZZ_SECONDS:-600}
jobs=${FUZZ_JOBS:-$(nproc)}
flags='-g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
command -v "${FUZZ_CC:=clang}" >/dev/null 2>&1 || { echo "$FUZZ_CC is not installed" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/pbkfs-fuzz.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

targets=$*
[ -n "$targets" ] || targets=$(cd "$srcdir/tests/fuzz" && ls fuzz-*.c | sed 's/^fuzz-//; s/\.c$//')

# ---- build
build=$builddir/fuzz
build_all() {
	mkdir -p "$build" && cd "$build" || return 1
	[ -f Makefile ] || "$srcdir/configure" --disable-sandbox CC="$FUZZ_CC" CFLAGS="$flags" >configure.log 2>&1 ||
	    { tail -n 20 configure.log; return 1; }
	# The targets alone are linked with libFuzzer's main(): other programs have their own.
	set --
	for t in $targets; do set -- "$@" "tests/fuzz/fuzz-$t"; done
	"${MAKE:-make}" -j "$jobs" LDFLAGS=-fsanitize=fuzzer "$@" >make.log 2>&1 ||
	    { tail -n 20 make.log; return 1; }
}
build_all || exit 1

# ---- where to begin: generated, and what the tree has as text
seed() { mkdir -p "$work/seeds/$1" && cp "$2" "$work/seeds/$1/$(cksum <"$2" | tr ' ' -)"; }
mkdir -p "$work/seeds" "$work/catalog" "$build/findings"
"$builddir/tests/fuzz/mkcorpus" "$work/seeds" || exit 1
"$builddir/tests/support/badcatalog" make "$work/catalog" >"$work/cases" || exit 1
find "$work/catalog" -name backup.control -type f >"$work/controls"
find "$work/catalog" -name backup_content.control -type f -size -64k >"$work/lists"
find "$work/catalog" -name pg_probackup.conf -type f | head -n 2 >>"$work/controls"
while read -r f; do seed control "$f"; done <"$work/controls"
while read -r f; do seed filelist "$f"; done <"$work/lists"

# ---- run
# The first directory is the one that libFuzzer writes to.
run_target() {
	mkdir -p "$work/new/$1" "$work/seeds/$1"
	set -- "$1" "$work/new/$1" "$work/seeds/$1"
	[ ! -d "$srcdir/tests/fuzz/corpus/$1" ] || set -- "$@" "$srcdir/tests/fuzz/corpus/$1"
	target=$1; shift
	"$build/tests/fuzz/fuzz-$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 \
	    -print_final_stats=1 -verbosity=1 -artifact_prefix="$build/findings/$target-" "$@" >"$work/$target.log" 2>&1
	echo $? >"$work/$target.status"
}
report() {
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$1.log" | tail -n 1)
	status=$(cat "$work/$1.status" 2>/dev/null || echo killed)
	if [ "$status" = 0 ]; then
		printf '%-12s %12s executions, %s seconds, nothing found\n' "$1" "${executions:-?}" "$seconds"
		return 0
	fi
	printf '%-12s %12s executions, FOUND (status %s)\n' "$1" "${executions:-?}" "$status"
	grep -E 'ERROR|runtime error|SUMMARY|Test unit written' "$work/$1.log" | head -n 10 | sed 's/^/    /'
	cp "$work/$1.log" "$build/findings/$1.log"
	return 1
}

found=0 running=
finish() {
	for f in $running; do
		wait "${f#*:}"
		report "${f%%:*}" || found=1
	done
	running=
}
for t in $targets; do
	run_target "$t" &
	running="$running $t:$!"
	[ "$(echo $running | wc -w)" -lt "$jobs" ] || finish
done
finish
[ $found -eq 0 ] || echo "the inputs are in $build/findings"
exit $found
