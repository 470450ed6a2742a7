# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The socket of an ordinary user's supervisor: in the diff directory, however long its name is.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
become_user
bounded() { timeout -k 1 45 "$@"; }
pbk_in_time() { as "$pguser" timeout -k 1 45 "$work/pbkfs" "$@"; }
diff=$work/$(printf 'long%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30)
path=$diff/.pbkfs/socket
begin() { new_diff; mount_it >"$work/out" 2>&1 || { show "$work/out"; return 1; }; worker=$(worker_pid) supervisor=$(supervisor_pid); }

check "mount" begin || { plan_done; exit; }
equal "it is the user's alone" "srw------- $pguser" "$(stat -c '%A %U' "$path")"
check "none is root's" [ -z "$(ls /run/pbkfs)" ]
refuse "the mount does not show it" "No such file" as "$pguser" ls "$mnt/.pbkfs/socket"
check "stat" pbk stat -D "$mnt"
check "asks the supervisor" said "^supervisor  *pid $supervisor$" "$work/out"
check "root may ask, too" pbkfs stat -D "$mnt"
refuse "others may not" "could not ask|Permission denied" as nobody "$work/pbkfs" stat -D "$mnt"
check "unmount" unmount_it
check "its name is gone" [ ! -e "$path" ]

begin; as "$pguser" sleep 1000 <"$mnt/PG_VERSION" 2>/dev/null &
check "unmount --force" pbk_in_time unmount --force -D "$mnt"
check "ends both" ended
begin
check "root's cleanup --force" bounded pbkfs cleanup --force -d "$diff"
check "ends both" ended
begin; kill -STOP "$supervisor"
refuse "stat of a stopped one" "pid $supervisor\) does not answer" pbk_in_time stat -D "$mnt"
check "unmount --force of a stopped one" pbk_in_time unmount --force -D "$mnt"
check "kills it" ended
begin; kill9 "$supervisor"; wait_gone "$supervisor"
refuse "stat of a worker alone" "its worker \(pid $worker\) goes on alone" pbk_in_time stat -D "$mnt"
check "cleanup --force of a worker alone" pbk_in_time cleanup --force -d "$diff"
check "ends it" ended

# ---- who listens sends root's commands descriptors that take an hour to close
begin
printf '{"pid": 1}' >"$work/report"; : >"$work/heard"
(cd "$diff/.pbkfs" && exec "$support/sockets" listen -l -R "$work/report" -m "$mnt" -o "$pguid" -u "$pguid" socket) >"$work/heard" & forger=$!
until said '^listening' "$work/heard"; do kill -0 "$forger" || exit 99; done
for command in "stat -D $mnt" "unmount --force -d $diff"; do
	# shellcheck disable=SC2086
	bounded pbkfs $command >"$work/forged" 2>&1; status=$?
	check "root's $command ends by itself" [ $status -lt 2 ]
done
check "it was asked" said connected "$work/heard"
{ kill -9 "$forger"; wait "$forger"; } 2>/dev/null
kill -9 "$supervisor" 2>/dev/null
! is_mounted "$mnt" || umount -l "$mnt"
check "both end" ended

# ---- who listens at a stranger's directory says that he serves this mount
evil=$work/evil; mkdir -m 0700 "$evil" "$evil/.pbkfs"
printf 'pbkfs-lock 1 %s\n' "$mnt" >"$evil/.pbkfs-lock"; chmod 0600 "$evil/.pbkfs-lock"; chown -R nobody: "$evil"
begin
(cd "$evil/.pbkfs" && exec "$support/sockets" listen -R "$work/report" -m "$mnt" \
    -d "$(awk -v m="$mnt" '$5 == m { print $3 }' /proc/self/mountinfo)" -o "$(id -u nobody)" -u "$(id -u nobody)" socket) >"$work/heard" & forger=$!
until said connected "$work/heard"; do kill -0 "$forger" || exit 99; pbkfs unmount -d "$evil" >"$work/forged" 2>&1; done
check "root's unmount -d does not believe him" is_mounted "$mnt"
bounded pbkfs unmount --force -d "$evil" >"$work/forged" 2>&1
check "nor by force" is_mounted "$mnt"
check "the mount is alive" as "$pguser" cat "$mnt/PG_VERSION"
{ kill -9 "$forger"; wait "$forger"; } 2>/dev/null
! is_mounted "$mnt" || check "unmount" unmount_it
check "ends both" ended

# ---- before there is a mount: the store's lock is somebody else's for a minute
begin
unmount_it
for backup in "$id" "$full_id"; do :; done
sleep 1000 & holder=$!
for lock in "$store/backups/$instance/$id/backup.pid"; do echo "$holder" >"$lock"; chown "$pguser:" "$lock"; done
new_diff
pbk mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" >"$work/waiting" 2>&1 & waiting=$!
until said "is locked by" "$work/waiting"; do kill -0 "$waiting" || break; done
refuse "stat of one that is prepared" "not mounted|nothing is mounted|prepared" pbk_in_time stat -D "$mnt"
check "unmount -d ends it" pbk_in_time unmount -d "$diff"
wait "$waiting"
check "and says why to who waits" said "interrupted" "$work/waiting"
rm -f "$store/backups/$instance/$id/backup.pid"
kill "$holder"
plan_done
