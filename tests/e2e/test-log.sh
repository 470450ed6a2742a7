# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# The log has a bounded size and stays in its place, whatever its owner does with it while a mount of
# root's or his own runs.
. "$srcdir/tests/lib-e2e.sh"
store=$work/store instance=main log=$diff/.pbkfs/pbkfs.log
"$support/mkcatalog" scale --catalog "$store" --instance main --files 2 --increments 1 >"$work/ids" || exit 99
id=$(tail -n 1 "$work/ids")
limit=65536
echo secret >"$work/secret"; chmod 666 "$work/secret"

# Runs a command as the owner.
owner() { as "$pguser" "$@"; }
fill() { owner sh -c 'head -c "$1" /dev/zero | tr "\0" x >>"$2"; echo >>"$2"' - "$1" "$2"; }
# Brings a line into the log: kills the worker, and asks the mount for something that the kernel does
# not know; when it answers, the next worker serves, and the log has the death.
died=0 supervisor=
# On a full disk there is no worker.pid.
worker_of() { for p in $(cat "/proc/$1/task/$1/children"); do ! grep -q '^pbkfs: worker:' "/proc/$p/cmdline" || echo "$p"; done; }
die() { died=$((died + 1)); kill9 "$(if [ -n "$supervisor" ]; then worker_of "$supervisor"; else worker_pid; fi)" && as_user "test ! -e $mnt/none$died"; }
die_often() { for n in $(seq "$1"); do die || return 1; done; }
as_user() { timeout -s KILL 30 setpriv --reuid="$pguser" --regid="$pggid" --clear-groups sh -c "$1"; }
deaths() { grep -c ' died: ' "$1"; }
small() { [ "$(stat -c %s "$1")" -le "$limit" ]; }
secret_is_kept() { [ "$(cat "$work/secret")" = secret ]; }
# sabotage DESCRIPTION COMMAND...: after the command lines go to the same file, and the mount goes on.
sabotage() {
	sab=$1; shift
	owner rm -rf "$log" "$log.1"
	check "$sab: a log again" die
	check "$sab: with a line" [ "$(deaths "$log")" -ge 1 ]
	owner rm -f "$log"
	owner "$@"
	check "$sab: the mount goes on" die
	check "$sab: once more" die
	check "$sab: nothing went there" secret_is_kept
	check "$sab: and nothing is new" [ ! -e "$work/new" ]
	owner rm -rf "$log"
	check "$sab: without it" die
	check "$sab: the log is back" grep -q ' died: ' "$log"
}

story() {
	new_diff
	check "$1: mount" mount_it --log-limit 64K
	fill $((limit - 2000)) "$log"
	check "$1: lines" die_often 12
	check "$1: the old one is kept" grep -q xxx "$log.1"
	check "$1: and the new one is another" eval '! grep -q xxx "$log"'
	check "$1: no death is lost" [ $(($(deaths "$log") + $(deaths "$log.1"))) -eq 12 ]
	check "$1: both are small" eval 'small "$log" && small "$log.1"'
	equal "$1: and the owner's alone" "600 $pguser 600 $pguser" "$(stat -c '%a %U' "$log" "$log.1" | tr '\n' ' ' | sed 's/ $//')"
	check "$1: .pbkfs shows the new one" as_user "grep -q ' died: ' $mnt/.pbkfs/pbkfs.log"
	sabotage "$1: a link" ln -s "$work/secret" "$log"
	sabotage "$1: a link to nothing" ln -s "$work/new" "$log"
	sabotage "$1: a FIFO" mkfifo "$log"
	sabotage "$1: a directory" mkdir "$log"
	sabotage "$1: the old one as a link" ln -s "$work/secret" "$log.1"
	sabotage "$1: the directory is gone" sh -c 'mv "$1" "$1.old" && mv "$1.old" "$1"' - "$diff/.pbkfs"
	check "$1: unmount" unmount_it
	check "$1: the end is told" grep -q 'unmounted "' "$log"

	# A full disk.
	new_diff
	mount -t tmpfs -o size=6m,mode=0700,uid="$pguid",gid="$pggid" tmpfs "$diff"
	check "$1: mount with little room" mount_it
	supervisor=$(supervisor_pid)
	owner sh -c 'cat /dev/zero >"$1/reserve.filler"' - "$diff" 2>/dev/null
	check "$1: a full disk stops nobody" die
	fill 4096 "$log" 2>/dev/null
	check "$1: nor when there is no page left" die_often 20
	owner rm -f "$diff/reserve.filler"
	check "$1: with room again" die
	check "$1: what is missing is told" grep -Eq 'could not write [0-9]+ lines to the log: No space left' "$log"
	supervisor=
	check "$1: unmount" unmount_it
	umount "$diff"
}
story root
mkdir "$work/named"
new_diff
check "a log of root's" mount_it --log-file "$work/named/log" --log-limit 64K
head -c $((limit - 200)) /dev/zero >>"$work/named/log"
check "lines" eval 'die && die && die'
equal "it is renamed, and stays root's" "600 root 600 root" "$(stat -c '%a %U' "$work/named/log" "$work/named/log.1" | tr '\n' ' ' | sed 's/ $//')"
mv "$work/named/log" "$work/named/elsewhere"
check "a line" die
check "one that was taken away is made again" grep -q ' died: ' "$work/named/log"
check "unmount" unmount_it
refuse "a limit that is too low" "at least 64K" mount_it --log-limit 1K
refuse "a limit for journald" "log-limit cannot be combined" mount_it --log-limit 1M --log-sink journald
. "$srcdir/tests/lib-user.sh"
become_user
story user
plan_done
