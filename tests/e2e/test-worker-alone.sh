# SPDX-FileCopyrightText: 2026 the authors of pbkfs
# SPDX-License-Identifier: GPL-3.0-or-later
# A worker is a new program: it shares no memory with its supervisor, knows nothing of it, and holds
# only the descriptors that it needs.
. "$srcdir/tests/lib-e2e.sh"
. "$srcdir/tests/lib-user.sh"
need prlimit
fixture
pbkfs_for_all
log=$diff/.pbkfs/pbkfs.log
secret=known-to-the-supervisor-alone
export secret

value() { awk -v k="$1:" '$1 == k { print $2 }' "/proc/$2/status"; }
# Prints the addresses at which the kernel put the parts of a process.
layout() { awk '/ r-xp .*pbkfs/ && !t { t = $1 } /\[stack\]/ { s = $1 } /\[heap\]/ { h = $1 } /libc\.so/ && !l { l = $1 } END { print t; print h; print s; print l }' "/proc/$1/maps"; }
shares_layout() { layout "$1" >"$work/a"; layout "$2" >"$work/b"; [ "$(grep -c . "$work/a")" -ge 3 ] && grep -qxFf "$work/a" "$work/b"; }
# Prints the open files of a worker that belong to neither its job, its journal nor its threads.
strange_fds() {
	for f in "/proc/$1/fd"/*; do
		to=$(readlink "$f") || continue
		case $to in
		/dev/null|/dev/fuse|/proc/stat|/stat|pipe:*|/store|/changes|/pbkfs|"$diff/.pbkfs-lock") ;;
		"/memfd:pbkfs-index (deleted)"|"/memfd:pbkfs-shared (deleted)") ;;
		/store/*|/changes/data*|/changes/journal|/changes/reserve) ;;
		*) echo "${f##*/} $to" ;;
		esac
	done
}
# Heap and stack; setproctitle() leaves nothing for /proc/PID/environ to show.
memory() {
	sed -n 's/^\([0-9a-f]*\)-\([0-9a-f]*\) rw.*\(\[heap\]\|\[stack\]\)$/\1 \2/p' "/proc/$1/maps" |
	    while read -r from to; do
		dd if="/proc/$1/mem" bs=4096 skip=$((0x$from / 4096)) count=$(((0x$to - 0x$from) / 4096)) status=none
	    done
}
# look WHO: checks what holds for each worker of a mount.
look() {
	worker=$(worker_pid) supervisor=$(supervisor_pid)
	equal "$1: its environment is empty" "" "$(tr -d '\0' <"/proc/$worker/environ")"
	check "$1: the supervisor's memory has the caller's" eval 'memory "$supervisor" | grep -qa "$secret"'
	check "$1: its own memory has not" eval '! memory "$worker" | grep -qa "$secret"'
	if [ "$(cat /proc/sys/kernel/randomize_va_space)" -gt 0 ]; then
		check "$1: no part lies where the supervisor's does" eval '! shares_layout "$supervisor" "$worker"'
	fi
	equal "$1: no descriptor beyond its job" "" "$(strange_fds "$worker")"
	equal "$1: nobody of its user may look into it" 0 "$(stat -c %u "/proc/$worker/environ")"
	equal "$1: ps shows what it is" "pbkfs: worker: $mnt" "$(tr '\0' '\n' <"/proc/$worker/cmdline" | head -n 1)"
	equal "$1: and its name" pbkfs "$(cat "/proc/$worker/comm")"
	equal "$1: it dumps no core" "0 0" "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$worker/limits")"
	equal "$1: its descriptors are bounded" yes "$(awk '/^Max open files/ { print ($5 <= 8492 ? "yes" : "no") }' "/proc/$worker/limits")"
	equal "$1: and its memory" yes "$(awk '/^Max data size/ { print ($5 != "unlimited" && $5 < 2 * 1024 * 1024 * 1024 ? "yes" : "no") }' "/proc/$worker/limits")"
	equal "$1: the processor is not" "unlimited unlimited" "$(awk '/^Max cpu time/ { print $4, $5 }' "/proc/$worker/limits")"
	check "$1: it has its threads" [ "$(value Threads "$worker")" -gt 1 ]
	case $(value Seccomp_filters "$worker") in
	'') note "this kernel does not tell how many filters there are" ;;
	*) equal "$1: and can have no more" ${filters:-2} "$(value Seccomp_filters "$worker")" ;;
	esac
	check "$1: it is confined" [ "$(value Seccomp "$worker")" = 2 ]
}

# ---- descriptors that the caller left open, with the numbers of ours
new_diff
crowded() { "$work/pbkfs" mount -B "$store" -I "$instance" -i "$id" -D "$mnt" -d "$diff" --wait --wal=mount \
    3</etc/passwd 4</etc/passwd 5</etc/passwd 8</etc/passwd 9</etc/passwd; }
check "mount by root, with descriptors of others" crowded || { plan_done; exit; }
filters=3	# one is the supervisor's
look "root's mount"
first=$worker
manifest "$mnt" >"$work/then"

# ---- an upgrade of the program under a mount
printf '#!/bin/sh\nexit 1\n' >"$work/new"
chmod 0755 "$work/new"
mv "$work/new" "$work/pbkfs"
kill9 "$first"
wait_gone "$first"
check "files are there after a kill, though the program was replaced" ls -R "$mnt"
look "the next worker"
check "it is another one" [ "$worker" != "$first" ]
manifest "$mnt" >"$work/now"
same "and shows the same" "$work/then" "$work/now"
check "unmount" unmount_it

# ---- started by hand
ln -s "$(command -v pbkfs)" "$work/pbkfs-worker"
by_hand() { (PATH=$work:$PATH; pbkfs-worker "$@" 2>"$work/said"); }
check "a worker by hand is refused" eval '! by_hand'
check "with a line that leads on" grep -q "no command: see pbkfs --help" "$work/said"
check "so it is with a file in the place of a job" eval '! by_hand worker 3</etc/passwd'
equal "in one line" 1 "$(wc -l <"$work/said")"

# ---- an ordinary user's
become_user
new_diff
check "mount by a user" mount_it --wal=mount
filters=2
look "a user's mount"
check "unmount" unmount_it
plan_done
