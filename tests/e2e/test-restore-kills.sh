# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A restore that is killed at any point: no server starts on what there is, and the same command goes on
# with it to the same end.  PBKFS_ROUNDS asks for more than ten.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-catalogs.sh"
. "$srcdir/tests/lib-restore.sh"
have_catalogs || skip_all "there are no catalogs in $catalogs"
unpack_catalog stream-mixed
catalog_oracle=$catalogs/stream-mixed.oracle/oracle
id=TOXCS1 rounds=${PBKFS_ROUNDS:-10} mark=$pgdata/.pbkfs-restore

# Not the holder of the store's lock, who ends by himself.
descendants() {
	local d
	for d in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		descendants "$d"
		tr '\0' ' ' <"/proc/$d/cmdline" | grep -q 'lock holder' || echo "$d"
	done
}
# Whether a process runs, which a zombie does not; without a process of its own.
runs() { read -r _ _ runs_state _ 2>/dev/null <"/proc/$1/stat" && [ "$runs_state" != Z ]; }
# kill_at FILE GENERATION [SIGNAL]: begins a restore, and kills its command (0), the child that copies (1), or the
# one that made the directories (2), once FILE is there.  Fails if the restore was faster.
kill_at() {
	nice -n 19 "$(command -v pbkfs)" restore -B "$store" -I main -i $id --to "$pgdata" --no-sync -j 1 >"$work/killed.out" 2>"$work/killed.err" &
	kill_pid=$!
	while runs $kill_pid && ! [ -e "$1" ]; do :; done
	kill_whom=$kill_pid kill_below=$(descendants $kill_pid)
	[ "$2" -eq 0 ] || kill_whom=$(descendants $kill_pid | sed -n "$2p")
	[ -z "$kill_whom" ] || kill -s "${3:-KILL}" "$kill_whom" 2>/dev/null
	# The shell would tell of the kill.
	wait $kill_pid 2>/dev/null
	kill_status=$?
	# All are killed: what is on disk then is what the next one meets.
	# shellcheck disable=SC2086
	[ -z "$kill_below" ] || { kill -s KILL $kill_below 2>/dev/null; wait_gone $kill_below; }
	[ $kill_status -ne 0 ]
}
unfinished() { [ -d "$mark" ] && [ ! -e "$pgdata/global/pg_control" ]; }
ends_well() {
	it=$1
	check "$it: the same command ends it" restore_it --no-sync || return
	[ -z "${2:-}" ] || check "$it: it says so" said "$2" "$work/err"
	like_oracle "$it: files are those of pg_probackup's restore" "$catalog_oracle/main.$id.manifest" "$pgdata"
	check "$it: the mark is gone" no_mark
}

# The files in the order in which they are copied, about.
new_outside
restore_it --no-sync >"$work/out" 2>&1
(cd "$pgdata" && find . -type f ! -name pg_control) | awk '{ print gsub("/", "/"), $0 }' | sort -k 1n,1 -k 2 | cut -d ' ' -f 2 >"$work/files"
all=$(wc -l <"$work/files")
check "there are files" [ "$all" -gt 1000 ]
file_at() { echo "$pgdata/$(sed -n "$(($1 + 1))p" "$work/files")"; }
whole() { [ ! -d "$mark" ] && [ -e "$pgdata/global/pg_control" ]; }
untouched() { [ ! -e "$pgdata" ] || [ -z "$(ls -A "$pgdata")" ]; }

killed=0 round=0
while [ $round -lt $rounds ]; do
	round=$((round + 1))
	# Every fourth restore is killed a second time, further on.
	[ $((round % 4)) -eq 0 ] || new_outside
	kill_at "$(file_at $(((round - 1) * all / rounds)))" $((round % 3)) && killed=$((killed + 1))
	if [ $kill_status -ne 0 ]; then
		check "round $round: nothing, all, or unfinished" eval "untouched || unfinished || whole"
	fi
	[ $((round % 4)) -eq 3 ] || whole || ends_well "round $round"
done
check "most were killed in time ($killed of $rounds)" [ $killed -ge $((rounds / 2)) ]

# ---- what is told, and that no server starts
new_outside
kill_at "$(file_at $((all / 3)))" 1
check "the child that copies is killed: the command says so" said "killed" "$work/killed.err"
if pgbin=$(pg_bindir 15); then
	refuse "no server starts on it" "" as "$pguser" "$pgbin/postgres" -D "$pgdata"
	check "for it has no control file" said "global/pg_control" "$work/err"
fi
new_outside
kill_at "$(file_at $((all / 3)))" 0 TERM
check "SIGTERM: what there is, and what goes on, is told" said "interrupted: .* unfinished, and no server starts on it; the same command" "$work/killed.err"

# ---- whoever copies ends with the command: one that was stopped could not by itself
new_outside
nice -n 19 "$(command -v pbkfs)" restore -B "$store" -I main -i $id --to "$pgdata" --no-sync -j 1 >/dev/null 2>&1 &
front=$!
stop_at=$(file_at $((all / 3)))
while runs $front && ! [ -e "$stop_at" ]; do :; done
below=$(descendants $front)
check "there are processes that copy" [ -n "$below" ]
# shellcheck disable=SC2086
kill -STOP $below
kill -KILL $front; wait $front 2>/dev/null
# shellcheck disable=SC2086
check "whoever copies ends with the command" wait_gone $below
# shellcheck disable=SC2086
kill -KILL $below 2>/dev/null

# ---- the chain is locked while it is read
new_outside
nice -n 19 "$(command -v pbkfs)" restore -B "$store" -I main -i $id --to "$pgdata" --no-sync -j 1 >"$work/locked.out" 2>&1 &
locked_pid=$! holder=
# A killed one may have left its own there.  Who may not be dumped has a directory of root's in /proc.
holder_uid() { sed -n 's/^Uid:[[:space:]]*[0-9]*[[:space:]]*\([0-9]*\).*/\1/p' "/proc/${holder:-none}/status" 2>/dev/null; }
while runs $locked_pid && ! [ -d "/proc/${holder:-none}" ]; do
	[ ! -s "$store/backups/main/TOXCR8/backup_ro.pid" ] || read -r holder <"$store/backups/main/TOXCR8/backup_ro.pid"
done
equal "a process of the store's owner stands in the lock of the FULL" "$pguid" "$(holder_uid)"
wait $locked_pid; status=$?
equal "at its end the locks are gone" "" "$(find "$store" -name 'backup*.pid*')" || { note "status $status"; show "$work/locked.out"; }
wait_gone $holder
echo 1 >"$store/backups/main/$id/backup.pid"; chown "$pguser" "$store/backups/main/$id/backup.pid"
new_outside
check "--store-lock=no asks nobody" restore_it --no-sync --store-lock=no
new_outside
restore_it --no-sync >"$work/locked.out" 2>"$work/locked.err" &
locked_pid=$!
until grep -q "is locked by process 1: waiting" "$work/locked.err"; do runs $locked_pid || break; done
rm "$store/backups/main/$id/backup.pid"
wait $locked_pid
equal "who changes a backup is waited for" 0 $?
check "and named" said "backup $id is locked by process 1: waiting" "$work/locked.err"

# ---- who goes on
new_outside
kill_at "$(file_at $((all / 3)))" 0 TERM
refuse "another backup does not" "holds an unfinished restore of backup $id.*empty" \
    pbkfs restore -B "$store" -I main -i TOXCR8 --to "$pgdata"
refuse "nor does a second one at the same time" "another restore is at work in" \
    flock "$mark/state" pbkfs restore -B "$store" -I main -i $id --to "$pgdata"
check "all of that changed nothing" unfinished

# ---- the machine died: what it noted as copied may not be on disk
echo another >"$mark/boot"
for f in $(find "$pgdata/base" -type f -size +8k | head -n 40); do
	size=$(stat -c %s "$f")
	dd if=/dev/zero of="$f" bs=4k seek=1 count=1 conv=notrunc status=none
	truncate -s $((size - 4096)) "$f"
done
cp "$mark/state" "$work/state"
ends_well "after another boot" "going on with an unfinished restore"

# ---- what it noted as copied has gone, or was replaced, before it goes on
new_outside
kill_at "$(file_at $((all * 2 / 3)))" 0
check "much is noted as copied" [ "$(tr -dc '\1' <"$mark/done" | wc -c)" -gt 100 ]
find "$pgdata/base" -type f -size +8k | sort >"$work/copied"
# shellcheck disable=SC2046
rm $(sed -n 1,3p "$work/copied")
# shellcheck disable=SC2046
truncate -s 8192 $(sed -n 4,6p "$work/copied")
for f in $(sed -n 7,9p "$work/copied"); do mv "$f" "$work/fast/taken.${f##*/}"; ln -s "$work/fast/taken.${f##*/}" "$f"; done
for f in $(sed -n 10,12p "$work/copied"); do ln "$f" "$outside/second.${f##*/}"; done
mv "$pgdata/base/1" "$work/fast/one"
ends_well "noted, but gone" "going on with an unfinished restore"
rm -rf "$work/fast/one" "$work/fast"/taken.*

# ---- killed in its last steps: all is there but the end of the mark
mkdir -m 0700 "$mark"; chown "$pguser:" "$mark"
cp "$work/state" "$mark/complete"; chown -R "$pguser:" "$mark"
echo "of the server" >"$pgdata/PG_VERSION.mine"
cp -a "$pgdata" "$work/ended"
check "a restore that had all but ended is ended" restore_it
check "it says so" said "was restored already" "$work/err"
check "the mark is gone then" no_mark
rm -r "$work/ended/.pbkfs-restore"
equal "and nothing else has changed" "$("$support/manifest" "$work/ended" | sha256sum)" "$("$support/manifest" "$pgdata" | sha256sum)"
mkdir -m 0700 "$mark"; cp "$work/state" "$mark/complete"; chown -R "$pguser:" "$mark"
refuse "that of another backup has not ended" "holds an unfinished restore of backup $id, by another command" \
    pbkfs restore -B "$store" -I main -i TOXCR8 --to "$pgdata"
id=TOXCR8
check "an incremental one ends it, and makes its own" restore_it --no-sync --incremental
like_oracle "an incremental one: files are those of pg_probackup's restore" "$catalog_oracle/main.$id.manifest" "$pgdata"
check "an incremental one: the mark is gone" no_mark
plan_done
