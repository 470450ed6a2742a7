# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# pbkfs run with clusters that do not fit this machine: no configuration in the backup, another
# superuser, locales and libraries that are not here; a full disk; --keep; a terminal.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-run.sh"
need script
pg_any
store=$work/made instance=main
mkdir -m 0700 "$work/pgdata" && chown "$pguser:" "$work/pgdata"
as "$pguser" "$pgbin/initdb" -D "$work/pgdata" -N -k -A trust -U "dba of all" --locale=C.UTF-8 --wal-segsize=1 >"$work/initdb.log" 2>&1 || exit 99
as_dba() { as "$pguser" "$pgbin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$sock" -U "dba of all" -d "${1:-postgres}" -c "$2"; }
pg_start "$work/pgdata" -c fsync=off || exit 99
as_dba postgres "create role app login; create role boss superuser login; create table t as select generate_series(1, 1000) g"
as_dba postgres 'create database "a|b"'
as_dba postgres "do \$\$ begin for i in 1..1000 loop execute format('create role r%s login superuser', i); end loop; end \$\$"
# A name of the past, which nobody has any more, on the same page.
as_dba postgres "create role ghost superuser login; drop role ghost"
pg_stop "$work/pgdata"
make_backup FULL zlib; id=$made

# ---- whoever is the superuser ------------------------------------------------------------
status "a superuser of another name" 0 -q -- psql -XAtd postgres -c 'select current_user, count(*) from t'
equal "a superuser of another name: is found" "dba of all|1000" "$(cat "$printed")"
pg_start "$work/pgdata" -c fsync=off || exit 99
as_dba postgres "alter role \"dba of all\" nologin"
pg_stop "$work/pgdata"
make_backup FULL zlib; id=$made
status "the first superuser may not log in" 0 -q -- psql -XAtd postgres -c 'select current_user'
equal "the first superuser may not log in: another one is found" boss "$(cat "$printed")"
status "a database that is not there" 2 -q -- psql -XAtd nosuch -c 'select 1'
check "a database that is not there: psql says so" said 'database "nosuch" does not exist' "$told"
status "a role that is not there" 2 -q -- psql -XAtd postgres -U nosuch -c 'select 1'
equal "a role that is not there: psql says so, and nobody else anything" 'FATAL:  role "nosuch" does not exist' "$(sed 's/.*failed: //' "$told")"

# ---- a backup without a configuration, as Debian's --------------------------------------------
mkdir "$work/etc"; mv "$work/pgdata/postgresql.conf" "$work/pgdata/pg_hba.conf" "$work/pgdata/pg_ident.conf" "$work/etc"
make_backup FULL zlib; id=$made
status "no configuration" 0 -q -- psql -XAtd postgres -c 'select count(*) from t'
equal "no configuration: the server has its tables" 1000 "$(cat "$printed")"
mv "$work/etc"/* "$work/pgdata"

# ---- settings that do not fit here ----------------------------------------------------------
cat >>"$work/pgdata/postgresql.conf" <<'CONF'
shared_buffers = 900GB
huge_pages = on
lc_monetary = 'xx_YY.utf8'
lc_time = 'xx_YY.utf8'
shared_preload_libraries = 'pbkfs_no_such_library'
unix_socket_group = 'no such group'
ssl = on
ssl_cert_file = '/nonexistent/cert.pem'
CONF
make_backup FULL zlib; id=$made
status "settings that do not fit" 0 -- psql -XAtd postgres -c 'select count(*) from t' -c 'show lc_time'
equal "settings that do not fit: the server starts" "1000 C" "$(tr '\n' ' ' <"$printed" | sed 's/ $//')"
check "settings that do not fit: a locale is named, and who makes it" said 'warning: lc_monetary is C.*"xx_YY.utf8".*locale-gen' "$told"
check "settings that do not fit: a library is named" said 'pbkfs_no_such_library' "$told"
check "settings that do not fit: nothing is told twice" sh -c '[ "$(sort "$1" | uniq -d | wc -l)" = 0 ]' - "$told"
status "settings that are kept" 125 --keep-settings -- true
check "settings that are kept: the server says what is wrong" said "^pbkfs error: server of PostgreSQL $major ended before it could be used: [^:]" "$told"
why=$(sed -n 's/^pbkfs error: server of .* could be used: //p' "$told")
equal "settings that are kept: once" 1 "$(grep -cF -- "$why" "$told")"
sed -i '/^shared_buffers = 900GB/,$d' "$work/pgdata/postgresql.conf"
status "a setting that no server has" 125 -q --set no_such_setting=1 -- true
check "a setting that no server has: is named, --quiet or not" said '^pbkfs: server: .*LOG: .*unrecognized configuration parameter "no_such_setting"' "$told"
status "a server that does not start, with --keep" 125 --keep --set no_such_setting=1 -- true

# A database with a locale that is not here is named; others can be used.
pg_start "$work/pgdata" -c fsync=off || exit 99
as "$pguser" "$pgbin/psql" -XAtq -h "$sock" -U boss -d template1 -c "update pg_database set datcollate = 'xx_YY.utf8', datctype = 'xx_YY.utf8' where datname = 'a|b'"
pg_stop "$work/pgdata"
make_backup FULL zlib; id=$made
status "a database of a foreign locale" 0 -- psql -XAtd postgres -c 'select count(*) from t'
check "a database of a foreign locale: it is named, with the way out" said 'warning: database "a\|b" cannot be connected to.*"xx_YY.utf8".*locale-gen' "$told"

# So is the locale of all of them.
cp -a "$work/pgdata" "$work/pgdata.foreign"
pg_start "$work/pgdata" -c fsync=off || exit 99
as "$pguser" "$pgbin/psql" -XAtq -h "$sock" -U boss -d template1 -c "update pg_database set datcollate = 'xx_YY.utf8', datctype = 'xx_YY.utf8'"
pg_stop "$work/pgdata"
make_backup FULL zlib; id=$made
status "a cluster of a foreign locale" 125 -i "$id" -- true
check "a cluster of a foreign locale: it is named, with the way out" said 'error: this machine lacks the locale "xx_YY.utf8" of the cluster: locale-gen' "$told"
rm -rf "$work/pgdata" && mv "$work/pgdata.foreign" "$work/pgdata"
make_backup FULL zlib; id=$made

# ---- a full disk --------------------------------------------------------------------------------
mkdir "$work/small"; mount -t tmpfs -o size=2m,mode=755 tmpfs "$work/small" || exit 99
try --workdir "$work/small" -- true
equal "a full disk: status" 125 "$tap_status"
check "a full disk: says so" said "No space left on device" "$told"
equal "a full disk: nothing is left there" "" "$(ls -A "$work/small")"
mount -o remount,size=64m "$work/small"
try -q --workdir "$work/small" -- psql -XAtd postgres -c 'create table big as select repeat(md5(g::text), 30) from generate_series(1, 200000) g'
check "a disk that the command fills: the command fails" [ "$tap_status" -eq 1 -o "$tap_status" -eq 2 ]
equal "a disk that the command fills: nothing is left there" "" "$(ls -A "$work/small")"
umount "$work/small"
left_nothing "a full disk"

# ---- a terminal --------------------------------------------------------------------------------
printf 'select 40 + 2 as answer;\n\\q\n' >"$work/in"
(cat "$work/in"; sleep 30) | script -qec "pbkfs run -B $store -I main" /dev/null >"$printed" 2>&1
check "on a terminal it is psql" said "^ +42" "$printed"
check "on a terminal it is psql: in database postgres" said "postgres=#" "$printed"
left_nothing "on a terminal"

# ---- --keep --------------------------------------------------------------------------------------
try --keep -- psql -XAtqd postgres -c 'create table kept as select 1 as one'
equal "--keep: status" 0 "$tap_status"
check "--keep: tells how to connect" said "to connect: psql -h" "$told"
connect=$(sed -n 's/^pbkfs: to connect: //p' "$told")
equal "--keep: that works" 1 "$(sh -c "$connect -XAtd postgres -c 'select one from kept'")"
sed -n 's/^pbkfs: to end and remove it: //p' "$told" >"$work/end"
check "--keep: tells how to end and remove it" [ -s "$work/end" ]
try -- true
equal "--keep: a run beside it" 0 "$tap_status"
equal "--keep: a run beside it says nothing of it" "" "$(grep -E 'error|removed' "$told")"
check "--keep: that works, too" sh "$work/end"
left_nothing "--keep"
try --keep -- true
end=$(sed -n 's/^pbkfs: to end and remove it: //p' "$told")
check "--keep: an end that removes nothing" sh -c "${end%% && *}"
try -- true
equal "--keep: a later run" 0 "$tap_status"
check "--keep: a later run leaves what was kept" sh -c "${end#* && }"
left_nothing "--keep, later"
# A mount namespace that a stranger has made meanwhile holds the mount.
rm -f "$work/held"; mkfifo -m 0666 "$work/held"
hold='unshare -m --propagation private sh -c "cd /; echo \$\$ >\"$0\"; exec sleep 1000" "$0" & :'
run --keep -- sh -c "$hold" "$work/held" >"$printed" 2>"$told" & kept=$!
read -r holder <"$work/held"; wait $kept
sed -n 's/^pbkfs: to end and remove it: //p' "$told" >"$work/end"
check "--keep, held in another mount namespace: what was told ends it" sh "$work/end"
check "--keep, held in another mount namespace: who holds it lives on" kill "$holder"; wait_gone "$holder"
left_nothing "--keep, held in another mount namespace"
new_diff
try --keep -d "$diff" -- psql -XAtqd postgres -c 'create table kept as select 1 as one'
sed -n 's/^pbkfs: to end it, and keep .*diff.: //p' "$told" >"$work/end"
check "--keep with a diff directory: tells how to end it" sh "$work/end"
left_nothing "--keep with a diff directory"
status "--keep with a diff directory: the next run" 0 -q -d "$diff" -- psql -XAtd postgres -c 'select one from kept'
equal "--keep with a diff directory: has the change" 1 "$(cat "$printed")"
plan_done
