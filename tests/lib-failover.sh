# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced after lib-e2e.sh by the stories in which processes of a mount die.

# A story kills so many workers in its short form; PBKFS_KILLS asks for more.
kills=${PBKFS_KILLS:-40}
inject=$support/inject.so
log=$diff/.pbkfs/pbkfs.log
# The user who runs the load: some mounts are open to their owner alone.
load_user=
stress=$support/stress	# where that user reaches it
run_load() { if [ -n "$load_user" ]; then as "$load_user" "$@"; else "$@"; fi; }

# mount_injected WHAT OPTION...: a mount whose workers suffer, see inject.c.
mount_injected() {
	what=$1; shift
	(LD_PRELOAD=$inject PBKFS_INJECT=$what; export LD_PRELOAD PBKFS_INJECT; mount_it "$@")
}

# Files of the backup that may be written to, and a copy of them.
stress_prepare() {
	rm -rf "$work/ref" "$work/stop"
	run_load cp -r "$mnt/base" "$work/ref"
	run_load mkdir -p "$mnt/stress"
}
stress_all="buffered=2 direct mmap append unlinked names=2 races=2 backup=2"
# stress_begin SECONDS JOB...: in the background, until stress_end.
stress_begin() {
	stress_seconds=$1; shift
	run_load "$stress" ${PBKFS_SEED:+-S "$PBKFS_SEED"} -t "$stress_seconds" -s "$work/stop" -m "$mnt/base" -r "$work/ref" "$mnt/stress" \
	    "$@" >"$work/stress.log" 2>&1 &
	stress_pid=$!
}
# stress_end DESCRIPTION: the load ends, and was never wrong.
stress_end() {
	: >"$work/stop"
	wait $stress_pid
	stress_status=$?
	grep '^#' "$work/stress.log"
	if [ $stress_status -eq 0 ]; then ok "$1"; else not_ok "$1"; show "$work/stress.log" 40; return 1; fi
}
stress_running() { kill -0 $stress_pid 2>/dev/null; }
# Reads the whole files once more; they equal their copies.
same_as_ref() { run_load diff -rq "$work/ref" "$mnt/base"; }

# killer OPTION...: kills workers, prints the figures, and fails where no replacement came.
killer() { "$support/killer" ${PBKFS_SEED:+-S "$PBKFS_SEED"} "$@" "$diff" >"$work/killer.log" 2>&1; killer_status=$?; cat "$work/killer.log"; return $killer_status; }
show_killer() { grep '^#' "$work/killer.log"; }

# Prints the gaps as the log tells them, and how often it names each reason.
log_gaps() {
	sed -n 's/.*serves, \([0-9.]*\) ms after.*/\1/p' "$log" | sort -n |
	    awk '{ g[NR] = $1 } END { if (NR) printf "# %d replacements in the log: median %s ms, worst %s ms\n", NR, g[int((NR + 1) / 2)], g[NR] }'
}
deaths() { grep -c ' died: ' "$log"; }
# The log of a story in which processes are only killed has no errors.
log_is_quiet() { ! grep -E 'I/O error|could not|contradict|libfuse:' "$log" >&2; }
# Kills workers of the mount of $supervisor at random moments under all kinds of load; nobody notices.
kill_under_load() {
	stress_prepare
	stress_begin 100000 $stress_all
	check "$kills kills at random moments" killer -n "$kills"
	show_killer
	stress_end "no wrong byte, no wrong errno"
	log_gaps
	check "the log tells of kills only" log_is_quiet
	equal "and of each of them" "$kills" "$(deaths)"
	equal "the supervisor is the first one" "$supervisor" "$(supervisor_pid)"
}
