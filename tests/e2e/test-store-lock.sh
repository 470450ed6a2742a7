# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A mount holds its chain by pg_probackup's own lock: a merge or delete waits and gives up, and
# succeeds when the mount is gone.
PBKFS_E2E_TIMEOUT=${PBKFS_E2E_TIMEOUT:-600}
. "$srcdir/tests/lib-e2e.sh"
fixture
# The mount has another owner, who may not read the backups.
mount_it() { pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --owner "$pguser" --wait "$@"; }
held=$store backups=$store/backups/$instance
# A backup belongs to whoever took it, and so do the files that lock it.
owner=nobody
chown -R "$owner" "$store"
before=$(catalog_sum "$store")
# every backup from $id to its FULL, the newest first
parent_of() { sed -n "s/^parent-backup-id = '\{0,1\}\([0-9A-Z]*\).*/\1/p" "$backups/$1/backup.control"; }
chain=$id last=$id
while last=$(parent_of "$last"); [ -n "$last" ]; do chain="$chain $last"; done
oldest_first=$(for b in $chain; do echo "$b"; done | tac)

# ---- what pg_probackup does to a backup's lock files

# Starts a process whose pid the story writes into lock files, and ends it on demand.
new_process() { sleep 1000 & process=$!; }
end_process() { kill "$1"; wait "$1" 2>/dev/null; }
alive() { [ "${1:-0}" -gt 0 ] 2>/dev/null && kill -0 "$1" 2>/dev/null; }

# take_file BACKUP PID TRIES: backup.pid becomes PID's.
take_file() {
	take_n=$3
	until (set -C; echo "$2" >"$backups/$1/backup.pid") 2>/dev/null; do
		if alive "$(cat "$backups/$1/backup.pid" 2>/dev/null)"; then
			take_n=$((take_n - 1))
			[ $take_n -gt 0 ] || { echo "backup $1 is locked" >&2; return 1; }
			sleep 1
		else
			rm -f "$backups/$1/backup.pid"
		fi
	done
}
# lock_exclusive BACKUP PID TRIES: as a merge or delete begins.
lock_exclusive() {
	take_file "$@" || return 1
	excl_n=$3
	while excl_alive=; do
		for excl_p in $(cat "$backups/$1/backup_ro.pid" 2>/dev/null); do
			! alive "$excl_p" || excl_alive=$excl_p
		done
		[ -n "$excl_alive" ] || break
		excl_n=$((excl_n - 1))
		[ $excl_n -gt 0 ] || { rm "$backups/$1/backup.pid"; echo "backup $1 is read by $excl_alive" >&2; return 1; }
		sleep 1
	done
	rm -f "$backups/$1/backup_ro.pid"
}
# lock_shared BACKUP PID: as a restore or validate does.
lock_shared() {
	take_file "$1" "$2" 5 || return 1
	{
		for shared_p in $(cat "$backups/$1/backup_ro.pid" 2>/dev/null); do ! alive "$shared_p" || echo "$shared_p"; done
		echo "$2"
	} >"$backups/$1/backup_ro.pidtmp"
	mv "$backups/$1/backup_ro.pidtmp" "$backups/$1/backup_ro.pid"
	rm "$backups/$1/backup.pid"
}
# delete_it TRIES, merge_it TRIES: lock as these commands do, and release the locks at once, as at
# their end.
delete_it() {
	new_process
	delete_rc=0
	lock_exclusive "$id" "$process" "$1" && rm "$backups/$id/backup.pid" || delete_rc=1
	end_process "$process"
	return $delete_rc
}
merge_it() {
	new_process
	merge_rc=0 merge_has=
	for b in $oldest_first; do
		lock_exclusive "$b" "$process" "$1" || { merge_rc=1; break; }
		merge_has="$merge_has $b"
	done
	for b in $merge_has; do rm "$backups/$b/backup.pid"; done
	end_process "$process"
	return $merge_rc
}

lock_files() { find "$store" -name 'backup*.pid*' | LC_ALL=C sort; }
readers() { tr '\n' ' ' <"$backups/$1/backup_ro.pid" | sed 's/ $//'; }
# until_there FILE: waits until another process has made it.
until_there() { until [ -e "$1" ]; do alive "$2" || return 1; done; }

check "there is no lock to begin with" [ -z "$(lock_files)" ]

# A mount waits for a minute in vain; it does so beside the rest of the story.
cp -a "$store" "$work/busy"
new_process; busy_holder=$process
echo "$busy_holder" >"$work/busy/backups/$instance/$id/backup.pid"
mkdir "$work/busy.mnt"; new_diff "$work/busy.diff"
pbkfs mount -B "$work/busy" -I "$instance" -i "$id" -D "$work/busy.mnt" -d "$work/busy.diff" --owner "$pguser" --wait >"$work/busy.out" 2>"$work/busy.err" &
busy=$!

# ---- held
new_diff
check "mount" mount_it || { plan_done; exit; }
holder=$(readers "$id")
equal "what reads it is a child of the supervisor" "$(supervisor_pid)" "$(awk '$1 == "PPid:" { print $2 }' "/proc/$holder/status")"
equal "of the owner of the backups, who may signal it" "$owner" "$(stat -c %U "/proc/$holder")"
check "as pg_probackup asks whether it lives" setpriv --reuid="$owner" --clear-groups kill -0 "$holder"
equal "it has nothing open" "" "$(ls "/proc/$holder/fd" | grep -v '^[012]$' | tail -n +2)"
kill -TERM "$holder"
for b in $chain; do
	equal "$b is read by it" "$holder" "$(readers "$b")"
	equal "the file is of the backup's owner, and as pg_probackup makes it" "$owner 600" "$(stat -c '%U %a' "$backups/$b/backup_ro.pid")"
	check "$b can be locked by other readers" [ ! -e "$backups/$b/backup.pid" ]
done
equal "stat says so" held "$(lock_state)"
refuse "delete waits and gives up" "read by $holder" delete_it 2
refuse "merge waits and gives up" "read by $holder" merge_it 2
equal "the hold is as before" "$holder" "$(readers "$id")"

note "with other readers"
new_process; reader=$process
check "a restore of the same backup takes its lock too" lock_shared "$id" "$reader"
equal "and both are there" "$holder $reader" "$(readers "$id")"
check "unmount" unmount_it
equal "only the restore is left" "$reader" "$(readers "$id")"
refuse "and is respected" "read by $reader" delete_it 1
end_process "$reader"
check "delete proceeds when it is dead" delete_it 1
check "merge proceeds after the unmount" merge_it 1
equal "the catalog is as before" "$before" "$(catalog_sum "$store")"

note "two mounts of one chain"
new_diff "$work/diff2"; mkdir "$work/mnt2"
check "mount" mount_it
check "the second one" pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$work/mnt2" -d "$work/diff2" --owner "$pguser" --wait
equal "both hold it" 2 "$(readers "$full_id" | wc -w)"
check "unmount of the first" unmount_it
equal "the second holds it" 1 "$(readers "$full_id" | wc -w)"
refuse "against merge" "read by" merge_it 1
check "unmount of the second" pbkfs unmount -D "$work/mnt2"
equal "then nobody" "" "$(lock_files)"

note "delete that waits"
check "mount" mount_it
delete_it 60 >"$work/delete.out" 2>&1 &
waiting=$!
check "a delete begins" until_there "$backups/$id/backup.pid" "$waiting"
check "unmount is not held up by it" unmount_it
check "and the delete proceeds" wait "$waiting"
equal "the catalog is as before" "$before" "$(catalog_sum "$store")"

# ---- somebody else was first
note "merge that is under way"
wait_for_line() { until grep -q "$1" "$2" 2>/dev/null; do alive "$3" || return 1; done; }
new_process; merger=$process
check "the newest backup is locked" lock_exclusive "$id" "$merger" 1
mount_it >"$work/mount.out" 2>"$work/mount.err" &
mounting=$!
check "mount says for whom it waits" wait_for_line "$id.*process $merger" "$work/mount.err" "$mounting"
check "there is no mount meanwhile" [ -z "$(e2e_mounts)" ]
check "the rest of the chain is held already" [ -s "$backups/$full_id/backup_ro.pid" ]
rm "$backups/$id/backup.pid"
check "it goes on when that ends" wait "$mounting"
check "and shows the files" [ -s "$mnt/PG_VERSION" ]
equal "said once" 1 "$(grep -c "process $merger" "$work/mount.err")"
check "unmount" unmount_it
check "locked again" lock_exclusive "$id" "$merger" 1
: >"$work/mount.err"
mount_it >"$work/mount.out" 2>"$work/mount.err" &
mounting=$!
check "mount waits again" wait_for_line "process $merger" "$work/mount.err" "$mounting"
check "SIGTERM ends the wait" kill -TERM "$(awk '$1 == "PPid:" { print $2 }' "/proc/$(readers "$full_id")/status")"
wait "$mounting"
equal "the mount is refused" 1 "$?"
equal "and leaves what is not its own" "$backups/$id/backup.pid" "$(lock_files)"
check "a mount that does not wait for locks" mount_it --store-lock=no
equal "takes none" "off $backups/$id/backup.pid" "$(lock_state) $(lock_files)"
check "unmount of that" unmount_it
end_process "$merger"
check "a dead merge is no merge" mount_it --store-lock=yes
equal "its file is gone" "" "$(lock_files | grep 'backup\.pid$')"
equal "stat" held "$(lock_state)"
check "unmount after the dead merge" unmount_it

note "chain that changes before it is held"
cp -a "$store" "$work/changing"
store=$work/changing backups=$work/changing/backups/$instance
check "the FULL is locked" lock_exclusive "$full_id" "$$" 1
new_diff
mount_it >"$work/mount.out" 2>"$work/mount.err" &
mounting=$!
check "mount waits for that" wait_for_line "process $$" "$work/mount.err" "$mounting"
sed -i 's/^status = .*/status = MERGING/' "$backups/$full_id/backup.control"
rm "$backups/$full_id/backup.pid"
wait "$mounting"
equal "what was prepared before is not mounted" 1 "$?"
check "and the message says why" grep -q "error.*$full_id was changed" "$work/mount.err"
equal "no lock is left" "" "$(lock_files)"
store=$held backups=$held/backups/$instance

# ---- dead readers
note "crash"
new_diff
check "mount" mount_it
worker=$(worker_pid) supervisor=$(supervisor_pid) holder=$(readers "$id")
check "kill -9 of the supervisor" kill9 "$supervisor"
wait_gone "$supervisor"
refuse "the chain is held while the worker goes on" "read by $holder" delete_it 1
check "kill -9 of the worker" kill9 "$worker"
wait_gone "$worker" "$holder"
equal "the pid stays" "$holder" "$(readers "$id")"
check "delete ignores it" delete_it 1
check "mount again" recover_mount
for b in $chain; do equal "$b is read by the new holder alone" "$(supervisor_pid)" "$(awk '$1 == "PPid:" { print $2 }' "/proc/$(readers "$b")/status")"; done
check "unmount after the crash" unmount_it
equal "the catalog is as before" "$before" "$(catalog_sum "$store")"

# ---- stores that cannot be written
note "read-only store"
mkdir "$work/ro"
mount --bind "$store" "$work/ro" && mount -o remount,bind,ro "$work/ro"
store=$work/ro
new_diff
for choice in auto yes; do
	check "mount of a read-only store, --store-lock=$choice" mount_it --store-lock=$choice
	equal "no lock is needed" "read-only " "$(lock_state) $(lock_files)"
	check "unmount of a read-only store, --store-lock=$choice" unmount_it
done
store=$held
umount "$work/ro"

note "store that is not writable"
chmod 0500 "$backups/$id"
new_diff
check "mount" mount_it
check "with a warning" grep -q "warning.*lock" "$work/err"
equal "only one" 1 "$(grep -c 'could not lock' "$diff/.pbkfs/pbkfs.log")"
equal "stat says so" "not writable" "$(lock_state)"
check "unmount" unmount_it
refuse "--store-lock=yes insists" "could not lock backup $id" mount_it --store-lock=yes
check "and leaves no mount" [ -z "$(e2e_mounts)" ]
chmod 0700 "$backups/$id"
equal "nor a lock" "" "$(lock_files)"

note "what is planted"
printf 'precious\n' >"$work/precious"; chmod 0666 "$work/precious"
ln -s "$work/precious" "$backups/$id/backup_ro.pid"
new_diff
refuse "a link for a lock file" "could not lock backup $id" mount_it
equal "is not followed" precious "$(cat "$work/precious")"
rm "$backups/$id/backup_ro.pid"
truncate -s 65537 "$backups/$full_id/backup_ro.pid"
refuse "a lock file that is too large" "could not lock backup $full_id.*large" mount_it
rm "$backups/$full_id/backup_ro.pid"
equal "nothing else is left" "" "$(lock_files)"
equal "the catalog is as before" "$before" "$(catalog_sum "$store")"

# ---- the one that has waited all the time
wait "$busy"
equal "a mount that waits in vain is refused" 1 "$?"
check "by name" grep -q "error.*$id is locked by process $busy_holder" "$work/busy.err"
equal "and holds nothing" "$work/busy/backups/$instance/$id/backup.pid" "$(store=$work/busy; lock_files)"
check "nor has it a diff directory in use" pbkfs cleanup -d "$work/busy.diff"
end_process "$busy_holder"
plan_done
