# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Restore of a large backup keeps within --cache-size and 64 MiB: many files and big ones, pages of every algorithm,
# eight threads, each process counted at its peak.  With PBKFS_ROUNDS, as in make check-long, more of both.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-restore.sh"
pbkfs_for_all
store=$work/fast/catalog instance=main
files=10000 big=5
[ -z "${PBKFS_ROUNDS:-}" ] || files=200000 big=50
id=$("$support/mkcatalog" scale --catalog "$store" --instance main --files $files --stored-percent 30 --big $big --increments 1 \
    --compress zstd --mixed | tail -n 1)
chmod -R a+rX "$store"
check "a made backup" [ -n "$id" ] || { plan_done; exit; }
# within MIB OPTION...: the largest process of a restore had no more than that.
within() {
	limit=$1 desc="$2: no process has more than $1 MiB"; shift 2
	new_outside
	check "$desc: restore" "$support/peakrss" "$work/peak" pbkfs restore -B "$store" -I main -i "$id" --to "$pgdata" --no-sync "$@" || return 0
	peak=$(cat "$work/peak")
	note "$peak KiB"
	check "$desc" [ "$peak" -le $((limit * 1024)) ]
	check "$desc: and it was measured" [ "$peak" -gt 4096 ]
}
within 128 "-j 8, 64 MiB of cache" -j 8 --cache-size 64M
equal "every big file is there, as long as it has to be" "$big $((1 << 30))" \
    "$(find "$pgdata/base" -name '90000*' -printf '%s\n' | sort | uniq -c | awk '{ print $1, $2 }')"
equal "and every small one" $files "$(find "$pgdata/base" -type f ! -name '90000*' | wc -l)"
within 72 "-j 8, 8 MiB of cache" -j 8 --cache-size 8M
# ---- once more over the copy, which is compared block by block
if [ -z "${PBKFS_ROUNDS:-}" ]; then plan_done; exit; fi
check "again, over the copy" "$support/peakrss" "$work/peak" pbkfs restore -B "$store" -I main -i "$id" --to "$pgdata" --no-sync -j 8 --cache-size 64M --incremental
check "again, over the copy: no process has more than 128 MiB" [ "$(cat "$work/peak")" -le $((128 * 1024)) ]
note "$(cat "$work/peak") KiB"
plan_done
