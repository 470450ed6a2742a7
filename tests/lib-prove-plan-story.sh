# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Root's plans of proofs and an ordinary user's have this in common; after lib-run.sh.

printed=$work/plan.printed told=$work/plan.told
# All that a command could have changed, times of directories with it.
traces() { find "$TMPDIR" "$store" -printf '%p %T@ %C@ %s %m\n' | LC_ALL=C sort; e2e_mounts; ls -A /run/pbkfs "$statedir"; }
# plan_of DESCRIPTION EXPECTED OPTION...
plan_of() {
	po_desc=$1 po_expected=$2; shift 2
	traces >"$work/traces.before"
	$runner pbkfs prove -B "$store" --plan "$@" >"$printed" 2>"$told"; tap_status=$?
	equal "$po_desc: exit status" "$po_expected" "$tap_status" || { show "$printed" 80; show "$told"; }
	traces >"$work/traces.after"
	same "$po_desc: nothing was written" "$work/traces.before" "$work/traces.after"
	left_nothing "$po_desc"
}
# says DESCRIPTION PATTERN: a row; says_not: none.
says() { check "$1" said "^$2" "$printed" || show "$printed"; }
says_not() { refuse "$1" "" said "^$2" "$printed"; }

fixture_archive
chown -R "$pguser:" "$store"
mkdir "$work/reports"; chown "$pguser" "$work/reports"
[ "${as_ordinary_user:-}" != yes ] || run_as_user
segments() { ls "$archive" | sed -n 's/^\([0-9A-F]\{24\}\)\(\.gz\)\{0,1\}$/\1/p' | LC_ALL=C sort; }
stored() { ls "$archive/$1" "$archive/$1.gz" 2>/dev/null; }
first=$(segment_of "$(control_value "$id" start-lsn)") last=$(segments | tail -n 1)

# ---- all is there -------------------------------------------------------------------------------------
plan_of "all is there" 0 --report "$work/reports/r.json" --max-age 10000d
says "all is there: whose plan that is" "instance main, backup $id: ok\$"
says "all is there: age" "age +ok +newest backup [0-9dhms]+, last WAL [0-9dhms]+\$"
check "all is there: JSON, last WAL" said "\"last_wal\": *\"$last\"" "$work/reports/r.json"
# Its age is that of the last record with a time in it, as PostgreSQL's own reader prints it.
mkdir "$work/wal"; for f in "$archive"/*; do case $f in *.gz) f_name=${f##*/}; gzip -dc "$f" >"$work/wal/${f_name%.gz}" ;; *) cp "$f" "$work/wal" ;; esac; done
for segment in $(segments | tail -n 4 | tac); do
	written=$("$pgbin/pg_waldump" -p "$work/wal" "$segment" "$segment" 2>/dev/null | sed -n 's/.*desc: \(COMMIT\|ABORT\|RESTORE_POINT.*;\) \([0-9-]* [0-9:]*\).*/\2/p' | tail -n 1)
	[ -z "$written" ] || break
done
age=$(sed -n 's/.*"last_wal_age_seconds": *\([0-9]*\).*/\1/p' "$work/reports/r.json")
late=$(($(date +%s) - $(date -d "$written" +%s) - age))
check "all is there: the age is that of a record, $written" test -n "$written" -a "$late" -ge 0 -a "$late" -le 30
for member in "$full_id FULL" "$middle_id PAGE" "$id PAGE"; do
	says "all is there: chain, $member" "chain +ok +$member, [0-9.]+[KMG]? stored"
done
says "all is there: tree" "tree +ok +[0-9]+ files, [0-9.]+[KMG]?"
says "all is there: WAL for consistency" "wal +ok +to be consistent, in the archive: $first to .* segments?, "
says "all is there: WAL to the end" "wal +ok +to the end of the archive: .* to $last, "
says "all is there: where recovery goes" "recovery +ok +from $(control_value "$id" start-lsn), consistent at $(control_value "$id" stop-lsn) of timeline 1, then to the end of the archive, timeline 1"
says "all is there: server" "server +ok +PostgreSQL $major in $pgbin\$"
for program in psql pg_dump pg_amcheck; do says "all is there: $program" "program +ok +.*/$program\$"; done
says "all is there: space" "space +ok +about .* in $TMPDIR, where .* is free"
says "all is there: it is an estimate" "space +- +an estimate: "
for setting in huge_pages=off shared_buffers=[0-9]+kB max_connections= max_worker_processes= max_wal_senders= max_prepared_transactions= max_locks_per_transaction=; do
	says "all is there: setting $setting" "setting +- +$setting"
done
for step in age verify server connect amcheck schema; do says "all is there: step $step" "step +planned +$step\$"; done
says "all is there: no dump" "step +skipped +dump: --dump is not given"
says "all is there: no queries" "step +skipped +sql: --sql is not given"
equal "all is there: nothing is complained of" "" "$(cat "$told")"
check "all is there: JSON" sh -c '"$1" <"$2" >"$3"' - "$support/jsonflat" "$work/reports/r.json" "$work/flat" || show "$work/reports/r.json"
for key in '"format": *"pbkfs-proof-plan"' '"result": *"ok"' "\"bindir\": *\"$pgbin\"" '"missing_segments": *0' '"free_bytes": *[1-9]' "\"last\": *\"$last\""; do
	check "all is there: JSON, $key" said "$key" "$work/reports/r.json"
done
equal "all is there: the report, and nothing beside it" r.json "$(ls -A "$work/reports")"
printf 'select true' >"$work/true.sql"; chmod a+r "$work/true.sql"
find "$archive" -type f -exec touch {} +
plan_of "an archive that was copied" 0 --report "$work/reports/r.json"
age=$(sed -n 's/.*"last_wal_age_seconds": *\([0-9]*\).*/\1/p' "$work/reports/r.json")
late=$(($(date +%s) - $(date -d "$written" +%s) - age))
check "an archive that was copied: is as old as it was" test "$late" -ge 0 -a "$late" -le 30
says "an archive that was copied: ages are told without a limit, and not judged" "age +- +newest backup .*, last WAL "
plan_of "more steps" 0 --dump --sql "$work/true.sql" --set max_connections=333 --set shared_buffers=1MB
says "more steps: dump" "step +planned +dump\$"
says "more steps: queries" "step +planned +sql\$"
says "more steps: what --set says" "setting +- +max_connections=333 "
says_not "more steps: and nobody else" "setting +- +shared_buffers=[0-9]+kB"
plan_of "the end of the backup" 0 --recovery-target immediate
says_not "the end of the backup: needs no more" "wal +[a-z]+ +to the end"
plan_of "every backup" 0 -i all
equal "every backup: has its plan" "$(printf '%s\n' "$full_id" "$middle_id" "$id")" "$(sed -n 's/^instance main, backup \(.*\): ok/\1/p' "$printed" | LC_ALL=C sort)"

# ---- WAL that is missing ----------------------------------------------------------------------------------
lost=$(segments | tail -n 2 | head -n 1) kept=$(stored "$lost")
mv "$kept" "$work/kept"
plan_of "a segment that is missing" 1 --report "$work/reports/r.json"
says "a segment that is missing: from which on, and how many" "missing +failed +1 segment from $lost on"
says "a segment that is missing: what that means" "recovery +failed .*$lost.* is missing"
check "a segment that is missing: JSON" said "\"first\": *\"$lost\"" "$work/reports/r.json"
plan_of "a segment that is missing, and not needed" 0 --recovery-target immediate
mv "$work/kept" "$kept"
mkdir "$work/lost"
for lost in $(segments | awk -v first="$first" '$1 >= first' | sed '$d'); do mv "$(stored "$lost")" "$work/lost"; done
plan_of "all but the last" 1
says "all but the last: from the first on" "missing +failed +[0-9]+ segments? from $first on"
mv "$work/lost"/* "$archive"

# ---- a chain that is none -----------------------------------------------------------------------------------
mv "$store/backups/main/$full_id" "$work/full"
plan_of "no parent" 1 -i "$id"
says "no parent: is named" "chain +failed .*$full_id"
plan_of "nothing that can be mounted" 1
mv "$work/full" "$store/backups/main/$full_id"
plan_of "no such backup" 2 -i NOSUCH
plan_of "no such instance" 2 -I nosuch

# ---- what the configuration asks for, and this machine lacks ------------------------------------------------
conf=$store/backups/main/$full_id/database/postgresql.conf
cp -p "$conf" "$work/conf"
sed "s/^#shared_preload_libraries = ''.*/&@/" "$work/conf" | awk '/^#shared_preload_libraries.*@$/ { n = length($0) - 1; $0 = sprintf("%-" n "s", "shared_preload_libraries = '\''pg_cron, pbkfs_none'\''") } { print }' >"$conf"
equal "libraries: the file is as long as before" "$(stat -c %s "$work/conf")" "$(stat -c %s "$conf")"
plan_of "libraries" 0
says "libraries: one that acts by itself" "warning .*pg_cron is left out of shared_preload_libraries: what it does by itself"
says "libraries: one that nobody knows" "warning .*pbkfs_none is left out of shared_preload_libraries: pbkfs does not know"
says "libraries: what is left" "setting +- +shared_preload_libraries=''\$"
plan_of "libraries, production's settings" 2 --keep-settings
says "libraries, production's settings: the server would not start" "library +unknown "
says "libraries, production's settings: which it is" "warning .*pbkfs_none of shared_preload_libraries is not installed"
says_not "libraries, production's settings: none of ours" "setting +- +shared_buffers="
cp -p "$work/conf" "$conf"

# ---- space --------------------------------------------------------------------------------------------------
mkdir "/dev/shm/small" && mount -t tmpfs -o size=1m,mode=1777 tmpfs "/dev/shm/small" || exit 99
plan_of "too little space" 2 --workdir "/dev/shm/small"
says "too little space: how much, and where" "space +unknown +too little: about .* in /dev/shm/small, where 1\\.0M is free"
equal "too little space: nothing was written" "" "$(ls -A "/dev/shm/small")"
umount "/dev/shm/small"
plan_of "no such directory" 2 --workdir "$work/nosuch"
says "no such directory: is named" "space +unknown .*nosuch"

# ---- servers ------------------------------------------------------------------------------------------------
plan_of "no programs there" 2 --bindir "$work"
says "no programs there: says so" "server +unknown .*bindir"
for other in 18 17 16 14 13 12; do pg_bindir $other >/dev/null || break; done
control=$store/backups/main/$id/backup.control
cp -p "$control" "$work/control"
sed -i "s/^server-version = .*/server-version = $other/" "$control"
plan_of "another major version" 2
says "another major version: is named" "server +unknown .*PostgreSQL $other is not installed"
cp -p "$work/control" "$control"

# ---- names, and the command line -------------------------------------------------------------------------------
hostile=$(printf 'a\033[31m b"\\\302\233')
mv "$store/backups/main" "$store/backups/$hostile" && mv "$store/wal/main" "$store/wal/$hostile" || exit 99
plan_of "a hostile name" 0 --report "$work/reports/r.json"
says "a hostile name: is harmless" 'instance a\?\[31m b"\\\?*, backup '
refuse "a hostile name: nothing for the terminal" "" grep -q "$(printf '\033')" "$printed"
check "a hostile name: JSON" sh -c '"$1" <"$2" >"$3"' - "$support/jsonflat" "$work/reports/r.json" "$work/flat" || show "$work/reports/r.json"
mv "$store/backups/$hostile" "$store/backups/main"; mv "$store/wal/$hostile" "$store/wal/main"
for suffix in prom xml; do
	plan_of "a report .$suffix" 2 --report "$work/reports/r.$suffix"
	check "a report .$suffix: says which" said 'a --plan takes a file .json' "$told"
done
plan_of "a report that cannot be written" 2 --report "$work/nosuch/r.json"
plan_of "a setting of the run's own" 2 --set port=5
