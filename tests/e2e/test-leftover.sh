# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# unmount --force ends a worker that goes on after its mount has gone, also where it cannot ask the
# supervisor: both are stopped here, so that neither does as it is told, and another lock file has
# taken the place of the one that they hold.
. "$srcdir/tests/lib-e2e.sh"
store=$work/store instance=main
"$support/mkcatalog" scale --catalog "$store" --instance main --files 2 --increments 1 >"$work/ids" || exit 99
id=$(tail -n 1 "$work/ids")
pbk() { pbkfs "$@"; }

begin() {
	new_diff
	check "$1: mount" mount_it
	supervisor=$(supervisor_pid) worker=$(worker_pid)
	# The last flush would have to make this change durable.
	as "$pguser" sh -c 'echo changed >"$1/changed"' - "$mnt"
	kill -STOP "$supervisor" "$worker"
	as "$pguser" sh -c 'cd "$1" && cp .pbkfs-lock lock && mv lock .pbkfs-lock' - "$diff"
}
is_over() {
	check "$1: the supervisor has ended" wait_gone "$supervisor"
	check "$1: and so has the worker" wait_gone "$worker"
	check "$1: nothing is mounted" eval '! is_mounted "$mnt"'
}
story() {
	begin "$1: unmount --force"
	check "$1: unmount --force" timeout -k 1 60 sh -c 'exec "$@"' - $command unmount --force -D "$mnt"
	is_over "$1: unmount --force"
	check "$1: it can be mounted again" mount_it
	check "$1: and unmounted" unmount_it
	begin "$1: cleanup --force"
	check "$1: cleanup --force" timeout -k 1 60 sh -c 'exec "$@"' - $command cleanup --force -d "$diff"
	is_over "$1: cleanup --force"
	equal "$1: nothing is left" "" "$(ls -A "$diff")"
}
command=pbkfs
story root
. "$srcdir/tests/lib-user.sh"
become_user
command="setpriv --reuid=$pguid --regid=$pggid --init-groups $work/pbkfs"
story user
plan_done
