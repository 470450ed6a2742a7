# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The cluster and its backups: for each codec an instance with a FULL and three
# DELTA backups of the same states.
#
#	pgbench_*	at scale 15: larger than shared_buffers
#	big		1 000 000 rows, 130 MB, two indexes; changed by every DELTA
#	u1, u2...	a table for each round of UPDATE and of VACUUM FULL
#	v1, v2...	
#	hints		never vacuumed, never read: no hint bits are set

store=$work/catalog
fixture_tables() {
	cat <<-SQL
		create table big as select g as id, md5(g::text) as a, md5((g + 1)::text) as b from generate_series(1, $(scaled 1000000)) g;
		create index big_id on big (id);
		create index big_a on big (a);
	SQL
	fixture_n=1
	while [ $fixture_n -le "$BENCH_ROUNDS" ]; do
		cat <<-SQL
			create table u$fixture_n as select id, a, 0 as n from big where id <= $(scaled 300000);
			create table v$fixture_n as select id, a, b from big where id <= $(scaled 300000);
		SQL
		fixture_n=$((fixture_n + 1))
	done
	echo "vacuum (freeze, analyze);"
	echo "create table hints as select id, a from big where id <= $(scaled 300000);"
}
# Quiet servers: nothing runs that was not asked for.
fixture_conf() {
	cat <<-CONF
		shared_buffers = 64MB
		maintenance_work_mem = 64MB
		max_wal_size = 16GB
		checkpoint_timeout = 1h
		autovacuum = off
		archive_mode = off
		jit = off
		max_parallel_workers_per_gather = 0
		max_parallel_maintenance_workers = 0
		log_line_prefix = '%n '
		logging_collector = off
		client_min_messages = warning
	CONF
}
fixture_initdb() {
	mkdir -m 0700 "$1" && chown "$pguser:" "$1" &&
	as "$pguser" "$pgbin/initdb" -D "$1" -N -k -A trust -U postgres --locale=C.UTF-8 -E UTF8 >"$work/out" 2>&1 &&
	fixture_conf >>"$1/postgresql.conf"
}
fixture_on() { server_start "$work/cluster" 5500 "$work/log/cluster" -c fsync=off; }
fixture_off() { as "$pguser" "$pgbin/pg_ctl" -D "$work/cluster" -w -s -m fast stop; }
fixture_psql() { as "$pguser" "$pgbin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$sock" -p 5500 -U postgres -d postgres; }
fixture_cluster() {
	fixture_initdb "$work/cluster" && fixture_on &&
	as "$pguser" "$pgbin/pgbench" -h "$sock" -p 5500 -U postgres -q -i -s "$(scaled 15)" postgres >"$work/out" 2>&1 &&
	fixture_tables | fixture_psql &&
	as "$pguser" "$pgbin/pg_dump" -h "$sock" -p 5500 -U postgres -Fc -Z 1 -t big -f "$work/side/big.dump" postgres &&
	echo "copy big to '$work/side/big.copy'" | fixture_psql &&
	fixture_off
}
# fixture_change K: some pages of big and of pgbench_accounts.
fixture_change() {
	fixture_on && fixture_psql <<-SQL && fixture_off
		update big set b = a where id % 2000 = $1;
		update pgbench_accounts set abalance = $1 where aid % 1000 = $1;
		vacuum (freeze) big, pgbench_accounts;
	SQL
}
# mkcat INSTANCE MODE CODEC CLUSTER [OPTION...]: prints the id.
mkcat() {
	mkcat_instance=$1 mkcat_mode=$2 mkcat_codec=$3 mkcat_cluster=$4; shift 4
	"$support/mkcatalog" backup --catalog "$store" --instance "$mkcat_instance" --pgdata "$mkcat_cluster" \
	    --mode "$mkcat_mode" --compress "$mkcat_codec" --stream "$@"
}
# All codecs at once: compressing is what takes the time.
fixture_backups() {
	fixture_pids=
	for fixture_codec in $BENCH_CODECS; do
		mkcat $fixture_codec "$1" $fixture_codec "$work/cluster" >>"$work/log/backups" &
		fixture_pids="$fixture_pids $!"
	done
	for fixture_pid in $fixture_pids; do wait $fixture_pid || return 1; done
}
fixture_catalog() {
	[ ! -d "$work/cluster" ] || return 0
	progress "the cluster"
	fixture_cluster || return 1
	progress "its backups"
	fixture_backups FULL || return 1
	for fixture_k in 1 2 3; do
		fixture_change $fixture_k && fixture_backups DELTA || return 1
	done
	chown -R "$pguser:" "$store"
	sync
	progress "$bench_row"
}
# The path of a table, below the data directory; its file in the FULL backup.
fixture_path() {
	[ -s "$work/path.$1" ] || {
		fixture_on && echo "select pg_relation_filepath('$1')" | fixture_psql >"$work/path.$1" && fixture_off
	} >&2
	cat "$work/path.$1"
}
full_file() {
	ls "$store/backups/$1" | grep -v '\.conf$' | sort | head -n 1 | sed "s|.*|$store/backups/$1/&/database/$2|"
}
