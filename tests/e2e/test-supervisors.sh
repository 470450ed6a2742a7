# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# list shows each supervisor of the caller's, whether it has its mount yet, has it, or has it no more,
# and whether its diff directory answers; a mount that names that directory as well hides none.
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
# A file system of the server's user, through which a directory is seen, and that can be told to answer nothing.
serve() {
	"$builddir/tests/bench/passthrough" -u "$pguid:$pggid" "$1" "$work/at" & server=$!
	until is_mounted "$work/at"; do kill -0 "$server" || exit 99; done
}
mute() { kill -USR1 "$server"; }
speak() { kill -USR2 "$server"; }
serve_no_more() { umount -l "$work/at"; wait "$server"; }
mkdir -m 0755 "$work/at" "$work/fs"; chown "$pguser:" "$work/fs"
# Rows of this story.
list() {
	run pbkfs list >"$work/list" && run pbkfs list --format json >"$work/json" && "$support/jsonflat" <"$work/json" >"$work/flat"
}
# shows STATE [REMARK]: one row of $diff, with that state and the line below; as JSON, too.
shows() {
	list || return
	[ "$(grep -cE " $diff  " "$work/list")" -eq 1 ] || { show "$work/list"; return 1; }
	grep -qE "^$mnt  *$1  .* $diff  " "$work/list" || { show "$work/list"; return 1; }
	path=$(sed -n "s,^\(.*\)\.diff_dir $diff\$,\1,p" "$work/flat")
	grep -qxF "$path.mountpoint $mnt" "$work/flat" && grep -qxF "$path.state $1" "$work/flat" || { show "$work/flat"; return 1; }
	[ -z "${2:-}" ] || grep -qE "^ *$1: $2" "$work/list" || { show "$work/list"; return 1; }
}
has_none() { list && ! grep -q " $diff " "$work/list"; }
# A process that has a file of the mount open, which is then detached.
leave_open() {
	run sh -c 'exec 5<"$0/PG_VERSION"; echo $$; exec sleep 1000' "$mnt" >"$work/ready" &
	read -r user <"$work/ready"
	until [ "$(cat "/proc/$user/comm")" = sleep ]; do kill -0 "$user" || return 1; done
	run fusermount3 -uz "$mnt"
}
let_go() { kill "$user"; wait_gone "$supervisor" "$worker"; }

# Before there is a mount: whoever reads the store for the supervisor is stopped.
children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
stop_reader() {
	for supervisor in $(children "$command"); do
		for reader in $(children "$supervisor"); do
			grep -qza "^pbkfs: [pw]" "/proc/$reader/cmdline" 2>/dev/null && kill -STOP "$reader" && return
		done
	done
	return 1
}
starting() {
	new_diff
	rm -f "$work/pid"
	run sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec "$@"' "$work/pid" \
	    pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --timeout 3 >"$work/said" 2>&1 & job=$!
	until [ -e "$work/pid" ]; do kill -0 "$job" || break; done
	command=$(cat "$work/pid")
	until stop_reader; do kill -0 "$command" 2>/dev/null || break; done
	refuse "$who: a mount that takes long" "" wait "$job"
	check "$who: is starting" shows starting "it is not mounted yet: pbkfs unmount -d \"$diff\" gives up"
	check "$who: which that does" run pbkfs unmount -d "$diff"
	check "$who: and then there is none" has_none
}

# A stranger's mount names the diff directory: in our own mount namespace, or in one of his.
deceive_here() {
	mkdir -p "$work/fake"
	exec 8<>/dev/fuse
	LIBMOUNT_FORCE_MOUNT2=always mount -c -i -t fuse.pbkfs -o "fd=8,rootmode=40000,user_id=$1,group_id=0" "$diff" "$work/fake"
}
deceive_there() {
	as nobody unshare -Urm sh -c 'mount -t tmpfs none /mnt && exec 7<>/dev/fuse &&
	    LIBMOUNT_FORCE_MOUNT2=always mount -c -i -t fuse.pbkfs -o fd=7,rootmode=40000,user_id=0,group_id=0 "$1" /mnt
	    echo $$ >"$2"; exec sleep 1000' - "$diff" "$work/ready" &
	read -r decoy <"$work/ready"
	until [ "$(cat "/proc/$decoy/comm")" = sleep ]; do kill -0 "$decoy" || return 1; done
}
shows_both() {
	list || return
	grep -qE "^$work/fake  *unknown  .* $diff  " "$work/list" && grep -qE "^$mnt  *unmounted  .* $diff  *sleep \(pid $user\)\$" "$work/list" ||
	    { show "$work/list"; return 1; }
}
hidden() {
	check "$who: a mount elsewhere that claims the directory" deceive_there
	check "$who: mount" begin
	check "$who: it is shown once, as mounted" shows mounted
	if [ "$who" = root ]; then
		check "$who: another mount here that claims it" deceive_here 0
		check "$who: is unmounted" run timeout -s KILL 20 pbkfs unmount -D "$work/fake"
		exec 8>&-
		check "$who: and the true one goes on" shows mounted
	fi
	check "$who: what a file keeps" leave_open
	check "$who: is unmounted, and not elsewhere" shows unmounted "its processes have not ended: pbkfs unmount -d \"$diff\" says why"
	for command in "unmount -D" "unmount -d" "stat -D"; do
		case $command in *-d) at=$diff ;; *) at=$mnt ;; esac
		# shellcheck disable=SC2086
		refuse "$who: $command says who keeps it and how to end that" \
		    "\"$mnt\" is unmounted, but still in use by sleep \(pid $user\): stop them, or pbkfs unmount --force -d \"$diff\"" \
		    run pbkfs $command "$at"
	done
	refuse "$who: and the decoy's holder is no client" "" said "pid $decoy" "$work/list"
	check "$who: one here that claims it, too" deceive_here "$(id -u nobody)"
	check "$who: does not hide it" shows_both
	umount -l "$work/fake"; exec 8>&-
	kill "$decoy"
	check "$who: it ends" let_go
	check "$who: and then there is none" has_none
}

# A diff directory that does not answer.
muted() {
	true_diff=$diff
	serve "$work/fs"
	diff=$work/at/diff
	check "$who: mount with a diff directory that goes mute" begin
	mute
	# An ordinary user's supervisor listens in there.
	if [ "$who" = root ]; then mounted=mounted unmounted=unmounted; else mounted=unknown unmounted=unknown; fi
	check "$who: it is $mounted" shows $mounted "its diff directory did not answer"
	run fusermount3 -u "$mnt"
	check "$who: and then $unmounted" shows $unmounted "its diff directory did not answer"
	speak
	check "$who: it ends" wait_gone "$supervisor" "$worker"
	serve_no_more
	rm -rf "$work/fs/diff"
	diff=$true_diff
}
for who in root user; do
	starting
	hidden
	muted
done
plan_done
