# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Each command, and each name that it takes, on a file system that takes requests and
# answers none: it ends in time with one line, and leaves nobody who holds its output.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
source=$work/fs at=$work/at wal=000000010000000000000001 limit=50
mkdir -m 0755 "$source" "$at"
for name in mnt diff logs pids new pg_wal; do mkdir -m 0700 "$source/$name" || exit 99; done
mkdir "$source/catalog" && cp -a "$store" "$source/catalog" || exit 99
mute_store=$at/catalog/${store##*/}
new_diff
run_user() { "$@"; }
serve() {
	"$builddir/tests/bench/passthrough" "$@" "$source" "$at" & server=$!
	until is_mounted "$at"; do kill -0 "$server" || exit 99; done
}
# row DESCRIPTION PATTERN ARGUMENT...: begins it, in a directory that does not answer.
rows=0
row() {
	rows=$((rows + 1))
	printf '%s\n' "$1" >"$work/row$rows.name"; printf '%s\n' "$2" >"$work/row$rows.pattern"
	row=$work/row$rows; shift 2
	# Its output is a pipe, which ends with the last process that has it.
	{ run_user sh -c 'echo $$ >"$0.pid"; exec "$@"' "$row" "$work/pbkfs" "$@" 2>&1; echo $? >"$row.status"; } |
	    { cat >"$row.said"; echo >"$row.end"; } & echo $! >"$row.reader"
}
judge() {
	row=$1
	if ! "$support/pidwait" "$(cat "$row.reader")" "$limit"; then note "it does not end"; return 1; fi
	status=$(cat "$row.status")
	show "$row.said"
	[ "$status" -eq 1 ] && [ "$(wc -l <"$row.said")" -eq 1 ] && grep -Eq "^pbkfs error: $(cat "$row.pattern")\$" "$row.said"
}
silent() { printf '%s "%s" did not answer within [0-9]+ seconds: %s; the file system at "%s" \(fuse[a-z.]*\) has to answer, or to be unmounted \(umount -l\)' "$1" "$2" "$3" "$at"; }
mounts() { # mounts DESCRIPTION PATTERN NAME-OF-DIFF OPTION...
	mounts_desc=$1 mounts_pattern=$2; shift 2
	row "mount: $mounts_desc" "$mounts_pattern" mount -I "$instance" -i "$id" "$@"
}
story() {
	who=$1 none="nothing was mounted"
	serve $serve_as
	cd "$at" || exit 99
	kill -USR1 "$server"
	mounts "-B" "$(silent store "$mute_store" "$none")" -B "$mute_store" -D "$mnt" -d "$diff" --timeout 3
	mounts "-B without --timeout" "$(silent store "$mute_store" "$none")" -B "$mute_store" -D "$mnt" -d "$diff"
	mounts "-D" "$(silent mountpoint "$at/mnt" "$none")" -B "$store" -D "$at/mnt" -d "$diff" --timeout 3
	mounts "-D without --timeout" "$(silent mountpoint "$at/mnt" "$none")" -B "$store" -D "$at/mnt" -d "$diff"
	mounts "-d" "$(silent "diff directory" "$at/diff" "$none")" -B "$store" -D "$mnt" -d "$at/diff" --timeout 3
	mounts "-d without --timeout" "$(silent "diff directory" "$at/diff" "$none")" -B "$store" -D "$mnt" -d "$at/diff"
	mounts "--log-file" "$(silent "log file" "$at/logs/log" "$none")" -B "$store" -D "$mnt" -d "$diff" --log-file "$at/logs/log" --timeout 3
	mounts "--pid-file" "$(silent "pid file" "$at/pids/pid" "$none")" -B "$store" -D "$mnt" -d "$diff" --pid-file "$at/pids/pid" --timeout 3
	mounts "-T" "$(silent directory "$at/new/t" "$none")" -B "$store" -D "$mnt" -d "$diff" -T "/old=$at/new/t" --timeout 3
	mounts "--external-mapping" "$(silent directory "$at/new/e" "$none")" -B "$store" -D "$mnt" -d "$diff" --external-mapping "/old=$at/new/e" --timeout 3
	for force in "" --force; do
		# shellcheck disable=SC2086
		row "unmount $force -D" "$(silent mountpoint "$at/mnt" "nothing was done")" unmount $force -D "$at/mnt"
		# shellcheck disable=SC2086
		row "unmount $force -d" "could not find out where \"$at/diff\" is mounted: its diff directory does not answer" unmount $force -d "$at/diff"
		# shellcheck disable=SC2086
		row "cleanup $force" "$(silent "diff directory" "$at/diff" "nothing was removed")" cleanup $force -d "$at/diff"
	done
	row "stat" "$(silent mountpoint "$at/mnt" "nothing was done")" stat -D "$at/mnt"
	row "show" "$(silent store "$mute_store" "not all of it could be shown")" show -B "$mute_store"
	row "show, JSON" "$(silent store "$mute_store" "not all of it could be shown")" show -B "$mute_store" --format json
	row "show -I" "$(silent store "$mute_store" "not all of it could be shown")" show -B "$mute_store" -I "$instance"
	row "verify" "$(silent store "$mute_store" "not all of it could be checked")" verify -B "$mute_store" -I "$instance" -i "$id"
	row "archive-get -B" "$(silent store "$mute_store" "no WAL was fetched")" archive-get -B "$mute_store" -I "$instance" "$wal" "$work/$wal"
	row "archive-get PATH" "$(silent file "$at/pg_wal/$wal" "no WAL was fetched")" archive-get -B "$store" -I "$instance" "$wal" "$at/pg_wal/$wal"
	row "show of a relative name" "$(silent store "catalog/${store##*/}" "not all of it could be shown")" show -B "catalog/${store##*/}"
	row "archive-get in the data directory" "$(silent file "pg_wal/$wal" "no WAL was fetched")" archive-get -B "$store" -I "$instance" "$wal" "pg_wal/$wal"
	i=0
	while [ $((i += 1)) -le $rows ]; do check "$who: $(cat "$work/row$i.name")" judge "$work/row$i"; done
	check "$who: nothing was mounted" eval '! is_mounted "$mnt"'
	equal "$who: and nothing made" "" "$(ls -A "$diff")"
	# An interrupt ends each of them at once; it waits for a child then.
	for command in "show -B $mute_store" "cleanup -d $at/diff" "stat -D $at/mnt" \
	    "archive-get -B $store -I $instance $wal $at/pg_wal/$wal" "mount -B $store -I $instance -i $id -D $at/mnt -d $diff"; do
		# shellcheck disable=SC2086
		row "$command" "" $command
		until [ -s "$row.pid" ]; do :; done
		pid=$(cat "$row.pid")
		until [ -n "$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)" ]; do kill -0 "$pid" || break; done
		kill "$pid"
		check "$who: an interrupt ends $command" "$support/pidwait" "$(cat "$row.reader")" 3
		equal "$who: by that signal" 143 "$(cat "$row.status")"
	done
	kill -USR2 "$server"
	rows=0
	cd / || exit 99
	umount -l "$at"; wait "$server"
}
pbkfs_for_all
serve_as=
story root
become_user
chown -R "$pguser:" "$source"
run_user() { as "$pguser" "$@"; }
serve_as="-u $pguid:$pggid"
rm -f "$work"/row*
new_diff
story user
plan_done
