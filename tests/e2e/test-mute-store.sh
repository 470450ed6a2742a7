# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A store on a file system that takes requests and answers none: mount obeys signals and its limit
# of time, whether the store is mute from the beginning or later, as root and as an ordinary user.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
at=$work/at source=${store%/*}
mkdir -m 0755 "$at"
store=$at/${store##*/}
run_user() { "$@"; }
serve() {
	"$builddir/tests/bench/passthrough" "$@" "$source" "$at" & server=$!
	until is_mounted "$at"; do kill -0 "$server" || exit 99; done
}
mute() { kill -USR1 "$server"; }
speak() { kill -USR2 "$server"; }
said() { grep -Eq "$1" "$work/said"; }
# start OPTION...: a mount in the background; $command is its process.
start() {
	new_diff
	rm -f "$work/pid"
	run_user sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec "$@"' "$work/pid" \
	    pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" "$@" >"$work/said" 2>&1 & job=$!
	until [ -e "$work/pid" ]; do kill -0 "$job" || return; done
	command=$(cat "$work/pid")
}
# The command has begun to wait, for a child or for its supervisor.
waits() { until [ -n "$(cat "/proc/$command/task/$command/children")" ]; do kill -0 "$command" || return; done; }
begun() {
	until [ -e "$diff/.pbkfs-lock" ]; do kill -0 "$command" || return; done
	mute
	supervisor=$(tr -d ' ' <"/proc/$command/task/$command/children")
}
# ends SECONDS STATUS
ends() {
	if "$support/pidwait" "$command" "$1"; then wait "$job"; else kill -9 "$command"; speak; wait "$job"; return 1; fi
	[ $? -eq "$2" ]
}
goes_on() {
	speak
	until is_mounted "$mnt"; do kill -0 "$supervisor" || return; done
	run_user pbkfs unmount -d "$diff"
}
story() {
	who=$1
	mute
	check "$who: a mount of a mute store" start --timeout 2
	check "$who: ends in time" ends 20 1
	check "$who: and says why" said "^pbkfs error: store \"$store\" did not answer within 2 seconds: nothing was mounted; the file system at "
	check "$who: another" start
	check "$who: waits" waits
	kill "$command"
	check "$who: an interrupt ends it at once" ends 10 143
	equal "$who: nothing was made" "" "$(ls -A "$diff")"
	speak
	check "$who: one whose store is mute later" start --timeout 4
	check "$who: has begun" begun
	check "$who: ends in time" ends 20 1
	check "$who: and says what goes on" said "not mounted after 4 seconds; the mount of \"$mnt\" goes on in the background: pbkfs unmount -d"
	check "$who: it does" goes_on
	check "$who: one more" start
	check "$who: has begun" begun
	kill -TERM "$command"
	check "$who: an interrupt ends it at once" ends 10 1
	check "$who: and it says what goes on" said "interrupted; the mount of \"$mnt\" goes on in the background: pbkfs unmount -d"
	check "$who: it does, too" goes_on
}
serve
story root
umount -l "$at"; wait "$server"
become_user
PATH=$work:$PATH
run_user() { as "$pguser" "$@"; }
serve -u "$pguid:$pggid"
story user
plan_done
