# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Root's proofs and an ordinary user's have this in common; after lib-run.sh.

printed=$work/prove.printed told=$work/prove.told
# prove_status DESCRIPTION EXPECTED OPTION...: proves, and looks for what was left.
status_of() {
	so_desc=$1 so_expected=$2; shift 2
	$runner pbkfs prove -B "$store" "$@" >"$printed" 2>"$told"; tap_status=$?
	equal "$so_desc: exit status" "$so_expected" "$tap_status" || { show "$printed"; show "$told"; }
	left_nothing "$so_desc"
}
# said_step DESCRIPTION PATTERN: a row of the table.
said_step() { check "$1" said "^$2" "$printed" || show "$printed"; }
# A file of a relation, below the data directory.
file_of() { sql -c "select pg_relation_filepath('$1')"; }

# ---- a catalog of good and bad backups -------------------------------------------------
pg_any
store=$work/made instance=main
new_cluster "$work/pgdata" && pg_start "$work/pgdata" -c fsync=off || exit 99
sql -c 'create database "a=b '"'"'c"' -c 'create table t as select g, md5(g::text) m from generate_series(1, 20000) g' -c 'create index t_g on t (g)'
t_file=$(file_of t)
pg_stop "$work/pgdata"
make_backup FULL zlib; good=$made

# Rows that the index does not have.
pg_start "$work/pgdata" -c fsync=off || exit 99
sql -c "update pg_index set indisready = false where indexrelid = 't_g'::regclass" -c "insert into t values (-7, 'not in the index')" \
    -c "update pg_index set indisready = true where indexrelid = 't_g'::regclass"
pg_stop "$work/pgdata"
instance=unlike; make_backup FULL zlib; unlike=$made
instance=main

# A page that the server refuses, of a backup that is as it was made.
cp -a "$work/pgdata" "$work/torn"
printf 'damaged damaged' | dd of="$work/torn/$t_file" bs=1 seek=$((8192 * 3 + 6000)) conv=notrunc status=none
mv "$work/pgdata" "$work/whole"; mv "$work/torn" "$work/pgdata"
instance=torn; make_backup FULL none; torn=$made
# The same page damaged in the catalog.
mv "$work/pgdata" "$work/torn"; mv "$work/whole" "$work/pgdata"
instance=rotten; make_backup FULL none; rotten=$made
rotten_file=$store/backups/rotten/$rotten/database/$t_file
printf 'damaged damaged' | dd of="$rotten_file" bs=1 seek=$(($(stat -c %s "$rotten_file") / 2)) conv=notrunc status=none
# No WAL.
instance=nowal; make_backup FULL zlib; nowal=$made
rm "$store/backups/nowal/$nowal/database/pg_wal"/0*
# A library of production's that is not here.
echo "shared_preload_libraries = 'pbkfs_no_such_library'" >>"$work/pgdata/postgresql.conf"
instance=library; make_backup FULL zlib; library=$made
instance=main
[ "${as_ordinary_user:-}" != yes ] || run_as_user
before=$(catalog_sum "$store")

# ---- a good one ----------------------------------------------------------------------------
mkdir "$work/reports"; chown "$pguser" "$work/reports"
printf 'select count(*) = 20000 from t;\nselect 1;\n' >"$work/true.sql"
printf 'select g from t order by g limit 3;\nselect count(*) = 7 from t;\nselect true' >"$work/false.sql"
printf 'select no_such_column from t;\n' >"$work/wrong.sql"
printf "select pg_sleep(1000);\n" >"$work/slow.sql"
chmod a+r "$work"/*.sql
status_of "a good backup" 0 -I main --dump --sql "$work/true.sql" --max-age 26h -j 2 --report "$work/reports/r.json" \
    --report "$work/reports/r.prom" --report "$work/reports/r.xml"
for step in age verify server connect amcheck schema dump sql; do
	said_step "a good backup: $step" "main +$good +$step +ok"
done
said_step "a good backup: every database that can be connected" "main +$good +connect +ok +[0-9.]+ +3 databases"
check "a good backup: JSON" sh -c '"$1" <"$2" >"$3"' - "$support/jsonflat" "$work/reports/r.json" "$work/flat" || show "$work/reports/r.json"
check "a good backup: JSON has the result" said '"result": *"ok"' "$work/reports/r.json"
check "a good backup: for node_exporter" said "^pbkfs_prove_success\\{instance=\"main\",backup=\"$good\"\\} 1\$" "$work/reports/r.prom"
check "a good backup: for node_exporter, step by step" said "^pbkfs_prove_step_success\\{instance=\"main\",backup=\"$good\",step=\"amcheck\"\\} 1\$" "$work/reports/r.prom"
equal "a good backup: no line for node_exporter that it could not read" "" "$(grep -Ev '^# (HELP|TYPE) pbkfs_prove_|^pbkfs_prove_[a-z_]+(\{[^}]*\})? [0-9.]+$' "$work/reports/r.prom")"
check "a good backup: JUnit" said '<testsuite name="main [^"]*" tests="8" failures="0" errors="0" skipped="0"' "$work/reports/r.xml"
equal "a good backup: reports, and nothing beside them" "r.json r.prom r.xml" "$(ls -A "$work/reports" | tr '\n' ' ' | sed 's/ $//')"
status_of "quiet" 0 -q -I main
equal "quiet: nothing is told" "" "$(cat "$told")"

# ---- own checks ------------------------------------------------------------------------------
status_of "a query that gives false" 1 -I main --sql "$work/true.sql" --sql "$work/false.sql"
said_step "a query that gives false: is named" "main +$good +sql +failed .*false.sql: a query gave false"
status_of "a query that fails" 1 -I main --sql "$work/wrong.sql"
said_step "a query that fails: in the server's words" "main +$good +sql +failed .*no_such_column"
status_of "a file that is not there" 2 -I main --sql "$work/nosuch.sql"

# ---- age ---------------------------------------------------------------------------------------
sleep_until=$(($(date +%s) + 2)); while [ "$(date +%s)" -lt "$sleep_until" ]; do sleep 0.1; done
status_of "too old" 1 -I main --max-age 1s --report "$work/reports/r.xml"
said_step "too old: fails, and the rest is proven" "main +$good +age +failed .*more than 1s"
said_step "too old: the rest is proven" "main +$good +amcheck +ok"
check "too old: JUnit has the failure" said '<failure message="the newest backup is' "$work/reports/r.xml"
# Production archives, and its last segment is three days old.
had_wal=no; [ ! -d "$store/wal/main" ] || had_wal=yes
mkdir -p "$store/wal/main"; wal=$store/wal/main/000000010000000000000001
echo junk >"$wal"; touch -d '3 days ago' "$wal"; chown -R "$pguser" "$store/wal"
status_of "WAL that is no longer archived" 1 --plan -I main --max-age 26h
check "WAL that is no longer archived: is named, and says what to look at" said "^age +failed +the last WAL, ${wal##*/}, is 3d[^ ]* old, more than 1d02h: it is no longer archived, or the server is idle" "$printed" || show "$printed"
status_of "WAL that is no longer archived, and no limit" 0 --plan -I main
mv "$wal" "${wal%/*}/$(segment_of "$(control_value "$good" stop-lsn)")"
status_of "an idle server, whose archive has the whole of the newest backup" 0 --plan -I main --max-age 26h
rm "$store/wal/main"/0*; [ "$had_wal" = yes ] || rmdir "$store/wal/main" "$store/wal"
for age in 26 h 0h 26y -1h; do status_of "an age that is none, $age" 2 -I main --max-age "$age"; done

# ---- bad ones: every instance gets its turn ----------------------------------------------------
status_of "all of the catalog" 1 --report "$work/reports/r.json" --report "$work/reports/r.prom"
said_step "library: left out" "library +$library +server +ok"
check "library: there was a warning" said "warning: .*pbkfs_no_such_library" "$told"
said_step "main: is good" "main +$good +amcheck +ok"
said_step "no WAL: the server does not start, in its words" "nowal +$nowal +server +failed .*No such file"
said_step "no WAL: nothing is asked" "nowal +$nowal +connect +not run"
said_step "a page damaged in the catalog: verify finds it" "rotten +$rotten +verify +failed .*[a-z]"
said_step "a page that was damaged before the backup: amcheck or verify finds it" "torn +$torn +(verify|amcheck) +failed"
said_step "an index unlike its heap: the backup is as it was made" "unlike +$unlike +verify +ok"
said_step "an index unlike its heap: amcheck finds it" "unlike +$unlike +amcheck +failed .*t_g"
check "all of the catalog: node_exporter has who failed" said "^pbkfs_prove_success\\{instance=\"unlike\",backup=\"$unlike\"\\} 0\$" "$work/reports/r.prom"
status_of "two instances" 1 -I main -I unlike
equal "two instances: and no others" "main unlike" "$(awk 'NR > 1 { print $1 }' "$printed" | sort -u | tr '\n' ' ' | sed 's/ $//')"

# ---- what cannot be judged ---------------------------------------------------------------------
status_of "no instance of that name" 2 -I nosuch
status_of "no such store" 2 -B "$work/nosuch"
status_of "no such backup" 2 -I main -i NOSUCH
status_of "a directory that is not there" 2 -I main --workdir "$work/nosuch"
status_of "no programs there" 2 -I main --bindir "$work"
said_step "no programs there: says so" "main +$good +server +unknown .*bindir"
status_of "a report of no known form" 2 -I main --report "$work/reports/r.pdf"
status_of "a report that cannot be written" 2 -I main --report "$work/nosuch/r.json"
status_of "a step that takes too long" 1 -I main --timeout 15 --sql "$work/slow.sql"
said_step "a step that takes too long: is named" "main +$good +sql +failed .*slow.sql: not done after 15 seconds"
equal "the catalog is as it was" "$before" "$(catalog_sum "$store")"

# ---- an archive ----------------------------------------------------------------------------------
fixture_archive
chown -R "$pguser:" "$store"
status_of "an archive: to its end" 0 --report "$work/reports/r.json" --report "$work/reports/r.prom" --report "$work/reports/r.xml"
said_step "an archive: ages are told without a limit, and not judged" "main +$id +age +- +- +newest backup [0-9dhms]+, last WAL [0-9dhms]+\$"
check "an archive: JSON has the last WAL" said '"last_wal_age_seconds": *[0-9]' "$work/reports/r.json"
check "an archive: node_exporter has it" said "^pbkfs_prove_last_wal_age_seconds\\{instance=\"main\",backup=\"$id\"\\} [0-9]+\$" "$work/reports/r.prom"
check "an archive: JUnit has it" said '<property name="last_wal_age_seconds" value="[0-9]+"/>' "$work/reports/r.xml"
said_step "an archive: the newest backup" "main +$id +amcheck +ok"
status_of "an archive: the oldest backup, to its own end" 0 -i "$full_id" --recovery-target=immediate
said_step "an archive: the oldest backup" "main +$full_id +schema +ok"
lost=$(ls "$archive" | grep -E '^[0-9A-F]{24}(\.gz)?$' | sort | tail -n 3 | head -n 1)
mv "$archive/$lost" "$work/lost"
status_of "a segment that is missing" 1
said_step "a segment that is missing: is named" "main +$id +server +failed .*${lost%.gz}"
status_of "a segment that is missing, and not needed" 0 --recovery-target=immediate
mv "$work/lost" "$archive/$lost"
