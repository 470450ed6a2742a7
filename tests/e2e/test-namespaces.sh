# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Other mount namespaces hold a mount that is gone from here: unmount names them at once, list, stat
# and mount say so, and unmount --force -d ends the mount without losing changes.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
log=$diff/.pbkfs/pbkfs.log
chown -R "$pguser:" "${store%/*}" && chmod -R u+rX "${store%/*}"
pbkfs_for_all
chown "$pguser" "$mnt" "$work"
head -c 300000 /dev/urandom >"$work/written"; chmod 0644 "$work/written"
mkfifo -m 0666 "$work/ready"
root() { "$@"; }
user() { as "$pguser" "$@"; }
who=root
# $holder: a process in a mount namespace of its own, which has run a command there.
# hold UNSHARE-OPTIONS [SHELL-COMMAND]
hold() {
	$holder_who unshare $1 --propagation private sh -c "cd /; ${2:-:}; echo \$\$ >\"\$1\"; exec sleep 1000" - "$work/ready" "$mnt" "$work/written" &
	read -r holder <"$work/ready"
	until [ "$(cat "/proc/$holder/comm")" = sleep ]; do kill -0 "$holder" || return 1; done
}
holder_who=root
dirty='exec 5<>"$2/dirty"; cat "$3" >&5'
let_go() { kill "$holder"; wait_gone "$holder"; }
begin() {
	new_diff
	$who pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait >"$work/out" 2>&1 || { show "$work/out"; return 1; }
	worker=$(worker_pid) supervisor=$(awk '$1 == "PPid:" { print $2 }' "/proc/$worker/status")
}
unmount_here() { $who pbkfs unmount -D "$mnt"; }
end_there() { $who pbkfs unmount --force -d "$diff"; }
seconds() { cut -d. -f1 /proc/uptime; }
# held_elsewhere WHAT: unmount names the holder in bounded time.
held_elsewhere() {
	began=$(seconds)
	refuse "$1: unmount names the holder" "other mount namespaces hold the mount: sleep \(pid $holder\)" unmount_here
	check "$1: at once" [ $(($(seconds) - began)) -lt 10 ]
	refuse "$1: here it is unmounted" "" is_mounted "$mnt"
}
# in_order WHAT, cut_off WHAT: the mount ended in this way.
in_order() {
	check "$1: the processes end" ended
	check "$1: in order" said 'unmounted "' "$log"
	refuse "$1: nothing was cut" "" said 'cut off' "$log"
}
cut_off() {
	check "$1: it is said that it was cut" said "is cut off from who .*what was written before is kept" "$work/err"
	check "$1: the processes end" ended
	check "$1: the log has the cut" said "cut off: .*aborted" "$log"
}
# next WHAT PATTERN: the next mount has all changes, and its warning matches.
next() {
	check "$1: the next mount" $who pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait || return
	if [ -n "$2" ]; then check "$1: it says so" said "$2" "$work/err"
	else refuse "$1: it has nothing to say of a cut" "" said 'cut off' "$work/err"; fi
	[ ! -e "$work/expected" ] || { user cat "$mnt/dirty" >"$work/found"; check "$1: nothing is lost" cmp "$work/written" "$work/found"; }
	unmount_here
}
expect_data() { touch "$work/expected"; }
expect_none() { rm -f "$work/expected"; }

# ---- the mount is in another namespace only
begin && hold -m || { not_ok "mount"; plan_done; exit; }
held_elsewhere idle
check "list" pbkfs list
cp "$work/out" "$work/list"
check "shows where it was, that it is elsewhere, and who holds it" \
    said "^$mnt  *elsewhere  *$instance  *$id .* $diff  *sleep \(pid $holder\)$" "$work/list"
check "with the way out" said "pbkfs unmount --force -d \"$diff\"" "$work/list"
pbkfs list --format json | "$support/jsonflat" >"$work/flat"
at=$(sed -n "s|^\(mounts\.[0-9]*\)\.diff_dir $diff\$|\1|p" "$work/flat")
of() { sed -n "s|^$at\.$1 ||p" "$work/flat"; }
equal "as JSON" "$mnt elsewhere $id $supervisor $holder 1" \
    "$(of mountpoint) $(of state) $(of backup_id) $(of supervisor_pid) $(of 'clients\.0\.pid') $(of clients_found)"
in_log() { until said "hold it: sleep \(pid $holder\)" "$log"; do kill -0 "$supervisor" || return 1; done; }
check "the log names the holder" in_log
check "stat works" pbkfs stat -D "$mnt"
check "and says it" said "^ELSEWHERE .*sleep \(pid $holder\)" "$work/out"
pbkfs stat -D "$mnt" --format json | "$support/jsonflat" >"$work/flat"
equal "as JSON, too" "elsewhere true,holders.0.pid $holder,holders_total 1," \
    "$(grep -E '^(elsewhere|holders_total|holders\.0\.pid) ' "$work/flat" | LC_ALL=C sort | tr '\n' ,)"
refuse "mount says who is in the way, and the way out" \
    "in use: process $supervisor serves it, .*sleep \(pid $holder\).*unmount --force -d \"$diff\"" mount_it
refuse "unmount says it again" "sleep \(pid $holder\)" unmount_here
refuse "by the diff directory, too" "sleep \(pid $holder\)" pbkfs unmount -d "$diff"
refuse "a mountpoint that is another one's" "nothing is mounted" pbkfs unmount --force -D "$work/tmp" -d "$diff"
check "an ordinary user sees what there is" user "$work/pbkfs" list
check "of what he may see" said "$mnt  *elsewhere .*sleep \(pid $holder\)$" "$work/out"
check "unmount --force -d" end_there
refuse "without a word" "" said . "$work/err"
in_order idle
check "the holder lives" kill -0 "$holder"
let_go
refuse "what is not mounted is not unmounted" "is not mounted" end_there
expect_none; next idle ""

# ---- our own copy keeps nothing: the last holder ends it
begin; hold -m
umount "$mnt"
let_go
in_order "the holder ends"

# ---- mounted here: -d is as good as -D
begin
check "unmount by the diff directory" pbkfs unmount -d "$diff"
in_order "by the diff directory"

# ---- a mount elsewhere that claims this diff directory
begin
hold -m 'exec 5<>/dev/fuse; LIBMOUNT_FORCE_MOUNT2=always mount -c -i -t fuse.pbkfs -o fd=5,rootmode=40000,user_id=0,group_id=0 "${2%/mnt}/diff" "${2%/mnt}/tmp"; umount "$2"'
check "a false one elsewhere" said " fuse.pbkfs $diff " "/proc/$holder/mountinfo"
pbkfs list >"$work/list"
equal "is not shown" "1 1" "$(grep -c "$diff" "$work/list") $(grep -c "^$mnt  *mounted" "$work/list")"
check "and in nobody's way" unmount_here
in_order "beside a false one"
let_go

# ---- in use there, with changes that are not written back
begin; hold -m "$dirty"
held_elsewhere busy
end_there >"$work/forced" 2>&1 & forced=$!
while said "fuse.pbkfs $diff " "/proc/$holder/mountinfo"; do kill -0 "$forced" || break; done
let_go
check "busy: unmount waits for who closes what he has open" wait "$forced"
in_order busy
expect_data; next busy ""

begin; hold -m "$dirty"
held_elsewhere "busy for long"
check "busy for long: unmount --force -d" end_there
cut_off "busy for long"
let_go
next "busy for long" "cut off: .*aborted"

# ---- it ends while unmount waits, and the number of its device is a stranger's
device_of() { awk -v m="$1" '$5 == m { print $3 }' /proc/self/mountinfo; }
# Mounts until one has the number $1, on descriptor 7; false if somebody else has it.
be_stranger() {
	strangers=0
	until [ -e "/sys/class/bdi/$1" ]; do
		strangers=$((strangers + 1)); mkdir -p "$work/stranger/$strangers"
		exec 7<>/dev/fuse
		mount -i -t fuse -o fd=7,rootmode=40000,user_id=0,group_id=0 stranger "$work/stranger/$strangers" || exit 99
	done
	[ $strangers -gt 0 ] && [ "$(device_of "$work/stranger/$strangers")" = "$1" ]
}
# The worker is stopped then; the supervisor, too, as soon as no namespace has the mount.
ends_meanwhile() {
	begin; hold -m 'cd "$2"'
	number=$(device_of "$mnt")
	held_elsewhere "a stranger's number"
	end_there >"$work/forced" 2>&1 & forced=$!
	while said "fuse.pbkfs $diff " "/proc/$holder/mountinfo"; do kill -0 "$forced" || break; done
	kill -STOP "$worker"
	let_go
	while [ -e "/sys/class/bdi/$number" ] && kill -0 "$forced"; do sleep 0.01; done
	kill -STOP "$supervisor"
	be_stranger "$number"; taken=$?
	until said 'is cut off from who' "$work/forced"; do kill -0 "$forced" || break; done
	kill -CONT "$supervisor" "$worker"
	wait "$forced"
}
for try in 1 2 3 4 5; do ends_meanwhile && [ $taken -eq 0 ] && break; done
equal "a stranger's number: it is" 0 $taken
in_order "a stranger's number"
lives() { dd bs=1M count=1 of=/dev/null <&7; }
check "a stranger's number: his connection lives" lives
exec 7>&-
umount "$work/stranger"/*

# ---- in a user namespace, where nobody may unmount it
begin; holder_who=user; hold -Urm "$dirty"
held_elsewhere "user namespace"
check "user namespace: unmount --force -d" end_there
cut_off "user namespace"
let_go
next "user namespace" "cut off: .*aborted"

# ---- an ordinary user's mount
fuse_for_all
who=user
PATH=$work:$PATH
mount -t fusectl fusectl /sys/fs/fuse/connections 2>/dev/null
begin; hold -Urm "$dirty"
held_elsewhere user
check "user: list" user pbkfs list
check "user: has it" said "^$mnt  *elsewhere .*sleep \(pid $holder\)$" "$work/out"
check "user: unmount --force -d" end_there
cut_off user
let_go
next user "cut off: .*aborted"

# A namespace that he may not enter: root ends the mount for him, in order.
begin; holder_who=root; hold -m
held_elsewhere "root's holder"
who=root
check "root's holder: unmount --force -d by root" end_there
who=user
in_order "root's holder"
let_go
expect_none; next "root's holder" ""

begin; hold -m
held_elsewhere "another's holder"
check "another's holder: unmount --force -d by the user" end_there
check "another's holder: the processes end" ended
let_go
next "another's holder" "cut off"
plan_done
