# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Chains with all codecs and of old program versions, which mkcatalog makes from a small cluster:
# the mount of each backup equals the cluster of its time.
. "$srcdir/tests/lib-e2e.sh"
pg_any
store=$work/made instance=main
new_cluster "$work/pgdata" && pg_start "$work/pgdata" -c fsync=off || { not_ok "a cluster"; plan_done; exit; }
pgbench_init -s 1
sql >/dev/null <<-'SQL'
	create table shrinks as select g, repeat('x', 300) from generate_series(1, 8000) g;
	create table empties as select g from generate_series(1, 8000) g;
	create table random as select md5(random()::text || g) from generate_series(1, 4000) g;
	create unlogged table u as select g from generate_series(1, 1000) g;
SQL
pg_stop "$work/pgdata"

step=0
change() {
	step=$((step + 1))
	pg_start "$work/pgdata" -c fsync=off || return 1
	sql >/dev/null <<-SQL
		set client_min_messages = warning;
		update pgbench_accounts set abalance = $step where aid % 97 = $step;
		delete from shrinks where g > 8000 / (1 + $step % 4);
		vacuum shrinks;
		insert into shrinks select g, 'step $step' from generate_series(1, 3000) g where $step % 2 = 0;
		drop table if exists dropped;
		create table dropped as select g from generate_series(1, 1000 * $step) g;
		insert into random select md5(random()::text || g) from generate_series(1, 500) g;
		truncate empties;
		insert into empties select 1 where $step % 3 = 0;
	SQL
	pg_stop "$work/pgdata"
}
compare() {
	new_diff
	id=$made
	listed_manifest "$id" >"$work/then"
	check "$1: mount" mount_it --wal=mount || return
	like_oracle "$1: $id is the cluster of that time" "$work/then" "$mnt"
	check "$1: unmount" unmount_it
	echo "$id $1" >>"$work/ids"
	cp "$work/then" "$work/then.$id"
}
# Every backup of the chain again, now that it has children.
compare_again() {
	while read -r id name; do
		new_diff
		check "$name: $id mounts within its chain" mount_it --wal=mount || continue
		like_oracle "$name: $id is the same within its chain" "$work/then.$id" "$mnt"
		check "$name: $id is unmounted" unmount_it
	done <"$work/ids"
	: >"$work/ids"
}

: >"$work/ids"
make_backup FULL zstd;			compare "FULL zstd"
change; make_backup DELTA lz4;		compare "DELTA lz4"
change; make_backup PAGE pglz;		compare "PAGE pglz"
change; make_backup PTRACK zlib;	compare "PTRACK zlib"
change; make_backup DELTA none;		compare "DELTA none"
change; make_backup DELTA zstd '' --mixed; compare "DELTA, codecs mixed per file"
new_diff
check "mount of the chain for a server" mount_it
unlogged=u
check "the server starts" pg_start "$mnt"
unlogged=
equal "rows" 100000 "$(sql -c 'select count(*) from pgbench_accounts')"
check "amcheck" as "$pguser" "$pgbin/pg_amcheck" --all --install-missing -h "$sock" -U postgres
check "stop" pg_stop "$mnt"
check "unmount" unmount_it
compare_again

store=$work/old
make_backup FULL zlib '' --program-version 2.0.21; compare "2.0.21"
change; make_backup PAGE zlib '' --program-version 2.0.23; compare "2.0.23"
change; make_backup PAGE pglz '' --program-version 2.2.0; compare "2.2.0"
change; make_backup DELTA none '' --program-version 2.2.7; compare "2.2.7"
change; make_backup DELTA zlib '' --program-version 2.3.5; compare "2.3.5"
change; make_backup PAGE pglz '' --program-version 2.4.15; compare "2.4.15"
change; make_backup DELTA zlib '' --program-version 2.5.3; compare "2.5.3"
change; make_backup DELTA zstd '' --program-version 2.6.0; compare "2.6.0 on 2.5.3"
compare_again

# Numbers of databases and relations up to the largest there is.
check "the next number is a large one" as "$pguser" "$pgbin/pg_resetwal" -o 4294960000 -D "$work/pgdata"
pg_start "$work/pgdata" -c fsync=off && sql -c 'create database large' -c 'create table large as select g from generate_series(1, 5000) g' \
    -c 'alter table large set (fillfactor = 50)' -c 'vacuum full large' && pg_stop "$work/pgdata"
large=$(cd "$work/pgdata/base" && ls -d */42949[0-9]* | grep -v _ | head -n 1)
check "there is a relation with a large number" [ -n "$large" ]
rows_of() { sql -c 'select sum(g) from large' && sql -d large -c 'select count(*) > 300 from pg_class'; }
server() {	# server DESCRIPTION: the mount of the newest has the rows
	id=$made
	new_diff
	check "$1: mount" mount_it || return
	check "$1: the server starts" pg_start "$mnt"
	equal "$1: its rows" "12502500 t" "$(rows_of | tr '\n' ' ' | sed 's/ $//')"
	check "$1: the server stops" pg_stop "$mnt"
	check "$1: unmount" unmount_it
}
store=$work/large
make_backup FULL zlib '' --program-version 2.7.0; compare "2.7.0, large numbers"; before=$id
change; make_backup DELTA zlib '' --program-version 2.8.2; compare "2.8.2, large numbers"
compare_again
server "large numbers"

# 2.8.0 and 2.8.1 stored these relations whole: a chain of theirs alone is right, a mixed one is
# refused.
change; make_backup DELTA zlib "$before" --program-version 2.8.1; id=$made
new_diff
refuse "2.8.1 on 2.7.0 is refused by name" "\"base/[0-9]*/42949.*page by page in backup \"$before\", as pg_probackup 2.8.0 and 2.8.1" mount_it
refuse "verify says so" "\"base/[0-9]*/42949.*page by page in backup \"$before\"" pbkfs verify -B "$store" -I "$instance" -i "$id"
store=$work/whole
make_backup FULL zlib '' --program-version 2.8.0; compare "2.8.0, large numbers"
check "the mount says what it may lack" grep -q "2.8.0 and 2.8.1 may have left databases" "$diff/.pbkfs/pbkfs.log"
change; make_backup DELTA zlib '' --program-version 2.8.1; compare "2.8.1, large numbers"
compare_again
server "large numbers, stored whole"
plan_done
