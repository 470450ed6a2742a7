# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Commands that wait obey signals, end in time, and say for whom they wait and how to end that: as
# root, and as an ordinary user.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
fixture
log=$diff/.pbkfs/pbkfs.log
mkdir "$work/ctl" && mount -t fusectl fusectl "$work/ctl" || skip_all "fusectl cannot be mounted"
mkfifo "$work/open"
run_user() { "$@"; }
unanswered() { cat "$work/ctl/$(awk -v m="$mnt" '$5 == m { sub(/.*:/, "", $3); print $3 }' /proc/self/mountinfo)/waiting"; }
# start COMMAND...: starts it in the background; $command is its process, $work/said has its output.
start() {
	rm -f "$work/pid"
	run_user sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec "$@"' "$work/pid" "$@" >"$work/said" 2>&1 & job=$!
	until [ -e "$work/pid" ]; do kill -0 "$job" || return 1; done
	command=$(cat "$work/pid")
}
# ends SECONDS STATUS: the command ends within this time, with this status.
ends() {
	if "$support/pidwait" "$command" "$1"; then wait "$job"; else go_on; kill -9 "$command"; wait "$job"; return 1; fi
	[ $? -eq "$2" ]
}
told() { until said "$1" "$work/said"; do kill -0 "$command" 2>/dev/null || break; done; said "$1" "$work/said"; }
find_both() { worker=$(worker_pid) supervisor=$(supervisor_pid); }
begin() { new_diff; mount_it >"$work/out" 2>&1 && find_both; }
# stop PID...: stops them, and waits until all their threads have stopped.
stop() {
	kill -STOP "$@"
	for p; do until [ "$(sed 's/.*) \(.\).*/\1/' "/proc/$p/task/"*/stat | sort -u)" = T ]; do kill -0 "$p" || break; done; done
}
go_on() { kill -CONT "$supervisor" "$worker"; }

# mutes OPTION...: mount --wait ends although its mount, which is served, does not answer.
mutes() {
	new_diff
	start pbkfs mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait "$@" || return
	until [ -e "$log" ]; do kill -0 "$command" || return; done
	kill -STOP "$command"
	until said 'mounted backup' "$log"; do kill -0 "$command" || return; done
	run_user pbkfs stat -D "$mnt" >"$work/out" || return	# after the word to the command
	find_both
	stop "$supervisor" "$worker"
	kill -CONT "$command"
}
asks() { until [ "$(unanswered)" -gt 0 ]; do kill -0 "$command" || return; done; }

mute_mount() {
	check "$who: a mount that goes mute" mutes --timeout 3
	check "$who: mount --wait --timeout ends in time" ends 20 1
	check "$who: and says what goes on, and how to end it" said \
	    "is mounted but did not answer within 3 seconds; the mount goes on in the background: pbkfs unmount --force -d \"$diff\"" "$work/said"
	go_on
	check "$who: it does go on" run_user cat "$mnt/PG_VERSION"
	check "$who: unmount" unmount_it
	check "$who: one without a limit" mutes
	check "$who: is asked" asks
	kill "$command"
	check "$who: an interrupt ends the waiting" ends 20 1
	check "$who: and says the same" said "interrupted; the mount of .* goes on in the background: pbkfs unmount -d \"$diff\"" "$work/said"
	go_on
	check "$who: unmount that" unmount_it
}

# A supervisor that is stopped, and a worker that is.
silent() {
	check "$who: mount" begin
	stop "$supervisor"
	refuse "$who: unmount, when the supervisor does not answer" \
	    "is unmounted, but its supervisor \(pid $supervisor\) does not answer: pbkfs unmount --force -d \"$diff\" ends it" \
	    run_user timeout -s KILL 60 pbkfs unmount -D "$mnt"
	cp "$work/err" "$work/said"
	check "$who: it was told early for whom it waits" said "pbkfs: .* waiting for its supervisor \(pid $supervisor\), which does not answer: pbkfs unmount --force" "$work/said"
	refuse "$who: once more" "its supervisor \(pid $supervisor\) does not answer: pbkfs unmount --force -d" run_user timeout -s KILL 60 pbkfs unmount -d "$diff"
	listed - "its supervisor does not answer: pbkfs unmount --force"
	check "$who: that ends it" run_user timeout -s KILL 60 pbkfs unmount --force -d "$diff"
	check "$who: both" wait_gone "$supervisor" "$worker"

	check "$who: mount" begin
	stop "$worker"
	start pbkfs unmount -D "$mnt"
	check "$who: unmount says that it waits for the processes" told "waiting for its processes to write what they hold and end \(supervisor $supervisor, worker $worker\)"
	kill "$command"
	check "$who: and ends at once when it is told to" ends 5 143
	kill -CONT "$worker"
	check "$who: what it waited for ends" wait_gone "$supervisor" "$worker"
}

# listed CLIENTS REMARK: list has the mount, which is gone and has not ended.
listed() {
	check "$who: list" run_user pbkfs list
	cp "$work/out" "$work/all"
	check "$who: shows what it was" said "^$mnt  *unmounted  *$instance  *$id .* $diff  *$1\$" "$work/all"
	check "$who: and what to do" said "^ *unmounted: $2 -d \"$diff\"" "$work/all"
}

# umount -l leaves a mount that runs on while somebody has a file open.
busy() {
	check "$who: mount" begin
	run_user sh -c 'exec 5<"$0/PG_VERSION"; echo $$; exec sleep 1000' "$mnt" >"$work/open" &
	read -r user <"$work/open"
	until [ "$(cat "/proc/$user/comm")" = sleep ]; do kill -0 "$user" || break; done
	run_user fusermount3 -uz "$mnt"
	refuse "$who: unmount of what a file keeps says whose" \
	    "is unmounted, but still in use by sleep \(pid $user\): stop them, or pbkfs unmount --force -d \"$diff\"" \
	    run_user timeout -s KILL 60 pbkfs unmount -d "$diff"
	listed "sleep \(pid $user\)" "its processes have not ended: pbkfs unmount"
	kill "$user"
	check "$who: it ends with that" wait_gone "$supervisor" "$worker"
	check "$who: list of what is left" run_user pbkfs list
	check "$who: has none" eval '! said "^$mnt  *unmounted" "$work/out"'
}

# A mount that follows at once does not disturb the end of the last one.
again() {
	check "$who: mount" begin
	stop "$supervisor"
	run_user fusermount3 -u "$mnt"
	start pbkfs mount -D "$mnt" -d "$diff" --wait
	check "$who: the next mount waits for the end of the last one" told "waiting for process $supervisor to end, which had diff directory \"$diff\" mounted"
	kill -CONT "$supervisor"
	check "$who: and is made then" ends 30 0
	find_both
	for n in 1 2 3 4 5; do
		run_user fusermount3 -u "$mnt" && mount_it >"$work/out" 2>"$work/err" || { show "$work/err"; break; }
	done
	equal "$who: $n times" "5 0" "$n $?"
	find_both
	stop "$supervisor"
	run_user fusermount3 -u "$mnt"
	refuse "$who: one that does not end" "is in use: process $supervisor had it mounted at \"$mnt\" and does not end: pbkfs unmount -d \"$diff\" says why" \
	    run_user timeout -s KILL 60 pbkfs mount -D "$mnt" -d "$diff"
	refuse "$who: cleanup says who that is" "\"$diff\" is in use by process $supervisor: use --force to end it" run_user pbkfs cleanup -d "$diff"
	kill -CONT "$supervisor"
	check "$who: ends" wait_gone "$supervisor" "$worker"
}

story() {
	who=$1
	mute_mount
	silent
	busy
	again
}
story root
become_user
PATH=$work:$PATH
run_user() { as "$pguser" "$@"; }
story user
plan_done
