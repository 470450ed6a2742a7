# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Options of pbkfs restore: where things go, whose they are, what is left out, how far the server recovers.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-restore.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"
pbkfs_for_all
setting() { sed -n "s/^$1 = '\(.*\)'$/\1/p" "$pgdata/postgresql.auto.conf"; }

# ---- where, and whose
unpack_catalog tablespace
catalog_oracle=$catalogs/tablespace.oracle/oracle
id=TOXC04 it=options
new_outside
check "--waldir" restore_it --no-sync --waldir "$outside/wal"
equal "pg_wal is a link to it" "$outside/wal" "$(readlink "$pgdata/pg_wal")"
like_oracle "--waldir: all is there" "$catalog_oracle/main.$id.manifest" "$pgdata" -L pg_wal
equal "--waldir: its mode" "700 $pguser" "$(stat -c '%a %U' "$outside/wal")"
new_outside
check "--skip-external-dirs" restore_plainly --no-sync --skip-external-dirs -T "$(map_of | sed -n '1s/^[0-9]* //p')=$outside/a" \
    -T "$(map_of | sed -n '2s/^[0-9]* //p')=$outside/b"
equal "no external directory is made" "a b pgdata" "$(echo $(ls "$outside"))"
new_outside
mkdir -m 0755 "$work/roots"
check "root's own directory, with nothing in it, is given away" restore_it --no-sync --to "$work/roots/made" --owner "$pguser"
equal "one that root has to make belongs to the owner" "700 $pguser" "$(stat -c '%a %U' "$work/roots/made")"
new_outside
chown nobody "$outside"
check "--owner" restore_it --no-sync --owner nobody
equal "--owner: all is his" "" "$(find "$pgdata" ! -user nobody | head -n 3)"

# ---- how much
for db in --db-exclude --db-include; do
	new_outside
	check "$db" restore_it --no-sync $db db_new
	oid=$(sed -n "s/^{\"dbOid\":\"\([0-9]*\)\", *\"datname\":\"db_new\"}\$/\1/p" "$store/backups/main/$id/database/database_map")
	echo 0 >"$work/sizes"
	find "$pgdata/base/$oid" -type f -size +0 | wc -l >"$work/sizes"
	others=$(find "$pgdata/base/5" -type f -size +0 | wc -l)
	case $db in
	*exclude) equal "$db: it is empty" 0 "$(cat "$work/sizes")"; check "$db: others are not" [ "$others" -gt 0 ] ;;
	*include) equal "$db: others are empty" 0 "$others"; check "$db: it is not" [ "$(cat "$work/sizes")" -gt 0 ] ;;
	esac
done

# ---- the work
for level in seccomp-only none; do
	new_outside
	check "--sandbox=$level" restore_it --no-sync --sandbox=$level -j 3
	like_oracle "--sandbox=$level: files" "$catalog_oracle/main.$id.manifest" "$pgdata"
done
new_outside
check "--debug" restore_it --no-sync --debug --cache-size 8M
# The C library asks for the size of memory when it sorts, and can do without the answer.
equal "--debug: no call is refused" "" "$(grep refused "$work/err" | grep -v ' sysinfo(')"
new_outside
check "--quiet" restore_it --no-sync --quiet
equal "--quiet: it tells nothing" "" "$(cat "$work/out" "$work/err")"
# Memory: no more than --cache-size and 64 MiB, however many threads are asked for.
for cache in 8 64; do
	new_outside
	check "$cache MiB of cache: private memory within $((cache + 64)) MiB" eval \
	    '(ulimit -d $(((cache + 64) * 1024)) && restore_it --no-sync --cache-size ${cache}M -j 64)'
done
if command -v script >/dev/null; then
	new_outside
	map_of >"$work/.map"
	check "on a terminal" script -qec "pbkfs restore -B '$store' -I main -i latest --to '$pgdata' --no-sync --skip-external-dirs $(map_of | while read -r o from; do printf " -T '%s=%s'" "$from" "$outside/$o"; done)" "$work/terminal"
	check "on a terminal: a bar" grep -q '\[#* *\] *[0-9.]* %' "$work/terminal"
	check "-i latest says which one" grep -q "backup $id is the newest" "$work/terminal"
fi
# ... with what is installed here, or with what it says to install.
case $(pg_bindir 15) in
'') start="PostgreSQL 15 is not installed here: install package [^ ,]*, and start it with" ;;
*) start="start PostgreSQL 15 with" ;;
esac
equal "the last line starts the server" 1 "$(grep -c "$start: .*pg_ctl' -D '$pgdata' .*start" "$work/terminal")"

# ---- how far
new_outside
check "a replica of a backup with its own WAL" restore_it --no-sync -R
equal "it is a standby, and the archive is not asked" "standby.signal primary_conninfo" "$(ls "$pgdata" | grep 'signal$') $(sed '1,/^# recovery settings added by/d; s/ = .*//' "$pgdata/postgresql.auto.conf")"
sed -i '/^primary_conninfo/d' "$store/backups/main/$id/backup.control"
new_outside
check "a replica of a backup that knows no primary" restore_it --no-sync -R
check "is a warning with the way out" grep -q "warning: backup $id does not say how its primary is reached: .*--primary-conninfo sets it" "$work/err"
unpack_catalog archive-page
catalog_oracle=$catalogs/archive-page.oracle/oracle
id=TOXCRK
new_outside
check "a backup without WAL of its own" restore_it --no-sync
equal "the server recovers" 1 "$(ls "$pgdata" | grep -c '^recovery.signal$')"
sed '1,/^=== postgresql.auto.conf$/d' "$catalog_oracle/main.$id.none.generated.txt" | grep '^recovery_' >"$work/expected"
grep '^recovery_' "$pgdata/postgresql.auto.conf" >"$work/found"
same "as far as pg_probackup's restore says" "$work/expected" "$work/found"
case $(setting restore_command) in
*"/pbkfs'' archive-get -B ''$store'' -I main %f \"%p\"") ok "WAL comes by archive-get of this program" ;;
*) not_ok "WAL comes by archive-get of this program"; show "$pgdata/postgresql.auto.conf" ;;
esac
new_outside
check "a target" restore_it --no-sync --recovery-target-time='2026-11-22 22:21:30+00' --recovery-target-inclusive=false \
    --recovery-target-action=promote --recovery-target-timeline=latest --restore-command='cp /x/%f "%p"'
equal "its time" "2026-11-22 22:21:30+00" "$(setting recovery_target_time)"
equal "inclusive" false "$(setting recovery_target_inclusive)"
equal "action" promote "$(setting recovery_target_action)"
equal "timeline" latest "$(setting recovery_target_timeline)"
equal "command" 'cp /x/%f "%p"' "$(setting restore_command)"
# settings_of DESCRIPTION OPTION...: a restore with these options, and what it writes behind the comment.
settings_of() {
	desc=$1; shift
	new_outside
	check "$desc" restore_it --no-sync "$@"
	sed '1,/^# recovery settings added by/d' "$pgdata/postgresql.auto.conf" >"$work/found"
	signal=$(ls "$pgdata" | grep 'signal$')
}
names() { sed 's/ = .*//' "$work/found" | tr '\n' ' '; }
settings_of "the end of the archive" --recovery-target=latest
equal "is that of the latest timeline" latest "$(setting recovery_target_timeline)"
settings_of "the end of the archive, on its own timeline" --recovery-target=latest --recovery-target-timeline=current
equal "if that is named" current "$(setting recovery_target_timeline)"
settings_of "a replica" -R
equal "it is a standby" "standby.signal" "$signal"
equal "it follows its primary, whatever the timeline" "restore_command primary_conninfo " "$(names)"
equal "the primary is that of the backup" "$(sed -n "s/^primary_conninfo = '\(.*\)'$/\1/p" "$store/backups/main/$id/backup.control")" "$(setting primary_conninfo)"
settings_of "a replica of another primary" -R --primary-conninfo="host=there password='it''s'" -S slot_1
equal "a replica of another primary: where it is" "host=there password=''it''''s''" "$(setting primary_conninfo)"
equal "a replica of another primary: its slot" slot_1 "$(setting primary_slot_name)"
settings_of "a replica at a target" -R --recovery-target-lsn="$(sed -n 's/^stop-lsn = //p' "$store/backups/main/$id/backup.control")"
equal "a replica at a target: its settings are those of the target" \
    "recovery_target_lsn recovery_target_timeline recovery_target_action restore_command primary_conninfo " "$(names)"
settings_of "a replica, on a timeline" -R --recovery-target-timeline=latest
equal "a replica, on a timeline: that is said" "recovery_target_timeline restore_command primary_conninfo " "$(names)"
new_outside
refuse "an xid that the archive does not reach" "recovery target xid 50000 is not in the archive of instance \"main\", whose last transaction is [0-9]+: use" \
    restore_it --no-sync --recovery-target-xid=50000
equal "nothing is written" "" "$(ls "$outside")"
refuse "a primary without a standby" "--primary-conninfo needs --restore-as-replica" restore_it --primary-conninfo=x
refuse "a slot without a standby" "--primary-slot-name needs --restore-as-replica" restore_it -S x
refuse "a slot that cannot be" "\"Slot\" is not the name of a slot" restore_it -R -S Slot
refuse "a conninfo of two lines" "--primary-conninfo has a line feed" restore_it -R --primary-conninfo="a
b"
refuse "a command of two lines" "--restore-command has a line feed" restore_it --restore-command="a
b"
# A restore that was stopped goes on with other options.
new_outside
harmed=$(find "$store/backups/main/$id/database/base" -type f -size +32k | head -n 1)
cp -a "$harmed" "$work/whole"
printf '\125\125\125\125' | dd of="$harmed" bs=1 seek=5000 conv=notrunc status=none
refuse "a restore that stops" "is damaged in the backup" restore_it --no-sync
cp -a "$work/whole" "$harmed"
check "it goes on as a replica" restore_it --no-sync -R
equal "and is nothing else" "standby.signal" "$(ls "$pgdata" | grep 'signal$')"
new_outside
mv "$store" "$work/100% \"it's\" \$HOME"
store="$work/100% \"it's\" \$HOME"
check "a store with a strange name" restore_it --no-sync --recovery-target=immediate --recovery-target-action=promote
it="a strange name" major=15
if pgbin=$(pg_bindir 15); then
	sed -i "s|^restore_command = '[^ ]* |restore_command = '$work/pbkfs |" "$pgdata/postgresql.auto.conf"
	mnt=$pgdata
	catalog_rows
fi
plan_done
