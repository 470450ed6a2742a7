# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Point-in-time recovery from the archive reaches every moment that the catalog's notes name, with
# the rows that pg_probackup restore gives; mount refuses targets that cannot be reached.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-600}
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-made.sh"
fixture_archive
last_id=$id
before=$(catalog_sum "$store")

# recover DESCRIPTION OPTION...: mounts $id and waits for the end of recovery.
recover() {
	desc=$1; shift
	new_diff
	check "$desc: mount" mount_it --wal="$wal" --recovery-target-action=promote "$@" || return 1
	check "$desc: the server starts" pg_start "$mnt" || { unmount_it --force; return 1; }
	check "$desc: recovery ends" recovery_ended || { pg_stop "$mnt" immediate; unmount_it; return 1; }
}
finish() { check "$desc: stop" pg_stop "$mnt"; check "$desc: unmount" unmount_it; }
wal=mount

# The oracle's moments: all rows of all databases, as restores to them gave.
for rows in "$oracle_dir"/oracle/main.*.*.sql.txt; do
	tag=${rows##*/main.}; tag=${tag%.sql.txt}
	id=${tag%%.*} tag=${tag#*.}
	label=${tag##*-}
	case $tag in
	pitr-time-*) set -- --recovery-target-time="$(moment "$label" 2)" ;;
	pitr-xid-*) set -- --recovery-target-xid="$(moment "$label" 4)" ;;
	pitr-name-*) set -- --recovery-target-name="$(moment "$label" 5)" ;;
	latest) set -- --recovery-target=latest ;;
	*) not_ok "what is $tag?"; continue ;;
	esac
	recover "$id to $tag" "$@" || continue
	sql_rows >"$work/rows" 2>&1
	same "$id to $tag: rows are those of the restore" "$rows" "$work/rows"
	finish
	wal=$([ $wal = mount ] && echo direct || echo mount)
done

# The other moments, by each kind of target: the notes have counts of rows.
id=$full_id
for label in $(sed '/^#/d; s/ .*//' "$oracle_dir/pitr.txt"); do
	for kind in time:2 lsn:3 xid:4 name:5; do
		recover "$id to ${kind%:*} of $label" --recovery-target-"${kind%:*}"="$(moment "$label" "${kind#*:}")" || continue
		equal "$id to ${kind%:*} of $label: rows as they were noted then" "$(moment "$label" 6)" "$(counts)"
		finish
	done
done

# Command and server are in different time zones: the command's counts, and the message has both.
id=$middle_id
in_zone() { TZ=$1 date -d "$(moment after1 2)" '+%F %T%:::z'; }
tokyo=$(in_zone JST-9) york=$(in_zone America/New_York)
new_diff
desc="a time in Tokyo for a server in New York"
check "$desc: mount" env TZ=JST-9 pbkfs mount -B "$store" -I main -i $id -D "$mnt" -d "$diff" \
    --recovery-target-time="${tokyo%+09}" --recovery-target-action=promote --set timezone=America/New_York
check "$desc: it is told" grep -qxF "pbkfs: recovery target time is $tokyo, for the server (timezone \"America/New_York\") $york" "$work/err"
equal "$desc: the setting" "recovery_target_time = '$tokyo'" "$(grep '^recovery_target_time ' "$mnt/postgresql.auto.conf")"
check "$desc: the server starts" pg_start "$mnt"
check "$desc: recovery ends" recovery_ended
equal "$desc: the server's zone" America/New_York "$(sql -c 'show timezone')"
equal "$desc: rows as they were noted then" "$(moment after1 6)" "$(counts)"
finish

# A server that pauses at its target takes queries before it has reached it.
new_diff
desc="a server that is to pause"
check "$desc: mount" mount_it --recovery-target-time="$tokyo"
check "$desc: how to see that it is there" grep -q "^pbkfs: the server takes queries before it has reached the target: .*paused" "$work/err"
check "$desc: unmount" unmount_it
new_diff
check "one that is not: mount" mount_it --recovery-target-time="$tokyo" --recovery-target-action=promote
refuse "it hears nothing of that" "" grep -q "takes queries" "$work/err"
check "one that is not: unmount" unmount_it

# Without any target a backup without WAL of its own runs to the end of the archive.
id=$last_id
new_diff
check "no target: mount" mount_it
sed '1,/^=== postgresql.auto.conf$/d' "$oracle_dir/oracle/main.$id.none.generated.txt" | grep '^recovery_' | sed "s/'promote'/'pause'/" >"$work/expected"
grep '^recovery_target' "$mnt/postgresql.auto.conf" >"$work/found"
same "no target: the settings are restore's" "$work/expected" "$work/found"
check "no target: unmount" unmount_it

# The next mount does not recover again: the result stays.
recover "$id to immediate" --recovery-target=immediate
check "a change after recovery" sql -c 'create table mine as select 1 as one'
refuse "the archive cannot be written by the server's user" "denied" as "$pguser" sh -c ": >>'$mnt/.pbkfs/wal/$(segment_of "$(control_value $id start-lsn)")'"
check "stop" pg_stop "$mnt"
refuse "recovery.signal was used up" "" test -e "$mnt/recovery.signal"
refuse "a later mount cannot ask for another target" "first mount of a diff directory" remount --recovery-target=latest
check "remount" mount_it
check "start" pg_start "$mnt"
equal "the change is there" 1 "$(sql -c 'select one from mine')"
finish

# A standby that follows the archive takes what arrives later.
cp -a "$store/wal/main" "$work/kept"
last=$(ls "$store/wal/main" | grep '^[0-9A-F]*\.gz$' | sort | tail -n 1)
rm "$store/wal/main/$last"
new_diff
check "standby: mount" mount_it --restore-as-replica --set hot_standby=on --set max_standby_archive_delay=-1
check "standby: start" pg_start "$mnt"
before_last=$(sql -c 'select pg_last_wal_replay_lsn()')
cp -a "$work/kept/$last" "$store/wal/main/$last"
replayed() {
	for try in $(seq 600); do
		[ "$(sql -c "select pg_last_wal_replay_lsn() > '$before_last'" 2>/dev/null)" != t ] || return 0
		sql -c 'select pg_sleep(0.1)' >/dev/null 2>&1 || true
	done
	return 1
}
check "standby: what arrives is replayed" replayed
equal "standby: it still is one" t "$(sql -c 'select pg_is_in_recovery()')"
check "standby: promote" sql -c 'select pg_promote()'
desc=standby; finish

# ---- what cannot work is said before there is a mount -------------------------------
cannot "a time before the end of the backup" "before" --recovery-target-time="$(moment after1 2)"
cannot "an xid before it" "before" --recovery-target-xid="$(moment after1 4)"
cannot "an LSN before it" "before" --recovery-target-lsn="$(moment after1 3)"
cannot "an LSN that the archive does not reach" "0000000100000000000000" --recovery-target-lsn=0/F000000
cannot "an xid that the archive does not reach" "recovery target xid 50000 is not in the archive of instance" --recovery-target-xid=50000
cannot "an unknown timeline" "timeline 7" --recovery-target-timeline=7
cannot "a time that is none" "time" --recovery-target-time=yesterday
cannot "a time in a zone that is none" 'time zone "CET" is not known' --recovery-target-time='2026-11-22 22:21:20 CET'
TZ=CET-1CEST,M3.5.0,M10.5.0/3
cannot "a time that comes twice" 'write "2026-10-25 02:30:00.02" or "2026-10-25 02:30:00.01"' --recovery-target-time='2026-10-25 02:30:00'
TZ=UTC
cannot "an xid that is none" "xid|transaction" --recovery-target-xid=12x
cannot "an LSN that is none" "LSN" --recovery-target-lsn=12
cannot "two targets" "only one" --recovery-target=latest --recovery-target-xid=1000
cannot "an unknown target" "only immediate" --recovery-target=soon
cannot "an unknown action" "recovery-target-action" --recovery-target-action=explode
cannot "inclusive without a target" "needs a target" --recovery-target-inclusive=false
# within the last backup; behind the first moment after it
within=$(segment_of "$(control_value $id stop-lsn)") behind=$(segment_after "$(segment_of "$(moment after2 3)")" 1)
rm "$store/wal/main/$within.gz"
cannot "a gap within the backup" "$within"
cp -a "$work/kept/$within.gz" "$store/wal/main"
rm "$store/wal/main/$behind.gz"
cannot "a gap before an LSN" "$behind" --recovery-target-lsn="$(moment late2 3)"
cannot "a gap before the latest" "$behind" --recovery-target=latest
new_diff
check "a gap that may lie behind a time" mount_it --recovery-target-time="$(moment after2 2)"
check "is a warning that names it" grep -q "warning:.*$behind" "$work/err"
check "unmount" unmount_it
cp -a "$work/kept/$behind.gz" "$store/wal/main"
new_diff
check "a time that the archive does not reach" mount_it --recovery-target-time="$(date -d '+1 day' '+%F %T+00')"
check "is a warning that names the last one" grep -q "warning: the last transaction in the archive of instance \"$instance\" is of 20" "$work/err"
check "unmount" unmount_it
new_diff
check "an xid of another archive" mount_it --recovery-target-xid=50000 --restore-command="cp /elsewhere/%f %p"
check "unmount" unmount_it
new_diff
check "with a restore_command of one's own the archive here does not count" mount_it --recovery-target-lsn=0/F000000 --restore-command="cp /elsewhere/%f %p"
equal "and it is the one" "restore_command = 'cp /elsewhere/%f %p'" "$(grep '^restore_command' "$mnt/postgresql.auto.conf" | tail -n 1)"
check "unmount" unmount_it
equal "the catalog is unchanged" "$before" "$(catalog_sum "$store")"
plan_done
