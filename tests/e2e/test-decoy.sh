# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A stranger's mount, in a user namespace of his own, names our diff directory as its source and
# 0 as its user: no command acts upon it, waits for it or blames it.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
fuse_for_all
pbkfs_for_all
PATH=$work:$PATH
mount -t fusectl fusectl /sys/fs/fuse/connections 2>/dev/null
chown -R "$pguser:" "${store%/*}" && chmod -R u+rX "${store%/*}"
chown "$pguser" "$mnt" "$work"
mkfifo -m 0666 "$work/ready"
who=root
run() { if [ "$who" = root ]; then timeout -s KILL 60 "$@"; else as "$pguser" timeout -s KILL 60 "$@"; fi; }
begin() {
	new_diff
	run pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait >"$work/out" 2>&1 || { show "$work/out"; return 1; }
	worker=$(worker_pid) supervisor=$(supervisor_pid)
}
# The decoy is made before the true mount, so that it does not hold a copy of that.
deceive() {
	as nobody unshare -Urm sh -c 'mount -t tmpfs none /mnt && exec 7<>/dev/fuse &&
	    LIBMOUNT_FORCE_MOUNT2=always mount -c -i -t fuse.pbkfs -o fd=7,rootmode=40000,user_id=0,group_id=0 "$1" /mnt
	    echo $$ >"$2"; exec sleep 1000' - "$diff" "$work/ready" &
	read -r decoy <"$work/ready"
	until [ "$(cat "/proc/$decoy/comm")" = sleep ]; do kill -0 "$decoy" || return 1; done
	grep -q " /mnt .* fuse.pbkfs $diff .*user_id=0" "/proc/$decoy/mountinfo"
}
# Detaches the mount while somebody has a file open there.
leave_open() {
	run sh -c 'exec 5<"$0/PG_VERSION"; echo $$; exec sleep 1000' "$mnt" >"$work/held" &
	until [ -s "$work/held" ]; do kill -0 $! || return 1; done
	read -r user <"$work/held"; rm "$work/held"
	until [ "$(cat "/proc/$user/comm")" = sleep ]; do kill -0 "$user" || return 1; done
	run fusermount3 -uz "$mnt"
}
for who in root user; do
	check "$who: a decoy" deceive
	check "$who: mount" begin
	check "$who: what a file keeps" leave_open
	refuse "$who: unmount -d names who keeps it" "still in use by sleep \(pid $user\)" run pbkfs unmount -d "$diff"
	refuse "$who: and not the decoy" "" said "pid $decoy" "$work/err"
	refuse "$who: nor does mount" "does not end|has it mounted" run pbkfs mount -D "$mnt" -d "$diff"
	refuse "$who: blame it" "" said "pid $decoy" "$work/err"
	check "$who: unmount --force -d ends" run pbkfs unmount --force -d "$diff"
	check "$who: both processes" ended
	check "$who: the decoy is as it was" grep -q " /mnt .* fuse.pbkfs $diff " "/proc/$decoy/mountinfo"
	kill "$user"
	check "$who: mount again" begin
	check "$who: unmount" run pbkfs unmount -d "$diff"
	kill "$decoy"; wait_gone "$decoy"
done
plan_done
