# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced first by every end-to-end story: real mounts, real PostgreSQL.
#
# A story runs in mount, process, IPC and network namespaces of its own.  Whatever
# happens to it, SIGKILL included, its processes end with it, and nobody else sees its
# mounts; pids, names and ports need no care to be unique.  (Its mounts are slaves, so that it
# does not hold a file system that is unmounted outside meanwhile.)

if [ "${PBKFS_E2E_INSIDE:-}" != yes ]; then
	if [ "$(id -u)" -ne 0 ] || ! unshare -m -p -i -n -f --mount-proc true 2>/dev/null; then
		. "$srcdir/tests/tap.sh"
		skip_all "needs root and the right to make namespaces"
	fi
	PBKFS_E2E_INSIDE=yes
	export PBKFS_E2E_INSIDE
	exec timeout --foreground -s KILL "${PBKFS_E2E_TIMEOUT:-300}" setpriv --pdeathsig KILL \
	    unshare -m --propagation slave -p -i -n -f --mount-proc --kill-child /bin/sh "$0" "$@"
fi

. "$srcdir/tests/tap.sh"

LC_ALL=C.UTF-8 TZ=UTC
export LC_ALL TZ
unset PGHOST PGPORT PGUSER PGDATABASE PGDATA PGOPTIONS 2>/dev/null

e2e_cleanup() {
	e2e_status=$?
	trap - EXIT
	cd /
	# Only a process namespace of our own may be emptied like this.
	if [ $$ -eq 1 ]; then
		for e2e_p in /proc/[0-9]*; do
			[ "$e2e_p" = /proc/1 ] || kill -9 "${e2e_p#/proc/}"
		done 2>/dev/null
	fi
	e2e_mounts | while IFS= read -r e2e_m; do umount -l "$(printf %b "$e2e_m")"; done 2>/dev/null
	rm -rf "$work"
	exit $e2e_status
}
# Prints the mountpoints in the work directory, with blanks as \040, newest first.
e2e_mounts() { awk -v w="$work/" 'index($2, w) == 1 { m = $2 "\n" m } END { printf "%s", m }' /proc/self/mounts; }
trap e2e_cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

[ -c /dev/fuse ] || skip_all "there is no /dev/fuse"
need pbkfs
need setpriv

chmod 0755 "$work"
cd "$work" || exit 99
# The user of the server; the diff directories are its own.
pguser=postgres
id "$pguser" >/dev/null 2>&1 || skip_all "there is no user $pguser"
pguid=$(id -u "$pguser") pggid=$(id -g "$pguser")
# mkcatalog gives its catalogs to this user: root's mounts need more options where he may not read.
MKCATALOG_OWNER=$pguid:$pggid
export MKCATALOG_OWNER
support=$builddir/tests/support
"$support/loopback" || exit 99
mnt=$work/mnt diff=$work/diff
mkdir -p "$mnt" tmp
# The namespace has a /dev/shm of its own, since a killed server leaves its shared memory there.
# Sockets are there, too: their paths have to be short, and the work directory's may be long.
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
# Root's records about the story's diff directories go away with the namespace,
mkdir -p -m 0700 "$statedir" && mount -t tmpfs -o mode=0700 tmpfs "$statedir" || exit 99
# and so do the sockets that killed supervisors of root's leave.
mkdir -p /run/pbkfs && mount -t tmpfs -o mode=0755 tmpfs /run/pbkfs || exit 99
sock=/dev/shm/sock
mkdir "$sock"
chown "$pguser" "$sock"

# as USER COMMAND...: replaces the user, keeps the environment but for ours.
as() {
	as_user=$1; shift
	env -u MALLOC_CHECK_ -u MALLOC_PERTURB_ HOME="$work" setpriv --reuid="$as_user" \
	    --regid="$(id -g "$as_user")" --init-groups "$@"
}

# ---- mounts ---------------------------------------------------------------

# The program for other users, as $work/pbkfs: where it was built may be closed to them.
pbkfs_for_all() {
	cp --remove-destination "$(command -v pbkfs)" "$work/pbkfs" && chmod 0755 "$work/pbkfs" || exit 99
}

# A fresh diff directory of the server's user; $1 instead of $diff.
new_diff() { rm -rf "${1:-$diff}"; mkdir -m 0700 "${1:-$diff}"; chown "$pguser:" "${1:-$diff}"; }
is_mounted() { awk -v m="$(printf %s "$1" | sed 's/ /\\\\040/g')" '$2 == m { f = 1 } END { exit !f }' /proc/self/mounts; }
# Mounts $id of $store on $mnt with $diff.
mount_it() { pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait "$@"; }
unmount_it() { pbkfs unmount -D "$mnt" "$@"; }
not_mounted() { ! is_mounted "$mnt" || { unmount_it; false; }; }
# The backup that $diff is bound to.
mounted_id() { sed -n 's/.*"backup_id": *"\([^"]*\)".*/\1/p' "$diff/.pbkfs-binding.json"; }
# stat_number GROUP KEY, and the functions below, print answers of stat.
stat_number() { pbkfs stat -D "$mnt" --format json | tr -d '\n ' | sed -n "s/.*\"$1\":{[^}]*\"$2\":\([0-9]*\).*/\1/p"; }
lock_state() { pbkfs stat -D "$mnt" --format json | sed -n 's/.*"store_lock": *"\([^"]*\)".*/\1/p'; }
first_worker() { pbkfs stat -D "$mnt" --format json | grep -q '"replaced": *0,'; }
remount() { unmount_it && mount_it "$@"; }
# cannot DESCRIPTION PATTERN OPTION...: a mount with these options is refused, and leaves nothing.
cannot() {
	cannot_desc=$1 cannot_pattern=$2; shift 2
	new_diff
	refuse "$cannot_desc" "$cannot_pattern" mount_it "$@"
	refuse "$cannot_desc: nothing is mounted" "" is_mounted "$mnt"
	equal "$cannot_desc: nothing is left" "" "$(ls -A "$diff")"
}
# Mounts again after a crash, and takes the dead mount away before that.
recover_mount() {
	if is_mounted "$mnt"; then unmount_it -d "$diff" --force 2>/dev/null || return 1; fi
	mount_it "$@"
}
worker_pid() { tr -dc 0-9 <"$diff/.pbkfs/worker.pid"; }
supervisor_pid() { awk '$1 == "PPid:" { print $2 }' "/proc/$(worker_pid)/status"; }
# monitor_pid SUPERVISOR
monitor_pid() { for p in $(cat "/proc/$1/task/$1/children"); do [ "$(tr '\0' '\n' <"/proc/$p/cmdline" | head -n 1)" != "pbkfs: monitor: $mnt" ] || echo "$p"; done; }
# kill9 PID...: an empty or wrong pid must not become a process group.
kill9() {
	[ $# -gt 0 ] || return 1
	for kill_p in "$@"; do [ "$kill_p" -gt 1 ] || return 1; done
	kill -9 "$@"
}
wait_gone() { for wait_p in "$@"; do "$support/pidwait" "$wait_p" 30 || return 1; done; }
# Milliseconds, for differences.
now() { date +%s%N | cut -c 1-13; }
# A story with moments of chance says its seed, and takes that of one that failed from PBKFS_SEED.
chance_begin() { seed=${PBKFS_SEED:-$(date +%s)}; note "PBKFS_SEED=$seed"; }
# next LIMIT: a number below it, in $n.
next() { seed=$(((seed * 1103515245 + 12345) % 2147483648)); n=$((seed / 65536 % $1)); }
# The processes of the mount that a story has noted in $supervisor and $worker.
ended() { wait_gone "$supervisor" "$worker"; }
# said PATTERN FILE
said() { grep -Eq "$1" "$2"; }
# A data directory as restore makes it: tablespaces through their links.
manifest_options='-x .pbkfs -x .pbkfs-tblspc -x .pbkfs-external -l pg_tblspc'
manifest() { "$support/manifest" $manifest_options "$@"; }
# Prints one line, a checksum of names, types, modes and contents of a catalog.
catalog_sum() { "$support/manifest" "$1" | sha256sum; }

# ---- PostgreSQL -----------------------------------------------------------

# Prints the directory of the programs of a major version.
pg_bindir() {
	for pg_dir in "/usr/lib/postgresql/$1/bin" "/usr/pgsql-$1/bin" "$(pg_config --bindir 2>/dev/null)" /usr/bin; do
		case $("$pg_dir/postgres" --version 2>/dev/null) in
		*" $1."*|*" $1"[a-z]*|*" $1 "*) echo "$pg_dir"; return 0 ;;
		esac
	done
	return 1
}
# Sets $pgbin and $major to the newest server that is installed.
pg_any() {
	for major in 18 17 16 15 14; do
		pgbin=$(pg_bindir $major) && return 0
	done
	skip_all "PostgreSQL is not installed"
}
# pg_start DIR [OPTION...]: starts a server and waits until it takes queries.
# The server listens on a socket only, and never archives.
pg_start() {
	pg_dir=$1; shift
	: >"$work/pg.log"; chown "$pguser" "$work/pg.log"
	as "$pguser" "$pgbin/pg_ctl" -D "$pg_dir" -w -t 90 -s -l "$work/pg.log" \
	    -o "-c listen_addresses= -c unix_socket_directories=$sock -c logging_collector=off -c archive_mode=off -c log_checkpoints=off $*" start ||
	    { cat "$work/pg.log"; return 1; }
	# mkcatalog's backups have no backup_label, so no recovery makes the
	# main forks of unlogged tables again.
	[ -z "$unlogged" ] || sql -c "truncate $unlogged" 2>/dev/null || true
}
unlogged=
pg_stop() { as "$pguser" "$pgbin/pg_ctl" -D "$1" -w -t 90 -s -m "${2:-fast}" stop; }
sql() { as "$pguser" "$pgbin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$sock" -U postgres -d postgres "$@"; }
# Where a clone at this port has its socket: its own directory, or with production's settings theirs.
clone_socket() { if [ -S "$mnt/pg_stat_tmp/.s.PGSQL.$1" ]; then echo "$mnt/pg_stat_tmp"; else echo "$sock"; fi; }
# The pids of every process of a server, the postmaster's too.
pg_pids() { for pg_p in /proc/[0-9]*; do [ "$(cat "$pg_p/comm" 2>/dev/null)" != postgres ] || echo "${pg_p#/proc/}"; done; }
# new_cluster DIR: an empty one, in the place of that of an earlier fixture.
new_cluster() {
	rm -rf "$1" && mkdir -m 0700 "$1" && chown "$pguser:" "$1" || return 1
	as "$pguser" "$pgbin/initdb" -D "$1" -N -k -A trust -U postgres --locale=C.UTF-8 -E UTF8 --wal-segsize=1 >"$work/initdb.log" 2>&1 ||
	    { cat "$work/initdb.log"; return 1; }
}
# All user tables and sequences of all databases, one line each; the form is
# that of the catalogs' *.sql.txt.
sql_rows() {
	echo '# databases'
	sql -c 'select oid, datname from pg_database' | LC_ALL=C sort
	echo '# db|table|count|sum(hashtext(row::text))'
	for sql_db in $(sql -c "select datname from pg_database where datallowconn and datname <> 'template1' order by datname collate \"C\""); do
		sql -d "$sql_db" <<-'SQL' || return 1
			set timezone = 'UTC';
			select format('select %L, %L, count(*), coalesce(sum(hashtext(t::text)), 0) from %s t', current_database(), relname, oid::regclass)
			from pg_class where relkind in ('r', 'm') and relnamespace in (select oid from pg_namespace where nspname !~ '^pg_|^information_schema$')
			order by relname collate "C" \gexec
			select format('select %L, %L, ''seq'', last_value, is_called::text from %s', current_database(), relname, oid::regclass)
			from pg_class where relkind = 'S' order by relname collate "C" \gexec
			select current_database(), 'relfilenodes', count(*), sum(relfilenode::bigint) from pg_class;
		SQL
	done
}

# ---- a backup to work with ------------------------------------------------

catalogs=${PBKFS_CATALOGS:-$srcdir/../shared/catalogs}
have_catalogs() { [ -d "$catalogs" ]; }
unpack_catalog() {
	need zstd
	mkdir -p "$work/$1"
	store=$work/$1/catalog instance=main
	zstd -dqc --long=27 <"$catalogs/$1.tar.zst" | tar xp -C "$work/$1" || exit 99
	# its numbers are of the machine where it was made
	chown -R "$pguser:" "$store" || exit 99
}
# Sets $store, $instance, $id (an incremental backup), $full_id (its FULL),
# $oracle and $full_oracle (manifests of what they hold), $major, $pgbin.  A
# real catalog where there is one and a server for it; else one that mkcatalog
# makes from a small cluster with the same kinds of change; $no_unlogged keeps unlogged
# tables out of that, for stories that read all tables.  $1 asks for another
# backup of the real catalog: in the newest no relation is shorter than before.
fixture() {
	if have_catalogs && pgbin=$(pg_bindir 15); then
		unpack_catalog stream-mixed
		full_id=TOXCR8 id=${1:-TOXCS1} major=15
		oracle=$catalogs/stream-mixed.oracle/oracle/main.$id.manifest
		full_oracle=$catalogs/stream-mixed.oracle/oracle/main.$full_id.manifest
	else
		fixture_make
	fi
}
# pgbench -i with the least that it needs; more options follow.
pgbench_init() { as "$pguser" "$pgbin/pgbench" -h "$sock" -U postgres -q -i "$@" postgres >"$work/pgbench.log" 2>&1 || { cat "$work/pgbench.log"; return 1; }; }
# pgbench_transaction [COLUMN]: prints one that changes balances, and notes in table "done" what it
# did: its number n of this client, and as COLUMN the variable of that name.
pgbench_transaction() {
	cat <<-SQL
		\\set n :n + 1
		\\set aid random(1, 100000)
		\\set delta random(-5000, 5000)
		begin;
		update pgbench_accounts set abalance = abalance + :delta where aid = :aid;
		update pgbench_branches set bbalance = bbalance + :delta where bid = 1;
		insert into done (${1:+$1, }client, n, aid, delta) values (${1:+:$1, }:client_id, :n, :aid, :delta);
		commit;
	SQL
}
# make_backup MODE CODEC [PARENT [OPTION...]]: sets $made to the new backup's id.
# The server is stopped then: what it has is what a restore must give.
make_backup() {
	mode=$1 codec=$2 parent=${3:-}
	shift 2; [ $# -eq 0 ] || shift
	made=$("$support/mkcatalog" backup --catalog "$store" --instance "$instance" --pgdata "$work/pgdata" \
	    --mode "$mode" ${parent:+--parent "$parent"} --compress "$codec" --stream "$@") || exit 99
}
# Prints the manifest of the cluster as it is, as far as backup $1 lists it (without WAL that is
# not needed, unlogged relations and the like).
listed_manifest() {
	sed -n 's/^{"path":"\([^"]*\)".*/\1/p' "$store/backups/$instance/$1/backup_content.control" >"$work/listed"
	manifest "$work/pgdata" | awk -v list="$work/listed" '
	    BEGIN { while ((getline path <list) > 0) wanted[path] = 1 }
	    { path = $0; sub(/^[^ ]* [^ ]* [^ ]* [^ ]* /, "", path); sub(/ -> .*/, "", path) }
	    path in wanted'
}
fixture_make() {
	pg_any
	store=$work/made instance=main
	new_cluster "$work/pgdata" && pg_start "$work/pgdata" -c fsync=off || exit 99
	pgbench_init -s 1
	sql >"$work/out" 2>&1 <<-'SQL' || exit 99
		create table t_shrink as select g, repeat('x', 500) from generate_series(1, 8000) g;
		create table t_trunc as select g from generate_series(1, 8000) g;
		create table t_drop as select g from generate_series(1, 8000) g;
	SQL
	[ -n "${no_unlogged:-}" ] || sql -c 'create unlogged table u_t as select g from generate_series(1, 100) g' || exit 99
	pg_stop "$work/pgdata"
	make_backup FULL zlib; full_id=$made full_oracle=$work/full.manifest
	listed_manifest "$made" >"$full_oracle"
	pg_start "$work/pgdata" -c fsync=off || exit 99
	sql >"$work/out" 2>&1 <<-'SQL' || exit 99
		delete from t_shrink where g > 100;
		vacuum t_shrink;
		truncate t_trunc;
		drop table t_drop;
		create table t_new as select g, md5(g::text) from generate_series(1, 5000) g;
		update pgbench_accounts set abalance = 7 where aid % 50 = 0;
	SQL
	pg_stop "$work/pgdata"
	[ -n "${no_unlogged:-}" ] || unlogged=u_t
	make_backup DELTA zstd "$full_id"; id=$made oracle=$work/delta.manifest
	listed_manifest "$made" >"$oracle"
}

# ---- comparing a mount with what a restore gave ---------------------------

# Compares both sides without the files that restore or the server's start-up writes: see the
# catalogs' README.  Restore's links of tablespaces lead elsewhere than ours.
comparable() {
	sed -e '/ postgresql\.auto\.conf$/d' -e '/ recovery\.signal$/d' -e '/ postmaster\.opts$/d' \
	    -e 's|^\(l 0777 - - pg_tblspc/[0-9]*\) -> .*$|\1|' "$1"
}
# like_oracle DESCRIPTION ORACLE-MANIFEST DIR [MANIFEST-OPTION...]
like_oracle() {
	like_desc=$1 like_oracle=$2 like_dir=$3; shift 3
	comparable "$like_oracle" >"$work/expected.manifest"
	if manifest "$@" "$like_dir" >"$work/found.raw"; then
		comparable "$work/found.raw" >"$work/found.manifest"
		same "$like_desc" "$work/expected.manifest" "$work/found.manifest"
	else
		not_ok "$like_desc"
	fi
}
