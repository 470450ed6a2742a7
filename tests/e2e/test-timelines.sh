# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# An archive with four timelines, of which a real server made three by promotion at one point of the
# first: a clone recovers to each of them, the latest and by number, also where a number is
# missing, and where the archive has the segment of the switch only as the partial one.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
pg_any
store=$work/store instance=main archive=$work/store/wal/main
mkdir -p "$archive"; chmod 0755 "$store" "$store/wal"; chown "$pguser:" "$archive"
new_cluster "$work/pgdata"
echo "archive_command = 'cp \"%p\" \"$archive/%f\"'" >>"$work/pgdata/postgresql.conf"
live() { pg_start "$1" -c archive_mode=on -c fsync=off; }
check "a cluster" live "$work/pgdata" || { plan_done; exit; }
sql -c "create table t as select 'base' as v" || exit 99
pg_stop "$work/pgdata"
make_backup FULL none; first=$made
cp -a "$work/pgdata" "$work/origin"
check "it goes on" live "$work/pgdata"
sql -c "insert into t values ('one')" || exit 99
lsn=$(sql -c "select pg_current_wal_insert_lsn()")
segment=$(sql -c "select pg_walfile_name(pg_create_restore_point('fork'))")
sql -c "insert into t values ('two')" || exit 99
check "its WAL is archived" pg_stop "$work/pgdata"
check "also that of the fork" test -f "$archive/$segment"

# promoted N: the cluster as it was backed up recovers to the fork, and goes on as timeline N.
promoted() {
	cp -a "$work/origin" "$work/tl$1"
	: >"$work/tl$1/recovery.signal"; chown "$pguser:" "$work/tl$1/recovery.signal"
	cat >>"$work/tl$1/postgresql.conf" <<-EOT
	restore_command = 'cp "$archive/%f" "%p"'
	recovery_target_name = 'fork'
	recovery_target_timeline = 'current'
	recovery_target_action = 'promote'
	EOT
	kept=$mnt mnt=$work/tl$1
	live "$mnt" && recovery_ended && sql -c "insert into t values ('on $1')" && sql -c checkpoint && pg_stop "$mnt"
	promoted_rc=$?
	mnt=$kept
	sed -i '/^restore_command\|^recovery_target/d' "$work/tl$1/postgresql.conf"
	return $promoted_rc
}
for n in 2 3 4; do check "a server is promoted to timeline $n" promoted $n; done
equal "all begin at one place" "1 3" "$(cat "$archive"/0000000[234].history | awk 'NF { n++; at[$1 " " $2] } END { for (a in at) k++; print k, n }')"

rows() { sql -c "select string_agg(v, ' ' order by v) from t"; }
# recovers DESCRIPTION ROWS OPTION...: the clone has these rows at its end.
recovers() {
	desc=$1 wanted=$2; shift 2
	new_diff
	check "$desc: mount" pbkfs mount -B "$store" -I main -D "$mnt" -d "$diff" --recovery-target-action=promote "$@" || return 0
	cp "$work/err" "$work/said"
	check "$desc: start" pg_start "$mnt" || { unmount_it --force; return 0; }
	check "$desc: recovery ends" recovery_ended
	equal "$desc: rows" "$wanted" "$(rows)" || show "$work/pg.log"
	check "$desc: stop" pg_stop "$mnt"
	check "$desc: unmount" unmount_it
}
recovers "its own timeline" "base one two" --recovery-target=latest --recovery-target-timeline=current
recovers "the end of the archive" "base on 4 one" --recovery-target=latest
recovers "the latest of three" "base on 4 one" --recovery-target-timeline=latest
recovers "the one in the middle" "base on 3 one" --recovery-target-timeline=3 --recovery-target=latest
recovers "the first" "base on 2 one" --recovery-target-timeline=2 --recovery-target=latest

# ---- a backup of a sister is no way to a timeline
made=$("$support/mkcatalog" backup --catalog "$store" --instance main --pgdata "$work/tl2" --mode FULL --compress none --stream) || exit 99
recovers "a newer backup is of timeline 2" "base on 4 one" -i latest --recovery-target-timeline=4
check "it was passed over" grep -q "^pbkfs: backup $first is the newest that can be mounted; passed over: $made (timeline 2)\$" "$work/said"
recovers "and is the one for timeline 2" "base on 2 one" --recovery-target-timeline=2
check "it was taken" grep -q "^pbkfs: backup $made is the newest" "$work/said"
new_diff
refuse "it cannot go to the latest" "timeline 4 does not descend from timeline 2" pbkfs mount -B "$store" -I main -i "$made" -D "$mnt" -d "$diff" --recovery-target-timeline=latest
# A proof is of the end of the archive, too, unless a timeline is named.
plan_of_sister() { pbkfs prove --plan -B "$store" -I main -i "$made" "$@"; }
refuse "nor is a proof of it" "" plan_of_sister
check "nor is a proof of it: it says so" grep -q "timeline 4 does not descend from timeline 2" "$work/out"
plan_of_sister --recovery-target-timeline=current >"$work/plan" 2>&1
check "but to its own end it is" grep -q "then to the end of the archive, timeline 2" "$work/plan" || show "$work/plan"
refuse "a proof on a timeline that is none" "is not a timeline" plan_of_sister --recovery-target-timeline=x

# ---- the segment of the switch
mkdir "$work/away"
tail=${segment#????????}
mv "$archive/$segment" "$archive/$segment.partial"
recovers "the parent's is partial" "base on 4 one" -i "$first" --recovery-target-timeline=4
mv "$archive"/0000000[234]"$tail" "$work/away"
recovers "and the only one" "base one" -i "$first" --recovery-target-timeline=4 --recovery-target-lsn="$lsn"
check "archive-get takes it, too" pbkfs archive-get -B "$store" -I main "$segment" "$work/got"
check "as it is" cmp "$archive/$segment.partial" "$work/got"
new_diff
refuse "behind the switch it is no substitute" "has no WAL of timeline 4" pbkfs mount -B "$store" -I main -i "$first" -D "$mnt" -d "$diff" --recovery-target=latest --recovery-target-timeline=4
mv "$work/away"/* "$archive"

# ---- a number is missing
mv "$archive/00000003.history" "$work/away"
recovers "the latest before a hole" "base on 2 one" -i "$first" --recovery-target-timeline=latest
check "is a warning" grep -q 'warning: timeline 4 is in the archive, but the server takes 2 for the latest, since "00000003.history" is missing' "$work/said"
recovers "by number behind it" "base on 4 one" -i "$first" --recovery-target-timeline=4
plan_done
