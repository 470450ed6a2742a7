# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The ways in which PostgreSQL 18 and later read and write: I/O workers, io_uring,
# and plain calls.  Older servers have the last only.
. "$srcdir/tests/lib-e2e.sh"
fixture
before=$(catalog_sum "$store")
has_method() { [ "$major" -ge 18 ] && as "$pguser" "$pgbin/postgres" -C io_method -D "$mnt" -c io_method="$1" >/dev/null 2>&1; }

# Every page is read from the mount, and written back to it, more than once.
work_on_it() {
	sql -c 'select sum(abalance), count(*) from pgbench_accounts' &&
	sql -c 'update pgbench_accounts set filler = md5(aid::text) where aid % 3 = 0' &&
	sql -c 'create table copied as select * from pgbench_accounts' &&
	sql -c 'checkpoint' && sql -c 'vacuum full pgbench_accounts' && sql -c 'checkpoint'
}
rows() { sql -c 'select count(*), sum(hashtext(t::text)) from copied t' -c 'select count(*), sum(hashtext(t::text)) from pgbench_accounts t'; }

for method in default sync worker io_uring; do
	new_diff
	check "$method: mount" mount_it || continue
	set --
	if [ $method != default ] && ! has_method $method; then
		note "PostgreSQL $major has no io_method=$method"
		check "$method: unmount" unmount_it
		continue
	fi
	[ $method = default ] || set -- -c io_method=$method
	check "$method: the server starts on the mount" pg_start "$mnt" -c shared_buffers=16MB "$@"
	[ $method = default ] || equal "$method: that is what it uses" $method "$(sql -c 'show io_method')"
	check "$method: reads and writes" work_on_it
	rows >"$work/rows.then" 2>&1
	check "$method: the server stops" pg_stop "$mnt"
	check "$method: remount" remount
	check "$method: the server starts again" pg_start "$mnt" -c shared_buffers=16MB "$@"
	rows >"$work/rows.now" 2>&1
	same "$method: the rows are there" "$work/rows.then" "$work/rows.now"
	check "$method: the server stops again" pg_stop "$mnt"
	check "$method: checksums hold" as "$pguser" "$pgbin/pg_checksums" --check -D "$mnt"
	check "$method: unmount" unmount_it
done
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
