# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Snapshots and branches.  After lib-e2e.sh and lib-hydrate.sh; with lib-user.sh as well, all of it as an ordinary user.

# pb COMMAND OPTION...: of the diff directory.
pb() { pb_command=$1; shift; pbkfs "$pb_command" -d "$diff" "$@"; }
# Where a branch is mounted; "trunk" is the diff directory itself.
at() { if [ "$1" = trunk ]; then echo "$mnt"; else echo "$work/mnt-$1"; fi; }
# mount_branch NAME [OPTION...]
mount_branch() {
	mount_name=$1; shift
	mkdir -p "$(at "$mount_name")"
	if [ "$mount_name" = trunk ]; then
		pb mount -D "$mnt" --wait "$@"
	else
		pb mount --branch "$mount_name" -D "$(at "$mount_name")" --wait "$@"
	fi
}
unmount_branch() { pbkfs unmount -D "$(at "$1")"; }
# start_branch NAME [OPTION...]: with a server that has a socket of its own.
start_branch() {
	start_name=$1; shift
	sock=/dev/shm/sock-$start_name
	mkdir -p "$sock"; chown "$pguser" "$sock"
	pg_start "$(at "$start_name")" "$@"
}
stop_branch() { pg_stop "$(at "$1")" "${2:-fast}"; }
# on NAME COMMAND...: with the server of a branch.
on() { sock=/dev/shm/sock-$1; shift; "$@"; }
# All of a tree, with checksums: to be compared with itself later.
walk() { manifest -L pg_wal "$(at "$1")" >"$2"; }
# like_state DESCRIPTION NAME FILE
like_state() {
	if walk "$2" "$work/found.state"; then same "$1" "$3" "$work/found.state"; else not_ok "$1"; fi
}
# Prints what unfinished commands have left: nothing.
leftovers() {
	for lo_n in 1 2 3 4 5 6 7 8 9 10; do
		lo=$(cd "$diff" && find . -maxdepth 3 \( -name '.new' -o -name '.gone-*' -o -name 'changes.next' -o -name 'changes.old' -o -path './layers/.*' \) -print)
		[ -n "$lo" ] || return 0
		sleep 0.2	# it is removed in the background
	done
	echo "$lo"
}
